//! Saving charts, on a thread of its own: a slow disk or a hesitating hand never holds a frame up.

use super::App;
use crate::chart::export::{ENDINGS, ExportError, Sheet};
use crate::model::Tone;
use crate::pages;
use crate::portal::{self, Question};
use cappuccino_core::words::Timestamp;
use eframe::egui::Context;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// A dialog that has not come up by then will not: the bus is dead, or its portal hangs.
const DIALOG_WITHIN: Duration = Duration::from_secs(8);

/// What became of a file that is being written: a sentence either way; nothing when the dialog
/// was closed.
type Saved = Result<Option<String>, String>;

/// Files that are being written.
#[derive(Debug, Default)]
pub(super) struct Saving {
    waiting: Vec<mpsc::Receiver<Saved>>,
    /// Whether the user is asked where to.
    pub(super) asks: bool,
}

impl App {
    /// Saves the page's chart where the user wants it, or else into the folder `exports` of the
    /// workspace. While a dialog is open, the same again saves there without asking.
    pub(super) fn export(&mut self, ctx: &Context, now: Timestamp) {
        let sheet =
            match pages::sheet(self.kept.screen, &self.model, &self.views, &self.kept.pages, now) {
                Ok(sheet) => sheet,
                Err(why) => return self.model.notices.tell(Tone::Bad, why, now),
            };
        let root = Path::new(&self.model.workspace);
        let folder = if root.is_dir() { root.join("exports") } else { std::env::temp_dir() };
        let stem =
            format!("{}-{}", self.kept.screen.name().to_lowercase().replace(' ', "-"), now.0);
        let asks = self.saving.asks && self.saving.waiting.is_empty();
        if asks {
            let told = format!(
                "A dialog asks where to; without one, press again to save in {}",
                folder.display()
            );
            self.model.notices.tell(Tone::Plain, told, now);
        }
        let (tell, told) = mpsc::channel();
        let ctx = ctx.clone();
        let work = move || {
            // A closed window needs no answer.
            tell.send(save(&sheet, &folder, &stem, asks)).ok();
            ctx.request_repaint();
        };
        match std::thread::Builder::new().name("save".to_owned()).spawn(work) {
            Ok(_thread) => self.saving.waiting.push(told),
            Err(error) => {
                let told = format!("the system gives no thread to save with: {error}");
                self.model.notices.tell(Tone::Bad, told, now);
            }
        }
    }

    /// Tells of files that are written.
    pub(super) fn hear_saved(&mut self, now: Timestamp) {
        let notices = &mut self.model.notices;
        self.saving.waiting.retain(|waiting| {
            let outcome = match waiting.try_recv() {
                Ok(outcome) => outcome,
                Err(mpsc::TryRecvError::Empty) => return true,
                Err(mpsc::TryRecvError::Disconnected) => {
                    Err("saving the chart failed inside the app".to_owned())
                }
            };
            match outcome {
                Ok(Some(told)) => notices.tell(Tone::Good, told, now),
                Ok(None) => notices.tell(Tone::Plain, "Nothing was saved".to_owned(), now),
                Err(why) => notices.tell(Tone::Bad, why, now),
            }
            false
        });
    }
}

fn save(sheet: &Sheet, folder: &Path, stem: &str, asks: bool) -> Saved {
    let told = |error: ExportError| error.to_string();
    let aside = match asks.then(|| ask(folder, stem)) {
        Some(Ok(None)) => return Ok(None),
        Some(Ok(Some(path))) => {
            sheet.save(&path).map_err(told)?;
            return Ok(Some(format!("Saved {}", path.display())));
        }
        Some(Err(why)) => format!(" ({why}, so nobody was asked where to)"),
        None => String::new(),
    };
    let path = folder.join(stem);
    sheet.save(&path).map_err(told)?;
    Ok(Some(format!("Saved {} as .png, .svg and .csv{aside}", path.display())))
}

fn ask(folder: &Path, stem: &str) -> Result<Option<PathBuf>, String> {
    // The portal takes only a folder that is there; if it cannot be made, saving will say why.
    std::fs::create_dir_all(folder).ok();
    let question = Question {
        title: "Save the chart".to_owned(),
        folder: folder.to_owned(),
        name: format!("{stem}.png"),
        endings: &ENDINGS,
    };
    portal::ask(question, None, DIALOG_WITHIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::export::sheets;
    use crate::demo::{self, NOON, Scene};
    use crate::view::study::StudyChart;

    #[test]
    fn without_a_dialog_all_forms_are_saved_and_the_reason_is_told() {
        let chart = StudyChart::of(&demo::model(Scene::Live, NOON));
        let sheet = sheets::trials(&chart, "s".into()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let told = save(&sheet, folder.path(), "trials-1", false).unwrap().unwrap();
        assert!(told.ends_with("as .png, .svg and .csv"), "{told}");
        for ending in ENDINGS {
            assert!(folder.path().join(format!("trials-1.{ending}")).exists(), "no {ending}");
        }
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        assert!(save(&sheet, &blocked, "x", false).unwrap_err().contains("check the folder"));
    }
}
