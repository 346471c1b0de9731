//! The hands: every committed effect is carried out here, and only here.
//!
//! Quick effects (start, stop, look) happen at once; long ones (waiting for files, copying,
//! checking) run beside the loop and report. One that is no longer wanted is dropped.

mod company;
mod gate;
mod models;
mod offer;
mod orders;
mod shelf;
mod usable;

pub use models::expected;
pub use offer::look;
pub use orders::launch_spec;
pub use shelf::{Shelf, ShelfError};

use crate::config::Config;
use crate::host::{Host, LaunchError};
use crate::workspace::Workspace;
use cappuccino_core::words::{
    DeploymentId, DeploymentReport, Effect, Generation, IntentId, Observation, ProcessName,
    ProcessReport, Revision, RevisionId, RunIdentity,
};
use cappuccino_core::world::World;
use company::Company;
use models::Models;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Carries out effects for one workspace.
pub struct Actor {
    config: Arc<Config>,
    workspace: Workspace,
    host: Host,
    models: Models,
    /// Only the built-in trader reads it.
    company: Option<Company>,
    jobs: BTreeMap<IntentId, AbortHandle>,
    reports: mpsc::Sender<Observation>,
}

impl Actor {
    /// Hands for this workspace; long work reports through `reports`.
    pub fn new(
        config: Arc<Config>,
        workspace: Workspace,
        host: Host,
        reports: mpsc::Sender<Observation>,
    ) -> Self {
        let models = Models::new(&config, &workspace);
        let shadows = config.policy.deployment.lanes.shadows;
        let company = config.built_in.as_ref().map(|_| Company::new(&workspace, shadows));
        Self { config, workspace, host, models, company, jobs: BTreeMap::new(), reports }
    }

    /// The newest life of each slot that left a record on disk.
    pub fn newest_lives(&self, world: &World) -> BTreeMap<ProcessName, Generation> {
        let names = self.config.commands.keys().chain(world.processes.keys());
        names.map(|name| (name.clone(), self.host.newest_life(name))).collect()
    }

    /// Tells the trader who trades beside the live model.
    pub fn tell_company(&mut self, world: &World) {
        if let Some(company) = &mut self.company {
            company.tell(&world.deployment);
        }
    }

    /// Ends the work that nothing waits for any more.
    pub fn forget_unwanted(&mut self, world: &World) {
        self.jobs.retain(|id, job| {
            let wanted = world.intents.contains_key(id);
            if !wanted {
                job.abort();
            }
            wanted && !job.is_finished()
        });
    }

    /// Carries out one effect; what is known of it at once comes back as observations.
    pub fn perform(&mut self, world: &World, id: IntentId, effect: &Effect) -> Vec<Observation> {
        tracing::info!("{effect}");
        let revision = |id: &RevisionId| world.deployment.revisions.get(id).cloned();
        match effect {
            Effect::Launch { process, generation, revision: model } => {
                self.launch(process, *generation, model.as_ref().and_then(revision).as_ref())
            }
            Effect::Stop { process, identity, .. } => self.stop(process, identity),
            Effect::Probe { process } => self.probe(process),
            Effect::AwaitFiles { deployment, revision: model } => {
                let models = self.models.clone();
                self.job(id, *deployment, revision(model), |revision| async move {
                    models.await_files(&revision).await
                })
            }
            Effect::Stage { deployment, revision: model } => {
                let models = self.models.clone();
                self.blocking(id, *deployment, revision(model), move |revision| {
                    models.stage(revision)
                })
            }
            Effect::Validate { deployment, revision: model } => {
                let models = self.models.clone();
                let live = world.deployment.slot.phase.live().as_ref().and_then(revision);
                self.blocking(id, *deployment, revision(model), move |revision| {
                    DeploymentReport::Validated(models.validate(revision, live.as_ref()))
                })
            }
            Effect::AwaitReady { process, generation } => {
                self.await_ready(id, process, *generation)
            }
            Effect::Verify { deployment, revision: model } => {
                let models = self.models.clone();
                self.blocking(id, *deployment, revision(model), move |revision| {
                    DeploymentReport::Verified(models.verify(revision))
                })
            }
        }
    }

