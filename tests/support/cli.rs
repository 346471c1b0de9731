//! Running a word of the command line and looking at everything it says.

use cappuccino_core::store::Batch;
use cappuccino_core::words::{Note, Timestamp};
use cappuccino_headless::clock::Clock;
use cappuccino_headless::keeper::open_store;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a word said.
pub struct Told {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A word in the workspace `root`, with nothing of the tester's session around it.
pub fn word(program: &str, root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).current_dir(root).stdin(Stdio::null());
    for name in ["XDG_RUNTIME_DIR", "CAPPUCCINO_WORKSPACE", "NO_COLOR", "TERM", "LOGNAME"] {
        command.env_remove(name);
    }
    command.env("USER", "ada");
    command
}

/// Runs a word to its end; its folder shows as `[WORKSPACE]`.
pub fn tell(command: &mut Command, root: &Path) -> Told {
    let output = command.output().unwrap();
    let place = root.canonicalize().unwrap().display().to_string();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&place, "[WORKSPACE]");
    Told {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// A workspace in which nothing ever ran.
pub fn empty_workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = "[study]\ndatabase = \"optuna.db\"\n[models]\nfolders = [\"m\"]\n";
    std::fs::write(folder.path().join("cappuccino.toml"), text).unwrap();
    folder
}

/// A workspace that a runner left: a state file with a history, no socket.
pub fn left_workspace(notes: impl IntoIterator<Item = Note>) -> tempfile::TempDir {
    let folder = empty_workspace();
    let state = folder.path().join(".cappuccino");
    std::fs::create_dir(&state).unwrap();
    write_state(&state.join("state.redb"), notes);
    folder
}

pub fn write_state(path: &Path, notes: impl IntoIterator<Item = Note>) {
    let mut store = open_store(path, Clock::new().unwrap()).unwrap();
    let mut batch = Batch::new();
    let at = Timestamp::parse("2026-03-01T12:00:00Z").unwrap();
    notes.into_iter().for_each(|note| batch.record(at, &note).unwrap());
    store.apply(&batch).unwrap();
    store.close().unwrap();
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.out)?;
        if !self.err.is_empty() {
            write!(f, "--- stderr\n{}", self.err)?;
        }
        write!(f, "--- exit {}", self.code)
    }
}
