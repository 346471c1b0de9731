//! A program of the user's as a channel: the message as JSON on its standard input and in
//! variables; exit code 0 confirms it.

use super::Sender;
use crate::notify::bell::Bell;
use crate::notify::lane::Trouble;
use crate::notify::message::Message;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the program may run.
const RUN_MAX: Duration = Duration::from_secs(10);
/// Longest stretch without a look at whether the runner goes down.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Most of its complaint that is shown, in bytes.
const COMPLAINT_MAX: u64 = 300;

/// A program that takes messages.
pub(super) struct Command {
    words: Vec<String>,
    directory: PathBuf,
    bell: Arc<Bell>,
}

impl Command {
    pub(super) fn new(words: Vec<String>, directory: PathBuf, bell: Arc<Bell>) -> Self {
        Self { words, directory, bell }
    }

    fn run(&self, message: &Message) -> Result<(), String> {
        let broken = |error: std::io::Error| format!("it cannot be run ({error}); check `command`");
        let input = serde_json::to_vec(message).map_err(|error| error.to_string())?;
        let mut complaint = tempfile::tempfile().map_err(broken)?;
        let stderr = complaint.try_clone().map_err(broken)?;
        let mut child = self.start(message, stderr).map_err(broken)?;
        // The message is smaller than a pipe's buffer, so this never waits. A program that closed
        // its input has decided not to read it.
        if let Some(mut stdin) = child.stdin.take()
            && let Err(error) = stdin.write_all(&input)
        {
            tracing::debug!("a notification command did not read its message: {error}");
        }
        let status = self.wait(&mut child)?;
        if status.success() {
            return Ok(());
        }
        let said = tail(&mut complaint);
        Err(format!("it ended with {status}{said}; run it by hand to see why"))
    }

    fn start(&self, message: &Message, stderr: File) -> std::io::Result<Child> {
        let (program, arguments) = self.words.split_first().unwrap_or((&EMPTY, &[]));
        std::process::Command::new(program)
            .args(arguments)
            .current_dir(&self.directory)
            .env("CAPPUCCINO_SEVERITY", message.severity.name())
            .env("CAPPUCCINO_TITLE", &message.title)
            .env("CAPPUCCINO_BODY", &message.body)
            .env("CAPPUCCINO_SUBJECT", message.subject.as_deref().unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(stderr)
            .process_group(0)
            .spawn()
    }

    /// Waits until it ends; kills it, with its children, when that takes too long.
    fn wait(&self, child: &mut Child) -> Result<ExitStatus, String> {
        let broken = |error: std::io::Error| format!("it cannot be waited for: {error}");
        let handle = pid(child)
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
            .ok_or_else(|| "it cannot be watched; Linux 5.4 or later is needed".to_owned());
        let outcome = handle.and_then(|handle| self.watch(child, &handle, broken));
        if outcome.is_err() {
            end(child);
        }
        outcome
    }

    fn watch(
        &self,
        child: &mut Child,
        handle: &OwnedFd,
        broken: impl Fn(std::io::Error) -> String,
    ) -> Result<ExitStatus, String> {
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(&broken)? {
                return Ok(status);
            }
            let left = RUN_MAX.saturating_sub(began.elapsed());
            if left.is_zero() {
                let limit = RUN_MAX.as_secs();
                return Err(format!("it was killed after {limit} s; make it end sooner"));
            }
            if self.bell.heard().is_over {
                return Err("it was killed because the runner goes down".to_owned());
            }
            let slice = Timespec::try_from(left.min(LOOK_EVERY)).ok();
            if let Err(error) = poll(&mut [PollFd::new(handle, PollFlags::IN)], slice.as_ref())
                && error != rustix::io::Errno::INTR
            {
                return Err(broken(error.into()));
            }
        }
    }
}

static EMPTY: String = String::new();

impl Sender for Command {
    fn send(&mut self, message: &Message) -> Result<(), Trouble> {
        self.run(message).map_err(Trouble::failed)
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Kills its process group and takes its end. The child is not reaped before, so the group cannot
/// be somebody else's.
fn end(child: &mut Child) {
    if let Some(pid) = pid(child)
        && let Err(error) = kill_process_group(pid, Signal::KILL)
    {
        tracing::warn!("a notification command could not be killed: {error}");
    }
    if let Err(error) = child.wait() {
        tracing::warn!("a notification command could not be waited for: {error}");
    }
}

fn tail(complaint: &mut File) -> String {
    let mut text = Vec::new();
    let length = complaint.metadata().map_or(0, |metadata| metadata.len());
    let read = complaint
        .seek(SeekFrom::Start(length.saturating_sub(COMPLAINT_MAX)))
        .and_then(|_from| complaint.take(COMPLAINT_MAX).read_to_end(&mut text));
    match (read, String::from_utf8_lossy(&text).trim()) {
        (Err(_), _) | (_, "") => String::new(),
        (Ok(_), said) => format!(" ({said})"),
    }
}
