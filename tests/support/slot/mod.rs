//! One trader's slot with the real engine around it, as a model with finitely many states: every
//! order in which effects, reports, deaths, crashes and clicks can come.
//!
//! The runner works as the real one does: a committed decision's effects are performed in order,
//! what is known at once is observed before anything else, the rest comes as reports. Between any
//! two of these steps the trader may die, the runner may be killed, the power may go.
//!
//! The clock stands still; a deadline that is set may pass at any moment, the shorter one not
//! always first: more orders than real clocks allow, and none fewer. Left out: several processes,
//! other commands than a rollback, a shim that dies without its process.

mod canon;
mod law;
mod runner;
mod workstation;

use crate::explore::{Edge, Model};
use cappuccino_core::words::{
    BootId, DeploymentPolicy, Effect, ExitStatus, Generation, Moment, Observation, Policy,
    ProcessName, ProcessPolicy, ProcessReport, Readiness, RevisionId, Role, Span, Timestamp,
};
use cappuccino_core::world::World;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How the fence around the slot works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// As built: the slot's lock is inherited at birth, and reports name the life they are about.
    Whole,
    /// A defect: a life takes no lock, so it can be seen only after it wrote its record.
    NoLock,
    /// A defect: whatever is reported is taken to be about the present life.
    NoGeneration,
}

/// What the world has left to throw in, all traces of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Trials of the study, each better than the one before.
    pub trials: u8,
    /// Deaths, crashes, power cuts, damaged files, failed starts.
    pub misfortunes: u8,
    /// Clicks on "roll back".
    pub clicks: u8,
}

/// The model and its bounds.
pub struct SlotModel {
    /// How the fence works.
    pub fence: Fence,
    /// How much may happen in one trace.
    pub bounds: Bounds,
    policy: Policy,
    trader: ProcessName,
}

/// Everything that decides what can happen next.
#[derive(Clone, Debug)]
pub struct State {
    /// The record on disk; a running engine has the same.
    world: World,
    /// Whether a runner is up.
    up: bool,
    /// Committed effects that were not performed yet.
    todo: Vec<Effect>,
    /// What performing them told at once.
    urgent: Vec<Observation>,
    /// Reports on their way to the runner, in order.
    reports: Vec<ProcessReport>,
    /// Long work under way.
    jobs: BTreeSet<Effect>,
    /// Who lives in the slot.
    lives: Vec<Life>,
    /// The record that the last end left.
    exit: Option<Exit>,
    /// Trials that the study has by now.
    trials: u8,
    /// What is left of the bounds.
    left: Bounds,
}

/// A life in the slot.
#[derive(Clone, Debug, PartialEq)]
struct Life {
    generation: Generation,
    revision: Option<RevisionId>,
    /// Whether it wrote its record: before that it holds the lock, but nobody knows who it is.
    known: bool,
    /// Whether it was asked to end.
    ending: bool,
    /// Whether the present runner hears of its fate.
    watched: bool,
}

/// How the last life ended.
#[derive(Clone, Debug, PartialEq)]
enum Exit {
    Ended(Generation, ExitStatus),
    NotStarted(Generation),
}

/// When everything happens.
const NOW: Moment =
    Moment { wall: Timestamp(2_000_000_000), boot: BootId(1), uptime: Span(1_000_000_000) };

impl SlotModel {
    /// A model with small budgets: one restart before a cooldown, two ended starts, one rollback.
    pub fn new(fence: Fence, bounds: Bounds) -> Self {
        let trader = ProcessName::new("trader").unwrap();
        let deployment = DeploymentPolicy {
            min_dwell: Span::ZERO,
            max_per_day: u32::MAX,
            start_attempts: 2,
            rollback_budget: 1,
            start_deadline: Span::seconds(60),
            probation: Span::seconds(60),
            settle_deadline: Span::minutes(2),
            staging_deadline: Span::minutes(2),
            validation_deadline: Span::minutes(2),
            ..DeploymentPolicy::default()
        };
        let process = ProcessPolicy {
            budget: 1,
            budget_window: Span::hours(1),
            // Too short for the spread that depends on the generation.
            backoff_initial: Span(3),
            backoff_max: Span(3),
            cooldown: Span::seconds(60),
            // A pause that grows would be a state of its own each time.
            cooldown_max: Span::seconds(60),
            ready: Readiness::After(Span::seconds(5)),
            healthy_after: Span::seconds(5),
            stop_grace: Span::ZERO,
            ..ProcessPolicy::of(Role::Trader)
        };
        let processes = [(trader.clone(), process)].into();
        let policy =
            Policy { deployment, processes, trader: Some(trader.clone()), ..Policy::default() };
        Self { fence, bounds, policy, trader }
    }
}

impl Model for SlotModel {
    type State = State;

    fn first(&self) -> State {
        State {
            world: World::default(),
            up: false,
            todo: Vec::new(),
            urgent: Vec::new(),
            reports: Vec::new(),
            jobs: BTreeSet::new(),
            lives: Vec::new(),
            exit: None,
            trials: 0,
            left: self.bounds,
        }
    }

    fn edges(&self, state: &State) -> Vec<Edge<State>> {
        let mut edges = self.fates(state);
        if state.left.misfortunes > 0 {
            edges.extend(self.outages(state));
        }
        if state.up {
            edges.extend(self.work(state));
        } else {
            edges.push(self.edge("the runner starts", true, self.boot(state)));
        }
        edges
    }

    fn key(&self, state: &State) -> u128 {
        let text = format!("{state:?}");
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, &text).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }

    fn broken(&self, state: &State) -> Option<&'static str> {
        law::broken(state, self.is_steady(state))
    }

    fn is_steady(&self, state: &State) -> bool {
        law::is_steady(state, &self.trader)
    }
}

impl SlotModel {
    /// A step that only bad luck leads to; none when there was enough of it.
    fn misfortune(&self, label: impl Into<String>, mut next: State) -> Option<Edge<State>> {
        next.left.misfortunes = next.left.misfortunes.checked_sub(1)?;
        Some(self.edge(label, false, next))
    }

    /// A step to `next`, brought into its canonical form.
    fn edge(&self, label: impl Into<String>, fair: bool, next: State) -> Edge<State> {
        Edge { label: label.into(), next: canon::canonical(next, &self.trader), fair }
    }
}
