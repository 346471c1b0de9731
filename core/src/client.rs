//! A client of the runner: HTTP/1.1 over a connection that the caller opened. Core opens none.
//!
//! No clock is read here either: the caller puts its own timeouts around the calls.

use crate::api::{Accepted, CommandRequest, ErrorBody, Foresight, LanesView};
use crate::words::{RevisionId, Sequence};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::rt::{Read, Write};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;

/// Largest answer that is read whole, in bytes.
const ANSWER_MAX: usize = 64 << 20;
/// Largest event of a stream, in bytes.
const EVENT_MAX: usize = 16 << 20;

/// One connection to a runner; one request at a time.
#[derive(Debug)]
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection broke; whether a request arrived is unknown.
    #[error(
        "the connection to the runner broke ({0}); see whether it is up with `cappuccino status`, \
         then ask again"
    )]
    Broken(#[from] hyper::Error),
    /// The runner answered that it will not.
    #[error("{}", .body.error)]
    Refused {
        /// The HTTP status code.
        code: u16,
        /// Why, with the remedy; the present state when ours was stale.
        body: Box<ErrorBody>,
    },
    /// The answer is not what this version understands.
    #[error(
        "the answer to {path} is not understood ({why}); the runner has another version: restart \
         it with `cappuccino stop` and `cappuccino start`"
    )]
    Unreadable {
        /// What was asked.
        path: String,
        /// What is wrong with the answer.
        why: String,
    },
}

impl ClientError {
    /// Whether the runner decided on an older picture than the client's.
    pub const fn is_stale(&self) -> bool {
        matches!(self, Self::Refused { code: 409, .. })
    }
}

/// Begins to speak HTTP over `io`. The second value drives the connection: spawn it; it ends with
/// the connection.
///
/// # Errors
/// [`ClientError::Broken`] when nobody answers.
pub async fn open<T>(io: T) -> Result<(Client, impl Future<Output = ()> + Send), ClientError>
where
    T: Read + Write + Send + Unpin + 'static,
{
    let (sender, connection) = handshake(io).await?;
    // Whoever waits for an answer is told about a broken connection there.
    let driver = async move { drop(connection.await) };
    Ok((Client { sender }, driver))
}

impl Client {
    /// Reads `path`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_json<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, ClientError> {
        let request = request(Method::GET, path, Bytes::new(), None)?;
        self.answer(path, request).await
    }

    /// Sends `body` to `path`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post_json<B: Serialize, T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        let bytes = serde_json::to_vec(body).map_err(|error| unreadable(path, &error))?;
        let request = request(Method::POST, path, bytes.into(), None)?;
        self.answer(path, request).await
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when it is not done; [`ClientError::Broken`] when nobody knows:
    /// ask again with the same id, it never acts twice.
    pub async fn command(&mut self, command: &CommandRequest) -> Result<Accepted, ClientError> {
        self.post_json("/v1/commands", command).await
    }

    /// Asks what something would lead to; nothing is done.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Refused`] as the command itself would be.
    pub async fn foresee(&mut self, command: &CommandRequest) -> Result<Foresight, ClientError> {
        self.post_json("/v1/foresee", command).await
    }

    /// The lanes of a revision's session, of the one that is followed unless one is named; with
    /// each lane's worth over time in at most so many buckets.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Refused`] with code 404 when there is no such session.
    pub async fn lanes(
        &mut self,
        revision: Option<RevisionId>,
        buckets: usize,
    ) -> Result<LanesView, ClientError> {
        let of = revision.map_or_else(String::new, |revision| format!("&revision={revision}"));
        self.get_json(&format!("/v1/lanes?buckets={buckets}{of}")).await
    }

    /// The history from the line after `seen` on, as it happens; from now on when that is `None`.
    /// The connection serves nothing else from here on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn events(mut self, seen: Option<Sequence>) -> Result<Events, ClientError> {
        let body = self.stream("/v1/events", seen).await?;
        Ok(Events { _client: self, body, parser: EventParser::default() })
    }

    /// The bytes of `path`, as they come.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn bytes(mut self, path: &str) -> Result<ByteStream, ClientError> {
        let body = self.stream(path, None).await?;
        Ok(ByteStream { _client: self, body })
    }

    async fn stream(
        &mut self,
        path: &str,
        seen: Option<Sequence>,
    ) -> Result<Incoming, ClientError> {
        let request = request(Method::GET, path, Bytes::new(), seen)?;
        let response = self.send(request).await?;
        if response.status() == StatusCode::OK {
            return Ok(response.into_body());
        }
        Err(refusal(path, response).await)
    }

    async fn answer<T: DeserializeOwned>(
        &mut self,
        path: &str,
        request: Request<Full<Bytes>>,
    ) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        if response.status() != StatusCode::OK {
            return Err(refusal(path, response).await);
        }
        let bytes = whole(path, response).await?;
        serde_json::from_slice(&bytes).map_err(|error| unreadable(path, &error))
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ClientError> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

