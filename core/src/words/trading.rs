//! What a live model's trading looks like to whoever decides whether it stays live.

use super::ids::RevisionId;
use super::time::Span;

/// One look at the session of the model that trades. What could not be read is absent, never zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Trading {
    /// Whose session it is.
    pub revision: RevisionId,
    /// Rows of it so far.
    pub rows: u64,
    /// Growth of the account since the session's first row, as a fraction.
    pub growth: f64,
    /// Loss from the highest worth to the present one, 0 to 1.
    pub drawdown: f64,
    /// Growth of an equal share of every ticker, bought at the first row and held; as a fraction.
    pub market_growth: Option<f64>,
    /// Time since the session last grew.
    pub silent: Option<Span>,
}

/// When a model that is live loses its place by itself. Zero switches a rule off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardPolicy {
    /// A loss from the highest worth beyond this, in percent.
    pub max_drawdown_percent: f64,
    /// A growth that stays behind holding the same tickers by more than this, in percent points.
    pub max_lag_percent: f64,
    /// Rows of the session below which no growth is compared.
    pub min_rows: u64,
    /// A session without a new row for this long.
    pub max_silence: Span,
}

impl Default for GuardPolicy {
    /// A quarter of the account lost; the other rules are for those who want them, because staying
    /// behind a rising market, or a silent market, need not be the model's fault.
    fn default() -> Self {
        Self {
            max_drawdown_percent: 25.0,
            max_lag_percent: 0.0,
            min_rows: 24,
            max_silence: Span::ZERO,
        }
    }
}
