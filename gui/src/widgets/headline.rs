//! The sentence over a page, with its sign.

use crate::theme::{self, Tokens};
use crate::widgets::glyph::{self, Sign};
use eframe::egui::{Align, Label, Layout, RichText, Ui, vec2};

/// Shows the sentence, cut where the page ends; the whole is in the tooltip. `button` adds what
/// stands at the right end.
pub fn headline(
    ui: &mut Ui,
    tokens: &Tokens,
    sign: Sign,
    sentence: &str,
    button: impl FnOnce(&mut Ui),
) {
    let size = vec2(ui.available_width(), theme::BUTTON);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        button(ui);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            glyph::sign(ui, sign, tokens);
            let text = RichText::new(sentence).heading().color(tokens.text);
            ui.add(Label::new(text).truncate());
        });
    });
}
