//! Signs, painted as shapes: no font needs to have them, and form tells as much as colour.

use crate::command::Screen;
use crate::theme::Tokens;
use eframe::egui::{
    Color32, Label, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, Ui, Vec2, WidgetText,
    pos2, vec2,
};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// As it should be: a disc.
    Good,
    /// Look at it: a triangle.
    Warning,
    /// Act: a square.
    Critical,
    /// Not running, not known: a ring.
    Idle,
}

impl Sign {
    /// Its colour.
    pub const fn colour(self, tokens: &Tokens) -> Color32 {
        match self {
            Self::Good => tokens.ok,
            Self::Warning => tokens.warn,
            Self::Critical => tokens.crit,
            Self::Idle => tokens.idle,
        }
    }

    /// Paints it around a point.
    pub fn paint(self, painter: &Painter, at: Pos2, radius: f32, tokens: &Tokens) {
        let colour = self.colour(tokens);
        match self {
            Self::Good => {
                painter.circle_filled(at, radius, colour);
            }
            Self::Warning => {
                let points = vec![
                    at + vec2(0.0, -radius * 1.1),
                    at + vec2(radius * 1.1, radius * 0.85),
                    at + vec2(-radius * 1.1, radius * 0.85),
                ];
                painter.add(Shape::convex_polygon(points, colour, Stroke::NONE));
            }
            Self::Critical => {
                let side = Vec2::splat(radius * 1.8);
                painter.rect_filled(Rect::from_center_size(at, side), 1.0, colour);
            }
            Self::Idle => {
                painter.circle_stroke(at, radius * 0.9, Stroke::new(1.5, colour));
            }
        }
    }
}

/// Shows a sign in the line of text.
pub fn sign(ui: &mut Ui, sign: Sign, tokens: &Tokens) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(14.0, 16.0), Sense::hover());
    sign.paint(ui.painter(), rect.center(), 5.0, tokens);
    response
}

/// A sign and a sentence that may need several lines; all begin at the same place.
pub fn line(ui: &mut Ui, is: Sign, text: impl Into<WidgetText>, tokens: &Tokens) {
    ui.horizontal_top(|ui| {
        sign(ui, is, tokens);
        ui.vertical(|ui| ui.add(Label::new(text).wrap()));
    });
}

/// Paints the icon of a screen into a square.
pub fn screen(painter: &Painter, rect: Rect, screen: Screen, colour: Color32) {
    let line = Stroke::new(1.6, colour);
    let at = |x: f32, y: f32| pos2(rect.left() + rect.width() * x, rect.top() + rect.height() * y);
    let path =
        |points: &[(f32, f32)]| Shape::line(points.iter().map(|(x, y)| at(*x, *y)).collect(), line);
    match screen {
        Screen::Overview => {
            for (x, y) in [(0.1, 0.1), (0.55, 0.1), (0.1, 0.55), (0.55, 0.55)] {
                let cell = Rect::from_min_max(at(x, y), at(x + 0.35, y + 0.35));
                painter.rect_stroke(cell, 1.5, line, eframe::egui::StrokeKind::Inside);
            }
        }
        Screen::Trials => {
            for (x, y) in [(0.15, 0.8), (0.35, 0.55), (0.55, 0.65), (0.75, 0.3), (0.9, 0.15)] {
                painter.circle_filled(at(x, y), rect.width() * 0.08, colour);
            }
        }
        Screen::Deployments => {
            painter.add(path(&[(0.5, 0.9), (0.5, 0.15)]));
            painter.add(path(&[(0.2, 0.45), (0.5, 0.12), (0.8, 0.45)]));
        }
        Screen::Processes => {
            for y in [0.2, 0.5, 0.8] {
                painter.circle_filled(at(0.15, y), rect.width() * 0.07, colour);
                painter.add(path(&[(0.35, y), (0.95, y)]));
            }
        }
        Screen::System => {
            let chip = Rect::from_min_max(at(0.25, 0.25), at(0.75, 0.75));
            painter.rect_stroke(chip, 1.5, line, eframe::egui::StrokeKind::Inside);
            for place in [0.35, 0.65] {
                painter.add(path(&[(place, 0.05), (place, 0.25)]));
                painter.add(path(&[(place, 0.75), (place, 0.95)]));
                painter.add(path(&[(0.05, place), (0.25, place)]));
                painter.add(path(&[(0.75, place), (0.95, place)]));
            }
        }
        Screen::Pnl => {
            painter.add(path(&[(0.05, 0.8), (0.3, 0.5), (0.5, 0.65), (0.95, 0.15)]));
            painter.add(path(&[(0.7, 0.15), (0.95, 0.15), (0.95, 0.4)]));
        }
        Screen::Alerts => {
            painter.add(path(&[(0.5, 0.1), (0.95, 0.88), (0.05, 0.88), (0.5, 0.1)]));
            painter.add(path(&[(0.5, 0.4), (0.5, 0.62)]));
            painter.circle_filled(at(0.5, 0.74), 1.2, colour);
        }
        Screen::Settings => {
            for (y, knob) in [(0.2, 0.7), (0.5, 0.3), (0.8, 0.6)] {
                painter.add(path(&[(0.05, y), (0.95, y)]));
                painter.circle_filled(at(knob, y), rect.width() * 0.11, colour);
            }
        }
    }
}
