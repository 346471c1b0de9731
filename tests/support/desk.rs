//! A runner without a world: the real engine over a real store on a simulated disk, one
//! observation at a time, with a clock that the test turns.

use crate::disk::Disk;
use crate::story::facts;
use cappuccino_core::api::{Foresight, foresee};
use cappuccino_core::engine::Engine;
use cappuccino_core::store::Store;
use cappuccino_core::words::trial::Anchor;
use cappuccino_core::words::{
    BootId, Candidate, Command, DeploymentId, DeploymentReport, Digest, Direction, Effect,
    ExitStatus, Generation, Moment, Observation, Policy, ProcessName, ProcessPolicy, ProcessReport,
    Readiness, Refusal, Request, RequestId, RevisionId, Role, RunIdentity, Span, StudyIdentity,
    StudyReport, Timestamp, TrialId, TrialNumber,
};
use cappuccino_core::world::World;

/// The desk of a test.
pub struct Desk {
    pub now: Moment,
    pub disk: Disk,
    pub policy: Policy,
    store: Option<Store>,
    engine: Engine,
    requests: u32,
}

pub fn name(text: &str) -> ProcessName {
    ProcessName::new(text).unwrap()
}

/// One worker and one trader under the default policy.
pub fn small_policy() -> Policy {
    let mut policy = Policy { trader: Some(name("trader")), ..Policy::default() };
    policy.processes.insert(name("worker"), ProcessPolicy::of(Role::Worker));
    policy.processes.insert(name("trader"), ProcessPolicy::of(Role::Trader));
    policy
}

/// A study that maximizes.
pub fn study(anchor: &str) -> StudyIdentity {
    let anchor = Anchor { trial_id: TrialId(1), datetime_start: anchor.into() };
    StudyIdentity {
        name: "s".into(),
        study_id: 1,
        directions: vec![Direction::Maximize],
        anchor: Some(anchor),
    }
}

/// A trial of `study("first")`, whose row id is not its number.
pub fn trial(number: i64, value: f64) -> Candidate {
    Candidate {
        study: study("first"),
        trial_id: TrialId(number + 1000),
        number: TrialNumber(number),
        value,
        direction: Direction::Maximize,
    }
}

pub fn identity(pid: u32) -> RunIdentity {
    RunIdentity { boot: BootId(1), shim_pid: pid + 1, pid, start_ticks: u64::from(pid) * 7 }
}

impl Desk {
    /// A new workspace whose runner has just come up.
    pub fn new(policy: Policy) -> (Self, Vec<Effect>) {
        let disk = Disk::default();
        let store = Store::open(disk.clone(), &facts()).unwrap();
        let engine = Engine::new(policy.clone(), World::default());
        let now = Moment { wall: Timestamp(1_760_000_000_000), boot: BootId(1), uptime: Span(0) };
        let mut desk = Self { now, disk, policy, store: Some(store), engine, requests: 0 };
        let effects = desk.observe(&Observation::Booted(Default::default()));
        (desk, effects)
    }

