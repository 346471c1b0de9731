//! Where a trial's model is, when it is complete, and whether it is sound.

use super::gate;
use super::offer;
use super::shelf::{Shelf, ShelfError};
use super::usable;
use crate::config::{Config, GateConfig, ModelsConfig};
use crate::observe::study::detail::{read_trial, read_trial_patiently};
use crate::trade::args::TradeArgs;
use crate::workspace::Workspace;
use cappuccino_core::model::container::Limits;
use cappuccino_core::model::verdict::{self, Expected, Known};
use cappuccino_core::words::{
    Candidate, DeploymentReport, Digest, ExamStep, Examined, Finding, Revision, Span, Timestamp,
    TrialDetail, TrialId, Verdict,
};
use std::collections::BTreeMap;
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
    gate: Arc<GateConfig>,
    /// The trader, when it is the one that is built in.
    built_in: Option<Arc<TradeArgs>>,
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
            gate: Arc::new(config.gate.clone()),
            built_in: config.built_in.clone().map(Arc::new),
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
            match self.look(&revision.candidate).await {
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

    /// What is in the folder of this trial's complete model. A locked database or a slow disk holds
    /// up nobody else meanwhile.
    async fn look(&self, candidate: &Candidate) -> Result<BTreeMap<PathBuf, Stamp>, String> {
        let (models, candidate) = (self.clone(), candidate.clone());
        let look = move || {
            let trial = read_trial(&models.database, candidate.trial_id);
            let folder = models.find(&candidate, &trial.map_err(|error| error.to_string())?)?;
            stamps(&folder)
        };
        let looked = tokio::task::spawn_blocking(look).await;
        looked.unwrap_or_else(|defect| Err(format!("the look had a defect: {defect}")))
    }

    /// Copies the model into the store, with what the trader needs beside it.
    pub(super) fn stage(&self, revision: &Revision) -> DeploymentReport {
        let trial = read_trial_patiently(&self.database, revision.candidate.trial_id);
        let staged = trial.map_err(|error| error.to_string()).and_then(|trial| {
            let folder = self.find(&revision.candidate, &trial)?;
            self.shelf
                .take_in(&folder, revision, &trial, &self.trader_directory, &self.config)
                .map_err(|error: ShelfError| error.to_string())
        });
        match staged {
            Ok(address) => DeploymentReport::Staged(address),
            Err(why) => DeploymentReport::StagingFailed(why),
        }
    }

    /// Examines the stored copy: unchanged since it was copied, and a model that may run. `live` is
    /// the revision that trades meanwhile.
    pub(super) fn validate(&self, revision: &Revision, live: Option<&Revision>) -> Verdict {
        let Some(content) = revision.content else {
            return unreadable("it has no files in the model store");
        };
        if let Err(why) = self.verify(revision) {
            return unreadable(&why);
        }
        let limits = Limits::default();
        let folder = self.shelf.offered(content);
        let names = self.config.required.iter();
        let mut files: Vec<_> = names.map(|name| offer::look(&folder, name, &limits)).collect();
        let mut expected = expected(&self.database, &self.config, revision.candidate.trial_id);
        expected.live = self.live_weights(revision, live, &limits);
        let candidate = self.shelf.folder(content);
        expected.states = gate::states(&self.gate, &candidate);
        let mut verdict = verdict::judge(&mut files, &expected, &limits);
        if verdict.objection().is_none()
            && let Some(trader) = &self.built_in
        {
            let finding = usable::examine(trader, &candidate);
            let of_step = |examined: &&mut Examined| examined.step == ExamStep::Semantics;
            if let Some(semantics) = verdict.steps.iter_mut().find(of_step) {
                semantics.findings.push(finding);
            }
        }
        if verdict.objection().is_none() {
            let live = live.and_then(|live| live.content).map(|live| self.shelf.folder(live));
            verdict.steps.push(gate::examine(&self.gate, &candidate, live.as_deref()));
        }
        verdict
    }

    /// Whose weights are live, and which, unless they are this trial's own.
    fn live_weights(
        &self,
        revision: &Revision,
        live: Option<&Revision>,
        limits: &Limits,
    ) -> Known<(String, Digest)> {
        let live = live.ok_or("no model is live")?;
        let (own, other) = (&revision.candidate, &live.candidate);
        if own.trial_id == other.trial_id && own.study == other.study {
            return Err("the same trial is live".to_owned());
        }
        let content = live.content.ok_or("the live model has no files in the store")?;
        let actor = self.config.required.iter().find(|name| name.starts_with("actor."));
        let actor = actor.ok_or("no file is called actor")?;
        let weights = offer::weights(&self.shelf.folder(content), actor, limits)
            .map_err(|fault| format!("the live weights cannot be read: {fault}"))?;
        Ok((format!("revision {} (trial {})", live.id, other.number), weights.digest()))
    }

    /// Checks the stored copy against its address.
    ///
    /// # Errors
    /// A sentence that says what differs.
    pub(super) fn verify(&self, revision: &Revision) -> Result<(), String> {
        let content = revision.content.ok_or("it has no files in the model store")?;
        self.shelf.verify(content, revision).map_err(|error| error.to_string())
    }

    /// The first folder of the templates that holds this trial's complete model.
    fn find(&self, candidate: &Candidate, trial: &TrialDetail) -> Result<PathBuf, String> {
        let mut reasons = Vec::new();
        for template in &self.config.folders {
            let folder = PathBuf::from(self.fill(template, candidate));
            match self.fits(&folder, trial) {
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
    fn fits(&self, folder: &Path, trial: &TrialDetail) -> Result<(), String> {
        let started = trial.datetime_start.as_deref();
        let started = started.and_then(crate::observe::study::datetime::parse);
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

/// What a model of this trial should be like, as the study and the configuration say.
pub fn expected(database: &Path, config: &ModelsConfig, trial: TrialId) -> Expected {
    let unseen = Expected::nothing("only the runner knows it");
    let mut expected = match read_trial_patiently(database, trial) {
        Ok(trial) => Expected { finished: finished(&trial), ..unseen.of_trial(&trial) },
        Err(error) => Expected::nothing(&format!("the trial cannot be read: {error}")),
    };
    expected.tickers = config.ticker_count();
    expected
}

/// The latest moment that can have been the trial's end: the stored one is in the zone of whoever
/// wrote it.
fn finished(trial: &TrialDetail) -> Known<Timestamp> {
    let stored = trial.datetime_complete.as_deref().ok_or("the trial has not ended")?;
    let end = crate::observe::study::datetime::parse(stored);
    let end = end.ok_or_else(|| format!("the trial's end, {stored:?}, is no time"))?;
    Ok(Timestamp(end.0.saturating_add(ZONE_SLACK.0)))
}

/// The verdict on a model that is not there to be examined.
fn unreadable(why: &str) -> Verdict {
    let findings = vec![Finding::refused(why)];
    Verdict { steps: vec![Examined { step: ExamStep::Files, findings }] }
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
