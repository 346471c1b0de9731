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
    let is_raised = |what: &str| {
        alerts.iter().any(|alert| alert.key == format!("process/{}/{what}", process.name))
    };
    let mut all: Vec<(Sign, String)> = readiness(process, sight.now).into_iter().collect();
    all.extend(process.signs.iter().map(|told| {
        let sign = match told.split(' ').next() {
            Some("last") if is_raised("quiet") => Sign::Warning,
            Some("memory") if is_raised("memory") => Sign::Warning,
            Some("last" | "memory") => Sign::Good,
            _ => Sign::Idle,
        };
        (sign, text::capitalised(told))
    }));
    if process.signs.is_empty() {
        let told = "No sign of life is asked of it (`liveness` in cappuccino.toml)".to_owned();
        all.push((Sign::Idle, told));
    }
    ui.horizontal_wrapped(|ui| {
        for (sign, told) in all {
            glyph::sign(ui, sign, sight.tokens);
            ui.label(RichText::new(told).small().color(sight.tokens.text2));
            ui.add_space(theme::GAP);
        }
    });
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
