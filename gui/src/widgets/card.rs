//! Cards: a frame around what belongs together, and the small ones with one number.

use crate::num;
use crate::theme::{self, Tokens};
use crate::widgets::glyph::{self, Sign};
use eframe::egui::{Frame, Margin, Response, RichText, Stroke, Ui, vec2};

/// The frame of a card.
pub fn frame(tokens: &Tokens) -> Frame {
    Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.0, tokens.stroke))
        .corner_radius(6)
        .inner_margin(Margin::same(theme::PAD))
}

/// A card with a title.
pub fn titled<R>(
    ui: &mut Ui,
    tokens: &Tokens,
    title: &str,
    content: impl FnOnce(&mut Ui) -> R,
) -> R {
    let shown = frame(tokens).show(ui, |ui| {
        ui.vertical(|ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new(title).strong().color(tokens.text));
            content(ui)
        })
    });
    shown.inner.inner
}

/// Shows figures side by side over the whole width; the answers are theirs.
pub fn row(ui: &mut Ui, tokens: &Tokens, figures: &[Figure<'_>]) -> Vec<Response> {
    let count = num::px(num::size(figures.len()));
    let width = ((ui.available_width() - (count - 1.0) * theme::GAP) / count).floor();
    let shown = ui.horizontal(|ui| figures.iter().map(|one| one.show(ui, tokens, width)).collect());
    shown.inner
}

/// One number and what it is.
pub struct Figure<'a> {
    /// What it is.
    pub label: &'a str,
    /// The number with its unit.
    pub value: String,
    /// An aside below it.
    pub aside: String,
    /// How it is, when it can be good or bad.
    pub sign: Option<Sign>,
}

/// The largest size in which a value fits, down to the size of text.
fn figure_size(ui: &Ui, value: &str) -> f32 {
    let large = theme::figure().resolve(ui.style());
    let galley =
        ui.painter().layout_no_wrap(value.to_owned(), large.clone(), ui.visuals().text_color());
    let part = (ui.available_width() / galley.size().x).min(1.0);
    (large.size * part).floor().max(13.0)
}

impl Figure<'_> {
    fn show(&self, ui: &mut Ui, tokens: &Tokens, width: f32) -> Response {
        let inner = frame(tokens).show(ui, |ui| {
            let pad = f32::from(theme::PAD) * 2.0 + 2.0;
            ui.set_min_size(vec2(width - pad, theme::CARD));
            ui.set_max_width(width - pad);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.horizontal(|ui| {
                    if let Some(sign) = self.sign {
                        glyph::sign(ui, sign, tokens);
                    }
                    ui.label(
                        RichText::new(self.label).text_style(theme::caption()).color(tokens.text2),
                    );
                });
                let size = figure_size(ui, &self.value);
                let value = RichText::new(&self.value).monospace().size(size).color(tokens.text);
                ui.add(eframe::egui::Label::new(value).truncate());
                let aside =
                    RichText::new(&self.aside).text_style(theme::caption()).color(tokens.text3);
                ui.add(eframe::egui::Label::new(aside).truncate());
            });
        });
        inner.response
    }
}
