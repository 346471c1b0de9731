//! Where the trader writes its session: one file for each revision, or one for all.

use cappuccino_core::words::RevisionId;
use std::path::{Path, PathBuf};

/// What the revision's number replaces.
const REVISION: &str = "{revision}";
/// Where a session is when the configuration does not say.
const STANDARD: &str = "paper_trades/revision_{revision}.csv";

/// The path of a session file, with a place for the revision's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPath {
    root: PathBuf,
    text: String,
}

impl SessionPath {
    /// The path where none is configured.
    pub fn standard(root: &Path) -> Self {
        Self { root: root.to_owned(), text: STANDARD.to_owned() }
    }

    /// The configured path, relative to `root`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(root: &Path, text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the path is empty".to_owned());
        }
        let rest = text.replace(REVISION, "");
        match rest.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
            Some((unknown, _)) => Err(format!("`{{{unknown}}}` means nothing here")),
            None => Ok(Self { root: root.to_owned(), text: text.to_owned() }),
        }
    }

    /// The session file of `revision`.
    pub fn of(&self, revision: RevisionId) -> PathBuf {
        self.root.join(self.text.replace(REVISION, &revision.to_string()))
    }

    /// The folder that holds the session files.
    pub fn folder(&self) -> PathBuf {
        let one = self.of(RevisionId(0));
        one.parent().map_or_else(|| self.root.clone(), Path::to_owned)
    }

    /// Whether each revision has its own file.
    pub fn is_per_revision(&self) -> bool {
        self.text.contains(REVISION)
    }
}
