//! A sheet as pixels and as SVG.

use super::{Axis, ExportError, INK, Mark, Panel, Sheet, writing};
use crate::num;
use eframe::egui::Color32;
use plotters::coord::Shift;
use plotters::coord::ranged1d::KeyPointHint;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::register_font;
use std::ops::Range;
use std::path::Path;

/// Width of the pictures, in pixels.
const WIDTH: u32 = 1600;
/// Height of a picture with one chart, and of each further one.
const HEIGHT: u32 = 900;
const HEIGHT_MORE: u32 = 260;
/// Charts above each other that share the height of one.
const SHARE: u32 = 3;
/// The font of the pictures: the app's own, so that none need be installed.
const FONT: &str = "sans-serif";

type Failed<B> = DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>;

/// Numbers with the marks that the app chose.
struct Scale<'a> {
    inner: RangedCoordf64,
    axis: &'a Axis,
}

impl<'a> From<&'a Axis> for Scale<'a> {
    fn from(axis: &'a Axis) -> Self {
        Self { inner: (axis.range.0..axis.range.1).into(), axis }
    }
}

impl Ranged for Scale<'_> {
    type FormatOption = plotters::coord::ranged1d::NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.inner.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.axis.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.inner.range()
    }
}

impl plotters::coord::ranged1d::ValueFormatter<f64> for Scale<'_> {
    fn format_ext(&self, value: &f64) -> String {
        let near = |tick: &&(f64, String)| tick.0.total_cmp(value).is_eq();
        self.axis.ticks.iter().find(near).map(|(_, word)| word.clone()).unwrap_or_default()
    }
}

impl Sheet {
    fn size(&self) -> (u32, u32) {
        let panels = u32::try_from(self.panels.len()).unwrap_or(u32::MAX);
        (WIDTH, HEIGHT + HEIGHT_MORE * panels.saturating_sub(SHARE).min(20))
    }

    pub(super) fn png(&self, path: &Path) -> Result<(), ExportError> {
        let (width, height) = self.size();
        let count = usize::try_from(u64::from(width) * u64::from(height) * 3).unwrap_or(0);
        let mut pixels = vec![0_u8; count];
        self.draw(&BitMapBackend::with_buffer(&mut pixels, self.size()).into_drawing_area())?;
        let saved =
            image::save_buffer(path, &pixels, width, height, image::ExtendedColorType::Rgb8);
        saved.map_err(|error| writing(path)(std::io::Error::other(error)))
    }

    /// The picture as SVG text.
    ///
    /// # Errors
    /// [`ExportError::Drawing`]
    pub fn svg(&self) -> Result<String, ExportError> {
        let mut text = String::new();
        self.draw(&SVGBackend::with_string(&mut text, self.size()).into_drawing_area())?;
        Ok(text)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), ExportError> {
        install_font()?;
        self.draw_on(area).map_err(|error| ExportError::Drawing(error.to_string()))
    }

    fn draw_on<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), Failed<B>> {
        area.fill(&WHITE)?;
        let area = area.margin(8, 0, 0, 0).titled(&self.title, (FONT, 28))?;
        let parts = area.split_evenly((self.panels.len().max(1), 1));
        for (part, panel) in parts.iter().zip(&self.panels) {
            panel.draw(part)?;
        }
        area.present()
    }
}

impl Panel {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), Failed<B>> {
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, (FONT, 20))
            .margin(16)
            .margin_right(40)
            .x_label_area_size(if self.x.name.is_empty() { 28 } else { 48 })
            .y_label_area_size(if self.y.name.is_empty() { 96 } else { 110 })
            .build_cartesian_2d(Scale::from(&self.x), Scale::from(&self.y))?;
        let mut mesh = chart.configure_mesh();
        mesh.label_style((FONT, 17)).light_line_style(TRANSPARENT);
        mesh.x_desc(&self.x.name).y_desc(&self.y.name).draw()?;
        for mark in &self.marks {
            mark.draw(&mut chart, self.x.range, self.y.range)?;
        }
        Ok(())
    }
}

type Chart<'a, 'b, B> = ChartContext<'a, B, Cartesian2d<Scale<'b>, Scale<'b>>>;

impl Mark {
    fn draw<B: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, '_, B>,
        (left, right): (f64, f64),
        (bottom, top): (f64, f64),
    ) -> Result<(), Failed<B>> {
        match self {
            Self::Tint(from, to, colour) => {
                let corners = [(*from, bottom), (*to, top)];
                chart.draw_series([Rectangle::new(corners, rgb(*colour).mix(0.12).filled())])?;
            }
            Self::Dots(points, colour) => {
                let dot = |at: &(f64, f64)| Circle::new(*at, 3, rgb(*colour).filled());
                chart.draw_series(points.iter().map(dot))?;
            }
            Self::Line(points, colour) => {
                let line = PathElement::new(points.clone(), rgb(*colour).stroke_width(2));
                chart.draw_series([line])?;
            }
            Self::Band(points, colour) => {
                let lower = points.iter().map(|(x, low, _)| (*x, *low));
                let upper = points.iter().rev().map(|(x, _, high)| (*x, *high));
                let round: Vec<_> = lower.chain(upper).collect();
                chart.draw_series([Polygon::new(round, rgb(*colour).mix(0.25).filled())])?;
            }
            Self::Level(y, name, colour) => {
                let line = [(left, *y), (right, *y)].into_iter();
                let colour = rgb(*colour);
                chart.draw_series([DashedPathElement::new(line, 8, 6, colour.stroke_width(1))])?;
                word(chart, (left, *y), name, colour)?;
            }
            Self::Bar([from, to, low, high], text, colour) => {
                let corners = [(*from, *low), (*to, *high)];
                chart.draw_series([Rectangle::new(corners, rgb(*colour).mix(0.3).filled())])?;
                // Seven pixels a letter: a word that would run over its neighbour is left out.
                let room = (to - from) / (right - left) * f64::from(WIDTH);
                if room > num::size(text.chars().count() * 7) {
                    word(chart, (*from, f64::midpoint(*low, *high)), text, rgb(INK.text))?;
                }
            }
            Self::Flag(at, text, colour) => {
                chart.draw_series([TriangleMarker::new(*at, 9, rgb(*colour).filled())])?;
                chart.draw_series([EmptyElement::at(*at)
                    + Text::new(text.clone(), (8, -18), (FONT, 18).into_font())])?;
            }
        }
        Ok(())
    }
}

fn word<B: DrawingBackend>(
    chart: &mut Chart<'_, '_, B>,
    at: (f64, f64),
    text: &str,
    colour: RGBColor,
) -> Result<(), Failed<B>> {
    let style = (FONT, 16).into_font().color(&colour);
    chart.draw_series([EmptyElement::at(at) + Text::new(text.to_owned(), (4, -8), style)])?;
    Ok(())
}

const fn rgb(colour: Color32) -> RGBColor {
    RGBColor(colour.r(), colour.g(), colour.b())
}

fn install_font() -> Result<(), ExportError> {
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_invalid| ExportError::Drawing("the app's font cannot be read".to_owned()))
}
