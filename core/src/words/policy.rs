//! What the user wants, already checked: thresholds, budgets, deadlines. Trusted from here on.
//!
//! The defaults are those of the systems this one replaces where they had any (1 % improvement,
//! 3 restarts, 300 s cooldown); the others are named beside their reasons.

use super::alert::AlertsPolicy;
use super::ids::ProcessName;
use super::limits::AlertLimits;
use super::supervision::{LivenessPolicy, Readiness};
use super::time::Span;
use super::trading::{GuardPolicy, LanesPolicy};
use super::vitals::VitalsPolicy;
use std::collections::{BTreeMap, BTreeSet};

/// Everything the machines consult.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// When and how a model goes live.
    pub deployment: DeploymentPolicy,
    /// The processes to keep alive, by name.
    pub processes: BTreeMap<ProcessName, ProcessPolicy>,
    /// Which of them runs the deployed model; none means that nothing is ever deployed.
    pub trader: Option<ProcessName>,
    /// When the machine's state needs attention.
    pub vitals: VitalsPolicy,
    /// How patiently alerts are told.
    pub alerts: AlertsPolicy,
    /// From where on the trading, the disk and the study need attention.
    pub limits: AlertLimits,
}

/// When and how a model goes live.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentPolicy {
    /// Whether a better trial is deployed without asking.
    pub auto_deploy: bool,
    /// Least gain relative to the live value, in percent of its magnitude.
    pub min_improvement_percent: f64,
    /// Least gain in the objective's own unit.
    pub min_improvement_absolute: f64,
    /// Least time from any cutover to the next automatic one; against chasing noise, and so that a
    /// rollback lasts.
    pub min_dwell: Span,
    /// Most cutovers in 24 hours before automatic ones wait.
    pub max_per_day: u32,
    /// How long a model's files must stay untouched before they are copied.
    pub settle: Span,
    /// How long to wait for the files to appear and settle.
    pub settle_deadline: Span,
    /// How long a copy into the model store may take.
    pub staging_deadline: Span,
    /// How long a validation may take.
    pub validation_deadline: Span,
    /// Whether a person must approve before cutover.
    pub require_approval: bool,
    /// How long to wait for that person.
    pub approval_deadline: Span,
    /// How long a started trader may take to be ready.
    pub start_deadline: Span,
    /// Ended runs of the trader that fail a start or a probation.
    pub start_attempts: u32,
    /// How long a new model must run before it counts as good.
    pub probation: Span,
    /// Automatic rollbacks in a row before everything is halted for a person to look.
    pub rollback_budget: u32,
    /// What a failed model leads to.
    pub on_failure: OnFailure,
    /// How a live model may trade before it is such a failure.
    pub guard: GuardPolicy,
    /// Who trades beside it.
    pub lanes: LanesPolicy,
}

/// What a model that fails after cutover leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Go back to the newest good model.
    Rollback,
    /// Leave it running, stop deploying, tell the user.
    Freeze,
    /// Stop trading, tell the user.
    Stop,
}

/// How one process is kept alive.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessPolicy {
    /// What the process is for.
    pub role: Role,
    /// Whether it is started with the runner. A trader starts when a model is deployed.
    pub autostart: bool,
    /// Which ends lead to a restart.
    pub restart: RestartRule,
    /// Restarts allowed within [`Self::budget_window`]; the next end leads to a cooldown.
    pub budget: u32,
    /// Sliding window of the budget.
    pub budget_window: Span,
    /// Delay before the first restart; doubles with every further failure.
    pub backoff_initial: Span,
    /// Longest delay before a restart.
    pub backoff_max: Span,
    /// Pause after the budget is spent; then one half-open start is tried. Doubles with every
    /// further start that fails.
    pub cooldown: Span,
    /// Longest pause before a half-open start.
    pub cooldown_max: Span,
    /// How long a run must last to clear the record of failures.
    pub healthy_after: Span,
    /// When a run counts as ready.
    pub ready: Readiness,
    /// Time between the polite signal and SIGKILL.
    pub stop_grace: Span,
    /// Whether its alerts are critical rather than warnings.
    pub critical: bool,
    /// Exit codes that lead to no restart: the process says that another try is useless.
    pub no_restart_codes: BTreeSet<i32>,
    /// It is started when these are ready, and stopped before them.
    pub after: Vec<ProcessName>,
    /// Which signs of life are looked for.
    pub liveness: LivenessPolicy,
    /// Most memory that it and all it started may use together, in bytes.
    pub memory_limit_bytes: Option<u64>,
}

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Trains models.
    Worker,
    /// Runs the deployed model.
    Trader,
    /// Anything else worth keeping alive.
    Other,
}

/// Which unplanned ends lead to a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartRule {
    /// Every end, success included.
    Always,
    /// Every end but success.
    OnFailure,
    /// None.
    Never,
}

impl Default for DeploymentPolicy {
    fn default() -> Self {
        Self {
            auto_deploy: true,
            min_improvement_percent: 1.0,
            min_improvement_absolute: 0.0,
            min_dwell: Span::minutes(10),
            max_per_day: 24,
            settle: Span::seconds(60),
            settle_deadline: Span::minutes(15),
            staging_deadline: Span::minutes(10),
            validation_deadline: Span::minutes(30),
            require_approval: false,
            approval_deadline: Span::hours(24),
            start_deadline: Span::seconds(60),
            start_attempts: 3,
            probation: Span::minutes(30),
            rollback_budget: 3,
            on_failure: OnFailure::Rollback,
            guard: GuardPolicy::default(),
            lanes: LanesPolicy::default(),
        }
    }
}

impl ProcessPolicy {
    /// The defaults of a process with this role.
    pub fn of(role: Role) -> Self {
        Self {
            role,
            autostart: role != Role::Trader,
            restart: RestartRule::Always,
            budget: 3,
            budget_window: Span::minutes(10),
            backoff_initial: Span::seconds(1),
            backoff_max: Span::minutes(1),
            cooldown: Span::seconds(300),
            cooldown_max: Span::hours(1),
            healthy_after: Span::minutes(10),
            ready: Readiness::After(Span::seconds(5)),
            stop_grace: Span::seconds(30),
            critical: false,
            no_restart_codes: BTreeSet::new(),
            after: Vec::new(),
            liveness: LivenessPolicy::default(),
            memory_limit_bytes: None,
        }
    }
}

impl Default for Policy {
    /// Nothing to supervise, nothing to deploy to.
    fn default() -> Self {
        Self {
            deployment: DeploymentPolicy::default(),
            processes: BTreeMap::new(),
            trader: None,
            vitals: VitalsPolicy::default(),
            alerts: AlertsPolicy::default(),
            limits: AlertLimits::default(),
        }
    }
}
