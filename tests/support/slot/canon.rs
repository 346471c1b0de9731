//! The canonical form of a state: what cannot change the future is forgotten, and numbers that only
//! grow are given out anew, so that equal futures are equal states and there are finitely many.

use super::{Exit, NOW, State};
use cappuccino_core::machines::deployment::{Attempt, Cutover, Deployment, Phase};
use cappuccino_core::machines::process::{Goal, Phase as ProcessPhase, Process, Tally};
use cappuccino_core::words::{
    Cause, DeploymentId, Effect, Failure, Generation, IntentId, Moment, Observation, Policy, Probe,
    ProcessName, ProcessReport, Rejection, RevisionId, RunIdentity, Span, Standing,
};
use cappuccino_core::world::World;
use std::collections::BTreeMap;

/// The present life's number in canonical form; earlier ones count down from it.
const PRESENT: u64 = 100;

pub(super) fn canonical(mut state: State, trader: &ProcessName) -> State {
    forget(&mut state);
    if let Some(since) = since_of_deployment(&mut state.world.deployment) {
        *since = NOW;
    }
    state.world.processes.values_mut().filter_map(since_of_process).for_each(|since| *since = NOW);
    rename_lives(&mut state, trader);
    rename_revisions(&mut state, trader);
    rename_deployments(&mut state);
    renumber_intents(&mut state.world);
    state
}

/// What no machine looks at again, or only to put it into words.
fn forget(state: &mut State) {
    let world = &mut state.world;
    world.alerts.clear();
    world.requests.clear();
    let slot = &mut world.deployment.slot;
    slot.generation = Generation(0);
    slot.cutovers.clear();
    slot.declined = None;
    if let Phase::Halting(why) | Phase::Halted(why) = &mut slot.phase {
        why.clear();
    }
    // Only a rollback has another cause, and it may not be replaced whatever its cause.
    if let Some(attempt) = attempt_of(&mut slot.phase) {
        attempt.cause = Cause::Automatic;
    }
    if let Some(cutover) = cutover_of(&mut slot.phase) {
        cutover.cause = Cause::Automatic;
    }
    for revision in world.deployment.revisions.values_mut() {
        revision.created = NOW;
        revision.content = None;
        match &mut revision.standing {
            Standing::Rejected(why) => *why = Rejection::ApprovalExpired,
            Standing::Bad(why) => *why = Failure::Corrupt(String::new()),
            Standing::Outperformed(why) => why.clear(),
            Standing::Candidate | Standing::Superseded | Standing::Trial | Standing::Good => {}
        }
    }
    for process in world.processes.values_mut() {
        process.tally = Tally::default();
        process.failures.streak = process.failures.streak.min(1);
        process.failures.recent.fill(NOW);
    }
    state.jobs.retain(|job| world.wants(job));
}

fn attempt_of(phase: &mut Phase) -> Option<&mut Attempt> {
    match phase {
        Phase::Settling(attempt)
        | Phase::Staging(attempt)
        | Phase::Validating(attempt)
        | Phase::AwaitingApproval(attempt)
        | Phase::Ready(attempt)
        | Phase::RollingBack(attempt) => Some(attempt),
        Phase::Watching
        | Phase::Live { .. }
        | Phase::Draining(_)
        | Phase::Starting(_)
        | Phase::Probation(_)
        | Phase::Halting(_)
        | Phase::Halted(_) => None,
    }
}

fn cutover_of(phase: &mut Phase) -> Option<&mut Cutover> {
    match phase {
        Phase::Draining(cutover) | Phase::Starting(cutover) | Phase::Probation(cutover) => {
            Some(cutover)
        }
        Phase::Watching
        | Phase::Live { .. }
        | Phase::Settling(_)
        | Phase::Staging(_)
        | Phase::Validating(_)
        | Phase::AwaitingApproval(_)
        | Phase::Ready(_)
        | Phase::RollingBack(_)
        | Phase::Halting(_)
        | Phase::Halted(_) => None,
    }
}

/// A world in which the deadline of the deployment, or of the trader, has just passed.
pub(super) fn past_deadline(world: &World, policy: &Policy, of: Timer<'_>) -> Option<World> {
    let mut world = world.clone();
    let (since, wait) = match of {
        Timer::Deployment => {
            let wait = world.deployment.deadline(&policy.deployment, NOW)?;
            (since_of_deployment(&mut world.deployment)?, wait)
        }
        Timer::Process(name) => {
            let process = world.processes.get_mut(name)?;
            let wait = process.deadline(policy.processes.get(name)?, NOW)?;
            (since_of_process(process)?, wait)
        }
    };
    *since = NOW.plus(Span(-wait.0));
    Some(world)
}

/// Whose deadline.
#[derive(Clone, Copy)]
pub(super) enum Timer<'a> {
    Deployment,
    Process(&'a ProcessName),
}

