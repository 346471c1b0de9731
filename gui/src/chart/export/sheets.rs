//! What is on the screen, as sheets.

use super::{Axis, ExportError, INK, Mark, Panel, Sheet};
use crate::chart::series::{self, Look};
use crate::chart::time;
use crate::chart::trials::is_bad;
use crate::num;
use crate::view::lanes::Lane;
use crate::view::study::StudyChart;
use cappuccino_core::api::SeriesView;
use cappuccino_core::words::Timestamp;
use egui_plot::PlotPoint;
use std::fmt::Write as _;

/// A stretch of time: first and last moment.
pub type Range = (Timestamp, Timestamp);

/// The study.
///
/// # Errors
/// [`ExportError::Empty`]
pub fn trials(chart: &StudyChart, title: String) -> Result<Sheet, ExportError> {
    let (Some(numbers), Some(values)) = (chart.numbers, chart.values) else {
        return Err(ExportError::Empty);
    };
    let points = |of: &[PlotPoint]| of.iter().map(|at| (at.x, at.y)).collect();
    let mut marks = vec![
        Mark::Dots(points(&chart.pruned), INK.text3),
        Mark::Dots(points(&chart.complete), INK.series[0]),
        Mark::Line(points(&chart.best), INK.series[1]),
    ];
    for (x, y, standing) in &chart.deployed {
        let colour = if is_bad(standing) { INK.crit } else { INK.ok };
        marks.push(Mark::Flag((*x, *y), format!("{x:.0}"), colour));
    }
    let (x, y) = (Axis::round("trial", wide(numbers)), Axis::round("value", wide(values)));
    let panel = Panel { title: String::new(), x, y, marks };
    Ok(Sheet { title, panels: vec![panel], csv: trials_csv(chart) })
}

fn trials_csv(chart: &StudyChart) -> String {
    let mut csv = "trial,kind,value\n".to_owned();
    for (kind, points) in
        [("complete", &chart.complete), ("pruned", &chart.pruned), ("best so far", &chart.best)]
    {
        for at in points {
            // Writing to a string cannot fail.
            writeln!(csv, "{},{kind},{}", at.x, at.y).ok();
        }
    }
    csv
}

