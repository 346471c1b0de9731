//! The lanes of a session, for people.

use super::table::Table;
use super::trading::percent;
use super::{Screen, Tone, time};
use cappuccino_core::api::{LaneKind, LaneView, LanesView};
use cappuccino_core::trading::paper::compare::{Comparison, Verdict};

/// A table of lanes and what follows from it.
pub(in crate::cli) fn table(screen: Screen, view: &LanesView) -> Vec<String> {
    let heading = [
        "LANE", "MODEL", "WORTH", "GROWTH", "DRAWDOWN", "SHARPE", "FILLS", "PER BAR", "99.8 %", "",
    ];
    let mut table = Table::new(heading);
    for lane in &view.lanes {
        table.row(row(lane));
    }
    let mut lines = table.lines(screen);
    if let Some((since, until)) = view.since.zip(view.until) {
        let bars = view.bars;
        lines.push(format!("{bars} bars of the champion, from {} to {}", time(since), time(until)));
    }
    let needed = view.bars_needed;
    let is_young = |lane: &LaneView| {
        let comparison = lane.standing.comparison;
        comparison.is_some_and(|found| found.lower.is_none())
    };
    if view.lanes.iter().any(is_young) {
        lines.push(format!(
            "a verdict needs more than {needed} bars in common with the champion, and comes again \
             whenever they have doubled"
        ));
    }
    lines
}

fn row(lane: &LaneView) -> [(Tone, String); 10] {
    let (kind, lane) = (lane.kind, &lane.standing);
    let dash = || (Tone::Plain, "-".to_owned());
    let short: String = lane.model.chars().take(8).collect();
    let bounds = lane.comparison.and_then(|found| found.lower.zip(found.upper));
    [
        (Tone::Strong, lane.name.clone()),
        (Tone::Plain, if short.is_empty() { "-".to_owned() } else { short }),
        (Tone::Plain, format!("{:.2}", lane.worth)),
        (gain(lane.growth), percent(lane.growth, true)),
        (Tone::Plain, percent(lane.max_drawdown, false)),
        (Tone::Plain, lane.sharpe.map_or_else(|| "n/a".to_owned(), |ratio| format!("{ratio:.2}"))),
        (Tone::Plain, lane.fills.to_string()),
        lane.comparison.map_or_else(dash, |found| basis_points(found.mean_difference)),
        bounds.map_or_else(dash, |(lower, upper)| {
            (Tone::Plain, format!("{:+.2} to {:+.2}", lower * 1e4, upper * 1e4))
        }),
        lane.fault.as_ref().map_or_else(
            || lane.comparison.map_or((Tone::Plain, String::new()), |found| verdict(kind, &found)),
            |fault| (Tone::Bad, fault.clone()),
        ),
    ]
}

/// What follows for a model; a benchmark is nothing to promote.
fn verdict(kind: LaneKind, found: &Comparison) -> (Tone, String) {
    let is_model = kind != LaneKind::Benchmark;
    match found.verdict {
        Verdict::Promote if is_model => (Tone::Good, "better: promote it".to_owned()),
        Verdict::Promote => (Tone::Bad, "better than the champion".to_owned()),
        Verdict::Drop if is_model => (Tone::Busy, "worse: drop it".to_owned()),
        Verdict::Drop => (Tone::Good, "worse than the champion".to_owned()),
        Verdict::Wait => (Tone::Faint, "undecided".to_owned()),
    }
}

/// A mean return, in hundredths of a percent.
fn basis_points(mean: f64) -> (Tone, String) {
    (gain(mean), format!("{:+.2} bp", mean * 1e4))
}

fn gain(amount: f64) -> Tone {
    if amount < 0.0 { Tone::Bad } else { Tone::Good }
}
