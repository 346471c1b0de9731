//! The study's chart in files: PNG and SVG by plotters, CSV for everything else, from the points
//! that are on the screen.

use crate::view::study::StudyChart;
use egui_plot::PlotPoint;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Size of the pictures, in pixels.
const SIZE: (u32, u32) = (1600, 900);
/// The font of the pictures: the app's own, so that none need be installed.
const FONT: &str = "sans-serif";

/// Why a chart was not saved.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is nothing on it.
    #[error("the chart is empty; there is nothing to save yet")]
    Empty,
    /// It could not be drawn.
    #[error("the chart cannot be drawn: {0}")]
    Drawing(String),
    /// A file could not be written.
    #[error("{path} cannot be written: {source}; check the folder's rights and space")]
    Writing {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A copy of what is on the screen, for a thread that may take its time.
#[derive(Clone, Debug)]
pub struct TrialsExport {
    complete: Vec<PlotPoint>,
    pruned: Vec<PlotPoint>,
    best: Vec<PlotPoint>,
    deployed: Vec<(f64, f64, String)>,
    numbers: Range<f64>,
    values: Range<f64>,
    title: String,
}

impl TrialsExport {
    /// What the chart shows now.
    ///
    /// # Errors
    /// [`ExportError::Empty`]
    pub fn of(chart: &StudyChart, title: String) -> Result<Self, ExportError> {
        let (Some(numbers), Some(values)) = (chart.numbers, chart.values) else {
            return Err(ExportError::Empty);
        };
        Ok(Self {
            complete: chart.complete.clone(),
            pruned: chart.pruned.clone(),
            best: chart.best.clone(),
            deployed: chart.deployed.clone(),
            numbers: wide(numbers),
            values: wide(values),
            title,
        })
    }

    /// Writes `STEM.png`, `STEM.svg` and `STEM.csv` into a folder, which is made when needed; the
    /// answer is the path without an ending.
    ///
    /// # Errors
    /// [`ExportError`]
    pub fn save(&self, folder: &Path, stem: &str) -> Result<PathBuf, ExportError> {
        std::fs::create_dir_all(folder).map_err(writing(folder))?;
        let path = folder.join(stem);
        self.png(&path.with_extension("png"))?;
        let svg = path.with_extension("svg");
        std::fs::write(&svg, self.svg()?).map_err(writing(&svg))?;
        let csv = path.with_extension("csv");
        std::fs::write(&csv, self.csv()).map_err(writing(&csv))?;
        Ok(path)
    }

    fn png(&self, path: &Path) -> Result<(), ExportError> {
        let (width, height) = SIZE;
        let count = usize::try_from(u64::from(width) * u64::from(height) * 3).unwrap_or(0);
        let mut pixels = vec![0_u8; count];
        self.draw(&BitMapBackend::with_buffer(&mut pixels, SIZE).into_drawing_area())?;
        let saved =
            image::save_buffer(path, &pixels, width, height, image::ExtendedColorType::Rgb8);
        saved.map_err(|error| writing(path)(io::Error::other(error)))
    }

    /// The picture as SVG text.
    ///
    /// # Errors
    /// [`ExportError::Drawing`]
    pub fn svg(&self) -> Result<String, ExportError> {
        let mut text = String::new();
        self.draw(&SVGBackend::with_string(&mut text, SIZE).into_drawing_area())?;
        Ok(text)
    }

    /// The points as `trial,kind,value` lines.
    pub fn csv(&self) -> String {
        let mut text = "trial,kind,value\n".to_owned();
        let mut lines = |kind: &str, points: &[PlotPoint]| {
            for point in points {
                // Writing to a string cannot fail.
                writeln!(text, "{},{kind},{}", point.x, point.y).ok();
            }
        };
        lines("complete", &self.complete);
        lines("pruned", &self.pruned);
        lines("best so far", &self.best);
        text
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), ExportError> {
        install_font()?;
        self.draw_on(area).map_err(|error| ExportError::Drawing(error.to_string()))
    }

    fn draw_on<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, (FONT, 28))
            .margin(24)
            .x_label_area_size(44)
            .y_label_area_size(80)
            .build_cartesian_2d(self.numbers.clone(), self.values.clone())?;
        let mesh = &mut chart.configure_mesh();
        mesh.x_desc("trial").y_desc("value").label_style((FONT, 18)).draw()?;
        let dots = |points: &[PlotPoint], colour: RGBColor| -> Vec<Circle<(f64, f64), i32>> {
            points.iter().map(|at| Circle::new((at.x, at.y), 3, colour.filled())).collect()
        };
        chart.draw_series(dots(&self.complete, RGBColor(0, 114, 178)))?;
        chart.draw_series(dots(&self.pruned, RGBColor(150, 150, 150)))?;
        let best = self.best.iter().map(|at| (at.x, at.y));
        chart.draw_series(LineSeries::new(best, RGBColor(168, 110, 0).stroke_width(3)))?;
        let flags = self.deployed.iter().map(|(x, y, standing)| {
            let is_bad = standing.starts_with("bad");
            let colour = if is_bad { RGBColor(179, 38, 30) } else { RGBColor(11, 122, 92) };
            EmptyElement::at((*x, *y))
                + TriangleMarker::new((0, 0), 9, colour.filled())
                + Text::new(format!("{x:.0}"), (8, -18), (FONT, 18))
        });
        chart.draw_series(flags)?;
        area.present()
    }
}

fn writing(path: &Path) -> impl Fn(io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::Writing { path: path.clone(), source }
}

/// A range with some air, also when there is one value only.
fn wide((low, high): (f64, f64)) -> Range<f64> {
    let air = ((high - low) * 0.05).max(high.abs().max(1.0) * 1e-6);
    (low - air)..(high + air)
}

fn install_font() -> Result<(), ExportError> {
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_invalid| ExportError::Drawing("the app's font cannot be read".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{self, NOON, Scene};

    #[test]
    fn a_chart_is_saved_as_picture_drawing_and_numbers_that_agree() {
        let chart = StudyChart::of(&demo::model(Scene::Live, NOON));
        let export = TrialsExport::of(&chart, "ppo_btc_v7".into()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = export.save(&folder.path().join("exports"), "trials").unwrap();
        let png = image::open(path.with_extension("png")).unwrap();
        assert_eq!((png.width(), png.height()), SIZE);
        let colours: std::collections::BTreeSet<_> = png.to_rgb8().pixels().map(|p| p.0).collect();
        assert!(colours.len() > 20, "only {} colours", colours.len());
        let svg = std::fs::read_to_string(path.with_extension("svg")).unwrap();
        assert!(svg.contains("ppo_btc_v7") && svg.matches("<circle").count() > 300);
        let csv = std::fs::read_to_string(path.with_extension("csv")).unwrap();
        assert!(csv.lines().any(|line| line == "431,complete,0.8312"));
    }

    #[test]
    fn an_empty_chart_is_not_saved() {
        let chart = StudyChart::of(&demo::model(Scene::Empty, NOON));
        assert!(matches!(TrialsExport::of(&chart, String::new()), Err(ExportError::Empty)));
    }
}
