//! The eyes on the machine: a thread of its own that looks every few seconds, because a driver
//! that hangs must not hold anything up.

pub mod amd;
mod growth;
pub mod host;
pub mod nvidia;

use crate::clock::Clock;
use crate::observe::watcher::Shared;
use crate::workspace::Workspace;
use cappuccino_core::api::{GpuView, MachineView, Status};
use cappuccino_core::store::SampleReader;
use cappuccino_core::words::{GpuVitals, Moment, Observation, Span, Timestamp, Vitals};
use growth::Growth;
use host::HostEye;
use nvidia::Nvidia;
use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::{mpsc as reports, watch};

/// What the cards said.
#[derive(Debug, Default)]
pub struct Cards {
    /// Those that answered.
    pub gpus: Vec<GpuView>,
    /// Why there is none.
    pub why_absent: Option<String>,
    /// One that answered before does not now.
    pub lost: Option<String>,
    /// Memory on the cards by process id, in bytes.
    pub memory_by_pid: BTreeMap<u32, u64>,
}

/// How the machine is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineConfig {
    /// Time between two looks.
    pub every: Span,
    /// The NVIDIA library, when it is not the usual one.
    pub nvml_library: Option<PathBuf>,
    /// The root of sysfs.
    pub sysfs: PathBuf,
    /// Stretch over which a card's use is averaged.
    pub mean_over: Span,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            every: Span::seconds(10),
            nvml_library: None,
            sysfs: PathBuf::from("/sys"),
            mean_over: Span::minutes(10),
        }
    }
}

/// What was seen last, for the status and for the sample store.
#[derive(Clone, Default)]
pub struct Seen {
    latest: Arc<Mutex<Option<MachineView>>>,
}

