//! The section `[guard]`: how a live model may trade before it is taken back by itself.

use super::check::{Mistake, at_least_zero, span};
use cappuccino_core::words::GuardPolicy;
use serde::Deserialize;
use serde_spanned::Spanned;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Guard {
    max_drawdown_percent: Option<Spanned<f64>>,
    max_lag_percent: Option<Spanned<f64>>,
    pub(super) max_behind_previous_percent: Option<Spanned<f64>>,
    min_rows: Option<u64>,
    max_silence: Option<Spanned<String>>,
}

pub(super) fn guard(file: &Guard) -> Result<GuardPolicy, Mistake> {
    let default = GuardPolicy::default();
    Ok(GuardPolicy {
        max_drawdown_percent: at_least_zero(
            file.max_drawdown_percent.as_ref(),
            default.max_drawdown_percent,
        )?,
        max_lag_percent: at_least_zero(file.max_lag_percent.as_ref(), default.max_lag_percent)?,
        max_behind_previous_percent: at_least_zero(
            file.max_behind_previous_percent.as_ref(),
            default.max_behind_previous_percent,
        )?,
        min_rows: file.min_rows.unwrap_or(default.min_rows),
        max_silence: span(file.max_silence.as_ref(), default.max_silence)?,
    })
}
