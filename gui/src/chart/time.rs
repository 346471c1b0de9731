//! Time across a chart: where a moment is, what the axis says, how a hand moves the window.

use crate::chart::window::TimeWindow;
use crate::num;
use crate::text;
use crate::theme::Tokens;
use cappuccino_core::words::{Span, Timestamp};
use eframe::egui::{self, FontId, Painter, Rect, Response, Stroke, Ui, pos2};

/// A stretch of time over the width of an area.
#[derive(Clone, Copy, Debug)]
pub struct TimeScale {
    /// Where it is drawn.
    pub area: Rect,
    /// Its first moment.
    pub from: Timestamp,
    length: f64,
}

impl TimeScale {
    /// What the window shows, across `area`.
    pub fn new(area: Rect, window: &TimeWindow, now: Timestamp) -> Self {
        let (from, to) = window.range(now);
        Self { area, from, length: num::signed(to.since(from).0).max(1.0) }
    }

    /// Where a moment is; beyond the area when it is not in the stretch.
    pub fn x(&self, at: Timestamp) -> f32 {
        let part = num::signed(at.since(self.from).0) / self.length;
        self.area.left() + num::px(part) * self.area.width()
    }

    /// Where a moment is, or the edge that is nearest to it.
    pub fn x_within(&self, at: Timestamp) -> f32 {
        self.x(at).clamp(self.area.left(), self.area.right())
    }

    /// The moment at a place.
    pub fn time(&self, x: f32) -> Timestamp {
        let part = f64::from((x - self.area.left()) / self.area.width());
        self.from.plus(Span(num::whole(part * self.length)))
    }

    /// Draws a line and a time for each mark.
    pub fn axis(&self, painter: &Painter, tokens: &Tokens) {
        let font = FontId::proportional(12.0);
        let line = Stroke::new(1.0, tokens.stroke.gamma_multiply(0.6));
        let to = self.from.plus(Span(num::whole(self.length)));
        for (at, word) in ticks(self.from, to) {
            let x = self.x(Timestamp(num::whole(at)));
            painter.vline(x, self.area.y_range(), line);
            let galley = painter.layout_no_wrap(word, font.clone(), tokens.text3);
            let width = galley.size().x;
            // A time at the edge stays within the chart: beside it are values, and the card's end.
            let left = (x - width / 2.0).min(self.area.right() - width).max(self.area.left());
            painter.galley(pos2(left, self.area.bottom() + 2.0), galley, tokens.text3);
        }
    }

    /// Moves the window as the hand does: dragging, and Ctrl with the wheel.
    pub fn steer(&self, ui: &Ui, response: &Response, window: &mut TimeWindow, now: Timestamp) {
        if response.dragged() {
            let part = f64::from(response.drag_delta().x / self.area.width());
            window.pan(num::whole(-part * self.length), now);
        }
        let zoom = ui.input(egui::InputState::zoom_delta);
        if response.hovered() && (zoom - 1.0).abs() > f32::EPSILON {
            let around = response.hover_pos().map_or(now, |pointer| self.time(pointer.x));
            window.zoom(1.0 / f64::from(zoom), around, now);
        }
    }
}

/// Round times of a stretch, in milliseconds, and how they read.
pub fn ticks(from: Timestamp, to: Timestamp) -> Vec<(f64, String)> {
    let length = num::signed(to.since(from).0).max(1.0);
    let step = step(length);
    let mut at = (num::signed(from.0) / step).ceil() * step;
    let mut ticks = Vec::new();
    while at <= num::signed(to.0) {
        ticks.push((at, text::tick(at, step)));
        at += step;
    }
    ticks
}

/// Distance of the marks on the axis, in milliseconds: 5 to 12 of them.
fn step(length: f64) -> f64 {
    const MINUTE: f64 = 60_000.0;
    const STEPS: [f64; 13] = [
        1_000.0,
        5_000.0,
        15_000.0,
        MINUTE,
        2.0 * MINUTE,
        10.0 * MINUTE,
        30.0 * MINUTE,
        60.0 * MINUTE,
        180.0 * MINUTE,
        720.0 * MINUTE,
        1440.0 * MINUTE,
        4320.0 * MINUTE,
        43_200.0 * MINUTE,
    ];
    STEPS.into_iter().find(|step| length / step <= 12.0).unwrap_or(length / 8.0)
}
