//! The study: its chart, its trials, and why the best is deployed or not.

use super::{Out, PageState, Sight};
use crate::chart::trials as chart;
use crate::intent::{Draft, Intent};
use crate::model::Model;
use crate::text;
use crate::theme;
use crate::widgets::card;
use crate::widgets::press;
use crate::widgets::table::{self, Col, Sort};
use cappuccino_core::api::{ParamView, Status, TrialView, ViewValue};
use cappuccino_core::words::{Timestamp, TrialNumber};
use eframe::egui::{Grid, Id, RichText, ScrollArea, TextEdit, Ui, vec2};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// What this page remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TrialsState {
    /// Whether values are shown on a logarithmic scale.
    pub logarithmic: bool,
    /// What is typed into the filter.
    pub filter: String,
    /// How the list is ordered.
    pub sort: Sort,
    /// The trial that is looked at.
    #[serde(skip)]
    pub selected: Option<i64>,
    /// Whether the filter is to be typed into.
    #[serde(skip)]
    pub focus_filter: bool,
}

/// The list's columns.
pub const COLUMNS: [Col; 6] = [
    Col { title: "Trial", width: 64.0 },
    Col { title: "State", width: 84.0 },
    Col { title: "Value", width: 96.0 },
    Col { title: "To the live one", width: 110.0 },
    Col { title: "Duration", width: 96.0 },
    Col { title: "Finished", width: 120.0 },
];

/// Shows the page.
pub fn show(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState, out: &mut Out) {
    let Some(status) = &sight.model.status else { return };
    ui.label(RichText::new(headline(sight, status)).heading().color(sight.tokens.text));
    let height = (ui.available_height() * 0.46).max(290.0);
    let is_wide = ui.available_width() > 760.0;
    let side = if is_wide { theme::SIDE } else { 0.0 };
    ui.horizontal_top(|ui| {
        let width = ui.available_width() - side - if is_wide { theme::GAP } else { 0.0 };
        ui.allocate_ui(vec2(width, height), |ui| {
            card::titled(ui, sight.tokens, "Value by trial", |ui| {
                picture(ui, sight, state, height - 60.0);
            });
        });
        if is_wide {
            ui.allocate_ui(vec2(side, height), |ui| {
                card::titled(ui, sight.tokens, "Chosen trial", |ui| {
                    ui.set_min_height(height - 60.0);
                    detail(ui, sight, state, status, out);
                });
            });
        }
    });
    card::titled(ui, sight.tokens, "Trials", |ui| list(ui, sight, state, status));
}

fn headline(sight: &Sight<'_>, status: &Status) -> String {
    let counts = &status.study.counts;
    let total = counts.complete + counts.pruned + counts.failed;
    let name = status.study.name.as_deref().unwrap_or("no study");
    let state = match status.study.state.as_str() {
        "following" => String::new(),
        other => format!(" ({other})"),
    };
    let shown = sight.views.study.numbers.is_some();
    if !shown && total == 0 {
        return format!("{name}{state}: no trials yet; they appear as workers report them");
    }
    format!(
        "{name}{state}: {} complete, {} pruned, {} failed, {} running",
        counts.complete, counts.pruned, counts.failed, counts.running
    )
}

fn picture(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState, height: f32) {
    let study = &sight.views.study;
    if study.is_empty() {
        ui.set_min_height(height);
        ui.label("The first trial appears here within seconds of its beginning");
        return;
    }
    let top = ui.cursor().top();
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut state.trials.logarithmic, "Logarithmic");
        chart::legend(ui, sight.tokens);
        if state.trials.logarithmic && study.values.is_some_and(|(low, _)| low <= 0.0) {
            let note = RichText::new("values of zero and below are not on this scale");
            ui.label(note.color(sight.tokens.warn));
        }
    });
    let logarithmic = state.trials.logarithmic;
    let left = (height - (ui.cursor().top() - top)).max(80.0);
    if let Some(at) = chart::show(ui, study, left, logarithmic, sight.tokens) {
        state.trials.selected = Some(at);
    }
}

/// The trial that is looked at: the best while none was chosen.
pub fn chosen(status: &Status, state: &TrialsState) -> Option<TrialNumber> {
    let best = status.study.best.as_ref().map(|best| best.number);
    state.selected.map(TrialNumber).or(best)
}

