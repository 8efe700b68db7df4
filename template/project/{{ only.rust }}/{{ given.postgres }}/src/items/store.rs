//! The table `items`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use sqlx::FromRow;

use platform::database::{Database, fetch_all, fetch_optional};

#[derive(FromRow, Serialize)]
pub struct Item {
    pub id: i64,
    name: String,
    quantity: i32,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
}

fn milliseconds<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The new item; `None` where its name is taken.
pub async fn insert(database: &Database, name: &str, quantity: i64) -> sqlx::Result<Option<Item>> {
    let mut transaction = database.begin().await?;
    let query = sqlx::query(
        "INSERT INTO items (name, quantity) VALUES ($1, $2::bigint)
         ON CONFLICT (name) DO NOTHING RETURNING *",
    );
    let query = query.bind(name).bind(quantity);
    let item = fetch_optional(&mut transaction, "INSERT items", query).await?;
    transaction.commit().await?;
    Ok(item)
}

pub async fn find(database: &Database, id: i64) -> sqlx::Result<Option<Item>> {
    let mut connection = database.acquire().await?;
    let query = sqlx::query("SELECT * FROM items WHERE id = $1").bind(id);
    fetch_optional(&mut connection, "SELECT items", query).await
}

/// The newest `limit` items with an id below `cursor`, and whether there are older ones.
pub async fn before(
    database: &Database,
    cursor: i64,
    limit: u16,
) -> sqlx::Result<(Vec<Item>, bool)> {
    let mut connection = database.acquire().await?;
    let query = sqlx::query("SELECT * FROM items WHERE id < $1 ORDER BY id DESC LIMIT $2")
        .bind(cursor)
        .bind(i64::from(limit) + 1);
    let mut items: Vec<Item> = fetch_all(&mut connection, "SELECT items", query).await?;
    let more = items.len() > usize::from(limit);
    items.truncate(limit.into());
    Ok((items, more))
}
