//! The database. The service starts without waiting for it; readiness tells whether it answers.

use std::error::Error;
use std::fs::File;
use std::ops::DerefMut;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgSslMode};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Connection as _, FromRow, PgConnection, PgPool, Postgres};
use tokio::time::timeout;
use tracing::{Instrument, error_span};
use url::{Host, Url};

use crate::{Check, Environment, SettingsError, about};

const CONNECTION_WITHIN: Duration = Duration::from_secs(5);
const STATEMENT_WITHIN: Duration = Duration::from_secs(11);

/// The service's connections; none, where `DATABASE_URL` isn't set.
#[derive(Clone)]
pub struct Database {
    environment: Environment,
    pools: Option<Pools>,
}

#[derive(Clone)]
struct Pools {
    service: PgPool,
    /// Of one connection: a service whose own are all busy is ready.
    readiness: PgPool,
}

impl Database {
    pub fn load(environment: &Environment) -> Result<Self, SettingsError> {
        let (options, size) = (options(environment)?, pool_size(environment)?);
        Ok(Self::new(environment.clone(), options, size))
    }

    pub(super) fn new(
        environment: Environment,
        options: Option<PgConnectOptions>,
        size: u32,
    ) -> Self {
        let pools = options.map(|options| Pools {
            service: pool(size, options.clone()),
            readiness: pool(1, options),
        });
        Self { environment, pools }
    }

    pub fn check(&self) -> Option<Check> {
        self.pools.as_ref()?;
        let database = self.clone();
        let check = move || {
            let database = database.clone();
            // To hand out a connection, the pool asks whether it works.
            async move { Ok(database.pools()?.readiness.acquire().await.map(drop)?) }
        };
        Some(Check::new("database", check))
    }

    pub fn acquire(&self) -> BoxFuture<'_, sqlx::Result<Connection>> {
        async { Ok(Box::new(self.pools()?.service.acquire().await?) as _) }.boxed()
    }

    pub fn begin(&self) -> BoxFuture<'_, sqlx::Result<Transaction>> {
        let begin = async { Ok(Box::new(self.pools()?.service.begin().await?) as _) };
        statement("BEGIN", begin).boxed()
    }

    /// With the password as it is now, for connections that are opened from here on.
    fn pools(&self) -> sqlx::Result<&Pools> {
        let unset = || sqlx::Error::Configuration("DATABASE_URL is not set".into());
        let pools = self.pools.as_ref().ok_or_else(unset)?;
        if let Ok(Some(password)) = self.environment.read("DATABASE_PASSWORD") {
            for pool in [&pools.service, &pools.readiness] {
                let options = PgConnectOptions::clone(&pool.connect_options());
                pool.set_connect_options(options.password(&password));
            }
        }
        Ok(pools)
    }
}

// In boxes, and with `rows` for no type of yours: so the driver is compiled with this crate, and not again with each
// change of what calls it.

/// A connection of the pool, which goes back when it is dropped.
pub type Connection = Box<dyn DerefMut<Target = PgConnection> + Send>;

/// Rolled back when it is dropped without `commit`.
pub type Transaction = Box<dyn Open>;

pub trait Open: DerefMut<Target = PgConnection> + Send {
    fn commit(self: Box<Self>) -> BoxFuture<'static, sqlx::Result<()>>;
}

impl Open for sqlx::Transaction<'static, Postgres> {
    fn commit(self: Box<Self>) -> BoxFuture<'static, sqlx::Result<()>> {
        statement("COMMIT", sqlx::Transaction::commit(*self)).boxed()
    }
}

/// All rows of a query, whose span is called `name`.
pub async fn fetch_all<T: for<'r> FromRow<'r, PgRow>>(
    connection: &mut PgConnection,
    name: &'static str,
    query: Query<'_, Postgres, PgArguments>,
) -> sqlx::Result<Vec<T>> {
    let rows = rows(connection, name, query).await?;
    rows.iter().map(T::from_row).collect()
}

/// The row of a query that has one at most.
pub async fn fetch_optional<T: for<'r> FromRow<'r, PgRow>>(
    connection: &mut PgConnection,
    name: &'static str,
    query: Query<'_, Postgres, PgArguments>,
) -> sqlx::Result<Option<T>> {
    Ok(fetch_all(connection, name, query).await?.pop())
}

fn rows<'a>(
    connection: &'a mut PgConnection,
    name: &'static str,
    query: Query<'a, Postgres, PgArguments>,
) -> BoxFuture<'a, sqlx::Result<Vec<PgRow>>> {
    statement(name, query.fetch_all(connection)).boxed()
}

/// Gives a statement a span and a limit of time. After 10 s the database ends it, by the setting of its role
/// (deploy/database/roles.sh), unless it is frozen.
pub async fn statement<T>(
    name: &'static str,
    answer: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    let span = error_span!(
        "statement",
        otel.name = name,
        otel.kind = "client",
        db.system.name = "postgresql"
    );
    match timeout(STATEMENT_WITHIN, answer).instrument(span).await {
        Ok(result) => result,
        Err(elapsed) => Err(sqlx::Error::Io(elapsed.into())),
    }
}

