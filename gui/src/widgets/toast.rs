//! Short notes over the page; each can be put away, and all can be read later in the settings.

use crate::model::{Model, Tone};
use crate::theme::{self, Tokens};
use crate::widgets::glyph::{self, Sign};
use cappuccino_core::words::Timestamp;
use eframe::egui::{Align2, Area, Button, Frame, Id, Label, Margin, Order, Stroke, Ui, vec2};

/// Width of a note.
const WIDTH: f32 = 380.0;
/// Notes over the page at one time.
const SHOWN_MAX: usize = 3;

/// How a tone looks.
pub const fn sign_of(tone: Tone) -> Sign {
    match tone {
        Tone::Good => Sign::Good,
        Tone::Plain => Sign::Idle,
        Tone::Bad => Sign::Critical,
    }
}

/// Shows the newest notes; the answer is the one that was put away.
pub fn toasts(ui: &Ui, model: &Model, now: Timestamp, tokens: &Tokens) -> Option<usize> {
    let shown: Vec<_> = model.notices.shown(now).collect();
    let mut dismissed = None;
    let area = Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .anchor(Align2::RIGHT_BOTTOM, vec2(-16.0, -(theme::STATUS + 12.0)));
    area.show(ui.ctx(), |ui| {
        let surplus = shown.len().saturating_sub(SHOWN_MAX);
        for (place, notice) in shown.iter().skip(surplus) {
            let frame = Frame::new()
                .fill(tokens.panel)
                .stroke(Stroke::new(1.0, sign_of(notice.tone).colour(tokens)))
                .corner_radius(6)
                .inner_margin(Margin::same(theme::PAD));
            frame.show(ui, |ui| {
                ui.set_width(WIDTH);
                ui.horizontal_top(|ui| {
                    glyph::sign(ui, sign_of(notice.tone), tokens);
                    ui.vertical(|ui| {
                        ui.set_width(WIDTH - 100.0);
                        ui.add(Label::new(&notice.text).wrap());
                    });
                    if ui.add(Button::new("Close")).clicked() {
                        dismissed = Some(*place);
                    }
                });
            });
        }
    });
    dismissed
}
