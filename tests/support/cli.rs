//! Running a word of the command line and looking at everything it says.

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

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.out)?;
        if !self.err.is_empty() {
            write!(f, "--- stderr\n{}", self.err)?;
        }
        write!(f, "--- exit {}", self.code)
    }
}
