//! Which figures of the trading, the disk and the study need attention.

use super::vitals::{Finding, Levels, trouble};
use crate::words::{AlertLimits, ChannelHealth, Severity, Span, Trading, Trouble, Vitals};
use std::collections::BTreeMap;

/// How far below its limit a drawdown must fall, in percent points.
const RECOVERED_BY: f64 = 1.0;
/// A disk that fills within this part of the limit is urgent.
const URGENT_PART: i64 = 4;
const MEGABYTE: f64 = 1024.0 * 1024.0;

/// What the live model's trading says. `is_trading`: its trader runs; `raised` says how urgent an
/// alert is that is raised now.
pub fn of_trading(
    limits: &AlertLimits,
    trading: &Trading,
    is_trading: bool,
    raised: impl Fn(&str) -> Option<Severity>,
) -> [Finding; 2] {
    [drawdown(limits, trading, raised("trading/drawdown")), silent(limits, trading, is_trading)]
}

/// Of what nobody trades nothing is wrong.
pub fn of_no_trading() -> [Finding; 2] {
    ["trading/drawdown", "trading/silent"].map(|key| Finding { key: key.into(), trouble: None })
}

fn drawdown(limits: &AlertLimits, trading: &Trading, raised: Option<Severity>) -> Finding {
    let text = |limit: f64| {
        format!("revision {} lost {limit} % or more of its highest worth", trading.revision)
    };
    let levels = Levels {
        key: "trading/drawdown".to_owned(),
        high: (limits.drawdown_percent, text(limits.drawdown_percent)),
        highest: (limits.drawdown_severe_percent, text(limits.drawdown_severe_percent)),
        back: RECOVERED_BY,
        remedy: "see `cappuccino pnl`; go back with `cappuccino rollback`",
    };
    levels.judge(trading.drawdown * 100.0, raised)
}

fn silent(limits: &AlertLimits, trading: &Trading, is_trading: bool) -> Finding {
    let is_silent =
        is_trading && trading.silent.is_some_and(|silent| silent >= limits.session_silent);
    let trouble = is_silent.then(|| {
        let text = format!("the session has no new row for {} or more", limits.session_silent);
        trouble(Severity::Warning, text, "see what the trader does: `cappuccino logs trader`")
    });
    Finding { key: "trading/silent".to_owned(), trouble }
}

/// What the growth of the disk's and the study's files says; nothing while it is not known.
pub fn of_growth(limits: &AlertLimits, vitals: &Vitals) -> Vec<Finding> {
    let disk = vitals.disk_full_in.map(|left| disk(limits, left));
    let study = vitals.study_growth_bytes.map(|growth| study(limits, growth));
    disk.into_iter().chain(study).collect()
}

fn disk(limits: &AlertLimits, left: Span) -> Finding {
    let within = limits.disk_full_within;
    let urgent = Span(within.0 / URGENT_PART);
    let severity = if left < urgent { Severity::Critical } else { Severity::Warning };
    let limit = if left < urgent { urgent } else { within };
    let trouble = (left < within).then(|| {
        let text = format!("the workspace's disk will be full within {limit} as it fills now");
        trouble(severity, text, "delete old models and logs before it is")
    });
    Finding { key: "disk/filling".to_owned(), trouble }
}

fn study(limits: &AlertLimits, growth: f64) -> Finding {
    let trouble = (growth >= limits.study_growth_bytes).then(|| {
        let megabytes = limits.study_growth_bytes / MEGABYTE;
        let text = format!("the study's database grows by {megabytes:.0} MB a day or more");
        trouble(Severity::Warning, text, "report fewer intermediate values and attributes")
    });
    Finding { key: "study/growth".to_owned(), trouble }
}

/// What a look at every page of the study's database says.
pub fn of_integrity(outcome: &Result<(), String>) -> Finding {
    let remedy = "stop the workers, copy the file, then `sqlite3 study.db .recover`";
    let why = outcome.as_ref().err();
    let trouble = why.map(|why| trouble(Severity::Critical, why.clone(), remedy));
    Finding { key: "study/integrity".to_owned(), trouble }
}

