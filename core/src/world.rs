//! Everything the machines know, in one place: what the store loads at boot and a commit replaces.

use crate::machines::alert::{Alert, Key};
use crate::machines::deployment::Deployment;
use crate::machines::process::{Phase as ProcessPhase, Process};
use crate::machines::study::Study;
use crate::machines::{deployment, process};
use crate::words::{
    Effect, Intent, IntentId, Moment, ProcessName, Refusal, RequestId, RevisionId, Silence,
    SilenceId, TradesTold,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Requests remembered, so that asking again answers the same without acting again.
pub const REQUESTS_MAX: usize = 256;

/// All states of all machines, with what was asked of the world and not answered yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// The study.
    pub study: Study,
    /// Which model is live.
    pub deployment: Deployment,
    /// Every process, configured now or once.
    pub processes: BTreeMap<ProcessName, Process>,
    /// Alerts that are not quiet.
    pub alerts: BTreeMap<Key, Alert>,
    /// Alerts that are not told for a while.
    pub silences: BTreeMap<SilenceId, Silence>,
    /// Trades up to which the history tells.
    pub trades_told: Option<TradesTold>,
    /// Effects asked for and not settled.
    pub intents: BTreeMap<IntentId, Intent>,
    /// Effects asked for and silences made so far; numbers both.
    pub asked: u64,
    /// Requests answered lately.
    pub requests: BTreeMap<RequestId, Answered>,
    /// Whether the runner is going down. Not stored: a new runner starts afresh.
    pub shutting_down: bool,
}

/// A request and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// When.
    pub at: Moment,
    /// Carried out (or so already), or refused.
    pub outcome: Result<(), Refusal>,
}

impl World {
    /// Whether anything still waits for this effect. An effect is wanted exactly while the state
    /// that asked for it lasts, so no list of pending work can outlive its reason.
    pub fn wants(&self, effect: &Effect) -> bool {
        let phase = |name| self.processes.get(name).map(|process| &process.phase);
        match effect {
            Effect::Launch { process, generation, .. } => {
                let current = self.processes.get(process).map(|process| process.generation);
                matches!(phase(process), Some(ProcessPhase::Starting { .. }))
                    && current == Some(*generation)
            }
            Effect::Stop { process, identity, .. } => match phase(process) {
                Some(ProcessPhase::Stopping { identity: ending, .. }) => ending == identity,
                _ => false,
            },
            Effect::Probe { process } => matches!(
                phase(process),
                Some(ProcessPhase::Unknown { .. } | ProcessPhase::Stopping { .. })
            ),
            Effect::AwaitReady { process, generation } => {
                let current = self.processes.get(process).map(|process| process.generation);
                matches!(phase(process), Some(ProcessPhase::Running { ready: false, .. }))
                    && current == Some(*generation)
            }
            Effect::AwaitFiles { deployment, .. } => {
                self.at(*deployment, |phase| matches!(phase, deployment::Phase::Settling(_)))
            }
            Effect::Stage { deployment, .. } => {
                self.at(*deployment, |phase| matches!(phase, deployment::Phase::Staging(_)))
            }
            Effect::Validate { deployment, .. } => {
                self.at(*deployment, |phase| matches!(phase, deployment::Phase::Validating(_)))
            }
            Effect::Verify { deployment, .. } => self.at(*deployment, |phase| {
                matches!(phase, deployment::Phase::Ready(_) | deployment::Phase::RollingBack(_))
            }),
        }
    }

    fn at(
        &self,
        id: crate::words::DeploymentId,
        step: impl Fn(&deployment::Phase) -> bool,
    ) -> bool {
        let phase = &self.deployment.slot.phase;
        phase.under_way().is_some_and(|(present, _)| present == id) && step(phase)
    }

    /// What the trader should be doing, by the deployment's state alone.
    pub fn trader_goal(&self) -> process::Goal {
        let up = |revision: Option<RevisionId>| match revision {
            Some(revision) => process::Goal::Up(Some(revision)),
            None => process::Goal::Down,
        };
        match &self.deployment.slot.phase {
            deployment::Phase::Draining(_)
            | deployment::Phase::Halting(_)
            | deployment::Phase::Halted(_)
            | deployment::Phase::Watching => process::Goal::Down,
            deployment::Phase::Live { .. }
            | deployment::Phase::Settling(_)
            | deployment::Phase::Staging(_)
            | deployment::Phase::Validating(_)
            | deployment::Phase::AwaitingApproval(_)
            | deployment::Phase::Ready(_)
            | deployment::Phase::RollingBack(_)
            | deployment::Phase::Starting(_)
            | deployment::Phase::Probation(_) => up(self.deployment.slot.phase.live()),
        }
    }

    /// Whether no process lives and none is being started or stopped.
    pub fn is_at_rest(&self) -> bool {
        self.processes.values().all(Process::is_at_rest)
    }
}
