//! Prometheus metrics of the HTTP server. Your own are registered alike, with `prometheus`' macros.

use std::sync::LazyLock;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use prometheus::{
    HistogramVec, IntCounterVec, TEXT_FORMAT, TextEncoder, register_histogram_vec,
    register_int_counter_vec, register_int_gauge_vec,
};

use crate::Problem;

const LABELS: [&str; 3] = ["method", "route", "status"];

static REQUESTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "HTTP requests, by method, route and status.";
    register_int_counter_vec!("http_requests_total", help, &LABELS).expect("registered once")
});

static DURATION: LazyLock<HistogramVec> = LazyLock::new(|| {
    let help = "Time taken to answer an HTTP request.";
    // The default buckets: 0.005 to 10 s.
    register_histogram_vec!("http_request_duration_seconds", help, &LABELS)
        .expect("registered once")
});

static LINES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Log lines, by level.";
    let lines = register_int_counter_vec!("log_lines_total", help, &["level"]);
    let lines = lines.expect("registered once");
    for level in ["debug", "info", "warn", "error"] {
        lines.with_label_values(&[level]); // so that it is 0, not missing, before the first one
    }
    lines
});

/// Counts a line of the log.
pub fn line(level: &str) {
    LINES.with_label_values(&[level]).inc();
}

/// Tells which version runs; called once.
pub fn version(version: &str) {
    let help = "The version that runs.";
    let build = register_int_gauge_vec!("build_info", help, &["version"]).expect("registered once");
    build.with_label_values(&[version]).set(1);
}

pub fn record(method: &str, route: &str, status: &str, elapsed: Duration) {
    let labels = [method, route, status];
    REQUESTS.with_label_values(&labels).inc();
    let duration = DURATION.with_label_values(&labels);
    duration.observe(elapsed.as_secs_f64());
}

/// All that is registered, in Prometheus' text format.
pub async fn text() -> Result<impl IntoResponse, Problem> {
    let text = TextEncoder::new().encode_to_string(&prometheus::gather())?;
    Ok(([(CONTENT_TYPE, TEXT_FORMAT)], text))
}
