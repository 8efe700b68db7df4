//! The rest of a body that a handler does not read.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use futures_util::StreamExt;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

const READ_WITHIN: Duration = Duration::from_secs(2);

/// Reads it and keeps nothing of it, for a while: hyper would close the connection at once, and a caller
/// that still sends would see a reset instead of the answer, that its body is too long.
pub struct Rest(Body);

pub async fn read_the_rest(request: Request) -> Request {
    // A caller that waits for `100 Continue`, or has sent all, needs no help.
    if request.headers().contains_key(EXPECT) || request.body().is_end_stream() {
        return request;
    }
    request.map(|body| Body::new(Rest(body)))
}

impl HttpBody for Rest {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if self.is_end_stream() {
            return;
        }
        let mut rest = mem::take(&mut self.0).into_data_stream();
        runtime.spawn(async move {
            let read = async { while let Some(Ok(_)) = rest.next().await {} };
            let _ = timeout(READ_WITHIN, read).await; // what has not come by then is refused
        });
    }
}
