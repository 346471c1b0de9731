//! Is all well? One sentence.

use crate::intent::named;
use crate::model::{Freshness, Model};
use crate::text;
use crate::widgets::glyph::Sign;
use cappuccino_core::api::{RevisionView, Status};
use cappuccino_core::words::{Severity, Timestamp};

/// The sentence and its sign.
pub fn verdict(model: &Model, now: Timestamp) -> (Sign, String) {
    let Some(status) = &model.status else {
        return (Sign::Idle, "Nothing is known yet".to_owned());
    };
    if let Freshness::Lost(since) = model.freshness(now) {
        let ago = text::ago(now, since);
        return (Sign::Idle, format!("The runner was lost {ago}; this was the picture"));
    }
    if let Some(why) = &status.deployment.halted {
        return (Sign::Critical, format!("Nothing trades until you decide: {why}"));
    }
    // What somebody looks after already needs nobody else.
    let mut open = status.alerts.iter().filter(|alert| alert.acknowledged.is_none());
    if let Some(alert) = open.next() {
        let more = open.count();
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        return (alarm(status), format!("{}{more}", text::capitalised(&alert.text)));
    }
    if let Some(next) = waiting(status) {
        return (
            Sign::Warning,
            format!("{} waits for your approval", text::capitalised(&named(next))),
        );
    }
    if let Some(troubled) = status.processes.iter().find(|process| is_troubled(&process.phase)) {
        return (Sign::Warning, format!("{} is in {}", troubled.name, troubled.phase));
    }
    (Sign::Good, well(status))
}

/// How urgent the alerts are that nobody looks after.
pub fn alarm(status: &Status) -> Sign {
    let open = status.alerts.iter().filter(|alert| alert.acknowledged.is_none());
    match open.map(|alert| alert.severity).max() {
        Some(Severity::Critical) => Sign::Critical,
        Some(Severity::Warning | Severity::Info) => Sign::Warning,
        None if status.alerts.is_empty() => Sign::Good,
        None => Sign::Idle,
    }
}

/// The model that waits for a person.
pub fn waiting(status: &Status) -> Option<&RevisionView> {
    let next = status.deployment.next.as_ref();
    next.filter(|_| status.deployment.phase == "awaiting approval")
}

/// Whether a process in this phase is not as it should be.
pub fn is_troubled(phase: &str) -> bool {
    matches!(phase, "backoff" | "cooldown" | "unknown")
}

fn well(status: &Status) -> String {
    let count = status.processes.len();
    let processes = match count {
        0 => "No process is configured".to_owned(),
        1 => "The one process is as it should be".to_owned(),
        _ => format!("All {count} processes are as they should be"),
    };
    let trades = match &status.deployment.live {
        Some(live) => {
            let best = status.study.best_deployable.as_ref();
            let is_best = best.is_some_and(|best| best.trial_id == live.trial_id);
            let rank = if is_best { ", the best trial" } else { "" };
            format!("the trader runs {}{rank}", named(live))
        }
        None => "no model is live yet".to_owned(),
    };
    format!("{processes}; {trades}")
}
