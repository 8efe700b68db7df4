//! An unexpected failure.

use std::error::Error;
use std::iter;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

/// What a handler returns as its error, so that `?` works on any: the caller learns that it failed,
/// the request's log line why.
#[derive(Clone, Debug)]
pub struct Failure(pub String);

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let causes = iter::successors(Some(&error as &dyn Error), |&error| error.source());
        Self(
            causes
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": "),
        )
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": "internal server error" }));
        (StatusCode::INTERNAL_SERVER_ERROR, Extension(self), body).into_response()
    }
}
