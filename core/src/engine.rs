//! The mind: routes one observation through the machines and gathers what follows.
//!
//! Pure: the same world, moment and observation always give the same decision.

use crate::decision::{Committed, Decision, Orders};
use crate::fleet::{self, Group};
use crate::machines::study::Study;
use crate::machines::{Answer, Step, Tell, alert, deployment, process, study};
use crate::words::{
    Command, Decline, Effect, Generation, Intent, IntentId, Moment, Note, Observation, Policy,
    ProcessName, ProcessPolicy, Refusal, Request, Resolution, Role, Severity, Span, Trouble,
};
use crate::world::{Answered, REQUESTS_MAX, World};
use std::collections::{BTreeMap, VecDeque};

mod alerts;
mod looks;

pub use alerts::{due_in, muted};

/// Events one observation may lead to. A longer chain is a cycle between machines: a bug, cut off
/// here so that it shows as an alert instead of a hang.
pub const EVENTS_MAX: usize = 1024;

/// The machines with their states and their policy.
#[derive(Clone, Debug)]
pub struct Engine {
    policy: Policy,
    world: World,
}

impl Engine {
    /// An engine that goes on from `world`.
    pub const fn new(policy: Policy, world: World) -> Self {
        Self { policy, world }
    }

    /// The present states.
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// The policy it decides by.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What `observation` leads to. Nothing changes until the decision is committed and
    /// [`advance`](Self::advance)d to.
    pub fn decide(&self, now: Moment, observation: &Observation) -> Decision {
        self.decide_all(now, std::slice::from_ref(observation))
    }

    /// What `observations` lead to, one after the other: one decision, so one commit. Nobody may
    /// have asked for more than one of them, for there is one answer.
    pub fn decide_all(&self, now: Moment, observations: &[Observation]) -> Decision {
        let mut draft = Draft::new(&self.policy, &self.world, now);
        for observation in observations {
            draft.observe(observation);
        }
        draft.finish(&self.world)
    }

    /// Goes on from a committed decision; returns what is to be done about it.
    pub fn advance(&mut self, committed: Committed) -> Orders {
        let (world, orders) = committed.into_parts();
        self.world = world;
        orders
    }

    /// Time until a tick can matter; `None` when none ever does.
    pub fn deadline(&self, now: Moment) -> Option<Span> {
        let processes = self.world.processes.iter().filter_map(|(name, process)| {
            process.deadline(&process_policy(&self.policy, name), now)
        });
        let deployment = self.world.deployment.deadline(&self.policy.deployment, now);
        let alerts = self.alerts_deadline(now);
        processes.chain(deployment).chain(self.dwell_left(now)).chain(alerts).min()
    }

    /// Whether there is a trial to propose, and a trader to deploy it to.
    fn has_proposal(&self) -> bool {
        let best = matches!(&self.world.study, Study::Following { best: Some(_), .. });
        best && self.policy.trader.is_some() && !self.world.shutting_down
    }

    /// Time until a candidate that came too soon may be proposed again.
    fn dwell_left(&self, now: Moment) -> Option<Span> {
        let slot = &self.world.deployment.slot;
        slot.declined.as_ref().filter(|declined| declined.why == Decline::TooSoon)?;
        // While nothing can be proposed, the end of the dwell is no reason to wake.
        if !deployment::may_propose(&slot.phase) || !self.has_proposal() {
            return None;
        }
        let last = slot.cutovers.last()?;
        let left = self.policy.deployment.min_dwell.minus(now.since(*last));
        // Once it is over, the proposal has been made with the wake-up itself.
        (left > Span::ZERO).then_some(left)
    }
}

/// A process that is no longer configured is stopped by these rules.
fn process_policy(policy: &Policy, name: &ProcessName) -> ProcessPolicy {
    policy.processes.get(name).cloned().unwrap_or_else(|| ProcessPolicy::of(Role::Other))
}

/// A decision in the making.
struct Draft<'a> {
    policy: &'a Policy,
    now: Moment,
    world: World,
    notes: Vec<Note>,
    effects: Vec<Effect>,
    queue: VecDeque<Addressed>,
    answer: Option<Result<(), Refusal>>,
}

/// An event with its addressee.
#[derive(Clone, Debug)]
enum Addressed {
    Process(ProcessName, process::Event),
    Deployment(deployment::Event),
    Alert(alert::Key, alert::Event),
}

