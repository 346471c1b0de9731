//! Every command by a few of its letters, and the sheet of all keys.

use crate::command::Command;
use crate::model::Model;
use crate::theme::{self, Tokens};
use cappuccino_core::words::Timestamp;
use eframe::egui::{
    self, Button, Frame, Grid, Id, Key, Margin, Modal, RichText, ScrollArea, Stroke, TextEdit, Ui,
};

/// What is typed and chosen.
#[derive(Clone, Debug, Default)]
pub struct Palette {
    /// Whether it is open.
    pub open: bool,
    typed: String,
    chosen: usize,
}

/// Whether the letters occur in the text in this order.
pub fn matches(typed: &str, text: &str) -> bool {
    let mut text = text.chars().flat_map(char::to_lowercase);
    typed
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .flat_map(char::to_lowercase)
        .all(|letter| text.any(|candidate| candidate == letter))
}

impl Palette {
    /// Opens it empty, or closes it.
    pub fn toggle(&mut self) {
        *self = Self { open: !self.open, ..Self::default() };
    }

    /// Shows it; the answer is the command that was chosen.
    pub fn show(&mut self, ui: &Ui, model: &Model, now: Timestamp) -> Option<Command> {
        let tokens = theme::of(ui.ctx());
        let found: Vec<Command> = Command::all()
            .into_iter()
            .filter(|command| matches(&self.typed, &command.text()))
            .collect();
        self.steer(ui, found.len());
        let mut chosen = None;
        let shown = Modal::new(Id::unique("palette")).frame(sheet(&tokens)).show(ui.ctx(), |ui| {
            ui.set_width(theme::DIALOG);
            let field = TextEdit::singleline(&mut self.typed)
                .hint_text("Type a command")
                .desired_width(f32::INFINITY);
            let field = ui.add(field);
            field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Command"));
            field.request_focus();
            if field.changed() {
                self.chosen = 0;
            }
            ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
                for (place, command) in found.iter().enumerate() {
                    if self.row(ui, place, *command, model, now) {
                        chosen = Some(*command);
                    }
                }
                if found.is_empty() {
                    ui.label("No command has these letters");
                }
            });
        });
        if ui.input(|input| input.key_pressed(Key::Enter)) {
            chosen = chosen.or_else(|| found.get(self.chosen).copied());
        }
        let chosen = chosen.filter(|command| command.check(model, now).is_ok());
        if shown.should_close() || chosen.is_some() {
            self.open = false;
        }
        chosen
    }

    fn steer(&mut self, ui: &Ui, count: usize) {
        let (down, up) =
            ui.input(|input| (input.key_pressed(Key::ArrowDown), input.key_pressed(Key::ArrowUp)));
        let last = count.saturating_sub(1);
        if down {
            self.chosen = self.chosen.saturating_add(1).min(last);
        }
        if up {
            self.chosen = self.chosen.saturating_sub(1);
        }
        self.chosen = self.chosen.min(last);
    }

    fn row(
        &self,
        ui: &mut Ui,
        place: usize,
        command: Command,
        model: &Model,
        now: Timestamp,
    ) -> bool {
        let check = command.check(model, now);
        let key = command.key_text(ui.ctx());
        let button = Button::selectable(self.chosen == place, command.text())
            .right_text(RichText::new(key).monospace())
            .min_size(egui::vec2(ui.available_width(), theme::ROW));
        let response = ui.add_enabled(check.is_ok(), button);
        match check {
            Ok(()) => response.clicked(),
            Err(why) => {
                response.on_disabled_hover_text(why);
                false
            }
        }
    }
}

/// Shows all keys; whether it stays open.
pub fn keys(ui: &Ui) -> bool {
    let tokens = theme::of(ui.ctx());
    let shown = Modal::new(Id::unique("keys")).frame(sheet(&tokens)).show(ui.ctx(), |ui| {
        ui.set_width(theme::DIALOG);
        ui.heading("Keys");
        ScrollArea::vertical().max_height(440.0).show(ui, |ui| {
            Grid::new("keys").num_columns(2).striped(true).show(ui, |ui| {
                for command in Command::all() {
                    ui.label(RichText::new(command.key_text(ui.ctx())).monospace());
                    ui.label(command.text());
                    ui.end_row();
                }
                for (key, what) in [
                    ("Ctrl+Enter", "Confirm the open question"),
                    ("Ctrl+Plus, Ctrl+Minus", "Larger, smaller"),
                    ("Drag, Ctrl+wheel", "Move, zoom a chart"),
                    ("Double click", "Show the whole chart"),
                ] {
                    ui.label(RichText::new(key).monospace());
                    ui.label(what);
                    ui.end_row();
                }
            });
        });
        ui.button("Close keys").clicked()
    });
    !(shown.inner || shown.should_close())
}

fn sheet(tokens: &Tokens) -> Frame {
    Frame::new()
        .fill(tokens.panel)
        .stroke(Stroke::new(1.0, tokens.stroke))
        .corner_radius(8)
        .inner_margin(Margin::same(theme::PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_in_order_find_a_command() {
        assert!(matches("rb", "Roll back…"));
        assert!(matches("Roll b", "Roll back…"));
        assert!(!matches("br", "Roll back…"));
        assert!(matches("", "anything"));
    }
}
