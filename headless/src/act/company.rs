//! The file that tells the built-in trader who trades beside the live model. It says what the
//! record says, so it is written again whenever that changes, and after every start.

use super::shelf::Shelf;
use crate::workspace::Workspace;
use cappuccino_core::machines::deployment::Deployment;
use cappuccino_core::words::RevisionId;
use std::path::PathBuf;

/// The file.
pub(super) struct Company {
    file: PathBuf,
    shelf: Shelf,
    shadows: u32,
    written: Option<String>,
}

impl Company {
    pub(super) fn new(workspace: &Workspace, shadows: u32) -> Self {
        let shelf = Shelf::new(workspace.models_dir());
        Self { file: workspace.lanes_file(), shelf, shadows, written: None }
    }

    /// Says who should trade beside the live model. Without the file the live model trades alone,
    /// so a disk that cannot be written to is no reason to do anything else.
    pub(super) fn tell(&mut self, deployment: &Deployment) {
        let line = |(lane, id): (String, RevisionId)| {
            let content = deployment.revisions.get(&id)?.content?;
            Some(format!("{lane}={}\n", self.shelf.folder(content).display()))
        };
        let company = deployment.company(self.shadows).into_iter();
        let text: String = company.filter_map(line).collect();
        if self.written.as_ref() == Some(&text) {
            return;
        }
        let draft = self.file.with_extension("tmp");
        let saved =
            std::fs::write(&draft, &text).and_then(|()| std::fs::rename(&draft, &self.file));
        match saved {
            Ok(()) => self.written = Some(text),
            Err(error) => {
                tracing::warn!("nobody trades beside the live model: {}: {error}", draft.display());
            }
        }
    }
}
