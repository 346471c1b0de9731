//! The study as a scatter of trials with the best so far and the models that were deployed.

use crate::chart::export::Axis;
use crate::num;
use crate::text;
use crate::theme::Tokens;
use crate::view::study::StudyChart;
use cappuccino_core::words::TrialState;
use eframe::egui::{Color32, Id, RichText, Role, Ui, WidgetInfo, vec2};
use egui_plot::{
    CoordinatesFormatter, Corner, GridMark, HLine, Line, LineStyle, MarkerShape, Plot, PlotPoint,
    PlotPoints, PlotUi, Points, Text, VLine,
};
use std::borrow::Cow;

/// Part of the width that numbers of flags are apart at least.
const LABELS_APART: f64 = 0.06;

/// Height of a flag with its number, in points.
const FLAG: f32 = 44.0;

/// Shows the study; the answer is the number of the trial that was pressed.
pub fn show(
    ui: &mut Ui,
    chart: &StudyChart,
    height: f32,
    logarithmic: bool,
    tokens: &Tokens,
) -> Option<i64> {
    let placed = |points| -> Cow<'_, [PlotPoint]> {
        if logarithmic { log_all(points) } else { Cow::Borrowed(points) }
    };
    let (complete, pruned, best) =
        (placed(&chart.complete), placed(&chart.pruned), placed(&chart.best));
    let bottom = below(complete.iter().chain(pruned.iter()));
    let label = move |value: f64| if logarithmic { 10f64.powf(value) } else { value };
    let axis =
        move |mark: GridMark, _: &std::ops::RangeInclusive<f64>| text::value(label(mark.value));
    let plot = Plot::new("trials")
        .height(height)
        .allow_scroll(false)
        .x_axis_label("trial")
        .y_axis_label("value")
        .y_axis_formatter(axis)
        .y_axis_min_width(56.0)
        .label_formatter(|_| None)
        .coordinates_formatter(
            Corner::RightBottom,
            CoordinatesFormatter::new(move |at, _| {
                format!("trial {:.0}   {}", at.x, text::value(label(at.y)))
            }),
        )
        .set_margin_fraction(vec2(0.02, 0.08));
    let plot = if logarithmic {
        plot.y_grid_spacer(|input| decades(input.bounds))
    } else {
        plot.y_grid_spacer(|input| steps(input.bounds))
    };
    // Numbers stand above their flags.
    let plot = match deployed_top(chart, bottom, logarithmic, height) {
        Some(top) => plot.include_y(top),
        None => plot,
    };
    let shown = plot.show(ui, |plot| {
        points(plot, "complete", &complete, MarkerShape::Circle, 2.2, tokens.series[0]);
        points(plot, "pruned", &pruned, MarkerShape::Diamond, 2.2, tokens.text3);
        edge(plot, chart, bottom, tokens);
        let line = Line::new("best so far", PlotPoints::Borrowed(&best));
        plot.line(line.color(tokens.series[1]).width(1.8).allow_band(false));
        deployed(plot, chart, logarithmic, tokens);
        plot.pointer_coordinate()
    });
    shown.response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, summary(chart)));
    let pressed = shown.response.clicked();
    shown.inner.filter(|_| pressed).map(|at| num::whole(at.x))
}

/// A place above all flags, so that their numbers are within the chart.
fn deployed_top(chart: &StudyChart, bottom: f64, logarithmic: bool, height: f32) -> Option<f64> {
    let values = chart.deployed.iter().map(|(_, value, _)| *value);
    let values = values.filter_map(|value| scaled(value, logarithmic));
    let highest = values.reduce(f64::max)?;
    let room = f64::from((FLAG / height).clamp(0.14, 0.5));
    Some(highest + (highest - bottom).abs() * room)
}

/// Marks of a linear axis: a handful of round numbers.
fn steps((low, high): (f64, f64)) -> Vec<GridMark> {
    let ticks = Axis::round("", (low, high)).ticks;
    let step_size = ticks.windows(2).find_map(|pair| match pair {
        [(a, _), (b, _)] => Some(b - a),
        _ => None,
    });
    let step_size = step_size.unwrap_or(high - low);
    ticks.into_iter().map(|(value, _)| GridMark { value, step_size }).collect()
}

/// Marks of a logarithmic axis: 1, 2 and 5 of each power of ten.
fn decades((low, high): (f64, f64)) -> Vec<GridMark> {
    let (first, last) = (num::whole(low.floor()), num::whole(high.ceil()));
    (first..=last.min(first + 40))
        .flat_map(|power| [1.0_f64, 2.0, 5.0].map(|part| part.log10() + num::signed(power)))
        .filter(|at| (low..=high).contains(at))
        .map(|value| GridMark { value, step_size: 0.3 })
        .collect()
}

/// A value where the chart shows it.
fn scaled(value: f64, logarithmic: bool) -> Option<f64> {
    if logarithmic { (value > 0.0).then(|| value.log10()) } else { Some(value) }
}

