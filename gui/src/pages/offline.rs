//! No runner: what that means and what helps, instead of zeros that are not true.

use super::{Out, Sight};
use crate::command::Command;
use crate::model::{Connection, Freshness};
use crate::text;
use crate::widgets::card;
use crate::widgets::press;
use eframe::egui::{Align, Layout, RichText, Ui};

/// Shows the page.
pub fn show(ui: &mut Ui, sight: &Sight<'_>, out: &mut Out) {
    let tokens = sight.tokens;
    ui.add_space(ui.available_height() * 0.22);
    ui.with_layout(Layout::top_down(Align::Center), |ui| {
        ui.set_max_width(560.0);
        card::frame(tokens).show(ui, |ui| {
            ui.set_width(520.0);
            ui.with_layout(Layout::top_down(Align::Min), |ui| content(ui, sight, out));
        });
    });
}

fn content(ui: &mut Ui, sight: &Sight<'_>, out: &mut Out) {
    let Sight { model, now, tokens, .. } = sight;

    if model.freshness(*now) == Freshness::Connecting {
        ui.heading("Connecting…");
        ui.label("Looking for the runner of this workspace.");
        return;
    }
    let Connection::Gone { why, absent, retry_at, .. } = &model.connection else { return };
    ui.heading(if *absent { "The runner is not running" } else { "The runner cannot be reached" });
    if !absent {
        ui.label(why);
    }
    ui.label(
        "It watches the study, keeps the processes alive and deploys models. Processes \
                 that it started earlier may still be running: they do not need it to live.",
    );
    ui.label("Start it in a terminal with");
    ui.label(RichText::new("cappuccino start").monospace().color(tokens.accent));
    ui.horizontal(|ui| {
        let check = Command::StartRunner.check(model, *now);
        if press::primary(ui, &Command::StartRunner.text(), &check, tokens).clicked() {
            out.commands.push(Command::StartRunner);
        }
        let check = Command::Retry.check(model, *now);
        if press::command(ui, Command::Retry, &check).clicked() {
            out.commands.push(Command::Retry);
        }
    });
    let left = text::span(retry_at.since(*now));
    let caption = format!("{}. The next try follows in {left}.", model.workspace);
    ui.label(RichText::new(caption).small().color(tokens.text3));
}
