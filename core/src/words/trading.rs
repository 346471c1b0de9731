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
    /// Trades so far.
    pub trades: u64,
    /// Deployable models that trade beside it on the same bars, compared with it.
    pub rivals: Vec<Rival>,
}

/// A model that trades beside the live one, over the bars that they have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Rival {
    /// Which.
    pub revision: RevisionId,
    /// Whether it was live before and would be gone back to, rather than a shadow.
    pub is_previous: bool,
    /// Bars in common.
    pub bars: u64,
    /// Growth of the live model over them, as a fraction.
    pub live_growth: f64,
    /// Its own.
    pub own_growth: f64,
    /// Mean of its returns less the live model's, per bar.
    pub mean_difference: f64,
    /// Five percent of the resampled means are below the first and above the second; nothing
    /// while there are too few bars.
    pub bounds: Option<(f64, f64)>,
}

/// Who trades beside the live model, and what follows when one of them is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanesPolicy {
    /// Shadows at most, beside the model before.
    pub shadows: u32,
    /// What a better one leads to.
    pub promote: Promote,
}

/// What follows when a model that trades beside the live one is better beyond doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promote {
    /// A person is told, and decides.
    Ask,
    /// It is deployed like a better trial: examined again, approved where that is asked for.
    Auto,
    /// Nothing.
    Never,
}

impl Default for LanesPolicy {
    /// Two shadows cost a few milliseconds a bar; a model goes live by its trading alone only for
    /// those who want it.
    fn default() -> Self {
        Self { shadows: 2, promote: Promote::Ask }
    }
}

/// When a model that is live loses its place by itself. Zero switches a rule off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardPolicy {
    /// A loss from the highest worth beyond this, in percent.
    pub max_drawdown_percent: f64,
    /// A growth that stays behind holding the same tickers by more than this, in percent points.
    pub max_lag_percent: f64,
    /// A growth that stays behind the model before, which trades on beside it, by more than this,
    /// in percent points.
    pub max_behind_previous_percent: f64,
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
            max_behind_previous_percent: 0.0,
            min_rows: 24,
            max_silence: Span::ZERO,
        }
    }
}
