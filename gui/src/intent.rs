//! What the user wants of the runner, whether it can be asked now, and what must be confirmed.

use crate::model::Model;
use crate::text;
use cappuccino_core::api::{AlertView, CommandBody, ProcessView, RevisionView};
use cappuccino_core::words::{
    Generation, ProcessName, RevisionId, SilenceId, Span, Timestamp, TrialNumber,
};

/// One thing the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Go back to an earlier good model.
    Rollback {
        /// Which.
        to: RevisionId,
        /// Its trial.
        trial: TrialNumber,
        /// Whether the present trial is held back from now on.
        hold: bool,
        /// Why; may be empty.
        reason: String,
        /// The deployment's generation that the user had in view.
        expected: Generation,
    },
    /// Deploy a trial, better or not.
    Deploy(TrialNumber),
    /// Hold a trial back.
    Hold(TrialNumber),
    /// Let a trial be deployed again.
    Unhold(TrialNumber),
    /// Approve what waits for approval.
    Approve,
    /// Decline what is being prepared.
    Reject,
    /// No automatic deployments.
    PauseDeployments,
    /// Automatic deployments again.
    ResumeDeployments,
    /// A fresh life for a process.
    Restart(ProcessName),
    /// Forget a process's failures.
    Reset(ProcessName),
    /// Look after an alert.
    Acknowledge(String),
    /// Look after it no longer.
    Unacknowledge(String),
    /// Do not tell an alert for so many seconds.
    Silence(String, u32),
    /// Tell what was silenced.
    Unsilence(SilenceId),
}

/// How long an alert is silenced, in seconds.
pub const HOUR: u32 = 3_600;
/// The same for longer.
pub const DAY: u32 = 24 * HOUR;

/// Why the app's user asks, when he gives no reason.
const NO_REASON: &str = "asked in the app";

impl Intent {
    /// What it is called while it is on its way: `Roll back to trial 412`.
    pub fn text(&self) -> String {
        match self {
            Self::Rollback { trial, .. } => format!("Roll back to trial {trial}"),
            Self::Deploy(trial) => format!("Deploy trial {trial}"),
            Self::Hold(trial) => format!("Hold trial {trial} back"),
            Self::Unhold(trial) => format!("Release trial {trial}"),
            Self::Approve => "Approve the waiting model".to_owned(),
            Self::Reject => "Decline the model in preparation".to_owned(),
            Self::PauseDeployments => "Pause automatic deployments".to_owned(),
            Self::ResumeDeployments => "Resume automatic deployments".to_owned(),
            Self::Restart(process) => format!("Restart {process}"),
            Self::Reset(process) => format!("Reset the restart counter of {process}"),
            Self::Acknowledge(alert) => format!("Acknowledge {alert}"),
            Self::Unacknowledge(alert) => format!("Acknowledge {alert} no longer"),
            Self::Silence(alert, seconds) => {
                let lasts = text::span(Span::seconds(i64::from(*seconds)));
                format!("Silence {alert} for {lasts}")
            }
            Self::Unsilence(id) => format!("End silence {id}"),
        }
    }

    /// As the runner is asked.
    pub fn body(&self) -> CommandBody {
        let reason = || NO_REASON.to_owned();
        match self {
            Self::Rollback { to, hold, reason: given, .. } => CommandBody::Rollback {
                to: Some(*to),
                hold: *hold,
                reason: if given.trim().is_empty() { reason() } else { given.trim().to_owned() },
            },
            Self::Deploy(trial) => CommandBody::Deploy { trial: *trial, reason: reason() },
            Self::Hold(trial) => CommandBody::Hold { trial: *trial, reason: reason() },
            Self::Unhold(trial) => CommandBody::Unhold { trial: *trial },
            Self::Approve => CommandBody::Approve,
            Self::Reject => CommandBody::Reject { reason: reason() },
            Self::PauseDeployments => CommandBody::Pause { pin: false, reason: reason() },
            Self::ResumeDeployments => CommandBody::Resume,
            Self::Restart(process) => CommandBody::Restart { process: process.clone() },
            Self::Reset(process) => CommandBody::Reset { process: process.clone() },
            Self::Acknowledge(alert) => {
                CommandBody::Acknowledge { alert: alert.clone(), reason: reason() }
            }
            Self::Unacknowledge(alert) => CommandBody::Unacknowledge { alert: alert.clone() },
            Self::Silence(pattern, seconds) => CommandBody::Silence {
                pattern: pattern.clone(),
                seconds: *seconds,
                reason: reason(),
            },
            Self::Unsilence(silence) => CommandBody::Unsilence { silence: *silence },
        }
    }

