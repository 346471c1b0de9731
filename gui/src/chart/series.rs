//! A series over time: the band between least and greatest, the mean as a line, gaps left open.

use crate::chart::time::TimeScale;
use crate::chart::window::TimeWindow;
use crate::num;
use crate::text;
use crate::theme::Tokens;
use cappuccino_core::api::{BucketView, SeriesView};
use cappuccino_core::words::{Span, Timestamp};
use eframe::egui::{
    Align2, Color32, FontId, Mesh, Painter, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo,
    pos2, vec2,
};

/// Room for the values on the left.
const VALUES: f32 = 64.0;
/// Room for the times below.
const AXIS: f32 = 18.0;
/// Buckets further apart than this many widths have a gap between them.
const GAP_WIDTHS: i64 = 3;
/// Shortest silence that is a gap: a look can come late.
const GAP_LEAST: Span = Span::seconds(45);

/// How one series is shown.
pub struct Look<'a> {
    /// What it is.
    pub title: &'a str,
    /// Its colour.
    pub colour: Color32,
    /// How its values read.
    pub value: fn(f64) -> String,
    /// A limit to show, with its name.
    pub limit: Option<(f64, &'a str)>,
    /// Least and greatest value of the axis, where they are known.
    pub range: (Option<f64>, Option<f64>),
    /// Moments worth a mark, with a word each.
    pub marks: Vec<(Timestamp, String)>,
    /// Stretches that are tinted: from, to (the present while there is none), colour.
    pub tints: Vec<(Timestamp, Option<Timestamp>, Color32)>,
}

/// Time to the right, values upwards.
struct Scale {
    time: TimeScale,
    low: f64,
    high: f64,
}

impl Scale {
    fn y(&self, value: f64) -> f32 {
        let part = (value - self.low) / (self.high - self.low);
        self.time.area.bottom() - num::px(part) * self.time.area.height()
    }
}

/// What all charts of a page share.
pub struct Stage<'a> {
    /// The stretch of time.
    pub window: &'a mut TimeWindow,
    /// The moment under the pointer, in whichever chart.
    pub cursor: Option<Timestamp>,
    /// The present.
    pub now: Timestamp,
    /// The colours.
    pub tokens: &'a Tokens,
}

/// Shows a series; the answer is the moment under the pointer, while it is here.
pub fn show(
    ui: &mut Ui,
    series: Option<&SeriesView>,
    look: &Look<'_>,
    height: f32,
    stage: &mut Stage<'_>,
) -> Option<Timestamp> {
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click_and_drag());
    let area = Rect::from_min_max(rect.min + vec2(VALUES, 18.0), rect.max - vec2(0.0, AXIS));
    let buckets = series.map_or(&[][..], |series| &series.buckets);
    let (low, high) = extent(buckets, look);
    let scale = Scale { time: TimeScale::new(area, stage.window, stage.now), low, high };
    let newest = buckets.last().and_then(|bucket| bucket.last);
    let told = newest.map_or_else(|| "nothing measured yet".to_owned(), look.value);
    response
        .widget_info(|| WidgetInfo::labeled(Role::Figure, true, format!("{}: {told}", look.title)));
    let painter = ui.painter_at(rect);
    grid(&painter, &scale, look, stage.tokens);
    tints(&painter.with_clip_rect(area), &scale, look, stage);
    let width = series.map_or(Span(1), |series| series.width);
    for run in runs(buckets, width) {
        draw(&painter.with_clip_rect(area.expand(1.0)), &scale, run, look.colour);
    }
    let (font, ink) = (FontId::proportional(13.0), stage.tokens.text);
    let (left, right) = (pos2(area.left(), rect.top()), pos2(area.right(), rect.top()));
    painter.text(left, Align2::LEFT_TOP, look.title, font.clone(), ink);
    painter.text(right, Align2::RIGHT_TOP, told, font, ink);
    if let Some(at) = stage.cursor {
        let under = under(at, buckets, width).and_then(|bucket| bucket.mean);
        let value = under.map_or_else(|| "not measured".to_owned(), look.value);
        let label = format!("{}  {value}", text::clock(at, stage.now));
        crosshair(&painter, &scale, at, label, stage.tokens);
    }
    scale.time.steer(ui, &response, stage.window, stage.now);
    if response.double_clicked() {
        stage.window.end = None;
    }
    let pointer = response.hover_pos().filter(|pointer| area.contains(*pointer));
    pointer.map(|pointer| scale.time.time(pointer.x))
}

/// Least and greatest value of the axis.
pub fn extent(buckets: &[BucketView], look: &Look<'_>) -> (f64, f64) {
    let values = buckets.iter().flat_map(|bucket| [bucket.min, bucket.max]).flatten();
    let limit = look.limit.map(|(limit, _)| limit);
    let (low, high) = values
        .chain(limit)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let (low, high) = if low.is_finite() { (low, high) } else { (0.0, 1.0) };
    let air = ((high - low) * 0.08).max(high.abs() * 1e-3).max(1e-9);
    (look.range.0.unwrap_or(low - air), look.range.1.unwrap_or(high + air).max(low + 1e-9))
}

/// Stretches without a gap.
pub fn runs(buckets: &[BucketView], width: Span) -> impl Iterator<Item = &[BucketView]> {
    let gap = width.times(GAP_WIDTHS).max(GAP_LEAST);
    buckets.chunk_by(move |a, b| b.start.since(a.start) <= gap)
}

