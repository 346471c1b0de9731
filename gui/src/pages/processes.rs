//! What runs, how often it failed, what comes next, and what it prints.

use super::{Out, PageState, Sight};
use crate::command::Command;
use crate::intent::{Draft, Intent};
use crate::text;
use crate::theme;
use crate::view::verdict::is_troubled;
use crate::widgets::card;
use crate::widgets::glyph::{self, Sign};
use crate::widgets::log;
use crate::widgets::press;
use crate::widgets::table::{self, Col};
use cappuccino_core::api::{AlertView, ProcessView};
use cappuccino_core::words::Timestamp;
use eframe::egui::{RichText, Ui, vec2};

const COLUMNS: [Col; 8] = [
    Col { title: "Process", width: 130.0 },
    Col { title: "Phase", width: 96.0 },
    Col { title: "Since", width: 90.0 },
    Col { title: "Failures", width: 76.0 },
    Col { title: "Lives", width: 56.0 },
    Col { title: "Pid", width: 72.0 },
    Col { title: "Comes next", width: 190.0 },
    Col { title: "Last end", width: 150.0 },
];

/// Shows the page.
pub fn show(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState, out: &mut Out) {
    let Some(status) = &sight.model.status else { return };
    if !state.log.full {
        ui.label(RichText::new(headline(&status.processes)).heading().color(sight.tokens.text));
        if status.processes.is_empty() {
            ui.label("Add a [[process]] to cappuccino.toml and restart the runner");
            return;
        }
        let rows = crate::num::px(crate::num::size(status.processes.len()));
        let height = (theme::ROW + 4.0) * (rows + 1.0) + 64.0;
        ui.allocate_ui(vec2(ui.available_width(), height.min(260.0)), |ui| {
            card::titled(ui, sight.tokens, "Processes", |ui| list(ui, sight, state, out));
        });
        actions(ui, sight, state, out);
        let chosen = status.processes.iter().find(|one| Some(&one.name) == state.process.as_ref());
        if let Some(process) = chosen {
            signs(ui, sight, process, &status.alerts);
        }
    }
    let name = state.process.as_ref().map_or_else(String::new, ToString::to_string);
    card::titled(ui, sight.tokens, &format!("Log of {name}"), |ui| {
        ui.set_min_height(ui.available_height());
        log::show(ui, sight, &mut state.log, out);
    });
}

fn headline(processes: &[ProcessView]) -> String {
    let troubled = processes.iter().filter(|process| is_troubled(&process.phase)).count();
    let up = processes.iter().filter(|process| process.pid.is_some()).count();
    match troubled {
        0 => format!("{up} of {} processes run, none is in trouble", processes.len()),
        _ => format!("{up} of {} processes run, {troubled} in trouble", processes.len()),
    }
}

fn list(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState, out: &mut Out) {
    let Some(status) = &sight.model.status else { return };
    let processes = &status.processes;
    let selected =
        processes.iter().position(|process| Some(&process.name) == state.process.as_ref());
    let selected = state.chosen_row(selected);
    let pressed = table::table(
        ui,
        sight.tokens,
        "processes",
        &COLUMNS,
        processes.len(),
        selected,
        |ui, row, column| {
            if let Some(process) = processes.get(row) {
                cell(ui, sight, process, column);
            }
        },
    );
    if let Some(process) = pressed.and_then(|row| processes.get(row)) {
        out.choose = Some(process.name.clone());
    }
}

fn cell(ui: &mut Ui, sight: &Sight<'_>, process: &ProcessView, column: usize) {
    match column {
        0 => {
            ui.horizontal(|ui| {
                glyph::sign(ui, sign(process), sight.tokens);
                table::text(ui, process.name.to_string());
            });
        }
        1 => table::text(ui, &process.phase),
        2 => {
            let since = process.since.map(|since| text::span(sight.now.since(since)));
            table::text(ui, since.unwrap_or_default());
        }
        3 => table::digits(ui, format!("{}/{}", process.failures, process.budget)),
        4 => table::digits(ui, process.starts.to_string()),
        5 => table::digits(ui, process.pid.map(|pid| pid.to_string()).unwrap_or_default()),
        6 => table::text(ui, text::with_local_times(&process.next, sight.now)),
        _ => table::text(ui, process.last_exit.clone().unwrap_or_default()),
    }
}

