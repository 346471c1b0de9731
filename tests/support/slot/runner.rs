//! The runner around the engine: what it does next, and what it hears.

use super::canon::{Timer, past_deadline};
use super::{NOW, SlotModel, State};
use crate::explore::Edge;
use cappuccino_core::engine::Engine;
use cappuccino_core::words::{
    Candidate, Command, DeploymentId, DeploymentReport, Digest, Direction, Effect, Observation,
    ProcessReport, Request, RequestId, StudyIdentity, StudyReport, TrialId, TrialNumber,
};

impl SlotModel {
    /// What a runner that is up can do next: effects first, then what they told, then the rest.
    pub(super) fn work(&self, state: &State) -> Vec<Edge<State>> {
        if let Some((effect, rest)) = state.todo.split_first() {
            let mut next = State { todo: rest.to_vec(), ..state.clone() };
            self.perform(&mut next, effect);
            return vec![self.edge(effect.to_string(), true, next)];
        }
        if let Some((observation, rest)) = state.urgent.split_first() {
            let mut next = State { urgent: rest.to_vec(), ..state.clone() };
            self.observe(&mut next, observation);
            return vec![self.edge(heard(observation), true, next)];
        }
        let mut edges = self.deliveries(state);
        edges.extend(self.passing_of_time(state));
        edges.extend(self.wishes(state));
        edges
    }

    pub(super) fn boot(&self, state: &State) -> State {
        let mut next = state.clone();
        next.up = true;
        let newest = next.newest_life().map(|newest| (self.trader.clone(), newest));
        self.observe(&mut next, &Observation::Booted(newest.into_iter().collect()));
        next
    }

    /// Decides, commits, and drops the work that nothing waits for any more.
    fn observe(&self, state: &mut State, observation: &Observation) {
        let mut engine = Engine::new(self.policy.clone(), state.world.clone());
        let decision = engine.decide(NOW, observation);
        let orders = engine.advance(decision.commit_in_memory());
        state.world = engine.world().clone();
        state.todo.extend(orders.effects.into_iter().map(|(_, effect)| effect));
        let world = &state.world;
        state.jobs.retain(|job| world.wants(job));
        self.watch_study(state);
    }

    /// The study's observer tells of a best trial that the engine does not know yet.
    fn watch_study(&self, state: &mut State) {
        let excluded = state.world.deployment.excluded(&study());
        let best = (1..=state.trials)
            .rev()
            .map(candidate)
            .find(|candidate| !excluded.contains(&candidate.trial_id));
        let told = state.urgent.iter().any(|seen| matches!(seen, Observation::Study(_)));
        let report = StudyReport::Seen { identity: study(), best: best.clone() };
        let known = match &state.world.study {
            cappuccino_core::machines::study::Study::Following { best: known, .. } => {
                *known == best
            }
            _ => false,
        };
        if !known && !told {
            state.urgent.push(Observation::Study(report));
        }
    }

    fn perform(&self, state: &mut State, effect: &Effect) {
        match effect {
            Effect::Launch { generation, revision, .. } => {
                if !self.begin(state, *generation, *revision) {
                    self.hear(state, ProcessReport::SlotTaken(*generation));
                }
            }
            Effect::Stop { identity, .. } => {
                let found =
                    state.lives.iter_mut().find(|life| life.known && life.identity() == *identity);
                match found {
                    Some(life) => life.ending = true,
                    None => {
                        let report = self.look(state);
                        self.hear(state, report);
                    }
                }
            }
            Effect::Probe { .. } => {
                let report = self.look(state);
                self.hear(state, report);
            }
            Effect::AwaitFiles { .. }
            | Effect::Stage { .. }
            | Effect::Validate { .. }
            | Effect::Verify { .. } => {
                state.jobs.insert(effect.clone());
            }
            Effect::AwaitReady { .. } => unreachable!("this trader is ready after a time"),
        }
    }

    fn hear(&self, state: &mut State, report: ProcessReport) {
        state.urgent.push(Observation::Process(self.trader.clone(), report));
    }

    /// A report arrives, a job ends well or badly.
    fn deliveries(&self, state: &State) -> Vec<Edge<State>> {
        let mut edges = Vec::new();
        if let Some((report, rest)) = state.reports.split_first() {
            let mut next = State { reports: rest.to_vec(), ..state.clone() };
            let report = self.as_heard(state, report.clone());
            let observation = Observation::Process(self.trader.clone(), report);
            self.observe(&mut next, &observation);
            edges.push(self.edge(heard(&observation), true, next));
        }
        for job in &state.jobs {
            for (report, fair) in endings(job) {
                let mut next = state.clone();
                next.jobs.remove(job);
                let observation = Observation::Deployment(deployment_of(job), report);
                self.observe(&mut next, &observation);
                let label = heard(&observation);
                if fair {
                    edges.push(self.edge(label, true, next));
                } else {
                    edges.extend(self.misfortune(label, next));
                }
            }
        }
        edges
    }

