//! The routes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::json;

use crate::about;
use crate::app::App;
use crate::failure::Failure;
use crate::health::Status;
use crate::observe::{Unmatched, observe};

pub fn router(app: Arc<App>) -> Router {
    let routes = Router::new()
        .route("/", get(index))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics));
    observed(routes, app)
}

/// Every request, also one that no route takes, gets an id, a log line and metrics.
pub fn observed(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(from_fn_with_state(app.clone(), observe))
        .with_state(app)
}

async fn index(State(app): State<Arc<App>>) -> impl IntoResponse {
    Json(json!({ "service": about::NAME, "version": app.version }))
}

async fn healthz() -> impl IntoResponse {
    Json(json!({ "status": "ok" }))
}

async fn readyz(State(app): State<Arc<App>>) -> impl IntoResponse {
    let readiness = app.health.readiness().await;
    let code = match readiness.status {
        Status::Ready => StatusCode::OK,
        Status::Unavailable | Status::Stopping => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(readiness))
}

async fn metrics(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Failure> {
    Ok((
        [(CONTENT_TYPE, prometheus::TEXT_FORMAT)],
        app.metrics.text()?,
    ))
}

async fn not_found() -> impl IntoResponse {
    let body = Json(json!({ "error": "not found" }));
    (StatusCode::NOT_FOUND, Extension(Unmatched), body)
}
