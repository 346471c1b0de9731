//! The loop: observe, decide, commit, act. One task owns everything that changes.
//!
//! Nothing is done that is not on disk first; whatever is done comes back as an observation. The
//! loop never waits for anything but its next wake-up: long work runs beside it and reports.

use crate::act::Actor;
use crate::clock::Clock;
use crate::handover::Successor;
use crate::keeper::Keeper;
use crate::observe::machine::MachineWatcher;
use crate::observe::session::rivals::rivals;
use crate::observe::session::watcher::SessionWatcher;
use crate::observe::signs::SignsWatcher;
use crate::observe::watcher::StudyWatcher;
use crate::observe::zombies::ZombieWatcher;
use crate::serve::port::{Ask, AskError, Reply};
use crate::service::manager::ServiceManager;
use crate::upkeep::Upkeep;
use cappuccino_core::api::{
    Accepted, CommandBody, CommandRequest, Foresight, PnlView, Status, foresee, status_of,
};
use cappuccino_core::decision::Orders;
use cappuccino_core::machines::alert::Key;
use cappuccino_core::machines::study::Study;
use cappuccino_core::store::StoreError;
use cappuccino_core::words::{
    Command, Moment, Observation, Policy, Request, RevisionId, Sequence, Span, Stage, Timestamp,
};
use cappuccino_core::world::World;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};

/// Pause before the state file is opened again after a failing disk.
const REOPEN_PAUSE: Duration = Duration::from_secs(2);
/// Observations handled before the loop looks at signals and clients again: those of a hundred
/// processes that end at one moment.
const BURST_MAX: usize = 128;

/// Everything the loop owns.
pub struct Runner {
    /// State on disk, machines on top.
    pub keeper: Keeper,
    /// The hands.
    pub actor: Actor,
    /// The eyes on the study.
    pub study: StudyWatcher,
    /// The eyes on what the trader earns; none without a trader.
    pub sessions: Option<SessionWatcher>,
    /// Tells that they saw something.
    pub session_news: Arc<Notify>,
    /// Log caps, backups, samples.
    pub upkeep: Upkeep,
    /// The eyes on the machine; none where the system gives no thread for them.
    pub machine: Option<MachineWatcher>,
    /// The eyes on trials that nobody works on; none where the system gives no thread for them.
    pub zombies: Option<ZombieWatcher>,
    /// The eyes on signs of life and memory; none where no process has a limit.
    pub signs: Option<SignsWatcher>,
    /// The clocks.
    pub clock: Clock,
    /// What happened outside.
    pub observations: mpsc::Receiver<Observation>,
    /// What clients ask.
    pub asks: mpsc::Receiver<Ask>,
    /// The picture clients see.
    pub status: watch::Sender<Arc<Status>>,
    /// When this runner came up.
    pub since: Timestamp,
    /// What the service manager is told.
    pub manager: ServiceManager,
    /// Who takes over when the runner is to be restarted.
    pub successor: Successor,
    /// Whether to end, processes running on, as soon as nothing is under way.
    pub once: bool,
}

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every process was stopped first.
    Stopped,
    /// The processes run on, to be adopted by the next runner.
    Left,
    /// As `Left`, and the program as it is now is to take over at once.
    HandedOver,
}

/// Why the loop sleeps no longer.
enum Wake {
    Observed(Observation),
    Asked(Ask),
    /// The picture changed, and nothing is to be decided.
    Seen,
    Due,
    Signalled,
}

