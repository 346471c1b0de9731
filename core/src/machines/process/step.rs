//! How a process answers each event, in each phase.

use super::{
    Believed, Context, Event, Goal, LOOK_AGAIN, Phase, Process, START_PATIENCE, STOP_PATIENCE,
    Then, Trust,
};
use crate::machines::{Answer, Step, Unchanged};
use crate::rules::restart::Failures;
use crate::words::{Effect, Generation, Refusal, Span};

/// The answer of `process` to `event`.
pub fn step(context: Context<'_>, process: &Process, event: &Event) -> Answer<Process> {
    let turn = Turn { context, process };
    match event {
        Event::Want(goal) => turn.want(*goal),
        Event::Reported(report) => turn.reported(report),
        Event::Restart => turn.restart(),
        Event::Reset => turn.reset(),
        Event::Booted(newest) => turn.booted(*newest),
        Event::ShuttingDown => turn.shutting_down(),
        Event::Tick => turn.tick(),
        Event::Pause(wait) => turn.pause(*wait),
    }
}

/// One event being answered.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) context: Context<'a>,
    pub(super) process: &'a Process,
}

impl Turn<'_> {
    fn want(self, goal: Goal) -> Answer<Process> {
        let now_wanted = Process { goal, ..self.process.clone() };
        let fresh = self.process.goal != goal;
        match (&self.process.phase, goal) {
            (Phase::Stopped, Goal::Down) => self.vacant(now_wanted).done(),
            (
                Phase::Done(_)
                | Phase::Backoff { .. }
                | Phase::Cooldown { .. }
                | Phase::Waiting { .. },
                Goal::Down,
            ) => self.vacant(Process { phase: Phase::Stopped, ..now_wanted }).done(),
            (Phase::Stopped | Phase::Done(_), Goal::Up(_)) => self.forgive(now_wanted, fresh),
            (Phase::Backoff { .. } | Phase::Cooldown { .. }, Goal::Up(_)) if fresh => {
                self.forgive(now_wanted, true)
            }
            (Phase::Running { identity, .. }, _) if !now_wanted.serves_goal() => {
                self.stop(now_wanted, identity, Then::FollowGoal).done()
            }
            (Phase::Stopping { then: Then::Fail(..), .. }, _) if !fresh => {
                Answer::Unchanged(Unchanged::AlreadySo)
            }
            (Phase::Stopping { .. }, _) => {
                self.settle(Process { phase: self.stopping(Then::FollowGoal), ..now_wanted })
            }
            (
                Phase::Starting { .. }
                | Phase::Unknown { .. }
                | Phase::Running { .. }
                | Phase::Backoff { .. }
                | Phase::Cooldown { .. }
                | Phase::Waiting { .. },
                Goal::Down | Goal::Up(_),
            ) => self.settle(now_wanted),
        }
    }

    /// Starts for a new purpose: the failures of another model do not count against this one.
    fn forgive(self, mut process: Process, fresh: bool) -> Answer<Process> {
        if fresh {
            process.failures = Failures::default();
        }
        self.start(process, Trust::Full).done()
    }

    fn restart(self) -> Answer<Process> {
        let process = Process { failures: Failures::default(), ..self.process.clone() };
        match (&self.process.phase, process.goal) {
            (_, Goal::Down) => Answer::Refused(Refusal::NotWanted(self.name())),
            (Phase::Running { identity, .. }, Goal::Up(_)) => {
                self.stop(process.clone(), identity, Then::FollowGoal).done()
            }
            (
                Phase::Stopped | Phase::Done(_) | Phase::Backoff { .. } | Phase::Cooldown { .. },
                Goal::Up(_),
            ) => self.start(process, Trust::Full).clear(self.alert("cooling")).done(),
            (Phase::Stopping { .. }, Goal::Up(_)) => {
                self.settle(Process { phase: self.stopping(Then::FollowGoal), ..process })
            }
            (
                Phase::Starting { .. } | Phase::Unknown { .. } | Phase::Waiting { .. },
                Goal::Up(_),
            ) => self.settle(process),
        }
    }

    fn reset(self) -> Answer<Process> {
        let process = Process { failures: Failures::default(), ..self.process.clone() };
        match (&self.process.phase, process.goal) {
            (Phase::Done(_) | Phase::Backoff { .. } | Phase::Cooldown { .. }, Goal::Up(_)) => {
                self.start(process, Trust::Full).clear(self.alert("cooling")).done()
            }
            (
                Phase::Stopped
                | Phase::Done(_)
                | Phase::Starting { .. }
                | Phase::Running { .. }
                | Phase::Stopping { .. }
                | Phase::Backoff { .. }
                | Phase::Cooldown { .. }
                | Phase::Unknown { .. }
                | Phase::Waiting { .. },
                Goal::Up(_) | Goal::Down,
            ) => self.settle(process),
        }
    }

    fn booted(self, newest: Generation) -> Answer<Process> {
        let mut process = self.process.clone();
        if newest > process.generation {
            // Our record is an old backup: no number that may be in use is given out again.
            process.generation = newest.next();
        }
        match &self.process.phase {
            Phase::Starting { trust, .. } => self.look(process, Believed::Asked, *trust).done(),
            Phase::Running { trust, ready, .. } => {
                let believed = if *ready { Believed::Ready } else { Believed::Alive };
                self.look(process, believed, *trust).done()
            }
            Phase::Unknown { believed, trust, .. } => self.look(process, *believed, *trust).done(),
            Phase::Stopping { then, .. } => {
                let sequel = match then {
                    Then::Fail(..) => *then,
                    Then::Stay | Then::FollowGoal => Then::FollowGoal,
                };
                let phase = self.stopping(sequel);
                let probe = Effect::Probe { process: self.name() };
                Step::to(Process { phase, ..process }).ask(probe).done()
            }
            Phase::Stopped => match process.goal {
                Goal::Up(_) => self.start(process, Trust::Full).done(),
                Goal::Down => self.settle(process),
            },
            Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => self.settle(process),
        }
    }

    fn shutting_down(self) -> Answer<Process> {
        match &self.process.phase {
            Phase::Running { identity, .. } => {
                self.stop(self.process.clone(), identity, Then::Stay).done()
            }
            Phase::Stopping { then: Then::FollowGoal | Then::Fail(..), .. } => {
                let phase = self.stopping(Then::Stay);
                Step::to(Process { phase, ..self.process.clone() }).done()
            }
            Phase::Starting { .. } | Phase::Unknown { .. } => Answer::Unchanged(Unchanged::NotYet),
            Phase::Stopping { then: Then::Stay, .. }
            | Phase::Stopped
            | Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::AlreadySo),
        }
    }

    /// The fault is not this process's own: it waits as long as the others do.
    fn pause(self, wait: Span) -> Answer<Process> {
        match self.process.phase {
            Phase::Backoff { .. } => {
                let phase = Phase::Cooldown { since: self.context.now, wait };
                let step = Step::to(Process { phase, ..self.process.clone() });
                self.tell_exhausted(step, "all workers failed together").done()
            }
            Phase::Cooldown { .. } => Answer::Unchanged(Unchanged::AlreadySo),
            Phase::Stopped
            | Phase::Done(_)
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Unknown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::NotConcerned),
        }
    }

    fn tick(self) -> Answer<Process> {
        let (policy, now) = (self.context.policy, self.context.now);
        let process = self.process.clone();
        match &self.process.phase {
            Phase::Starting { since, trust } if now.since(*since) >= START_PATIENCE => {
                self.look(process, Believed::Asked, *trust).done()
            }
            Phase::Running { identity, since, ready: false, trust } if self.is_due(*since) => {
                self.time_to_be_ready(process, identity, *trust)
            }
            Phase::Running { since, .. }
                if now.since(*since) >= policy.healthy_after && !process.failures.is_clean() =>
            {
                self.healthy(process).done()
            }
            Phase::Stopping { identity, since, then, ending }
                if now.since(*since) >= policy.stop_grace.plus(STOP_PATIENCE) =>
            {
                let text = format!("{} does not end (pid {})", self.context.name, identity.pid);
                self.stop_life(process, *ending, identity, *then)
                    .raise(self.alert("stuck"), text, "it may hang in a driver: look at its stack")
                    .done()
            }
            Phase::Backoff { since, wait } if now.since(*since) >= *wait => {
                self.start(process, Trust::Full).done()
            }
            Phase::Cooldown { since, wait } if now.since(*since) >= *wait => {
                self.start(process, Trust::HalfOpen).done()
            }
            Phase::Unknown { since, believed, trust } if now.since(*since) >= LOOK_AGAIN => {
                self.look(process, *believed, *trust).done()
            }
            Phase::Waiting { trust, .. } if self.context.waits_for.is_none() => {
                self.start(process, *trust).done()
            }
            Phase::Stopped
            | Phase::Done(_)
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Unknown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::NotYet),
        }
    }
}
