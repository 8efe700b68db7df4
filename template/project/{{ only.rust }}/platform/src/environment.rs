//! Environment variables, each of which may come as a file.
//!
//! Docker and Kubernetes hand secrets over as files: `NAME_FILE` holds the path of one, so that the
//! value itself is in no environment that `docker inspect` or a crash report shows.

use std::collections::HashMap;
use std::{env, fmt, fs};

use tracing::Level;

use crate::about;

/// A setting that can't be used: which one, and what was expected. Never holds its value.
#[derive(Debug)]
pub struct SettingsError {
    name: String,
    expected: String,
}

impl SettingsError {
    pub fn new(name: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            expected: expected.into(),
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.name, self.expected)
    }
}

impl std::error::Error for SettingsError {}

/// The variables of a process, as they were when it started.
#[derive(Clone)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    pub fn new<K: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables.into_iter();
        Self(variables.map(|(k, v)| (k.into(), v.into())).collect())
    }

    pub fn of_process() -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        Self::new(env::vars_os().map(|(k, v)| (text(k), text(v))))
    }

    /// The value of `name`, or of the file that `<name>_FILE` points to; `None` where neither is set
    /// or it is empty.
    pub fn read(&self, name: &str) -> Result<Option<String>, SettingsError> {
        let file = format!("{name}_FILE");
        let value = match (self.get(name), self.get(&file)) {
            (Some(_), Some(_)) => {
                let expected = format!("{name} or {file}, not both");
                return Err(SettingsError::new(name, expected));
            }
            (None, Some(path)) => fs::read_to_string(path)
                .map(|content| content.trim_end().to_owned())
                .map_err(|_| SettingsError::new(file, "the path of a readable text file"))?,
            (value, None) => value.unwrap_or_default().to_owned(),
        };
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    pub fn port(&self) -> Result<u16, SettingsError> {
        let Some(value) = self.read("PORT")? else {
            return Ok(about::PORT);
        };
        let port = value.parse().ok().filter(|port| *port > 1024);
        port.ok_or_else(|| SettingsError::new("PORT", "a number from 1025 to 65535"))
    }

    pub fn log_level(&self) -> Result<Level, SettingsError> {
        match self.read("LOG_LEVEL")?.as_deref() {
            Some("debug") => Ok(Level::DEBUG),
            Some("info") | None => Ok(Level::INFO),
            Some("warn") => Ok(Level::WARN),
            Some("error") => Ok(Level::ERROR),
            Some(_) => {
                let expected = "debug, info, warn or error";
                Err(SettingsError::new("LOG_LEVEL", expected))
            }
        }
    }
}
