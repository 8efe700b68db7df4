//! A schema of its own for each test that needs a database: made, migrated, and dropped.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::SystemTime;

use futures_util::FutureExt;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

use crate::database::{Database, options};
use crate::{Environment, migrate};

/// Calls `test` with the database that `DATABASE_URL` names, as the role that owns it.
pub async fn schema<F: Future<Output = ()>>(
    migrations: &Migrator,
    test: impl FnOnce(Database) -> F,
) {
    let environment = Environment::of_process();
    let options = options(&environment).expect("good settings");
    let options = options.expect("DATABASE_URL is set");
    let now = SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("a clock that is right");
    let name = format!("test_{}", now.as_nanos());
    let mut owner = options.connect().await.expect("a connection");
    let create = AssertSqlSafe(format!("CREATE SCHEMA {name}"));
    owner.execute(create).await.expect("a new schema");

    let options = options.options([("search_path", &name)]);
    migrate::migrate(&options, migrations)
        .await
        .expect("good migrations");
    let database = Database::new(environment, Some(options), 10);
    let result = AssertUnwindSafe(test(database)).catch_unwind().await;

    let drop = AssertSqlSafe(format!("DROP SCHEMA {name} CASCADE"));
    owner.execute(drop).await.expect("the schema dropped");
    result.unwrap_or_else(|panic| resume_unwind(panic));
}
