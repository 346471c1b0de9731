//! What a person asks of the runner. Each word looks first and says what it saw, so that the runner
//! can refuse what was decided on an older picture.

use crate::cli::args::{Format, Rollback};
use crate::cli::connect::{ASK_TIMEOUT, block_on, connect_to_ask, soon, within};
use crate::cli::failure::{Exit, Failure};
use crate::cli::render::{clean, picture, say, say_json};
use crate::cli::source::the_clock;
use crate::workspace::Workspace;
use cappuccino_core::api::{
    Accepted, CommandBody, CommandRequest, Foresight, RevisionView, Status,
};
use cappuccino_core::client::{Client, ClientError};
use cappuccino_core::words::{Generation, ProcessName, RequestId, RevisionId, TrialNumber};
use serde_json::json;

pub(in crate::cli) fn deploy(
    workspace: &Workspace,
    trial: i64,
    reason: String,
    format: Format,
) -> Result<(), Failure> {
    seen(workspace, CommandBody::Deploy { trial: TrialNumber(trial), reason }, format)
}

pub(in crate::cli) fn hold(
    workspace: &Workspace,
    trial: i64,
    reason: String,
    format: Format,
) -> Result<(), Failure> {
    blind(workspace, CommandBody::Hold { trial: TrialNumber(trial), reason }, format)
}

pub(in crate::cli) fn unhold(
    workspace: &Workspace,
    trial: i64,
    format: Format,
) -> Result<(), Failure> {
    blind(workspace, CommandBody::Unhold { trial: TrialNumber(trial) }, format)
}

pub(in crate::cli) fn restart(
    workspace: &Workspace,
    name: &str,
    format: Format,
) -> Result<(), Failure> {
    blind(workspace, CommandBody::Restart { process: process(name)? }, format)
}

pub(in crate::cli) fn reset(
    workspace: &Workspace,
    name: &str,
    format: Format,
) -> Result<(), Failure> {
    blind(workspace, CommandBody::Reset { process: process(name)? }, format)
}

/// Asks for something that depends on what is live: refused when that changed meanwhile.
pub(in crate::cli) fn seen(
    workspace: &Workspace,
    command: CommandBody,
    format: Format,
) -> Result<(), Failure> {
    let accepted = block_on(async {
        let mut client = connect_to_ask(workspace).await?;
        let status: Status = soon(client.get_json("/v1/status")).await?;
        ask(workspace, &mut client, command, Some(status.deployment.generation)).await
    })?;
    tell(&accepted, format)
}

/// Asks for something that means the same whatever is live.
pub(super) fn blind(
    workspace: &Workspace,
    command: CommandBody,
    format: Format,
) -> Result<(), Failure> {
    let accepted = block_on(async {
        let mut client = connect_to_ask(workspace).await?;
        ask(workspace, &mut client, command, None).await
    })?;
    tell(&accepted, format)
}

fn tell(accepted: &Accepted, format: Format) -> Result<(), Failure> {
    if format.json {
        return say_json(accepted);
    }
    say(&clean(&accepted.text))
}

/// Sends a request; when the connection breaks before the answer, once more with the same id, which
/// never acts twice.
pub(super) async fn ask(
    workspace: &Workspace,
    client: &mut Client,
    command: CommandBody,
    expected: Option<Generation>,
) -> Result<Accepted, Failure> {
    let request = CommandRequest { id: request_id()?, actor: actor(), expected, command };
    if let Some(outcome) = within(ASK_TIMEOUT, answer(client, &request)).await? {
        return outcome;
    }
    let mut client = connect_to_ask(workspace).await?;
    within(ASK_TIMEOUT, answer(&mut client, &request)).await?.unwrap_or_else(|| {
        Err(Failure::new(
            "the runner went away before it answered, so nobody knows whether it did it",
            "look at `cappuccino history`, then ask again if it did not",
        ))
    })
}

/// The runner's answer; `None` when the connection broke before it came.
async fn answer(
    client: &mut Client,
    request: &CommandRequest,
) -> Result<Option<Result<Accepted, Failure>>, ClientError> {
    match client.command(request).await {
        Ok(accepted) => Ok(Some(Ok(accepted))),
        Err(ClientError::Broken(_)) => Ok(None),
        Err(ClientError::Refused { code: 409, body }) => Ok(Some(Err(stale(*body)))),
        Err(error @ (ClientError::Refused { .. } | ClientError::Unreadable { .. })) => Err(error),
    }
}

/// A refusal of what was decided on an older picture, with the present one.
fn stale(body: cappuccino_core::api::ErrorBody) -> Failure {
    let mut failure = Failure::told(Exit::Refused, &body.error);
    if let Some(status) = body.status {
        let view = &status.deployment;
        let live = view.live.as_ref().map_or_else(|| "no model".to_owned(), picture::model);
        failure.error =
            format!("{}\n  now: {live} is live; {}; {}", failure.error, view.phase, view.mode);
    }
    failure
}

pub(in crate::cli) fn rollback(workspace: &Workspace, args: Rollback) -> Result<(), Failure> {
    let Rollback { to, dry_run, no_hold, why, format } = args;
    let to = to.map(RevisionId);
    if !dry_run {
        let command = CommandBody::Rollback { to, hold: !no_hold, reason: why.reason };
        return seen(workspace, command, format);
    }
    let command = CommandBody::Rollback { to, hold: !no_hold, reason: why.reason };
    let request = CommandRequest { id: request_id()?, actor: actor(), expected: None, command };
    let foresight = block_on(async {
        let mut client = connect_to_ask(workspace).await?;
        soon(client.foresee(&request)).await
    })?;
    preview(&foresight, format)
}

/// Says what a rollback would do; nothing was changed.
fn preview(foresight: &Foresight, format: Format) -> Result<(), Failure> {
    if format.json {
        let mut told = json!({ "dry_run": true });
        if let (Some(told), Ok(serde_json::Value::Object(foresight))) =
            (told.as_object_mut(), serde_json::to_value(foresight))
        {
            told.extend(foresight);
        }
        return say_json(&told);
    }
    let model = |revision: &Option<RevisionView>| {
        revision.as_ref().map_or_else(|| "no model".to_owned(), picture::model)
    };
    say(&format!("from  {}", model(&foresight.from)))?;
    let standing = foresight.to.as_ref().map(|to| format!(": {}", to.standing)).unwrap_or_default();
    say(&format!("to    {}{standing}", model(&foresight.to)))?;
    let holds: Vec<String> = foresight.holds.iter().map(|trial| format!("trial {trial}")).collect();
    say(&format!(
        "hold  {}",
        if holds.is_empty() { "nothing more".into() } else { holds.join(", ") }
    ))?;
    for line in &foresight.lines {
        say(&format!("then  {line}"))?;
    }
    say("nothing was changed; without --dry-run it is done")
}

fn process(name: &str) -> Result<ProcessName, Failure> {
    ProcessName::new(name).map_err(|error| Failure::told(Exit::Usage, &error))
}

/// One program asks one thing, so its place in time and its pid name the request.
fn request_id() -> Result<RequestId, Failure> {
    let now = the_clock()?.now();
    Ok(RequestId(format!("cli-{}-{}-{}", now.wall.0, now.uptime.0, std::process::id())))
}

fn actor() -> String {
    let named = |name| std::env::var(name).ok().filter(|user| !user.is_empty());
    named("USER")
        .or_else(|| named("LOGNAME"))
        .unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}
