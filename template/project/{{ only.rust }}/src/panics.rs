//! A panic is logged as JSON, like all else, and ends one request, not the service.

use std::backtrace::Backtrace;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::error;

use crate::failure::Failure;

tokio::task_local! {
    /// Set while a request is answered: the panic's text on its way to the request's log line.
    static PANIC: Cell<Option<String>>;
}

/// Instead of the text that Rust writes to stderr.
pub fn log_them() {
    panic::set_hook(Box::new(|info| {
        let mut text = Some(format!("{info}\n{}", Backtrace::force_capture()));
        let _ = PANIC.try_with(|panic| panic.set(text.take()));
        if let Some(error) = text {
            error!(error, "panic");
        }
    }));
}

/// The response, or that of a failure where there is none because of a panic.
pub async fn catch(response: impl Future<Output = Response>) -> Response {
    let caught = async {
        match AssertUnwindSafe(response).catch_unwind().await {
            Ok(response) => response,
            Err(_) => Failure(PANIC.with(Cell::take).unwrap_or_default()).into_response(),
        }
    };
    PANIC.scope(Cell::new(None), caught).await
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_failure_with_its_text_and_place() {
        log_them();
        let response = catch(async { panic!("out of cheese") }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let Failure(text) = response.extensions().get().unwrap();
        assert!(text.contains("out of cheese"), "{text}");
        assert!(text.contains(file!()), "{text}");
    }
}
