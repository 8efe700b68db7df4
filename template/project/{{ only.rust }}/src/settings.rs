//! Typed settings, with their defaults. Each may also come as a file: `PORT_FILE=/run/secrets/port`.

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tracing::Level;
use url::Url;

use crate::about;
use crate::environment::{Environment, SettingsError};

// Not `Debug`: it holds the database's password.
pub struct Settings {
    pub port: u16,
    pub log_level: Level,
    pub database: Option<PgConnectOptions>,
    pub version: String,
}

impl Settings {
    pub fn load(environment: &Environment) -> Result<Self, SettingsError> {
        Ok(Self {
            port: port(environment)?,
            log_level: log_level(environment)?,
            database: database(environment)?,
            version: environment.read("VERSION")?.unwrap_or("dev".into()),
        })
    }
}

/// On its own because the health check needs nothing else.
pub fn port(environment: &Environment) -> Result<u16, SettingsError> {
    let Some(value) = environment.read("PORT")? else {
        return Ok(about::PORT);
    };
    match value.parse() {
        Ok(port) if port > 1024 => Ok(port),
        _ => Err(SettingsError::new("PORT", "a number from 1025 to 65535")),
    }
}

fn log_level(environment: &Environment) -> Result<Level, SettingsError> {
    match environment.read("LOG_LEVEL")?.as_deref() {
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

fn database(environment: &Environment) -> Result<Option<PgConnectOptions>, SettingsError> {
    let password = environment.read("DATABASE_PASSWORD")?;
    let Some(value) = environment.read("DATABASE_URL")? else {
        return Ok(None);
    };
    // What the parsers say of a bad URL is left out: it could hold a part of a secret.
    let refuse = |expected| SettingsError::new("DATABASE_URL", expected);
    let malformed = || refuse("postgresql://user@host:5432/name");

    let url = Url::parse(&value).map_err(|_| malformed())?;
    if !["postgresql", "postgres"].contains(&url.scheme()) || !url.has_host() {
        return Err(malformed());
    }
    if url.password().is_some() {
        let expected = "no password in the URL: set DATABASE_PASSWORD_FILE";
        return Err(refuse(expected));
    }
    let options = PgConnectOptions::from_url(&url).map_err(|_| malformed())?;
    Ok(Some(match password {
        Some(password) => options.password(&password),
        None => options,
    }))
}