/// What the channels to the user say of themselves; `raised` are the alerts that are known now. Of
/// a channel that is not configured any more nothing is wrong.
pub fn of_channels<'a>(
    channels: &BTreeMap<String, ChannelHealth>,
    raised: impl Iterator<Item = &'a str>,
) -> Vec<Finding> {
    let gone = raised
        .filter(|key| key.strip_prefix("notify/").is_some_and(|name| !channels.contains_key(name)));
    let gone = gone.map(|key| Finding { key: key.to_owned(), trouble: None });
    let present = channels.iter().filter_map(|(name, health)| {
        let trouble = match health {
            ChannelHealth::Undecided => return None,
            ChannelHealth::Untried | ChannelHealth::Works => None,
            ChannelHealth::Fails(why) => Some(channel(name, why)),
        };
        Some(Finding { key: format!("notify/{name}"), trouble })
    });
    gone.chain(present).collect()
}

fn channel(name: &str, why: &str) -> Trouble {
    let text = format!("the channel `{name}` does not get through: {why}");
    let remedy = format!(
        "`cappuccino notify-test {name}` tries it now; `cappuccino notifications` lists what it \
         gave up"
    );
    trouble(Severity::Warning, text, &remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::RevisionId;

    fn trading(drawdown: f64, silent: i64) -> Trading {
        Trading {
            revision: RevisionId(3),
            rows: 100,
            growth: 0.0,
            drawdown,
            market_growth: None,
            silent: Some(Span::minutes(silent)),
            trades: 0,
            rivals: vec![],
        }
    }

    #[test]
    fn a_drawdown_is_told_at_ten_and_at_fifteen_percent_of_the_highest_worth() {
        let limits = AlertLimits::default();
        let judge = |drawdown, raised: Option<Severity>| {
            let [found, _] = of_trading(&limits, &trading(drawdown, 0), true, |_| raised);
            found.trouble.map(|trouble| trouble.severity)
        };
        assert_eq!(judge(0.0999, None), None);
        assert_eq!(judge(0.1, None), Some(Severity::Warning));
        assert_eq!(judge(0.15, Some(Severity::Warning)), Some(Severity::Critical));
        assert_eq!(judge(0.145, Some(Severity::Critical)), Some(Severity::Critical));
        assert_eq!(judge(0.135, Some(Severity::Critical)), Some(Severity::Warning));
        assert_eq!(judge(0.089, Some(Severity::Warning)), None);
    }

    #[test]
    fn a_session_is_silent_only_while_its_trader_runs() {
        let limits = AlertLimits::default();
        let silent = |minutes, is_trading| {
            let [_, found] = of_trading(&limits, &trading(0.0, minutes), is_trading, |_| None);
            found.trouble.is_some()
        };
        assert!(!silent(119, true) && silent(120, true) && !silent(120, false));
    }

    #[test]
    fn a_channel_is_in_trouble_until_it_works_is_begun_anew_or_is_gone() {
        use ChannelHealth::{Fails, Undecided, Untried, Works};
        let channels = [("a", Works), ("b", Fails("no".into())), ("c", Undecided), ("d", Untried)];
        let channels = channels.map(|(name, health)| (name.to_owned(), health)).into();
        let raised = ["gpu/lost", "notify/a", "notify/c", "notify/old"];
        let found = of_channels(&channels, raised.into_iter());
        let found: Vec<(&str, bool)> =
            found.iter().map(|one| (one.key.as_str(), one.trouble.is_some())).collect();
        let ends = |key| (key, false);
        let expected = [ends("notify/old"), ends("notify/a"), ("notify/b", true), ends("notify/d")];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_disk_that_fills_slowly_is_no_trouble_and_one_that_fills_fast_is_urgent() {
        let limits = AlertLimits::default();
        let severity = |hours| disk(&limits, Span::hours(hours)).trouble.map(|t| t.severity);
        assert_eq!(severity(24 * 8), None);
        assert_eq!(severity(24 * 6), Some(Severity::Warning));
        assert_eq!(severity(24), Some(Severity::Critical));
    }
}
