//! What happens around every request: an id, a span, a log line, metrics, limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::timeout::RequestBodyDeadlineLayer;
use tower_http::trace::TraceLayer;
use tracing::field::Empty;
use tracing::{Level, Span, error, error_span, event};

use crate::health::Health;
use crate::problem::{Cause, Problem};
use crate::rest::read_the_rest;
use crate::{metrics, traces};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const BODY_LIMIT: usize = 1024 * 1024;
const REQUEST_WITHIN: Duration = Duration::from_secs(30);

/// A little less than the whole request, so that the caller learns that it was the body.
const BODY_WITHIN: Duration = Duration::from_millis(29_500);

/// Asked every few seconds: not worth a line each, nor a trace.
const QUIET: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

pub fn around(routes: Router, health: Arc<Health>) -> Router {
    let log_cut_stream = |failure, _: Duration, _: &Span| {
        if let ServerErrorsFailureClass::Error(error) = failure {
            error!(error, "response cut");
        }
    };
    routes.layer(
        ServiceBuilder::new()
            .layer(map_request(without_harmful_id))
            .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
            .layer(PropagateRequestIdLayer::new(REQUEST_ID))
            .layer(
                TraceLayer::new_for_http()
                    .make_span_with(span)
                    .on_request(())
                    .on_response(())
                    .on_body_chunk(())
                    .on_eos(())
                    .on_failure(log_cut_stream),
            )
            .layer(from_fn_with_state(health, observe))
            .layer(CatchPanicLayer::custom(Problem::of_panic))
            .layer(map_request(read_the_rest))
            .layer(RequestBodyDeadlineLayer::new(BODY_WITHIN))
            .layer(RequestBodyLimitLayer::new(BODY_LIMIT)),
    )
}

/// The caller's id is kept unless it could forge log fields.
async fn without_harmful_id(mut request: Request) -> Request {
    let harmless = |id: &HeaderValue| {
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
        (1..=128).contains(&id.len()) && id.as_bytes().iter().all(allowed)
    };
    if !request.headers().get(REQUEST_ID).is_some_and(harmless) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

/// Its fields are on each line that is logged while the request is handled.
fn span(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>();
    let request_id = id.and_then(|id| id.header_value().to_str().ok());
    if QUIET.contains(&route(request)) {
        return error_span!(target: traces::NOT_TRACED, "request", request_id);
    }
    let span = error_span!(
        "request",
        request_id,
        trace_id = Empty,
        otel.name = Empty,
        otel.kind = "server"
    );
    traces::describe(&span, request, route(request));
    span
}

/// The route's pattern, not the path: a path can hold ids, and has no end of values.
fn route(request: &Request) -> &str {
    let path = request.extensions().get::<MatchedPath>();
    path.map_or("unmatched", MatchedPath::as_str)
}

/// Records the request when it is done.
async fn observe(State(health): State<Arc<Health>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = method_label(request.method());
    let route = route(&request).to_owned();

    let mut response = match timeout(REQUEST_WITHIN, next.run(request)).await {
        Ok(response) => Problem::of_plain_error(response),
        Err(error) => Problem::unavailable(format!("the request: {error}")).into_response(),
    };

    let (status, elapsed) = (response.status(), start.elapsed());
    metrics::record(method, &route, status.as_str(), elapsed);
    traces::answered(&Span::current(), status);
    let cause = response.extensions().get::<Cause>();
    let error = cause.map(|Cause(text)| text.as_str());
    let duration_ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
    macro_rules! line {
        ($level:expr) => {
            event!(
                $level,
                method,
                route,
                status = status.as_u16(),
                duration_ms,
                error,
                "request"
            )
        };
    }
    if QUIET.contains(&route.as_str()) {
        line!(Level::DEBUG);
    } else if status.is_server_error() {
        line!(Level::ERROR);
    } else {
        line!(Level::INFO);
    }

    if health.is_stopping() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
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
