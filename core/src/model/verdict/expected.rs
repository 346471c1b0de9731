//! What a model should be like, as far as anybody knows.

use crate::words::trial::{Choice, Distribution, Param};
use crate::words::{Digest, Timestamp, TrialDetail};

/// Something that is due, or why nobody knows what is.
pub type Known<T> = Result<T, String>;

/// What the model should be like.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Width of the hidden layers: the trial's `net_dimension`.
    pub net_dimension: Known<usize>,
    /// Bars that a state looks back at: the trial's `lookback`.
    pub lookback: Known<usize>,
    /// Tickers that the trader trades.
    pub tickers: Known<usize>,
    /// Last moment at which the trial can have written its files.
    pub finished: Known<Timestamp>,
    /// The weights that are live: whose they are, and their
    /// [`Weights::digest`](crate::model::weights::Weights::digest).
    pub live: Known<(String, Digest)>,
    /// States that the trader saw lately.
    pub states: Known<Vec<Vec<f32>>>,
}

impl Expected {
    /// Nothing is known, for one reason.
    pub fn nothing(why: &str) -> Self {
        Self {
            net_dimension: Err(why.to_owned()),
            lookback: Err(why.to_owned()),
            tickers: Err(why.to_owned()),
            finished: Err(why.to_owned()),
            live: Err(why.to_owned()),
            states: Err(why.to_owned()),
        }
    }

    /// Takes up what the trial's parameters say.
    #[must_use]
    pub fn of_trial(mut self, trial: &TrialDetail) -> Self {
        self.net_dimension = whole(trial, "net_dimension");
        self.lookback = whole(trial, "lookback");
        self
    }
}

/// A parameter that is a whole number.
fn whole(trial: &TrialDetail, name: &str) -> Known<usize> {
    let param = trial.params.iter().find(|param| param.name == name);
    let param = param.ok_or_else(|| format!("the trial has no parameter {name}"))?;
    let value = value(param).filter(|value| value.fract() == 0.0);
    // Without a fraction, a number's text is an integer's text.
    let whole = value.and_then(|value| format!("{value:.0}").parse().ok());
    whole.ok_or_else(|| format!("the trial's {name} is no whole number"))
}

fn value(param: &Param) -> Option<f64> {
    let Distribution::Categorical { choices } = &param.distribution else {
        return Some(param.internal);
    };
    let index: usize = format!("{:.0}", param.internal).parse().ok()?;
    match choices.get(index)? {
        Choice::Int(value) => value.to_string().parse().ok(),
        Choice::Float(value) => Some(*value),
        Choice::Text(text) => text.parse().ok(),
        Choice::Null | Choice::Bool(_) => None,
    }
}
