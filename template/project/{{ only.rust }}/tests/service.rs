//! The routes, and what happens around every request.

use std::sync::{Arc, Once};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::routing::get;
use serde_json::{Value, json};
use service::app::App;
use service::environment::Environment;
use service::failure::Failure;
use service::settings::Settings;
use service::{about, logs, routes};
use tower::ServiceExt;
use tracing::Level;
use tracing::subscriber::set_global_default;

mod support;
use support::{ThisTest, line};

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

fn app() -> App {
    static LOGS: Once = Once::new();
    LOGS.call_once(|| set_global_default(logs::subscriber(Level::INFO, || ThisTest)).unwrap());
    let environment = Environment::new([("VERSION", "1.2.3")]);
    App::new(Settings::load(&environment).unwrap()).unwrap()
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

async fn fetch_as(router: &Router, id: &str) -> Answer {
    let request = Request::get("/").header("X-Request-ID", id);
    send(router, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_service_tells_its_name_and_version() {
    let answer = fetch(&routes::router(Arc::new(app())), "/").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json(),
        json!({ "service": about::NAME, "version": "1.2.3" })
    );
}

#[tokio::test]
async fn it_lives_and_is_ready_without_dependencies() {
    let router = routes::router(Arc::new(app()));
    let answer = fetch(&router, "/healthz").await;
    assert_eq!(answer.json(), json!({ "status": "ok" }));
    let answer = fetch(&router, "/readyz").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!({ "status": "ready", "checks": {} }));
}

#[tokio::test]
async fn a_failed_check_makes_it_unready() {
    let mut app = app();
    app.health.add("cache", || async { Ok(()) });
    app.health
        .add("database", || async { Err("no route to host".into()) });

    let answer = fetch(&routes::router(Arc::new(app)), "/readyz").await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let checks = json!({ "cache": "ok", "database": "failed" });
    assert_eq!(
        answer.json(),
        json!({ "status": "unavailable", "checks": checks })
    );
    let line = line();
    assert_eq!(line["level"], "warn");
    assert_eq!(line["message"], "check failed");
    assert_eq!(line["check"], "database");
    assert_eq!(line["error"], "no route to host");
}

#[tokio::test(start_paused = true)]
async fn a_check_without_an_answer_fails() {
    let mut app = app();
    app.health.add("database", std::future::pending);
    let answer = fetch(&routes::router(Arc::new(app)), "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn it_is_unready_while_it_stops() {
    let app = app();
    app.health.stop();
    let answer = fetch(&routes::router(Arc::new(app)), "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json(), json!({ "status": "stopping", "checks": {} }));
    assert_eq!(answer.headers["connection"], "close");
}

#[tokio::test]
async fn the_callers_request_id_is_kept_if_it_is_harmless() {
    let router = routes::router(Arc::new(app()));
    for id in ["a", "trace-1.2_3", &"x".repeat(128)] {
        assert_eq!(fetch_as(&router, id).await.id(), id);
    }
    for id in ["", "a b", "a\"b", "ü", &"x".repeat(129)] {
        let answer = fetch_as(&router, id).await;
        assert!(
            uuid::Uuid::parse_str(answer.id()).is_ok(),
            "{}",
            answer.id()
        );
    }
}

#[tokio::test]
async fn what_no_route_takes_is_not_found() {
    let router = routes::router(Arc::new(app()));
    for request in [Request::get("/nowhere"), Request::post("/healthz")] {
        let answer = send(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.json(), json!({ "error": "not found" }));
        assert!(!answer.id().is_empty());
    }
}

#[tokio::test]
async fn callers_cannot_grow_the_number_of_metrics() {
    let router = routes::router(Arc::new(app()));
    fetch(&router, "/healthz").await;
    fetch(&router, "/customers/4711").await;
    let method = Method::from_bytes(b"BREW").unwrap();
    let request = Request::builder().method(method).uri("/healthz");
    send(&router, request.body(Body::empty()).unwrap()).await;

    let text = fetch(&router, "/metrics").await.body;

    for series in [
        r#"http_requests_total{method="GET",route="/healthz",status="200"} 1"#,
        r#"http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"http_requests_total{method="OTHER",route="unmatched",status="404"} 1"#,
        r#"http_request_duration_seconds_count{method="GET",route="/healthz",status="200"} 1"#,
    ] {
        assert!(
            text.lines().any(|line| line == series),
            "{series} in {text}"
        );
    }
    assert!(!text.contains("4711") && !text.contains("BREW"));
}

#[tokio::test]
async fn a_request_is_one_line() {
    let router = routes::router(Arc::new(app()));
    fetch(&router, "/healthz").await; // debug
    fetch_as(&router, "abc").await;

    let line = line();
    assert_eq!(line["level"], "info");
    assert_eq!(line["message"], "request");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/");
    assert_eq!(line["status"], 200);
    assert_eq!(line["request_id"], "abc");
    assert!(line["duration_ms"].is_number());
    assert!(line.get("error").is_none());
}

#[tokio::test]
async fn a_failure_is_logged_but_not_told() {
    async fn fail() -> Result<(), Failure> {
        Ok("many".parse::<u16>().map(drop)?)
    }
    let app = Arc::new(app());
    let router = routes::observed(Router::new().route("/fail", get(fail)), app);

    let answer = fetch(&router, "/fail").await;

    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.json(), json!({ "error": "internal server error" }));
    let line = line();
    assert_eq!(line["level"], "error");
    assert_eq!(line["route"], "/fail");
    assert_eq!(line["error"], "invalid digit found in string");
}