    /// The generation that the deployment must still have; none where it does not matter.
    pub const fn expected(&self) -> Option<Generation> {
        match self {
            Self::Rollback { expected, .. } => Some(*expected),
            Self::Deploy(_)
            | Self::Hold(_)
            | Self::Unhold(_)
            | Self::Approve
            | Self::Reject
            | Self::PauseDeployments
            | Self::ResumeDeployments
            | Self::Restart(_)
            | Self::Reset(_)
            | Self::Acknowledge(_)
            | Self::Unacknowledge(_)
            | Self::Silence(..)
            | Self::Unsilence(_) => None,
        }
    }

    /// The same with no reason given: what it leads to does not depend on that.
    #[must_use]
    pub fn without_reason(mut self) -> Self {
        if let Self::Rollback { reason, .. } = &mut self {
            reason.clear();
        }
        self
    }

    /// Why it cannot be asked now; nothing when it can.
    ///
    /// # Errors
    /// One sentence.
    pub fn check(&self, model: &Model, now: Timestamp) -> Result<(), String> {
        model.can_ask(now)?;
        let text = self.text();
        if model.pending.values().any(|pending| pending.text == text) {
            return Err(format!("{text}: already on its way"));
        }
        let Some(status) = &model.status else { return Err("nothing is known yet".to_owned()) };
        let deployment = &status.deployment;
        match self {
            Self::Rollback { expected, .. } if *expected != deployment.generation => {
                Err("the deployment moved on since this was opened; look again".to_owned())
            }
            Self::Deploy(trial)
                if deployment.live.as_ref().is_some_and(|live| live.trial == *trial) =>
            {
                Err(format!("trial {trial} is live already"))
            }
            Self::Approve if deployment.phase != "awaiting approval" => {
                Err("nothing waits for approval".to_owned())
            }
            Self::Reject if deployment.next.is_none() => {
                Err("nothing is being prepared".to_owned())
            }
            Self::PauseDeployments if deployment.mode != "automatic" => {
                Err("automatic deployments are off already".to_owned())
            }
            Self::ResumeDeployments if deployment.mode == "automatic" => {
                Err("automatic deployments are on already".to_owned())
            }
            Self::Rollback { .. }
            | Self::Deploy(_)
            | Self::Hold(_)
            | Self::Unhold(_)
            | Self::Approve
            | Self::Reject
            | Self::PauseDeployments
            | Self::ResumeDeployments
            | Self::Restart(_)
            | Self::Reset(_)
            | Self::Acknowledge(_)
            | Self::Unacknowledge(_)
            | Self::Silence(..)
            | Self::Unsilence(_) => Ok(()),
        }
    }
}

/// Whether a rollback can be offered now, and to what.
///
/// # Errors
/// One sentence: why not.
pub fn rollback_target(model: &Model, now: Timestamp) -> Result<RevisionView, String> {
    model.can_ask(now)?;
    let Some(status) = &model.status else { return Err("nothing is known yet".to_owned()) };
    status.deployment.rollback_target.clone().ok_or_else(|| {
        "there is no other good model to roll back to; one becomes good by surviving its probation"
            .to_owned()
    })
}

