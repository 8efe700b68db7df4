//! How long a connection may wait for the head of its next request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// Longer than the 60 s that load balancers keep an idle connection, so that it is they who close it.
pub const IDLE: Duration = Duration::from_secs(75);

/// From the first byte on: a caller that sends them slowly holds no connection.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// A clock for hyper, whose own limit for the head counts the idle time before it too.
#[derive(Clone, Default)]
pub struct Patience(Arc<State>);

#[derive(Default)]
struct State {
    awaits_head: AtomicBool,
    head_began: AtomicBool,
}

impl Patience {
    pub fn bytes_came(&self) {
        self.0.head_began.store(true, Ordering::Relaxed);
    }

    pub fn awaits_head(&self) -> bool {
        self.0.awaits_head.load(Ordering::Relaxed)
    }
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    /// hyper calls it when it begins to wait for a head, and drops the result when the head is there.
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.0.awaits_head.store(true, Ordering::Relaxed);
        self.0.head_began.store(false, Ordering::Relaxed);
        Box::pin(Wait {
            sleep: Box::pin(tokio::time::sleep_until(deadline.into())),
            shortened: false,
            state: self.0.clone(),
        })
    }
}

struct Wait {
    sleep: Pin<Box<tokio::time::Sleep>>,
    shortened: bool,
    state: Arc<State>,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.shortened && self.state.head_began.load(Ordering::Relaxed) {
            self.shortened = true;
            let deadline = tokio::time::Instant::now() + HEAD_WITHIN;
            self.sleep.as_mut().reset(deadline);
        }
        ready!(self.sleep.as_mut().poll(cx));
        Poll::Ready(())
    }
}

impl Sleep for Wait {}

impl Drop for Wait {
    fn drop(&mut self) {
        self.state.awaits_head.store(false, Ordering::Relaxed);
    }
}
