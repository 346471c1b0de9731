//! The simulated runner and the course of events around it.

use super::body::Workstation;
use super::fate::Fate;
use super::law::{self, Ledger, Violation};
use cappuccino_core::engine::Engine;
use cappuccino_core::words::{
    DeploymentReport, Digest, Effect, ExitStatus, Generation, Observation, Policy, Probe,
    ProcessName, ProcessPolicy, ProcessReport, Promote, Readiness, Role, Span,
};
use cappuccino_core::world::World;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const SECOND: i64 = 1000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub decisions: u64,
    pub commits: u64,
    pub runner_crashes: u64,
    pub power_cuts: u64,
    pub process_ends: u64,
    pub clock_steps: u64,
    pub suspends: u64,
    pub studies_recreated: u64,
    pub commits_of_unknown_outcome: u64,
    pub commands: u64,
    pub refused: u64,
    pub went_live: u64,
    pub rollbacks: u64,
    pub promoted: u64,
    pub halts: u64,
    pub peaceful_checks: u64,
}

/// Something that will happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coming {
    /// An answer of the world reaches the runner that asked for it.
    Report(u64, Report),
    /// The runner's own wake-up.
    Wake(u64),
    /// A life ends by itself.
    End(ProcessName, Generation, i32),
    Trial,
    Trouble,
    Operator,
    Verdict,
    Restart,
    Inspect,
}

/// Answers, in a form that can be ordered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Report {
    Started(ProcessName, Generation),
    LaunchFailed(ProcessName, Generation),
    SlotTaken(ProcessName, Generation),
    Exited(ProcessName, Generation, ExitStatus),
    Probed(ProcessName),
    Ready(ProcessName, Generation),
    Stop(ProcessName, Generation),
    Settled(cappuccino_core::words::DeploymentId),
    Staged(cappuccino_core::words::DeploymentId, cappuccino_core::words::RevisionId, bool),
    Validated(cappuccino_core::words::DeploymentId, cappuccino_core::words::RevisionId, bool),
    Verified(cappuccino_core::words::DeploymentId, cappuccino_core::words::RevisionId),
}

/// One simulated workstation with its runner.
pub struct Simulation {
    pub body: Workstation,
    pub ledger: Ledger,
    pub figures: Figures,
    pub(super) fate: Fate,
    pub(super) policy: Policy,
    pub(super) trader: ProcessName,
    /// The record on disk.
    pub(super) disk: World,
    /// The runner, while it is up, and which one it is: answers to an earlier one are lost.
    pub(super) runner: Option<Engine>,
    pub(super) incarnation: u64,
    /// Which setting of the runner's one timer counts.
    timer: u64,
    pub(super) heap: BinaryHeap<Reverse<(i64, u64, Coming)>>,
    pub(super) order: u64,
    pub(super) last_trouble: i64,
    pub(super) requests: u64,
    pub(super) champion: f64,
}

impl Simulation {
    pub fn new(seed: u64) -> Self {
        let name = |text: &str| ProcessName::new(text).unwrap();
        let trader = name("trader");
        let mut policy = Policy { trader: Some(trader.clone()), ..Policy::default() };
        for worker in ["worker-1", "worker-2", "worker-3"] {
            policy.processes.insert(name(worker), ProcessPolicy::of(Role::Worker));
        }
        policy.deployment.lanes.promote = Promote::Auto;
        let proven = Readiness::Proven { deadline: Span::seconds(30) };
        policy.processes.get_mut(&name("worker-2")).unwrap().ready = proven;
        policy.processes.get_mut(&name("worker-3")).unwrap().after = vec![name("worker-2")];
        policy.processes.insert(trader.clone(), ProcessPolicy::of(Role::Trader));
        let mut simulation = Self {
            body: Workstation::new(),
            ledger: Ledger::default(),
            figures: Figures::default(),
            fate: Fate::new(seed),
            policy,
            trader,
            disk: World::default(),
            runner: None,
            incarnation: 0,
            timer: 0,
            heap: BinaryHeap::new(),
            order: 0,
            last_trouble: 0,
            requests: 0,
            champion: 0.0,
        };
        simulation.after(0, Coming::Restart);
        simulation.after(MINUTE, Coming::Trial);
        simulation.after(HOUR, Coming::Trouble);
        simulation.after(2 * HOUR, Coming::Operator);
        simulation.after(3 * HOUR, Coming::Verdict);
        simulation.after(HOUR, Coming::Inspect);
        simulation
    }