fn draw(painter: &Painter, scale: &Scale, run: &[BucketView], colour: Color32) {
    let mut band = Mesh::default();
    let mut line = Vec::with_capacity(run.len());
    let fill = colour.gamma_multiply(0.25);
    for bucket in run {
        let (Some(min), Some(max), Some(mean)) = (bucket.min, bucket.max, bucket.mean) else {
            continue;
        };
        let x = scale.time.x(bucket.start);
        line.push(pos2(x, scale.y(mean)));
        let index = u32::try_from(band.vertices.len()).unwrap_or(0);
        band.colored_vertex(pos2(x, scale.y(max)), fill);
        band.colored_vertex(pos2(x, scale.y(min)), fill);
        if index >= 2 {
            band.add_triangle(index - 2, index - 1, index);
            band.add_triangle(index - 1, index, index + 1);
        }
    }
    painter.add(Shape::mesh(band));
    match line.as_slice() {
        [only] => {
            painter.circle_filled(*only, 2.0, colour);
        }
        _ => {
            painter.add(Shape::line(line, Stroke::new(1.5, colour)));
        }
    }
}

/// What was so for a while, and what happened once, behind the line.
fn tints(painter: &Painter, scale: &Scale, look: &Look<'_>, stage: &Stage<'_>) {
    let area = scale.time.area;
    for (from, to, colour) in &look.tints {
        let (left, right) = (scale.time.x(*from), scale.time.x(to.unwrap_or(stage.now)));
        let rect = Rect::from_x_y_ranges(left..=right, area.y_range());
        painter.rect_filled(rect, 0.0, colour.gamma_multiply(0.12));
    }
    // Newest first: of marks that stand close together the newest has its word.
    let mut room = f32::INFINITY;
    for (at, word) in look.marks.iter().rev() {
        let x = scale.time.x(*at);
        if area.x_range().contains(x) {
            let line = Stroke::new(1.0, stage.tokens.ok);
            painter.extend(Shape::dashed_line(
                &[pos2(x, area.top()), pos2(x, area.bottom())],
                line,
                3.0,
                3.0,
            ));
            let galley =
                painter.layout_no_wrap(word.clone(), FontId::proportional(12.0), stage.tokens.ok);
            let left = (x + 4.0).min(area.right() - galley.size().x - 2.0);
            if left + galley.size().x > room {
                continue;
            }
            room = left - 4.0;
            painter.galley(
                pos2(left, area.bottom() - galley.size().y - 2.0),
                galley,
                stage.tokens.ok,
            );
        }
    }
}

fn grid(painter: &Painter, scale: &Scale, look: &Look<'_>, tokens: &Tokens) {
    let font = FontId::proportional(12.0);
    painter.rect_filled(scale.time.area, 3.0, tokens.bg);
    let thin = Stroke::new(1.0, tokens.stroke.gamma_multiply(0.6));
    for part in 0..=2 {
        let value = scale.low + (scale.high - scale.low) * f64::from(part) / 2.0;
        let y = scale.y(value);
        painter.hline(scale.time.area.x_range(), y, thin);
        let place = pos2(scale.time.area.left() - 6.0, y);
        let text = (look.value)(value);
        let align = if part == 0 { Align2::RIGHT_BOTTOM } else { Align2::RIGHT_CENTER };
        painter.text(place, align, text, font.clone(), tokens.text3);
    }
    scale.time.axis(painter, tokens);
    if let Some((limit, name)) = look.limit {
        let y = scale.y(limit);
        let ends = [pos2(scale.time.area.left(), y), pos2(scale.time.area.right(), y)];
        painter.extend(Shape::dashed_line(&ends, Stroke::new(1.0, tokens.warn), 6.0, 4.0));
        let place = pos2(scale.time.area.left() + 4.0, y + 2.0);
        painter.text(place, Align2::LEFT_TOP, name, font, tokens.warn);
    }
}

/// The bucket that holds a moment.
fn under(at: Timestamp, buckets: &[BucketView], width: Span) -> Option<&BucketView> {
    let gap = width.times(GAP_WIDTHS).max(GAP_LEAST);
    let place = buckets.partition_point(|bucket| bucket.start <= at).checked_sub(1)?;
    buckets.get(place).filter(|bucket| at.since(bucket.start) <= gap)
}

fn crosshair(painter: &Painter, scale: &Scale, at: Timestamp, label: String, tokens: &Tokens) {
    let x = scale.time.x(at);
    if !scale.time.area.x_range().contains(x) {
        return;
    }
    painter.vline(x, scale.time.area.y_range(), Stroke::new(1.0, tokens.text3));
    let is_right = x > scale.time.area.center().x;
    let (anchor, aside) =
        if is_right { (Align2::RIGHT_TOP, -6.0) } else { (Align2::LEFT_TOP, 6.0) };
    let place: Pos2 = pos2(x + aside, scale.time.area.top() + 4.0);
    let galley = painter.layout_no_wrap(label, FontId::monospace(12.0), tokens.text);
    let rect = anchor.anchor_size(place, galley.size());
    painter.rect_filled(rect.expand(3.0), 3.0, tokens.card);
    painter.galley(rect.min, galley, tokens.text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_a_gap_and_a_late_look_is_none() {
        let bucket = |seconds: i64| BucketView {
            start: Timestamp(seconds * 1000),
            min: Some(1.0),
            max: Some(1.0),
            mean: Some(1.0),
            last: Some(1.0),
            count: 1,
        };
        let buckets: Vec<BucketView> = [0, 10, 20, 50, 120, 130].into_iter().map(bucket).collect();
        let lengths: Vec<usize> = runs(&buckets, Span::seconds(10)).map(<[_]>::len).collect();
        assert_eq!(lengths, [4, 2]);
    }
}
