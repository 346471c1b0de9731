//! What needs attention, since when, what helps, and who looks after it.

use super::{Out, PageState, Sight};
use crate::command::Command;
use crate::intent::{self, Intent};
use crate::text;
use crate::view::verdict::waiting;
use crate::widgets::card;
use crate::widgets::glyph::{self, Sign};
use crate::widgets::lines::{self, Line};
use crate::widgets::press;
use cappuccino_core::api::{AlertView, Status};
use cappuccino_core::words::{Note, Severity};
use eframe::egui::{RichText, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo};

/// Shows the page.
pub fn show(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState, out: &mut Out) {
    let Some(status) = &sight.model.status else { return };
    ui.label(RichText::new(headline(status)).heading().color(sight.tokens.text));
    approval(ui, sight, status, out);
    let chosen = intent::chosen_alert(sight.model, state.alert.as_deref());
    let shows = std::mem::take(&mut state.shows_chosen);
    for alert in &status.alerts {
        let is_chosen = chosen.is_some_and(|chosen| chosen.key == alert.key);
        if one(ui, sight, alert, (is_chosen, shows), out) {
            state.alert = Some(alert.key.clone());
        }
    }
    silences(ui, sight, status, out);
    if !status.alerts_aside.is_empty() {
        card::titled(ui, sight.tokens, "Not yet, or no longer", |ui| aside(ui, sight, status));
    }
    card::titled(ui, sight.tokens, "Before", |ui| before(ui, sight));
}

fn headline(status: &Status) -> String {
    let is_new = |alert: &&AlertView| alert.acknowledged.is_none();
    let open = status.alerts.iter().filter(is_new).count();
    let known = status.alerts.len().saturating_sub(open);
    let open = open + usize::from(waiting(status).is_some());
    let known = match known {
        0 => String::new(),
        1 => "; one is looked after".to_owned(),
        more => format!("; {more} are looked after"),
    };
    match open {
        0 => format!("Nothing new needs attention{known}"),
        1 => format!("One thing needs attention{known}"),
        more => format!("{more} things need attention{known}"),
    }
}

/// A model that waits for a person is something to attend to.
fn approval(ui: &mut Ui, sight: &Sight<'_>, status: &Status, out: &mut Out) {
    let Some(next) = waiting(status) else { return };
    card::frame(sight.tokens).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let told = format!("{} waits for your approval", intent::named(next));
        let told = RichText::new(text::capitalised(&told)).strong().color(sight.tokens.text);
        glyph::line(ui, Sign::Warning, told, sight.tokens);
        commands(ui, sight, &[Command::Approve, Command::Reject], out);
    });
}

fn commands(ui: &mut Ui, sight: &Sight<'_>, all: &[Command], out: &mut Out) {
    ui.horizontal_wrapped(|ui| {
        for command in all {
            let check = command.check(sight.model, sight.now);
            if press::command(ui, *command, &check).clicked() {
                out.commands.push(*command);
            }
        }
    });
}

/// One alert, chosen or not, to be seen if it is; whether it was pressed.
fn one(
    ui: &mut Ui,
    sight: &Sight<'_>,
    alert: &AlertView,
    (is_chosen, shows): (bool, bool),
    out: &mut Out,
) -> bool {
    let tokens = sight.tokens;
    let mut frame = card::frame(tokens);
    if is_chosen {
        frame = frame.fill(tokens.hover);
    }
    // Sensed as a whole, below its buttons.
    let whole = UiBuilder::new().id_salt(&alert.key).sense(Sense::click());
    let content = |ui: &mut Ui| {
        ui.set_width(ui.available_width());
        let told = RichText::new(text::capitalised(&alert.text)).strong().color(tokens.text);
        glyph::line(ui, sign(alert), told, tokens);
        ui.label(format!("What helps: {}", alert.remedy));
        let asides = standing(sight, alert);
        ui.label(RichText::new(asides).small().color(tokens.text2));
        actions(ui, sight, alert, out);
    };
    let response = ui.scope_builder(whole, |ui| frame.show(ui, content)).response;
    let name = format!("{}: {}", alert.key, alert.text);
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, is_chosen, &name));
    if is_chosen && shows {
        response.scroll_to_me(None);
    }
    if response.has_focus() {
        let line = Stroke::new(2.0, tokens.accent);
        ui.painter().rect_stroke(response.rect, 6.0, line, StrokeKind::Inside);
    }
    response.clicked()
}