    /// Lives through `span` of virtual time.
    pub fn run(&mut self, span: Span) -> Result<(), Violation> {
        let end = self.body.elapsed + span.0;
        while let Some(Reverse((at, _, coming))) = self.heap.pop() {
            if at > end {
                break;
            }
            self.body.elapsed = self.body.elapsed.max(at);
            self.happen(coming)?;
        }
        self.body.elapsed = end;
        self.figures.went_live = self.ledger.went_live;
        self.figures.rollbacks = self.ledger.rollbacks;
        self.figures.promoted = self.ledger.promoted;
        self.figures.halts = self.ledger.halts;
        Ok(())
    }

    pub(super) fn after(&mut self, wait: i64, coming: Coming) {
        self.order += 1;
        self.heap.push(Reverse((self.body.elapsed + wait, self.order, coming)));
    }

    fn happen(&mut self, coming: Coming) -> Result<(), Violation> {
        match coming {
            Coming::Report(incarnation, report) if incarnation == self.incarnation => {
                self.deliver(report)
            }
            Coming::Wake(timer) if timer == self.timer => self.observe(&Observation::Tick),
            Coming::Report(..) | Coming::Wake(_) => Ok(()),
            Coming::End(name, generation, status) => self.life_ends(&name, generation, status),
            Coming::Trial => self.trial(),
            Coming::Trouble => self.trouble(),
            Coming::Operator => self.operator(),
            Coming::Verdict => self.verdict(),
            Coming::Restart => self.restart(),
            Coming::Inspect => self.inspect(),
        }
    }

    /// The heart: decide, commit (or crash around it), perform.
    pub(super) fn observe(&mut self, observation: &Observation) -> Result<(), Violation> {
        let Some(engine) = self.runner.as_mut() else { return Ok(()) };
        self.figures.decisions += 1;
        let decision = engine.decide(self.body.now(), observation);
        if decision.is_empty() {
            drop(engine.advance(decision.commit_in_memory()));
            self.sleep();
            return Ok(());
        }
        let notes = decision.notes().to_vec();
        if self.fate.one_in(20_000) {
            self.figures.commits_of_unknown_outcome += 1;
            if self.fate.one_in(2) {
                self.crash();
                return Ok(());
            }
            drop(engine.advance(decision.commit_in_memory()));
            self.disk = self.runner.as_ref().map(|engine| engine.world().clone()).unwrap();
            self.read_notes(&notes)?;
            self.crash();
            return Ok(());
        }
        self.figures.commits += 1;
        let orders = engine.advance(decision.commit_in_memory());
        self.disk = engine.world().clone();
        law::always(&self.disk)?;
        self.read_notes(&notes)?;
        for (_, effect) in orders.effects {
            if self.fate.one_in(2_000) {
                self.crash();
                return Ok(());
            }
            self.perform(effect)?;
        }
        self.sleep();
        Ok(())
    }

    fn read_notes(&mut self, notes: &[cappuccino_core::words::Note]) -> Result<(), Violation> {
        let policy = self.policy.deployment.clone();
        notes.iter().try_for_each(|note| self.ledger.read(note, &self.body, &policy))
    }

    fn sleep(&mut self) {
        let Some(engine) = &self.runner else { return };
        if let Some(left) = engine.deadline(self.body.now()) {
            // The runner has one timer: setting it anew forgets the earlier time.
            self.timer += 1;
            self.after(left.0.max(1), Coming::Wake(self.timer));
        }
    }

