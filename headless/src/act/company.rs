//! The file that tells the built-in trader who trades beside the live model. It says what the
//! record says, so it is written again whenever that changes, and after every start.

use super::shelf::Shelf;
use crate::replace::replace;
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
        match replace(&self.file, text.as_bytes()) {
            Ok(_written) => self.written = Some(text),
            Err(error) => {
                let file = self.file.display();
                tracing::warn!("nobody trades beside the live model: {file}: {error}");
            }
        }
    }
}