fn sign(process: &ProcessView) -> Sign {
    match process.phase.as_str() {
        "ready" | "running" => Sign::Good,
        "cooldown" | "unknown" => Sign::Critical,
        "backoff" | "starting" | "stopping" | "waiting" => Sign::Warning,
        _ => Sign::Idle,
    }
}

/// Whether it is ready, and the signs of life that are looked for.
fn signs(ui: &mut Ui, sight: &Sight<'_>, process: &ProcessView, alerts: &[AlertView]) {
    let mut all: Vec<(Sign, String)> = readiness(process, sight.now).into_iter().collect();
    let memory_alert = format!("process/{}/memory", process.name);
    let is_memory_short = alerts.iter().any(|alert| alert.key == memory_alert);
    let life = |told: &String| (sign_of_life(told, is_memory_short), text::capitalised(told));
    all.extend(process.signs.iter().map(life));
    if process.signs.is_empty() {
        all.push((Sign::Idle, no_signs(process).to_owned()));
    }
    ui.horizontal_wrapped(|ui| {
        for (sign, told) in all {
            glyph::sign(ui, sign, sight.tokens);
            ui.label(RichText::new(told).small().color(sight.tokens.text2));
            ui.add_space(theme::GAP);
        }
    });
}

/// What the runner's sentence about a sign begins with says how it is.
fn sign_of_life(told: &str, is_memory_short: bool) -> Sign {
    match told.split(' ').next() {
        Some("no") => Sign::Warning,
        Some("memory") if is_memory_short => Sign::Warning,
        Some("last" | "memory") => Sign::Good,
        _ => Sign::Idle,
    }
}

/// The runner looks only at what runs: of anything else it cannot be said that nothing is asked.
fn no_signs(process: &ProcessView) -> &'static str {
    if process.pid.is_some() && matches!(process.phase.as_str(), "running" | "ready") {
        "No sign of life is asked of it (`liveness` in cappuccino.toml)"
    } else {
        "No sign of life is looked for now"
    }
}

/// How far it is from being ready; nothing while it does not run.
fn readiness(process: &ProcessView, now: Timestamp) -> Option<(Sign, String)> {
    let age = process.since.map(|since| text::span(now.since(since))).unwrap_or_default();
    match (process.phase.as_str(), &process.waits_for) {
        ("ready", _) => Some((Sign::Good, format!("Ready for {age}"))),
        ("running", _) => {
            let next = text::with_local_times(&process.next, now);
            Some((Sign::Warning, format!("Not ready yet, runs for {age}: {next}")))
        }
        (_, Some(other)) => Some((Sign::Idle, format!("Starts when {other} is ready"))),
        (_, None) => None,
    }
}

fn actions(ui: &mut Ui, sight: &Sight<'_>, state: &PageState, out: &mut Out) {
    let Some(name) = &state.process else { return };
    ui.horizontal(|ui| {
        for intent in [Intent::Restart(name.clone()), Intent::Reset(name.clone())] {
            let check = intent.check(sight.model, sight.now);
            if press::button(ui, &format!("{}…", intent.text()), &check).clicked() {
                out.draft = Some(Draft::Plain(intent));
            }
        }
        if ui.button(Command::LogFull.text()).clicked() {
            out.commands.push(Command::LogFull);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{self, NOON, Scene};

    #[test]
    fn a_sign_of_life_that_is_missing_is_a_warning_and_none_is_missing_of_what_does_not_run() {
        let processes = demo::model(Scene::Trouble, NOON).status.unwrap().processes;
        let told = &processes[2].signs;
        assert!(told[0].starts_with("no heartbeat for"), "{told:?}");
        let seen = |short| told.iter().map(|told| sign_of_life(told, short)).collect::<Vec<_>>();
        assert_eq!(seen(false), [Sign::Warning, Sign::Good, Sign::Good]);
        assert_eq!(seen(true), [Sign::Warning, Sign::Good, Sign::Warning]);
        assert_eq!(sign_of_life("gpu cannot be seen, at most 1h 0m", false), Sign::Idle);
        let (runs, cools) = (&processes[1], &processes[3]);
        assert!(no_signs(runs).contains("asked of it"), "{}", runs.phase);
        assert!(no_signs(cools).contains("looked for now"), "{}", cools.phase);
    }
}