/// A little below the least value.
fn below<'a>(points: impl Iterator<Item = &'a PlotPoint>) -> f64 {
    let (low, high) = points.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
        (low.min(point.y), high.max(point.y))
    });
    if low.is_finite() { low - (high - low) * 0.06 } else { 0.0 }
}

fn log_all(points: &[PlotPoint]) -> Cow<'_, [PlotPoint]> {
    points.iter().filter_map(|point| log(*point)).collect()
}

fn log(point: PlotPoint) -> Option<PlotPoint> {
    (point.y > 0.0).then(|| PlotPoint::new(point.x, point.y.log10()))
}

fn points<'a>(
    plot: &mut PlotUi<'a>,
    name: &str,
    of: &'a [PlotPoint],
    shape: MarkerShape,
    radius: f32,
    colour: Color32,
) {
    if !of.is_empty() {
        let points = Points::new(name, PlotPoints::Borrowed(of));
        plot.points(points.shape(shape).radius(radius).color(colour));
    }
}

/// Trials without a value, below the others.
fn edge(plot: &mut PlotUi<'_>, chart: &StudyChart, bottom: f64, tokens: &Tokens) {
    let at = |numbers: &[f64]| -> PlotPoints<'static> {
        PlotPoints::Owned(numbers.iter().map(|x| PlotPoint::new(*x, bottom)).collect())
    };
    if !chart.failed.is_empty() {
        let points = Points::new("failed", at(&chart.failed)).allow_hover(false);
        plot.points(points.shape(MarkerShape::Cross).radius(4.0).color(tokens.crit));
    }
    for number in &chart.running {
        let line = VLine::new("running", *number).allow_hover(false);
        plot.vline(line.color(tokens.series[4].gamma_multiply(0.7)).width(1.0));
    }
}

fn deployed(plot: &mut PlotUi<'_>, chart: &StudyChart, logarithmic: bool, tokens: &Tokens) {
    let live = chart.live.and_then(|live| scaled(live, logarithmic));
    if let Some(live) = live {
        let line = HLine::new("live value", live).allow_hover(false);
        plot.hline(line.color(tokens.ok).width(1.0).style(LineStyle::dashed_loose()));
    }
    let apart = chart.numbers.map_or(0.0, |(low, high)| (high - low) * LABELS_APART);
    let mut labelled: Vec<f64> = Vec::new();
    for (x, value, standing) in &chart.deployed {
        let Some(y) = scaled(*value, logarithmic) else { continue };
        let colour = if is_bad(standing) { tokens.crit } else { tokens.ok };
        let flag = Points::new("deployed", vec![[*x, y]]).allow_hover(false);
        plot.points(flag.shape(MarkerShape::Up).radius(6.0).color(colour));
        // Newest first: of flags that stand close together the newest has its number.
        if labelled.iter().any(|other| (other - x).abs() < apart) {
            continue;
        }
        labelled.push(*x);
        // The line break keeps the number clear of its flag.
        let label = RichText::new(format!("{x:.0}\n")).small();
        let place = PlotPoint::new(*x, y);
        let text = Text::new("deployed", place, label).id(Id::unique(("flag", num::whole(*x))));
        plot.text(text.color(colour).anchor(eframe::egui::Align2::CENTER_BOTTOM));
    }
}

/// What the marks of the chart mean, in one line.
pub fn legend(ui: &mut Ui, tokens: &Tokens) {
    for (colour, word) in [
        (tokens.series[0], "complete"),
        (tokens.text3, "pruned"),
        (tokens.crit, "failed"),
        (tokens.series[4], "running"),
        (tokens.series[1], "best so far"),
        (tokens.ok, "deployed"),
    ] {
        let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), eframe::egui::Sense::hover());
        ui.painter().circle_filled(rect.center(), 4.0, colour);
        ui.label(RichText::new(word).small().color(tokens.text2));
    }
}

/// The chart in words, for those who hear it.
fn summary(chart: &StudyChart) -> String {
    let best = chart.best.last().map_or_else(
        || "no value yet".to_owned(),
        |best| format!("best value {}", text::value(best.y)),
    );
    format!(
        "Trials: {} complete, {} pruned, {} failed, {} running; {best}",
        chart.complete.len(),
        chart.pruned.len(),
        chart.failed.len(),
        chart.running.len()
    )
}

/// Whether a model with this standing must not go live again.
pub fn is_bad(standing: &str) -> bool {
    standing.starts_with("bad") || standing.starts_with("rejected")
}

/// A trial's state as a word.
pub const fn state(state: TrialState) -> &'static str {
    match state {
        TrialState::Running => "running",
        TrialState::Complete => "complete",
        TrialState::Pruned => "pruned",
        TrialState::Failed => "failed",
        TrialState::Waiting => "waiting",
    }
}
