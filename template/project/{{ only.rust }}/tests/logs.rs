//! Log lines.

use std::error::Error;

use service::logs::subscriber;
use tracing::subscriber::with_default;
use tracing::{Level, debug, info, warn};

mod support;
use support::{ThisTest, line};

#[test]
fn a_line_has_time_level_message_and_fields() {
    with_default(subscriber(Level::INFO, || ThisTest), || {
        // The target that an event in our own source has.
        info!(target: "service", port = 8080, name = "a \"b\"\n", "started");
        debug!(target: "service", "hidden");
    });
    let line = line();
    assert_eq!(line["level"], "info");
    assert_eq!(line["message"], "started");
    assert_eq!(line["port"], 8080);
    assert_eq!(line["name"], "a \"b\"\n");
    let time = line["time"].as_str().unwrap();
    assert_eq!(time.len(), "2026-01-31T12:00:00.000Z".len());
    assert!(humantime::parse_rfc3339(time).is_ok(), "{time}");
}

#[test]
fn errors_are_text() {
    let error = "x".parse::<u16>().unwrap_err();
    with_default(subscriber(Level::INFO, || ThisTest), || {
        warn!(error = &error as &dyn Error, "failed");
    });
    assert_eq!(line()["error"], error.to_string());
}

#[test]
fn libraries_are_heard_from_warn_up() {
    with_default(subscriber(Level::DEBUG, || ThisTest), || {
        info!(target: "library", "chatter");
        warn!(target: "library", "trouble");
    });
    assert_eq!(line()["message"], "trouble");
}