fn since_of_deployment(deployment: &mut Deployment) -> Option<&mut Moment> {
    let phase = &mut deployment.slot.phase;
    match phase {
        Phase::Live { since, .. } => Some(since),
        Phase::Settling(attempt)
        | Phase::Staging(attempt)
        | Phase::Validating(attempt)
        | Phase::AwaitingApproval(attempt)
        | Phase::Ready(attempt)
        | Phase::RollingBack(attempt) => Some(&mut attempt.since),
        Phase::Draining(cutover) | Phase::Starting(cutover) | Phase::Probation(cutover) => {
            Some(&mut cutover.since)
        }
        Phase::Watching | Phase::Halting(_) | Phase::Halted(_) => None,
    }
}

fn since_of_process(process: &mut Process) -> Option<&mut Moment> {
    match &mut process.phase {
        ProcessPhase::Starting { since, .. }
        | ProcessPhase::Running { since, .. }
        | ProcessPhase::Stopping { since, .. }
        | ProcessPhase::Backoff { since, .. }
        | ProcessPhase::Cooldown { since, .. }
        | ProcessPhase::Unknown { since, .. }
        | ProcessPhase::Waiting { since, .. } => Some(since),
        ProcessPhase::Stopped | ProcessPhase::Done(_) => None,
    }
}

/// Gives the lives their numbers anew, the present one first.
fn rename_lives(state: &mut State, trader: &ProcessName) {
    let Some(process) = state.world.processes.get(trader) else { return };
    let present = process.generation.0;
    let ending = match &process.phase {
        ProcessPhase::Stopping { ending, .. } => Some(*ending),
        _ => None,
    };
    // A record of any other life will never be asked for again.
    let matters = |generation: &Generation| generation.0 == present || Some(*generation) == ending;
    state.exit = state.exit.take().filter(|exit| match exit {
        Exit::Ended(generation, _) => matters(generation),
        Exit::NotStarted(_) => true,
    });
    let mut numbers = vec![present];
    each_life(state, trader, &mut |number| numbers.push(*number));
    numbers.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
    numbers.dedup();
    let ahead = numbers.iter().position(|number| *number == present).unwrap();
    let name = |number: u64| {
        let rank = numbers.iter().position(|known| *known == number).unwrap();
        PRESENT + ahead as u64 - rank as u64
    };
    each_life(state, trader, &mut |number| *number = name(*number));
    if let Some(process) = state.world.processes.get_mut(trader) {
        process.generation = Generation(PRESENT);
    }
}

/// Shows every number of a life to `visit`, pids included.
fn each_life(state: &mut State, trader: &ProcessName, visit: &mut dyn FnMut(&mut u64)) {
    state.lives.iter_mut().for_each(|life| visit(&mut life.generation.0));
    if let Some(Exit::Ended(generation, _) | Exit::NotStarted(generation)) = &mut state.exit {
        visit(&mut generation.0);
    }
    state.reports.iter_mut().for_each(|report| lives_of_report(report, visit));
    for observation in &mut state.urgent {
        if let Observation::Process(_, report) = observation {
            lives_of_report(report, visit);
        }
    }
    state.todo.iter_mut().for_each(|effect| lives_of_effect(effect, visit));
    for intent in state.world.intents.values_mut() {
        lives_of_effect(&mut intent.effect, visit);
    }
    match state.world.processes.get_mut(trader).map(|process| &mut process.phase) {
        Some(ProcessPhase::Running { identity, .. }) => pid(identity, visit),
        Some(ProcessPhase::Stopping { identity, ending, .. }) => {
            pid(identity, visit);
            visit(&mut ending.0);
        }
        _ => {}
    }
}

fn lives_of_report(report: &mut ProcessReport, visit: &mut dyn FnMut(&mut u64)) {
    match report {
        ProcessReport::Started(generation, identity)
        | ProcessReport::Probed(Probe::Held(generation, identity)) => {
            visit(&mut generation.0);
            pid(identity, visit);
        }
        ProcessReport::LaunchFailed(generation, _)
        | ProcessReport::SlotTaken(generation)
        | ProcessReport::Exited(generation, _)
        | ProcessReport::Ready(generation)
        | ProcessReport::Looked(generation, _)
        | ProcessReport::Probed(
            Probe::Free(Some((generation, _))) | Probe::NotStarted(generation, _),
        ) => visit(&mut generation.0),
        ProcessReport::Probed(Probe::Free(None) | Probe::Unidentified(_)) => {}
    }
}

fn lives_of_effect(effect: &mut Effect, visit: &mut dyn FnMut(&mut u64)) {
    match effect {
        Effect::Launch { generation, .. } => visit(&mut generation.0),
        Effect::Stop { generation, identity, .. } => {
            visit(&mut generation.0);
            pid(identity, visit);
        }
        Effect::AwaitReady { generation, .. } => visit(&mut generation.0),
        Effect::Probe { .. }
        | Effect::AwaitFiles { .. }
        | Effect::Stage { .. }
        | Effect::Validate { .. }
        | Effect::Verify { .. } => {}
    }
}

