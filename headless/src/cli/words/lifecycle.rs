//! The runner's comings and goings: `init`, `start`, `stop`; and the shell's completions.

use super::asking::ask;
use crate::cli::args::Cli;
use crate::cli::connect::{block_on, connect_to_ask, soon, try_connect};
use crate::cli::failure::Failure;
use crate::cli::hooks;
use crate::cli::render::{clean, say};
use crate::workspace::Workspace;
use cappuccino_core::api::{CommandBody, Status};
use clap::CommandFactory;
use redb::backends::FileBackend;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Pause between two looks whether the runner is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Makes a workspace in `dir`, or here, and says what to do next.
pub(in crate::cli) fn init(dir: Option<PathBuf>, force: bool) -> Result<(), Failure> {
    let config = hooks::init(&dir.unwrap_or_else(|| ".".into()), force)?;
    let config = config.display();
    say(&format!("wrote {config}; say in it where the study is, then try `cappuccino check`"))
}

pub(in crate::cli) fn start(workspace: &Workspace) -> Result<(), Failure> {
    if block_on(try_connect(workspace))?.is_some() {
        return say("a runner is up already");
    }
    hooks::start_detached(workspace)?;
    say("the runner is up; see `cappuccino status`")
}

pub(in crate::cli) fn stop(
    workspace: &Workspace,
    keep_processes: bool,
    timeout_seconds: u64,
) -> Result<(), Failure> {
    block_on(async {
        let mut client = connect_to_ask(workspace).await?;
        let command = CommandBody::Shutdown { keep_processes };
        let accepted = ask(workspace, &mut client, command, None).await?;
        drop(client);
        say(&clean(&accepted.text))?;
        await_end(workspace, Duration::from_secs(timeout_seconds)).await
    })?;
    say(if keep_processes {
        "the runner is gone; the processes run on and the next runner takes them over"
    } else {
        "the runner and every process are gone"
    })
}

/// Waits until nobody answers and nobody holds the state any more.
async fn await_end(workspace: &Workspace, patience: Duration) -> Result<(), Failure> {
    let deadline = Instant::now() + patience;
    let mut last = String::new();
    loop {
        match try_connect(workspace).await {
            Ok(None) if is_free(workspace)? => return Ok(()),
            Ok(None) => "it closes its files".clone_into(&mut last),
            Ok(Some(mut client)) => {
                if let Ok(status) = soon(client.get_json::<Status>("/v1/status")).await {
                    last = still_up(&status);
                }
            }
            // A socket that vanishes between two looks is what we wait for.
            Err(failure) => last = failure.error,
        }
        if Instant::now() >= deadline {
            return Err(Failure::new(
                format!("the runner is still there after {} s: {last}", patience.as_secs()),
                "it goes on stopping; look with `cappuccino status`, or wait longer with --timeout",
            ));
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn still_up(status: &Status) -> String {
    let alive = |process: &&cappuccino_core::api::ProcessView| process.pid.is_some();
    let names: Vec<String> = status
        .processes
        .iter()
        .filter(alive)
        .map(|p| format!("{} is {}", p.name, p.phase))
        .collect();
    if names.is_empty() { "it is going down".to_owned() } else { names.join(", ") }
}

/// Whether no other program holds the state file.
fn is_free(workspace: &Workspace) -> Result<bool, Failure> {
    let path = workspace.state_file();
    let file = match OpenOptions::new().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => {
            let text = format!("cannot look at {}: {error}", path.display());
            return Err(Failure::new(text, "check the rights of the folder"));
        }
    };
    Ok(FileBackend::new(file).is_ok())
}

pub(in crate::cli) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cappuccino", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}
