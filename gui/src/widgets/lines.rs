//! Lines of what happened: time, sign, sentence; only those on the screen are made.

use crate::text;
use crate::theme::Tokens;
use crate::widgets::glyph::{self, Sign};
use cappuccino_core::words::Timestamp;
use eframe::egui::{Align, Label, Layout, RichText, ScrollArea, Ui, vec2};

/// Height of a line.
const HEIGHT: f32 = 20.0;
/// Room for the time.
const TIME: f32 = 96.0;

/// One line.
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// How it is meant, when it can be good or bad.
    pub sign: Option<Sign>,
    /// What.
    pub text: String,
}

/// Shows lines in the space that is left; `line` makes the one at a place.
pub fn lines(
    ui: &mut Ui,
    tokens: &Tokens,
    id: &str,
    count: usize,
    now: Timestamp,
    line: impl Fn(usize) -> Option<Line>,
) {
    ui.spacing_mut().item_spacing.y = 2.0;
    let area = ScrollArea::vertical().id_salt(id).auto_shrink([false, true]);
    area.show_rows(ui, HEIGHT, count, |ui, rows| {
        for line in rows.filter_map(&line) {
            let size = vec2(ui.available_width(), HEIGHT);
            ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
                let at = RichText::new(text::clock(line.at, now)).monospace().color(tokens.text3);
                let left = Layout::left_to_right(Align::Center);
                ui.allocate_ui_with_layout(vec2(TIME, HEIGHT), left, |ui| {
                    ui.set_min_width(TIME);
                    ui.add(Label::new(at).selectable(false));
                });
                if let Some(sign) = line.sign {
                    glyph::sign(ui, sign, tokens);
                }
                ui.add(Label::new(&line.text).truncate());
            });
        }
    });
}
