//! `restart --runner`: asks for it, waits for the next runner, says how long nobody answered.

use super::asking::ask;
use crate::cli::args::Format;
use crate::cli::connect::{block_on, connect, soon, try_connect};
use crate::cli::failure::Failure;
use crate::cli::render::{say, say_json};
use crate::workspace::Workspace;
use cappuccino_core::api::{CommandBody, Status};
use cappuccino_core::words::Timestamp;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the next runner may take to answer: a large state file is verified first.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pause between two looks for it.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub(in crate::cli) fn restart_runner(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let gap = block_on(async {
        // Also from a runner of another version: it is what an update is for.
        let mut client = connect(workspace).await?;
        let before: Status = soon(client.get_json("/v1/status")).await?;
        ask(workspace, &mut client, CommandBody::RestartRunner, None).await?;
        drop(client);
        let began = Instant::now();
        await_next(workspace, before.runner_since).await?;
        Ok::<_, Failure>(began.elapsed())
    })?;
    let milliseconds = u64::try_from(gap.as_millis()).unwrap_or(u64::MAX);
    if format.json {
        return say_json(&json!({ "gap_milliseconds": milliseconds }));
    }
    say(&format!("the new runner is up after {milliseconds} ms; every process ran on"))
}

/// Returns when a runner answers that came up later than `before`.
async fn await_next(workspace: &Workspace, before: Timestamp) -> Result<(), Failure> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Ok(Some(mut client)) = try_connect(workspace).await
            && let Ok(status) = soon(client.get_json::<Status>("/v1/status")).await
            && status.runner_since > before
        {
            return Ok(());
        }
        sleep(LOOK_AGAIN).await;
    }
    Err(Failure::new(
        format!("no new runner answers after {} s", PATIENCE.as_secs()),
        "the processes run on; look at `cappuccino logs runner`, then `cappuccino start`",
    ))
}
