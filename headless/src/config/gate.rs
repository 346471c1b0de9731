//! The section `[gate]`: what a model must have earned on known candles before it goes live.

use super::check::{Mistake, at_least_one, at_least_zero, mistake};
use super::{GateConfig, ModelsConfig};
use cappuccino_core::rules::gate::GatePolicy;
use cappuccino_core::trading::paper::candle::Timeframe;
use serde::Deserialize;
use serde_spanned::Spanned;
use std::path::{Path, PathBuf};

/// Where the built-in trader keeps the candles that it acted on.
const CANDLES: &str = ".cappuccino/candles";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Gate {
    candles: Option<PathBuf>,
    days: Option<Spanned<u32>>,
    required: bool,
    max_loss_percent: Option<Spanned<f64>>,
    max_drawdown_percent: Option<Spanned<f64>>,
    max_behind_live_percent: Option<Spanned<f64>>,
    max_behind_hold_percent: Option<Spanned<f64>>,
}

pub(super) fn gate(file: &Gate, models: &ModelsConfig, root: &Path) -> Result<GateConfig, Mistake> {
    let usual = GatePolicy::default();
    let number = |written: &Option<Spanned<f64>>, usual| at_least_zero(written.as_ref(), usual);
    let standard = || PathBuf::from(CANDLES).join(format!("{}.csv", models.timeframe));
    let timeframe = match (Timeframe::parse(&models.timeframe), file.required) {
        (Some(timeframe), _) => timeframe,
        (None, false) => Timeframe::Hour,
        (None, true) => {
            let what = format!("`{}` is no timeframe that can be backtested", models.timeframe);
            let place = file.days.as_ref().map(Spanned::span).unwrap_or_default();
            return Err(mistake(place, what, "write 1m, 5m, 15m, 1h or 1d in [models]"));
        }
    };
    Ok(GateConfig {
        candles: root.join(file.candles.clone().unwrap_or_else(standard)),
        tickers: models.tickers.clone(),
        timeframe,
        days: at_least_one(file.days.as_ref(), 30)?,
        required: file.required,
        policy: GatePolicy {
            max_loss_percent: number(&file.max_loss_percent, usual.max_loss_percent)?,
            max_drawdown_percent: number(&file.max_drawdown_percent, usual.max_drawdown_percent)?,
            max_behind_live_percent: number(
                &file.max_behind_live_percent,
                usual.max_behind_live_percent,
            )?,
            max_behind_hold_percent: number(
                &file.max_behind_hold_percent,
                usual.max_behind_hold_percent,
            )?,
        },
    })
}
