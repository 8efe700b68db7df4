//! Brings the database up to date, by the files of `migrations/` that are compiled in.

use std::process::ExitCode;
use std::time::Duration;

use axum::BoxError;
use sqlx::ConnectOptions;
use sqlx::error::{DatabaseError, Error};
use sqlx::migrate::{Migrate, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, info};

use crate::{Environment, SettingsError, database};

const CONNECTION_WITHIN: Duration = Duration::from_secs(5);
const DATABASE_WITHIN: Duration = Duration::from_secs(30);

pub async fn run(
    environment: &Environment,
    migrations: &Migrator,
    told_to_stop: impl Future<Output = ()>,
) -> Result<ExitCode, SettingsError> {
    let unset = || SettingsError::new("DATABASE_URL", "the database to bring up to date");
    let options = database::options(environment)?.ok_or_else(unset)?;
    let result = tokio::select! {
        result = migrate(&options, migrations) => result,
        () = told_to_stop => Err("told to stop".into()),
    };
    match result {
        Ok(applied) => {
            info!(applied, "migrated");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            error!(%error, "migration failed");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The number of migrations that were missing. The lock makes a second process wait until they are there.
pub async fn migrate(options: &PgConnectOptions, migrations: &Migrator) -> Result<usize, BoxError> {
    let mut connection = connect(options).await?;
    connection.lock().await?;
    let before = applied(&mut connection, migrations).await?;
    migrations.run(&mut connection).await?;
    let after = applied(&mut connection, migrations).await?;
    connection.unlock().await?;
    Ok(after - before)
}

async fn applied(connection: &mut PgConnection, migrations: &Migrator) -> Result<usize, BoxError> {
    let table = &migrations.table_name;
    connection.ensure_migrations_table(table).await?;
    Ok(connection.list_applied_migrations(table).await?.len())
}

/// Waits for a database that is starting.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, BoxError> {
    let deadline = Instant::now() + DATABASE_WITHIN;
    loop {
        let error = match timeout(CONNECTION_WITHIN, options.connect()).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error,
            Err(elapsed) => Error::Io(elapsed.into()),
        };
        // Waiting does not help against a wrong password or name; a server that shuts down may come back.
        let refused =
            |error: &dyn DatabaseError| !error.code().is_some_and(|it| it.starts_with("57"));
        if error.as_database_error().is_some_and(refused) || Instant::now() > deadline {
            return Err(error.into());
        }
        sleep(Duration::from_millis(500)).await;
    }
}
