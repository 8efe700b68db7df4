//! What holds for each service.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Once;
use std::{fs, process};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::routing::{get, post};
use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;
use tracing::subscriber::set_global_default;
use tracing::{Level, debug, info, warn};

use crate::{Check, Environment, Problem, Service, Valid, about, logs};

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Collects log lines by thread: each test has one of its own.
struct ThisTest;

impl Write for ThisTest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn collect_lines() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_global_default(logs::subscriber(Level::INFO, || ThisTest)).unwrap());
}

/// The lines that were written since the last call.
fn lines() -> Vec<Value> {
    let text = String::from_utf8(WRITTEN.take()).unwrap();
    let parse = |line| serde_json::from_str(line).unwrap();
    text.lines().map(parse).collect()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn id(&self) -> &str {
        self.headers["x-request-id"].to_str().unwrap()
    }
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body).unwrap(),
    }
}

async fn fetch(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

fn router(routes: Router) -> Router {
    collect_lines();
    Service::default().routes(routes).into_router()
}

#[tokio::test]
async fn a_failed_check_makes_it_unready() {
    collect_lines();
    let service = Service::default().checks([
        Check::new("cache", async || Ok(())),
        Check::new("mail", async || Err("no route to host".into())),
    ]);

    let answer = fetch(&service.into_router(), "/readyz").await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let checks = json!({ "cache": "ok", "mail": "failed" });
    let expected = json!({ "status": "unavailable", "checks": checks });
    assert_eq!(answer.json(), expected);
    let line = &lines()[0];
    assert_eq!(line["level"], "warn");
    assert_eq!(line["message"], "check failed");
    assert_eq!(line["check"], "mail");
    assert_eq!(line["error"], "no route to host");
}

#[tokio::test]
async fn a_check_without_an_answer_fails() {
    let service = Service::default().checks([Check::new("cache", std::future::pending)]);
    let answer = fetch(&service.into_router(), "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn it_is_unready_while_it_stops() {
    let (router, health) = Service::default().finish();
    health.stop();
    let answer = fetch(&router, "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json(), json!({ "status": "stopping", "checks": {} }));
    assert_eq!(answer.headers["connection"], "close");
}

#[tokio::test]
async fn the_callers_request_id_is_kept_if_it_is_harmless() {
    let router = router(Router::new());
    let fetch_as = async |id: &str| {
        let request = Request::get("/healthz").header("X-Request-ID", id);
        send(&router, request.body(Body::empty()).unwrap()).await
    };
    for id in ["a", "trace-1.2_3", &"x".repeat(128)] {
        assert_eq!(fetch_as(id).await.id(), id);
    }
    for id in ["", "a b", "a\"b", "ü", &"x".repeat(129)] {
        assert_eq!(fetch_as(id).await.id().len(), 36);
    }
}

#[tokio::test]
async fn each_line_of_a_request_has_its_id() {
    let handler = async || info!("sold");
    let router = router(Router::new().route("/sell/{what}", get(handler)));
    let request = Request::get("/sell/42").header("X-Request-ID", "abc");
    send(&router, request.body(Body::empty()).unwrap()).await;

    let lines = lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["message"], "sold");
    assert_eq!(lines[0]["request_id"], "abc");
    assert_eq!(lines[1]["message"], "request");
    assert_eq!(lines[1]["request_id"], "abc");
    assert_eq!(lines[1]["method"], "GET");
    assert_eq!(lines[1]["route"], "/sell/{what}");
    assert_eq!(lines[1]["status"], 200);
    assert!(lines[1]["duration_ms"].is_number());
    assert!(lines[1].get("error").is_none());
}

#[tokio::test]
async fn errors_have_one_form() {
    let taken = async || Problem::new(StatusCode::CONFLICT).detail("Taken by ACME");
    let own = Router::new()
        .route("/taken", get(taken))
        .route("/plain", get(async || (StatusCode::GONE, "it was secret")));
    let router = router(own);
    for (method, path, status, title) in [
        (Method::GET, "/nowhere", 404, "Not Found"),
        (Method::POST, "/healthz", 405, "Method Not Allowed"),
        (Method::GET, "/plain", 410, "Gone"),
    ] {
        let request = Request::builder().method(method).uri(path);
        let answer = send(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let expected = json!({ "type": "about:blank", "title": title, "status": status });
        assert_eq!(answer.json(), expected);
        assert_eq!(answer.headers.contains_key("allow"), status == 405);
    }
    let answer = fetch(&router, "/taken").await;
    assert_eq!(answer.json()["detail"], "Taken by ACME");
}

#[tokio::test]
async fn a_body_that_breaks_rules_is_told_where() {
    #[derive(Deserialize, Validate)]
    struct Order {
        #[garde(length(chars, min = 1, max = 3))]
        name: String,
        #[garde(dive)]
        lines: Vec<Line>,
    }
    #[derive(Deserialize, Validate)]
    struct Line {
        #[garde(range(min = 1))]
        count: u32,
    }
    let take = async |Valid(order): Valid<Order>| format!("{} {}", order.name, order.lines.len());
    let router = router(Router::new().route("/orders", post(take)));
    for (body, status, pointers) in [
        (r#"{"name": "äöü", "lines": []}"#, 200, vec![]),
        (
            r#"{"name": "", "lines": [{"count": 0}]}"#,
            422,
            vec!["#/lines/0/count", "#/name"],
        ),
        (
            r#"{"name": "a", "lines": [{"count": "hunter2"}]}"#,
            422,
            vec!["#/lines/0/count"],
        ),
        (
            r#"{"name": "a", "lines": [{"count": 1.0}]}"#,
            422,
            vec!["#/lines/0/count"],
        ),
        ("[]", 422, vec!["#"]),
        ("{", 400, vec![]),
    ] {
        let request = Request::post("/orders").header("content-type", "application/json");
        let answer = send(&router, request.body(body.into()).unwrap()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert!(!answer.body.contains("hunter2"), "{}", answer.body);
        if status == 422 {
            let errors = answer.json()["errors"].as_array().unwrap().clone();
            let mut found: Vec<_> = errors.iter().map(|it| it["pointer"].clone()).collect();
            found.sort_by_key(ToString::to_string);
            assert_eq!(found, pointers, "{body}");
        }
    }
    let answer = send(&router, Request::post("/orders").body("{}".into()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let request = Request::post("/orders").header("content-type", "application/json");
    let long = vec![b' '; 1024 * 1024 + 1];
    let answer = send(&router, request.body(long.into()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_failure_is_logged_but_not_told() {
    async fn fail() -> Result<(), Problem> {
        Ok("many".parse::<u16>().map(drop)?)
    }
    let own = Router::new()
        .route("/fail", get(fail))
        .route("/panic", get(async || -> () { panic!("out of cheese") }));
    let router = router(own);
    for (path, cause) in [
        ("/fail", "invalid digit found in string"),
        ("/panic", "panic: out of cheese"),
    ] {
        let answer = fetch(&router, path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.json()["title"], "Internal Server Error");
        assert!(answer.json().get("detail").is_none());
        let line = &lines()[0];
        assert_eq!(line["level"], "error");
        assert_eq!(line["error"], cause);
    }
}

#[tokio::test]
async fn a_caller_cannot_grow_the_number_of_metrics() {
    let router = router(Router::new().route("/orders/{id}", get(async || ())));
    fetch(&router, "/orders/4711").await;
    let brew = Request::builder().method("BREW").uri("/customers/4712");
    send(&router, brew.body(Body::empty()).unwrap()).await;

    let text = fetch(&router, "/metrics").await.body;

    for series in [
        r#"http_requests_total{method="GET",route="/orders/{id}",status="200"} 1"#,
        r#"http_requests_total{method="OTHER",route="unmatched",status="404"} 1"#,
        r#"http_request_duration_seconds_count{method="GET",route="/orders/{id}",status="200"} 1"#,
    ] {
        assert!(text.lines().any(|line| line == series), "{series}: {text}");
    }
    assert!(!text.contains("471") && !text.contains("BREW"));
}

#[test]
fn libraries_are_heard_from_warn_up() {
    collect_lines();
    info!(target: "library", "chatter");
    warn!(target: "library", name = "a \"b\"\n", "trouble");
    debug!("below the level");
    let lines = lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["message"], "trouble");
    assert_eq!(lines[0]["name"], "a \"b\"\n");
    let time = lines[0]["time"].as_str().unwrap();
    assert_eq!(time.len(), "2026-01-31T12:00:00.000Z".len());
}

fn read(variables: &[(&str, &str)], name: &str) -> Result<Option<String>, String> {
    let environment = Environment::new(variables.iter().copied());
    environment.read(name).map_err(|error| error.to_string())
}

#[test]
fn a_setting_may_come_as_a_file() {
    let path: PathBuf = std::env::temp_dir().join(format!("setting-{}", process::id()));
    fs::write(&path, "9001 \n\n").unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(read(&[("A_FILE", path)], "A"), Ok(Some("9001".to_owned())));
    assert_eq!(read(&[("A", ""), ("A_FILE", "")], "A"), Ok(None));
    let both = read(&[("A", "1"), ("A_FILE", path)], "A").unwrap_err();
    assert_eq!(both, "A: expected A or A_FILE, not both");
    let missing = read(&[("A_FILE", "hunter2")], "A").unwrap_err();
    assert_eq!(missing, "A_FILE: expected the path of a readable text file");
    fs::remove_file(path).unwrap();
}

#[test]
fn bad_settings_are_refused() {
    assert_eq!(
        Environment::new([("PORT", "")]).port().unwrap(),
        about::PORT
    );
    for port in ["1024", "65536", "-1", "http"] {
        let error = Environment::new([("PORT", port)]).port().unwrap_err();
        let expected = "PORT: expected a number from 1025 to 65535";
        assert_eq!(error.to_string(), expected);
    }
    let error = Environment::new([("LOG_LEVEL", "loud")]).log_level();
    let expected = "LOG_LEVEL: expected debug, info, warn or error";
    assert_eq!(error.unwrap_err().to_string(), expected);
}