impl<'a> Draft<'a> {
    fn new(policy: &'a Policy, world: &World, now: Moment) -> Self {
        Self {
            policy,
            now,
            world: world.clone(),
            notes: Vec::new(),
            effects: Vec::new(),
            queue: VecDeque::new(),
            answer: None,
        }
    }

    fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Booted(newest) => self.boot(newest),
            Observation::ShuttingDown => {
                self.world.shutting_down = true;
                self.notes.push(Note::RunnerStopping);
            }
            Observation::Tick => self.tick(),
            Observation::Study(report) => {
                let answer = study::step(self.now, &self.world.study, report);
                // The study's observer is nobody who could be refused something.
                let _refusal = self.take(answer, |world, study| world.study = study).err();
            }
            Observation::Process(name, report) => {
                self.send_process(name.clone(), process::Event::Reported(report.clone()));
            }
            Observation::Deployment(id, report) => {
                let event = deployment::Event::Reported(*id, report.clone());
                self.queue.push_back(Addressed::Deployment(event));
            }
            Observation::Vitals(vitals) => self.judge(vitals),
            Observation::Trading(trading) => self.judge_trading(trading),
            Observation::StudyChecked(outcome) => self.judge_study(outcome),
            Observation::Channels(channels) => self.judge_channels(channels),
            Observation::Zombies(trials, remedy) => {
                let (key, event) = fleet::zombies_alert(trials, remedy);
                self.queue.push_back(Addressed::Alert(key, event));
            }
            Observation::Asked(request) => self.ask(request),
        }
        self.drain();
        self.pause_workers();
        self.start_waiting();
        self.propose();
        self.press_shutdown();
        self.drain();
        self.press_alerts();
        self.drain();
    }

    /// After whatever: look for everything that may live, take up what was asked and not
    /// answered, and bring every goal in line with the configuration and the deployment.
    fn boot(&mut self, newest: &BTreeMap<ProcessName, Generation>) {
        self.world.shutting_down = false;
        self.notes.push(Note::RunnerStarted);
        for name in self.policy.processes.keys() {
            self.world.processes.entry(name.clone()).or_default();
        }
        let names: Vec<ProcessName> = self.world.processes.keys().cloned().collect();
        for name in &names {
            let newest = newest.get(name).copied().unwrap_or_default();
            self.send_process(name.clone(), process::Event::Booted(newest));
        }
        self.drain();
        for name in names {
            let goal = self.configured_goal(&name);
            if self.world.processes.get(&name).is_some_and(|process| process.goal != goal) {
                self.send_process(name, process::Event::Want(goal));
            }
        }
        self.drain();
        let asked: Vec<Effect> = self
            .world
            .intents
            .values()
            .filter(|intent| intent.effect.resolution() == Resolution::Idempotent)
            .map(|intent| intent.effect.clone())
            .collect();
        self.effects.extend(asked);
    }

    fn configured_goal(&self, name: &ProcessName) -> process::Goal {
        match self.policy.processes.get(name) {
            Some(_) if self.policy.trader.as_ref() == Some(name) => self.world.trader_goal(),
            Some(policy) if policy.autostart => process::Goal::Up(None),
            Some(_) | None => process::Goal::Down,
        }
    }

    fn tick(&mut self) {
        let going_down = self.world.shutting_down;
        let due: Vec<ProcessName> = self
            .world
            .processes
            .iter()
            .filter(|(_, process)| !(going_down && process.is_at_rest()))
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            self.send_process(name, process::Event::Tick);
        }
        if !going_down {
            self.queue.push_back(Addressed::Deployment(deployment::Event::Tick));
        }
    }

    /// Level-triggered: whenever a deployment could begin, the study's best trial is proposed, so
    /// a lost event costs nothing.
    fn propose(&mut self) {
        if self.world.shutting_down
            || self.policy.trader.is_none()
            || !deployment::may_propose(&self.world.deployment.slot.phase)
        {
            return;
        }
        if let Study::Following { best: Some(best), .. } = &self.world.study {
            let event = deployment::Event::Proposed(best.clone());
            self.queue.push_back(Addressed::Deployment(event));
        }
        self.drain();
    }

    fn press_shutdown(&mut self) {
        if self.world.shutting_down {
            for name in fleet::free_to_stop(&self.world, self.policy) {
                self.send_process(name, process::Event::ShuttingDown);
            }
        }
    }

    /// Level-triggered: whoever waited for others starts when they are ready.
    fn start_waiting(&mut self) {
        if self.world.shutting_down {
            return;
        }
        for name in fleet::released(&self.world, self.policy) {
            self.send_process(name, process::Event::Tick);
        }
        self.drain();
    }

    /// Level-triggered: workers that fail together have one cause, one pause and one alert.
    fn pause_workers(&mut self) {
        if self.world.shutting_down {
            return;
        }
        match fleet::group(&self.world, self.policy, self.now) {
            Group::Fine => return,
            Group::Recovered => {
                self.queue.push_back(Addressed::Alert(fleet::group_alert(), alert::Event::Clear));
            }
            Group::Paused(pauses) => {
                if !fleet::fail_together(&self.world) {
                    self.tell_of_shared_failure(&pauses);
                }
                for (name, wait) in pauses {
                    self.send_process(name, process::Event::Pause(wait));
                }
            }
        }
        self.drain();
    }

    fn tell_of_shared_failure(&mut self, pauses: &[(ProcessName, Span)]) {
        let wait = pauses.iter().map(|(_, wait)| *wait).min();
        self.notes.extend(wait.map(Note::WorkersPaused));
        self.queue.push_back(Addressed::Alert(fleet::group_alert(), fleet::shared_failure()));
        let own = fleet::workers(&self.world, self.policy).map(|(name, ..)| fleet::own_alert(name));
        let cleared = own.map(|key| Addressed::Alert(key, alert::Event::Clear));
        let cleared: Vec<Addressed> = cleared.collect();
        self.queue.extend(cleared);
    }

    /// Whether the alert about the group stands for this one.
    fn is_told_for_all(&self, key: &alert::Key) -> bool {
        fleet::fail_together(&self.world)
            && fleet::workers(&self.world, self.policy)
                .any(|(name, ..)| fleet::own_alert(name) == *key)
    }

    fn ask(&mut self, request: &Request) {
        if let Some(answered) = self.world.requests.get(&request.id) {
            self.answer = Some(answered.outcome.clone());
            return;
        }
        let outcome = self.admit(request).and_then(|()| self.carry_out(request));
        let answered = Answered { at: self.now, outcome: outcome.clone() };
        self.world.requests.insert(request.id.clone(), answered);
        self.forget_requests();
        if outcome.is_ok() {
            let (id, actor) = (request.id.clone(), request.actor.clone());
            self.notes.push(Note::Asked(id, actor, request.command.clone()));
        }
        self.answer = Some(outcome);
    }

    /// The client must have seen the present deployment, when it says which one it saw.
    fn admit(&self, request: &Request) -> Result<(), Refusal> {
        let actual = self.world.deployment.slot.generation;
        match request.expected {
            Some(expected) if expected != actual => Err(Refusal::Stale { expected, actual }),
            Some(_) | None => Ok(()),
        }
    }

    fn carry_out(&mut self, request: &Request) -> Result<(), Refusal> {
        match &request.command {
            Command::Restart { process } => self.command(process, &process::Event::Restart),
            Command::Reset { process } => self.command(process, &process::Event::Reset),
            Command::Deploy { .. } | Command::Rollback { .. } if self.policy.trader.is_none() => {
                Err(Refusal::NoTrader)
            }
            Command::Acknowledge { .. }
            | Command::Unacknowledge { .. }
            | Command::Silence { .. }
            | Command::Unsilence { .. } => self.ask_alerts(request),
            command @ (Command::Deploy { .. }
            | Command::Rollback { .. }
            | Command::Hold { .. }
            | Command::Unhold { .. }
            | Command::Approve
            | Command::Reject { .. }
            | Command::Pause { .. }
            | Command::Resume) => {
                let (actor, command) = (request.actor.clone(), command.clone());
                let event = deployment::Event::Asked { actor, command };
                let answer = self.step_deployment(&event);
                self.take(answer, |world, deployment| world.deployment = deployment)
            }
        }
    }

    fn command(&mut self, name: &ProcessName, event: &process::Event) -> Result<(), Refusal> {
        let Some(answer) = self.step_process(name, event) else {
            return Err(Refusal::UnknownProcess(name.clone()));
        };
        let name = name.clone();
        self.take(answer, |world, process| {
            world.processes.insert(name, process);
        })
    }

    fn forget_requests(&mut self) {
        while self.world.requests.len() > REQUESTS_MAX {
            let oldest = self.world.requests.iter().min_by_key(|(_, answered)| answered.at);
            let Some(id) = oldest.map(|(id, _)| id.clone()) else { break };
            self.world.requests.remove(&id);
        }
    }

    fn send_process(&mut self, name: ProcessName, event: process::Event) {
        self.queue.push_back(Addressed::Process(name, event));
    }

    /// Delivers every event that is due, and those that follow from them.
    fn drain(&mut self) {
        for _ in 0..EVENTS_MAX {
            let Some(addressed) = self.queue.pop_front() else { return };
            // Between machines there is nobody to tell of a refusal: only operators get one.
            let _refusal = self.deliver(addressed).err();
        }
        self.queue.clear();
        let trouble = Trouble {
            severity: Severity::Critical,
            text: "the machines kept telling each other things; the rest was dropped".into(),
            remedy: "this is a defect of Cappuccino: please report it with `cappuccino export`"
                .into(),
        };
        let (key, event) = (alert::Key("engine/cycle".into()), alert::Event::Raise(trouble));
        let _refusal = self.tell_alert(key, &event).err();
    }

    fn deliver(&mut self, addressed: Addressed) -> Result<(), Refusal> {
        match addressed {
            Addressed::Process(name, event) => match self.step_process(&name, &event) {
                Some(answer) => self.take(answer, |world, process| {
                    world.processes.insert(name, process);
                }),
                None => Ok(()),
            },
            Addressed::Deployment(event) => {
                let answer = self.step_deployment(&event);
                self.take(answer, |world, deployment| world.deployment = deployment)
            }
            Addressed::Alert(key, event) => self.tell_alert(key, &event),
        }
    }

    fn step_process(
        &self,
        name: &ProcessName,
        event: &process::Event,
    ) -> Option<Answer<process::Process>> {
        let process = self.world.processes.get(name)?;
        let policy = process_policy(self.policy, name);
        let waits_for = fleet::waits_for(&self.world, &policy);
        let context = process::Context { name, policy: &policy, now: self.now, waits_for };
        Some(process::step(context, process, event))
    }

    fn step_deployment(&self, event: &deployment::Event) -> Answer<deployment::Deployment> {
        let context = deployment::Context { policy: &self.policy.deployment, now: self.now };
        deployment::step(context, &self.world.deployment, event)
    }

    /// Takes an answer into the draft.
    fn take<S>(
        &mut self,
        answer: Answer<S>,
        put: impl FnOnce(&mut World, S),
    ) -> Result<(), Refusal> {
        match answer {
            Answer::Moved(Step { next, tells, effects, notes }) => {
                put(&mut self.world, next);
                self.effects.extend(effects);
                self.notes.extend(notes);
                for tell in tells {
                    self.address(tell);
                }
                Ok(())
            }
            Answer::Unchanged(_) => Ok(()),
            Answer::Refused(refusal) => Err(refusal),
        }
    }

    fn address(&mut self, tell: Tell) {
        let addressed = match tell {
            Tell::Trader(event) => {
                let Some(trader) = self.policy.trader.clone() else { return };
                Addressed::Process(trader, event)
            }
            Tell::Deployment(event) => Addressed::Deployment(event),
            Tell::Alert(key, alert::Event::Raise(_)) if self.is_told_for_all(&key) => return,
            Tell::Alert(key, event) => Addressed::Alert(key, event),
        };
        self.queue.push_back(addressed);
    }

    /// Opens an intent for every new effect and closes those whose reason is gone.
    fn finish(mut self, before: &World) -> Decision {
        let mut sealed = Vec::new();
        for effect in std::mem::take(&mut self.effects) {
            if !self.world.wants(&effect) {
                continue;
            }
            let known = self.world.intents.values().find(|intent| intent.effect == effect);
            let id = known.map_or(IntentId(self.world.asked.saturating_add(1)), |known| known.id);
            self.world.asked = self.world.asked.max(id.0);
            let intent = Intent { id, effect: effect.clone(), asked: self.now };
            self.world.intents.insert(id, intent);
            sealed.push((id, effect));
        }
        let mut intents = std::mem::take(&mut self.world.intents);
        intents.retain(|_, intent| self.world.wants(&intent.effect));
        self.world.intents = intents;
        let changes = self.world != *before || !self.notes.is_empty() || !sealed.is_empty();
        Decision::new(self.now, self.world, self.notes, sealed, self.answer, changes)
    }
}
