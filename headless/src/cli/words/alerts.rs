//! What needs attention, and who looks after it: `alerts`, `ack`, `unack`, `silence`, `silences`,
//! `unsilence`.

use super::asking::blind;
use crate::cli::args::{Format, Silence};
use crate::cli::connect::block_on;
use crate::cli::failure::Failure;
use crate::cli::render::table::Table;
use crate::cli::render::{Screen, Tone, clean, say, say_json, say_lines, time};
use crate::cli::source::Source;
use crate::workspace::Workspace;
use cappuccino_core::api::{AlertView, AlertsView, CommandBody, SilenceView};
use cappuccino_core::words::{Severity, SilenceId};

pub(in crate::cli) fn list(
    workspace: &Workspace,
    all: bool,
    format: Format,
) -> Result<(), Failure> {
    let mut view = read(workspace)?;
    if !all {
        view.alerts.retain(AlertView::is_open);
    }
    if format.json {
        return say_json(&view);
    }
    if view.alerts.is_empty() {
        say(if all { "no alert, now or lately" } else { "nothing needs attention" })?;
    }
    for alert in &view.alerts {
        say_lines(&lines(Screen::new(), alert))?;
    }
    match view.silences.len() {
        0 => Ok(()),
        count => say(&format!("{count} silence(s); `cappuccino silences` lists them")),
    }
}

pub(in crate::cli) fn silences(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let silences = read(workspace)?.silences;
    if format.json {
        return say_json(&silences);
    }
    if silences.is_empty() {
        return say("nothing is silenced");
    }
    let mut table = Table::new(["SILENCE", "ALERTS", "UNTIL", "BY", "REASON"]);
    for SilenceView { id, pattern, by, reason, until, .. } in silences {
        table.row([
            (Tone::Strong, id.to_string()),
            (Tone::Plain, pattern.0),
            (Tone::Plain, time(until)),
            (Tone::Plain, by),
            (Tone::Plain, reason),
        ]);
    }
    say_lines(&table.lines(Screen::new()))
}

pub(in crate::cli) fn acknowledge(
    workspace: &Workspace,
    key: String,
    reason: String,
    format: Format,
) -> Result<(), Failure> {
    blind(workspace, CommandBody::Acknowledge { alert: key, reason }, format)
}

pub(in crate::cli) fn unacknowledge(
    workspace: &Workspace,
    key: String,
    format: Format,
) -> Result<(), Failure> {
    blind(workspace, CommandBody::Unacknowledge { alert: key }, format)
}

pub(in crate::cli) fn silence(workspace: &Workspace, asked: Silence) -> Result<(), Failure> {
    let Silence { pattern, lasts, why, format } = asked;
    let seconds = u32::try_from(lasts.0 / 1000).unwrap_or(u32::MAX);
    blind(workspace, CommandBody::Silence { pattern, seconds, reason: why.reason }, format)
}

pub(in crate::cli) fn unsilence(
    workspace: &Workspace,
    id: u64,
    format: Format,
) -> Result<(), Failure> {
    blind(workspace, CommandBody::Unsilence { silence: SilenceId(id) }, format)
}

fn read(workspace: &Workspace) -> Result<AlertsView, Failure> {
    block_on(async {
        let status = Source::open(workspace).await?.status().await?;
        Ok(AlertsView::of_status(&status))
    })
}

/// One alert on two or three lines.
fn lines(screen: Screen, alert: &AlertView) -> Vec<String> {
    let head = format!("{:<8} {}", alert.severity, alert.key);
    let ended = alert.ended.map_or_else(String::new, |at| format!(" until {}", time(at)));
    let told = match alert.told {
        0 => String::new(),
        1 => ", told once".to_owned(),
        times => format!(", told {times} times"),
    };
    let state = format!("{} since {}{ended}{told}", alert.state, time(alert.since));
    let mut lines = vec![
        format!("{}  {state}", screen.paint(tone(alert), &head)),
        format!("         {}; {}", clean(&alert.text), clean(&alert.remedy)),
    ];
    lines.extend(concern(alert).map(|text| format!("         {text}")));
    lines
}

/// Who looks after an alert, or why it is not told.
pub(in crate::cli) fn concern(alert: &AlertView) -> Option<String> {
    let by = alert.acknowledged.as_ref().map(|by| {
        format!("{} looks after it since {}: {}", clean(&by.by), time(by.at), clean(&by.reason))
    });
    by.or_else(|| alert.muted.as_ref().map(|why| format!("it is not told: {}", clean(why))))
}

fn tone(alert: &AlertView) -> Tone {
    match (alert.is_open(), alert.severity) {
        (false, _) => Tone::Faint,
        (true, Severity::Critical) => Tone::Bad,
        (true, Severity::Warning | Severity::Info) => Tone::Busy,
    }
}
