//! The machine at one moment, as it is shown; and any series over time.

use crate::words::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// The machine at one moment. What could not be read is absent, never zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineView {
    /// When it was looked at.
    pub at: Timestamp,
    /// The graphics cards that answered.
    pub gpus: Vec<GpuView>,
    /// Why there is none, or fewer than before: one sentence.
    pub gpu_absent: Option<String>,
    /// Use of all processor cores, in percent.
    pub cpu_percent: Option<f64>,
    /// Memory in use, in bytes.
    pub memory_used_bytes: u64,
    /// Memory of the machine, in bytes.
    pub memory_total_bytes: u64,
    /// Used space of the workspace's file system, in bytes.
    pub disk_used_bytes: Option<u64>,
    /// Size of the workspace's file system, in bytes.
    pub disk_total_bytes: Option<u64>,
    /// Size of the study's database, in bytes.
    pub study_bytes: Option<u64>,
    /// What each process and everything it started uses, by name.
    pub processes: Vec<UseView>,
}

/// One graphics card.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuView {
    /// Its place among the cards, from 0.
    pub index: u32,
    /// Its name, as the driver gives it.
    pub name: String,
    /// Temperature of the chip, in °C.
    pub temperature_celsius: Option<f64>,
    /// Part of the last moments in which it worked, in percent.
    pub utilisation_percent: Option<f64>,
    /// Memory in use, in bytes.
    pub memory_used_bytes: Option<u64>,
    /// Its memory, in bytes.
    pub memory_total_bytes: Option<u64>,
    /// Power it draws, in watts.
    pub power_watts: Option<f64>,
    /// Most power it may draw, in watts.
    pub power_limit_watts: Option<f64>,
}

/// What one process uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UseView {
    /// Its name in the configuration.
    pub name: String,
    /// Use of processor cores, in percent of one core.
    pub cpu_percent: f64,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
    /// Memory on graphics cards, in bytes, where a driver tells.
    pub gpu_memory_bytes: Option<u64>,
}

/// A series for a picture: answer to `GET /v1/series/NAME`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesView {
    /// Its name.
    pub name: String,
    /// Unit of its values; empty for plain numbers.
    pub unit: String,
    /// The length of time that each bucket stands for.
    pub width: Span,
    /// The buckets with samples, in order of time.
    pub buckets: Vec<BucketView>,
}

/// What was measured in one stretch of time. A value that is no number is absent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketView {
    /// Its start.
    pub start: Timestamp,
    /// The least value.
    pub min: Option<f64>,
    /// The greatest value.
    pub max: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
    /// The last value.
    pub last: Option<f64>,
    /// Samples in it.
    pub count: u64,
}
