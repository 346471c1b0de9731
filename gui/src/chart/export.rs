//! Charts in files: PNG and SVG by plotters, CSV for everything else. A [`Sheet`] is a copy of what
//! is on the screen, made by [`sheets`], for a thread that may take its time.

mod draw;
pub mod sheets;

use crate::theme::LIGHT;
use eframe::egui::Color32;
use std::io;
use std::path::{Path, PathBuf};

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

/// One or more charts above each other, and their numbers.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Over all of them.
    pub title: String,
    /// The charts, from top to bottom.
    pub panels: Vec<Panel>,
    /// The numbers as lines of text, titles first.
    pub csv: String,
}

/// One chart.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What it shows, with its unit.
    pub title: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// What is drawn, from back to front.
    pub marks: Vec<Mark>,
}

/// One direction of a chart.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What it measures; empty when the ticks say it.
    pub name: String,
    /// Least and greatest value.
    pub range: (f64, f64),
    /// Where something is written, and what.
    pub ticks: Vec<(f64, String)>,
}

/// One thing on a chart.
#[derive(Clone, Debug)]
pub enum Mark {
    /// Points.
    Dots(Vec<(f64, f64)>, Color32),
    /// A line through points.
    Line(Vec<(f64, f64)>, Color32),
    /// The room between two lines: place, lower, upper.
    Band(Vec<(f64, f64, f64)>, Color32),
    /// A dashed level with its name.
    Level(f64, String, Color32),
    /// A bar: left, right, lower, upper, what it says.
    Bar([f64; 4], String, Color32),
    /// A stretch that is tinted over the whole height: left, right.
    Tint(f64, f64, Color32),
    /// A flag at a point with a word.
    Flag((f64, f64), String, Color32),
}

/// Colours of saved charts: they are printed and put into papers, so for bright ground.
const INK: crate::theme::Tokens = LIGHT;

/// Endings that a chart can be saved with.
pub const ENDINGS: [&str; 3] = ["png", "svg", "csv"];

impl Sheet {
    /// Writes the file that the path names; its ending decides what. With another or no ending all
    /// three are written beside each other. Missing folders are made.
    ///
    /// # Errors
    /// [`ExportError`]
    pub fn save(&self, path: &Path) -> Result<(), ExportError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(writing(folder))?;
        }
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("png") => self.png(path),
            Some("svg") => std::fs::write(path, self.svg()?).map_err(writing(path)),
            Some("csv") => std::fs::write(path, &self.csv).map_err(writing(path)),
            Some(_) | None => ENDINGS.into_iter().try_for_each(|ending| {
                let mut whole = path.as_os_str().to_owned();
                whole.push(format!(".{ending}"));
                self.save(Path::new(&whole))
            }),
        }
    }
}

fn writing(path: &Path) -> impl Fn(io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::Writing { path: path.clone(), source }
}

impl Axis {
    /// Numbers in round steps.
    pub fn round(name: &str, (low, high): (f64, f64)) -> Self {
        let rough = (high - low) / 6.5;
        let unit = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|part| part * unit).into_iter();
        let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let first = (low / step).ceil();
        let at = |place: i64| (first + crate::num::signed(place)) * step;
        let ticks = (0..=12).map(at).take_while(|at| *at <= high);
        let ticks = ticks.map(|at| (at, crate::text::value(tidy(at, step)))).collect();
        Self { name: name.to_owned(), range: (low, high), ticks }
    }
}

/// Without the dust of repeated addition.
fn tidy(at: f64, step: f64) -> f64 {
    if at.abs() < step * 1e-6 { 0.0 } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_steps_stay_within_the_range() {
        let axis = Axis::round("value", (-0.12, 0.83));
        let words: Vec<&str> = axis.ticks.iter().map(|(_, word)| word.as_str()).collect();
        assert_eq!(words, ["0", "0.2", "0.4", "0.6", "0.8"]);
    }
}
