//! A sample machine: one card at work.

use crate::num;
use cappuccino_core::api::{BucketView, GpuView, MachineView, SeriesView, UseView};
use cappuccino_core::words::{Span, Timestamp};

const GIB: u64 = 1 << 30;

/// The machine at one moment.
pub(super) fn view(now: Timestamp) -> MachineView {
    let process = |name: &str, cpu_percent, memory, gpu: Option<u64>| UseView {
        name: name.to_owned(),
        cpu_percent,
        memory_bytes: memory,
        gpu_memory_bytes: gpu,
    };
    MachineView {
        at: now,
        gpus: vec![GpuView {
            index: 0,
            name: "NVIDIA GeForce RTX 4090".to_owned(),
            temperature_celsius: Some(71.0),
            utilisation_percent: Some(88.0),
            memory_used_bytes: Some(17 * GIB),
            memory_total_bytes: Some(24 * GIB),
            power_watts: Some(338.0),
            power_limit_watts: Some(450.0),
        }],
        gpu_absent: None,
        cpu_percent: Some(47.0),
        memory_used_bytes: 31 * GIB,
        memory_total_bytes: 64 * GIB,
        disk_used_bytes: Some(612 * GIB),
        disk_total_bytes: Some(1800 * GIB),
        study_bytes: Some(412 << 20),
        processes: vec![
            process("trader", 3.0, GIB / 2, None),
            process("worker-1", 98.0, 4 * GIB, Some(5 * GIB)),
            process("worker-2", 101.0, 4 * GIB, Some(6 * GIB)),
            process("worker-3", 97.0, 4 * GIB, Some(6 * GIB)),
        ],
    }
}

/// A hillside between -1 and 1: hills on hills, the same at every look.
fn rough(at: Timestamp) -> f64 {
    [(21_600_000, 0.6), (5_400_000, 0.25), (900_000, 0.1), (150_000, 0.05)]
        .into_iter()
        .map(|(period, height)| height * hills(at.0, period))
        .sum()
}

/// One height between -1 and 1 per period, joined smoothly.
fn hills(at: i64, period: i64) -> f64 {
    let height = |step: i64| {
        let mixed = step.wrapping_mul(2_654_435_761).rem_euclid(4_294_967_291);
        num::signed(mixed.wrapping_mul(mixed).rem_euclid(2_003)) / 1_001.0 - 1.0
    };
    let step = at.div_euclid(period);
    let part = num::signed(at.rem_euclid(period)) / num::signed(period);
    let smooth = part * part * (3.0 - 2.0 * part);
    height(step) + (height(step + 1) - height(step)) * smooth
}

/// A series of the sample in a stretch of time.
pub(super) fn series(name: &str, from: Timestamp, to: Timestamp) -> Option<SeriesView> {
    let (unit, base, swing) = match name {
        "gpu/0/temperature" => ("°C", 68.0, 6.0),
        "gpu/0/utilisation" => ("%", 85.0, 14.0),
        "gpu/0/memory_used" => ("bytes", 16.5e9, 1.5e9),
        "gpu/0/power" => ("W", 330.0, 40.0),
        "host/cpu" => ("%", 45.0, 20.0),
        "host/memory_used" => ("bytes", 33e9, 2e9),
        "trading/equity" => ("", 10_180.0, 160.0),
        "trading/drawdown" => ("", 0.012, 0.009),
        "disk/used" => ("bytes", 655e9, 2e9),
        _ => return None,
    };
    let width = Span((to.since(from).0 / 300).max(1));
    let buckets = (0..300).map(|step| {
        let start = from.plus(width.times(step));
        let mean = base + swing * rough(start);
        let value = |offset: f64| Some(mean + swing * offset);
        let (min, max) = (value(-0.1), value(0.1));
        BucketView { start, min, max, mean: Some(mean), last: Some(mean), count: 10 }
    });
    Some(SeriesView {
        name: name.to_owned(),
        unit: unit.to_owned(),
        width,
        buckets: buckets.collect(),
    })
}
