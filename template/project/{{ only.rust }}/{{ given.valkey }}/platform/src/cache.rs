//! The cache: Valkey, or what speaks its protocol. The service starts without waiting for it; readiness tells whether
//! it answers.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, FromRedisValue,
    IntoConnectionInfo, RedisConnectionInfo, RedisError, RedisResult, TlsCertificates, cmd,
};
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::{Host, Url};

use crate::{Check, Environment, SettingsError};

const ANSWER_WITHIN: Duration = Duration::from_secs(2); // a connection, and each answer
const ALL_WITHIN: Duration = Duration::from_secs(4); // of a command, with the second try

/// Replaces the value that we know, if no other has its place. ARGV: that value, the new one (none: delete), its seconds.
const REPLACE: &str = r#"
local found = redis.call("GET", KEYS[1])
if found and found ~= ARGV[1] then return 0 end
if ARGV[2] == "" then return redis.call("DEL", KEYS[1]) end
redis.call("SET", KEYS[1], ARGV[2], "EX", ARGV[3])
return 1
"#;

/// The service's connection to the cache; none, where `CACHE_URL` isn't set.
#[derive(Clone)]
pub struct Cache {
    service: Option<Arc<Line>>,
    /// A connection of its own: a service that waits for answers is ready.
    readiness: Option<Arc<Line>>,
}

/// One connection, made when it is first needed, and again when it fails; all commands are sent over it.
struct Line {
    environment: Environment,
    address: Address,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    connection: Option<MultiplexedConnection>,
    number: usize, // of the connection, to know which one has failed
}

#[derive(Clone, Debug)]
struct Address {
    host: String,
    port: u16,
    user: String,
    database: i64,
    tls: Option<Authorities>,
}

#[derive(Clone, Debug)]
enum Authorities {
    System,
    These(Vec<u8>),
}

impl Cache {
    pub fn load(environment: &Environment) -> Result<Self, SettingsError> {
        let address = address(environment)?;
        let line = || {
            let (environment, open) = (environment.clone(), Mutex::default());
            let address = address.clone()?;
            Some(Arc::new(Line {
                environment,
                address,
                open,
            }))
        };
        Ok(Self {
            service: line(),
            readiness: line(),
        })
    }

    pub fn check(&self) -> Option<Check> {
        let line = self.readiness.clone()?;
        let ask = move || {
            let line = line.clone();
            async move { Ok(line.ask::<()>(&cmd("PING")).await?) }
        };
        Some(Check::new("cache", ask).told_once_answered())
    }

    /// Sets a value where there is none, and gives the one that is there now.
    pub(crate) async fn claim(
        &self,
        name: &str,
        value: &[u8],
        seconds: u64,
    ) -> RedisResult<Vec<u8>> {
        let mut set = cmd("SET");
        set.arg(name).arg(value).arg("NX").arg("GET");
        set.arg("EX").arg(seconds);
        let found: Option<Vec<u8>> = self.line()?.ask(&set).await?;
        Ok(found.unwrap_or_else(|| value.to_vec()))
    }

    /// Sets a value in the place of the known one; an empty one deletes that.
    pub(crate) async fn replace(
        &self,
        name: &str,
        known: &[u8],
        value: &[u8],
        seconds: u64,
    ) -> RedisResult<()> {
        let mut eval = cmd("EVAL");
        eval.arg(REPLACE).arg(1).arg(name);
        eval.arg(known).arg(value).arg(seconds);
        self.line()?.ask(&eval).await
    }

    fn line(&self) -> RedisResult<&Line> {
        let unset = || RedisError::from((ErrorKind::InvalidClientConfig, "CACHE_URL is not set"));
        self.service.as_deref().ok_or_else(unset)
    }
}

