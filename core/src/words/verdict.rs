//! What an examination of a model found, step by step; stored with the history.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest finding in characters: a hostile file chooses some of its words.
const FINDING_MAX: usize = 300;

/// Everything that was looked at, in order, and what was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// One per step.
    pub steps: Vec<Examined>,
}

/// One step of an examination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// Which.
    pub step: ExamStep,
    /// What it found, in order.
    pub findings: Vec<Finding>,
}

/// The steps of an examination, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ExamStep {
    /// The files are there, regular, and of the size and age that is due.
    Files,
    /// Each is a whole archive, every checksum holds.
    Container,
    /// Its description asks for nothing but weights.
    Pickle,
    /// The weights are those of a network that fits trial and trader.
    Semantics,
    /// The network answers, within bounds, and not always the same.
    Behaviour,
    /// It would have earned enough on the newest candles that are known.
    Backtest,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finding {
    /// It is as it should be; what was seen.
    Holds(String),
    /// It could not be looked at; what and why.
    NotChecked(String),
    /// It is not as it should be; what was seen.
    Refused(String),
    /// It would do something to whoever opens it in Python; what.
    Hostile(String),
}

/// What an examination comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing to object to.
    Passed,
    /// Not enough could be looked at to say so.
    NotChecked,
    /// Something is not as it should be.
    Refused,
    /// Something would do harm.
    Hostile,
}

impl Verdict {
    /// What it comes to: the worst that was found. Whoever passed has been looked at in every step
    /// but perhaps the last two, which need a network whose shape is known, and candles.
    pub fn outcome(&self) -> Outcome {
        let worst = self.steps.iter().map(Examined::outcome).max().unwrap_or(Outcome::NotChecked);
        let seen = |step: ExamStep| {
            let examined = self.steps.iter().find(|examined| examined.step == step);
            examined.is_some_and(|examined| examined.outcome() == Outcome::Passed)
        };
        let needed = [ExamStep::Files, ExamStep::Container, ExamStep::Pickle, ExamStep::Semantics];
        match worst {
            Outcome::Refused | Outcome::Hostile => worst,
            Outcome::Passed | Outcome::NotChecked if needed.into_iter().all(seen) => {
                Outcome::Passed
            }
            Outcome::Passed | Outcome::NotChecked => Outcome::NotChecked,
        }
    }

    /// Why the model must not run; nothing when it passed.
    pub fn objection(&self) -> Option<String> {
        match self.outcome() {
            Outcome::Passed => None,
            Outcome::Hostile => self.first(|finding| matches!(finding, Finding::Hostile(_))),
            Outcome::Refused => self.first(|finding| matches!(finding, Finding::Refused(_))),
            Outcome::NotChecked => Some(
                self.first(|finding| matches!(finding, Finding::NotChecked(_)))
                    .unwrap_or_else(|| "nothing was examined".to_owned()),
            ),
        }
    }

    fn first(&self, is_it: impl Fn(&Finding) -> bool) -> Option<String> {
        self.steps.iter().find_map(|examined| {
            let finding = examined.findings.iter().find(|finding| is_it(finding))?;
            Some(format!("{}: {}", examined.step, finding.text()))
        })
    }

    /// How many things could not be looked at.
    pub fn unchecked(&self) -> usize {
        let findings = self.steps.iter().flat_map(|examined| &examined.findings);
        findings.filter(|finding| matches!(finding, Finding::NotChecked(_))).count()
    }
}

impl Examined {
    /// What this step comes to: passed when something holds and nothing is wrong.
    pub fn outcome(&self) -> Outcome {
        let is_any = |wanted: fn(&Finding) -> bool| self.findings.iter().any(wanted);
        if is_any(|finding| matches!(finding, Finding::Hostile(_))) {
            Outcome::Hostile
        } else if is_any(|finding| matches!(finding, Finding::Refused(_))) {
            Outcome::Refused
        } else if is_any(|finding| matches!(finding, Finding::Holds(_))) {
            Outcome::Passed
        } else {
            Outcome::NotChecked
        }
    }
}

impl Finding {
    /// What was seen.
    pub fn text(&self) -> &str {
        match self {
            Self::Holds(text)
            | Self::NotChecked(text)
            | Self::Refused(text)
            | Self::Hostile(text) => text,
        }
    }

    /// It is as it should be.
    pub fn holds(text: impl fmt::Display) -> Self {
        Self::Holds(clipped(&text))
    }

    /// It could not be looked at.
    pub fn not_checked(text: impl fmt::Display) -> Self {
        Self::NotChecked(clipped(&text))
    }

    /// It is not as it should be.
    pub fn refused(text: impl fmt::Display) -> Self {
        Self::Refused(clipped(&text))
    }

    /// It would do harm.
    pub fn hostile(text: impl fmt::Display) -> Self {
        Self::Hostile(clipped(&text))
    }
}

fn clipped(text: &impl fmt::Display) -> String {
    let text = text.to_string();
    match text.char_indices().nth(FINDING_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl fmt::Display for ExamStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files => "files",
            Self::Container => "container",
            Self::Pickle => "pickle",
            Self::Semantics => "semantics",
            Self::Behaviour => "behaviour",
            Self::Backtest => "backtest",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::NotChecked => "not checked",
            Self::Refused => "refused",
            Self::Hostile => "hostile",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(findings: [Finding; 5]) -> Verdict {
        let steps = [
            ExamStep::Files,
            ExamStep::Container,
            ExamStep::Pickle,
            ExamStep::Semantics,
            ExamStep::Behaviour,
        ];
        let steps = steps.into_iter().zip(findings);
        let steps = steps.map(|(step, finding)| Examined { step, findings: vec![finding] });
        Verdict { steps: steps.collect() }
    }

    #[test]
    fn what_was_not_looked_at_has_not_passed() {
        let holds = || Finding::holds("fine");
        let unseen = || Finding::not_checked("nobody knows");
        let sound = verdict([holds(), holds(), holds(), holds(), unseen()]);
        assert_eq!(
            (sound.outcome(), sound.objection(), sound.unchecked()),
            (Outcome::Passed, None, 1)
        );
        let blind = verdict([holds(), unseen(), holds(), holds(), holds()]);
        assert_eq!(blind.objection().as_deref(), Some("container: nobody knows"));
        assert_eq!(Verdict::default().objection().as_deref(), Some("nothing was examined"));
        let bad = verdict([holds(), Finding::refused("cut"), unseen(), unseen(), unseen()]);
        assert_eq!(bad.objection().as_deref(), Some("container: cut"));
        let evil = Finding::hostile("os.system");
        let evil = verdict([Finding::refused("odd"), holds(), evil, unseen(), unseen()]);
        assert_eq!(evil.objection().as_deref(), Some("pickle: os.system"));
    }
}
