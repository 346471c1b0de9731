//! NVIDIA cards by the driver's own library, which may be absent, break, or leave fields out.

use super::Cards;
use cappuccino_core::api::GpuView;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;

/// Looks between two tries to load a library that was not there.
const TRY_AGAIN_LOOKS: u32 = 30;

/// The driver, as far as it answers.
pub struct Nvidia {
    library: Option<PathBuf>,
    nvml: Option<Nvml>,
    why: String,
    looks: u32,
    had_cards: bool,
}

impl Nvidia {
    /// The driver behind the usual library, or behind this one.
    pub const fn new(library: Option<PathBuf>) -> Self {
        Self { library, nvml: None, why: String::new(), looks: 0, had_cards: false }
    }

    /// What the cards say now.
    pub fn look(&mut self) -> Cards {
        self.load();
        let Some(nvml) = &self.nvml else {
            return Cards { why_absent: Some(self.why.clone()), ..Cards::default() };
        };
        match cards(nvml) {
            Ok(cards) if cards.gpus.is_empty() => {
                let why = "the NVIDIA driver is there, but no card answers".to_owned();
                let lost = cards.lost.or_else(|| self.had_cards.then(|| why.clone()));
                Cards { why_absent: Some(why), lost, ..Cards::default() }
            }
            Ok(cards) => {
                self.had_cards = true;
                cards
            }
            Err(error) => self.broke(&error),
        }
    }

    /// A driver that fails is loaded anew next time: it may have been updated under us.
    fn broke(&mut self, error: &NvmlError) -> Cards {
        let why = format!("the NVIDIA driver does not answer: {error}");
        self.nvml = None;
        self.why.clone_from(&why);
        let lost = self.had_cards.then(|| why.clone());
        Cards { why_absent: Some(why), lost, ..Cards::default() }
    }

    fn load(&mut self) {
        if self.nvml.is_some() {
            return;
        }
        let is_due = self.looks.is_multiple_of(TRY_AGAIN_LOOKS) || self.had_cards;
        self.looks = self.looks.wrapping_add(1);
        if !is_due {
            return;
        }
        let loaded = match &self.library {
            Some(path) => Nvml::builder().lib_path(OsStr::new(path)).init(),
            None => Nvml::init(),
        };
        match loaded {
            Ok(nvml) => self.nvml = Some(nvml),
            Err(NvmlError::LibloadingError(_)) => {
                let why = "no NVIDIA driver is installed (its library is not found)";
                why.clone_into(&mut self.why);
            }
            Err(error) => self.why = format!("no NVIDIA driver answers: {error}"),
        }
    }
}

fn cards(nvml: &Nvml) -> Result<Cards, NvmlError> {
    let mut cards = Cards::default();
    for index in 0..nvml.device_count()? {
        let device = match nvml.device_by_index(index) {
            Ok(device) => device,
            // The others still answer: this one fell off the bus.
            Err(error @ NvmlError::GpuLost) => {
                cards.lost = Some(format!("GPU {index} is lost: {error}"));
                continue;
            }
            Err(error) => return Err(error),
        };
        let view = card(index, &device);
        if let Err(error @ NvmlError::GpuLost) = device.temperature(TemperatureSensor::Gpu) {
            cards.lost = Some(format!("GPU {index} is lost: {error}"));
            continue;
        }
        add_memory(&device, &mut cards.memory_by_pid);
        cards.gpus.push(view);
    }
    Ok(cards)
}

/// Each field for itself: a card that does not have one still has the others.
fn card(index: u32, device: &Device<'_>) -> GpuView {
    let memory = device.memory_info().ok();
    let watts = |milliwatts: u32| f64::from(milliwatts) / 1000.0;
    GpuView {
        index,
        name: device.name().unwrap_or_else(|_| format!("NVIDIA card {index}")),
        temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
        utilisation_percent: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu)),
        memory_used_bytes: memory.as_ref().map(|memory| memory.used),
        memory_total_bytes: memory.as_ref().map(|memory| memory.total),
        power_watts: device.power_usage().ok().map(watts),
        power_limit_watts: device.enforced_power_limit().ok().map(watts),
    }
}

fn add_memory(device: &Device<'_>, by_pid: &mut BTreeMap<u32, u64>) {
    for process in device.running_compute_processes().into_iter().flatten() {
        if let UsedGpuMemory::Used(bytes) = process.used_gpu_memory {
            let used = by_pid.entry(process.pid).or_default();
            *used = used.saturating_add(bytes);
        }
    }
}
