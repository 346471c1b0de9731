//! States over time as lanes: one row per process, marks where something happened.

use crate::chart::time::TimeScale;
use crate::chart::window::TimeWindow;
use crate::num;
use crate::text;
use crate::theme::{self, Tokens};
use crate::view::lanes::{Lane, LaneSpan};
use cappuccino_core::words::Timestamp;
use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    self, Align2, FontId, Painter, Pos2, Rect, Role, Sense, Stroke, TextStyle, Ui, WidgetInfo,
    pos2, vec2,
};

/// Height of one lane.
const LANE: f32 = 30.0;
/// Room for the names.
const NAMES: f32 = 96.0;
/// Room for the times.
const AXIS: f32 = 20.0;
/// Narrowest stretch that is still drawn as wide as this.
const LEAST_WIDTH: f32 = 1.5;

/// Height that so many lanes need.
pub fn height(lanes: usize) -> f32 {
    num::px(num::size(lanes)) * LANE + AXIS
}

/// Shows lanes in the window; dragging and Ctrl+wheel move it.
pub fn show(ui: &mut Ui, lanes: &[Lane], window: &mut TimeWindow, now: Timestamp, tokens: &Tokens) {
    let size = vec2(ui.available_width(), height(lanes.len()));
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let area = Rect::from_min_max(rect.min + vec2(NAMES, 0.0), rect.max - vec2(0.0, AXIS));
    let scale = TimeScale::new(area, window, now);
    response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, summary(lanes)));
    let painter = ui.painter_at(rect);
    scale.axis(&painter, tokens);
    for (place, lane) in lanes.iter().enumerate() {
        let top = area.top() + num::px(num::size(place)) * LANE;
        let row = Rect::from_min_max(pos2(area.left(), top), pos2(area.right(), top + LANE - 4.0));
        draw(&painter, lane, row, &scale, now, tokens);
    }
    if let Some(pointer) = response.hover_pos() {
        hover(ui, &response, pointer, lanes, &scale, now, tokens);
    }
    scale.steer(ui, &response, window, now);
    if response.double_clicked() {
        *window = TimeWindow::default();
    }
}

fn summary(lanes: &[Lane]) -> String {
    let state = |lane: &Lane| {
        let last = lane.spans.last().map_or("unknown", |span| span.text.as_str());
        format!("{}: {last}", lane.name)
    };
    format!("States over time. {}", lanes.iter().map(state).collect::<Vec<_>>().join("; "))
}

fn draw(
    painter: &Painter,
    lane: &Lane,
    row: Rect,
    scale: &TimeScale,
    now: Timestamp,
    tokens: &Tokens,
) {
    painter.text(
        pos2(row.left() - 8.0, row.center().y),
        Align2::RIGHT_CENTER,
        &lane.name,
        FontId::proportional(13.0),
        tokens.text2,
    );
    painter.rect_filled(row, 3.0, tokens.bg);
    for span in &lane.spans {
        stretch(painter, span, row, scale, now, tokens);
    }
    for mark in &lane.marks {
        if mark.at >= scale.from && scale.x_within(mark.at) < row.right() {
            mark.sign.paint(painter, pos2(scale.x_within(mark.at), row.top() + 4.0), 3.5, tokens);
        }
    }
}

fn stretch(
    painter: &Painter,
    span: &LaneSpan,
    row: Rect,
    scale: &TimeScale,
    now: Timestamp,
    tokens: &Tokens,
) {
    let end = span.to.unwrap_or(now);
    if end < scale.from || scale.time(row.right()) < span.from {
        return;
    }
    let (left, right) = (scale.x_within(span.from), scale.x_within(end));
    let right = right.max(left + LEAST_WIDTH);
    let bar = Rect::from_min_max(pos2(left, row.top() + 5.0), pos2(right, row.bottom()));
    let colour = span.sign.colour(tokens);
    painter.rect_filled(bar, 2.0, colour.gamma_multiply(0.28));
    painter.vline(left, bar.y_range(), Stroke::new(1.5, colour));
    if bar.width() > 48.0 {
        let font = FontId::proportional(12.0);
        let mut words = LayoutJob::simple_singleline(span.text.clone(), font, tokens.text);
        words.wrap = TextWrapping::truncate_at_width(bar.width() - 8.0);
        let words = painter.layout_job(words);
        let place = pos2(bar.left() + 6.0, bar.center().y - words.size().y / 2.0);
        painter.galley(place, words, tokens.text);
    }
}

fn hover(
    ui: &Ui,
    response: &egui::Response,
    pointer: Pos2,
    lanes: &[Lane],
    scale: &TimeScale,
    now: Timestamp,
    tokens: &Tokens,
) {
    if !scale.area.contains(pointer) {
        return;
    }
    let line = Stroke::new(1.0, tokens.text3);
    ui.painter().vline(pointer.x, scale.area.y_range(), line);
    let at = scale.time(pointer.x);
    let row = num::whole(f64::from((pointer.y - scale.area.top()) / LANE).floor());
    let Some(lane) = usize::try_from(row).ok().and_then(|row| lanes.get(row)) else { return };
    let near = |mark: Timestamp| (scale.x_within(mark) - pointer.x).abs() < 5.0;
    let span =
        lane.spans.iter().rev().find(|span| span.from <= at && span.to.is_none_or(|to| at <= to));
    response.clone().on_hover_ui_at_pointer(|ui| {
        ui.set_max_width(320.0);
        ui.label(egui::RichText::new(text::clock(at, now)).text_style(TextStyle::Monospace));
        if let Some(span) = span {
            let end = span.to.unwrap_or(now);
            ui.label(format!("{}: {}", lane.name, span.text));
            let caption = format!("for {}", text::span(end.since(span.from)));
            ui.label(egui::RichText::new(caption).text_style(theme::caption()));
        }
        for mark in lane.marks.iter().filter(|mark| near(mark.at)) {
            ui.label(format!("{} {}", text::clock(mark.at, now), mark.text));
        }
    });
}