/// Something that is confirmed before it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draft {
    /// A rollback with its choices.
    Rollback(RollbackDraft),
    /// Anything else that interrupts something.
    Plain(Intent),
}

/// The choices of a rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackDraft {
    /// Where to.
    pub to: RevisionId,
    /// Whether the present trial is held back from now on.
    pub hold: bool,
    /// Why.
    pub reason: String,
    /// The generation when it was opened.
    pub expected: Generation,
}

impl Draft {
    /// A rollback to the newest other good model.
    ///
    /// # Errors
    /// One sentence: why none can be offered.
    pub fn rollback(model: &Model, now: Timestamp) -> Result<Self, String> {
        let target = rollback_target(model, now)?;
        Self::rollback_to(model, target.id)
    }

    /// A rollback to this model.
    ///
    /// # Errors
    /// One sentence: why it cannot be offered.
    pub fn rollback_to(model: &Model, to: RevisionId) -> Result<Self, String> {
        let Some(status) = &model.status else { return Err("nothing is known yet".to_owned()) };
        let expected = status.deployment.generation;
        if status.deployment.live.as_ref().is_some_and(|live| live.id == to) {
            return Err("this model is live already".to_owned());
        }
        if let Some(target) = revision(model, to).filter(|target| target.standing != "good") {
            return Err(format!(
                "only a model that proved itself can be gone back to; this one is {}",
                target.standing
            ));
        }
        Ok(Self::Rollback(RollbackDraft { to, hold: true, reason: String::new(), expected }))
    }

    /// What is asked when it is confirmed; nothing when its target is gone.
    pub fn intent(&self, model: &Model) -> Option<Intent> {
        match self {
            Self::Plain(intent) => Some(intent.clone()),
            Self::Rollback(draft) => {
                let target = revision(model, draft.to)?;
                Some(Intent::Rollback {
                    to: draft.to,
                    trial: target.trial,
                    hold: draft.hold,
                    reason: draft.reason.clone(),
                    expected: draft.expected,
                })
            }
        }
    }
}

/// Whether this must be confirmed: what stops a process or changes the live model is.
pub const fn needs_confirming(intent: &Intent) -> bool {
    match intent {
        Intent::Rollback { .. }
        | Intent::Deploy(_)
        | Intent::Restart(_)
        | Intent::Reset(_)
        | Intent::Reject => true,
        Intent::Hold(_)
        | Intent::Unhold(_)
        | Intent::Approve
        | Intent::PauseDeployments
        | Intent::ResumeDeployments
        | Intent::Acknowledge(_)
        | Intent::Unacknowledge(_)
        | Intent::Silence(..)
        | Intent::Unsilence(_) => false,
    }
}

/// A model by its number.
pub fn revision(model: &Model, id: RevisionId) -> Option<&RevisionView> {
    model.status.as_ref()?.deployment.revisions.iter().find(|revision| revision.id == id)
}

/// The alert that is looked at: the chosen one while it is open, or else the first.
pub fn chosen_alert<'a>(model: &'a Model, chosen: Option<&str>) -> Option<&'a AlertView> {
    let open = &model.status.as_ref()?.alerts;
    let found = open.iter().find(|alert| Some(alert.key.as_str()) == chosen);
    found.or_else(|| open.first())
}

/// A process by its name.
pub fn process<'a>(model: &'a Model, name: &ProcessName) -> Option<&'a ProcessView> {
    model.status.as_ref()?.processes.iter().find(|process| process.name == *name)
}

/// The trader, when one is configured.
pub fn trader(model: &Model) -> Option<&ProcessView> {
    model.status.as_ref()?.processes.iter().find(|process| process.role == "trader")
}

/// A model in a few words: `trial 412 (0.8125)`.
pub fn named(revision: &RevisionView) -> String {
    format!("trial {} ({})", revision.trial, text::value(revision.value))
}
