//! Which of the machine's readings need attention. Each alert has two thresholds: it is raised at
//! one and cleared some way below it, so a reading that trembles around a limit tells nothing new.

use crate::words::{GpuVitals, Severity, Span, Trouble, Vitals, VitalsPolicy};

/// How far below its limit a temperature must fall, in °C.
const COOLED_BY: f64 = 3.0;
/// How far below its limit a file system's use must fall, in percent points.
const FREED_BY: f64 = 2.0;
/// How far above its limit a card's use must rise, in percent points.
const BUSIER_BY: f64 = 5.0;

/// What a look at the machine says about one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The alert's name.
    pub key: String,
    /// What is wrong; none when nothing is.
    pub trouble: Option<Trouble>,
}

/// A limit with a second, higher one, and the sentences for both.
struct Levels<'a> {
    key: String,
    high: (f64, String),
    highest: (f64, String),
    back: f64,
    remedy: &'a str,
}

impl Levels<'_> {
    /// The level that `reading` is at, coming from the one that was raised before.
    fn judge(self, reading: f64, raised: Option<Severity>) -> Finding {
        let (was_high, was_highest) = (raised.is_some(), raised == Some(Severity::Critical));
        let limit = |limit: f64, was: bool| if was { limit - self.back } else { limit };
        let level = if reading >= limit(self.highest.0, was_highest) {
            Some((Severity::Critical, self.highest.1))
        } else if reading >= limit(self.high.0, was_high) {
            Some((Severity::Warning, self.high.1))
        } else {
            None
        };
        let trouble = level.map(|(severity, text)| trouble(severity, text, self.remedy));
        Finding { key: self.key, trouble }
    }
}

fn trouble(severity: Severity, text: impl Into<String>, remedy: &str) -> Trouble {
    Trouble { severity, text: text.into(), remedy: remedy.to_owned() }
}

/// Everything that a look at the machine says. `raised` says how urgent an alert is that is raised
/// now; `is_training` says whether workers run.
pub fn findings(
    policy: &VitalsPolicy,
    vitals: &Vitals,
    is_training: bool,
    raised: impl Fn(&str) -> Option<Severity>,
) -> Vec<Finding> {
    let mut found = vec![lost(vitals)];
    for gpu in &vitals.gpus {
        found.extend(temperature(policy, gpu, &raised));
        found.extend(idle(policy, gpu, is_training, &raised));
    }
    found.extend(disk(policy, vitals, &raised));
    found.extend(stalled(policy, vitals, is_training));
    found
}

/// Alerts about cards that are not among those that answer, while none is missed: they were taken
/// out, and nothing will ever clear what was raised about them.
pub fn of_cards_gone<'a>(vitals: &Vitals, raised: impl Iterator<Item = &'a str>) -> Vec<Finding> {
    if vitals.gpu_lost.is_some() {
        return Vec::new();
    }
    let card = |key: &str| key.strip_prefix("gpu/")?.split_once('/')?.0.parse::<u32>().ok();
    let is_there = |index: u32| vitals.gpus.iter().any(|gpu| gpu.index == index);
    raised
        .filter(|key| card(key).is_some_and(|index| !is_there(index)))
        .map(|key| Finding { key: key.to_owned(), trouble: None })
        .collect()
}

/// First of all: what it mutes is found after it.
fn lost(vitals: &Vitals) -> Finding {
    let remedy = "look at `dmesg` for Xid errors; a restart of the machine brings it back";
    let why = vitals.gpu_lost.as_ref();
    let trouble = why.map(|why| trouble(Severity::Critical, why, remedy));
    Finding { key: "gpu/lost".to_owned(), trouble }
}

fn temperature(
    policy: &VitalsPolicy,
    gpu: &GpuVitals,
    raised: &impl Fn(&str) -> Option<Severity>,
) -> Option<Finding> {
    let reading = gpu.temperature_celsius?;
    let key = format!("gpu/{}/temperature", gpu.index);
    let text = |limit: f64| format!("GPU {} is at {limit} °C or above", gpu.index);
    let levels = Levels {
        high: (policy.gpu_warm_celsius, text(policy.gpu_warm_celsius)),
        highest: (policy.gpu_hot_celsius, text(policy.gpu_hot_celsius)),
        back: COOLED_BY,
        remedy: "check fans and airflow; lower the power limit with `nvidia-smi -pl`",
        key,
    };
    let before = raised(&levels.key);
    Some(levels.judge(reading, before))
}

fn idle(
    policy: &VitalsPolicy,
    gpu: &GpuVitals,
    is_training: bool,
    raised: &impl Fn(&str) -> Option<Severity>,
) -> Option<Finding> {
    let key = format!("gpu/{}/idle", gpu.index);
    if !is_training {
        return Some(Finding { key, trouble: None });
    }
    let used = gpu.mean_utilisation_percent?;
    let is_raised = raised(&key).is_some();
    let limit = policy.gpu_idle_percent + if is_raised { BUSIER_BY } else { 0.0 };
    let trouble = (used < limit).then(|| {
        let text = format!(
            "GPU {} was used less than {} % over {} while workers run",
            gpu.index, policy.gpu_idle_percent, policy.gpu_idle_for
        );
        trouble(Severity::Warning, text, "see what the workers do: `cappuccino logs -f NAME`")
    });
    Some(Finding { key, trouble })
}