fn sign(alert: &AlertView) -> Sign {
    match (&alert.acknowledged, alert.severity) {
        (Some(_), _) | (None, Severity::Info) => Sign::Idle,
        (None, Severity::Warning) => Sign::Warning,
        (None, Severity::Critical) => Sign::Critical,
    }
}

/// State, age, who looks after it, why it is quiet.
fn standing(sight: &Sight<'_>, alert: &AlertView) -> String {
    let mut parts = vec![alert.key.clone(), alert.state.clone(), text::ago(sight.now, alert.since)];
    if alert.told > 1 {
        parts.push(format!("told {} times", alert.told));
    }
    if let Some(by) = &alert.acknowledged {
        parts.push(format!("{} looks after it: {}", by.by, by.reason));
    }
    if let Some(why) = &alert.muted {
        parts.push(format!("not told: {why}"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

fn actions(ui: &mut Ui, sight: &Sight<'_>, alert: &AlertView, out: &mut Out) {
    let key = || alert.key.clone();
    let first = match alert.acknowledged {
        None => (Intent::Acknowledge(key()), "Acknowledge"),
        Some(_) => (Intent::Unacknowledge(key()), "Acknowledge no longer"),
    };
    let all = [
        first,
        (Intent::Silence(key(), intent::HOUR), "Silence for an hour"),
        (Intent::Silence(key(), intent::DAY), "Silence for a day"),
    ];
    ui.horizontal_wrapped(|ui| {
        for (intent, word) in all {
            let check = intent.check(sight.model, sight.now);
            let response = press::button(ui, word, &check);
            let name = format!("{word}: {}", alert.key);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, check.is_ok(), &name));
            if response.clicked() {
                out.intents.push(intent);
            }
        }
    });
}

fn silences(ui: &mut Ui, sight: &Sight<'_>, status: &Status, out: &mut Out) {
    if status.silences.is_empty() {
        return;
    }
    card::titled(ui, sight.tokens, "Silenced", |ui| {
        for silence in &status.silences {
            ui.horizontal_wrapped(|ui| {
                let left = text::span(silence.until.since(sight.now));
                let told = format!(
                    "{} for {left} more, by {}: {}",
                    silence.pattern.0, silence.by, silence.reason
                );
                ui.label(told);
                let intent = Intent::Unsilence(silence.id);
                let check = intent.check(sight.model, sight.now);
                if press::button(ui, &intent.text(), &check).clicked() {
                    out.intents.push(intent);
                }
            });
        }
    });
}

fn aside(ui: &mut Ui, sight: &Sight<'_>, status: &Status) {
    for alert in &status.alerts_aside {
        let told = format!("{}: {}", standing(sight, alert), alert.text);
        glyph::line(ui, Sign::Idle, told, sight.tokens);
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most lines are about something else")]
fn before(ui: &mut Ui, sight: &Sight<'_>) {
    let told = |note: &Note| match note {
        Note::AlertRaised(key, text, _) => Some((Sign::Warning, format!("{key}: {text}"))),
        Note::AlertFired(key, trouble, 1) | Note::AlertFlapping(key, trouble, _) => {
            Some((Sign::Warning, format!("{key}: {}", trouble.text)))
        }
        Note::AlertCleared(key) | Note::AlertResolved(key, ..) => {
            Some((Sign::Good, format!("{key} is over")))
        }
        Note::Halted(why) => Some((Sign::Critical, format!("nothing trades: {why}"))),
        Note::ProcessCooling(name, pause) => {
            Some((Sign::Critical, format!("{name} spent its restarts; one more try after {pause}")))
        }
        Note::StudyUnavailable(why) => {
            Some((Sign::Warning, format!("the study cannot be read: {why}")))
        }
        _ => None,
    };
    let found: Vec<_> = sight
        .model
        .history
        .iter()
        .rev()
        .filter_map(|entry| told(&entry.note).map(|(sign, text)| (entry.at, sign, text)))
        .collect();
    if found.is_empty() {
        ui.label("No alert in the history that is loaded");
        return;
    }
    lines::lines(ui, sight.tokens, "alerts", found.len(), sight.now, |row| {
        let (at, sign, text) = found.get(row)?;
        Some(Line { at: *at, sign: Some(*sign), text: text.clone() })
    });
}
