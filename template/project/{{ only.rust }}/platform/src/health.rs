//! Readiness: whether the service is stopping, and whether its dependencies answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{BoxError, Json};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use serde_json::json;
use tokio::time::timeout;
use tracing::warn;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A dependency, and how to ask it.
pub struct Check {
    name: &'static str,
    ask: Box<dyn Fn() -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>,
}

impl Check {
    pub fn new<F>(name: &'static str, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let ask = Box::new(move || ask().boxed());
        Self { name, ask }
    }

    /// The reason for a failure goes to the log, not to the caller.
    async fn outcome(&self) -> (&'static str, bool) {
        let error = match timeout(ANSWER_WITHIN, (self.ask)()).await {
            Ok(Ok(())) => return (self.name, true),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {ANSWER_WITHIN:?}"),
        };
        warn!(check = self.name, error, "check failed");
        (self.name, false)
    }
}

#[derive(Default)]
pub struct Health {
    pub checks: Vec<Check>,
    stopping: AtomicBool,
}

impl Health {
    /// From now on the service isn't ready.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The answer of `/readyz`.
    pub async fn readiness(&self) -> impl IntoResponse + use<> {
        let stopping = self.is_stopping();
        let asked = self.checks.iter().filter(|_| !stopping);
        let answers = join_all(asked.map(Check::outcome)).await;
        let (code, status) = if stopping {
            (StatusCode::SERVICE_UNAVAILABLE, "stopping")
        } else if answers.iter().all(|(_, ok)| *ok) {
            (StatusCode::OK, "ready")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        };
        let outcome = |(name, ok)| (name, if ok { "ok" } else { "failed" });
        let checks: BTreeMap<_, _> = answers.into_iter().map(outcome).collect();
        (code, Json(json!({ "status": status, "checks": checks })))
    }
}