    /// The runner is killed: what it had not heard yet is lost, what it had recorded is not.
    pub(super) fn crash(&mut self) {
        if self.runner.take().is_some() {
            self.figures.runner_crashes += 1;
            self.last_trouble = self.body.elapsed;
            let wait = self.fate.wait(5 * SECOND);
            self.after(wait, Coming::Restart);
        }
    }

    fn restart(&mut self) -> Result<(), Violation> {
        if self.runner.is_some() {
            return Ok(());
        }
        self.incarnation += 1;
        let world = World { shutting_down: false, ..self.disk.clone() };
        self.runner = Some(Engine::new(self.policy.clone(), world));
        self.observe(&Observation::Booted(Default::default()))?;
        self.look_at_study()
    }

    pub(super) fn answer(&mut self, wait: i64, report: Report) {
        let incarnation = self.incarnation;
        self.after(wait, Coming::Report(incarnation, report));
    }

    fn perform(&mut self, effect: Effect) -> Result<(), Violation> {
        match effect {
            Effect::Launch { process, generation, revision } => {
                self.launch(process, generation, revision)?;
            }
            Effect::Stop { process, generation, identity } => {
                let alive = self.body.lives.get(&process);
                if alive.is_some_and(|life| life.identity == identity) {
                    let wait = self.fate.wait(2 * SECOND).min(30 * SECOND);
                    self.answer(wait, Report::Stop(process, generation));
                } else {
                    self.answer(1, Report::Probed(process));
                }
            }
            Effect::Probe { process } => self.answer(3, Report::Probed(process)),
            // Some never show that they are ready.
            Effect::AwaitReady { process, generation } if !self.fate.one_in(6) => {
                let wait = SECOND + self.fate.wait(20 * SECOND);
                self.answer(wait, Report::Ready(process, generation));
            }
            Effect::AwaitReady { .. } => {}
            Effect::AwaitFiles { deployment, .. } => {
                // One model in ten never appears.
                if !self.fate.one_in(10) {
                    let wait = MINUTE + self.fate.wait(MINUTE);
                    self.answer(wait, Report::Settled(deployment));
                }
            }
            Effect::Stage { deployment, revision } => {
                let fine = !self.fate.one_in(20);
                if fine {
                    self.body.stored.insert(revision);
                }
                self.answer(SECOND, Report::Staged(deployment, revision, fine));
            }
            Effect::Validate { deployment, revision } => {
                let fine = !self.fate.one_in(8);
                if fine {
                    self.body.validated.insert(revision);
                }
                self.answer(5 * SECOND, Report::Validated(deployment, revision, fine));
            }
            Effect::Verify { deployment, revision } => {
                self.answer(SECOND, Report::Verified(deployment, revision));
            }
        }
        Ok(())
    }

    fn launch(
        &mut self,
        process: ProcessName,
        generation: Generation,
        revision: Option<cappuccino_core::words::RevisionId>,
    ) -> Result<(), Violation> {
        if self.fate.one_in(300) {
            self.answer(2, Report::LaunchFailed(process, generation));
            return Ok(());
        }
        let Some(life) = self.body.launch(&process, generation, revision) else {
            self.answer(1, Report::SlotTaken(process, generation));
            return Ok(());
        };
        self.ledger.life_began(&process, &life)?;
        let trial = revision.and_then(|id| self.disk.deployment.revisions.get(&id));
        let cursed = trial.is_some_and(|r| self.body.cursed.contains(&r.candidate.trial_id));
        let mean = match (cursed, self.fate.one_in(12)) {
            (true, _) => 20 * SECOND,
            (false, true) => MINUTE,
            (false, false) => 40 * HOUR,
        };
        let (wait, code) = (self.fate.wait(mean), self.fate.between(0, 2) as i32);
        self.after(wait, Coming::End(process.clone(), generation, code));
        self.answer(5, Report::Started(process, generation));
        Ok(())
    }

