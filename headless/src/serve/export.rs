//! The whole history as one JSON document, streamed as it is read; its size is never in memory.

use super::Window;
use super::answer::{Problem, read};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use cappuccino_core::export::export as write_export;
use cappuccino_core::store::Reader;
use std::io::{self, BufWriter, Write};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// Bytes sent at a time.
const CHUNK: usize = 64 * 1024;
/// Chunks that may wait for one client.
const QUEUE: usize = 2;
/// A client that takes nothing for so long is dropped.
const STALLED: Duration = Duration::from_mins(1);

pub(super) async fn export(State(window): State<Window>) -> Result<Response, Problem> {
    let permit = window.stream_permit()?;
    let reader = window.port.reader.borrow().clone();
    // A store that cannot be read is an error of its own, not the beginning of a document.
    read(reader.clone(), Reader::last_sequence).await?;
    let exported_at = window.port.status.borrow().at;
    let (sender, receiver) = mpsc::channel(QUEUE);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let output = Chunks { runtime, sender };
        stream(&reader, exported_at, output, permit);
    });
    let body = Body::from_stream(ReceiverStream::new(receiver));
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

fn stream(
    reader: &Reader,
    exported_at: cappuccino_core::words::Timestamp,
    chunks: Chunks,
    _permit: OwnedSemaphorePermit,
) {
    let mut output = BufWriter::with_capacity(CHUNK, chunks);
    let written = write_export(reader, exported_at, &mut output)
        .map_err(|error| error.to_string())
        .and_then(|_count| output.flush().map_err(|error| error.to_string()));
    if let Err(error) = written {
        tracing::warn!("an export ended early: {error}");
        // What is buffered belongs to a broken document; the client sees the stream break off.
        let (chunks, _rest) = output.into_parts();
        chunks.break_off(error);
    }
}

/// The client's end of the document.
struct Chunks {
    runtime: Handle,
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Chunks {
    fn send(&self, chunk: io::Result<Bytes>) -> io::Result<()> {
        let sending = async { tokio::time::timeout(STALLED, self.sender.send(chunk)).await };
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_gone)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client left")),
            Err(_stalled) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped reading"))
            }
        }
    }

    fn break_off(&self, why: String) {
        if self.send(Err(io::Error::other(why))).is_err() {
            tracing::debug!("the client of a broken export is gone already");
        }
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(Ok(Bytes::copy_from_slice(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
