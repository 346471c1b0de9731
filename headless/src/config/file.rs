//! The configuration as written: every key, its type and its default; nothing checked yet.

use super::alerts::Alerts;
use super::gate::Gate;
use super::guard::Guard;
use super::lanes::Lanes;
use super::notify::Notify;
use super::supervision::{Liveness, Ready};
use serde::Deserialize;
use serde_spanned::Spanned;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) study: Study,
    #[serde(default)]
    pub(super) models: Models,
    #[serde(default)]
    pub(super) deployment: Deployment,
    #[serde(default)]
    pub(super) gate: Gate,
    #[serde(default)]
    pub(super) guard: Guard,
    #[serde(default)]
    pub(super) lanes: Lanes,
    #[serde(default)]
    pub(super) machine: Machine,
    #[serde(default)]
    pub(super) alerts: Alerts,
    #[serde(default)]
    pub(super) backups: Backups,
    #[serde(default)]
    pub(super) notify: Notify,
    #[serde(default, rename = "process")]
    pub(super) processes: Vec<Process>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Study {
    pub(super) database: PathBuf,
    pub(super) name: Option<String>,
    pub(super) objective: Option<usize>,
    pub(super) poll: Option<Spanned<String>>,
    pub(super) heartbeat_interval: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Models {
    pub(super) folders: Vec<String>,
    pub(super) timeframe: String,
    pub(super) required: Vec<Spanned<String>>,
    pub(super) max_megabytes: u64,
    pub(super) tickers: Option<Spanned<Vec<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Deployment {
    pub(super) auto: Option<bool>,
    pub(super) min_improvement_percent: Option<Spanned<f64>>,
    pub(super) min_improvement_absolute: Option<Spanned<f64>>,
    pub(super) min_dwell: Option<Spanned<String>>,
    pub(super) max_per_day: Option<Spanned<u32>>,
    pub(super) settle: Option<Spanned<String>>,
    pub(super) settle_deadline: Option<Spanned<String>>,
    pub(super) staging_deadline: Option<Spanned<String>>,
    pub(super) validation_deadline: Option<Spanned<String>>,
    pub(super) require_approval: Option<bool>,
    pub(super) approval_deadline: Option<Spanned<String>>,
    pub(super) start_deadline: Option<Spanned<String>>,
    pub(super) start_attempts: Option<Spanned<u32>>,
    pub(super) probation: Option<Spanned<String>>,
    pub(super) rollback_budget: Option<Spanned<u32>>,
    pub(super) on_failure: Option<OnFailure>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OnFailure {
    Rollback,
    Freeze,
    Stop,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Machine {
    pub(super) every: Option<Spanned<String>>,
    pub(super) gpu_warm_celsius: Option<Spanned<f64>>,
    pub(super) gpu_hot_celsius: Option<Spanned<f64>>,
    pub(super) gpu_idle_percent: Option<Spanned<f64>>,
    pub(super) gpu_idle_for: Option<Spanned<String>>,
    pub(super) disk_high_percent: Option<Spanned<f64>>,
    pub(super) disk_full_percent: Option<Spanned<f64>>,
    pub(super) stalled_after: Option<Spanned<String>>,
    pub(super) nvml_library: Option<PathBuf>,
    pub(super) sysfs: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Backups {
    pub(super) keep: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Process {
    pub(super) name: Spanned<String>,
    pub(super) role: Role,
    pub(super) command: Spanned<Vec<String>>,
    #[serde(default = "one")]
    pub(super) instances: Spanned<u32>,
    pub(super) directory: Option<PathBuf>,
    pub(super) session_csv: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    pub(super) autostart: Option<bool>,
    pub(super) auto_restart: Option<bool>,
    pub(super) restart: Option<Restart>,
    pub(super) max_restarts: Option<u32>,
    pub(super) restart_window: Option<Spanned<String>>,
    pub(super) restart_delay: Option<Spanned<String>>,
    pub(super) restart_delay_max: Option<Spanned<String>>,
    pub(super) restart_cooldown: Option<Spanned<String>>,
    pub(super) restart_cooldown_max: Option<Spanned<String>>,
    pub(super) healthy_after: Option<Spanned<String>>,
    pub(super) ready_after: Option<Spanned<String>>,
    pub(super) ready: Option<Spanned<Ready>>,
    pub(super) liveness: Option<Spanned<Liveness>>,
    pub(super) memory_limit: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) after: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) no_restart_codes: BTreeSet<i32>,
    pub(super) stop_signal: Option<Spanned<String>>,
    pub(super) stop_grace: Option<Spanned<String>>,
    pub(super) critical: Option<bool>,
    pub(super) log_cap_megabytes: Option<Spanned<u64>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    Worker,
    Trader,
    Other,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Restart {
    Always,
    OnFailure,
    Never,
}

fn one() -> Spanned<u32> {
    Spanned::new(0..0, 1)
}

impl Default for Models {
    fn default() -> Self {
        Self {
            folders: vec![
                "train_results/cwd_tests/trial_{number}_{timeframe}".into(),
                "train_results/cwd_tests/trial_{number}".into(),
            ],
            timeframe: "1h".into(),
            required: ["actor.pth", "critic.pth"]
                .map(|name| Spanned::new(0..0, name.to_owned()))
                .into(),
            max_megabytes: 2048,
            tickers: None,
        }
    }
}

impl Default for Backups {
    fn default() -> Self {
        Self { keep: 7 }
    }
}
