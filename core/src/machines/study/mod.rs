//! The machine `study`: which Optuna study is followed, and its best deployable trial.
//!
//! ```text
//! Unseen ──seen──▶ Following ──unavailable──▶ Lost ──seen──▶ Following
//! ```
//!
//! It does not judge the best trial; `deployment` does. It tells `deployment` when the study is
//! no longer the same one, however alike its name and ids are.

use super::{Answer, Step, Tell, Unchanged, alert, deployment};
use crate::rules::improvement::gain;
use crate::words::{Candidate, Moment, Note, StudyIdentity, StudyReport};
use serde::{Deserialize, Serialize};

/// State of the study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Study {
    /// Never read yet.
    #[default]
    Unseen,
    /// Being read.
    Following {
        /// Which one.
        identity: StudyIdentity,
        /// Its best deployable trial.
        best: Option<Candidate>,
    },
    /// It was read once, but cannot be now.
    Lost {
        /// Which one it was.
        identity: StudyIdentity,
        /// Since when.
        since: Moment,
    },
}

fn unavailable_alert() -> alert::Key {
    alert::Key("study/unavailable".into())
}

/// The answer of the study to a report of its observer.
pub fn step(now: Moment, study: &Study, report: &StudyReport) -> Answer<Study> {
    match (study, report) {
        (Study::Following { identity, best }, StudyReport::Seen { identity: seen, best: new })
            if identity == seen && best == new =>
        {
            Answer::Unchanged(Unchanged::AlreadySo)
        }
        (Study::Following { identity, best: old }, StudyReport::Seen { identity: seen, best })
            if identity == seen =>
        {
            let step = Step::to(Study::Following { identity: seen.clone(), best: best.clone() });
            match best {
                Some(new) if is_better(old.as_ref(), new) => step.note(Note::NewBest(new.clone())),
                Some(_) | None => step,
            }
            .done()
        }
        (
            Study::Unseen | Study::Following { .. } | Study::Lost { .. },
            StudyReport::Seen { identity, best },
        ) => follow(identity, best.as_ref()),
        (Study::Following { identity, .. }, StudyReport::Unavailable(why)) => {
            Step::to(Study::Lost { identity: identity.clone(), since: now })
                .raise(unavailable_alert(), why.clone(), "see `cappuccino check`")
                .note(Note::StudyUnavailable(why.clone()))
                .done()
        }
        (Study::Unseen | Study::Lost { .. }, StudyReport::Unavailable(why)) => {
            // The same state, but the alert may be new or say something new.
            Step::to(study.clone())
                .raise(unavailable_alert(), why.clone(), "see `cappuccino check`")
                .done()
        }
    }
}

/// A trial that is only the best because a better one is held back is none.
fn is_better(old: Option<&Candidate>, new: &Candidate) -> bool {
    old.is_none_or(|old| gain(new.direction, old.value, new.value) > 0.0)
}

fn follow(identity: &StudyIdentity, best: Option<&Candidate>) -> Answer<Study> {
    Step::to(Study::Following { identity: identity.clone(), best: best.cloned() })
        .clear(unavailable_alert())
        .note(Note::StudyFollowed(identity.clone()))
        .tell(Tell::Deployment(deployment::Event::StudySeen(identity.clone())))
        .done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Direction;

    fn identity(id: i64) -> StudyIdentity {
        StudyIdentity {
            name: "s".into(),
            study_id: id,
            directions: vec![Direction::Maximize],
            anchor: None,
        }
    }

    fn seen(id: i64) -> StudyReport {
        StudyReport::Seen { identity: identity(id), best: None }
    }

    fn moved(study: &Study, report: &StudyReport) -> Step<Study> {
        match step(Moment::default(), study, report) {
            Answer::Moved(step) => step,
            Answer::Unchanged(why) => panic!("expected a change: {why:?}"),
            Answer::Refused(why) => panic!("expected a change: {why:?}"),
        }
    }

    #[test]
    fn an_unchanged_poll_changes_nothing() {
        let study = moved(&Study::Unseen, &seen(1)).next;
        let answer = step(Moment::default(), &study, &seen(1));
        assert_eq!(answer, Answer::Unchanged(Unchanged::AlreadySo));
    }

    #[test]
    fn a_study_that_vanishes_and_returns_is_told_to_the_deployment_again() {
        let study = moved(&Study::Unseen, &seen(1)).next;
        let lost = moved(&study, &StudyReport::Unavailable("gone".into())).next;
        assert!(matches!(lost, Study::Lost { .. }));
        let back = moved(&lost, &seen(2));
        assert!(back.tells.contains(&Tell::Deployment(deployment::Event::StudySeen(identity(2)))));
    }
}