fn disk(
    policy: &VitalsPolicy,
    vitals: &Vitals,
    raised: &impl Fn(&str) -> Option<Severity>,
) -> Option<Finding> {
    let reading = vitals.disk_used_percent?;
    let text = |limit: f64| format!("the workspace's disk is {limit} % full or more");
    let levels = Levels {
        key: "disk/space".to_owned(),
        high: (policy.disk_high_percent, text(policy.disk_high_percent)),
        highest: (policy.disk_full_percent, text(policy.disk_full_percent)),
        back: FREED_BY,
        remedy: "delete old models and logs; `du -x --max-depth=2` shows where the space is",
    };
    let before = raised(&levels.key);
    Some(levels.judge(reading, before))
}

fn stalled(policy: &VitalsPolicy, vitals: &Vitals, is_training: bool) -> Option<Finding> {
    let key = "study/stalled".to_owned();
    if !is_training {
        return Some(Finding { key, trouble: None });
    }
    let silent: Span = vitals.since_trial?;
    let trouble = (silent >= policy.stalled_after).then(|| {
        let text = format!("no trial has finished for {} or more", policy.stalled_after);
        trouble(Severity::Warning, text, "see what the workers do: `cappuccino logs -f NAME`")
    });
    Some(Finding { key, trouble })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Carries what is raised from look to look, as the alert machines do.
    #[derive(Default)]
    struct Desk {
        raised: BTreeMap<String, Trouble>,
        changes: Vec<String>,
    }

    impl Desk {
        fn look(&mut self, vitals: &Vitals, is_training: bool) {
            let before = self.raised.clone();
            let raised = |key: &str| before.get(key).map(|trouble| trouble.severity);
            for finding in findings(&VitalsPolicy::default(), vitals, is_training, raised) {
                let now = finding.trouble;
                if now.as_ref() != before.get(&finding.key) {
                    let text = now.as_ref().map_or("over", |trouble| trouble.text.as_str());
                    self.changes.push(text.to_owned());
                    match now {
                        Some(trouble) => self.raised.insert(finding.key, trouble),
                        None => self.raised.remove(&finding.key),
                    };
                }
            }
        }
    }

    fn at(celsius: f64) -> Vitals {
        let gpu = GpuVitals { temperature_celsius: Some(celsius), ..GpuVitals::default() };
        Vitals { gpus: vec![gpu], ..Vitals::default() }
    }

    #[test]
    fn a_ramp_through_both_limits_and_back_is_told_once_each_way() {
        let mut desk = Desk::default();
        for celsius in
            [70.0, 79.9, 80.0, 81.0, 84.9, 85.0, 90.0, 83.0, 81.9, 78.0, 77.1, 76.9, 60.0]
        {
            desk.look(&at(celsius), true);
        }
        let told: Vec<&str> = desk.changes.iter().map(String::as_str).collect();
        assert_eq!(
            told,
            [
                "GPU 0 is at 80 °C or above",
                "GPU 0 is at 85 °C or above",
                "GPU 0 is at 80 °C or above",
                "over"
            ]
        );
    }

    #[test]
    fn a_reading_that_trembles_around_a_limit_tells_nothing_new() {
        let mut desk = Desk::default();
        for celsius in [79.0, 80.0, 79.0, 80.5, 78.0, 80.0] {
            desk.look(&at(celsius), true);
        }
        assert_eq!(desk.changes.len(), 1, "{:?}", desk.changes);
    }

    #[test]
    fn a_card_without_a_thermometer_is_not_cold() {
        let mut desk = Desk::default();
        desk.look(&at(90.0), true);
        let silent = Vitals { gpus: vec![GpuVitals::default()], ..Vitals::default() };
        desk.look(&silent, true);
        assert_eq!(desk.changes.len(), 1, "an unread temperature clears nothing");
    }

    #[test]
    fn an_idle_card_and_a_silent_study_matter_only_while_workers_run() {
        let gpu = GpuVitals { mean_utilisation_percent: Some(3.0), ..GpuVitals::default() };
        let since_trial = Some(Span::hours(2));
        let vitals = Vitals { gpus: vec![gpu], since_trial, ..Vitals::default() };
        let mut desk = Desk::default();
        desk.look(&vitals, false);
        assert_eq!(desk.changes.len(), 0);
        desk.look(&vitals, true);
        assert_eq!(desk.changes.len(), 2);
        desk.look(&vitals, false);
        assert!(desk.raised.is_empty(), "training ended: nothing is idle any more");
    }
}
