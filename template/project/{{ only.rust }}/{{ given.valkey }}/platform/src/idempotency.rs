//! A POST or PATCH with `Idempotency-Key` is done once, however often it comes: who got no answer asks again.
//!
//! The header: <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>; the rest as at Stripe,
//! <https://docs.stripe.com/api/idempotent_requests>.

use std::error::Error;
use std::fmt::Write;
use std::iter::successors;
use std::panic::resume_unwind;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, LINK, LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, response::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tower_http::timeout::TimeoutError;
use tracing::{Instrument, Span, warn};
use uuid::Uuid;

use crate::cache::Cache;
use crate::{Broken, Problem, about};

/// Seconds; more than a request may take: should the service die, so long is its key taken.
const RUNNING: u64 = 60;
const KEPT: u64 = 24 * 60 * 60;
/// Of an answer, the headers that are kept.
const HEADERS: [HeaderName; 4] = [CONTENT_TYPE, ETAG, LINK, LOCATION];
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What the cache has of a key, in JSON on one line; the answer's body follows.
#[derive(Deserialize, Serialize)]
struct Entry {
    request: String,
    running: Option<Uuid>,
    status: u16,
    headers: Vec<(String, String)>,
}

/// The answer is held back until it is whole and kept; what has changed nothing is not kept, and may be tried again.
pub async fn once(
    State(cache): State<Cache>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let changes = [Method::POST, Method::PATCH].contains(request.method());
    let known = request.extensions().get::<MatchedPath>().is_some();
    if !(changes && known && request.headers().contains_key(KEY)) {
        return Ok(next.run(request).await);
    }
    let (request, name, fingerprint) = read(request).await?;
    let mine = text(&Entry {
        request: fingerprint.clone(),
        running: Some(Uuid::new_v4()),
        status: 0,
        headers: Vec::new(),
    });
    let found = cache.claim(&name, &mine, RUNNING).await;
    let found = found.map_err(|error| Problem::unavailable(format!("cache: {error}")))?;
    if found != mine {
        return again(&found, &fingerprint);
    }
    // In a task of its own, for a caller who hangs up will ask again.
    let task = async move {
        let response = tokio::spawn(next.run(request).in_current_span()).await;
        let response = match response {
            Ok(response) => whole(response, &fingerprint).await,
            Err(error) => Err(error),
        };
        let kept = match &response {
            Ok((_, kept)) => kept.as_slice(),
            Err(_) => b"",
        };
        if let Err(error) = cache.replace(&name, &mine, kept, KEPT).await {
            warn!(%error, "answer not kept");
        }
        response
    };
    let done = tokio::spawn(task.instrument(Span::current())).await;
    match done.and_then(|response| response) {
        Ok((response, _)) => Ok(response),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(error) => Err(error.into()),
    }
}

/// The request, whose body is read, the name of its key in the cache, and its fingerprint.
async fn read(request: Request) -> Result<(Request, String, String), Problem> {
    let (parts, body) = request.into_parts();
    let mut keys = parts.headers.get_all(KEY).iter();
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) => unquoted(key.as_bytes()),
        _ => None,
    };
    let Some(key) = key else {
        let expected =
            "Idempotency-Key: expected 1 to 255 visible ASCII characters, perhaps in quotes";
        return Err(Problem::new(StatusCode::BAD_REQUEST).detail(expected));
    };
    // A key is one path's. With another query, body or caller it is another request, which gets nothing of this one.
    let place = digest([
        parts.method.as_str().as_bytes(),
        parts.uri.path().as_bytes(),
        key,
    ]);
    let name = format!("idempotency:{}:{place}", about::NAME);
    let body = to_bytes(body, usize::MAX).await.map_err(|e| refused(&e))?;
    let caller = parts.headers.get(AUTHORIZATION);
    let fingerprint = digest([
        parts.uri.query().unwrap_or_default().as_bytes(),
        caller.map(HeaderValue::as_bytes).unwrap_or_default(),
        &body,
    ]);
    let request = Request::from_parts(parts, Body::from(body));
    Ok((request, name, fingerprint))
}

fn unquoted(text: &[u8]) -> Option<&[u8]> {
    let inner = text.strip_prefix(b"\"");
    let key = match inner {
        Some(inner) => inner.strip_suffix(b"\"")?,
        None => text,
    };
    let visible = |b: &u8| b.is_ascii_graphic() && !b"\"\\".contains(b);
    ((1..=255).contains(&key.len()) && key.iter().all(visible)).then_some(key)
}

