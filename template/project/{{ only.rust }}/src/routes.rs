//! The routes: start here.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use platform::{Environment, SettingsError, about};

pub fn routes(environment: &Environment) -> Result<Router, SettingsError> {
    let version = environment.read("VERSION")?.unwrap_or("dev".into());
    let index = Json(json!({ "service": about::NAME, "version": version }));
    Ok(Router::new().route("/", get(async || index)))
}