    fn launch(
        &mut self,
        process: &ProcessName,
        generation: Generation,
        revision: Option<&Revision>,
    ) -> Vec<Observation> {
        let spec = launch_spec(&self.config, &self.workspace, process, generation, revision);
        let report = match spec.map(|spec| self.host.launch(&spec)) {
            Ok(Ok(())) => return Vec::new(),
            Ok(Err(LaunchError::SlotTaken { .. })) => ProcessReport::SlotTaken(generation),
            Ok(Err(error)) => ProcessReport::LaunchFailed(generation, error.to_string()),
            Err(why) => ProcessReport::LaunchFailed(generation, why),
        };
        vec![Observation::Process(process.clone(), report)]
    }

    fn stop(&mut self, process: &ProcessName, identity: &RunIdentity) -> Vec<Observation> {
        let policy = self.config.policy.processes.get(process);
        let grace = policy.map_or(cappuccino_core::words::Span::seconds(30), |p| p.stop_grace);
        let signal = self.config.commands.get(process).map_or(libc::SIGTERM, |c| c.stop_signal);
        match self.host.stop(process, identity, signal, grace) {
            Ok(()) => Vec::new(),
            Err(error) => {
                tracing::warn!("{process} could not be asked to end: {error}");
                self.probe(process)
            }
        }
    }

    fn probe(&mut self, process: &ProcessName) -> Vec<Observation> {
        match self.host.probe(process) {
            Ok(report) => report
                .map(|report| Observation::Process(process.clone(), report))
                .into_iter()
                .collect(),
            Err(error) => {
                // The machine asks again: nothing is started while nothing is known.
                tracing::warn!("looking for {process} failed: {error}");
                Vec::new()
            }
        }
    }

    /// Watches for the proof that a life is ready; ended when nothing waits for it any more.
    fn await_ready(
        &mut self,
        id: IntentId,
        process: &ProcessName,
        generation: Generation,
    ) -> Vec<Observation> {
        let shown_by = self.config.commands.get(process).map(|command| &command.shown_by);
        let Some(proof) = shown_by.and_then(|shown_by| shown_by.proof.clone()) else {
            let report = ProcessReport::Ready(generation);
            return vec![Observation::Process(process.clone(), report)];
        };
        if self.jobs.get(&id).is_some_and(|job| !job.is_finished()) {
            return Vec::new();
        }
        let newcomer = self.host.newcomer(process, generation, self.workspace.log_file(process));
        let (name, reports) = (process.clone(), self.reports.clone());
        let job = tokio::spawn(async move {
            newcomer.proven(proof).await;
            let report = Observation::Process(name, ProcessReport::Ready(generation));
            if reports.send(report).await.is_err() {
                tracing::debug!("the loop ended before a process was ready");
            }
        });
        self.jobs.insert(id, job.abort_handle());
        Vec::new()
    }

    fn blocking(
        &mut self,
        id: IntentId,
        deployment: DeploymentId,
        revision: Option<Revision>,
        work: impl FnOnce(&Revision) -> DeploymentReport + Send + 'static,
    ) -> Vec<Observation> {
        self.job(id, deployment, revision, |revision| async move {
            match tokio::task::spawn_blocking(move || work(&revision)).await {
                Ok(report) => report,
                Err(error) => {
                    DeploymentReport::StagingFailed(format!("the work ended badly: {error}"))
                }
            }
        })
    }

    fn job<F>(
        &mut self,
        id: IntentId,
        deployment: DeploymentId,
        revision: Option<Revision>,
        work: impl FnOnce(Revision) -> F,
    ) -> Vec<Observation>
    where
        F: Future<Output = DeploymentReport> + Send + 'static,
    {
        let Some(revision) = revision else {
            let why = "the record of this revision is gone".to_owned();
            let report = DeploymentReport::Verified(Err(why));
            return vec![Observation::Deployment(deployment, report)];
        };
        if self.jobs.get(&id).is_some_and(|job| !job.is_finished()) {
            return Vec::new();
        }
        let (work, reports) = (work(revision), self.reports.clone());
        let job = tokio::spawn(async move {
            let report = work.await;
            if reports.send(Observation::Deployment(deployment, report)).await.is_err() {
                tracing::debug!("the loop ended before a report of deployment {deployment}");
            }
        });
        self.jobs.insert(id, job.abort_handle());
        Vec::new()
    }
}
