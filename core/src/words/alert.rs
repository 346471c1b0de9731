//! What needs attention: how urgent it is, how patiently it is told, and who wants quiet.

use super::ids::SilenceId;
use super::time::{Moment, Span};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How urgent something is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// To be looked at today.
    #[default]
    Warning,
    /// To be looked at now: it is told during quiet hours, too.
    Critical,
}

/// What is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// How urgent it is.
    pub severity: Severity,
    /// What is wrong: one sentence.
    pub text: String,
    /// What helps: one sentence.
    pub remedy: String,
}

/// Names of alerts: a key in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pattern(pub String);

/// Alerts that are not told for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its number.
    pub id: SilenceId,
    /// Which alerts.
    pub pattern: Pattern,
    /// Who wants it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub from: Moment,
    /// For how long.
    pub lasts: Span,
}

/// How patiently one alert is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRule {
    /// How urgent it is, whatever its finder says.
    pub severity: Option<Severity>,
    /// How long it must last before it is told.
    pub raise_after: Span,
    /// How long it must be over before it counts as over.
    pub keep: Span,
    /// Time to the first repeat; it doubles with each.
    pub repeat_first: Span,
    /// Longest time between two repeats.
    pub repeat_max: Span,
    /// Most repeats of what is not critical. What is critical is repeated until somebody
    /// acknowledges it or it is over.
    pub repeats: u32,
    /// So many beginnings and ends within [`Self::flap_window`] are flapping.
    pub flap_turns: u32,
    /// Stretch in which they are counted; without any for so long, flapping is over.
    pub flap_window: Span,
}

/// Changes of an [`AlertRule`] for some alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertChange {
    /// See [`AlertRule::severity`].
    pub severity: Option<Severity>,
    /// See [`AlertRule::raise_after`].
    pub raise_after: Option<Span>,
    /// See [`AlertRule::keep`].
    pub keep: Option<Span>,
    /// See [`AlertRule::repeat_first`].
    pub repeat_first: Option<Span>,
    /// See [`AlertRule::repeat_max`].
    pub repeat_max: Option<Span>,
    /// See [`AlertRule::repeats`].
    pub repeats: Option<u32>,
}

/// How patiently alerts are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertsPolicy {
    /// Every alert.
    pub usual: AlertRule,
    /// Some of them; the last that matches decides each setting.
    pub changes: Vec<(Pattern, AlertChange)>,
}

impl Severity {
    /// Its name in files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Pattern {
    /// Whether it names the alert `key`.
    pub fn matches(&self, key: &str) -> bool {
        let mut pieces = self.0.split('*');
        let Some(mut rest) = pieces.next().and_then(|first| key.strip_prefix(first)) else {
            return false;
        };
        let Some(last) = pieces.next_back() else { return rest.is_empty() };
        for piece in pieces {
            let Some((_, after)) = rest.split_once(piece) else { return false };
            rest = after;
        }
        rest.ends_with(last)
    }
}

impl Silence {
    /// How long it still lasts.
    pub const fn left(&self, now: Moment) -> Span {
        self.lasts.minus(now.since(self.from))
    }
}

impl AlertChange {
    /// Alerts about processes: told, and again after one and after three hours. What can be done
    /// without a person is being done; a day of it is no more news than its third hour.
    pub fn of_processes() -> Vec<(Pattern, Self)> {
        let change =
            Self { repeat_first: Some(Span::hours(1)), repeats: Some(2), ..Self::default() };
        ["process/*", "workers/*"].map(|keys| (Pattern(keys.into()), change.clone())).into()
    }
}

impl AlertsPolicy {
    /// How patiently the alert `key` is told.
    pub fn of(&self, key: &str) -> AlertRule {
        let mut rule = self.usual.clone();
        for (_, change) in self.changes.iter().filter(|(pattern, _)| pattern.matches(key)) {
            rule.severity = change.severity.or(rule.severity);
            rule.raise_after = change.raise_after.unwrap_or(rule.raise_after);
            rule.keep = change.keep.unwrap_or(rule.keep);
            rule.repeat_first = change.repeat_first.unwrap_or(rule.repeat_first);
            rule.repeat_max = change.repeat_max.unwrap_or(rule.repeat_max);
            rule.repeats = change.repeats.unwrap_or(rule.repeats);
        }
        rule
    }
}

impl Default for AlertsPolicy {
    fn default() -> Self {
        Self { usual: AlertRule::default(), changes: AlertChange::of_processes() }
    }
}

impl Default for AlertRule {
    /// Told at once, then after 5, 10, 20, 40 and 80 minutes.
    fn default() -> Self {
        Self {
            severity: None,
            raise_after: Span::ZERO,
            keep: Span::ZERO,
            repeat_first: Span::minutes(5),
            repeat_max: Span::hours(4),
            repeats: 5,
            flap_turns: 5,
            flap_window: Span::minutes(30),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        let check = |pattern: &str, key: &str, expected: bool| {
            assert_eq!(Pattern(pattern.into()).matches(key), expected, "{pattern} and {key}");
        };
        check("gpu/0/idle", "gpu/0/idle", true);
        check("gpu/0/idle", "gpu/0/idle2", false);
        check("gpu/*", "gpu/0/idle", true);
        check("*/idle", "gpu/0/idle", true);
        check("gpu/*/idle", "gpu/0/idle", true);
        check("gpu/*/*e", "gpu/0/idle", true);
        check("gpu/*/idle", "gpu/idle", false);
        check("*", "", true);
        check("", "x", false);
        check("a*a", "a", false);
    }

    #[test]
    fn the_last_change_that_matches_decides() {
        let mut policy = AlertsPolicy::default();
        let change = |minutes| AlertChange {
            raise_after: Some(Span::minutes(minutes)),
            ..AlertChange::default()
        };
        policy.changes.push((Pattern("gpu/*".into()), change(1)));
        policy.changes.push((Pattern("gpu/1/*".into()), change(2)));
        assert_eq!(policy.of("gpu/0/idle").raise_after, Span::minutes(1));
        assert_eq!(policy.of("gpu/1/idle").raise_after, Span::minutes(2));
        assert_eq!(policy.of("disk/space"), AlertRule::default());
    }
}
