//! An explicit-state model check of the real engine: every order of its micro-steps, with the
//! runner killed, the power cut and the trader dying between any two of them.
//!
//! The world around it is small: one slot with one lock, children that were started but have not
//! introduced themselves, the exit record. Time stands still: every wait of the policy is zero, so
//! a deadline is a step that may happen at any moment.

use crate::desk::{name, study, trial};
use cappuccino_core::engine::Engine;
use cappuccino_core::machines::deployment::Phase;
use cappuccino_core::machines::process;
use cappuccino_core::words::{
    BootId, Command, DeploymentPolicy, DeploymentReport, Digest, Effect, ExitStatus, Generation,
    Moment, Observation, Policy, Probe, ProcessName, ProcessPolicy, ProcessReport, Readiness,
    Request, RequestId, RevisionId, Role, RunIdentity, Span, Standing, StudyReport,
};
use cappuccino_core::world::World;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher};

/// What is taken out of the fence, to see that the check would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// Nothing: the real design.
    Whole,
    /// A start does not hold the slot's lock from birth.
    NoLock,
    /// Reports do not say which life they are about.
    NoGeneration,
}

/// How often each kind of misfortune may happen.
const CANDIDATES: u8 = 2;
const CRASHES: u8 = 2;
const DEATHS: u8 = 1;
const CLICKS: u8 = 1;
// And once, while the runner is down, an old backup of the record may be restored.

/// A life: which, and with which model.
type Life = (Generation, Option<RevisionId>);
/// A child on its way to a life; and whether the runner that started it still waits for it.
type Child = (Life, bool);

/// One state of everything.
#[derive(Clone, Debug)]
struct State {
    record: World,
    up: bool,
    effects: VecDeque<Effect>,
    reports: VecDeque<Observation>,
    lives: Vec<Life>,
    unborn: Vec<Child>,
    exit: Option<Generation>,
    /// The record as it was when the first model was live: a backup that may be restored.
    backup: Option<Box<World>>,
    left: [u8; 4],
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Findings {
    pub states: usize,
    pub transitions: usize,
    pub steady: usize,
    /// A broken law with the shortest way to it.
    pub violation: Option<String>,
    /// States from which no fair way leads to rest.
    pub stuck: usize,
}

fn policy() -> Policy {
    let trader = ProcessPolicy {
        backoff_initial: Span::ZERO,
        cooldown: Span::ZERO,
        cooldown_max: Span::ZERO,
        ready: Readiness::After(Span::ZERO),
        budget: 1,
        ..ProcessPolicy::of(Role::Trader)
    };
    let deployment = DeploymentPolicy {
        min_dwell: Span::ZERO,
        settle: Span::ZERO,
        probation: Span::ZERO,
        start_attempts: 2,
        rollback_budget: 1,
        ..DeploymentPolicy::default()
    };
    let processes = [(name("trader"), trader)].into_iter().collect();
    Policy { deployment, processes, trader: Some(name("trader")), ..Policy::default() }
}

fn identity(generation: Generation) -> RunIdentity {
    let pid = u32::try_from(generation.0).unwrap();
    RunIdentity { boot: BootId(1), shim_pid: pid + 1000, pid, start_ticks: generation.0 }
}

fn trader(report: ProcessReport) -> Observation {
    Observation::Process(name("trader"), report)
}

impl State {
    fn key(&self) -> u64 {
        let mut record = self.record.clone();
        // What only counts does not decide.
        record.asked = 0;
        record.requests.clear();
        record.alerts.clear();
        for process in record.processes.values_mut() {
            process.tally = process::Tally::default();
        }
        let mut hasher = DefaultHasher::new();
        let rest = (
            self.up,
            &self.effects,
            &self.reports,
            &self.lives,
            &self.unborn,
            &self.exit,
            self.backup.is_some(),
            self.left,
        );
        format!("{record:?}{rest:?}").hash(&mut hasher);
        hasher.finish()
    }

