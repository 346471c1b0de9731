//! The four files, written from the history: what was imported comes first, what happened since is
//! added as the original would have added it. Without news a file is the imported one, byte for
//! byte.

use super::dumps::dumps;
use super::read::value_and_found;
use super::value::{count, entry, extend, maybe, object, set};
use super::{LegacyError, LegacyFile};
use crate::api::{Status, ViewValue};
use crate::model::pickle::PyValue;
use crate::store::Entry;
use crate::words::{
    Candidate, Decline, Note, ProcessName, Rejection, RevisionId, Severity, Standing, Timestamp,
};
use std::collections::BTreeMap;

/// Deployments that the state keeps.
const DEPLOYMENTS_MAX: usize = 20;
/// Alerts that the watchdog keeps, and looks that the monitor keeps.
const RING: usize = 100;

/// What the files name and the history does not know.
pub trait Surroundings {
    /// A moment as local time without a zone: `2025-11-17T18:00:00.000000`.
    fn local(&self, at: Timestamp) -> String;
    /// Folder, log and session file of a revision, as the original would name them.
    fn files(&self, revision: RevisionId) -> [Option<String>; 3];
    /// The process that trades.
    fn trader(&self) -> Option<&ProcessName>;
}

/// The files in the making.
pub struct LegacyExport<'a, S> {
    around: &'a S,
    candidates: BTreeMap<RevisionId, Candidate>,
    deployments: Vec<PyValue>,
    decisions: Vec<PyValue>,
    alerts: Vec<PyValue>,
    restarts: BTreeMap<String, (u64, String)>,
    live: Option<(Candidate, String)>,
    pid: Option<u32>,
}

impl<'a, S: Surroundings> LegacyExport<'a, S> {
    /// Files that tell nothing yet.
    pub const fn new(around: &'a S) -> Self {
        Self {
            around,
            candidates: BTreeMap::new(),
            deployments: Vec::new(),
            decisions: Vec::new(),
            alerts: Vec::new(),
            restarts: BTreeMap::new(),
            live: None,
            pid: None,
        }
    }

    /// Takes the next line of the history.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the four files had no place for more")]
    pub fn take(&mut self, line: &Entry) {
        let at = self.around.local(line.at);
        match &line.note {
            Note::DeploymentBegan(_, revision, candidate, _) => {
                self.candidates.insert(*revision, candidate.clone());
            }
            Note::WentLive(_, revision, _, cause) => {
                self.went_live(*revision, &at, &cause.to_string());
            }
            Note::CandidateDeclined(candidate, why) => self.declined(candidate, &at, why),
            Note::RevisionJudged(revision, _, Standing::Rejected(why)) => {
                self.rejected(*revision, &at, why);
            }
            Note::AlertRaised(key, text, _) => self.alert(key, &at, Severity::Warning, text),
            Note::AlertFired(key, trouble, 1) => {
                self.alert(key, &at, trouble.severity, &trouble.text);
            }
            Note::ProcessStarted(name, _, pid) | Note::ProcessAdopted(name, _, pid)
                if self.around.trader() == Some(name) =>
            {
                self.pid = Some(*pid);
                self.pid_of_the_newest(*pid);
            }
            Note::ProcessExited(name, _, _, was_asked) => {
                if self.around.trader() == Some(name) {
                    self.pid = None;
                }
                if !was_asked {
                    self.restarted(name, at);
                }
            }
            Note::ProcessCondemned(name, ..) => self.restarted(name, at),
            Note::ProcessHealthy(name, _) => {
                if let Some(restarts) = self.restarts.get_mut(&self.named(name)) {
                    restarts.0 = 0;
                }
            }
            _ => {}
        }
    }

    fn restarted(&mut self, name: &ProcessName, at: String) {
        let restarts = self.restarts.entry(self.named(name)).or_default();
        *restarts = (restarts.0.saturating_add(1), at);
    }

    /// The original's name of a process, where it had one.
    fn named(&self, name: &ProcessName) -> String {
        let is_trader = self.around.trader() == Some(name);
        if is_trader { "paper_trading".to_owned() } else { name.to_string() }
    }

    fn went_live(&mut self, revision: RevisionId, at: &str, why: &str) {
        let Some(candidate) = self.candidates.get(&revision).cloned() else { return };
        let [folder, log, session] = self.around.files(revision);
        let text = |text: Option<String>| maybe(text, |text| PyValue::text(&text));
        self.deployments.push(object([
            ("trial_id", PyValue::Int(candidate.trial_id.0)),
            ("value", PyValue::Float(candidate.value)),
            ("timestamp", PyValue::text(at)),
            ("pid", maybe(self.pid, PyValue::from)),
            ("model_dir", text(folder)),
            ("log_file", text(log)),
            ("csv_file", text(session)),
        ]));
        self.decide(&candidate, at, "DEPLOYED", why);
        self.live = Some((candidate, at.to_owned()));
    }

