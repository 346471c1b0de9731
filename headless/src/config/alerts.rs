//! The section `[alerts]`: how patiently alerts are told, all of them and some of them.

use super::check::{Mistake, at_least_one, at_least_zero, mistake, parse_span, span};
use super::machine::ordered;
use cappuccino_core::words::{
    AlertChange, AlertLimits, AlertRule, AlertsPolicy, Pattern, Severity, Span,
};
use serde::Deserialize;
use serde_spanned::Spanned;

/// Fewest turns that are flapping: a beginning, an end and a beginning are not.
const FLAP_TURNS_MIN: u32 = 4;
const FLAP_TURNS_MAX: u32 = 32;
/// A look takes a second for each 100 MB and may read them from the disk.
const INTEGRITY_EVERY: Span = Span::hours(6);
const BYTES_PER_MEGABYTE: f64 = 1024.0 * 1024.0;
/// Repeats closer than this are noise.
const REPEAT_MIN: Span = Span::minutes(1);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Alerts {
    #[serde(rename = "for")]
    raise_after: Option<Spanned<String>>,
    keep: Option<Spanned<String>>,
    repeat_first: Option<Spanned<String>>,
    repeat_max: Option<Spanned<String>>,
    repeats: Option<u32>,
    flap_turns: Option<Spanned<u32>>,
    flap_window: Option<Spanned<String>>,
    drawdown_percent: Option<Spanned<f64>>,
    drawdown_severe_percent: Option<Spanned<f64>>,
    session_silent: Option<Spanned<String>>,
    disk_full_within: Option<Spanned<String>>,
    study_growth_megabytes: Option<Spanned<f64>>,
    trades_every: Option<Spanned<String>>,
    integrity_every: Option<Spanned<String>>,
    rule: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    key: Spanned<String>,
    severity: Option<Severity>,
    #[serde(rename = "for")]
    raise_after: Option<Spanned<String>>,
    keep: Option<Spanned<String>>,
    repeat_first: Option<Spanned<String>>,
    repeat_max: Option<Spanned<String>>,
    repeats: Option<u32>,
}

pub(super) fn alerts(file: &Alerts) -> Result<AlertsPolicy, Mistake> {
    let default = AlertRule::default();
    let flap_turns = at_least_one(file.flap_turns.as_ref(), default.flap_turns)?;
    if let Some(written) = file.flap_turns.as_ref()
        && !(FLAP_TURNS_MIN..=FLAP_TURNS_MAX).contains(&flap_turns)
    {
        let remedy = format!("write {FLAP_TURNS_MIN} to {FLAP_TURNS_MAX}");
        return Err(mistake(written.span(), format!("{flap_turns} is out of range"), &remedy));
    }
    let usual = AlertRule {
        severity: None,
        raise_after: span(file.raise_after.as_ref(), default.raise_after)?,
        keep: span(file.keep.as_ref(), default.keep)?,
        repeat_first: repeat(file.repeat_first.as_ref())?.unwrap_or(default.repeat_first),
        repeat_max: repeat(file.repeat_max.as_ref())?.unwrap_or(default.repeat_max),
        repeats: file.repeats.unwrap_or(default.repeats),
        flap_turns,
        flap_window: repeat(file.flap_window.as_ref())?.unwrap_or(default.flap_window),
    };
    let written = file.rule.iter().map(change).collect::<Result<Vec<_>, _>>()?;
    let changes = of_processes(file).into_iter().chain(written).collect();
    Ok(AlertsPolicy { usual, changes })
}

/// What processes have of their own, where nothing is written for all alerts.
fn of_processes(file: &Alerts) -> Vec<(Pattern, AlertChange)> {
    let mut changes = AlertChange::of_processes();
    for (_, change) in &mut changes {
        change.repeat_first = change.repeat_first.filter(|_| file.repeat_first.is_none());
        change.repeats = change.repeats.filter(|_| file.repeats.is_none());
    }
    changes
}

/// From where on something needs attention; a session is silent after two of its bars unless
/// something else is written.
pub(super) fn limits(file: &Alerts, timeframe: &str) -> Result<AlertLimits, Mistake> {
    let default = AlertLimits::default();
    let two_bars = parse_span(timeframe).map_or(default.session_silent, |bar| bar.times(2));
    let growth = at_least_zero(
        file.study_growth_megabytes.as_ref(),
        default.study_growth_bytes / BYTES_PER_MEGABYTE,
    )?;
    let high = at_least_zero(file.drawdown_percent.as_ref(), default.drawdown_percent)?;
    let usual = default.drawdown_severe_percent.max(high);
    let severe = at_least_zero(file.drawdown_severe_percent.as_ref(), usual)?;
    ordered(file.drawdown_severe_percent.as_ref(), high, severe)?;
    Ok(AlertLimits {
        drawdown_percent: high,
        drawdown_severe_percent: severe,
        session_silent: span(file.session_silent.as_ref(), two_bars)?,
        disk_full_within: span(file.disk_full_within.as_ref(), default.disk_full_within)?,
        study_growth_bytes: growth * BYTES_PER_MEGABYTE,
        trades_every: span(file.trades_every.as_ref(), default.trades_every)?,
    })
}

/// Time between two looks at every page of the study's database.
pub(super) fn integrity_every(file: &Alerts) -> Result<Span, Mistake> {
    Ok(repeat(file.integrity_every.as_ref())?.unwrap_or(INTEGRITY_EVERY))
}

fn change(rule: &Rule) -> Result<(Pattern, AlertChange), Mistake> {
    let key = rule.key.get_ref();
    if key.is_empty() {
        let remedy = "write a key of docs/OPERATIONS.md, where * stands for anything";
        return Err(mistake(rule.key.span(), "no alert has an empty key".to_owned(), remedy));
    }
    let change = AlertChange {
        severity: rule.severity,
        raise_after: optional(rule.raise_after.as_ref())?,
        keep: optional(rule.keep.as_ref())?,
        repeat_first: repeat(rule.repeat_first.as_ref())?,
        repeat_max: repeat(rule.repeat_max.as_ref())?,
        repeats: rule.repeats,
    };
    Ok((Pattern(key.clone()), change))
}

fn optional(text: Option<&Spanned<String>>) -> Result<Option<Span>, Mistake> {
    text.map(|text| span(Some(text), Span::ZERO)).transpose()
}

fn repeat(text: Option<&Spanned<String>>) -> Result<Option<Span>, Mistake> {
    let length = optional(text)?;
    match (text, length) {
        (Some(text), Some(length)) if length < REPEAT_MIN => {
            let what = format!("`{}` is too short", text.get_ref());
            Err(mistake(text.span(), what, "write 1m or more"))
        }
        (_, length) => Ok(length),
    }
}