    fn as_heard(&self, state: &State, mut report: ProcessReport) -> ProcessReport {
        match &mut report {
            ProcessReport::Started(generation, _)
            | ProcessReport::LaunchFailed(generation, _)
            | ProcessReport::SlotTaken(generation)
            | ProcessReport::Exited(generation, _)
            | ProcessReport::Ready(generation)
            | ProcessReport::Looked(generation, _) => *generation = self.named(state, *generation),
            ProcessReport::Probed(_) => {}
        }
        report
    }

    fn passing_of_time(&self, state: &State) -> Vec<Edge<State>> {
        let timers = [
            ("the deployment's deadline passes", Timer::Deployment),
            ("the trader's deadline passes", Timer::Process(&self.trader)),
        ];
        let mut edges = Vec::new();
        for (label, timer) in timers {
            if let Some(world) = past_deadline(&state.world, &self.policy, timer) {
                let mut next = State { world, ..state.clone() };
                self.observe(&mut next, &Observation::Tick);
                edges.push(self.edge(label, true, next));
            }
        }
        edges
    }

    /// A better trial, a click on "roll back".
    fn wishes(&self, state: &State) -> Vec<Edge<State>> {
        let mut edges = Vec::new();
        if state.trials < self.bounds.trials {
            let mut next = state.clone();
            next.trials += 1;
            self.watch_study(&mut next);
            edges.push(self.edge("a better trial", false, next));
        }
        if let Some(clicks) = state.left.clicks.checked_sub(1) {
            let command = Command::Rollback { to: None, hold: false, reason: String::new() };
            let (id, actor) = (RequestId("click".into()), String::new());
            let request = Request { id, actor, expected: None, command };
            let mut next = state.clone();
            next.left.clicks = clicks;
            self.observe(&mut next, &Observation::Asked(request));
            edges.push(self.edge("a click on `roll back`", false, next));
        }
        edges
    }
}

/// How a job can end; bad ends are misfortune.
fn endings(job: &Effect) -> Vec<(DeploymentReport, bool)> {
    match job {
        Effect::AwaitFiles { .. } => vec![(DeploymentReport::FilesSettled, true)],
        Effect::Stage { .. } => vec![(DeploymentReport::Staged(Digest([0; 32])), true)],
        Effect::Validate { .. } => vec![
            (DeploymentReport::Validated(crate::network::sound()), true),
            (DeploymentReport::Validated(crate::network::refused("")), false),
        ],
        Effect::Verify { .. } => vec![
            (DeploymentReport::Verified(Ok(())), true),
            (DeploymentReport::Verified(Err(String::new())), false),
        ],
        Effect::Launch { .. }
        | Effect::Stop { .. }
        | Effect::Probe { .. }
        | Effect::AwaitReady { .. } => Vec::new(),
    }
}

fn deployment_of(job: &Effect) -> DeploymentId {
    match job {
        Effect::AwaitFiles { deployment, .. }
        | Effect::Stage { deployment, .. }
        | Effect::Validate { deployment, .. }
        | Effect::Verify { deployment, .. } => *deployment,
        Effect::Launch { .. }
        | Effect::Stop { .. }
        | Effect::Probe { .. }
        | Effect::AwaitReady { .. } => DeploymentId(0),
    }
}

fn heard(observation: &Observation) -> String {
    match observation {
        Observation::Process(_, report) => format!("heard: {report:?}"),
        Observation::Deployment(_, report) => format!("heard: {report:?}"),
        Observation::Study(StudyReport::Seen { best, .. }) => {
            format!("heard: the best is trial {:?}", best.as_ref().map(|best| best.trial_id))
        }
        other => format!("heard: {other:?}"),
    }
}

fn study() -> StudyIdentity {
    StudyIdentity {
        name: "study".into(),
        study_id: 1,
        directions: vec![Direction::Maximize],
        anchor: None,
    }
}

/// The `n`th trial, better than all before.
fn candidate(n: u8) -> Candidate {
    let (trial_id, number) = (TrialId(n.into()), TrialNumber(n.into()));
    Candidate {
        study: study(),
        trial_id,
        number,
        value: f64::from(n),
        direction: Direction::Maximize,
    }
}
