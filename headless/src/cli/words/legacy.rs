//! `export --legacy DIR`: the old system's four files, on top of what was imported of them.

use super::import::{KEPT, unreadable};
use super::whole;
use crate::cli::connect::block_on;
use crate::cli::failure::Failure;
use crate::cli::render::say;
use crate::cli::source::Source;
use crate::config::{self, SessionPath};
use crate::workspace::Workspace;
use cappuccino_core::api::Status;
use cappuccino_core::legacy::{LegacyExport, LegacyFile, Surroundings};
use cappuccino_core::words::{ProcessName, RevisionId, Sequence, Timestamp};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Writes the four files from the imported ones and everything since.
pub(in crate::cli) fn export(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    let imported = imported(workspace)?;
    let files = block_on(async {
        let mut source = Source::open(workspace).await?;
        let status = source.status().await?;
        let around = Around::of(workspace, &status);
        let mut export = LegacyExport::new(&around);
        let mut from = Sequence(1);
        loop {
            let page = source.lines_from(from).await?;
            let Some(last) = page.last() else { break };
            from = Sequence(last.sequence.0.saturating_add(1));
            for entry in &page {
                export.take(entry);
            }
        }
        export
            .finish(&imported, Some(&status))
            .map_err(|error| Failure::new(error.to_string(), "import the files again"))
    })?;
    fs::create_dir_all(folder).map_err(|error| unreadable(folder, &error))?;
    for (file, text) in &files {
        let path = folder.join(file.name());
        whole::put(&path, text)?;
        say(&path.display().to_string())?;
    }
    Ok(())
}

/// The files as they were imported.
fn imported(workspace: &Workspace) -> Result<BTreeMap<LegacyFile, String>, Failure> {
    let mut imported = BTreeMap::new();
    for file in LegacyFile::ALL {
        let path = workspace.state_dir().join(KEPT).join(file.name());
        match fs::read_to_string(&path) {
            Ok(text) => drop(imported.insert(file, text)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    Ok(imported)
}

/// What the configuration, the state and the machine know.
struct Around {
    models: BTreeMap<RevisionId, PathBuf>,
    session: Option<SessionPath>,
    trader: Option<ProcessName>,
    log: Option<PathBuf>,
}

impl Around {
    fn of(workspace: &Workspace, status: &Status) -> Self {
        let config = match config::load(&workspace.config_file()) {
            Ok(config) => Some(config),
            Err(error) => {
                eprintln!("note: the configuration is not usable ({error}); paths are left out");
                None
            }
        };
        let folder = |content| workspace.models_dir().join(format!("{content}"));
        let models = status.deployment.revisions.iter();
        let models = models.filter_map(|known| Some((known.id, folder(known.content?)))).collect();
        let trader = config.as_ref().and_then(|config| config.policy.trader.clone());
        let log = trader.as_ref().map(|name| workspace.log_file(name));
        let session = config.and_then(|config| config.session_csv);
        Self { models, session, trader, log }
    }
}

impl Surroundings for Around {
    fn local(&self, at: Timestamp) -> String {
        let Ok(instant) = jiff::Timestamp::from_millisecond(at.0) else { return at.to_string() };
        let local = TimeZone::system().to_datetime(instant);
        local.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
    }

    fn files(&self, revision: RevisionId) -> [Option<String>; 3] {
        let shown = |path: PathBuf| path.display().to_string();
        let session = self.session.as_ref().map(|session| shown(session.of(revision)));
        [self.models.get(&revision).cloned().map(shown), self.log.clone().map(shown), session]
    }

    fn trader(&self) -> Option<&ProcessName> {
        self.trader.as_ref()
    }
}