fn detail(ui: &mut Ui, sight: &Sight<'_>, state: &PageState, status: &Status, out: &mut Out) {
    let Some(number) = chosen(status, &state.trials) else {
        ui.label("Press a point or a row");
        return;
    };
    let known = sight.model.trials.iter().find(|trial| trial.number == number);
    ui.heading(format!("Trial {number}"));
    match known {
        Some(trial) => facts(ui, sight, trial, status),
        None => match sight.views.study.dot(crate::num::signed(number.0)) {
            Some(dot) => {
                let value = dot.value.map_or_else(|| "no value".to_owned(), text::value);
                ui.label(format!("{}, {value}", chart::state(dot.state)));
            }
            None => {
                ui.label("not known");
            }
        },
    }
    ui.label(RichText::new(standing(status, number)).color(sight.tokens.text2));
    let live = status.deployment.live.as_ref().map(|live| live.trial);
    out.params = [Some(number), live].into_iter().flatten().collect();
    params(ui, sight, number, live.filter(|live| *live != number));
    ui.horizontal_wrapped(|ui| actions(ui, sight, status, number, out));
}

/// What the trial was drawn with, and where the live model differs.
fn params(ui: &mut Ui, sight: &Sight<'_>, number: TrialNumber, live: Option<TrialNumber>) {
    let of = |number: TrialNumber| sight.model.params.get(&number);
    let all = match of(number) {
        Some(Ok(all)) => all,
        Some(Err(why)) => {
            ui.label(RichText::new(why).color(sight.tokens.warn));
            return;
        }
        None => {
            ui.label("Reading its parameters…");
            return;
        }
    };
    let live = live.and_then(of).and_then(|live| live.as_ref().ok());
    let area = ScrollArea::vertical()
        .id_salt("params")
        .max_height((ui.available_height() - 40.0).max(72.0));
    area.show(ui, |ui| {
        if all.is_empty() {
            ui.label("It has no parameters");
        }
        Grid::new("params").num_columns(2).spacing(vec2(12.0, 2.0)).show(ui, |ui| {
            for param in all {
                param_row(ui, sight, param, live);
            }
        });
    });
}

fn param_row(ui: &mut Ui, sight: &Sight<'_>, param: &ParamView, live: Option<&Vec<ParamView>>) {
    let log = if param.log { ", logarithmic" } else { "" };
    let told = format!("{}{log}: {}", param.kind, param.range);
    ui.label(RichText::new(&param.name).color(sight.tokens.text2)).on_hover_text(&told);
    ui.horizontal(|ui| {
        let value = match (param.kind.as_str(), param.number) {
            ("float", Some(number)) => text::value(number),
            _ => param.value.clone(),
        };
        ui.label(RichText::new(value).monospace()).on_hover_text(&told);
        let other = live.and_then(|live| live.iter().find(|other| other.name == param.name));
        if let Some(other) = other.filter(|other| other.value != param.value) {
            let other = other.number.map_or_else(|| other.value.clone(), text::value);
            ui.label(RichText::new(format!("live {other}")).small().color(sight.tokens.text3));
        }
    });
    ui.end_row();
}

fn facts(ui: &mut Ui, sight: &Sight<'_>, trial: &TrialView, status: &Status) {
    let value = trial.value.as_ref().map_or_else(|| "no value".to_owned(), text::view_value);
    ui.label(format!("{}, value {value}", chart::state(trial.state)));
    let is_live = status.deployment.live.as_ref().is_some_and(|live| live.trial == trial.number);
    if let Some(difference) = difference(trial, status).filter(|_| !is_live) {
        ui.label(format!("{difference} against the live model"));
    }
    if !trial.feasible {
        ui.label("it violates its constraints");
    }
    if let Some(completed) = trial.completed {
        ui.label(format!("finished {}", text::ago(sight.now, completed)));
    }
}

/// What became of a trial as a model.
fn standing(status: &Status, number: TrialNumber) -> String {
    let deployment = &status.deployment;
    if deployment.live.as_ref().is_some_and(|live| live.trial == number) {
        return "It is the live model.".to_owned();
    }
    if let Some(hold) = deployment.holds.iter().find(|hold| hold.number == number) {
        return format!("It is held back: {}.", hold.reason);
    }
    if let Some(revision) = deployment.revisions.iter().find(|revision| revision.trial == number) {
        return format!("It was considered as revision {}: {}.", revision.id, revision.standing);
    }
    let is_best = status.study.best_deployable.as_ref().is_some_and(|best| best.number == number);
    match (&deployment.declined, is_best) {
        (Some(why), true) => format!("It is the best, but not deployed: {why}."),
        (_, _) => "It was never considered for going live: a better one was known.".to_owned(),
    }
}