    fn life_ends(
        &mut self,
        name: &ProcessName,
        generation: Generation,
        code: i32,
    ) -> Result<(), Violation> {
        if self.body.lives.get(name).is_none_or(|life| life.generation != generation) {
            return Ok(());
        }
        self.figures.process_ends += 1;
        // One in twenty times the shim dies with it and leaves no record.
        let recorded = !self.fate.one_in(20);
        let status = if recorded { ExitStatus::Code(code) } else { ExitStatus::Unknown };
        self.body.end(name, status.clone(), recorded);
        if self.runner.is_some() {
            self.answer(2, Report::Exited(name.clone(), generation, status));
        }
        Ok(())
    }

    fn deliver(&mut self, report: Report) -> Result<(), Violation> {
        let observation = match report {
            Report::Started(name, generation) => {
                let Some(life) = self.body.lives.get(&name) else { return Ok(()) };
                if life.generation != generation {
                    return Ok(());
                }
                Observation::Process(
                    name,
                    ProcessReport::Started(generation, life.identity.clone()),
                )
            }
            Report::LaunchFailed(name, generation) => Observation::Process(
                name,
                ProcessReport::LaunchFailed(generation, "command not found".into()),
            ),
            Report::SlotTaken(name, generation) => {
                Observation::Process(name, ProcessReport::SlotTaken(generation))
            }
            Report::Exited(name, generation, status) => {
                Observation::Process(name, ProcessReport::Exited(generation, status))
            }
            Report::Stop(name, generation) => {
                let present = self.body.lives.get(&name).map(|life| life.generation);
                if present != Some(generation) {
                    return Ok(());
                }
                let status = ExitStatus::Signal(15);
                self.body.end(&name, status.clone(), true);
                Observation::Process(name, ProcessReport::Exited(generation, status))
            }
            Report::Probed(name) => {
                let probe = match self.body.lives.get(&name) {
                    Some(life) => Probe::Held(life.generation, life.identity.clone()),
                    None => Probe::Free(self.body.exits.get(&name).cloned()),
                };
                Observation::Process(name, ProcessReport::Probed(probe))
            }
            Report::Ready(name, generation) => {
                if self.body.lives.get(&name).is_none_or(|life| life.generation != generation) {
                    return Ok(());
                }
                Observation::Process(name, ProcessReport::Ready(generation))
            }
            Report::Settled(id) => Observation::Deployment(id, DeploymentReport::FilesSettled),
            Report::Staged(id, revision, fine) => {
                Observation::Deployment(id, staged(revision, fine))
            }
            Report::Validated(id, _, fine) => {
                let verdict = if fine {
                    crate::network::sound()
                } else {
                    crate::network::refused("a weight is not a number")
                };
                Observation::Deployment(id, DeploymentReport::Validated(verdict))
            }
            Report::Verified(id, revision) => {
                let intact = self.body.stored.contains(&revision);
                let verdict = if intact { Ok(()) } else { Err("digest differs".to_owned()) };
                Observation::Deployment(id, DeploymentReport::Verified(verdict))
            }
        };
        self.observe(&observation)
    }

    fn inspect(&mut self) -> Result<(), Violation> {
        self.after(HOUR, Coming::Inspect);
        let peace = self.body.elapsed - self.last_trouble > 10 * MINUTE;
        if self.runner.is_none() || !peace {
            return Ok(());
        }
        // What was just asked needs a moment to happen.
        if self.disk.intents.is_empty() && self.heap_has_no_report() {
            self.figures.peaceful_checks += 1;
            law::in_peace(&self.disk, &self.body, &self.trader)?;
            self.ledger.all_accounted(&self.body)?;
        }
        Ok(())
    }

    fn heap_has_no_report(&self) -> bool {
        let current = |coming: &Coming| match coming {
            Coming::Report(incarnation, _) => *incarnation == self.incarnation,
            _ => false,
        };
        !self.heap.iter().any(|Reverse((_, _, coming))| current(coming))
    }
}

/// How copying a revision's files ended.
fn staged(revision: cappuccino_core::words::RevisionId, fine: bool) -> DeploymentReport {
    if !fine {
        return DeploymentReport::StagingFailed("the file changed while it was copied".into());
    }
    let mut address = [0; 32];
    address[..8].copy_from_slice(&revision.0.to_le_bytes());
    DeploymentReport::Staged(Digest(address))
}
