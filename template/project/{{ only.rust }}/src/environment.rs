//! Environment variables, each of which may come as a file.
//!
//! Docker and Kubernetes hand secrets over as files: `NAME_FILE` holds the path of one, so that the
//! value itself is in no environment that `docker inspect` or a crash report shows.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;

/// A setting that can't be used: which one, and what was expected. Never holds a secret's value.
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

impl Error for SettingsError {}

/// The variables of a process, as they were when it started.
pub struct Environment(HashMap<OsString, OsString>);

impl Environment {
    pub fn new<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables.into_iter();
        Self(variables.map(|(k, v)| (k.into(), v.into())).collect())
    }

    pub fn of_process() -> Self {
        Self::new(env::vars_os())
    }

    /// The value of `name`, or of the file that `<name>_FILE` points to; `None` where neither is set
    /// or it is empty.
    pub fn read(&self, name: &str) -> Result<Option<String>, SettingsError> {
        let file = format!("{name}_FILE");
        let value = match (self.get(name), self.get(&file)) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                let expected = format!("{name} or {file}, not both");
                return Err(SettingsError::new(name, expected));
            }
            (Some(value), None) => value
                .to_str()
                .ok_or_else(|| SettingsError::new(name, "text in UTF-8"))?
                .to_owned(),
            (None, Some(path)) => {
                let mut content = fs::read_to_string(path).map_err(|error| {
                    SettingsError::new(&file, format!("the path of a readable text file: {error}"))
                })?;
                content.truncate(content.trim_end().len());
                content
            }
        };
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    fn get(&self, name: &str) -> Option<&OsStr> {
        let value = self.0.get(OsStr::new(name))?;
        Some(value.as_os_str()).filter(|value| !value.is_empty())
    }
}