    /// Tells the engine, commits, queues its effects.
    fn observe(&self, observation: &Observation) -> Self {
        let mut engine = Engine::new(policy(), self.record.clone());
        let decision = engine.decide(Moment::default(), observation);
        let orders = engine.advance(decision.commit_in_memory());
        let mut next = self.clone();
        next.record = engine.world().clone();
        let first = self.record.deployment.slot.revisions <= 1 && self.left[1] == CRASHES;
        if first && matches!(next.record.deployment.slot.phase, Phase::Live { .. }) {
            next.backup = Some(Box::new(next.record.clone()));
        }
        next.effects.extend(orders.effects.into_iter().map(|(_, effect)| effect));
        next
    }

    /// The newest life that left a record on disk: while it lives, or at its end.
    fn newest(&self) -> BTreeMap<ProcessName, Generation> {
        let lives = self.lives.iter().map(|(generation, _)| *generation);
        let newest = lives.chain(self.exit).max().unwrap_or_default();
        [(name("trader"), newest)].into_iter().collect()
    }

    fn present(&self) -> Generation {
        self.record
            .processes
            .get(&name("trader"))
            .map_or(Generation(0), |process| process.generation)
    }

    fn live_model(&self) -> Option<RevisionId> {
        self.record.deployment.slot.phase.live()
    }

    /// Whether nothing is under way between runner and world.
    fn is_quiet(&self) -> bool {
        self.up
            && self.effects.is_empty()
            && self.reports.is_empty()
            && self.unborn.is_empty()
            && self.observe(&Observation::Tick).record == self.record
    }

    fn is_steady(&self) -> bool {
        if !self.is_quiet() {
            return false;
        }
        match &self.record.deployment.slot.phase {
            Phase::Live { revision, .. } => {
                self.lives.len() == 1
                    && self.lives.iter().all(|(_, model)| *model == Some(*revision))
            }
            Phase::Watching | Phase::Halted(_) => self.lives.is_empty(),
            _ => false,
        }
    }

    /// What must hold here.
    fn broken_law(&self) -> Option<String> {
        if self.lives.len() > 1 {
            return Some(format!("two traders live: {:?}", self.lives));
        }
        let phase = &self.record.deployment.slot.phase;
        let standing =
            |id: RevisionId| self.record.deployment.revisions.get(&id).map(|r| &r.standing);
        if let Phase::Live { revision, .. } = phase
            && matches!(standing(*revision), Some(Standing::Bad(_)))
        {
            return Some(format!("revision {revision} is live and bad"));
        }
        if !self.is_quiet() {
            return None;
        }
        let running = self.lives.first().and_then(|(_, model)| *model)?;
        if matches!(phase, Phase::Halted(_) | Phase::Watching) {
            return Some(format!("revision {running} trades while nothing should"));
        }
        if Some(running) != self.live_model() {
            return Some(format!("revision {running} trades, {:?} is recorded", self.live_model()));
        }
        let bad = matches!(standing(running), Some(Standing::Bad(_)));
        bad.then(|| format!("revision {running} is bad and trades"))
    }

    /// Every state that may follow, with what happens and whether it is fair to count on it.
    fn successors(&self, fence: Fence) -> Vec<(String, Self, bool)> {
        let mut out = Vec::new();
        self.children(fence, &mut out);
        self.misfortunes(&mut out);
        if !self.up {
            let started =
                Self { up: true, ..self.clone() }.observe(&Observation::Booted(self.newest()));
            out.push(("the runner comes up".into(), started, true));
            return out;
        }
        self.runner_steps(fence, &mut out);
        self.outside(&mut out);
        out
    }

    fn children(&self, fence: Fence, out: &mut Vec<(String, Self, bool)>) {
        for (place, (life, awaited)) in self.unborn.iter().enumerate() {
            let mut born = self.clone();
            born.unborn.remove(place);
            born.lives.push(*life);
            if *awaited {
                let started = ProcessReport::Started(life.0, identity(life.0));
                born.reports.push_back(trader(born.strip(fence, started)));
            }
            out.push((format!("life {} introduces itself", life.0), born, true));
        }
    }

