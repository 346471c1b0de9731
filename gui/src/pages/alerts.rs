//! What needs attention, since when, and what helps.

use super::Sight;
use crate::text;
use crate::widgets::card;
use crate::widgets::glyph::{self, Sign};
use crate::widgets::lines::{self, Line};
use cappuccino_core::words::Note;
use eframe::egui::{RichText, Ui};

/// Shows the page.
pub fn show(ui: &mut Ui, sight: &Sight<'_>) {
    let Some(status) = &sight.model.status else { return };
    let title = match status.alerts.len() {
        0 => "Nothing needs attention".to_owned(),
        1 => "One thing needs attention".to_owned(),
        more => format!("{more} things need attention"),
    };
    ui.label(RichText::new(title).heading().color(sight.tokens.text));
    for alert in &status.alerts {
        card::frame(sight.tokens).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_wrapped(|ui| {
                glyph::sign(ui, Sign::Warning, sight.tokens);
                ui.label(RichText::new(&alert.text).strong().color(sight.tokens.text));
            });
            ui.label(format!("What helps: {}", alert.remedy));
            let since = text::ago(sight.now, alert.since);
            let told = RichText::new(format!("{}, {since}", alert.key)).small();
            ui.label(told.color(sight.tokens.text3));
        });
    }
    card::titled(ui, sight.tokens, "Before", |ui| before(ui, sight));
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