fn pid(identity: &mut RunIdentity, visit: &mut dyn FnMut(&mut u64)) {
    let mut number = u64::from(identity.pid);
    visit(&mut number);
    identity.pid = u32::try_from(number).unwrap();
    identity.shim_pid = identity.pid;
}

/// Forgets superseded revisions that nothing names, and closes the gaps.
fn rename_revisions(state: &mut State, trader: &ProcessName) {
    let mut named = Vec::new();
    each_revision(state, trader, &mut |revision| named.push(*revision));
    state
        .world
        .deployment
        .revisions
        .retain(|id, revision| revision.standing != Standing::Superseded || named.contains(id));
    named.extend(state.world.deployment.revisions.keys());
    named.sort_unstable();
    named.dedup();
    let name = |revision: RevisionId| {
        let rank = named.iter().position(|known| *known == revision).unwrap();
        RevisionId(rank as u64 + 1)
    };
    each_revision(state, trader, &mut |revision| *revision = name(*revision));
    let revisions = std::mem::take(&mut state.world.deployment.revisions);
    let renamed = revisions.into_values().map(|mut revision| {
        revision.id = name(revision.id);
        (revision.id, revision)
    });
    state.world.deployment.revisions = renamed.collect();
    state.world.deployment.slot.revisions = named.len() as u64;
}

/// Shows every revision that is named outside the list of revisions to `visit`.
fn each_revision(state: &mut State, trader: &ProcessName, visit: &mut dyn FnMut(&mut RevisionId)) {
    state.lives.iter_mut().filter_map(|life| life.revision.as_mut()).for_each(&mut *visit);
    let jobs = std::mem::take(&mut state.jobs);
    let mut jobs: Vec<Effect> = jobs.into_iter().collect();
    let intents = state.world.intents.values_mut().map(|intent| &mut intent.effect);
    for effect in state.todo.iter_mut().chain(&mut jobs).chain(intents) {
        if let Some(revision) = revision_of(effect) {
            visit(revision);
        }
    }
    state.jobs = jobs.into_iter().collect();
    let phase = &mut state.world.deployment.slot.phase;
    if let Phase::Live { revision, .. } = phase {
        visit(revision);
    }
    if let Some(attempt) = attempt_of(phase) {
        visit(&mut attempt.revision);
        attempt.live.as_mut().into_iter().for_each(&mut *visit);
    }
    if let Some(cutover) = cutover_of(phase) {
        visit(&mut cutover.to);
        cutover.from.as_mut().into_iter().for_each(&mut *visit);
    }
    if let Some(process) = state.world.processes.get_mut(trader) {
        process.runs.as_mut().into_iter().for_each(&mut *visit);
        if let Goal::Up(Some(revision)) = &mut process.goal {
            visit(revision);
        }
    }
}

fn revision_of(effect: &mut Effect) -> Option<&mut RevisionId> {
    match effect {
        Effect::Launch { revision, .. } => revision.as_mut(),
        Effect::AwaitFiles { revision, .. }
        | Effect::Stage { revision, .. }
        | Effect::Validate { revision, .. }
        | Effect::Verify { revision, .. } => Some(revision),
        Effect::Stop { .. } | Effect::Probe { .. } | Effect::AwaitReady { .. } => None,
    }
}

/// Every effect that is left belongs to the attempt under way: it is the first.
fn rename_deployments(state: &mut State) {
    let first = DeploymentId(1);
    let slot = &mut state.world.deployment.slot;
    slot.deployments = first.0;
    if let Some(attempt) = attempt_of(&mut slot.phase) {
        attempt.deployment = first;
    }
    if let Some(cutover) = cutover_of(&mut slot.phase) {
        cutover.deployment = first;
    }
    let rename = |mut effect: Effect| {
        match &mut effect {
            Effect::AwaitFiles { deployment, .. }
            | Effect::Stage { deployment, .. }
            | Effect::Validate { deployment, .. }
            | Effect::Verify { deployment, .. } => *deployment = first,
            Effect::Launch { .. }
            | Effect::Stop { .. }
            | Effect::Probe { .. }
            | Effect::AwaitReady { .. } => {}
        }
        effect
    };
    state.todo = std::mem::take(&mut state.todo).into_iter().map(rename).collect();
    state.jobs = std::mem::take(&mut state.jobs).into_iter().map(rename).collect();
    for intent in state.world.intents.values_mut() {
        intent.effect = rename(intent.effect.clone());
    }
}

fn renumber_intents(world: &mut World) {
    let mut intents: Vec<_> = std::mem::take(&mut world.intents).into_values().collect();
    intents.sort_by(|a, b| a.effect.cmp(&b.effect));
    world.asked = intents.len() as u64;
    let numbered = (1..).zip(intents).map(|(number, mut intent)| {
        intent.id = IntentId(number);
        intent.asked = NOW;
        (intent.id, intent)
    });
    world.intents = numbered.collect::<BTreeMap<_, _>>();
}
