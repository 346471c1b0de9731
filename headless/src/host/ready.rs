//! Waiting for the proof that a life is ready: a line of its log, a file, an answer. The kernel
//! tells when a file changes; only an address is asked again and again.

use super::bell::Bell;
use super::record::{self, RunRecord, SlotFiles};
use crate::config::Proof;
use cappuccino_core::words::Generation;
use regex::bytes::Regex;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::time::sleep;
use ureq::Agent;

/// Pause after news of a file: who writes a lot is read in few pieces.
const GATHER: Duration = Duration::from_millis(20);
/// Pause between two questions to an address, and how long it may take to answer one.
const ASK_AGAIN: Duration = Duration::from_millis(500);
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// Most of an unfinished line that is kept, in bytes: what comes after is not looked at.
const LINE_MAX: usize = 64 * 1024;
/// How much of a log is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// A life whose readiness is to be seen.
pub(crate) struct Newcomer {
    pub(super) files: SlotFiles,
    pub(super) generation: Generation,
    pub(super) log: PathBuf,
}

impl Newcomer {
    /// Returns when the proof was seen; never when the life is gone. Whoever asks ends the wait.
    pub(crate) async fn proven(self, proof: Proof) {
        let seen = match self.begun() {
            Ok(Some((log_start, at))) => match proof {
                Proof::Log(pattern) => line_in(&self.log, log_start, &pattern).await,
                Proof::File(path) => written(&path, at).await,
                Proof::Http(url) => {
                    answered(url).await;
                    Ok(())
                }
            },
            Ok(None) => Err(io::Error::other("its record is gone")),
            Err(error) => Err(error),
        };
        if let Err(error) = seen {
            tracing::warn!("whether {} is ready cannot be seen: {error}", self.log.display());
            std::future::pending::<()>().await;
        }
    }

    /// Where the log was when the life began, and when that was.
    fn begun(&self) -> io::Result<Option<(u64, SystemTime)>> {
        let record = record::read::<RunRecord>(&self.files.run).map_err(io::Error::other)?;
        let Some(record) = record.filter(|record| record.generation == self.generation) else {
            return Ok(None);
        };
        let at = std::fs::metadata(&self.files.run)?.modified()?;
        Ok(Some((record.log_start, at)))
    }
}

/// Follows a log from `offset` on until a line matches.
async fn line_in(log: &Path, offset: u64, pattern: &Regex) -> io::Result<()> {
    let bell = Bell::on_writes(log);
    let mut reading = Reading { offset, line: Vec::new() };
    while !reading.go_on(log, pattern)? {
        bell.rung().await;
        sleep(GATHER).await;
    }
    Ok(())
}

struct Reading {
    offset: u64,
    /// The line that is not finished yet.
    line: Vec<u8>,
}

impl Reading {
    /// Reads what is new; whether a line matches. A line counts before its end, too: a prompt has
    /// none.
    fn go_on(&mut self, log: &Path, pattern: &Regex) -> io::Result<bool> {
        let mut file = File::open(log)?;
        if file.metadata()?.len() < self.offset {
            // Its head was cut; what is left is new, or was seen.
            *self = Self { offset: 0, line: Vec::new() };
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut piece = vec![0; PIECE];
        loop {
            let length = file.read(&mut piece)?;
            if length == 0 {
                return Ok(pattern.is_match(&self.line));
            }
            self.offset = self.offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            if self.take(piece.get(..length).unwrap_or_default(), pattern) {
                return Ok(true);
            }
        }
    }

    fn take(&mut self, piece: &[u8], pattern: &Regex) -> bool {
        let mut lines = piece.split(|byte| *byte == b'\n');
        let mut rest = lines.next().unwrap_or_default();
        for next in lines {
            self.add(rest);
            if pattern.is_match(&self.line) {
                return true;
            }
            self.line.clear();
            rest = next;
        }
        self.add(rest);
        false
    }

    fn add(&mut self, text: &[u8]) {
        let room = LINE_MAX.saturating_sub(self.line.len()).min(text.len());
        self.line.extend_from_slice(text.get(..room).unwrap_or_default());
    }
}

/// Waits until a file was written since `begun`; one of an earlier life proves nothing.
async fn written(path: &Path, begun: SystemTime) -> io::Result<()> {
    let bell = Bell::on_writes(path.parent().unwrap_or(Path::new(".")));
    loop {
        match std::fs::metadata(path).and_then(|file| file.modified()) {
            Ok(at) if at >= begun => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        bell.rung().await;
    }
}

/// Asks an address until it answers without an error.
async fn answered(url: String) {
    let agent: Agent = Agent::config_builder().timeout_global(Some(ANSWER_PATIENCE)).build().into();
    loop {
        let (agent, url) = (agent.clone(), url.clone());
        // Anything but a refusal or a failure (4xx, 5xx) is an answer.
        let asked = tokio::task::spawn_blocking(move || agent.get(&url).call().is_ok()).await;
        match asked {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::debug!("the question had a defect: {error}"),
        }
        sleep(ASK_AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pieces: &[&str], pattern: &str) -> bool {
        let pattern = Regex::new(pattern).unwrap();
        let mut reading = Reading { offset: 0, line: Vec::new() };
        pieces.iter().any(|piece| reading.take(piece.as_bytes(), &pattern))
            || pattern.is_match(&reading.line)
    }

    #[test]
    fn a_line_is_found_however_it_is_cut_into_pieces() {
        assert!(matches(&["load", "ing\nread", "y at 8000\n"], "^ready at \\d+$"));
        assert!(matches(&["prompt> "], "prompt>"), "a line without an end");
        assert!(!matches(&["rea\ndy\n", "not ready at 8\n"], "^ready"));
        let long = "x".repeat(LINE_MAX * 2) + "ready";
        assert!(!matches(&[&long, "\n"], "ready"), "beyond the longest line nothing is looked at");
        assert!(matches(&[&long, "\nready\n"], "^ready"), "and the next line is whole again");
    }
}
