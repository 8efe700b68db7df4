//! The service. `main.rs` starts it; the tests use it without a process of its own.

pub mod about;
pub mod app;
pub mod database;
pub mod environment;
pub mod failure;
pub mod health;
pub mod healthcheck;
pub mod logs;
pub mod metrics;
pub mod observe;
pub mod panics;
pub mod routes;
pub mod server;
pub mod settings;