    fn misfortunes(&self, out: &mut Vec<(String, Self, bool)>) {
        let [_, crashes, deaths, _] = self.left;
        if deaths > 0 {
            for place in 0..self.lives.len() {
                let mut dead = self.clone();
                let (generation, _) = dead.lives.remove(place);
                dead.exit = Some(generation);
                dead.left[2] -= 1;
                if dead.up {
                    let status = ExitStatus::Code(1);
                    dead.reports.push_back(trader(ProcessReport::Exited(generation, status)));
                }
                out.push((format!("life {generation} dies"), dead, false));
            }
        }
        // A person restores: by then every child has introduced itself.
        let calm = !self.up && self.unborn.is_empty();
        if let Some(backup) = self.backup.as_ref().filter(|_| calm) {
            let record = (**backup).clone();
            let restored = Self { record, backup: None, ..self.clone() };
            out.push(("an old backup is restored".into(), restored, false));
        }
        if crashes > 0 {
            let mut crashed = Self { up: false, ..self.clone() };
            crashed.effects.clear();
            crashed.reports.clear();
            crashed.unborn.iter_mut().for_each(|(_, awaited)| *awaited = false);
            crashed.left[1] -= 1;
            out.push((
                "the power goes".into(),
                Self { lives: Vec::new(), unborn: Vec::new(), ..crashed.clone() },
                false,
            ));
            if self.up {
                out.push(("the runner is killed".into(), crashed, false));
            }
        }
    }

    fn runner_steps(&self, fence: Fence, out: &mut Vec<(String, Self, bool)>) {
        if let Some(effect) = self.effects.front() {
            let waits = matches!(effect, Effect::Probe { .. }) && !self.unborn.is_empty();
            if fence == Fence::NoLock || !waits {
                let mut next = self.clone();
                next.effects.pop_front();
                next.perform(fence, effect);
                out.push((format!("performs: {effect}"), next, true));
            }
        }
        if let Some(report) = self.reports.front() {
            let mut next = self.clone();
            next.reports.pop_front();
            out.push((format!("hears: {report:?}"), next.observe(report), true));
        }
        let ticked = self.observe(&Observation::Tick);
        if ticked.record != self.record {
            out.push(("a deadline passes".into(), ticked, true));
        }
    }

    fn outside(&self, out: &mut Vec<(String, Self, bool)>) {
        let [candidates, _, _, clicks] = self.left;
        if candidates > 0 {
            let number = i64::from(CANDIDATES - candidates) + 1;
            let best = Some(trial(number, number as f64));
            let seen = Observation::Study(StudyReport::Seen { identity: study("first"), best });
            let mut next = self.observe(&seen);
            next.left[0] -= 1;
            out.push((format!("trial {number} is the best"), next, false));
        }
        if clicks > 0 && self.live_model().is_some() {
            let command = Command::Rollback { to: None, hold: true, reason: "click".into() };
            let (id, actor) = (RequestId(format!("click {clicks}")), "user".into());
            let request = Request { id, actor, expected: None, command };
            let mut next = self.observe(&Observation::Asked(request));
            next.left[3] -= 1;
            out.push(("rollback is clicked".into(), next, false));
        }
    }

    fn perform(&mut self, fence: Fence, effect: &Effect) {
        let report = match effect {
            Effect::Launch { generation, revision, .. } => {
                let taken = !self.lives.is_empty() || !self.unborn.is_empty();
                if taken && fence != Fence::NoLock {
                    Some(trader(ProcessReport::SlotTaken(*generation)))
                } else {
                    self.unborn.push(((*generation, *revision), true));
                    None
                }
            }
            Effect::Stop { generation, .. } => {
                let found = self.lives.iter().position(|(life, _)| life == generation);
                Some(trader(match found {
                    Some(place) => {
                        self.lives.remove(place);
                        self.exit = Some(*generation);
                        ProcessReport::Exited(*generation, ExitStatus::Signal(15))
                    }
                    None => self.look(),
                }))
            }
            Effect::Probe { .. } => Some(trader(self.look())),
            Effect::AwaitReady { .. } => unreachable!("this trader is ready after a time"),
            Effect::AwaitFiles { deployment, .. } => {
                Some(Observation::Deployment(*deployment, DeploymentReport::FilesSettled))
            }
            Effect::Stage { deployment, revision } => {
                let staged = DeploymentReport::Staged(Digest([revision.0 as u8; 32]));
                Some(Observation::Deployment(*deployment, staged))
            }
            Effect::Validate { deployment, .. } => {
                let verdict = crate::network::sound();
                Some(Observation::Deployment(*deployment, DeploymentReport::Validated(verdict)))
            }
            Effect::Verify { deployment, .. } => {
                Some(Observation::Deployment(*deployment, DeploymentReport::Verified(Ok(()))))
            }
        };
        let report = report.map(|report| match report {
            Observation::Process(name, report) => {
                Observation::Process(name, self.strip(fence, report))
            }
            other => other,
        });
        self.reports.extend(report);
    }