fn actions(ui: &mut Ui, sight: &Sight<'_>, status: &Status, number: TrialNumber, out: &mut Out) {
    let deployment = &status.deployment;
    let check = Intent::Deploy(number).check(sight.model, sight.now);
    if press::button(ui, "Deploy…", &check).clicked() {
        out.draft = Some(Draft::Plain(Intent::Deploy(number)));
    }
    let is_held = deployment.holds.iter().any(|hold| hold.number == number);
    let (word, intent) = if is_held {
        ("Release", Intent::Unhold(number))
    } else {
        ("Hold back", Intent::Hold(number))
    };
    let check = intent.check(sight.model, sight.now);
    if press::button(ui, word, &check).clicked() {
        out.intents.push(intent);
    }
}

fn difference(trial: &TrialView, status: &Status) -> Option<String> {
    let live = status.deployment.live.as_ref()?.value;
    match trial.value.as_ref()? {
        ViewValue::Finite(value) => {
            let sign = if *value >= live { "+" } else { "" };
            Some(format!("{sign}{}", text::value(value - live)))
        }
        ViewValue::Infinite(_) => None,
    }
}

fn list(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState, status: &Status) {
    let trials = &mut state.trials;
    ui.horizontal(|ui| {
        let label = ui.label("Filter");
        let field = TextEdit::singleline(&mut trials.filter)
            .id(Id::unique("trials filter"))
            .hint_text("number or state")
            .desired_width(180.0);
        let field = ui.add(field).labelled_by(label.id);
        if std::mem::take(&mut trials.focus_filter) {
            field.request_focus();
        }
    });
    let rows = rows(sight.model, trials, sight.now);
    if rows.is_empty() {
        ui.label("No trial fits the filter");
        return;
    }
    let selected = rows.iter().position(|trial| Some(trial.number.0) == trials.selected);
    let selected = state.chosen_row(selected);
    let pressed = table::sorted(
        ui,
        sight.tokens,
        ("trials", &COLUMNS),
        rows.len(),
        selected,
        Some(&mut state.trials.sort),
        |ui, row, col| {
            let Some(trial) = rows.get(row) else { return };
            cell(ui, sight, trial, status, col);
        },
    );
    if let Some(trial) = pressed.and_then(|row| rows.get(row)) {
        state.trials.selected = Some(trial.number.0);
    }
}

/// The trials that fit the filter, in the chosen order.
pub fn rows<'a>(model: &'a Model, state: &TrialsState, now: Timestamp) -> Vec<&'a TrialView> {
    let wanted = state.filter.trim().to_lowercase();
    let is_wanted = |trial: &&TrialView| {
        wanted.is_empty()
            || trial.number.to_string() == wanted
            || chart::state(trial.state).starts_with(&wanted)
    };
    let mut rows: Vec<&TrialView> = model.trials.iter().filter(is_wanted).collect();
    let sort = state.sort;
    rows.sort_by(|a, b| {
        let order = compare(a, b, sort.column, now);
        if sort.rising { order } else { order.reverse() }
    });
    rows
}

/// The order of two trials by a column; what has no value comes first.
fn compare(a: &TrialView, b: &TrialView, column: usize, now: Timestamp) -> Ordering {
    let value = |trial: &TrialView| match &trial.value {
        Some(ViewValue::Finite(value)) => Some(*value),
        Some(ViewValue::Infinite(text)) => text.parse().ok(),
        None => None,
    };
    let by_value = || match (value(a), value(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    let length = |trial: &TrialView| {
        trial.started.map(|started| trial.completed.unwrap_or(now).since(started))
    };
    let order = match column {
        0 => Ordering::Equal,
        1 => chart::state(a.state).cmp(chart::state(b.state)),
        2 | 3 => by_value(),
        4 => length(a).cmp(&length(b)),
        _ => a.completed.cmp(&b.completed),
    };
    order.then(a.number.cmp(&b.number))
}

fn cell(ui: &mut Ui, sight: &Sight<'_>, trial: &TrialView, status: &Status, column: usize) {
    match column {
        0 => table::digits(ui, trial.number.to_string()),
        1 => table::text(ui, chart::state(trial.state)),
        2 => table::digits(ui, trial.value.as_ref().map(text::view_value).unwrap_or_default()),
        3 => table::digits(ui, difference(trial, status).unwrap_or_default()),
        4 => {
            let end = trial.completed.unwrap_or(sight.now);
            let length = trial.started.map(|started| text::span(end.since(started)));
            table::text(ui, length.unwrap_or_default());
        }
        _ => {
            let at = trial.completed.map(|at| text::clock(at, sight.now));
            table::text(ui, at.unwrap_or_default());
        }
    }
}
