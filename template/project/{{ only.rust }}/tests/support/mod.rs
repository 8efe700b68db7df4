//! Collects the log lines of a test. Each test has a thread of its own, so the lines are kept by thread.

use std::cell::RefCell;
use std::io::{self, Write};

use serde_json::Value;

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

pub struct ThisTest;

impl Write for ThisTest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The one line that was written since the last call.
pub fn line() -> Value {
    let text = String::from_utf8(WRITTEN.take()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}
