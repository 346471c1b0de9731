//! What clients ask: one request, handed to the runner's loop, answered when it has decided.

use super::Window;
use super::answer::Problem;
use super::port::{Ask, AskError, Reply};
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use cappuccino_core::api::{Accepted, CommandRequest, Foresight, Status};
use cappuccino_core::words::Refusal;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Largest body of a request, in bytes.
const BODY_MAX: usize = 64 * 1024;
/// Longest id of a request, in bytes; it becomes a key of the store.
const ID_MAX: usize = 128;
/// Longest text (reason, actor), in bytes; it is kept for ever.
const TEXT_MAX: usize = 4096;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the runner may take to decide: a backup of years of history takes a while.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

pub(super) async fn command(
    State(window): State<Window>,
    body: Body,
) -> Result<Json<Accepted>, Problem> {
    ask(&window, body, Reply::Act).await
}

/// What a command would lead to; nothing is done.
pub(super) async fn foresee(
    State(window): State<Window>,
    body: Body,
) -> Result<Json<Foresight>, Problem> {
    ask(&window, body, Reply::Foresee).await
}

async fn ask<T>(
    window: &Window,
    body: Body,
    reply: impl FnOnce(oneshot::Sender<Result<T, AskError>>) -> Reply,
) -> Result<Json<T>, Problem> {
    let request = parse(&receive(body).await?)?;
    let (answered, answer) = oneshot::channel();
    let ask = Ask { request, reply: reply(answered) };
    window.port.asks.try_send(ask).map_err(|error| match error {
        TrySendError::Full(_) => {
            Problem::busy("the runner is busy: too many requests wait; ask again in a moment")
        }
        TrySendError::Closed(_) => going_down(),
    })?;
    match timeout(ANSWER_TIMEOUT, answer).await {
        Ok(Ok(outcome)) => outcome.map(Json).map_err(|error| {
            let status = window.port.status.borrow();
            refused(&error, &status)
        }),
        Ok(Err(_dropped)) => Err(going_down()),
        Err(_elapsed) => Err(Problem::busy(
            "the runner has not decided yet, its disk may be slow; ask again with the same request \
             id: it never acts twice",
        )),
    }
}

async fn receive(body: Body) -> Result<axum::body::Bytes, Problem> {
    match timeout(BODY_TIMEOUT, to_bytes(body, BODY_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let text = format!(
                "the request did not arrive whole ({error}); send at most {BODY_MAX} bytes"
            );
            Err(Problem::malformed(text))
        }
        Err(_elapsed) => {
            let text = "the request's body did not arrive in time; send it again";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, text))
        }
    }
}

fn parse(bytes: &[u8]) -> Result<CommandRequest, Problem> {
    let request: CommandRequest = serde_json::from_slice(bytes).map_err(|error| {
        Problem::malformed(format!("the request is not understood: {error}; see docs/API.md"))
    })?;
    let id = request.id.0.len();
    if !(1..=ID_MAX).contains(&id) {
        let text = format!("a request id of {id} bytes is not taken; use 1 to {ID_MAX}");
        return Err(Problem::malformed(text));
    }
    if request.actor.len() > TEXT_MAX || longest_text(&request) > TEXT_MAX {
        let text = format!("a text is too long; use at most {TEXT_MAX} bytes");
        return Err(Problem::malformed(text));
    }
    Ok(request)
}

fn longest_text(request: &CommandRequest) -> usize {
    use cappuccino_core::api::CommandBody::{
        Acknowledge, Approve, Backup, Deploy, Hold, Pause, Reject, Reset, Restart, RestartRunner,
        Resume, Rollback, Shutdown, Silence, Unacknowledge, Unhold, Unsilence,
    };
    match &request.command {
        Deploy { reason, .. }
        | Rollback { reason, .. }
        | Hold { reason, .. }
        | Reject { reason }
        | Pause { reason, .. } => reason.len(),
        Acknowledge { alert: text, reason } | Silence { pattern: text, reason, .. } => {
            reason.len().max(text.len())
        }
        Unacknowledge { alert } => alert.len(),
        Unhold { .. }
        | Approve
        | Resume
        | Restart { .. }
        | Reset { .. }
        | Unsilence { .. }
        | Backup
        | RestartRunner
        | Shutdown { .. } => 0,
    }
}

fn refused(error: &AskError, status: &Status) -> Problem {
    let text = error.to_string();
    match error {
        AskError::Refused(Refusal::Stale { .. }) => {
            Problem::new(StatusCode::CONFLICT, text).with_status(status)
        }
        AskError::Refused(_) | AskError::Trial(_) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, text)
        }
        AskError::Store(_) => Problem::busy(text),
    }
}

fn going_down() -> Problem {
    Problem::busy(
        "the runner is going down; start it again with `cappuccino start`, then ask again",
    )
}