    fn look(&self) -> ProcessReport {
        ProcessReport::Probed(match self.lives.first() {
            Some((generation, _)) => Probe::Held(*generation, identity(*generation)),
            None => Probe::Free(self.exit.map(|generation| (generation, ExitStatus::Code(1)))),
        })
    }

    /// Without generations every report seems to be about the present life.
    fn strip(&self, fence: Fence, report: ProcessReport) -> ProcessReport {
        if fence != Fence::NoGeneration {
            return report;
        }
        let present = self.present();
        match report {
            ProcessReport::Started(_, identity) => ProcessReport::Started(present, identity),
            ProcessReport::LaunchFailed(_, why) => ProcessReport::LaunchFailed(present, why),
            ProcessReport::SlotTaken(_) => ProcessReport::SlotTaken(present),
            ProcessReport::Exited(_, status) => ProcessReport::Exited(present, status),
            ProcessReport::Ready(_) => ProcessReport::Ready(present),
            ProcessReport::Looked(_, signs) => ProcessReport::Looked(present, signs),
            ProcessReport::Probed(Probe::Held(_, identity)) => {
                ProcessReport::Probed(Probe::Held(present, identity))
            }
            ProcessReport::Probed(probe) => ProcessReport::Probed(probe),
        }
    }
}

/// Explores every reachable state, breadth first.
pub fn explore(fence: Fence, states_max: usize) -> Findings {
    let start = State {
        record: World::default(),
        up: false,
        effects: VecDeque::new(),
        reports: VecDeque::new(),
        lives: Vec::new(),
        unborn: Vec::new(),
        exit: None,
        backup: None,
        left: [CANDIDATES, CRASHES, DEATHS, CLICKS],
    };
    let mut known: HashMap<u64, usize> = [(start.key(), 0)].into_iter().collect();
    let mut ways: Vec<(usize, String)> = vec![(0, String::new())];
    let mut fair: Vec<Vec<usize>> = vec![Vec::new()];
    let mut steady = Vec::new();
    let mut queue = VecDeque::from([(0, start)]);
    let mut findings = Findings::default();
    while let Some((place, state)) = queue.pop_front() {
        if let Some(law) = state.broken_law() {
            findings.violation = Some(format!("{law}\n{}", way_to(&ways, place)));
            break;
        }
        if state.is_steady() {
            steady.push(place);
        }
        for (what, next, is_fair) in state.successors(fence) {
            findings.transitions += 1;
            let fresh = ways.len();
            let target = *known.entry(next.key()).or_insert(fresh);
            if target == fresh {
                ways.push((place, what));
                fair.push(Vec::new());
                queue.push_back((fresh, next));
            }
            if is_fair {
                fair[target].push(place);
            }
        }
        assert!(ways.len() < states_max, "more than {states_max} states; lower the bounds");
    }
    findings.states = ways.len();
    findings.steady = steady.len();
    findings.stuck = ways.len() - reaching(&fair, &steady);
    findings
}

/// How many states have a fair way to one of `goals`; `before[s]` leads to `s`.
fn reaching(before: &[Vec<usize>], goals: &[usize]) -> usize {
    let mut reached = vec![false; before.len()];
    let mut queue: VecDeque<usize> = goals.iter().copied().collect();
    goals.iter().for_each(|goal| reached[*goal] = true);
    while let Some(state) = queue.pop_front() {
        for earlier in &before[state] {
            if !std::mem::replace(&mut reached[*earlier], true) {
                queue.push_back(*earlier);
            }
        }
    }
    reached.into_iter().filter(|reached| *reached).count()
}

fn way_to(ways: &[(usize, String)], mut place: usize) -> String {
    let mut steps = Vec::new();
    while place != 0 {
        let (before, what) = &ways[place];
        steps.push(what.as_str());
        place = *before;
    }
    steps.reverse();
    steps.join("\n  ")
}