    /// The trader of a deployment starts before or after the deployment counts as live.
    fn pid_of_the_newest(&mut self, pid: u32) {
        if let Some(newest) = self.deployments.last_mut()
            && let Some(place @ PyValue::None) = entry(newest, "pid")
        {
            *place = pid.into();
        }
    }

    fn declined(&mut self, candidate: &Candidate, at: &str, why: &Decline) {
        let action = if *why == Decline::NotAutomatic { "READY" } else { "SKIPPED" };
        self.decide(candidate, at, action, &why.to_string());
    }

    fn rejected(&mut self, revision: RevisionId, at: &str, why: &Rejection) {
        let Some(candidate) = self.candidates.get(&revision).cloned() else { return };
        let action = match why {
            Rejection::Invalid(_) | Rejection::FilesMissing(_) => "FAILED_VALIDATION",
            Rejection::StagingFailed(_)
            | Rejection::TimedOut(_)
            | Rejection::ApprovalExpired
            | Rejection::ByOperator(_)
            | Rejection::TradedWorse(_) => "SKIPPED",
        };
        self.decide(&candidate, at, action, &why.to_string());
    }

    fn decide(&mut self, candidate: &Candidate, at: &str, action: &str, details: &str) {
        self.decisions.push(object([
            ("timestamp", PyValue::text(at)),
            ("trial_id", PyValue::Int(candidate.trial_id.0)),
            ("value", PyValue::Float(candidate.value)),
            ("action", PyValue::text(action)),
            ("details", PyValue::text(details)),
        ]));
    }

    fn alert(&mut self, key: &str, at: &str, severity: Severity, text: &str) {
        let trader = self.around.trader().map(ToString::to_string);
        let mut parts = key.split('/');
        let process = match (parts.next(), parts.next()) {
            (Some("process"), Some(name)) if trader.as_deref() == Some(name) => "paper_trading",
            (Some("process"), Some(name)) => name,
            (Some("gpu"), _) => "GPU",
            (Some("disk"), _) => "DISK",
            (Some("study"), _) => "DATABASE",
            (Some(other), _) => other,
            (None, _) => key,
        };
        let severity = match severity {
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Critical => "CRITICAL",
        };
        self.alerts.push(object([
            ("timestamp", PyValue::text(at)),
            ("severity", PyValue::text(severity)),
            ("process", PyValue::text(process)),
            ("message", PyValue::text(text)),
        ]));
    }

    /// The four files on top of what was imported, `status` as the monitor's newest look.
    ///
    /// # Errors
    /// [`LegacyError`] of an imported text that is none of these files.
    pub fn finish(
        self,
        imported: &BTreeMap<LegacyFile, String>,
        status: Option<&Status>,
    ) -> Result<BTreeMap<LegacyFile, String>, LegacyError> {
        let mut files = BTreeMap::new();
        for file in LegacyFile::ALL {
            let mut value = match imported.get(&file) {
                Some(text) => value_and_found(file, text)?.0,
                None => empty(file),
            };
            match file {
                LegacyFile::DeploymentState => self.deployment_state(&mut value),
                LegacyFile::DeploymentLog => {
                    extend(&mut value, self.decisions.clone(), usize::MAX);
                }
                LegacyFile::WatchdogState => self.watchdog_state(&mut value),
                LegacyFile::MonitorState => self.monitor_state(&mut value, status),
            }
            files.insert(file, dumps(&value));
        }
        Ok(files)
    }

    fn deployment_state(&self, file: &mut PyValue) {
        let Some((candidate, at)) = &self.live else { return };
        set(file, "last_deployed_trial", PyValue::Int(candidate.trial_id.0));
        set(file, "last_deployed_value", PyValue::Float(candidate.value));
        set(file, "last_deployment_time", PyValue::text(at));
        if let Some(history) = entry(file, "deployment_history") {
            extend(history, self.deployments.clone(), DEPLOYMENTS_MAX);
        }
        set(file, "current_paper_trader_pid", maybe(self.pid, PyValue::from));
    }

    fn watchdog_state(&self, file: &mut PyValue) {
        for (name, (restarts, at)) in &self.restarts {
            if let Some(counts) = entry(file, "restart_counts") {
                set(counts, name, count(*restarts));
            }
            if let Some(times) = entry(file, "last_restart_times") {
                set(times, name, PyValue::text(at));
            }
        }
        if let Some(alerts) = entry(file, "alerts") {
            extend(alerts, self.alerts.clone(), RING);
        }
    }

