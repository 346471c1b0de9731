//! From where on the trading, the disk and the study need attention, and how often trades are told.

use super::ids::RevisionId;
use super::time::{Moment, Span, Timestamp};
use serde::{Deserialize, Serialize};

/// From where on something needs attention.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertLimits {
    /// A loss of the live model from its highest worth, in percent.
    pub drawdown_percent: f64,
    /// One that is severe, in percent.
    pub drawdown_severe_percent: f64,
    /// A session without a new row for this long, while the trader runs.
    pub session_silent: Span,
    /// A disk that will be full within this time, as it fills now.
    pub disk_full_within: Span,
    /// A study's database that grows faster than this, in bytes a day.
    pub study_growth_bytes: f64,
    /// Least time between two lines of the history about trades.
    pub trades_every: Span,
}

/// Trades up to which the history tells, of one model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TradesTold {
    /// Whose.
    pub revision: RevisionId,
    /// So many.
    pub trades: u64,
    /// Growth of the account then, as a fraction.
    pub growth: f64,
    /// When.
    pub at: Moment,
}

/// What was traded for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TradesDigest {
    /// With which model.
    pub revision: RevisionId,
    /// How many trades.
    pub trades: u64,
    /// Growth of the account meanwhile, as a fraction.
    pub growth: f64,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

impl Default for AlertLimits {
    /// Drawdowns below those that the guard acts on, two bars of an hour, a week to free space.
    fn default() -> Self {
        Self {
            drawdown_percent: 10.0,
            drawdown_severe_percent: 15.0,
            session_silent: Span::hours(2),
            disk_full_within: Span::hours(7 * 24),
            study_growth_bytes: 1024.0 * 1024.0 * 1024.0,
            trades_every: Span::hours(6),
        }
    }
}
