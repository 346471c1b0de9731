//! Who trades beside the champion because a file says so, for as long as it does.
//!
//! Each line of the file is `NAME=DIR`. It is looked at before every bar, so that lanes come and go
//! without a restart. A model that cannot be used is told of and left out: the champion trades on.

use super::model::{self, CHAMPION};
use super::say;
use cappuccino_core::trading::paper::desk::Player;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Lanes at most, of one file: each costs a network's answer per bar.
const LANES_MAX: usize = 16;

/// The file, as it was seen last.
#[derive(Debug)]
pub(super) struct Company {
    file: Option<PathBuf>,
    tickers: usize,
    /// What tells one version of it from the next; a file is replaced, never written over.
    seen: Option<(u64, u64, i64, i64)>,
}

impl Company {
    /// Whom `file` names, who trade so many tickers; nobody without a file.
    pub(super) const fn new(file: Option<PathBuf>, tickers: usize) -> Self {
        Self { file, tickers, seen: None }
    }

    /// Everybody whom the file names, when it changed since the last look.
    pub(super) fn changed(&mut self) -> Option<Vec<Player>> {
        let file = self.file.as_deref()?;
        let about = fs::metadata(file).ok();
        let stamp =
            about.map(|about| (about.ino(), about.len(), about.mtime(), about.mtime_nsec()));
        if stamp == self.seen {
            return None;
        }
        self.seen = stamp;
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                say(&format!("cannot read {}: {error}; its lanes are left out", file.display()));
                String::new()
            }
        };
        let named = text.lines().filter_map(|line| line.split_once('=')).take(LANES_MAX);
        Some(named.filter_map(|(name, folder)| self.player(name, Path::new(folder))).collect())
    }

    fn player(&self, name: &str, folder: &Path) -> Option<Player> {
        if name == CHAMPION || name.is_empty() {
            return None;
        }
        model::player(name, folder, self.tickers)
            .inspect_err(|error| say(&format!("{error}; there is no lane `{name}`")))
            .ok()
    }
}