impl Runner {
    /// Runs until asked to stop; gives the state back, still open, so that the owner can close the
    /// window first.
    ///
    /// # Errors
    /// Signals cannot be listened for; nothing else ends the loop.
    pub async fn run(mut self) -> std::io::Result<(Ending, Keeper)> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        self.observe(self.booted()).await;
        self.manager.ready();
        loop {
            self.publish();
            if self.look_after().await {
                self.publish();
            }
            if self.keeper.engine().world().shutting_down && self.is_at_rest() {
                self.manager.stopping();
                return Ok((Ending::Stopped, self.keeper));
            }
            if self.once && self.is_done_for_now() {
                return Ok((Ending::Left, self.keeper));
            }
            match self.sleep(&mut interrupt, &mut terminate).await {
                Wake::Observed(observation) => self.burst(observation).await,
                Wake::Asked(ask) => {
                    if let Some(ending) = self.answer(ask).await {
                        return Ok((ending, self.keeper));
                    }
                }
                Wake::Seen => self.judge_trading().await,
                Wake::Due => self.observe(Observation::Tick).await,
                Wake::Signalled => self.observe(Observation::ShuttingDown).await,
            }
        }
    }

    async fn sleep(&mut self, interrupt: &mut Signal, terminate: &mut Signal) -> Wake {
        let wake = self.next_wake();
        tokio::select! {
            biased;
            _ = interrupt.recv() => Wake::Signalled,
            _ = terminate.recv() => Wake::Signalled,
            Some(observation) = self.observations.recv() => Wake::Observed(observation),
            Some(ask) = self.asks.recv() => Wake::Asked(ask),
            () = self.session_news.notified() => Wake::Seen,
            () = tokio::time::sleep(wake) => Wake::Due,
        }
    }

    fn next_wake(&mut self) -> Duration {
        let now = self.clock.now();
        let upkeep = self.upkeep.due_in(now, &self.status.borrow());
        let due = self.keeper.engine().deadline(now).unwrap_or(upkeep).min(upkeep);
        let due = Duration::from_millis(u64::try_from(due.0.max(1)).unwrap_or(1));
        self.manager.alive(Instant::now()).map_or(due, |feeding| feeding.min(due))
    }

    /// The runner is up, with what the slots say on disk.
    fn booted(&self) -> Observation {
        Observation::Booted(self.actor.newest_lives(self.keeper.engine().world()))
    }

    /// Handles an observation and those that wait behind it with one commit: a hundred deaths at
    /// one moment wait for the disk once. Then one new picture is shown.
    async fn burst(&mut self, first: Observation) {
        let mut observations = vec![first];
        while observations.len() < BURST_MAX
            && let Ok(observation) = self.observations.try_recv()
        {
            observations.push(observation);
        }
        self.observe_all(observations).await;
    }

    /// What has to be done now and then, when it is due; whether it was.
    async fn look_after(&mut self) -> bool {
        let now = self.clock.now();
        let is_due = self.upkeep.due_in(now, &self.status.borrow()) == Span::ZERO;
        if is_due {
            self.judge_trading().await;
            self.upkeep.turn(now, &self.keeper, self.status.borrow().as_ref());
        }
        is_due
    }

    /// Shows the guard how the model trades that is live.
    async fn judge_trading(&mut self) {
        let now = self.clock.now();
        let Some(mut trading) = self.pnl(now).and_then(|pnl| pnl.trading()) else { return };
        if let Some(standings) = self.sessions.as_ref().and_then(SessionWatcher::standings) {
            trading.rivals = rivals(&standings, &self.world().deployment);
        }
        self.observe(Observation::Trading(trading)).await;
    }

    async fn observe(&mut self, observation: Observation) {
        self.observe_all(vec![observation]).await;
    }

    /// Takes observations into the record and acts on them; does not return before they are
    /// durable. What is seen while acting is taken together, too: a runner that comes up finds
    /// hundreds of processes with one commit.
    async fn observe_all(&mut self, mut waiting: Vec<Observation>) {
        while !waiting.is_empty() {
            match self.keeper.take(&waiting) {
                Ok(orders) => waiting = self.act(orders),
                Err(error) => {
                    let going_down = self.keeper.engine().world().shutting_down;
                    self.recover(&error).await;
                    // After a reopen the world may look different: everything is looked at anew,
                    // then the observations are told again; machines ignore what they know.
                    waiting.retain(|one| !matches!(one, Observation::Booted(_)));
                    let mut anew = vec![self.booted()];
                    anew.extend(going_down.then_some(Observation::ShuttingDown));
                    anew.append(&mut waiting);
                    waiting = anew;
                }
            }
        }
    }

    fn act(&mut self, orders: Orders) -> Vec<Observation> {
        let world = self.keeper.engine().world();
        self.actor.forget_unwanted(world);
        self.actor.tell_company(world);
        let mut seen = Vec::new();
        seen.extend(self.study.exclude(&world.deployment).map(Observation::Study));
        for (id, effect) in orders.effects {
            seen.extend(self.actor.perform(world, id, &effect));
        }
        seen
    }

    /// Waits until the state file can be written again. Processes run on meanwhile.
    async fn recover(&mut self, error: &StoreError) {
        tracing::error!("the state could not be written: {error}; opening the file again");
        while let Err(error) = self.keeper.reopen() {
            tracing::error!("{error}");
            self.manager.alive(Instant::now());
            tokio::time::sleep(REOPEN_PAUSE).await;
        }
        tracing::info!("the state file is open again");
    }

    async fn answer(&mut self, Ask { request, reply }: Ask) -> Option<Ending> {
        let reply = match reply {
            Reply::Act(reply) => reply,
            Reply::Foresee(reply) => {
                if reply.send(self.foresee(request)).is_err() {
                    tracing::debug!("a client went away before its answer");
                }
                return None;
            }
        };
        let (answer, ending) = match request.command {
            CommandBody::Shutdown { keep_processes: true } => (
                Ok(self.accepted("the runner goes down; the processes run on")),
                Some(Ending::Left),
            ),
            CommandBody::Shutdown { keep_processes: false } => {
                self.observe(Observation::ShuttingDown).await;
                (Ok(self.accepted("stopping every process, then the runner")), None)
            }
            CommandBody::RestartRunner => match self.successor.can_take_over(self.world()).await {
                Ok(()) => {
                    self.manager.reloading();
                    let text = "the runner hands over; the processes run on";
                    (Ok(self.accepted(text)), Some(Ending::HandedOver))
                }
                Err(refusal) => (Err(AskError::Refused(refusal)), None),
            },
            CommandBody::Backup => {
                let outcome = self.upkeep.backup_now(self.clock.now(), &self.keeper);
                (outcome.map(|text| self.accepted(&text)).map_err(AskError::Store), None)
            }
            CommandBody::Deploy { .. }
            | CommandBody::Rollback { .. }
            | CommandBody::Hold { .. }
            | CommandBody::Unhold { .. }
            | CommandBody::Approve
            | CommandBody::Reject { .. }
            | CommandBody::Pause { .. }
            | CommandBody::Resume
            | CommandBody::Restart { .. }
            | CommandBody::Reset { .. }
            | CommandBody::Acknowledge { .. }
            | CommandBody::Unacknowledge { .. }
            | CommandBody::Silence { .. }
            | CommandBody::Unsilence { .. } => {
                let answer = match self.study.command(&request.command) {
                    Ok(command) => {
                        let (id, actor, expected) = (request.id, request.actor, request.expected);
                        self.ask(Request { id, actor, expected, command }).await
                    }
                    Err(why) => Err(AskError::Trial(why)),
                };
                (answer, None)
            }
        };
        self.publish();
        if reply.send(answer).is_err() {
            tracing::debug!("a client went away before its answer");
        }
        ending
    }

    /// What a request would lead to; nothing is done.
    fn foresee(&self, request: CommandRequest) -> Result<Foresight, AskError> {
        let command = self.study.command(&request.command).map_err(AskError::Trial)?;
        let (id, actor, expected) = (request.id, request.actor, request.expected);
        let request = Request { id, actor, expected, command };
        foresee(self.keeper.engine(), self.clock.now(), request).map_err(AskError::Refused)
    }

    /// Carries out a request. A state that cannot be written is the client's to know at once.
    async fn ask(&mut self, request: Request) -> Result<Accepted, AskError> {
        let command = request.command.clone();
        match self.keeper.take(&[Observation::Asked(request)]) {
            Ok(orders) => {
                let answer = orders.answer.clone();
                let seen = self.act(orders);
                self.observe_all(seen).await;
                match answer {
                    Some(Ok(())) => Ok(self.accepted(&self.outcome_in_words(&command))),
                    Some(Err(refusal)) => Err(AskError::Refused(refusal)),
                    None => Err(AskError::Store("the request was not answered".into())),
                }
            }
            Err(error) => {
                let text = error.to_string();
                self.recover(&error).await;
                self.observe(self.booted()).await;
                Err(AskError::Store(text))
            }
        }
    }

    fn accepted(&self, text: &str) -> Accepted {
        let generation = self.keeper.engine().world().deployment.slot.generation;
        Accepted { text: text.to_owned(), generation }
    }

    fn outcome_in_words(&self, command: &Command) -> String {
        let silences = &self.keeper.engine().world().silences;
        match (command, silences.last_key_value()) {
            (Command::Acknowledge { alert, .. }, _) => format!("{alert} is acknowledged"),
            (Command::Unacknowledge { alert }, _) => format!("{alert} is told again"),
            (Command::Silence { pattern, lasts, .. }, Some((id, _))) => {
                format!("silence {id}: `{pattern}` is not told for {lasts}")
            }
            (Command::Unsilence { silence }, _) => format!("silence {silence} is over"),
            (_, _) => self.picture_in_words(),
        }
    }

    fn picture_in_words(&self) -> String {
        let slot = &self.keeper.engine().world().deployment.slot;
        match (slot.phase.under_way(), slot.phase.live()) {
            (Some((_, revision)), _) => format!("revision {revision} is {}", slot.phase.name()),
            (None, Some(revision)) => format!("revision {revision} is live; {}", slot.mode),
            (None, None) => format!("{}; {}", slot.phase.name(), slot.mode),
        }
    }

    fn is_at_rest(&self) -> bool {
        self.world().is_at_rest()
    }

    const fn world(&self) -> &World {
        self.keeper.engine().world()
    }

    /// For `run --once`: the study was looked at, everything asked for has happened, and no
    /// deployment is on its way but perhaps in its probation.
    fn is_done_for_now(&self) -> bool {
        let world = self.keeper.engine().world();
        let is_lost = Key("study/unavailable".to_owned());
        let looked = world.study != Study::Unseen || world.alerts.contains_key(&is_lost);
        let settled = world
            .deployment
            .slot
            .phase
            .stage()
            .is_none_or(|stage| matches!(stage, Stage::Probation | Stage::AwaitingApproval));
        looked && settled && world.intents.is_empty()
    }

    fn publish(&mut self) {
        let now: Moment = self.clock.now();
        let engine = self.keeper.engine();
        let sequence = match self.keeper.readers().borrow().last_sequence() {
            Ok(sequence) => sequence,
            Err(error) => {
                tracing::warn!("the history's length cannot be read: {error}");
                Sequence(0)
            }
        };
        let mut study = self.study.view(engine.world(), now);
        study.zombies = self.zombies.as_ref().map(|eye| eye.found().numbers()).unwrap_or_default();
        let mut status =
            status_of(engine.world(), engine.policy(), now, study, self.since, sequence);
        status.machine = self.machine.as_ref().and_then(|machine| machine.seen().latest());
        status.pnl = self.pnl(now);
        if let Some(signs) = &self.signs {
            signs.show(&mut status);
        }
        self.manager.status(&in_a_line(&status));
        self.status.send_replace(Arc::new(status));
    }

    /// What the trader earns with the model it runs, or ran last.
    fn pnl(&mut self, now: Moment) -> Option<PnlView> {
        let engine = self.keeper.engine();
        let revision = trading_revision(engine.world(), engine.policy());
        let sessions = self.sessions.as_mut()?;
        if let Some(revision) = revision {
            sessions.follow(revision);
        }
        Some(sessions.view(now))
    }
}

/// The picture in one line, for `systemctl status`.
fn in_a_line(status: &Status) -> String {
    let lives = status.processes.iter().filter(|process| process.pid.is_some()).count();
    let (all, alerts) = (status.processes.len(), status.alerts.len());
    let phase = &status.deployment.phase;
    format!("{lives} of {all} processes run; deployment {phase}; {alerts} alerts")
}

/// The model that the trader runs; the live one while it runs none.
pub(crate) fn trading_revision(world: &World, policy: &Policy) -> Option<RevisionId> {
    let trader = policy.trader.as_ref().and_then(|name| world.processes.get(name));
    trader.and_then(|process| process.runs).or_else(|| world.deployment.slot.phase.live())
}
