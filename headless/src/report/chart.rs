//! The report's pictures, drawn by plotters as SVG: equity, trials, graphics cards, deployments.

use super::Report;
use cappuccino_core::api::SeriesView;
use cappuccino_core::words::{Note, Timestamp};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// Size of the pictures, in pixels.
const SIZE: (u32, u32) = (1200, 420);
/// The font that texts are measured with; whoever shows the picture takes the reader's own.
const FONT: &str = "sans-serif";
const BLUE: RGBColor = RGBColor(0, 114, 178);
const AMBER: RGBColor = RGBColor(168, 110, 0);
const PALE: RGBColor = RGBColor(225, 229, 234);
const GREY: RGBColor = RGBColor(150, 150, 150);
const GREEN: RGBColor = RGBColor(11, 122, 92);
const COLOURS: [RGBColor; 4] = [BLUE, AMBER, GREEN, RGBColor(120, 60, 150)];
/// Milliseconds; a longer stretch is labelled with days, a short one with seconds.
const MINUTE: f64 = 60_000.0;
const QUARTER: f64 = 15.0 * MINUTE;
const TWO_DAYS: f64 = 2.0 * 86_400_000.0;

/// A picture by its name.
#[derive(Clone, Debug)]
pub struct Picture {
    /// `equity`, `trials`, `gpu` or `deployments`.
    pub name: &'static str,
    /// The drawing.
    pub svg: String,
}

/// A line: what it is, its points.
type Curve = (String, Vec<(f64, f64)>);

/// Every picture for which something was measured.
///
/// # Errors
/// A sentence: why one cannot be drawn.
pub fn pictures(report: &Report) -> Result<Vec<Picture>, String> {
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_invalid| "the font of the pictures cannot be read".to_owned())?;
    let curves = |prefix: &str| -> Vec<Curve> {
        let wanted = report.curves.iter().filter(|curve| curve.name.starts_with(prefix));
        wanted.map(points).collect()
    };
    let (equity, cards) = (curves("trading/equity"), curves("gpu/"));
    let live = curves("deployment/live_value");
    let drawn = [
        ("equity", over_time("Equity of the live session", report, &equity, &[])?),
        ("trials", trials(report)?),
        ("gpu", over_time("Graphics cards: °C and % used", report, &cards, &[])?),
        ("deployments", over_time("Value of the live model", report, &live, &cutovers(report))?),
    ];
    let picture = |(name, svg): (&'static str, Option<String>)| Some(Picture { name, svg: svg? });
    Ok(drawn.into_iter().filter_map(picture).collect())
}

fn points(series: &SeriesView) -> Curve {
    let points = series.buckets.iter().filter_map(|b| Some((real(b.start), b.mean?)));
    (series.name.clone(), points.collect())
}

