//! PostgreSQL. The service starts without waiting for it; readiness tells whether it answers.

use std::time::Duration;

use axum::BoxError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};

use crate::about;

/// A pool that opens its connections when they are needed, and again when they broke.
pub fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with(options.application_name(about::NAME))
}

pub async fn check(pool: PgPool) -> Result<(), BoxError> {
    pool.acquire().await?.ping().await?;
    Ok(())
}
