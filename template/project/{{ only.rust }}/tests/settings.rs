//! Settings: defaults, files, and what is refused.

use std::fs;
use std::path::PathBuf;

use service::about;
use service::environment::Environment;
use service::settings::Settings;
use tracing::Level;

fn load(variables: &[(&str, &str)]) -> Result<Settings, String> {
    let environment = Environment::new(variables.iter().copied());
    Settings::load(&environment).map_err(|error| error.to_string())
}

fn refusal(variables: &[(&str, &str)]) -> String {
    load(variables).err().expect("refused")
}

fn file(name: &str, content: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path.into_os_string().into_string().unwrap()
}

#[test]
fn everything_has_a_default() {
    let settings = load(&[]).unwrap();
    assert_eq!(settings.port, about::PORT);
    assert_eq!(settings.log_level, Level::INFO);
    assert_eq!(settings.version, "dev");
    assert!(settings.database.is_none());
}

#[test]
fn an_empty_value_counts_as_unset() {
    let settings = load(&[("PORT", ""), ("PORT_FILE", ""), ("DATABASE_URL", "")]).unwrap();
    assert_eq!(settings.port, about::PORT);
    assert!(settings.database.is_none());
}

#[test]
fn values_are_taken() {
    let settings = load(&[
        ("PORT", "9000"),
        ("LOG_LEVEL", "warn"),
        ("VERSION", "1.2.3"),
        ("DATABASE_URL", "postgresql://me@db:5433/shop"),
    ])
    .unwrap();
    assert_eq!(settings.port, 9000);
    assert_eq!(settings.log_level, Level::WARN);
    assert_eq!(settings.version, "1.2.3");
    let database = settings.database.unwrap();
    assert_eq!(database.get_host(), "db");
    assert_eq!(database.get_port(), 5433);
    assert_eq!(database.get_username(), "me");
    assert_eq!(database.get_database(), Some("shop"));
}

#[test]
fn a_value_may_come_as_a_file() {
    let path = file("port", "9001 \n\n");
    assert_eq!(load(&[("PORT_FILE", &path)]).unwrap().port, 9001);
}

#[test]
fn value_and_file_together_are_refused() {
    let path = file("both", "9001");
    let error = refusal(&[("PORT", "9000"), ("PORT_FILE", &path)]);
    assert_eq!(error, "PORT: expected PORT or PORT_FILE, not both");
}

#[test]
fn a_missing_file_is_refused() {
    let error = refusal(&[("DATABASE_PASSWORD_FILE", "/nowhere")]);
    assert!(
        error.starts_with("DATABASE_PASSWORD_FILE: expected"),
        "{error}"
    );
}

#[test]
fn bad_values_are_refused() {
    for port in ["1024", "65536", "-1", "http"] {
        let error = refusal(&[("PORT", port)]);
        assert_eq!(error, "PORT: expected a number from 1025 to 65535");
    }
    let error = refusal(&[("LOG_LEVEL", "loud")]);
    assert_eq!(error, "LOG_LEVEL: expected debug, info, warn or error");
}

#[test]
fn a_refused_url_is_not_repeated() {
    for url in [
        "postgresql://me:hunter2@db/shop",
        "mysql://me:hunter2@db/shop",
        "postgresql://me:hunter2@db:port/shop",
        "postgresql://me@db/shop?sslmode=hunter2",
        "hunter2",
    ] {
        let error = refusal(&[("DATABASE_URL", url)]);
        assert!(error.starts_with("DATABASE_URL: expected"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
