//! Tables of any length: only the rows on the screen are made.

use crate::num;
use crate::theme::{self, Tokens};
use eframe::egui::{
    Align, Label, Layout, RichText, Role, Sense, Shape, Stroke, Ui, WidgetInfo, vec2,
};
use egui_extras::{Column, TableBuilder};
use serde::{Deserialize, Serialize};

/// One column.
pub struct Col {
    /// Its title.
    pub title: &'static str,
    /// Its width, in points; the last one takes what is left.
    pub width: f32,
}

/// By which column rows are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// The column.
    pub column: usize,
    /// Whether the least comes first.
    pub rising: bool,
}

impl Sort {
    /// The other way round.
    pub const fn turn(&mut self) {
        self.rising = !self.rising;
    }

    /// By the next of so many columns.
    pub const fn next(&mut self, columns: usize) {
        self.column = if self.column + 1 < columns { self.column + 1 } else { 0 };
    }

    fn press(&mut self, column: usize) {
        if self.column == column {
            self.turn();
        } else {
            *self = Self { column, rising: false };
        }
    }
}

/// The row that is chosen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chosen {
    /// Its place.
    pub row: Option<usize>,
    /// Whether the table scrolls to where it can be seen.
    pub shows: bool,
}

impl From<Option<usize>> for Chosen {
    fn from(row: Option<usize>) -> Self {
        Self { row, shows: false }
    }
}

/// Shows rows; the answer is the row that was pressed.
pub fn table(
    ui: &mut Ui,
    tokens: &Tokens,
    id: &str,
    columns: &[Col],
    rows: usize,
    chosen: impl Into<Chosen>,
    cell: impl FnMut(&mut Ui, usize, usize),
) -> Option<usize> {
    sorted(ui, tokens, (id, columns), rows, chosen.into(), None, cell)
}

/// As [`table`]; its titles choose the order. The caller brings the rows into it.
pub fn sorted(
    ui: &mut Ui,
    tokens: &Tokens,
    (id, columns): (&str, &[Col]),
    rows: usize,
    chosen: Chosen,
    mut sort: Option<&mut Sort>,
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
    if let Some(row) = chosen.row.filter(|_| chosen.shows) {
        builder = builder.scroll_to_row(row, None);
    }
    for (place, column) in columns.iter().enumerate() {
        let is_last = place + 1 == columns.len();
        builder = builder.column(if is_last {
            Column::remainder().at_least(column.width * fits).clip(true)
        } else {
            Column::initial(column.width * fits).resizable(true).clip(true)
        });
    }
    let table = builder.header(theme::ROW, |mut header| {
        for (place, column) in columns.iter().enumerate() {
            header.col(|ui| title(ui, tokens, column, place, sort.as_deref_mut()));
        }
    });
    table.body(|body| {
        body.rows(theme::ROW, rows, |mut row| {
            let index = row.index();
            row.set_selected(chosen.row == Some(index));
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

fn title(ui: &mut Ui, tokens: &Tokens, column: &Col, place: usize, sort: Option<&mut Sort>) {
    let text = RichText::new(column.title).text_style(theme::caption()).color(tokens.text2);
    let Some(sort) = sort else {
        ui.add(Label::new(text).selectable(false));
        return;
    };
    let is_chosen = sort.column == place;
    let text = if is_chosen { text.color(tokens.accent) } else { text };
    let response = ui.add(Label::new(text).selectable(false).truncate().sense(Sense::click()));
    let order = match (is_chosen, sort.rising) {
        (false, _) => "press to order by it",
        (true, true) => "least first",
        (true, false) => "greatest first",
    };
    let name = format!("{}, {order}", column.title);
    response.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, &name));
    if is_chosen {
        let at = response.rect.right_center() + vec2(9.0, 0.0);
        let tip = if sort.rising { -3.0 } else { 3.0 };
        let points = vec![at + vec2(0.0, tip), at + vec2(4.0, -tip), at + vec2(-4.0, -tip)];
        ui.painter().add(Shape::convex_polygon(points, tokens.accent, Stroke::NONE));
    }
    if response.on_hover_text(order).clicked() {
        sort.press(place);
    }
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
