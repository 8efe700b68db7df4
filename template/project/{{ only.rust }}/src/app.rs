//! What the routes share.

use axum::BoxError;
use sqlx::PgPool;

use crate::database;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::settings::Settings;

pub struct App {
    pub version: String,
    pub health: Health,
    pub metrics: Metrics,
    pub database: Option<PgPool>,
}

impl App {
    pub fn new(settings: Settings) -> Result<Self, BoxError> {
        let database = settings.database.map(database::pool);
        let mut health = Health::default();
        if let Some(pool) = database.clone() {
            health.add("database", move || database::check(pool.clone()));
        }
        Ok(Self {
            version: settings.version,
            health,
            metrics: Metrics::new()?,
            database,
        })
    }
}
