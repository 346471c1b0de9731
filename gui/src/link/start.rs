//! Starting a runner on request: `cappuccino start`, as the user would.

use crate::place::Place;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Name of the program that holds the runner.
const PROGRAM: &str = "cappuccino";

/// Starts a runner for the workspace and waits until it is up.
pub(super) async fn start_runner(place: &Place) -> Result<(), String> {
    let root = place.root.clone();
    let work = move || {
        let program = program();
        let output = Command::new(&program)
            .arg("start")
            .arg("--workspace")
            .arg(&root)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                format!(
                    "cannot run {}: {error}; start the runner yourself with `cappuccino start`",
                    program.display()
                )
            })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(if said.is_empty() {
            format!("`cappuccino start` failed: {}", output.status)
        } else {
            said
        })
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(format!("starting the runner failed inside the app: {error}")),
    }
}

/// The runner's program: beside this one, or else wherever the user's commands are found.
fn program() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|own| own.parent().map(|f| f.join(PROGRAM)));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(PROGRAM))
}
