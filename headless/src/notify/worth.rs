//! Which lines of the history a person is told of, how urgent each is, and in which words.

use super::hand::Button;
use cappuccino_core::api::sentence;
use cappuccino_core::machines::alert::Key;
use cappuccino_core::store::Entry;
use cappuccino_core::words::candidate::Rejection;
use cappuccino_core::words::{Cause, Note, RevisionId, Sequence, Standing, Timestamp, Trouble};

pub use cappuccino_core::words::Severity;

/// A line of the history as a person is told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Its number.
    pub sequence: Sequence,
    /// When it happened.
    pub at: Timestamp,
    /// How urgent it is.
    pub severity: Severity,
    /// Severity that decides which channels tell it: the end of an alert goes where the alert went.
    pub reach: Severity,
    /// What it is about, such as the key of an alert; repeats about one subject are merged.
    pub subject: String,
    /// A few words.
    pub title: String,
    /// One or two sentences.
    pub text: String,
    /// Whether it tells that its subject needs no attention any more.
    pub is_over: bool,
    /// What can be answered to it at once.
    pub button: Option<Button>,
}

/// The line in words, when it is worth telling.
pub fn news(entry: &Entry) -> Option<News> {
    let about = about(&entry.note)?;
    Some(News {
        sequence: entry.sequence,
        at: entry.at,
        severity: about.severity,
        reach: about.reach,
        subject: about.subject,
        title: about.title,
        text: about.text.unwrap_or_else(|| sentence(&entry.note)),
        is_over: about.is_over,
        button: about.button,
    })
}

struct About {
    severity: Severity,
    reach: Severity,
    subject: String,
    title: String,
    text: Option<String>,
    is_over: bool,
    button: Option<Button>,
}

impl About {
    fn new(severity: Severity, subject: impl Into<String>, title: impl Into<String>) -> Self {
        let (subject, title) = (subject.into(), title.into());
        let (text, is_over, button) = (None, false, None);
        Self { severity, reach: severity, subject, title, text, is_over, button }
    }
}

fn about(note: &Note) -> Option<About> {
    use Severity::{Critical, Warning};
    Some(match note {
        Note::AlertRaised(key, text, remedy) => About {
            text: Some(format!("{text}; {remedy}")),
            ..About::new(urgency(key), key, format!("alert: {key}"))
        },
        Note::AlertFired(key, trouble, _) => raised(key, trouble, "alert"),
        Note::AlertFlapping(key, trouble, _) => raised(key, trouble, "comes and goes"),
        Note::NewBest(candidate) => {
            let title = format!("trial {} is the best so far", candidate.number);
            About::new(Severity::Info, "study/best", title)
        }
        Note::Traded(_) => About::new(Severity::Info, "trading/trades", "trades"),
        Note::AlertCleared(key) => over(key, urgency(key)),
        Note::AlertResolved(key, severity, _, true) => over(key, *severity),
        Note::WentLive(_, revision, _, cause) => {
            let (severity, verb) = went_live(cause);
            let title = format!("revision {revision} {verb}");
            let is_undoable = cause.is_proposal() || matches!(cause, Cause::Operator(..));
            let button = is_undoable.then_some(Button::RollBack(*revision));
            About { button, ..About::new(severity, of(*revision), title) }
        }
        Note::Halted(_) => About::new(Critical, "deployment/halted", "nothing trades"),
        Note::ProcessCondemned(name, _, _, _) => {
            About::new(Warning, format!("process/{name}/condemned"), format!("{name} was ended"))
        }
        // The alert about the same subject tells it together with this.
        Note::ProcessCooling(name, _) => {
            About::new(Warning, format!("process/{name}/cooling"), format!("{name} keeps ending"))
        }
        Note::RevisionJudged(revision, _, standing) => {
            let (severity, verb) = judged(standing)?;
            About::new(severity, of(*revision), format!("revision {revision} {verb}"))
        }
        Note::StudyUnavailable(_) => {
            About::new(Warning, "study/unavailable", "the study cannot be read")
        }
        Note::StudyReplaced(_) => {
            About::new(Warning, "deployment/study-replaced", "another study is in its place")
        }
        Note::AlertResolved(_, _, _, false)
        | Note::AlertMuted(..)
        | Note::SilenceEnded(..)
        | Note::RunnerStarted
        | Note::RunnerStopping
        | Note::StudyFollowed(_)
        | Note::CandidateDeclined(..)
        | Note::DeploymentBegan(..)
        | Note::DeploymentReached(..)
        | Note::ModeChanged(_)
        | Note::TrialHeld(..)
        | Note::TrialReleased(..)
        | Note::ProcessStarted(..)
        | Note::ProcessAdopted(..)
        | Note::LaunchFailed(..)
        | Note::ProcessExited(..)
        | Note::ProcessHealthy(..)
        | Note::ProcessReady(..)
        | Note::WorkersPaused(_)
        | Note::Asked(..)
        | Note::Imported(..)
        | Note::ModelExamined(..) => return None,
    })
}

/// What lines about a revision are about: each is news of its own, so none waits for another.
fn of(revision: RevisionId) -> String {
    format!("revision/{revision}")
}

fn raised(key: &str, trouble: &Trouble, what: &str) -> About {
    let text = Some(format!("{}; {}", trouble.text, trouble.remedy));
    let button = Some(Button::Acknowledge(key.to_owned()));
    About { text, button, ..About::new(trouble.severity, key, format!("{what}: {key}")) }
}

/// The end of an alert goes where the alert went.
fn over(key: &str, reach: Severity) -> About {
    About { reach, is_over: true, ..About::new(Severity::Info, key, format!("over: {key}")) }
}

/// Old lines do not say how urgent an alert was.
fn urgency(key: &str) -> Severity {
    Key(key.to_owned()).usual_severity()
}

const fn went_live(cause: &Cause) -> (Severity, &'static str) {
    match cause {
        Cause::Automatic | Cause::Operator(..) | Cause::TradedBetter(_) => {
            (Severity::Info, "went live")
        }
        Cause::OperatorRollback(..) => (Severity::Info, "is back"),
        Cause::AutomaticRollback(_) => (Severity::Warning, "is back"),
    }
}

const fn judged(standing: &Standing) -> Option<(Severity, &'static str)> {
    match standing {
        Standing::Rejected(Rejection::ByOperator(_)) => Some((Severity::Info, "was declined")),
        Standing::Rejected(Rejection::TradedWorse(_)) | Standing::Outperformed(_) => {
            Some((Severity::Info, "traded worse"))
        }
        Standing::Rejected(
            Rejection::FilesMissing(_)
            | Rejection::StagingFailed(_)
            | Rejection::Invalid(_)
            | Rejection::TimedOut(_)
            | Rejection::ApprovalExpired,
        ) => Some((Severity::Warning, "was rejected")),
        Standing::Bad(_) => Some((Severity::Warning, "failed")),
        Standing::Candidate | Standing::Superseded | Standing::Trial | Standing::Good => None,
    }
}
