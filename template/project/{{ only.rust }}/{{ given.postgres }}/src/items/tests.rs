use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::routes;
use crate::MIGRATIONS;
use platform::Service;
use platform::database::Database;
use platform::scratch::schema;

struct Client(Router);

impl Client {
    fn new(database: Database) -> Self {
        Self(Service::default().routes(routes(database)).into_router())
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap();
        (parts.status, parts.headers, body)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (status, _, body) = self.send(request).await;
        (status, body)
    }

    async fn post(&self, item: Value) -> (StatusCode, HeaderMap, Value) {
        let request = Request::post("/items").header("content-type", "application/json");
        self.send(request.body(item.to_string().into()).unwrap())
            .await
    }
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn an_item_is_kept() {
    schema(&MIGRATIONS, async |database| {
        let client = Client::new(database);
        let new = json!({ "name": "Käse", "quantity": 3, "colour": "unknown field" });
        let (status, headers, item) = client.post(new).await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(headers["location"], "/items/1");
        assert_eq!(item["name"], "Käse");
        assert_eq!(item["quantity"], 3);
        let time = item["created_at"].as_str().unwrap();
        assert_eq!(time.len(), "2026-01-31T12:00:00.123Z".len(), "{time}");
        assert_eq!(client.get("/items/1").await, (StatusCode::OK, item));
    })
    .await;
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn a_name_is_taken_once() {
    schema(&MIGRATIONS, async |database| {
        let client = Client::new(database);
        let item = json!({ "name": "a", "quantity": 0 });
        assert_eq!(client.post(item.clone()).await.0, StatusCode::CREATED);
        assert_eq!(client.post(item).await.0, StatusCode::CONFLICT);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn pages_go_from_new_to_old() {
    schema(&MIGRATIONS, async |database| {
        let client = Client::new(database);
        for name in ["a", "b", "c"] {
            client.post(json!({ "name": name, "quantity": 1 })).await;
        }
        let (_, first) = client.get("/items?limit=2").await;
        assert_eq!(first["items"][0]["name"], "c");
        assert_eq!(first["items"][1]["name"], "b");
        let cursor = first["next"].as_str().unwrap();
        let (_, last) = client.get(&format!("/items?cursor={cursor}")).await;
        assert_eq!(last["items"][0]["name"], "a");
        assert_eq!(last["next"], Value::Null);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn what_breaks_a_rule_is_refused() {
    schema(&MIGRATIONS, async |database| {
        let client = Client::new(database);
        for id in ["1", "0", "-1", "x", "9223372036854775808"] {
            let (status, _) = client.get(&format!("/items/{id}")).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{id}");
        }
        for query in ["limit=0", "limit=101", "limit=x", "cursor=0", "cursor=x"] {
            let (status, _) = client.get(&format!("/items?{query}")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        }
        for (name, quantity, pointer) in [
            (json!(""), json!(1), "#/name"),
            (json!("ä".repeat(101)), json!(1), "#/name"),
            (json!("a\0"), json!(1), "#/name"),
            (Value::Null, json!(1), "#/name"),
            (json!("a"), json!(-1), "#/quantity"),
            (json!("a"), json!(1_000_001), "#/quantity"),
            (json!("a"), json!(1.0), "#/quantity"),
            (json!("a"), json!("1"), "#/quantity"),
            (json!("a"), json!(true), "#/quantity"),
            (json!("a"), Value::Null, "#/quantity"),
        ] {
            let item = json!({ "name": name, "quantity": quantity });
            let (status, _, problem) = client.post(item).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        }
    })
    .await;
}
