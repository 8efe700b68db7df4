//! What happens around every request: an id, a log line, metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Level, event};
use uuid::Uuid;

use crate::app::App;
use crate::failure::Failure;
use crate::panics;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Marks the response to a request that no route takes.
#[derive(Clone)]
pub struct Unmatched;

/// Takes or makes the request's id, and records the request when it is done.
pub async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = method_label(request.method());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let id = request_id(request.headers());

    let mut response = panics::catch(next.run(request)).await;

    // The route's pattern, not the path: a path can hold ids, and has no end of values.
    let route = match (&path, response.extensions().get::<Unmatched>()) {
        (Some(path), None) => path.as_str(),
        _ => "unmatched",
    };
    let failure = response.extensions().get::<Failure>();
    let (status, elapsed) = (response.status(), start.elapsed());
    app.metrics.record(method, route, status, elapsed);
    log(method, route, status, elapsed, &id, failure);

    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    if app.health.is_stopping() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The caller's id, unless it could forge log fields or there is none.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
    match headers.get(REQUEST_ID) {
        Some(id) if (1..=128).contains(&id.len()) && id.as_bytes().iter().all(allowed) => {
            id.clone()
        }
        _ => {
            let id = Uuid::new_v4().to_string();
            HeaderValue::try_from(id).expect("a UUID is plain ASCII")
        }
    }
}

/// A caller can send any word as the method; only the standard ones get a time series of their own.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => "OTHER",
    }
}

fn log(
    method: &str,
    route: &str,
    status: StatusCode,
    elapsed: Duration,
    id: &HeaderValue,
    failure: Option<&Failure>,
) {
    let duration_ms = elapsed.as_micros() as f64 / 1000.0;
    let request_id = id.to_str().unwrap_or_default();
    let error = failure.map(|failure| failure.0.as_str());
    macro_rules! line {
        ($level:expr) => {
            event!(
                $level,
                method,
                route,
                status = status.as_u16(),
                duration_ms,
                request_id,
                error,
                "request"
            )
        };
    }
    match route {
        // Asked every few seconds: not worth a line each.
        "/healthz" | "/readyz" | "/metrics" => line!(Level::DEBUG),
        _ if status.is_server_error() => line!(Level::ERROR),
        _ => line!(Level::INFO),
    }
}
