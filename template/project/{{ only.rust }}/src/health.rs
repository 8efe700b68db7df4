//! Readiness: whether the service is stopping, and whether its dependencies answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::BoxError;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;
use tokio::time::timeout;
use tracing::warn;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

type Check = Box<dyn Fn() -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// The body of `/readyz`.
#[derive(Serialize)]
pub struct Readiness {
    pub status: Status,
    checks: BTreeMap<&'static str, Outcome>,
}

#[derive(PartialEq, Serialize)]
pub enum Status {
    #[serde(rename = "ready")]
    Ready,
    #[serde(rename = "unavailable")]
    Unavailable,
    #[serde(rename = "stopping")]
    Stopping,
}

#[derive(PartialEq, Serialize)]
enum Outcome {
    #[serde(rename = "ok")]
    Ok,
    #[serde(rename = "failed")]
    Failed,
}

#[derive(Default)]
pub struct Health {
    checks: Vec<(&'static str, Check)>,
    stopping: AtomicBool,
}

impl Health {
    /// Makes readiness depend on `check`.
    pub fn add<F>(&mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.checks.push((name, Box::new(move || check().boxed())));
    }

    /// From now on the service isn't ready.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub async fn readiness(&self) -> Readiness {
        if self.is_stopping() {
            return Readiness {
                status: Status::Stopping,
                checks: BTreeMap::new(),
            };
        }
        let outcomes = self.checks.iter().map(|(name, check)| outcome(name, check));
        let checks: BTreeMap<_, _> = join_all(outcomes).await.into_iter().collect();
        let ready = checks.values().all(|outcome| *outcome == Outcome::Ok);
        Readiness {
            status: if ready {
                Status::Ready
            } else {
                Status::Unavailable
            },
            checks,
        }
    }
}

/// The reason for a failure goes to the log, not to the caller.
async fn outcome(name: &'static str, check: &Check) -> (&'static str, Outcome) {
    let result = timeout(ANSWER_WITHIN, check()).await;
    let error = match result {
        Ok(Ok(())) => return (name, Outcome::Ok),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {ANSWER_WITHIN:?}"),
    };
    warn!(check = name, error, "check failed");
    (name, Outcome::Failed)
}
