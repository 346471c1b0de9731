//! Saving charts, on a thread of its own: a slow disk never holds a frame up.

use super::App;
use crate::chart::export::TrialsExport;
use crate::model::Tone;
use cappuccino_core::words::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

/// What became of a file that is being written.
type Saved = Result<PathBuf, String>;

/// Files that are being written.
#[derive(Debug, Default)]
pub(super) struct Saving(Vec<mpsc::Receiver<Saved>>);

impl App {
    /// Saves the study's chart into the workspace's folder `exports`.
    pub(super) fn export(&mut self, now: Timestamp) {
        let name = self.model.status.as_ref().and_then(|status| status.study.name.clone());
        let title = name.unwrap_or_else(|| "study".to_owned());
        let export = match TrialsExport::of(&self.views.study, title) {
            Ok(export) => export,
            Err(why) => return self.model.notices.tell(Tone::Bad, why.to_string(), now),
        };
        let root = Path::new(&self.model.workspace);
        let folder = if root.is_dir() { root.join("exports") } else { std::env::temp_dir() };
        let stem = format!("trials-{}", now.0);
        let (tell, told) = mpsc::channel();
        let work = move || {
            let outcome = export.save(&folder, &stem).map_err(|error| error.to_string());
            // A closed window needs no answer.
            tell.send(outcome).ok();
        };
        match std::thread::Builder::new().name("save".to_owned()).spawn(work) {
            Ok(_thread) => self.saving.0.push(told),
            Err(error) => {
                let told = format!("the system gives no thread to save with: {error}");
                self.model.notices.tell(Tone::Bad, told, now);
            }
        }
    }

    /// Tells of files that are written.
    pub(super) fn hear_saved(&mut self, now: Timestamp) {
        let notices = &mut self.model.notices;
        self.saving.0.retain(|waiting| match waiting.try_recv() {
            Ok(Ok(path)) => {
                let told = format!("Saved {} as .png, .svg and .csv", path.display());
                notices.tell(Tone::Good, told, now);
                false
            }
            Ok(Err(why)) => {
                notices.tell(Tone::Bad, why, now);
                false
            }
            Err(mpsc::TryRecvError::Empty) => true,
            Err(mpsc::TryRecvError::Disconnected) => {
                notices.tell(Tone::Bad, "saving the chart failed inside the app".to_owned(), now);
                false
            }
        });
    }
}
