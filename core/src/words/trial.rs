//! Trials and studies as Optuna means them, free of any storage.

use super::ids::{TrialId, TrialNumber};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which way an objective improves (`study_directions.direction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Smaller is better.
    Minimize,
    /// Larger is better.
    Maximize,
}

/// State of a trial (`trials.state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TrialState {
    /// Being evaluated, or left behind by a worker that died.
    Running,
    /// Finished with a value.
    Complete,
    /// Stopped early; may carry its last reported value.
    Pruned,
    /// The objective raised, or returned NaN or nothing.
    Failed,
    /// Enqueued, not started.
    Waiting,
}

/// An objective value as stored: the infinities are told apart by `trial_values.value_type`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Value {
    /// −∞ (`INF_NEG`).
    NegativeInfinity,
    /// A finite number (`FINITE`).
    Finite(f64),
    /// +∞ (`INF_POS`).
    PositiveInfinity,
}

/// What makes a study the same study, even when SQLite hands out the same ids again.
///
/// Optuna's schema reuses row ids, so a deleted and recreated study can have the old name, the old
/// id and the old trial ids. The anchor (its first started trial) tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StudyIdentity {
    /// `studies.study_name`.
    pub name: String,
    /// `studies.study_id`.
    pub study_id: i64,
    /// One per objective, in order.
    pub directions: Vec<Direction>,
    /// The first trial that was started; none while there is no such trial.
    pub anchor: Option<Anchor>,
}

/// The first started trial of a study, as stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Anchor {
    /// Its row id.
    pub trial_id: TrialId,
    /// `trials.datetime_start` verbatim (microseconds, in the writer's zone).
    pub datetime_start: String,
}

/// Everything the storage says about one trial; what is needed to hand it to another program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialDetail {
    /// Row id.
    pub trial_id: TrialId,
    /// Number within the study.
    pub number: TrialNumber,
    /// Its state.
    pub state: TrialState,
    /// One value per objective, in order; empty when there is none.
    pub values: Vec<Value>,
    /// Start as stored (`YYYY-MM-DD HH:MM:SS.ffffff`, zone of the writer).
    pub datetime_start: Option<String>,
    /// End as stored.
    pub datetime_complete: Option<String>,
    /// Parameters in the order they were suggested.
    pub params: Vec<Param>,
    /// User attributes: key and JSON text as stored (may hold `NaN`, `Infinity`).
    pub user_attrs: Vec<(String, String)>,
    /// System attributes: key and JSON text as stored.
    pub system_attrs: Vec<(String, String)>,
    /// Reported values by step; NaN is kept.
    pub intermediate_values: Vec<(i64, f64)>,
}

/// One hyperparameter of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// `trial_params.param_name`.
    pub name: String,
    /// `trial_params.param_value`: the number itself, or the index into the choices.
    pub internal: f64,
    /// Where it was drawn from.
    pub distribution: Distribution,
}

/// Where a hyperparameter was drawn from (`trial_params.distribution_json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Distribution {
    /// `FloatDistribution`, and the older Uniform, LogUniform, DiscreteUniform.
    Float {
        /// Smallest value.
        low: f64,
        /// Largest value.
        high: f64,
        /// Drawn on a logarithmic scale.
        log: bool,
        /// Grid, when there is one.
        step: Option<f64>,
    },
    /// `IntDistribution`, and the older IntUniform, IntLogUniform.
    Int {
        /// Smallest value.
        low: i64,
        /// Largest value.
        high: i64,
        /// Drawn on a logarithmic scale.
        log: bool,
        /// Grid; 1 when none was given.
        step: i64,
    },
    /// `CategoricalDistribution`.
    Categorical {
        /// What there is to choose from; [`Param::internal`] is an index into it.
        choices: Vec<Choice>,
    },
}

/// One choice of a categorical distribution: what JSON can say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Choice {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
}

impl Value {
    /// The value on the extended real line.
    pub const fn as_f64(self) -> f64 {
        match self {
            Self::NegativeInfinity => f64::NEG_INFINITY,
            Self::Finite(value) => value,
            Self::PositiveInfinity => f64::INFINITY,
        }
    }

    /// The number, unless it is infinite or NaN.
    pub fn finite(self) -> Option<f64> {
        match self {
            Self::Finite(value) if value.is_finite() => Some(value),
            Self::Finite(_) | Self::NegativeInfinity | Self::PositiveInfinity => None,
        }
    }
}

impl PartialEq for Value {
    /// Bitwise, so that records compare equal to themselves even around NaN.
    fn eq(&self, other: &Self) -> bool {
        self.as_f64().to_bits() == other.as_f64().to_bits()
    }
}

impl Eq for Value {}

impl TrialState {
    /// Whether the trial can no longer change.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Complete | Self::Pruned | Self::Failed)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_f64().fmt(f)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minimize => "minimize",
            Self::Maximize => "maximize",
        })
    }
}

impl fmt::Display for TrialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
        })
    }
}