/// Series above each other over the same stretch of time.
///
/// # Errors
/// [`ExportError::Empty`]
pub fn series(
    title: String,
    all: &[(Look<'_>, Option<&SeriesView>)],
    range: Range,
) -> Result<Sheet, ExportError> {
    let known = all.iter().filter_map(|(look, series)| Some((look, (*series)?)));
    let known: Vec<_> = known.filter(|(_, series)| !series.buckets.is_empty()).collect();
    if known.is_empty() {
        return Err(ExportError::Empty);
    }
    let mut csv = "series,unit,start,min,mean,max,last,count\n".to_owned();
    for (_, series) in &known {
        series_csv(&mut csv, series);
    }
    let panels = known.iter().map(|(look, series)| panel(look, series, range)).collect();
    Ok(Sheet { title, panels, csv })
}

fn series_csv(csv: &mut String, series: &SeriesView) {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for bucket in &series.buckets {
        let (min, mean, max) = (number(bucket.min), number(bucket.mean), number(bucket.max));
        let (name, unit, last) = (&series.name, &series.unit, number(bucket.last));
        let (start, count) = (bucket.start, bucket.count);
        // Writing to a string cannot fail.
        writeln!(csv, "{name},{unit},{start},{min},{mean},{max},{last},{count}").ok();
    }
}

fn panel(look: &Look<'_>, series: &SeriesView, range: Range) -> Panel {
    let (low, high) = series::extent(&series.buckets, look);
    let ticks = [low, f64::midpoint(low, high), high].map(|at| (at, (look.value)(at))).to_vec();
    let (first, last) = (num::signed(range.0.0), num::signed(range.1.0));
    let mut marks = Vec::new();
    for (from, to, colour) in &look.tints {
        let left = num::signed(from.0).max(first);
        let right = num::signed(to.unwrap_or(range.1).0).min(last);
        if left < right {
            marks.push(Mark::Tint(left, right, *colour));
        }
    }
    for run in series::runs(&series.buckets, series.width) {
        let x = |at: Timestamp| num::signed(at.0);
        let band = run.iter().filter_map(|one| Some((x(one.start), one.min?, one.max?))).collect();
        let line = run.iter().filter_map(|one| Some((x(one.start), one.mean?))).collect();
        marks.push(Mark::Band(band, look.colour));
        marks.push(Mark::Line(line, look.colour));
    }
    if let Some((limit, name)) = look.limit {
        marks.push(Mark::Level(limit, name.to_owned(), INK.warn));
    }
    for (at, word) in &look.marks {
        let at = num::signed(at.0);
        if (first..=last).contains(&at) {
            marks.push(Mark::Flag((at, low), word.clone(), INK.ok));
        }
    }
    let y = Axis { name: String::new(), range: (low, high), ticks };
    Panel { title: look.title.to_owned(), x: over_time(range), y, marks }
}

/// States over time.
///
/// # Errors
/// [`ExportError::Empty`]
pub fn lanes(title: String, lanes: &[Lane], range: Range) -> Result<Sheet, ExportError> {
    if lanes.iter().all(|lane| lane.spans.is_empty()) {
        return Err(ExportError::Empty);
    }
    let (from, to) = (num::signed(range.0.0), num::signed(range.1.0));
    let count = num::size(lanes.len());
    let mut csv = "lane,from,to,text\n".to_owned();
    let (mut marks, mut ticks) = (Vec::new(), Vec::new());
    for (place, lane) in lanes.iter().enumerate() {
        let middle = count - num::size(place) - 0.5;
        ticks.push((middle, lane.name.clone()));
        for span in &lane.spans {
            let end = span.to.unwrap_or(range.1);
            let (left, right) = (num::signed(span.from.0).max(from), num::signed(end.0).min(to));
            if left < right {
                let colour = span.sign.colour(&INK);
                let bar = [left, right, middle - 0.35, middle + 0.35];
                marks.push(Mark::Bar(bar, span.text.clone(), colour));
                csv_line(&mut csv, &lane.name, span.from, span.to, &span.text);
            }
        }
        for mark in lane.marks.iter().filter(|mark| range.0 <= mark.at && mark.at <= range.1) {
            let at = (num::signed(mark.at.0), middle + 0.35);
            marks.push(Mark::Flag(at, String::new(), mark.sign.colour(&INK)));
            csv_line(&mut csv, &lane.name, mark.at, Some(mark.at), &mark.text);
        }
    }
    let y = Axis { name: String::new(), range: (0.0, count), ticks };
    let panel = Panel { title: String::new(), x: over_time(range), y, marks };
    Ok(Sheet { title, panels: vec![panel], csv })
}

fn csv_line(csv: &mut String, lane: &str, from: Timestamp, to: Option<Timestamp>, text: &str) {
    let to = to.map(|to| to.to_string()).unwrap_or_default();
    let quoted = text.replace('"', "\"\"");
    // Writing to a string cannot fail.
    writeln!(csv, "{lane},{from},{to},\"{quoted}\"").ok();
}

fn over_time((from, to): Range) -> Axis {
    let range = (num::signed(from.0), num::signed(to.0));
    Axis { name: String::new(), range, ticks: time::ticks(from, to) }
}

/// A range with some air, also when there is one value only.
fn wide((low, high): (f64, f64)) -> (f64, f64) {
    let air = ((high - low) * 0.05).max(high.abs().max(1.0) * 1e-6);
    (low - air, high + air)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::window::TimeWindow;
    use crate::command::Screen;
    use crate::demo::{self, NOON, Scene};
    use crate::pages::{self, PageState};
    use crate::view::Views;
    use cappuccino_core::words::Span;
    use std::path::Path;

    fn saved(sheet: &Sheet, folder: &Path) -> (image::RgbImage, String, String) {
        let stem = folder.join("exports").join("chart");
        sheet.save(&stem).unwrap();
        let read = |ending| std::fs::read_to_string(stem.with_extension(ending)).unwrap();
        let picture = image::open(stem.with_extension("png")).unwrap().to_rgb8();
        (picture, read("svg"), read("csv"))
    }

    #[test]
    fn the_study_is_saved_as_picture_drawing_and_numbers_that_agree() {
        let chart = StudyChart::of(&demo::model(Scene::Live, NOON));
        let folder = tempfile::tempdir().unwrap();
        let (png, svg, csv) = saved(&trials(&chart, "ppo_btc_v7".into()).unwrap(), folder.path());
        let colours: std::collections::BTreeSet<_> = png.pixels().map(|pixel| pixel.0).collect();
        assert!(colours.len() > 20, "only {} colours", colours.len());
        assert!(svg.contains("ppo_btc_v7") && svg.matches("<circle").count() > 300);
        assert!(svg.contains("trial") && svg.contains("value"), "the axes have names");
        assert!(csv.lines().any(|line| line == "431,complete,0.8312"));
    }

    #[test]
    fn lanes_are_saved_with_their_names_and_states() {
        let model = demo::model(Scene::Live, NOON);
        let range = (NOON.plus(Span::hours(-24)), NOON);
        let sheet =
            lanes("states".into(), &crate::view::lanes::lanes(&model, NOON), range).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (_, svg, csv) = saved(&sheet, folder.path());
        assert!(svg.contains("worker-2") && svg.contains("live model"));
        assert!(
            csv.lines().any(|line| line.starts_with("live model,") && line.contains("trial 431"))
        );
    }

    #[test]
    fn each_live_model_has_its_tint_in_the_saved_chart_as_on_the_screen() {
        let mut model = demo::model(Scene::Live, NOON);
        let window = TimeWindow { length: Span::hours(24), end: None };
        model.series = demo::series(&window, NOON);
        let mut views = Views::default();
        views.refresh(&model, NOON);
        let kept = PageState { window: Some(window), ..PageState::default() };
        let sheet = pages::sheet(Screen::Pnl, &model, &views, &kept, NOON).unwrap();
        let colours = |panel: &Panel| {
            let tint =
                |mark: &Mark| if let Mark::Tint(.., colour) = mark { Some(*colour) } else { None };
            panel.marks.iter().filter_map(tint).collect::<Vec<_>>()
        };
        for panel in &sheet.panels {
            let tints = colours(panel);
            assert_eq!(tints.len(), 2, "trial 412, then 431, in the last day: {}", panel.title);
            assert_ne!(tints[0], tints[1]);
        }
    }

    #[test]
    fn an_empty_chart_is_not_saved() {
        let chart = StudyChart::of(&demo::model(Scene::Empty, NOON));
        assert!(matches!(trials(&chart, String::new()), Err(ExportError::Empty)));
        assert!(matches!(lanes(String::new(), &[], (NOON, NOON)), Err(ExportError::Empty)));
        assert!(matches!(series(String::new(), &[], (NOON, NOON)), Err(ExportError::Empty)));
    }
}