impl Seen {
    /// The machine as it was seen last.
    pub fn latest(&self) -> Option<MachineView> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The running thread; it ends when this is dropped.
pub struct MachineWatcher {
    seen: Seen,
    _stop: mpsc::Sender<()>,
}

impl MachineWatcher {
    /// Starts looking. Each look is reported as an observation.
    ///
    /// # Errors
    /// The system gives no thread, or does not let itself be looked at.
    pub fn start(
        workspace: &Workspace,
        database: PathBuf,
        config: MachineConfig,
        sources: Sources,
        observed: reports::Sender<Observation>,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let seen = Seen::default();
        let (stop, stopped) = mpsc::channel::<()>();
        let mut eye = Eye {
            root: workspace.root().to_owned(),
            database,
            nvidia: Nvidia::new(config.nvml_library.clone()),
            host: HostEye::new().map_err(std::io::Error::other)?,
            used: BTreeMap::new(),
            growth: Growth::new(sources.samples),
            status: sources.status,
            study: sources.study,
            config,
        };
        let shown = seen.clone();
        std::thread::Builder::new().name("machine".to_owned()).spawn(move || {
            loop {
                let (view, vitals) = eye.look(clock.now());
                *shown.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(view);
                if observed.blocking_send(Observation::Vitals(vitals)).is_err() {
                    return;
                }
                let pause = u64::try_from(eye.config.every.0).unwrap_or(1000);
                match stopped.recv_timeout(Duration::from_millis(pause)) {
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Self { seen, _stop: stop })
    }

    /// What was seen last.
    pub const fn seen(&self) -> &Seen {
        &self.seen
    }
}

/// Where the eye finds what others know.
pub struct Sources {
    /// The picture: processes and their ids.
    pub status: watch::Receiver<Arc<Status>>,
    /// The study: when a trial last finished.
    pub study: Shared,
    /// What was measured before.
    pub samples: watch::Receiver<Option<SampleReader>>,
}

struct Eye {
    root: PathBuf,
    database: PathBuf,
    config: MachineConfig,
    nvidia: Nvidia,
    host: HostEye,
    /// Use of each card, as far back as its mean reaches.
    used: BTreeMap<u32, VecDeque<(Moment, f64)>>,
    growth: Growth,
    status: watch::Receiver<Arc<Status>>,
    study: Shared,
}

impl Eye {
    fn look(&mut self, now: Moment) -> (MachineView, Vitals) {
        let mut cards = self.nvidia.look();
        let next = cards.gpus.iter().map(|gpu| gpu.index.saturating_add(1)).max().unwrap_or(0);
        cards.gpus.extend(amd::look(&self.config.sysfs, next));
        cards.gpus.iter_mut().for_each(doubt);
        self.host.look();
        let view = self.view(&cards, now.wall);
        let disk_used_percent = match (view.disk_used_bytes, view.disk_total_bytes) {
            (Some(used), Some(total)) if total > 0 => Some(real(used) / real(total) * 100.0),
            _ => None,
        };
        let gpus = cards
            .gpus
            .iter()
            .map(|gpu| GpuVitals {
                index: gpu.index,
                temperature_celsius: gpu.temperature_celsius,
                mean_utilisation_percent: self.mean(gpu, now),
            })
            .collect();
        self.growth.look(now);
        let free = view.disk_total_bytes.zip(view.disk_used_bytes);
        let free = free.map(|(total, used)| real(total.saturating_sub(used)));
        let vitals = Vitals {
            gpus,
            gpu_lost: cards.lost,
            disk_used_percent,
            since_trial: self.study.last_arrival().map(|last| now.since(last)),
            disk_full_in: free.and_then(|free| self.growth.disk_full_in(free)),
            study_growth_bytes: self.growth.study(),
        };
        (view, vitals)
    }

    fn view(&self, cards: &Cards, now: Timestamp) -> MachineView {
        let status = Arc::clone(&self.status.borrow());
        let roots: Vec<(String, u32)> = status
            .processes
            .iter()
            .filter_map(|process| Some((process.name.to_string(), process.pid?)))
            .collect();
        let (memory_used_bytes, memory_total_bytes) = self.host.memory();
        let disk = host::disk(&self.root);
        MachineView {
            at: now,
            gpus: cards.gpus.clone(),
            gpu_absent: if cards.gpus.is_empty() { cards.why_absent.clone() } else { None },
            cpu_percent: self.host.cpu_percent(),
            memory_used_bytes,
            memory_total_bytes,
            disk_used_bytes: disk.as_ref().map(|disk| disk.used),
            disk_total_bytes: disk.as_ref().map(|disk| disk.total),
            study_bytes: std::fs::metadata(&self.database).ok().map(|file| file.len()),
            processes: self.host.uses(&roots, &cards.memory_by_pid),
        }
    }

    /// Mean use of a card over the configured stretch; none until that much was seen.
    fn mean(&mut self, gpu: &GpuView, now: Moment) -> Option<f64> {
        let used = self.used.entry(gpu.index).or_default();
        let Some(percent) = gpu.utilisation_percent else {
            used.clear();
            return None;
        };
        used.push_back((now, percent));
        let is_before = |at: &Moment| now.since(*at) >= self.config.mean_over;
        // One look from before the stretch stays: it shows that all of it was seen.
        while used.get(1).is_some_and(|(at, _)| is_before(at)) {
            used.pop_front();
        }
        let is_whole = used.front().is_some_and(|(at, _)| is_before(at));
        let count = real(u64::try_from(used.len()).unwrap_or(1));
        is_whole.then(|| used.iter().map(|(_, percent)| percent).sum::<f64>() / count)
    }
}

/// Drivers answer nonsense now and then, such as all ones for "not known": nobody is woken for it.
fn doubt(gpu: &mut GpuView) {
    let within = |reading: &mut Option<f64>, range: RangeInclusive<f64>| {
        *reading = reading.filter(|reading| range.contains(reading));
    };
    within(&mut gpu.temperature_celsius, -40.0..=150.0);
    within(&mut gpu.utilisation_percent, 0.0..=100.0);
    within(&mut gpu.power_watts, 0.0..=5_000.0);
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts, shown in percent")]
const fn real(count: u64) -> f64 {
    count as f64
}

/// The series of one look: name, unit, value.
pub fn samples(view: &MachineView) -> Vec<(String, &'static str, f64)> {
    let mut rows = Vec::new();
    let mut row = |name: String, unit: &'static str, value: Option<f64>| {
        if let Some(value) = value {
            rows.push((name, unit, value));
        }
    };
    for gpu in &view.gpus {
        let name = |what: &str| format!("gpu/{}/{what}", gpu.index);
        row(name("temperature"), "°C", gpu.temperature_celsius);
        row(name("utilisation"), "%", gpu.utilisation_percent);
        row(name("memory_used"), "bytes", gpu.memory_used_bytes.map(real));
        row(name("power"), "W", gpu.power_watts);
    }
    row("host/cpu".to_owned(), "%", view.cpu_percent);
    row("host/memory_used".to_owned(), "bytes", Some(real(view.memory_used_bytes)));
    row("disk/used".to_owned(), "bytes", view.disk_used_bytes.map(real));
    row("study/size".to_owned(), "bytes", view.study_bytes.map(real));
    for used in &view.processes {
        row(format!("process/{}/cpu", used.name), "%", Some(used.cpu_percent));
        row(format!("process/{}/memory", used.name), "bytes", Some(real(used.memory_bytes)));
        let gpu_memory = used.gpu_memory_bytes.map(real);
        row(format!("process/{}/gpu_memory", used.name), "bytes", gpu_memory);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use cappuccino_core::words::StudyIdentity;
    use std::sync::RwLock;

    fn eye() -> Eye {
        let folder = std::env::temp_dir();
        Eye {
            root: folder.clone(),
            database: folder,
            config: MachineConfig::default(),
            nvidia: Nvidia::new(Some(PathBuf::from("/nowhere/libnvidia-ml.so"))),
            host: HostEye::new().unwrap(),
            used: BTreeMap::new(),
            growth: Growth::new(watch::channel(None).1),
            status: watch::channel(Arc::new(Status::default())).1,
            study: Shared::default(),
        }
    }

    #[test]
    fn a_mean_needs_its_whole_stretch() {
        let mut eye = eye();
        let at = |seconds: i64| Moment::default().plus(Span::seconds(seconds));
        let gpu = |percent| GpuView { utilisation_percent: Some(percent), ..GpuView::default() };
        for seconds in (0..600).step_by(10) {
            assert_eq!(eye.mean(&gpu(10.0), at(seconds)), None, "after {seconds} s");
        }
        assert_eq!(eye.mean(&gpu(10.0), at(600)), Some(10.0));
        let silent = GpuView::default();
        assert_eq!(eye.mean(&silent, at(610)), None);
        assert_eq!(eye.mean(&gpu(90.0), at(620)), None, "a gap begins anew");
    }

    #[test]
    fn a_clock_that_is_set_makes_no_card_idle_and_no_study_stalled() {
        let mut eye = eye();
        let arrived = Moment { uptime: Span::hours(5), ..Moment::default() };
        let identity =
            StudyIdentity { name: "s".into(), study_id: 1, directions: Vec::new(), anchor: None };
        eye.study.report(identity, 1, false, arrived, &RwLock::default());
        let gpu = GpuView { utilisation_percent: Some(10.0), ..GpuView::default() };
        for (minutes, years, mean) in
            [(0, 0, None), (5, 1, None), (9, -1, None), (10, 2, Some(10.0))]
        {
            let wall = Timestamp(0).plus(Span::hours(years * 365 * 24));
            let now = Moment { wall, ..arrived.plus(Span::minutes(minutes)) };
            assert_eq!(eye.mean(&gpu, now), mean, "after {minutes} minutes");
            let (_, vitals) = eye.look(now);
            assert_eq!(vitals.since_trial, Some(Span::minutes(minutes)));
        }
    }

    #[test]
    fn what_no_card_can_be_is_not_known() {
        let of = |celsius, percent| {
            let (temperature_celsius, utilisation_percent) = (Some(celsius), Some(percent));
            let mut gpu =
                GpuView { temperature_celsius, utilisation_percent, ..GpuView::default() };
            doubt(&mut gpu);
            (gpu.temperature_celsius, gpu.utilisation_percent)
        };
        assert_eq!(of(65_535.0, 255.0), (None, None));
        assert_eq!(of(f64::NAN, f64::INFINITY), (None, None));
        assert_eq!(of(93.0, 100.0), (Some(93.0), Some(100.0)));
    }

    #[test]
    fn a_machine_without_a_card_says_why_and_has_the_rest() {
        let (view, vitals) = eye().look(Moment::default());
        assert!(view.gpu_absent.is_some_and(|why| why.contains("no NVIDIA driver")));
        assert!(view.memory_total_bytes > 0 && vitals.disk_used_percent.is_some());
        assert_eq!(vitals.gpu_lost, None, "what was never there is not lost");
    }
}
