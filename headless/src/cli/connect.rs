//! The way to the runner: find its socket, make sure that it is ours, speak the same version.

use super::failure::{Exit, Failure};
use crate::serve::socket;
use crate::workspace::Workspace;
use cappuccino_core::api::{API_VERSION, Hello};
use cappuccino_core::client::{self, Client, ClientError};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long reading takes at most.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the runner may take to decide; longer than it gives itself.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_secs(130);

/// Runs one word's conversation.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::new(format!("the system gives no event queue: {error}"), "check `ulimit -n`")
    })?;
    runtime.block_on(work)
}

/// A connection to the workspace's runner, or none when none is up.
///
/// # Errors
/// Its socket is not ours, cannot be named, or does not answer like a runner.
pub(super) async fn try_connect(workspace: &Workspace) -> Result<Option<Client>, Failure> {
    for (place, path) in workspace.socket_candidates().iter().enumerate() {
        match socket::is_ours(path) {
            Ok(true) => {}
            // Only the likeliest name must fit: the others are there in case it is elsewhere.
            Ok(false) => continue,
            Err(socket::SocketError::TooLong { .. }) if place > 0 => continue,
            Err(error) => return Err(error.into()),
        }
        if let Some(stream) = dial(path).await? {
            let (client, driver) = client::open(TokioIo::new(stream)).await?;
            tokio::spawn(driver);
            return Ok(Some(client));
        }
    }
    Ok(None)
}

/// A connection to the workspace's runner.
///
/// # Errors
/// None is up, or as [`try_connect`].
pub(super) async fn connect(workspace: &Workspace) -> Result<Client, Failure> {
    try_connect(workspace).await?.ok_or_else(|| Failure::no_runner(workspace))
}

/// As [`connect`], for asking: a runner of another version is only read from.
///
/// # Errors
/// As [`connect`]; the runner speaks another version.
pub(super) async fn connect_to_ask(workspace: &Workspace) -> Result<Client, Failure> {
    let mut client = connect(workspace).await?;
    let hello: Hello = soon(client.get_json("/v1/hello")).await?;
    if hello.api == API_VERSION {
        return Ok(client);
    }
    Err(Failure::new(
        format!(
            "the runner (cappuccino {}) speaks version {} of the interface and this program \
             version {API_VERSION}, so nothing is asked of it",
            hello.version, hello.api
        ),
        "restart the runner with this program: `cappuccino stop`, `cappuccino start`",
    ))
}

async fn dial(path: &Path) -> Result<Option<UnixStream>, Failure> {
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) =>
        {
            return Ok(None);
        }
        Err(error) => {
            let text = format!("cannot connect to the runner at {}: {error}", path.display());
            return Err(Failure::new(text, "check the rights of the socket and its folder"));
        }
    };
    let peer = stream.peer_cred().map(|peer| peer.uid());
    let us = rustix::process::geteuid().as_raw();
    if peer.as_ref().is_ok_and(|peer| *peer == us) {
        return Ok(Some(stream));
    }
    let text = format!("whoever listens at {} is not a runner of yours", path.display());
    Err(Failure::new(text, "work as the user who started it, or have the socket removed"))
}

/// Waits for an answer, but not for ever.
///
/// # Errors
/// The answer's own, or none came.
pub(super) async fn soon<T>(
    answer: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, Failure> {
    within(READ_TIMEOUT, answer).await
}

/// As [`soon`], with a limit of its own.
///
/// # Errors
/// As [`soon`].
pub(super) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, Failure> {
    match timeout(limit, answer).await {
        Ok(outcome) => Ok(outcome?),
        Err(_elapsed) => Err(Failure {
            exit: Exit::Failed,
            error: format!("the runner did not answer within {} s", limit.as_secs()),
            help: Some("look at its log with `cappuccino logs runner`, or restart it".to_owned()),
        }),
    }
}

/// A connection for programs that live beside the runner: tests, the demonstration's narrator.
///
/// # Errors
/// None is up, or it cannot be talked to.
pub async fn client(workspace: &Workspace) -> Result<Client, Failure> {
    connect(workspace).await
}

/// Whether a runner with this process id answers for the workspace.
pub fn answers(workspace: &Workspace, pid: u32) -> bool {
    let asked: Result<Hello, Failure> =
        block_on(async { soon(connect(workspace).await?.get_json("/v1/hello")).await });
    asked.is_ok_and(|hello| hello.pid == pid)
}