    pub fn world(&self) -> &World {
        self.engine.world()
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Tells the engine something and commits what it decides.
    pub fn observe(&mut self, observation: &Observation) -> Vec<Effect> {
        self.observe_answered(observation).0
    }

    fn observe_answered(
        &mut self,
        observation: &Observation,
    ) -> (Vec<Effect>, Option<Result<(), Refusal>>) {
        let decision = self.engine.decide(self.now, observation);
        let store = self.store.as_mut().unwrap();
        let committed = store.commit(self.engine.world(), decision).unwrap();
        let orders = self.engine.advance(committed);
        (orders.effects.into_iter().map(|(_, effect)| effect).collect(), orders.answer)
    }

    /// The runner is killed and comes back: only the file is left of it.
    pub fn restart(&mut self) -> Vec<Effect> {
        drop(self.store.take());
        let store = Store::open(self.disk.clone(), &facts()).unwrap();
        let world = store.reader().load_world().unwrap();
        self.engine = Engine::new(self.policy.clone(), world);
        self.store = Some(store);
        self.observe(&Observation::Booted(Default::default()))
    }

    /// Time passes; the engine wakes at each of its deadlines on the way.
    pub fn pass(&mut self, span: Span) -> Vec<Effect> {
        let end = self.now.plus(span);
        let mut effects = Vec::new();
        while let Some(left) = self.engine.deadline(self.now) {
            if self.now.plus(left).uptime > end.uptime {
                break;
            }
            self.now = self.now.plus(left);
            let before = self.world().clone();
            effects.extend(self.observe(&Observation::Tick));
            if *self.world() == before {
                break;
            }
        }
        self.now = end;
        effects.extend(self.observe(&Observation::Tick));
        effects
    }

    pub fn process(&mut self, process: &str, report: ProcessReport) -> Vec<Effect> {
        self.observe(&Observation::Process(name(process), report))
    }

    /// The last life that was asked for has started.
    pub fn started(&mut self, process: &str, pid: u32) -> Vec<Effect> {
        let generation = self.world().processes[&name(process)].generation;
        self.process(process, ProcessReport::Started(generation, identity(pid)))
    }

    /// The present life ended.
    pub fn exited(&mut self, process: &str, status: ExitStatus) -> Vec<Effect> {
        let generation = self.world().processes[&name(process)].generation;
        self.process(process, ProcessReport::Exited(generation, status))
    }

    pub fn seen(&mut self, best: Option<Candidate>) -> Vec<Effect> {
        let identity = best.as_ref().map_or_else(|| study("first"), |best| best.study.clone());
        self.observe(&Observation::Study(StudyReport::Seen { identity, best }))
    }

    pub fn reported(&mut self, report: DeploymentReport) -> Vec<Effect> {
        let (id, _) = self.world().deployment.slot.phase.under_way().expect("nothing is under way");
        self.observe(&Observation::Deployment(id, report))
    }

    pub fn late_report(&mut self, id: DeploymentId, report: DeploymentReport) -> Vec<Effect> {
        self.observe(&Observation::Deployment(id, report))
    }

    pub fn ask(&mut self, command: Command) -> Result<Vec<Effect>, Refusal> {
        self.requests += 1;
        let id = RequestId(format!("request-{}", self.requests));
        let request = Request { id, actor: "test".into(), expected: None, command };
        let (effects, answer) = self.observe_answered(&Observation::Asked(request));
        answer.expect("an answer").map(|()| effects)
    }

    /// What a command would lead to.
    pub fn foresee(&self, command: Command) -> Result<Foresight, Refusal> {
        let id = RequestId("foreseen".into());
        let request = Request { id, actor: "test".into(), expected: None, command };
        foresee(&self.engine, self.now, request)
    }

    /// Brings `candidate` through every step until its trader is proven.
    pub fn deploy(&mut self, candidate: Candidate, pid: u32) -> RevisionId {
        self.seen(Some(candidate));
        self.prepare();
        self.cut_over(pid);
        self.pass(self.policy.deployment.probation);
        self.pass(self.policy.deployment.min_dwell);
        self.world().deployment.slot.phase.live().expect("something is live")
    }

    /// From settling to the last check; the next effects stop the present trader or start one.
    pub fn prepare(&mut self) -> Vec<Effect> {
        let (_, revision) = self.world().deployment.slot.phase.under_way().unwrap();
        self.reported(DeploymentReport::FilesSettled);
        self.reported(DeploymentReport::Staged(Digest([revision.0 as u8; 32])));
        self.reported(DeploymentReport::Validated(crate::network::sound()));
        self.reported(DeploymentReport::Verified(Ok(())))
    }

    /// Ends the present trader when there is one, starts the new one and waits until it is ready.
    pub fn cut_over(&mut self, pid: u32) {
        let trader = name("trader");
        if let cappuccino_core::machines::process::Phase::Stopping { .. } =
            self.world().processes[&trader].phase
        {
            self.exited("trader", ExitStatus::Signal(15));
        }
        self.started("trader", pid);
        match self.policy.processes[&trader].ready {
            Readiness::After(wait) => drop(self.pass(wait)),
            Readiness::Proven { .. } => {
                let generation = self.generation("trader");
                self.process("trader", ProcessReport::Ready(generation));
            }
        }
    }

    pub fn generation(&self, process: &str) -> Generation {
        self.world().processes[&name(process)].generation
    }
}

/// Whether an effect starts `process`.
pub fn launches(effects: &[Effect], process: &str) -> usize {
    let starts = |effect: &&Effect| match effect {
        Effect::Launch { process: started, .. } => started.as_str() == process,
        _ => false,
    };
    effects.iter().filter(starts).count()
}
