//! What a line of the history is about: the trial, revisions, process and alert that it names.

use super::ids::{ProcessName, RevisionId, TrialNumber};
use super::note::Note;
use super::observation::Command;

/// Whom and what a note names; nothing where it names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About<'a> {
    /// The trial.
    pub trial: Option<TrialNumber>,
    /// The revision.
    pub revision: Option<RevisionId>,
    /// The revision that made room for it.
    pub replaced: Option<RevisionId>,
    /// The process.
    pub process: Option<&'a ProcessName>,
    /// The key of the alert.
    pub alert: Option<&'a str>,
}

impl<'a> About<'a> {
    const NOTHING: Self =
        Self { trial: None, revision: None, replaced: None, process: None, alert: None };

    const fn trial(trial: TrialNumber) -> Self {
        Self { trial: Some(trial), ..Self::NOTHING }
    }

    const fn revision(revision: RevisionId) -> Self {
        Self { revision: Some(revision), ..Self::NOTHING }
    }

    const fn model(revision: RevisionId, trial: TrialNumber) -> Self {
        Self { trial: Some(trial), ..Self::revision(revision) }
    }

    const fn process(process: &'a ProcessName) -> Self {
        Self { process: Some(process), ..Self::NOTHING }
    }

    const fn alert(key: &'a str) -> Self {
        Self { alert: Some(key), ..Self::NOTHING }
    }

    /// Whether it is about this process: by name, or by an alert of its own.
    pub fn concerns(&self, process: &ProcessName) -> bool {
        let its_alert = |key: &str| {
            let own =
                key.strip_prefix("process/").and_then(|key| key.strip_prefix(process.as_str()));
            own.is_some_and(|rest| rest.starts_with('/'))
        };
        self.process == Some(process) || self.alert.is_some_and(its_alert)
    }
}

impl Note {
    /// What this note is about.
    pub const fn about(&self) -> About<'_> {
        match self {
            Self::CandidateDeclined(candidate, _) | Self::NewBest(candidate) => {
                About::trial(candidate.number)
            }
            Self::TrialHeld(_, number, _) | Self::TrialReleased(_, number) => About::trial(*number),
            Self::DeploymentBegan(_, revision, candidate, _) => {
                About::model(*revision, candidate.number)
            }
            Self::RevisionJudged(revision, number, _)
            | Self::ModelExamined(revision, number, _) => About::model(*revision, *number),
            Self::DeploymentReached(_, revision, _) => About::revision(*revision),
            Self::Traded(digest) => About::revision(digest.revision),
            Self::WentLive(_, revision, before, _) => {
                About { replaced: *before, ..About::revision(*revision) }
            }
            Self::ProcessStarted(name, ..)
            | Self::ProcessAdopted(name, ..)
            | Self::LaunchFailed(name, ..)
            | Self::ProcessExited(name, ..)
            | Self::ProcessCooling(name, ..)
            | Self::ProcessHealthy(name, ..)
            | Self::ProcessCondemned(name, ..)
            | Self::ProcessReady(name, ..) => About::process(name),
            Self::AlertRaised(key, ..)
            | Self::AlertCleared(key)
            | Self::AlertFired(key, ..)
            | Self::AlertMuted(key, ..)
            | Self::AlertFlapping(key, ..)
            | Self::AlertResolved(key, ..) => About::alert(key.as_str()),
            Self::Asked(_, _, command) => command.about(),
            Self::RunnerStarted
            | Self::RunnerStopping
            | Self::StudyFollowed(_)
            | Self::StudyUnavailable(_)
            | Self::StudyReplaced(_)
            | Self::Halted(_)
            | Self::ModeChanged(_)
            | Self::SilenceEnded(..)
            | Self::Imported(..)
            | Self::WorkersPaused(_) => About::NOTHING,
        }
    }
}

impl Command {
    /// What this request is about.
    pub const fn about(&self) -> About<'_> {
        match self {
            Self::Deploy { candidate, .. } => About::trial(candidate.number),
            Self::Hold { number, .. } | Self::Unhold { number, .. } => About::trial(*number),
            Self::Restart { process } | Self::Reset { process } => About::process(process),
            Self::Acknowledge { alert, .. } | Self::Unacknowledge { alert } => {
                About::alert(alert.as_str())
            }
            Self::Rollback { .. }
            | Self::Approve
            | Self::Reject { .. }
            | Self::Pause { .. }
            | Self::Resume
            | Self::Silence { .. }
            | Self::Unsilence { .. } => About::NOTHING,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_owns_its_alerts_and_not_those_of_a_longer_name() {
        let name = ProcessName::new("worker-1").unwrap();
        let of = |key: &str| Note::AlertCleared(key.to_owned()).about().concerns(&name);
        assert!(of("process/worker-1/cooling"));
        assert!(!of("process/worker-12/cooling"));
        assert!(!of("process/worker-1"));
        assert!(!of("study/stalled"));
        let restart = Command::Restart { process: name.clone() };
        assert!(restart.about().concerns(&name));
    }
}
