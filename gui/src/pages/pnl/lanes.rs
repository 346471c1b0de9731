//! Who trades beside the live model on the same bars, and what follows from the comparison.

use super::super::Sight;
use super::{gain, money};
use crate::num;
use crate::theme;
use crate::widgets::glyph::{self, Sign};
use crate::widgets::table::{self, Col};
use cappuccino_core::api::{LaneKind, LaneView, LanesView};
use cappuccino_core::trading::paper::compare::Verdict;
use eframe::egui::{RichText, Ui};

const COLUMNS: [Col; 8] = [
    Col { title: "Lane", width: 130.0 },
    Col { title: "Trial", width: 64.0 },
    Col { title: "Worth", width: 96.0 },
    Col { title: "Growth", width: 80.0 },
    Col { title: "Worst drawdown", width: 110.0 },
    Col { title: "Sharpe", width: 64.0 },
    Col { title: "Ahead of it", width: 110.0 },
    Col { title: "What follows", width: 180.0 },
];

/// Height of the card's content.
pub(super) fn height(view: &LanesView) -> f32 {
    theme::ROW * (num::px(num::size(view.lanes.len())) + 2.2)
}

/// Shows the table.
pub(super) fn show(ui: &mut Ui, sight: &Sight<'_>, view: &LanesView) {
    let all = &view.lanes;
    let is_young =
        |lane: &LaneView| lane.standing.comparison.is_some_and(|one| one.lower.is_none());
    if all.iter().any(is_young) {
        let needed = view.bars_needed;
        let told = format!("{} bars so far; a verdict needs {needed} in common", view.bars);
        ui.label(RichText::new(told).small().color(sight.tokens.text3));
    }
    table::table(ui, sight.tokens, "lanes", &COLUMNS, all.len(), None, |ui, row, column| {
        if let Some(lane) = all.get(row) {
            cell(ui, sight, lane, column);
        }
    });
}

fn cell(ui: &mut Ui, sight: &Sight<'_>, lane: &LaneView, column: usize) {
    let standing = &lane.standing;
    match column {
        0 => table::text(ui, &standing.name),
        1 => table::digits(ui, lane.trial.map(|trial| trial.to_string()).unwrap_or_default()),
        2 => table::digits(ui, money(standing.worth)),
        3 => table::digits(ui, format!("{:+.2} %", standing.growth * 100.0)),
        4 => table::digits(ui, format!("{:.1} %", standing.max_drawdown * 100.0)),
        5 => {
            let sharpe =
                standing.sharpe.map_or_else(|| "n/a".to_owned(), |one| format!("{one:.2}"));
            table::digits(ui, sharpe);
        }
        6 => gain(ui, sight, difference(lane)),
        _ => {
            let (sign, told) = follows(lane);
            ui.horizontal(|ui| {
                if let Some(sign) = sign {
                    glyph::sign(ui, sign, sight.tokens);
                }
                table::text(ui, told);
            });
        }
    }
}

/// What the lane is ahead of the live model, in its own money.
fn difference(lane: &LaneView) -> Option<f64> {
    let found = lane.standing.comparison?;
    let start = lane.standing.worth / (1.0 + lane.standing.growth);
    Some(start * (found.challenger_growth - found.champion_growth))
}

/// A benchmark that is better is bad news of the model; a model that is better is a better model.
fn follows(lane: &LaneView) -> (Option<Sign>, String) {
    if let Some(fault) = &lane.standing.fault {
        return (Some(Sign::Critical), fault.clone());
    }
    let Some(found) = &lane.standing.comparison else { return (None, "live".to_owned()) };
    let is_model = lane.kind != LaneKind::Benchmark;
    match found.verdict {
        Verdict::Promote if is_model => (Some(Sign::Good), "better: promote it".to_owned()),
        Verdict::Promote => (Some(Sign::Warning), "better than the live model".to_owned()),
        Verdict::Drop if is_model => (Some(Sign::Idle), "worse: drop it".to_owned()),
        Verdict::Drop => (Some(Sign::Good), "worse than the live model".to_owned()),
        Verdict::Wait => (Some(Sign::Idle), "not decided yet".to_owned()),
    }
}