/// The limits of the body are kept by what is around: its error says which was reached.
fn refused(error: &axum::Error) -> Problem {
    let mut causes = successors(Some(error as &dyn Error), |&error| error.source());
    let status = if causes.any(<dyn Error>::is::<TimeoutError>) {
        StatusCode::REQUEST_TIMEOUT
    } else if error.to_string().contains("length limit") {
        StatusCode::PAYLOAD_TOO_LARGE
    } else {
        StatusCode::BAD_REQUEST
    };
    Problem::new(status)
}

type Whole = (Response, Vec<u8>);

/// The answer, and what is kept of it.
async fn whole(response: Response, fingerprint: &str) -> Result<Whole, tokio::task::JoinError> {
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        let cause = "the answer's body failed";
        let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR).cause(cause);
        return Ok((problem.into_response(), Vec::new()));
    };
    let kept = kept(&parts, &body, fingerprint);
    Ok((Response::from_parts(parts, Body::from(body)), kept))
}

fn kept(parts: &Parts, body: &Bytes, fingerprint: &str) -> Vec<u8> {
    if parts.status.is_client_error() || parts.status.is_server_error() {
        return Vec::new();
    }
    let value = |name: &HeaderName| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.to_string(), value.to_owned()))
    };
    let mut kept = text(&Entry {
        request: fingerprint.to_owned(),
        running: None,
        status: parts.status.as_u16(),
        headers: HEADERS.iter().filter_map(value).collect(),
    });
    kept.extend_from_slice(body);
    kept
}

fn text(entry: &Entry) -> Vec<u8> {
    let mut text = serde_json::to_vec(entry).expect("it has texts and numbers alone");
    text.push(b'\n');
    text
}

/// The answer to a request that came before.
fn again(found: &[u8], fingerprint: &str) -> Result<Response, Problem> {
    let (line, body) = found.split_at(found.iter().position(|b| *b == b'\n').unwrap_or_default());
    let first: Entry = serde_json::from_slice(line)?;
    if first.request != fingerprint {
        return Err(Problem::invalid(vec![Broken {
            pointer: "#".to_owned(),
            detail: "expected the request that this Idempotency-Key came with first".to_owned(),
        }]));
    }
    if first.running.is_some() {
        let detail = "A request with this Idempotency-Key is still running.";
        let conflict = Problem::new(StatusCode::CONFLICT).detail(detail);
        return Ok(([(RETRY_AFTER, "1")], conflict).into_response());
    }
    let mut response = Response::new(Body::from(body[1..].to_vec()));
    *response.status_mut() = StatusCode::from_u16(first.status)?;
    let headers = response.headers_mut();
    for (name, value) in first.headers {
        headers.insert(name.parse::<HeaderName>()?, value.parse()?);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// SHA-256 of the parts, in which the border between two of them counts.
fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a text takes all");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Service};
    use axum::Router;
    use axum::routing::post;
    use tower::ServiceExt;

    #[test]
    fn a_key_is_visible_ascii_perhaps_in_quotes() {
        assert_eq!(unquoted(b"\"a\""), Some(b"a".as_slice()));
        assert_eq!(unquoted(b"a"), Some(b"a".as_slice()));
        for none in ["", "\"", "\"\"", "\"a", "a\"", "two words", "\u{e9}", "a\\"] {
            assert_eq!(unquoted(none.as_bytes()), None, "{none}");
        }
        assert_eq!(unquoted(&[b'x'; 256]), None);
    }

    #[tokio::test]
    async fn without_a_cache_a_key_is_not_passed_over() {
        let cache = Cache::load(&Environment::new([("PORT", "")])).unwrap();
        let routes = Router::new().route("/orders", post(async || StatusCode::CREATED));
        let service = Service::default().routes(routes).idempotent(cache);
        let whole = service.into_router();
        for (path, key, status) in [
            ("/orders", Some("1"), 503),
            ("/orders", Some("two words"), 400),
            ("/orders", None, 201),
            ("/nothing", Some("1"), 404),
        ] {
            let mut request = Request::post(path);
            if let Some(key) = key {
                request = request.header(KEY, key);
            }
            let request = request.body(Body::empty()).unwrap();
            let response = whole.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{path} {key:?}");
        }
    }
}
