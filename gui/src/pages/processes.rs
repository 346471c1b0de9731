//! What runs, how often it failed, what comes next, and what it prints.

use super::{Out, PageState, Sight};
use crate::command::Command;
use crate::intent::{Draft, Intent};
use crate::model::log::Level;
use crate::model::{LogLine, LogModel};
use crate::text;
use crate::theme;
use crate::view::verdict::is_troubled;
use crate::widgets::card;
use crate::widgets::glyph::{self, Sign};
use crate::widgets::press;
use crate::widgets::table::{self, Col};
use cappuccino_core::api::ProcessView;
use cappuccino_core::words::ProcessName;
use eframe::egui::{Id, Label, RichText, ScrollArea, TextEdit, TextWrapMode, Ui, vec2};
use serde::{Deserialize, Serialize};

/// What the log remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "five independent switches of one view")]
pub struct LogState {
    /// What is typed into the filter.
    pub filter: String,
    /// Least level that is shown: 0 all, 1 warnings, 2 errors.
    pub least: u8,
    /// Whether the end is followed.
    #[serde(skip)]
    pub follow: bool,
    /// Whether long lines are cut.
    pub wrap: bool,
    /// Whether the log has the page to itself.
    #[serde(skip)]
    pub full: bool,
    /// Whether the filter is to be typed into.
    #[serde(skip)]
    pub focus_filter: bool,
    #[serde(skip)]
    picked: Picked,
}

/// Which lines of the log are shown: worked out when the log or the filter changes, not for each
/// frame.
#[derive(Clone, Debug, Default)]
struct Picked {
    of: Option<(Option<ProcessName>, u64, String, u8)>,
    places: Vec<usize>,
}

impl Picked {
    fn refresh(&mut self, log: &LogModel, filter: &str, least: u8) {
        let of = Some((log.process().cloned(), log.added, filter.to_owned(), least));
        if self.of == of {
            return;
        }
        self.of = of;
        let wanted = filter.to_lowercase();
        let least = [Level::Plain, Level::Warning, Level::Error]
            .into_iter()
            .nth(usize::from(least))
            .unwrap_or(Level::Plain);
        let is_shown = |line: &LogLine| {
            line.level >= least && (wanted.is_empty() || line.text.to_lowercase().contains(&wanted))
        };
        let lines = log.lines().iter().enumerate();
        self.places = lines.filter(|(_, line)| is_shown(line)).map(|(place, _)| place).collect();
    }
}

impl Default for LogState {
    fn default() -> Self {
        let (filter, picked) = (String::new(), Picked::default());
        Self {
            filter,
            least: 0,
            follow: true,
            wrap: false,
            full: false,
            focus_filter: false,
            picked,
        }
    }
}

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
    }
    let name = state.process.as_ref().map_or_else(String::new, ToString::to_string);
    card::titled(ui, sight.tokens, &format!("Log of {name}"), |ui| {
        ui.set_min_height(ui.available_height());
        log(ui, sight, &mut state.log);
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

fn list(ui: &mut Ui, sight: &Sight<'_>, state: &PageState, out: &mut Out) {
    let Some(status) = &sight.model.status else { return };
    let processes = &status.processes;
    let selected =
        processes.iter().position(|process| Some(&process.name) == state.process.as_ref());
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
        6 => table::text(ui, &process.next),
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

fn log(ui: &mut Ui, sight: &Sight<'_>, state: &mut LogState) {
    let log = &sight.model.log;
    bar(ui, sight, state);
    if let Some(why) = &log.failure {
        ui.label(RichText::new(why).color(sight.tokens.warn));
        return;
    }
    if !log.is_read {
        ui.label("Reading…");
        return;
    }
    state.picked.refresh(log, &state.filter, state.least);
    let shown = &state.picked.places;
    if shown.is_empty() {
        ui.label("No line");
        return;
    }
    let area = ScrollArea::both().id_salt("log").auto_shrink([false, false]);
    let area = area.stick_to_bottom(state.follow);
    let output = area.show_rows(ui, 18.0, shown.len(), |ui, rows| {
        let mode = if state.wrap { TextWrapMode::Truncate } else { TextWrapMode::Extend };
        ui.style_mut().wrap_mode = Some(mode);
        ui.spacing_mut().item_spacing.y = 2.0;
        for place in shown.get(rows).unwrap_or_default() {
            let Some(line) = log.lines().get(*place) else { continue };
            let colour = match line.level {
                Level::Plain => sight.tokens.text2,
                Level::Warning => sight.tokens.warn,
                Level::Error => sight.tokens.crit,
            };
            ui.add(Label::new(RichText::new(&line.text).monospace().color(colour)));
        }
    });
    // Scrolling up is a wish to stay there.
    let wheel = ui.input(|input| input.smooth_scroll_delta.y);
    if wheel > 0.0 && ui.rect_contains_pointer(output.inner_rect) {
        state.follow = false;
    }
}

fn bar(ui: &mut Ui, sight: &Sight<'_>, state: &mut LogState) {
    ui.horizontal(|ui| {
        let label = ui.label("Filter");
        let field = TextEdit::singleline(&mut state.filter)
            .id(Id::unique("log filter"))
            .hint_text("text in the line")
            .desired_width(200.0);
        let field = ui.add(field).labelled_by(label.id);
        if std::mem::take(&mut state.focus_filter) {
            field.request_focus();
        }
        for (least, word) in [(0, "All"), (1, "Warnings"), (2, "Errors")] {
            ui.selectable_value(&mut state.least, least, word);
        }
        ui.checkbox(&mut state.follow, "Follow");
        ui.checkbox(&mut state.wrap, "Cut long lines");
        if state.full && ui.button("Back to the processes").clicked() {
            state.full = false;
        }
        let count = sight.model.log.lines().len();
        let told = format!("{count} lines");
        ui.label(RichText::new(told).small().color(sight.tokens.text3));
    });
}