    fn monitor_state(&self, file: &mut PyValue, status: Option<&Status>) {
        let Some(status) = status.filter(|status| status.study.state == "following") else {
            return;
        };
        let at = PyValue::text(&self.around.local(status.at));
        let best = status.study.best.as_ref();
        let value = |value: &ViewValue| match value {
            ViewValue::Finite(number) => PyValue::Float(*number),
            ViewValue::Infinite(text) if text.starts_with('-') => PyValue::Float(f64::NEG_INFINITY),
            ViewValue::Infinite(_) => PyValue::Float(f64::INFINITY),
        };
        let best_value = maybe(best.and_then(|best| best.value.as_ref()), value);
        set(file, "last_check_time", at.clone());
        set(file, "last_trial_count", count(status.study.counts.complete));
        set(file, "best_trial_id", maybe(best, |best| PyValue::Int(best.trial_id.0)));
        set(file, "best_trial_value", best_value.clone());
        let look = object([
            ("timestamp", at),
            ("stats", self.stats(status, best_value)),
            ("gpu_stats", gpu(status)),
            ("paper_trading", trading(status)),
        ]);
        if let Some(history) = entry(file, "performance_history") {
            extend(history, vec![look], RING);
        }
    }

    fn stats(&self, status: &Status, best_value: PyValue) -> PyValue {
        let counts = &status.study.counts;
        let all = [counts.complete, counts.running, counts.failed, counts.pruned, counts.waiting];
        let best = maybe(status.study.best.as_ref(), |best| {
            let ended = best.completed.map(|at| PyValue::text(&self.around.local(at)));
            object([
                ("trial_id", PyValue::Int(best.trial_id.0)),
                ("number", PyValue::Int(best.number.0)),
                ("value", best_value),
                ("datetime", ended.unwrap_or(PyValue::None)),
            ])
        });
        object([
            ("total", count(all.iter().sum())),
            ("complete", count(counts.complete)),
            ("running", count(counts.running)),
            ("failed", count(counts.failed)),
            ("best_trial", best),
            ("recent_completions", count(status.study.finished_last_hour.into())),
        ])
    }
}

fn trading(status: &Status) -> PyValue {
    let pnl = status.pnl.as_ref();
    let state = match pnl.map(|pnl| pnl.state.as_str()) {
        Some("following") => "active",
        Some(state) if state.starts_with("unreadable") => "error",
        Some(_) | None => "no_data",
    };
    object([
        ("status", PyValue::text(state)),
        ("csv_file", maybe(pnl, |pnl| PyValue::text(&pnl.file))),
        ("total_rows", count(pnl.map_or(0, |pnl| pnl.rows))),
        ("trade_count", count(pnl.map_or(0, |pnl| pnl.trades))),
        ("latest_portfolio_value", maybe(pnl.and_then(|pnl| pnl.equity), PyValue::Float)),
        (
            "latest_timestamp",
            maybe(pnl.and_then(|pnl| pnl.newest), |at| PyValue::text(&at.to_string())),
        ),
    ])
}

fn gpu(status: &Status) -> PyValue {
    const MIB: f64 = 1_048_576.0;
    let mebibytes = |bytes: Option<u64>| {
        maybe(bytes.and_then(|bytes| u32::try_from(bytes >> 10).ok()), |kib| {
            PyValue::Float((f64::from(kib) * 1024.0 / MIB).round())
        })
    };
    let card = status.machine.as_ref().and_then(|machine| machine.gpus.first());
    maybe(card, |card| {
        object([
            ("temperature", maybe(card.temperature_celsius, PyValue::Float)),
            ("utilization", maybe(card.utilisation_percent, PyValue::Float)),
            ("memory_used", mebibytes(card.memory_used_bytes)),
            ("memory_total", mebibytes(card.memory_total_bytes)),
            ("power_draw", maybe(card.power_watts, PyValue::Float)),
        ])
    })
}

/// A file as the original began it.
fn empty(file: LegacyFile) -> PyValue {
    let list = || PyValue::List(Vec::new());
    match file {
        LegacyFile::DeploymentState => object([
            ("last_deployed_trial", PyValue::None),
            ("last_deployed_value", PyValue::None),
            ("last_deployment_time", PyValue::None),
            ("deployment_history", list()),
            ("current_paper_trader_pid", PyValue::None),
        ]),
        LegacyFile::DeploymentLog => list(),
        LegacyFile::WatchdogState => object([
            ("restart_counts", object([])),
            ("last_restart_times", object([])),
            ("alerts", list()),
        ]),
        LegacyFile::MonitorState => object([
            ("last_check_time", PyValue::None),
            ("last_trial_count", PyValue::Int(0)),
            ("best_trial_id", PyValue::None),
            ("best_trial_value", PyValue::None),
            ("performance_history", list()),
        ]),
    }
}
