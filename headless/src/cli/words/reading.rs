//! What is: `status`, `processes`, `trials`.

use super::record::{Heard, follow};
use crate::cli::args::Format;
use crate::cli::connect::{block_on, connect, soon};
use crate::cli::failure::Failure;
use crate::cli::render::{Screen, picture, say, say_json, say_json_line, say_lines, trial};
use crate::cli::source::Source;
use crate::workspace::Workspace;
use cappuccino_core::api::{Status, TrialView};
use serde_json::{Value, json};

pub(in crate::cli) fn status(
    workspace: &Workspace,
    watch: bool,
    format: Format,
) -> Result<(), Failure> {
    if watch { block_on(watch_status(workspace, format)) } else { block_on(one(workspace, format)) }
}

async fn one(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let mut source = Source::open(workspace).await?;
    let status = source.status().await?;
    let screen = Screen::new();
    if format.json {
        return say_json(&as_json(&status, source.is_runner()));
    }
    say_lines(&picture::page(screen, &status, source.is_runner()))
}

async fn watch_status(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let screen = Screen::new();
    follow(workspace, None, |heard| match heard {
        Heard::Picture(status) if format.json => say_json_line(&as_json(&status, true)),
        Heard::Picture(status) => {
            screen.clear()?;
            say_lines(&picture::page(screen, &status, true))
        }
        Heard::Line(_) => Ok(()),
    })
    .await
}

/// The picture with a word on who vouches for it. Without a runner the study and the runner's age
/// are unknown, so they are left out.
fn as_json(status: &Status, alive: bool) -> Value {
    let mut value = json!(status);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("runner_up".to_owned(), json!(alive));
        if !alive {
            fields.remove("study");
            fields.remove("runner_since");
        }
    }
    value
}

pub(in crate::cli) fn processes(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let status: Status = block_on(async {
        let mut client = connect(workspace).await?;
        soon(client.get_json("/v1/status")).await
    })?;
    if format.json {
        return say_json(&status.processes);
    }
    if status.processes.is_empty() {
        return say("no process is configured; add one to cappuccino.toml");
    }
    say_lines(&picture::processes(Screen::new(), &status.processes))
}

pub(in crate::cli) fn trials(
    workspace: &Workspace,
    best: bool,
    limit: u16,
    format: Format,
) -> Result<(), Failure> {
    let order = if best { "best" } else { "newest" };
    let path = format!("/v1/trials?order={order}&limit={limit}");
    let trials: Vec<TrialView> = block_on(async {
        let mut client = connect(workspace).await?;
        soon(client.get_json(&path)).await
    })?;
    if format.json {
        return say_json(&trials);
    }
    if trials.is_empty() {
        return say("there is no such trial yet; `cappuccino status` shows the study");
    }
    say_lines(&trial::table(Screen::new(), &trials))
}

pub(in crate::cli) fn trial(
    workspace: &Workspace,
    number: i64,
    format: Format,
) -> Result<(), Failure> {
    let view: TrialView = block_on(async {
        let mut client = connect(workspace).await?;
        soon(client.get_json(&format!("/v1/trials/{number}"))).await
    })?;
    if format.json { say_json(&view) } else { say_lines(&trial::one(&view)) }
}
