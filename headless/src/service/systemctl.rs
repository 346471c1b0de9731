//! The user's service manager, through `systemctl --user`.

use std::io::ErrorKind;
use std::process::{Command, Stdio};

/// Why the manager did not do it.
#[derive(Debug, thiserror::Error)]
pub enum SystemctlError {
    /// There is no such program.
    #[error(
        "there is no `systemctl` on PATH; this system does not use systemd: start the runner \
         with `cappuccino start`, for example from the session's autostart"
    )]
    Absent,
    /// It cannot be run.
    #[error("`systemctl` cannot be run: {0}; check its rights")]
    NotRun(std::io::Error),
    /// It refuses.
    #[error("`systemctl --user {what}` failed: {why}; {remedy}")]
    Failed {
        /// The words it was given.
        what: String,
        /// What it said.
        why: String,
        /// What helps.
        remedy: &'static str,
    },
}

/// Asks the manager for something.
///
/// # Errors
/// [`SystemctlError`].
pub fn systemctl(words: &[&str]) -> Result<(), SystemctlError> {
    let output = command(words).output().map_err(not_run)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let remedy = if said.contains("bus") || said.contains("booted with systemd") {
        "no user manager runs in this session: log in without `su`, or `loginctl enable-linger`"
    } else {
        "`journalctl --user -xe` says more"
    };
    let why = if said.is_empty() { output.status.to_string() } else { said };
    Err(SystemctlError::Failed { what: words.join(" "), why, remedy })
}

/// The one word that the manager answers (`active`, `enabled`, …); it has its own exit codes.
///
/// # Errors
/// [`SystemctlError::Absent`], [`SystemctlError::NotRun`].
pub fn asked(words: &[&str]) -> Result<String, SystemctlError> {
    let output = command(words).stderr(Stdio::null()).output().map_err(not_run)?;
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(if answer.is_empty() { "unknown".to_owned() } else { answer })
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new("systemctl");
    command.arg("--user").args(words).stdin(Stdio::null());
    command
}

fn not_run(error: std::io::Error) -> SystemctlError {
    if error.kind() == ErrorKind::NotFound {
        SystemctlError::Absent
    } else {
        SystemctlError::NotRun(error)
    }
}
