//! What is judged over several processes at once: who waits for whom, and whether the workers fail
//! together; and what is told of it. Stateless: everything follows from the world as it is.

use crate::machines::alert::{Alert, Event, Key};
use crate::machines::process::{Goal, Phase, Process};
use crate::words::{
    Moment, Policy, ProcessName, ProcessPolicy, Role, Severity, Span, TrialNumber, Trouble,
};
use crate::world::World;

/// Workers whose last failures are at most this far back have failed together.
const TOGETHER: Span = Span::seconds(60);
/// Distance between the starts of workers that paused together: a shared cause that is still there
/// shows with the first, and they do not all load their data at once.
const STAGGER: Span = Span::seconds(10);

/// What follows for the workers as a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// Nothing.
    Fine,
    /// They failed together just now, or still do: these wait this long.
    Paused(Vec<(ProcessName, Span)>),
    /// One of them has been healthy for long enough.
    Recovered,
}

/// Name of the alert about workers that fail together.
pub fn group_alert() -> Key {
    Key("workers/failing".into())
}

/// What that alert says.
pub fn shared_failure() -> Event {
    Event::Raise(Trouble {
        severity: Severity::Warning,
        text: "all workers failed within a minute".into(),
        remedy: "they share a cause: look at the database, the disk, the graphics card and \
                 `cappuccino logs`; `cappuccino reset` starts one at once"
            .into(),
    })
}

/// The alert about trials that nobody works on, and what it is told when these are.
pub fn zombies_alert(trials: &[TrialNumber], remedy: &str) -> (Key, Event) {
    let numbers: Vec<String> = trials.iter().map(ToString::to_string).collect();
    let event = if numbers.is_empty() {
        Event::Clear
    } else {
        let text = format!(
            "the study calls these trials running, but nobody works on them: {}",
            numbers.join(", ")
        );
        Event::Raise(Trouble { severity: Severity::Warning, text, remedy: remedy.to_owned() })
    };
    (Key("study/zombies".into()), event)
}

/// Name of a worker's own alert about its spent budget, which the group's stands for.
pub fn own_alert(name: &ProcessName) -> Key {
    Key(format!("process/{name}/cooling"))
}

/// The first process that one with `policy` is started after and that is not ready.
pub fn waits_for<'a>(world: &World, policy: &'a ProcessPolicy) -> Option<&'a ProcessName> {
    let is_ready = |name: &ProcessName| world.processes.get(name).is_some_and(Process::is_ready);
    policy.after.iter().find(|name| !is_ready(name))
}

/// Processes that waited and need not any more.
pub fn released(world: &World, policy: &Policy) -> Vec<ProcessName> {
    let is_free = |name: &ProcessName, process: &Process| {
        matches!(process.phase, Phase::Waiting { .. })
            && policy.processes.get(name).is_none_or(|own| waits_for(world, own).is_none())
    };
    let free = world.processes.iter().filter(|(name, process)| is_free(name, process));
    free.map(|(name, _)| name.clone()).collect()
}

/// Processes that nobody who is still there was started after: they may be stopped now.
pub fn free_to_stop(world: &World, policy: &Policy) -> Vec<ProcessName> {
    let is_needed = |name: &ProcessName| {
        policy.processes.iter().any(|(other, own)| {
            own.after.contains(name)
                && world.processes.get(other).is_some_and(|process| !process.is_at_rest())
        })
    };
    world.processes.keys().filter(|name| !is_needed(name)).cloned().collect()
}

/// Workers that are to run, in the order of their names.
pub fn workers<'a>(
    world: &'a World,
    policy: &'a Policy,
) -> impl Iterator<Item = (&'a ProcessName, &'a Process, &'a ProcessPolicy)> {
    let of_role = policy.processes.iter().filter(|(_, own)| own.role == Role::Worker);
    let known = of_role.filter_map(|(name, own)| Some((name, world.processes.get(name)?, own)));
    known.filter(|(_, process, _)| process.goal != Goal::Down)
}

/// Whether the workers have failed together and none has recovered.
pub fn fail_together(world: &World) -> bool {
    world.alerts.get(&group_alert()).and_then(Alert::trouble).is_some()
}

/// What follows for the workers as a group, at `now`.
pub fn group(world: &World, policy: &Policy, now: Moment) -> Group {
    let all: Vec<_> = workers(world, policy).collect();
    let is_paused = fail_together(world);
    let is_healthy = |process: &Process| process.is_ready() && process.failures.is_clean();
    if is_paused && (all.len() < 2 || all.iter().any(|(_, process, _)| is_healthy(process))) {
        return Group::Recovered;
    }
    if !is_paused && (all.len() < 2 || !all.iter().all(|(_, process, _)| just_failed(process, now)))
    {
        return Group::Fine;
    }
    let pauses: Vec<(ProcessName, Span)> = (0..)
        .zip(&all)
        .filter(|(_, (_, process, _))| matches!(process.phase, Phase::Backoff { .. }))
        .map(|(place, (name, process, own))| {
            let wait = process.failures.cooldown(own).plus(STAGGER.times(place));
            ((*name).clone(), wait)
        })
        .collect();
    if is_paused && pauses.is_empty() { Group::Fine } else { Group::Paused(pauses) }
}

/// Whether a worker failed a moment ago and has not recovered since.
fn just_failed(process: &Process, now: Moment) -> bool {
    let is_down = match process.phase {
        Phase::Backoff { .. }
        | Phase::Cooldown { .. }
        | Phase::Starting { .. }
        | Phase::Running { ready: false, .. } => true,
        Phase::Running { ready: true, .. }
        | Phase::Stopped
        | Phase::Done(_)
        | Phase::Stopping { .. }
        | Phase::Unknown { .. }
        | Phase::Waiting { .. } => false,
    };
    let last = process.failures.recent.last();
    let ended_well = process.tally.last_exit.as_ref().is_some_and(|(_, end, _)| end.is_success());
    is_down && !ended_well && last.is_some_and(|last| now.since(*last) <= TOGETHER)
}
