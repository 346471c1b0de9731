//! Tables of any length: only the rows on the screen are made.

use crate::num;
use crate::theme::{self, Tokens};
use eframe::egui::{Align, Label, Layout, RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder};

/// One column.
pub struct Col {
    /// Its title.
    pub title: &'static str,
    /// Its width, in points; the last one takes what is left.
    pub width: f32,
}

/// Shows rows; the answer is the row that was pressed.
pub fn table(
    ui: &mut Ui,
    tokens: &Tokens,
    id: &str,
    columns: &[Col],
    rows: usize,
    selected: Option<usize>,
    mut cell: impl FnMut(&mut Ui, usize, usize),
) -> Option<usize> {
    let mut pressed = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    let height = ui.available_height().max(theme::ROW * 4.0);
    let fits = fit(columns, ui.available_width(), ui.spacing().item_spacing.x);
    let mut builder = TableBuilder::new(ui)
        .id_salt(id)
        .striped(true)
        .sense(Sense::click())
        .cell_layout(Layout::left_to_right(Align::Center))
        .auto_shrink([false, true])
        .min_scrolled_height(theme::ROW * 3.0)
        .max_scroll_height(height - theme::ROW);
    for (place, column) in columns.iter().enumerate() {
        let is_last = place + 1 == columns.len();
        builder = builder.column(if is_last {
            Column::remainder().at_least(column.width * fits).clip(true)
        } else {
            Column::initial(column.width * fits).resizable(true).clip(true)
        });
    }
    let table = builder.header(theme::ROW, |mut header| {
        for column in columns {
            header.col(|ui| {
                let title = RichText::new(column.title).text_style(theme::caption());
                ui.add(Label::new(title.color(tokens.text2)).selectable(false));
            });
        }
    });
    table.body(|body| {
        body.rows(theme::ROW, rows, |mut row| {
            let index = row.index();
            row.set_selected(selected == Some(index));
            for place in 0..columns.len() {
                row.col(|ui| cell(ui, index, place));
            }
            if row.response().clicked() {
                pressed = Some(index);
            }
        });
    });
    pressed
}

/// The part of their widths that all columns together can have.
fn fit(columns: &[Col], room: f32, gap: f32) -> f32 {
    let wanted: f32 = columns.iter().map(|column| column.width).sum();
    let gaps = gap * num::px(num::size(columns.len()));
    ((room - gaps) / wanted).clamp(0.3, 1.0)
}

/// A cell of text that can be wider than its column.
pub fn text(ui: &mut Ui, text: impl Into<String>) {
    let text: String = text.into();
    ui.add(Label::new(text.as_str()).truncate().selectable(false)).on_hover_text(text);
}

/// A cell of digits.
pub fn digits(ui: &mut Ui, text: impl Into<String>) {
    ui.add(Label::new(RichText::new(text).monospace()).truncate().selectable(false));
}