fn request(
    method: Method,
    path: &str,
    body: Bytes,
    seen: Option<Sequence>,
) -> Result<Request<Full<Bytes>>, ClientError> {
    let mut builder = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "cappuccino")
        .header(ACCEPT, "application/json, text/event-stream")
        .header(CONTENT_TYPE, "application/json");
    if let Some(seen) = seen {
        builder = builder.header("last-event-id", seen.0);
    }
    builder.body(Full::new(body)).map_err(|error| unreadable(path, &error))
}

async fn refusal(path: &str, response: Response<Incoming>) -> ClientError {
    let code = response.status().as_u16();
    match whole(path, response).await {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(body) => ClientError::Refused { code, body: Box::new(body) },
            Err(error) => unreadable(path, &format!("code {code}: {error}")),
        },
        Err(error) => error,
    }
}

async fn whole(path: &str, response: Response<Incoming>) -> Result<Bytes, ClientError> {
    match Limited::new(response.into_body(), ANSWER_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => match error.downcast::<hyper::Error>() {
            Ok(broken) => Err(ClientError::Broken(*broken)),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(unreadable(path, &format!("it is longer than {ANSWER_MAX} bytes")))
            }
            Err(error) => Err(unreadable(path, &error)),
        },
    }
}

fn unreadable(path: &str, why: &dyn std::fmt::Display) -> ClientError {
    ClientError::Unreadable { path: path.to_owned(), why: why.to_string() }
}

/// The body of an answer, piece by piece.
#[derive(Debug)]
pub struct ByteStream {
    _client: Client,
    body: Incoming,
}

impl ByteStream {
    /// The next piece; `None` at the proper end.
    ///
    /// # Errors
    /// [`ClientError::Broken`] when it broke off: what came so far is not the whole.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        next_bytes(&mut self.body).await
    }
}

/// Events as they happen.
#[derive(Debug)]
pub struct Events {
    _client: Client,
    body: Incoming,
    parser: EventParser,
}

impl Events {
    /// The next event; `None` when the runner ends the stream.
    ///
    /// # Errors
    /// [`ClientError`]; go on from the last id with a new connection.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some(event) = self.parser.pop() {
                return Ok(Some(event));
            }
            let Some(bytes) = next_bytes(&mut self.body).await? else { return Ok(None) };
            self.parser.push(&bytes);
            if self.parser.is_overlong() {
                return Err(unreadable("/v1/events", &format!("an event over {EVENT_MAX} bytes")));
            }
        }
    }
}

async fn next_bytes(body: &mut Incoming) -> Result<Option<Bytes>, ClientError> {
    while let Some(frame) = body.frame().await {
        if let Ok(bytes) = frame?.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// One Server-Sent Event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name: `message` for a line of the history, `status` for a picture, `error`.
    pub name: String,
    /// Number of the history line, when it is one.
    pub id: Option<Sequence>,
    /// JSON text.
    pub data: String,
}

impl Event {
    /// The data as a value.
    ///
    /// # Errors
    /// [`ClientError::Unreadable`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_str(&self.data).map_err(|error| unreadable("/v1/events", &error))
    }
}

/// Bytes to events, as the HTML standard defines `text/event-stream`, for a server that ends its
/// lines with `\n`.
#[derive(Debug, Default)]
struct EventParser {
    buffer: Vec<u8>,
}

impl EventParser {
    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether an event grows without end.
    fn is_overlong(&self) -> bool {
        self.buffer.len() > EVENT_MAX && self.end().is_none()
    }

    /// Where the first block ends: at its empty line.
    fn end(&self) -> Option<usize> {
        self.buffer.windows(2).position(|pair| pair == b"\n\n")
    }

    /// The next whole event, comments left out.
    fn pop(&mut self) -> Option<Event> {
        while let Some(end) = self.end() {
            let rest = self.buffer.split_off(end.saturating_add(2));
            let block = std::mem::replace(&mut self.buffer, rest);
            if let Some(event) = event(&String::from_utf8_lossy(&block)) {
                return Some(event);
            }
        }
        None
    }
}

fn event(block: &str) -> Option<Event> {
    let mut event = Event { name: "message".to_owned(), ..Event::default() };
    let mut lines = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event.name),
            "id" => event.id = value.parse().ok().map(Sequence),
            "data" => lines.push(value),
            _ => {}
        }
    }
    event.data = lines.join("\n");
    (!lines.is_empty()).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_the_same_however_the_bytes_are_cut() {
        let text = b": hello\n\nid: 7\ndata: {\"a\":1}\n\nevent: status\ndata: x\ndata: y\n\ndata:";
        let expected = [
            Event { name: "message".into(), id: Some(Sequence(7)), data: "{\"a\":1}".into() },
            Event { name: "status".into(), id: None, data: "x\ny".into() },
        ];
        for size in 1..text.len() {
            let mut parser = EventParser::default();
            let mut events = Vec::new();
            for piece in text.chunks(size) {
                parser.push(piece);
                while let Some(event) = parser.pop() {
                    events.push(event);
                }
            }
            assert_eq!(events, expected, "pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_noticed() {
        let mut parser = EventParser::default();
        parser.push(&vec![b'x'; EVENT_MAX + 1]);
        assert!(parser.is_overlong());
    }
}
