//! The section `[alerts]`: how patiently alerts are told, all of them and some of them.

use super::check::{Mistake, at_least_one, mistake, span};
use cappuccino_core::words::{AlertChange, AlertRule, AlertsPolicy, Pattern, Severity, Span};
use serde::Deserialize;
use serde_spanned::Spanned;

/// Fewest turns that are flapping: a beginning, an end and a beginning are not.
const FLAP_TURNS_MIN: u32 = 4;
const FLAP_TURNS_MAX: u32 = 32;
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
    let changes = file.rule.iter().map(change).collect::<Result<_, _>>()?;
    Ok(AlertsPolicy { usual, changes })
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
