//! Is all well? The answer in one sentence, six numbers, the states over time, what happened last.

use super::{Out, PageState, Sight};
use crate::chart::lanes;
use crate::command::{Command, Screen};
use crate::text;
use crate::view::verdict::{alarm, verdict};
use crate::widgets::card::{self, Figure};
use crate::widgets::glyph::Sign;
use crate::widgets::headline;
use crate::widgets::lines::{self, Line};
use crate::widgets::press;
use cappuccino_core::api::{Status, sentence};
use eframe::egui::{Role, Sense, Ui, WidgetInfo};

/// Shows the page.
pub fn show(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState, out: &mut Out) {
    let Some(status) = &sight.model.status else { return };
    headline(ui, sight, out);
    figures(ui, sight, status, out);
    card::titled(ui, sight.tokens, "States over time", |ui| {
        if sight.views.lanes.iter().all(|lane| lane.spans.is_empty()) {
            ui.label("Nothing has run yet; lanes appear with the first process");
        }
        let lanes = &sight.views.lanes;
        lanes::show(ui, lanes, state.window(), sight.now, sight.tokens);
    });
    card::titled(ui, sight.tokens, "What happened last", |ui| events(ui, sight));
}

fn headline(ui: &mut Ui, sight: &Sight<'_>, out: &mut Out) {
    let (sign, sentence) = verdict(sight.model, sight.now);
    headline::headline(ui, sight.tokens, sign, &sentence, |ui| {
        let check = Command::RollBack.check(sight.model, sight.now);
        if press::command(ui, Command::RollBack, &check).clicked() {
            out.commands.push(Command::RollBack);
        }
    });
}

fn figures(ui: &mut Ui, sight: &Sight<'_>, status: &Status, out: &mut Out) {
    let all = [best(status), pace(status), live(sight, status), processes(status), alerts(status)];
    let (figures, screens): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    let shown = card::row(ui, sight.tokens, &figures);
    for ((response, figure), screen) in shown.into_iter().zip(&figures).zip(screens) {
        let response = response.interact(Sense::click());
        let told = format!("{}: {}. {}", figure.label, figure.value, figure.aside);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &told));
        if response.clicked() {
            out.commands.push(Command::Go(screen));
        }
    }
}

fn best(status: &Status) -> (Figure<'static>, Screen) {
    let best = status.study.best.as_ref();
    let value = best.and_then(|best| best.value.as_ref()).map(text::view_value);
    let aside = match best {
        Some(best) => format!("trial {}", best.number),
        None => "no finished trial yet".to_owned(),
    };
    let value = value.unwrap_or_else(|| "–".to_owned());
    (Figure { label: "Best value", value, aside, sign: None }, Screen::Trials)
}

fn pace(status: &Status) -> (Figure<'static>, Screen) {
    let counts = &status.study.counts;
    let sign = match (status.study.state.as_str(), counts.running) {
        ("lost", _) => Some(Sign::Critical),
        (_, 0) => Some(Sign::Idle),
        (_, _) => Some(Sign::Good),
    };
    let value = format!("{}/h", status.study.finished_last_hour);
    let aside = format!("{} running, {} complete", counts.running, counts.complete);
    (Figure { label: "Trials", value, aside, sign }, Screen::Trials)
}

fn live(sight: &Sight<'_>, status: &Status) -> (Figure<'static>, Screen) {
    let deployment = &status.deployment;
    let (value, aside) = match &deployment.live {
        Some(live) => (
            format!("#{}", live.trial),
            format!("{}, {}", text::value(live.value), text::ago(sight.now, live.created)),
        ),
        None => ("none".to_owned(), "no model is live".to_owned()),
    };
    let sign = match deployment.phase.as_str() {
        "live" => Sign::Good,
        "halted" | "halting" => Sign::Critical,
        "watching" => Sign::Idle,
        _ => Sign::Warning,
    };
    (Figure { label: "Live model", value, aside, sign: Some(sign) }, Screen::Deployments)
}

fn processes(status: &Status) -> (Figure<'static>, Screen) {
    let all = status.processes.len();
    let up = status.processes.iter().filter(|process| process.pid.is_some()).count();
    let failures: u32 = status.processes.iter().map(|process| process.failures).sum();
    let sign = match (up, all) {
        (_, 0) => Sign::Idle,
        (up, all) if up == all => Sign::Good,
        (_, _) => Sign::Warning,
    };
    let aside = match failures {
        0 => "no recent failure".to_owned(),
        1 => "1 recent failure".to_owned(),
        more => format!("{more} recent failures"),
    };
    let value = format!("{up}/{all}");
    (Figure { label: "Processes up", value, aside, sign: Some(sign) }, Screen::Processes)
}

fn alerts(status: &Status) -> (Figure<'static>, Screen) {
    let count = status.alerts.len();
    let sign = alarm(status);
    let aside = status.alerts.first().map_or_else(|| "nothing to do".to_owned(), |a| a.key.clone());
    (Figure { label: "Alerts", value: count.to_string(), aside, sign: Some(sign) }, Screen::Alerts)
}

fn events(ui: &mut Ui, sight: &Sight<'_>) {
    if sight.model.history.is_empty() {
        ui.label("The history is empty");
        return;
    }
    let history = &sight.model.history;
    lines::lines(ui, sight.tokens, "events", history.len(), sight.now, |row| {
        let entry = history.get(history.len().checked_sub(row.saturating_add(1))?)?;
        Some(Line { at: entry.at, sign: None, text: sentence(&entry.note) })
    });
}
