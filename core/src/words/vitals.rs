//! What the machine itself reports: graphics cards, disk, and how long the study has been silent.

use super::time::Span;
use serde::{Deserialize, Serialize};

/// One look at the machine. What could not be read is absent, never zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vitals {
    /// The graphics cards that answered.
    pub gpus: Vec<GpuVitals>,
    /// Cards answered before, and do not now: one sentence.
    pub gpu_lost: Option<String>,
    /// Part of the workspace's file system that is in use, in percent.
    pub disk_used_percent: Option<f64>,
    /// Time since a trial last finished here; none before the first in this runner's life.
    pub since_trial: Option<Span>,
    /// Time until the workspace's disk is full, as it filled lately; none while it does not fill,
    /// or too little was seen of it.
    pub disk_full_in: Option<Span>,
    /// What the study's database grew by in a day, in bytes; none until enough was seen.
    pub study_growth_bytes: Option<f64>,
}

/// One graphics card.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GpuVitals {
    /// Its place among the cards, from 0.
    pub index: u32,
    /// Temperature of the chip, in °C.
    pub temperature_celsius: Option<f64>,
    /// Mean utilisation over the policy's stretch, in percent; none until that much was seen.
    pub mean_utilisation_percent: Option<f64>,
}

/// When the machine's state needs attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VitalsPolicy {
    /// A chip from here on is warm, in °C.
    pub gpu_warm_celsius: f64,
    /// A chip from here on is too hot, in °C.
    pub gpu_hot_celsius: f64,
    /// A file system from here on is nearly full, in percent.
    pub disk_high_percent: f64,
    /// A file system from here on is full, in percent.
    pub disk_full_percent: f64,
    /// While workers run, a card used less than this is idle, in percent.
    pub gpu_idle_percent: f64,
    /// Over this stretch.
    pub gpu_idle_for: Span,
    /// While workers run, a study without a finished trial for this long is stalled.
    pub stalled_after: Span,
}

impl Default for VitalsPolicy {
    /// The original's thresholds.
    fn default() -> Self {
        Self {
            gpu_warm_celsius: 80.0,
            gpu_hot_celsius: 85.0,
            disk_high_percent: 90.0,
            disk_full_percent: 95.0,
            gpu_idle_percent: 50.0,
            gpu_idle_for: Span::minutes(10),
            stalled_after: Span::hours(1),
        }
    }
}
