//! The runner's window to its clients: HTTP/1.1 and JSON on a Unix socket, events as SSE.
//!
//! A session sees the runner through its [`port`] alone. Nothing here can hold the runner up:
//! requests wait in a bounded queue, the store is read on other threads, and a client that does
//! not read is dropped; it goes on from the last event it saw.

mod answer;
mod commands;
mod connection;
mod events;
mod export;
mod lanes;
mod logs;
pub mod port;
mod prometheus;
mod reading;
mod series;
pub mod socket;

pub use connection::serve;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use port::Port;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Streams (events, exports) served at one time; more are answered "busy".
const STREAMS_MAX: usize = 32;

/// What every handler may see.
#[derive(Clone)]
struct Window {
    port: Port,
    streams: Arc<Semaphore>,
    closing: watch::Receiver<bool>,
}

fn router(port: Port, closing: watch::Receiver<bool>) -> Router {
    let streams = Arc::new(Semaphore::new(STREAMS_MAX));
    Router::new()
        .route("/v1/hello", get(reading::hello))
        .route("/metrics", get(prometheus::metrics))
        .route("/v1/status", get(reading::status))
        .route("/v1/trials", get(reading::trials))
        .route("/v1/trials/chart", get(reading::chart))
        .route("/v1/trials/{number}", get(reading::trial))
        .route("/v1/trials/{number}/params", get(reading::params))
        .route("/v1/series", get(series::names))
        .route("/v1/series/{*name}", get(series::buckets))
        .route("/v1/curves", get(series::curves))
        .route("/v1/trades", get(reading::trades))
        .route("/v1/pnl", get(reading::pnl))
        .route("/v1/lanes", get(lanes::lanes))
        .route("/v1/logs/{process}", get(logs::logs))
        .route("/v1/alerts", get(reading::alerts))
        .route("/v1/notifications", get(reading::notifications))
        .route("/v1/history", get(reading::history))
        .route("/v1/events", get(events::events))
        .route("/v1/export", get(export::export))
        .route("/v1/commands", post(commands::command))
        .route("/v1/foresee", post(commands::foresee))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Window { port, streams, closing })
}

async fn unknown_route(uri: axum::http::Uri) -> answer::Problem {
    let path = uri.path();
    let text = format!("there is no {path} here; `GET /v1/hello` says which version this is");
    answer::Problem::new(StatusCode::NOT_FOUND, text)
}

async fn wrong_method(method: axum::http::Method, uri: axum::http::Uri) -> answer::Problem {
    let text =
        format!("{} does not take {method}; read with GET, ask with POST /v1/commands", uri.path());
    answer::Problem::new(StatusCode::METHOD_NOT_ALLOWED, text)
}