impl Line {
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let no_answer = |_| RedisError::from((ErrorKind::Io, "no answer in time"));
        timeout(ALL_WITHIN, self.asked(command))
            .await
            .map_err(no_answer)?
    }

    /// Once more over another connection, where this one is closed, or leads to who was the primary until a failover.
    async fn asked<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let (mut connection, number, fresh) = self.connection().await?;
        let error = match command.query_async(&mut connection).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if !(error.is_io_error() || matches!(error.code(), Some("READONLY" | "NOAUTH"))) {
            return Err(error);
        }
        let mut open = self.open.lock().await;
        if open.number == number {
            open.connection = None;
        }
        drop(open);
        if fresh || error.is_timeout() {
            return Err(error);
        }
        let (mut connection, _, _) = self.connection().await?;
        command.query_async(&mut connection).await
    }

    /// The connection, its number, and whether it was made for this.
    async fn connection(&self) -> RedisResult<(MultiplexedConnection, usize, bool)> {
        let mut open = self.open.lock().await;
        if let Some(connection) = &open.connection {
            return Ok((connection.clone(), open.number, false));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        let client = self.client()?;
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        open.connection = Some(connection.clone());
        open.number += 1;
        Ok((connection, open.number, true))
    }

    /// With the password as it is now.
    fn client(&self) -> RedisResult<Client> {
        let Address {
            host,
            port,
            user,
            database,
            tls,
        } = self.address.clone();
        let password = self.environment.read("CACHE_PASSWORD").map_err(|error| {
            RedisError::from((
                ErrorKind::AuthenticationFailed,
                "no password",
                error.to_string(),
            ))
        })?;
        let mut login = RedisConnectionInfo::default()
            .set_db(database)
            .set_skip_set_lib_name();
        if let Some(password) = password {
            login = login.set_password(password);
            if !user.is_empty() {
                login = login.set_username(user);
            }
        }
        let Some(authorities) = tls else {
            let info = ConnectionAddr::Tcp(host, port).into_connection_info()?;
            return Client::open(info.set_redis_settings(login));
        };
        let address = ConnectionAddr::TcpTls {
            host,
            port,
            insecure: false,
            tls_params: None,
        };
        let root_cert = match authorities {
            Authorities::System => None,
            Authorities::These(pem) => Some(pem),
        };
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert,
        };
        let info = address.into_connection_info()?.set_redis_settings(login);
        Client::build_with_tls(info, certificates)
    }
}

/// From `CACHE_URL`. What is wrong is told without the value, which could hold a part of a secret.
fn address(environment: &Environment) -> Result<Option<Address>, SettingsError> {
    environment.read("CACHE_PASSWORD")?; // to be right at the start
    let Some(text) = environment.read("CACHE_URL")? else {
        return Ok(None);
    };
    let refuse = |expected: &'static str| SettingsError::new("CACHE_URL", expected);
    let malformed = || refuse("redis://host:6379 or rediss://user@host:6379/0");

    let mut url = Url::parse(&text).map_err(|_| malformed())?;
    let with_password = |(key, _): (_, _)| key == "password";
    if url.password().is_some() || url.query_pairs().any(with_password) {
        return Err(refuse("no password in the URL: set CACHE_PASSWORD_FILE"));
    }
    let encrypted = match url.scheme() {
        "redis" | "valkey" => false,
        "rediss" | "valkeys" => true,
        _ => return Err(malformed()),
    };
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() && !name.contains([',', '%']) => name.into(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => return Err(malformed()),
    };
    let database = match url.path().trim_start_matches('/') {
        "" => 0,
        number => i64::from(number.parse::<u16>().map_err(|_| malformed())?),
    };
    if url.fragment().is_some() {
        return Err(malformed());
    }
    let mut tls = encrypted.then_some(Authorities::System);
    for (key, value) in url.query_pairs() {
        if key != "sslrootcert" {
            return Err(refuse("no parameter but sslrootcert"));
        }
        if !encrypted {
            return Err(refuse("sslrootcert with rediss:// alone"));
        }
        let pem = fs::read(&*value).ok();
        let pem = pem.filter(|pem| String::from_utf8_lossy(pem).contains("BEGIN CERTIFICATE"));
        let none = || refuse("sslrootcert: the path of a readable file of certificates in PEM");
        tls = Some(Authorities::These(pem.ok_or_else(none)?));
    }
    let user = decoded(&mut url).ok_or_else(malformed)?;
    Ok(Some(Address {
        host,
        port: url.port().unwrap_or(6379),
        user,
        database,
        tls,
    }))
}

/// The user, whose name may be written with `%`.
fn decoded(url: &mut Url) -> Option<String> {
    let text = url.username().to_owned();
    let query = format!("user={}", text.replace('+', "%2B"));
    url.set_query(Some(&query));
    url.query_pairs().next().map(|(_, user)| user.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(url: &str) -> Result<Option<Address>, String> {
        address(&Environment::new([("CACHE_URL", url)])).map_err(|error| error.to_string())
    }

    #[test]
    fn the_url_says_where() {
        let read = load("rediss://o%40k@cache.internal/3").unwrap().unwrap();
        assert_eq!((read.host.as_str(), read.port), ("cache.internal", 6379));
        assert_eq!((read.user.as_str(), read.database), ("o@k", 3));
        assert!(read.tls.is_some());
        assert!(load("valkey://cache").unwrap().unwrap().tls.is_none());
        assert!(load("").unwrap().is_none());
    }

    #[test]
    fn a_refused_url_is_not_repeated() {
        for url in [
            "http://cache:6379/hunter2",
            "redis://",
            "redis://cache/hunter2",
            "redis://cache:hunter2",
            "redis://app:hunter2@cache",
            "redis://cache?password=hunter2",
            "redis://cache?timeout=hunter2",
            "redis://cache?sslrootcert=/hunter2",
            "rediss://cache?sslrootcert=/hunter2",
        ] {
            let error = load(url).unwrap_err();
            assert!(error.starts_with("CACHE_URL: expected"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
