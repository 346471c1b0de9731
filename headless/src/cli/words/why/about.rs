//! What a note of the history is about.

use cappuccino_core::words::{Command, Note, ProcessName, RevisionId, TrialNumber};

/// The trial that a note names.
pub(super) fn trial(note: &Note) -> Option<TrialNumber> {
    match note {
        Note::CandidateDeclined(candidate, _)
        | Note::DeploymentBegan(_, _, candidate, _)
        | Note::NewBest(candidate) => Some(candidate.number),
        Note::RevisionJudged(_, number, _)
        | Note::TrialHeld(_, number, _)
        | Note::TrialReleased(_, number)
        | Note::ModelExamined(_, number, _) => Some(*number),
        Note::Asked(_, _, command) => wished_trial(command),
        Note::RunnerStarted
        | Note::RunnerStopping
        | Note::StudyFollowed(_)
        | Note::StudyUnavailable(_)
        | Note::StudyReplaced(_)
        | Note::DeploymentReached(..)
        | Note::WentLive(..)
        | Note::Halted(_)
        | Note::ModeChanged(_)
        | Note::ProcessStarted(..)
        | Note::ProcessAdopted(..)
        | Note::LaunchFailed(..)
        | Note::ProcessExited(..)
        | Note::ProcessCooling(..)
        | Note::ProcessHealthy(..)
        | Note::ProcessCondemned(..)
        | Note::ProcessReady(..)
        | Note::WorkersPaused(_)
        | Note::AlertRaised(..)
        | Note::AlertCleared(_)
        | Note::AlertFired(..)
        | Note::AlertMuted(..)
        | Note::AlertFlapping(..)
        | Note::AlertResolved(..)
        | Note::SilenceEnded(..)
        | Note::Imported(..)
        | Note::Traded(_) => None,
    }
}

/// The revisions that a note names: the one it is about, and one that makes room for it.
pub(super) fn revisions(note: &Note) -> [Option<RevisionId>; 2] {
    match note {
        Note::DeploymentBegan(_, revision, _, _)
        | Note::DeploymentReached(_, revision, _)
        | Note::RevisionJudged(revision, _, _)
        | Note::ModelExamined(revision, _, _) => [Some(*revision), None],
        Note::WentLive(_, revision, before, _) => [Some(*revision), *before],
        Note::Traded(digest) => [Some(digest.revision), None],
        Note::RunnerStarted
        | Note::RunnerStopping
        | Note::StudyFollowed(_)
        | Note::StudyUnavailable(_)
        | Note::StudyReplaced(_)
        | Note::CandidateDeclined(..)
        | Note::Halted(_)
        | Note::ModeChanged(_)
        | Note::TrialHeld(..)
        | Note::TrialReleased(..)
        | Note::ProcessStarted(..)
        | Note::ProcessAdopted(..)
        | Note::LaunchFailed(..)
        | Note::ProcessExited(..)
        | Note::ProcessCooling(..)
        | Note::ProcessHealthy(..)
        | Note::ProcessCondemned(..)
        | Note::ProcessReady(..)
        | Note::WorkersPaused(_)
        | Note::AlertRaised(..)
        | Note::AlertCleared(_)
        | Note::AlertFired(..)
        | Note::AlertMuted(..)
        | Note::AlertFlapping(..)
        | Note::AlertResolved(..)
        | Note::SilenceEnded(..)
        | Note::NewBest(_)
        | Note::Asked(..)
        | Note::Imported(..) => [None, None],
    }
}

/// Whether a note is about this process.
pub(super) fn process(note: &Note, name: &ProcessName) -> bool {
    match note {
        Note::ProcessStarted(who, ..)
        | Note::ProcessAdopted(who, ..)
        | Note::LaunchFailed(who, ..)
        | Note::ProcessExited(who, ..)
        | Note::ProcessCooling(who, ..)
        | Note::ProcessHealthy(who, ..)
        | Note::ProcessCondemned(who, ..)
        | Note::ProcessReady(who, ..) => who == name,
        Note::AlertRaised(key, ..)
        | Note::AlertCleared(key)
        | Note::AlertFired(key, ..)
        | Note::AlertMuted(key, ..)
        | Note::AlertFlapping(key, ..)
        | Note::AlertResolved(key, ..) => key.starts_with(&format!("process/{name}/")),
        Note::Asked(_, _, command) => wished_process(command) == Some(name),
        Note::RunnerStarted
        | Note::RunnerStopping
        | Note::StudyFollowed(_)
        | Note::StudyUnavailable(_)
        | Note::StudyReplaced(_)
        | Note::CandidateDeclined(..)
        | Note::DeploymentBegan(..)
        | Note::DeploymentReached(..)
        | Note::RevisionJudged(..)
        | Note::WentLive(..)
        | Note::Halted(_)
        | Note::ModeChanged(_)
        | Note::TrialHeld(..)
        | Note::TrialReleased(..)
        | Note::SilenceEnded(..)
        | Note::Imported(..)
        | Note::ModelExamined(..)
        | Note::NewBest(_)
        | Note::Traded(_)
        | Note::WorkersPaused(_) => false,
    }
}

/// The alert that a note is about.
#[expect(clippy::wildcard_enum_match_arm, reason = "most lines are about something else")]
pub(super) fn alert(note: &Note) -> Option<&str> {
    match note {
        Note::AlertRaised(key, ..)
        | Note::AlertCleared(key)
        | Note::AlertFired(key, ..)
        | Note::AlertMuted(key, ..)
        | Note::AlertFlapping(key, ..)
        | Note::AlertResolved(key, ..)
        | Note::Asked(
            _,
            _,
            Command::Acknowledge { alert: key, .. } | Command::Unacknowledge { alert: key },
        ) => Some(key),
        _ => None,
    }
}

fn wished_trial(command: &Command) -> Option<TrialNumber> {
    match command {
        Command::Deploy { candidate, .. } => Some(candidate.number),
        Command::Hold { number, .. } | Command::Unhold { number, .. } => Some(*number),
        Command::Rollback { .. }
        | Command::Approve
        | Command::Reject { .. }
        | Command::Pause { .. }
        | Command::Resume
        | Command::Restart { .. }
        | Command::Reset { .. }
        | Command::Acknowledge { .. }
        | Command::Unacknowledge { .. }
        | Command::Silence { .. }
        | Command::Unsilence { .. } => None,
    }
}

fn wished_process(command: &Command) -> Option<&ProcessName> {
    match command {
        Command::Restart { process } | Command::Reset { process } => Some(process),
        Command::Deploy { .. }
        | Command::Hold { .. }
        | Command::Unhold { .. }
        | Command::Rollback { .. }
        | Command::Approve
        | Command::Reject { .. }
        | Command::Pause { .. }
        | Command::Resume
        | Command::Acknowledge { .. }
        | Command::Unacknowledge { .. }
        | Command::Silence { .. }
        | Command::Unsilence { .. } => None,
    }
}
