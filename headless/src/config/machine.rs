//! The section `[machine]`: how the machine is looked at, and when its state needs attention.

use super::check::{Mistake, mistake, span};
use super::file::Machine;
use crate::observe::machine::MachineConfig;
use cappuccino_core::words::{Span, VitalsPolicy};
use serde_spanned::Spanned;
use std::ops::RangeInclusive;

/// Temperatures that a chip can have, in °C.
const CELSIUS: RangeInclusive<f64> = 0.0..=150.0;
const PERCENT: RangeInclusive<f64> = 0.0..=100.0;
/// Shortest time between two looks: a look costs some milliseconds.
const SHORTEST: Span = Span::seconds(1);

pub(super) fn machine(file: &Machine) -> Result<(VitalsPolicy, MachineConfig), Mistake> {
    let (usual, how) = (VitalsPolicy::default(), MachineConfig::default());
    let vitals = VitalsPolicy {
        gpu_warm_celsius: within(file.gpu_warm_celsius.as_ref(), usual.gpu_warm_celsius, &CELSIUS)?,
        gpu_hot_celsius: within(file.gpu_hot_celsius.as_ref(), usual.gpu_hot_celsius, &CELSIUS)?,
        gpu_idle_percent: within(file.gpu_idle_percent.as_ref(), usual.gpu_idle_percent, &PERCENT)?,
        gpu_idle_for: span(file.gpu_idle_for.as_ref(), usual.gpu_idle_for)?,
        disk_high_percent: within(
            file.disk_high_percent.as_ref(),
            usual.disk_high_percent,
            &PERCENT,
        )?,
        disk_full_percent: within(
            file.disk_full_percent.as_ref(),
            usual.disk_full_percent,
            &PERCENT,
        )?,
        stalled_after: span(file.stalled_after.as_ref(), usual.stalled_after)?,
    };
    ordered(file.gpu_hot_celsius.as_ref(), vitals.gpu_warm_celsius, vitals.gpu_hot_celsius)?;
    ordered(file.disk_full_percent.as_ref(), vitals.disk_high_percent, vitals.disk_full_percent)?;
    let every = span(file.every.as_ref(), how.every)?;
    if let Some(written) = file.every.as_ref().filter(|_| every < SHORTEST) {
        let what = format!("`every = \"{}\"` is too often", written.get_ref());
        return Err(mistake(written.span(), what, "write 1s or more"));
    }
    let machine = MachineConfig {
        every,
        nvml_library: file.nvml_library.clone(),
        sysfs: file.sysfs.clone().unwrap_or(how.sysfs),
        mean_over: vitals.gpu_idle_for,
    };
    Ok((vitals, machine))
}

fn within(
    written: Option<&Spanned<f64>>,
    usual: f64,
    range: &RangeInclusive<f64>,
) -> Result<f64, Mistake> {
    let Some(written) = written else { return Ok(usual) };
    let value = *written.get_ref();
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = (range.start(), range.end());
    let remedy = format!("write a number from {least} to {most}");
    Err(mistake(written.span(), format!("{value} is out of range"), &remedy))
}

/// The second limit is not below the first.
pub(super) fn ordered(
    written: Option<&Spanned<f64>>,
    first: f64,
    second: f64,
) -> Result<(), Mistake> {
    if second >= first {
        return Ok(());
    }
    let place = written.map(Spanned::span).unwrap_or_default();
    let what = format!("the second limit, {second}, is below the first, {first}");
    Err(mistake(place, what, "write the higher number for the second limit"))
}
