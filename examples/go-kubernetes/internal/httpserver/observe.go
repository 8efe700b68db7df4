package httpserver

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// observe is what happens around every request: it gets an id, a log line, and is counted.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		r, id := withRequestID(r)
		w.Header().Set(requestIDHeader, id)

		rec := &recorder{ResponseWriter: w, stopping: &s.health.stopping}
		serve(next, rec, r)
		s.record(r, rec, time.Since(start))

		if rec.broken {
			panic(http.ErrAbortHandler) // hangs up, so that the caller doesn't take a part for the whole
		}
	})
}

// serve calls the handler; a panic ends that request, not the process.
func serve(next http.Handler, rec *recorder, r *http.Request) {
	defer func() {
		if cause := recover(); cause != nil {
			fail(rec, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
			rec.broken = rec.broken || cause == http.ErrAbortHandler
		}
	}()
	next.ServeHTTP(rec, r)
}

// record counts and logs a request that is done.
func (s *Server) record(r *http.Request, rec *recorder, took time.Duration) {
	method, route, status := methodLabel(r.Method), routeLabel(r.Pattern), rec.code()
	s.metrics.record(method, route, status, took)

	level := slog.LevelInfo
	switch {
	case rec.err != nil:
		level = slog.LevelError
	case route == "/healthz" || route == "/readyz" || route == "/metrics":
		level = slog.LevelDebug // asked every few seconds: not worth a line each
	case status >= 500:
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("method", method),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
	}
	if rec.err != nil {
		attrs = append(attrs, slog.Any("error", rec.err))
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// methodLabel keeps callers from making up methods, and with them time series.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "OTHER"
}

// routeLabel is the path of the pattern that matched, `/orders/{id}` of `GET /orders/{id}`. The path that was sent
// is no label: it can hold ids, and has no end of values.
func routeLabel(pattern string) string {
	if _, path, found := strings.Cut(pattern, " "); found {
		pattern = path
	}
	if pattern == "" || pattern == "/" {
		return "unmatched"
	}
	return strings.TrimSuffix(pattern, "{$}")
}
