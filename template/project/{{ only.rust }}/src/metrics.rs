//! Prometheus metrics of the HTTP server.

use std::time::Duration;

use axum::http::StatusCode;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

const LABELS: [&str; 3] = ["method", "route", "status"];

pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl Metrics {
    pub fn new() -> prometheus::Result<Self> {
        let requests = Opts::new(
            "http_requests_total",
            "HTTP requests, by method, route and status.",
        );
        // The default buckets: 0.005 to 10 s.
        let duration = HistogramOpts::new(
            "http_request_duration_seconds",
            "Time taken to answer an HTTP request.",
        );
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(requests, &LABELS)?,
            duration: HistogramVec::new(duration, &LABELS)?,
        };
        metrics
            .registry
            .register(Box::new(metrics.requests.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.duration.clone()))?;
        Ok(metrics)
    }

    pub fn record(&self, method: &str, route: &str, status: StatusCode, elapsed: Duration) {
        let labels = [method, route, status.as_str()];
        self.requests.with_label_values(&labels).inc();
        self.duration
            .with_label_values(&labels)
            .observe(elapsed.as_secs_f64());
    }

    /// In Prometheus' text format.
    pub fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
