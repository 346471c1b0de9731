//! Where a trial's model is, when it is complete, and whether it is sound.

use super::shelf::{Shelf, ShelfError};
use crate::config::{Config, ModelsConfig};
use crate::observe::study::detail::read_trial;
use crate::workspace::Workspace;
use cappuccino_core::model::container::{self, Limits};
use cappuccino_core::words::{Candidate, DeploymentReport, Revision, Span, TrialDetail};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time between two looks at a model's folder.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A model must not be older than its trial's start; the stored start is in the zone of whoever
/// wrote it, and zones differ by at most this.
const ZONE_SLACK: Span = Span::hours(14);

/// Knows where models come from and where they go.
#[derive(Clone)]
pub(super) struct Models {
    config: Arc<ModelsConfig>,
    database: PathBuf,
    /// How long the files must be untouched.
    settle: Span,
    /// Where the trader runs: its `train_results/…` paths start there.
    trader_directory: PathBuf,
    shelf: Shelf,
}

/// What identifies a version of a file without reading it.
type Stamp = (u64, u64, i64, i64);

impl Models {
    pub(super) fn new(config: &Config, workspace: &Workspace) -> Self {
        let trader = config.policy.trader.as_ref().and_then(|name| config.commands.get(name));
        Self {
            config: Arc::new(config.models.clone()),
            database: config.study.database.clone(),
            settle: config.policy.deployment.settle,
            trader_directory: trader
                .map_or_else(|| workspace.root().to_owned(), |command| command.directory.clone()),
            shelf: Shelf::new(workspace.models_dir()),
        }
    }

    /// Waits until every required file is there and nothing in the folder has changed for the
    /// settle time. The deployment's own deadline ends a wait for ever.
    pub(super) async fn await_files(&self, revision: &Revision) -> DeploymentReport {
        let settle = Duration::from_millis(u64::try_from(self.settle.0).unwrap_or(0));
        let mut seen: Option<(BTreeMap<PathBuf, Stamp>, Instant)> = None;
        let mut said = String::new();
        loop {
            match self.find(&revision.candidate).and_then(|folder| stamps(&folder)) {
                Ok(stamps) => match &seen {
                    Some((before, since)) if *before == stamps => {
                        if since.elapsed() >= settle {
                            return DeploymentReport::FilesSettled;
                        }
                    }
                    Some(_) | None => seen = Some((stamps, Instant::now())),
                },
                Err(why) => {
                    if why != said {
                        tracing::info!("revision {} is awaited: {why}", revision.id);
                        said = why;
                    }
                    seen = None;
                }
            }
            tokio::time::sleep(LOOK_AGAIN.min(settle.max(Duration::from_millis(50)))).await;
        }
    }

    /// Copies the model into the store, with what the trader needs beside it.
    pub(super) fn stage(&self, revision: &Revision) -> DeploymentReport {
        let staged = self.find(&revision.candidate).and_then(|folder| {
            let trial = self.detail(&revision.candidate)?;
            self.shelf
                .take_in(&folder, revision, &trial, &self.trader_directory, &self.config)
                .map_err(|error: ShelfError| error.to_string())
        });
        match staged {
            Ok(address) => DeploymentReport::Staged(address),
            Err(why) => DeploymentReport::StagingFailed(why),
        }
    }

    /// Judges the stored copy: complete, unchanged since it was copied, and every model file a
    /// sound container.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(super) fn validate(&self, revision: &Revision) -> Result<(), String> {
        self.verify(revision)?;
        let content = revision.content.ok_or("it has no files in the model store")?;
        let folder = self.shelf.folder(content);
        for name in &self.config.required {
            let path = folder.join(name);
            let file = File::open(&path)
                .map_err(|error| format!("the required file {name} cannot be read: {error}"))?;
            container::check(name, BufReader::new(file), &Limits::default())
                .map_err(|fault| format!("{name}: {fault}"))?;
        }
        Ok(())
    }

    /// Checks the stored copy against its address.
    ///
    /// # Errors
    /// A sentence that says what differs.
    pub(super) fn verify(&self, revision: &Revision) -> Result<(), String> {
        let content = revision.content.ok_or("it has no files in the model store")?;
        self.shelf.verify(content, revision).map_err(|error| error.to_string())
    }

    fn detail(&self, candidate: &Candidate) -> Result<TrialDetail, String> {
        read_trial(&self.database, candidate.trial_id).map_err(|error| error.to_string())
    }

    /// The first folder of the templates that holds this trial's complete model.
    fn find(&self, candidate: &Candidate) -> Result<PathBuf, String> {
        let mut reasons = Vec::new();
        for template in &self.config.folders {
            let folder = PathBuf::from(self.fill(template, candidate));
            match self.fits(&folder, candidate) {
                Ok(()) => return Ok(folder),
                Err(why) => reasons.push(format!("{}: {why}", folder.display())),
            }
        }
        Err(format!("no complete model: {}", reasons.join("; ")))
    }

    fn fill(&self, template: &str, candidate: &Candidate) -> String {
        template
            .replace("{number}", &candidate.number.to_string())
            .replace("{trial_id}", &candidate.trial_id.to_string())
            .replace("{study}", &candidate.study.name)
            .replace("{timeframe}", &self.config.timeframe)
    }

    /// Whether a folder holds the model of this trial: complete, and not left over from an
    /// earlier study whose trial had the same number.
    fn fits(&self, folder: &Path, candidate: &Candidate) -> Result<(), String> {
        let started = self
            .detail(candidate)?
            .datetime_start
            .and_then(|text| crate::observe::study::datetime::parse(&text));
        for name in &self.config.required {
            let metadata = std::fs::symlink_metadata(folder.join(name))
                .map_err(|error| format!("{name}: {error}"))?;
            if !metadata.is_file() {
                return Err(format!("{name} is not a regular file"));
            }
            if metadata.len() == 0 {
                return Err(format!("{name} is empty"));
            }
            let modified = metadata.mtime().saturating_mul(1000);
            if started.is_some_and(|start| modified < start.0.saturating_sub(ZONE_SLACK.0)) {
                return Err(format!("{name} is older than the trial: it belongs to another study"));
            }
        }
        Ok(())
    }
}

/// Every file of a folder with what identifies its version.
fn stamps(folder: &Path) -> Result<BTreeMap<PathBuf, Stamp>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut stamps = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let metadata = entry.metadata().map_err(failed)?;
        let stamp = (metadata.len(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec());
        stamps.insert(entry.path(), stamp);
    }
    Ok(stamps)
}