fn cutovers(report: &Report) -> Vec<(f64, String)> {
    let cutover = |entry: &cappuccino_core::store::Entry| {
        let Note::WentLive(_, revision, _, _) = &entry.note else { return None };
        Some((real(entry.at), format!("r{revision}")))
    };
    report.deployments.iter().filter_map(cutover).collect()
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds on a picture")]
const fn real(at: Timestamp) -> f64 {
    at.0 as f64
}

fn drawn(
    draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Trouble>,
) -> Result<Option<String>, String> {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    let outcome = area.fill(&WHITE).map_err(Trouble::from).and_then(|()| draw(&area));
    outcome.map_err(|error| format!("a picture cannot be drawn: {error}"))?;
    area.present().map_err(|error| format!("a picture cannot be drawn: {error}"))?;
    drop(area);
    Ok(Some(text))
}

type Trouble = Box<dyn std::error::Error>;

/// Curves over the report's stretch of time, with marks; nothing without a point.
fn over_time(
    title: &str,
    report: &Report,
    curves: &[Curve],
    marks: &[(f64, String)],
) -> Result<Option<String>, String> {
    let values = || curves.iter().flat_map(|(_, points)| points.iter().map(|(_, value)| *value));
    let Some(range) = range(values()) else { return Ok(None) };
    // What was measured later than the report begins fills the picture all the same.
    let first = curves.iter().filter_map(|(_, points)| points.first().map(|(at, _)| *at));
    let begin = first.fold(real(report.to) - MINUTE, f64::min);
    let times = begin..real(report.to);
    drawn(|area| {
        let mut chart = ChartBuilder::on(area)
            .caption(title, (FONT, 20))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(80)
            .build_cartesian_2d(times.clone(), range.clone())?;
        let stretch = times.end - times.start;
        chart
            .configure_mesh()
            .x_labels(8)
            .x_label_formatter(&|at| clock(*at, stretch))
            .label_style((FONT, 14))
            .light_line_style(WHITE)
            .bold_line_style(PALE)
            .x_desc("UTC")
            .draw()?;
        for (number, (name, points)) in curves.iter().enumerate() {
            let colour = COLOURS.get(number % COLOURS.len()).copied().unwrap_or(BLUE);
            // A line has two ends; what was measured once is a dot.
            if let [point] = points.as_slice() {
                chart.draw_series([Circle::new(*point, 3, colour.filled())])?;
            }
            let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
            let drawn = chart.draw_series(line)?.label(name.as_str());
            drawn.legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
        for (at, text) in marks.iter().filter(|(at, _)| times.contains(at)) {
            let line = [(*at, range.start), (*at, range.end)];
            chart.draw_series([PathElement::new(line, GREY)])?;
            let side =
                if *at > f64::midpoint(times.start, times.end) { HPos::Right } else { HPos::Left };
            let style = TextStyle::from((FONT, 14).into_font()).pos(Pos::new(side, VPos::Top));
            chart.draw_series([Text::new(text.clone(), (*at, range.end), style)])?;
        }
        if curves.len() > 1 {
            let mut legend = chart.configure_series_labels();
            legend.background_style(WHITE.mix(0.8)).border_style(GREY).label_font((FONT, 14));
            legend.draw()?;
        }
        Ok(())
    })
}

/// Every trial's value by its number, and the best so far.
fn trials(report: &Report) -> Result<Option<String>, String> {
    let dot = |dot: &cappuccino_core::api::TrialDot| Some((number(dot.number.0), dot.value?));
    let dots: Vec<(f64, f64)> = report.trials.dots.iter().filter_map(dot).collect();
    let best: Vec<(f64, f64)> = report.trials.best.iter().filter_map(dot).collect();
    let values = range(dots.iter().map(|(_, value)| *value));
    let numbers = range(dots.iter().map(|(number, _)| *number));
    let (Some(values), Some(numbers)) = (values, numbers) else { return Ok(None) };
    let steps = steps(&best, numbers.end);
    drawn(|area| {
        let mut chart = ChartBuilder::on(area)
            .caption("Trials, and the best so far", (FONT, 20))
            .margin(16)
            .x_label_area_size(34)
            .y_label_area_size(80)
            .build_cartesian_2d(numbers.clone(), values.clone())?;
        let whole = |number: &f64| format!("{number:.0}");
        let mut mesh = chart.configure_mesh();
        mesh.x_label_formatter(&whole).label_style((FONT, 14)).light_line_style(WHITE);
        mesh.bold_line_style(PALE).draw()?;
        chart.draw_series(dots.iter().map(|at| Circle::new(*at, 2, BLUE.filled())))?;
        chart.draw_series(LineSeries::new(steps, AMBER.stroke_width(2)))?;
        Ok(())
    })
}

/// Each best holds until the next, the last one to the end.
fn steps(best: &[(f64, f64)], end: f64) -> Vec<(f64, f64)> {
    let ends = best.iter().skip(1).map(|(number, _)| *number).chain([end]);
    best.iter().zip(ends).flat_map(|((from, value), to)| [(*from, *value), (to, *value)]).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a study has fewer than 2^52 trials")]
const fn number(number: i64) -> f64 {
    number as f64
}

/// What the values span, with some air; nothing without a finite value.
fn range(values: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let air = ((high - low) * 0.06).max(high.abs().max(1.0) * 1e-3);
    (low <= high).then_some(low - air..high + air)
}

/// A time of day, of a longer stretch the day, of a short one to the second; UTC.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds of this century")]
fn clock(at: f64, stretch: f64) -> String {
    let text = Timestamp(at as i64).to_string();
    let part = if stretch > TWO_DAYS {
        5..10
    } else if stretch > QUARTER {
        11..16
    } else {
        11..19
    };
    text.get(part).unwrap_or_default().to_owned()
}
