//! Accepting clients: only our own user, only so many, and none may dawdle.

use super::port::Port;
use super::router;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Connections at one time; more are told so and closed.
const CONNECTIONS_MAX: usize = 128;
/// How long a client may take to send the head of a request, or be silent between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest head of a request, and what is buffered of an answer, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long answers under way may take once the runner goes down.
const FAREWELL: Duration = Duration::from_secs(2);
/// Pause after the system had no descriptor left for a client.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(200);
/// What a client over the limit is told.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    connection: close\r\ncontent-length: 81\r\n\r\n\
    {\"error\":\"the runner has too many clients at this moment; close some, ask again\"}";

/// Serves clients on `listener` until `shutdown` completes; answers under way are finished, streams
/// end cleanly.
pub async fn serve(listener: UnixListener, port: Port, shutdown: impl Future<Output = ()>) {
    let (close, closing) = watch::channel(false);
    let router = router(port, closing.clone());
    let mut sessions = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_ended) = sessions.join_next(), if !sessions.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if !is_ours(&stream) => drop(stream),
                Ok((stream, _)) if sessions.len() >= CONNECTIONS_MAX => turn_away(stream).await,
                Ok((stream, _)) => {
                    sessions.spawn(session(stream, router.clone(), closing.clone()));
                }
                Err(error) => {
                    tracing::warn!("a client could not be accepted: {error}");
                    sleep(EXHAUSTED_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    close.send_replace(true);
    let all_ended = async { while sessions.join_next().await.is_some() {} };
    if timeout(FAREWELL, all_ended).await.is_err() {
        tracing::debug!("clients that did not read their answers were cut off");
    }
}

async fn session(stream: UnixStream, router: Router, mut closing: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closed(&mut closing) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a session ended early: {error}");
    }
}

/// Completes when the runner goes down.
pub(super) async fn closed(closing: &mut watch::Receiver<bool>) {
    drop(closing.wait_for(|closing| *closing).await);
}

/// Whether the other end is a process of our own user: the socket's rights say so already, this
/// holds even when they were changed.
fn is_ours(stream: &UnixStream) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == ours => true,
        Ok(peer) => {
            tracing::warn!("turned a client of user {} away; only {ours} may ask", peer.uid());
            false
        }
        Err(error) => {
            tracing::warn!("turned a client away that cannot be identified: {error}");
            false
        }
    }
}

async fn turn_away(mut stream: UnixStream) {
    tracing::warn!("turned a client away: {CONNECTIONS_MAX} are connected");
    // The buffer of a new socket holds this; a client that is gone already is no matter.
    if let Err(error) = stream.write_all(FULL).await {
        tracing::debug!("telling it so failed: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::FULL;

    #[test]
    fn the_answer_to_one_client_too_many_is_well_formed() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<cappuccino_core::api::ErrorBody>(body).is_ok());
    }
}
