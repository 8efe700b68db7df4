//! Items: a table, and three routes on it. A model for your own.

mod store;
#[cfg(test)]
mod tests;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, StatusCode, header::LOCATION};
use axum::routing::get;
use axum::{Json, Router};
use garde::Validate;
use serde::{Deserialize, Serialize};

use platform::database::Database;
use platform::{Problem, Valid};

use store::Item;

pub fn routes(database: Database) -> Router {
    Router::new()
        .route("/items", get(list).post(create))
        .route("/items/{id}", get(find))
        .with_state(database)
}

/// A field that is missing breaks its rule: it is 422 by name, as a bad value is.
#[derive(Deserialize, Validate)]
struct NewItem {
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 100), custom(no_control_character))]
    name: String,
    #[garde(required, inner(range(min = 0, max = 1_000_000)))]
    quantity: Option<i64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "garde asks for this signature"
)]
fn no_control_character(text: &str, (): &()) -> garde::Result {
    if text.contains(char::is_control) {
        return Err(garde::Error::new("expected no control characters"));
    }
    Ok(())
}

type Created = (StatusCode, [(HeaderName, String); 1], Json<Item>);

async fn create(
    State(database): State<Database>,
    Valid(new): Valid<NewItem>,
) -> Result<Created, Problem> {
    let quantity = new.quantity.unwrap_or_default();
    let Some(item) = store::insert(&database, &new.name, quantity).await? else {
        let taken = "There is an item of this name.";
        return Err(Problem::new(StatusCode::CONFLICT).detail(taken));
    };
    let location = [(LOCATION, format!("/items/{}", item.id))];
    Ok((StatusCode::CREATED, location, Json(item)))
}

async fn find(
    State(database): State<Database>,
    Path(id): Path<String>,
) -> Result<Json<Item>, Problem> {
    let item = match id.parse() {
        Ok(id) => store::find(&database, id).await?,
        Err(_) => None, // no number, so there is none
    };
    item.map(Json)
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND))
}

#[derive(Deserialize)]
#[serde(default)]
struct Page {
    limit: u16,
    cursor: i64,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            limit: 20,
            cursor: i64::MAX,
        }
    }
}

#[derive(Serialize)]
struct Items {
    items: Vec<Item>,
    next: Option<String>,
}

async fn list(
    State(database): State<Database>,
    Query(page): Query<Page>,
) -> Result<Json<Items>, Problem> {
    if !(1..=100).contains(&page.limit) || page.cursor < 1 {
        let expected = "expected a limit from 1 to 100 and a positive cursor";
        return Err(Problem::new(StatusCode::BAD_REQUEST).detail(expected));
    }
    let (items, more) = store::before(&database, page.cursor, page.limit).await?;
    let next = items
        .last()
        .filter(|_| more)
        .map(|item| item.id.to_string());
    Ok(Json(Items { items, next }))
}
