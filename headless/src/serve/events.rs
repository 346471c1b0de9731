//! The history as it happens: Server-Sent Events that a client can resume without a gap.
//!
//! An event without a name is one line of the history: its id is the sequence number, its data the
//! line as JSON. `event: status` carries the whole picture whenever it changed; a client that is
//! slow gets the latest one only. Lines come from the store and never from memory, so whatever a
//! client missed is still there when it comes back with `Last-Event-ID`.

use super::Window;
use super::answer::{Problem, read};
use super::connection::closed;
use super::port::Port;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use cappuccino_core::api::ErrorBody;
use cappuccino_core::words::Sequence;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;

/// Events that may wait for one client.
const QUEUE: usize = 16;
/// Lines read from the store at a time.
const PAGE: usize = 100;
/// A client that takes no event for so long is dropped.
const STALLED: Duration = Duration::from_secs(30);
/// Pause before a store that is being opened again is read again.
const REOPENING: Duration = Duration::from_millis(500);
/// A comment this often keeps both ends sure of each other.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

type Sent = Result<Event, axum::Error>;

pub(super) async fn events(
    State(window): State<Window>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permit = window.stream_permit()?;
    let reader = window.port.reader.borrow().clone();
    let newest = read(reader, cappuccino_core::store::Reader::last_sequence).await?;
    let seen = last_seen(&headers, newest)?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    let feed = Feed { port: window.port, sender, seen, _permit: permit };
    tokio::spawn(feed.run(window.closing));
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(keep_alive).into_response())
}

impl Window {
    /// The right to one stream, until it is dropped.
    pub(super) fn stream_permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        std::sync::Arc::clone(&self.streams).try_acquire_owned().map_err(|_none_left| {
            Problem::busy(
                "the runner serves too many streams at this moment; close some, ask again",
            )
        })
    }
}

/// The line the client saw last; without one it starts with the next.
fn last_seen(headers: &HeaderMap, newest: Sequence) -> Result<Sequence, Problem> {
    let Some(id) = headers.get("last-event-id") else { return Ok(newest) };
    let number = id.to_str().ok().and_then(|text| text.trim().parse().ok());
    let seen = number.map(Sequence).ok_or_else(|| {
        Problem::malformed("Last-Event-ID is no number; send the id of the last event, or none")
    })?;
    if seen > newest {
        let text = format!(
            "the history ends at line {newest}, before line {seen} that you saw last, so an older \
             backup was restored; read it anew from /v1/history"
        );
        return Err(Problem::new(StatusCode::GONE, text));
    }
    Ok(seen)
}

/// One client's supply of events.
struct Feed {
    port: Port,
    sender: mpsc::Sender<Sent>,
    seen: Sequence,
    _permit: OwnedSemaphorePermit,
}

/// The client is gone, or as good as gone.
struct Gone;

impl Feed {
    async fn run(mut self, mut closing: watch::Receiver<bool>) {
        self.port.status.mark_changed();
        loop {
            let goes_on = tokio::select! {
                biased;
                () = self.sender.closed() => false,
                changed = self.port.status.changed() => changed.is_ok(),
                () = closed(&mut closing) => false,
            };
            // Also on the way out: the last lines are told.
            if self.catch_up().await.is_err() || !goes_on {
                return;
            }
        }
    }

    /// Tells every line up to the present picture, then the picture. The runner commits before it
    /// shows, so no line can hide behind a picture.
    async fn catch_up(&mut self) -> Result<(), Gone> {
        let status = std::sync::Arc::clone(&self.port.status.borrow_and_update());
        while self.tell_page().await? {}
        self.send(Event::default().event("status").json_data(&*status)).await
    }

    /// Tells one page of lines; whether there may be more.
    async fn tell_page(&mut self) -> Result<bool, Gone> {
        let from = Sequence(self.seen.0.saturating_add(1));
        let reader = self.port.reader.borrow().clone();
        match tokio::task::spawn_blocking(move || reader.entries(from, PAGE)).await {
            Ok(Ok(page)) => {
                let full = page.len() == PAGE;
                for entry in page {
                    self.seen = entry.sequence;
                    let id = entry.sequence.to_string();
                    self.send(Event::default().id(id).json_data(&entry)).await?;
                }
                Ok(full)
            }
            Ok(Err(error)) if error.needs_reopen() => {
                let is_over = self.port.reader.has_changed().is_err() || self.sender.is_closed();
                tokio::time::sleep(REOPENING).await;
                if is_over { Err(Gone) } else { Ok(true) }
            }
            Ok(Err(error)) => self.end_with(error.to_string()).await,
            Err(error) => self.end_with(format!("reading the history failed: {error}")).await,
        }
    }

    /// Says why there will be no more events.
    async fn end_with(&mut self, error: String) -> Result<bool, Gone> {
        tracing::error!("a client's events end: {error}");
        let body = ErrorBody { error, status: None };
        self.send(Event::default().event("error").json_data(&body)).await?;
        Err(Gone)
    }

    async fn send(&self, event: Sent) -> Result<(), Gone> {
        match timeout(STALLED, self.sender.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_gone)) => Err(Gone),
            Err(_stalled) => {
                tracing::warn!("dropped a client that took no event for {STALLED:?}");
                Err(Gone)
            }
        }
    }
}
