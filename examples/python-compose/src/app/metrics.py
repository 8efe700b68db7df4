"""Prometheus metrics of the HTTP server."""

from prometheus_client import Counter, Histogram

LABELS = ("method", "route", "status")

requests = Counter("http_requests", "HTTP requests, by method, route and status.", LABELS)
duration = Histogram("http_request_duration_seconds", "Time taken to answer an HTTP request.", LABELS)
