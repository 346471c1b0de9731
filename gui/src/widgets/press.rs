//! Buttons that say why they cannot be pressed, and never lie about it.

use crate::command::Command;
use crate::theme::Tokens;
use eframe::egui::{Button, Response, RichText, Ui};

/// A button that is off, with the reason as its tooltip, when `check` refuses.
pub fn button(ui: &mut Ui, text: &str, check: &Result<(), String>) -> Response {
    let response = ui.add_enabled(check.is_ok(), Button::new(text));
    match check {
        Ok(()) => response,
        Err(why) => response.on_disabled_hover_text(why),
    }
}

/// As [`button`], for the one thing that a page is about.
pub fn primary(ui: &mut Ui, text: &str, check: &Result<(), String>, tokens: &Tokens) -> Response {
    let button = if check.is_ok() {
        Button::new(RichText::new(text).color(tokens.on_accent)).fill(tokens.accent)
    } else {
        Button::new(text)
    };
    let response = ui.add_enabled(check.is_ok(), button);
    match check {
        Ok(()) => response,
        Err(why) => response.on_disabled_hover_text(why),
    }
}

/// A button for a command: its words, its key in the tooltip.
pub fn command(ui: &mut Ui, command: Command, check: &Result<(), String>) -> Response {
    let response = button(ui, &command.text(), check);
    let key = command.key_text(ui.ctx());
    response.on_hover_text(key)
}
