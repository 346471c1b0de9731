//! The study as points: by state, the best so far, and where models went live.

use crate::model::Model;
use crate::num;
use cappuccino_core::api::TrialDot;
use cappuccino_core::words::{TrialNumber, TrialState};
use egui_plot::PlotPoint;
use std::collections::BTreeMap;

/// Points of the chart; x is the trial's number.
#[derive(Debug, Default)]
pub struct StudyChart {
    /// Finished with a value.
    pub complete: Vec<PlotPoint>,
    /// Stopped early; those with a value.
    pub pruned: Vec<PlotPoint>,
    /// Failed; shown at the lower edge.
    pub failed: Vec<f64>,
    /// Not finished; shown at the lower edge.
    pub running: Vec<f64>,
    /// The best value so far, as a step line.
    pub best: Vec<PlotPoint>,
    /// Models that were considered: number, value, standing.
    pub deployed: Vec<(f64, f64, String)>,
    /// Value that a trial must reach to be deployed over the live one: the live value.
    pub live: Option<f64>,
    /// Least and greatest number.
    pub numbers: Option<(f64, f64)>,
    /// Least and greatest value.
    pub values: Option<(f64, f64)>,
    dots: BTreeMap<TrialNumber, TrialDot>,
}

impl StudyChart {
    /// From what the runner told.
    pub fn of(model: &Model) -> Self {
        let mut chart = Self::default();
        for dot in &model.chart.dots {
            chart.take(dot);
        }
        let mut before: Option<f64> = None;
        for dot in &model.chart.best {
            let (x, Some(y)) = (num::signed(dot.number.0), dot.value) else { continue };
            if let Some(before) = before {
                chart.best.push(PlotPoint::new(x, before));
            }
            chart.best.push(PlotPoint::new(x, y));
            before = Some(y);
        }
        if let (Some(last), Some((_, end))) = (before, chart.numbers) {
            chart.best.push(PlotPoint::new(end, last));
        }
        if let Some(status) = &model.status {
            let deployment = &status.deployment;
            chart.live = deployment.live.as_ref().map(|live| live.value);
            chart.deployed = deployment
                .revisions
                .iter()
                .map(|revision| {
                    let x = num::signed(revision.trial.0);
                    (x, revision.value, revision.standing.clone())
                })
                .collect();
        }
        chart
    }

    fn take(&mut self, dot: &TrialDot) {
        let x = num::signed(dot.number.0);
        let widen = |range: Option<(f64, f64)>, at: f64| {
            range.map_or((at, at), |(low, high)| (low.min(at), high.max(at)))
        };
        self.numbers = Some(widen(self.numbers, x));
        match (dot.state, dot.value) {
            (TrialState::Complete, Some(y)) => {
                self.values = Some(widen(self.values, y));
                self.complete.push(PlotPoint::new(x, y));
            }
            (TrialState::Pruned, Some(y)) => {
                self.values = Some(widen(self.values, y));
                self.pruned.push(PlotPoint::new(x, y));
            }
            (TrialState::Failed | TrialState::Complete | TrialState::Pruned, _) => {
                self.failed.push(x);
            }
            (TrialState::Running | TrialState::Waiting, _) => self.running.push(x),
        }
        self.dots.insert(dot.number, *dot);
    }

    /// Whether there is anything to show.
    pub fn is_empty(&self) -> bool {
        self.dots.is_empty()
    }

    /// The trial at this number, as far as it is shown.
    pub fn dot(&self, number: f64) -> Option<&TrialDot> {
        self.dots.get(&TrialNumber(num::whole(number)))
    }
}