/// Whether `error` says that the database has no time or can't be reached: worth another try.
pub fn is_unavailable(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref() {
        Some(sqlx::Error::Database(error)) => {
            // Classes of SQLSTATE: connection, authorization, resources, intervention of an operator.
            let code = error.code().unwrap_or_default();
            ["08", "28", "53", "57"].contains(&code.get(..2).unwrap_or_default())
        }
        Some(
            sqlx::Error::Configuration(_)
            | sqlx::Error::Io(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::Tls(_),
        ) => true,
        _ => false,
    }
}

fn pool(size: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(CONNECTION_WITHIN)
        // A connection whose statement was given up comes back when that is done, or is closed: it
        // would keep its place for as long as the network says nothing.
        .after_release(|connection, _| {
            Box::pin(async move {
                match timeout(CONNECTION_WITHIN, connection.ping()).await {
                    Ok(answer) => answer.map(|()| true),
                    Err(elapsed) => Err(sqlx::Error::Io(elapsed.into())),
                }
            })
        })
        .connect_lazy_with(options)
}

fn pool_size(environment: &Environment) -> Result<u32, SettingsError> {
    let Some(value) = environment.read("DATABASE_POOL_SIZE")? else {
        return Ok(10);
    };
    let size = value.parse().ok().filter(|size| (1..=100).contains(size));
    size.ok_or_else(|| SettingsError::new("DATABASE_POOL_SIZE", "a number from 1 to 100"))
}

/// From `DATABASE_URL` and `DATABASE_PASSWORD`. What is wrong is told without the value, which could
/// hold a part of a secret.
pub fn options(environment: &Environment) -> Result<Option<PgConnectOptions>, SettingsError> {
    let password = environment.read("DATABASE_PASSWORD")?;
    let Some(text) = environment.read("DATABASE_URL")? else {
        return Ok(None);
    };
    let refuse = |expected| SettingsError::new("DATABASE_URL", expected);
    let malformed = || refuse("postgresql://user@host:5432/name");

    let mut url = Url::parse(&text).map_err(|_| malformed())?;
    let with_password = |(key, _): (_, _)| key == "password";
    if url.password().is_some() || url.query_pairs().any(with_password) {
        return Err(refuse("no password in the URL: set DATABASE_PASSWORD_FILE"));
    }
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.contains([',', '%']) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => return Err(malformed()),
    };
    let scheme = ["postgresql", "postgres"].contains(&url.scheme());
    if !scheme || host.is_empty() || url.username().is_empty() || url.path().len() < 2 {
        return Err(malformed());
    }
    let (mode, authorities) = tls(&url).map_err(refuse)?;
    url.set_query(None);
    let mut options = PgConnectOptions::from_url(&url)
        .map_err(|_| malformed())?
        .host(&host)
        .port(url.port().unwrap_or(5432))
        .ssl_mode(mode)
        .application_name(about::NAME)
        // Since PostgreSQL 12 the server's own default says all digits; a pooler refuses to be told.
        .extra_float_digits(None);
    if let Some(path) = authorities {
        options = options.ssl_root_cert(path);
    }
    if let Some(password) = password {
        options = options.password(&password);
    }
    Ok(Some(options))
}

/// `sslmode` and `sslrootcert`, or what was expected.
fn tls(url: &Url) -> Result<(PgSslMode, Option<String>), &'static str> {
    let mut mode = PgSslMode::Prefer;
    let mut authorities = None;
    for (key, value) in url.query_pairs() {
        match &*key {
            "sslmode" => {
                mode = match &*value {
                    "disable" => PgSslMode::Disable,
                    "prefer" => PgSslMode::Prefer,
                    "require" => PgSslMode::Require,
                    "verify-ca" => PgSslMode::VerifyCa,
                    "verify-full" => PgSslMode::VerifyFull,
                    _ => return Err("sslmode: disable, prefer, require, verify-ca or verify-full"),
                }
            }
            "sslrootcert" => authorities = Some(value.into_owned()),
            _ => return Err("no parameters but sslmode and sslrootcert"),
        }
    }
    match &authorities {
        Some(_) if !matches!(mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull) => {
            Err("sslrootcert with verify-ca or verify-full alone")
        }
        Some(path) if File::open(path).is_err() => Err("sslrootcert: the path of a readable file"),
        _ => Ok((mode, authorities)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Option<PgConnectOptions>, String> {
        let environment = Environment::new(variables.iter().copied());
        options(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn the_url_says_where() {
        let url = "postgres://me@[::1]:5433/shop?sslmode=require";
        let options = load(&[("DATABASE_URL", url), ("DATABASE_PASSWORD", "secret")]);
        let options = options.unwrap().unwrap();
        assert_eq!(options.get_host(), "::1");
        assert_eq!(options.get_port(), 5433);
        assert_eq!(options.get_username(), "me");
        assert_eq!(options.get_database(), Some("shop"));
        assert!(matches!(options.get_ssl_mode(), PgSslMode::Require));
        assert!(load(&[("DATABASE_URL", "")]).unwrap().is_none());
    }

    #[test]
    fn a_refused_url_is_not_repeated() {
        for url in [
            "postgresql://me:hunter2@db/shop",
            "postgresql://me@db/shop?password=hunter2",
            "postgresql://me@db/shop?sslmode=hunter2",
            "postgresql://me@db/shop?sslmode=require&sslrootcert=/etc/hosts",
            "postgresql://me@db/shop?sslmode=verify-full&sslrootcert=/hunter2",
            "postgresql://me@db/shop?hunter2=1",
            "postgresql://me@db,hunter2/shop",
            "postgresql://me@db:port/hunter2",
            "postgresql://db/hunter2",
            "postgresql://me@db/",
            "postgresql+asyncpg://me@db/hunter2",
            "mysql://me@db/hunter2",
            "hunter2",
        ] {
            let error = load(&[("DATABASE_URL", url)]).unwrap_err();
            assert!(error.starts_with("DATABASE_URL: expected"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
