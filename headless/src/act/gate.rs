//! What a model does with the newest candles that are kept: the states that it would be asked
//! about; and candidate, live model and holding in a backtest, with the code and the rules of the
//! built-in trader.

use crate::config::GateConfig;
use crate::trade::candles;
use crate::trade::model::load;
use cappuccino_core::model::verdict::Known;
use cappuccino_core::rules::gate::findings;
use cappuccino_core::trading::paper::backtest::{Course, Outcome};
use cappuccino_core::trading::paper::candle::Bar;
use cappuccino_core::trading::paper::indicators::WARM_UP_BARS;
use cappuccino_core::trading::paper::policy::Policy;
use cappuccino_core::trading::paper::rules::{ModelSettings, Rules};
use cappuccino_core::words::{ExamStep, Examined, Finding};
use std::path::Path;
use std::sync::Arc;

/// Bars whose states a model is asked about.
const STATE_BARS: usize = 32;

/// What the model in `folder` would see at the newest bars.
pub(super) fn states(config: &GateConfig, folder: &Path) -> Known<Vec<Vec<f32>>> {
    let tickers = config.tickers.as_deref().ok_or("nobody says what is traded")?;
    let (_, settings, _) = load(folder, tickers.len()).map_err(|fault| fault.to_string())?;
    let needed = settings.lookback.saturating_add(STATE_BARS).saturating_add(WARM_UP_BARS);
    let bars = newest(config, tickers, needed, 1)?;
    let course = Course::new(&bars).map_err(|error| error.to_string())?;
    let states = course.states(&settings, &Rules::of(tickers), STATE_BARS);
    if states.is_empty() {
        return Err(format!("{} has too few bars of these tickers", config.candles.display()));
    }
    Ok(states)
}

/// Backtests the model in `candidate`, beside the one in `live`; their folders are those that the
/// trader is handed.
pub(super) fn examine(config: &GateConfig, candidate: &Path, live: Option<&Path>) -> Examined {
    let findings = match try_examine(config, candidate, live) {
        Ok(findings) => findings,
        Err(why) if config.required => vec![Finding::refused(why)],
        Err(why) => vec![Finding::not_checked(why)],
    };
    Examined { step: ExamStep::Backtest, findings }
}

fn try_examine(
    config: &GateConfig,
    candidate: &Path,
    live: Option<&Path>,
) -> Result<Vec<Finding>, String> {
    let tickers = config.tickers.as_deref().ok_or(
        "there is no backtest: nobody says what is traded; name it in `tickers` of [models]",
    )?;
    let least = config.min_bars().saturating_add(WARM_UP_BARS);
    let bars = newest(config, tickers, config.bars().saturating_add(WARM_UP_BARS), least)
        .map_err(|why| format!("there is no backtest: {why}"))?;
    let course = Course::new(&bars).map_err(|error| error.to_string())?;
    let rules = Rules::of(tickers);
    let (outcome, settings) = run(&course, candidate, &rules, tickers.len())?;
    let hold = course.run(&Policy::Hold, &settings, &rules).map_err(|error| error.to_string())?;
    let rival = live.map(|live| run(&course, live, &rules, tickers.len()));
    let rival_outcome = rival.as_ref().and_then(|rival| rival.as_ref().ok());
    let mut found =
        findings(&config.policy, &outcome, rival_outcome.map(|(outcome, _)| outcome), &hold);
    found.insert(0, Finding::holds(format!("backtest over {} bars", outcome.equity.len())));
    if let Some(Err(why)) = rival {
        found.push(Finding::not_checked(format!("the live model was not compared: {why}")));
    }
    Ok(found)
}

/// The newest bars: as many as wanted, no fewer than `least`.
fn newest(
    config: &GateConfig,
    tickers: &[String],
    wanted: usize,
    least: usize,
) -> Result<Vec<Bar>, String> {
    let mut bars = candles::read(&config.candles, tickers, config.timeframe)
        .map_err(|error| error.to_string())?;
    if bars.len() < least {
        let (path, found) = (config.candles.display(), bars.len());
        return Err(format!("{path} has {found} bars of these tickers, {least} are needed"));
    }
    let surplus = bars.len().saturating_sub(wanted);
    Ok(bars.split_off(surplus))
}

fn run(
    course: &Course,
    folder: &Path,
    rules: &Rules,
    tickers: usize,
) -> Result<(Outcome, ModelSettings), String> {
    let (network, settings, _) = load(folder, tickers).map_err(|fault| fault.to_string())?;
    let policy = Policy::Network(Arc::new(network));
    let outcome = course.run(&policy, &settings, rules).map_err(|error| error.to_string())?;
    Ok((outcome, settings))
}
