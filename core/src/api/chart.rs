//! What a chart of a whole study needs, however many trials there are: answer to
//! `GET /v1/trials/chart`.

use crate::words::{Direction, Timestamp, TrialNumber, TrialState};
use serde::{Deserialize, Serialize};

/// A study as so many dots that a screen can show them all.
///
/// Trials are left out only when there are more than the client asked for; of each stretch the
/// smallest and the largest value, the newest of each other state, and every trial that is not
/// finished are kept, so no outlier and no record is lost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialChart {
    /// Trials in the study.
    pub total: u64,
    /// Which way the watched objective improves.
    pub direction: Option<Direction>,
    /// The trials that are shown, by number.
    pub dots: Vec<TrialDot>,
    /// Where the best value changed, by number: each dot holds until the next.
    pub best: Vec<TrialDot>,
}

/// One trial in a chart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialDot {
    /// Its number.
    #[serde(rename = "n")]
    pub number: TrialNumber,
    /// Its state.
    #[serde(rename = "s")]
    pub state: TrialState,
    /// Its value, when it has a finite one.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// When it finished, or began while it is not finished.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}
