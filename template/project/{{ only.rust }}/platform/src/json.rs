//! A JSON body that keeps the rules of its type.

use std::error::Error;
use std::iter;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use garde::Validate;
use serde::de::DeserializeOwned;
use tower_http::timeout::TimeoutError;

use crate::problem::{Broken, Problem};

/// `axum::Json`, then the rules of `garde`: what breaks one is told by its place in the body.
pub struct Valid<T>(pub T);

impl<S, T> FromRequest<S> for Valid<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(value): Json<T> = match Json::from_request(request, state).await {
            Ok(json) => json,
            Err(rejection) => return Err(refused(&rejection)),
        };
        match value.validate() {
            Ok(()) => Ok(Self(value)),
            Err(report) => Err(Problem::invalid(
                report
                    .iter()
                    .map(|(path, error)| broken(&path.to_string(), error.message()))
                    .collect(),
            )),
        }
    }
}

fn refused(rejection: &JsonRejection) -> Problem {
    if find::<TimeoutError>(rejection).is_some() {
        return Problem::new(StatusCode::REQUEST_TIMEOUT);
    }
    match rejection {
        JsonRejection::JsonDataError(error) => {
            // The error's text repeats what was sent; only the place is told.
            let error = find::<serde_path_to_error::Error<serde_json::Error>>(error);
            let path = error.map(|error| error.path().to_string());
            Problem::invalid(vec![broken(
                path.as_deref().unwrap_or(".").trim_start_matches('.'),
                "expected a value of another type",
            )])
        }
        rejection => Problem::new(rejection.status()),
    }
}

/// `items[0].name` is `#/items/0/name`.
fn broken(path: &str, detail: &str) -> Broken {
    let steps = path.split(['.', '[']).filter(|step| !step.is_empty());
    let steps = steps.map(|step| format!("/{}", step.trim_end_matches(']')));
    Broken {
        pointer: iter::once("#".to_owned()).chain(steps).collect(),
        detail: detail.to_owned(),
    }
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
