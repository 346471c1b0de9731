//! The app's own choices, where its runner is, and everything that was told.

use super::{Out, Sight};
use crate::command::Command;
use crate::model::Connection;
use crate::text;
use crate::widgets::card;
use crate::widgets::glyph;
use crate::widgets::toast::sign_of;
use eframe::egui::{Grid, Label, RichText, ScrollArea, ThemePreference, Ui};

/// Shows the page.
pub fn show(ui: &mut Ui, sight: &Sight<'_>, out: &mut Out) {
    ui.label(RichText::new("Settings").heading().color(sight.tokens.text));
    card::titled(ui, sight.tokens, "This app", |ui| {
        ui.horizontal(|ui| {
            ui.label("Theme");
            theme_choice(ui);
        });
        ui.horizontal(|ui| {
            let zoom = ui.ctx().zoom_factor();
            ui.label(format!("Size {:.0} %", zoom * 100.0));
            ui.label(RichText::new("Ctrl+Plus, Ctrl+Minus, Ctrl+0").small());
        });
        if ui.button(Command::Keys.text()).clicked() {
            out.commands.push(Command::Keys);
        }
    });
    card::titled(ui, sight.tokens, "The runner", |ui| runner(ui, sight));
    card::titled(ui, sight.tokens, "What was told", |ui| told(ui, sight));
}

fn theme_choice(ui: &mut Ui) {
    let mut chosen = ui.ctx().options(|options| options.theme_preference);
    let before = chosen;
    for (theme, word) in [
        (ThemePreference::System, "As the desktop"),
        (ThemePreference::Dark, "Dark"),
        (ThemePreference::Light, "Light"),
    ] {
        ui.selectable_value(&mut chosen, theme, word);
    }
    if chosen != before {
        ui.ctx().set_theme(chosen);
    }
}

fn runner(ui: &mut Ui, sight: &Sight<'_>) {
    let mut rows: Vec<(&str, String)> = vec![("Workspace", sight.model.workspace.clone())];
    match &sight.model.connection {
        Connection::Live(hello) => {
            rows.push(("Version", format!("cappuccino {}", hello.version)));
            rows.push(("Process id", hello.pid.to_string()));
        }
        Connection::Connecting => rows.push(("State", "connecting".to_owned())),
        Connection::Gone { why, .. } => rows.push(("State", why.clone())),
    }
    if let Some(status) = &sight.model.status {
        rows.push(("Runs for", text::span(sight.now.since(status.runner_since))));
        rows.push(("History", format!("{} lines", status.sequence)));
        rows.push(("Study", status.study.database.clone()));
    }
    Grid::new("runner").num_columns(2).show(ui, |ui| {
        for (name, value) in rows {
            ui.label(name);
            ui.label(value);
            ui.end_row();
        }
    });
    ui.label(
        "Thresholds, restart budgets and cooldowns are in cappuccino.toml in the workspace; the \
         runner takes them up when it is restarted. Processes live on through that.",
    );
}

fn told(ui: &mut Ui, sight: &Sight<'_>) {
    let mut any = false;
    ScrollArea::vertical().auto_shrink([false, true]).show(ui, |ui| {
        for notice in sight.model.notices.all() {
            any = true;
            ui.horizontal(|ui| {
                let at = RichText::new(text::clock(notice.at, sight.now)).monospace();
                ui.add_sized([96.0, 18.0], Label::new(at.color(sight.tokens.text3)));
                glyph::sign(ui, sign_of(notice.tone), sight.tokens);
                ui.add(Label::new(&notice.text).wrap());
            });
        }
    });
    if !any {
        ui.label("Nothing yet");
    }
}
