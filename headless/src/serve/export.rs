//! The whole history as one JSON document, streamed as it is read: neither its size is ever in
//! memory, nor does a client that reads slowly hold a thread or the store.

use super::Window;
use super::answer::{Problem, read};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use cappuccino_core::export::Pieces;
use cappuccino_core::store::Reader;
use std::io;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// Pieces that may wait for one client.
const QUEUE: usize = 2;
/// A client that takes nothing for so long is dropped.
const STALLED: Duration = Duration::from_mins(1);

type Piece = io::Result<Bytes>;

pub(super) async fn export(State(window): State<Window>) -> Result<Response, Problem> {
    let permit = window.stream_permit()?;
    let reader = window.port.reader.borrow().clone();
    // A store that cannot be read is an error of its own, not the beginning of a document.
    read(reader.clone(), Reader::last_sequence).await?;
    let pieces = Pieces::new(window.port.status.borrow().at);
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(stream(reader, pieces, sender, permit));
    let body = Body::from_stream(ReceiverStream::new(receiver));
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

async fn stream(
    reader: Reader,
    mut pieces: Pieces,
    sender: mpsc::Sender<Piece>,
    _permit: OwnedSemaphorePermit,
) {
    loop {
        let from = reader.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let next = pieces.next(&from);
            (pieces, next)
        });
        let piece = match reading.await {
            Ok((_, Ok(None))) => return,
            Ok((rest, Ok(Some(piece)))) => {
                pieces = rest;
                Ok(Bytes::from(piece))
            }
            // The client must see the document break off, not end.
            Ok((_, Err(error))) => return break_off(&sender, &error).await,
            Err(error) => return break_off(&sender, &error).await,
        };
        if !send(&sender, piece).await {
            return;
        }
    }
}

async fn break_off(sender: &mpsc::Sender<Piece>, error: &impl std::fmt::Display) {
    tracing::warn!("an export ended early: {error}");
    send(sender, Err(io::Error::other(error.to_string()))).await;
}

/// Whether the client takes the piece.
async fn send(sender: &mpsc::Sender<Piece>, piece: Piece) -> bool {
    match tokio::time::timeout(STALLED, sender.send(piece)).await {
        Ok(sent) => sent.is_ok(),
        Err(_stalled) => {
            tracing::warn!("dropped a client that stopped reading its export");
            false
        }
    }
}
