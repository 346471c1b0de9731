//! What pages show, worked out once per piece of news instead of once per frame.

pub mod lanes;
pub mod study;
pub mod verdict;

use crate::model::Model;
use cappuccino_core::words::Timestamp;

/// Everything that is worked out.
#[derive(Debug, Default)]
pub struct Views {
    of: Option<u64>,
    /// States over time.
    pub lanes: Vec<lanes::Lane>,
    /// The study's chart.
    pub study: study::StudyChart,
}

impl Views {
    /// Brings everything up to date with the model.
    pub fn refresh(&mut self, model: &Model, now: Timestamp) {
        if self.of == Some(model.revision) {
            return;
        }
        self.of = Some(model.revision);
        self.lanes = lanes::lanes(model, now);
        self.study = study::StudyChart::of(model);
    }
}
