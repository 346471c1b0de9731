//! The machines' states as a client sees them.

use super::alerts::{AlertView, AlertsView};
use super::status::{DeploymentView, HoldView, ProcessView, RevisionView, Status, StudyView};
use crate::fleet;
use crate::machines::deployment::{Deployment, Phase as DeploymentPhase};
use crate::machines::process::{Goal, Phase, Process, Then, Trust};
use crate::words::{
    Moment, Policy, ProcessName, ProcessPolicy, Readiness, Revision, Role, Sequence, Span,
    Timestamp,
};
use crate::world::World;

/// The picture of `world` at `now`; what the machines do not know (the study's counts, the
/// runner's age, the history's length, what the trader earned) is the caller's to give.
pub fn status_of(
    world: &World,
    policy: &Policy,
    now: Moment,
    study: StudyView,
    runner_since: Timestamp,
    sequence: Sequence,
) -> Status {
    let AlertsView { alerts, silences } = AlertsView::of(world, policy, now);
    let (alerts, alerts_aside) = alerts.into_iter().partition(AlertView::is_open);
    Status {
        at: now.wall,
        sequence,
        runner_since,
        shutting_down: world.shutting_down,
        study,
        deployment: deployment_view(&world.deployment, policy, now),
        processes: processes_view(world, policy, now),
        alerts,
        alerts_aside,
        silences,
        machine: None,
        pnl: None,
    }
}

pub(super) fn deployment_view(
    deployment: &Deployment,
    policy: &Policy,
    now: Moment,
) -> DeploymentView {
    let slot = &deployment.slot;
    let find = |id| deployment.revisions.get(&id).map(revision_view);
    let live = slot.phase.live();
    let halted = match &slot.phase {
        DeploymentPhase::Halting(why) | DeploymentPhase::Halted(why) => Some(why.clone()),
        DeploymentPhase::Watching
        | DeploymentPhase::Live { .. }
        | DeploymentPhase::Settling(_)
        | DeploymentPhase::Staging(_)
        | DeploymentPhase::Validating(_)
        | DeploymentPhase::AwaitingApproval(_)
        | DeploymentPhase::Ready(_)
        | DeploymentPhase::RollingBack(_)
        | DeploymentPhase::Draining(_)
        | DeploymentPhase::Starting(_)
        | DeploymentPhase::Probation(_) => None,
    };
    DeploymentView {
        mode: slot.mode.to_string(),
        phase: slot.phase.name(),
        generation: slot.generation,
        live: live.and_then(find),
        next: slot
            .phase
            .under_way()
            .map(|(_, id)| id)
            .filter(|id| Some(*id) != live)
            .and_then(find),
        deadline: deployment.deadline(&policy.deployment, now).map(|left| now.wall.plus(left)),
        rollback_target: deployment.rollback_target(live).and_then(find),
        declined: slot.declined.as_ref().map(|declined| declined.why.to_string()),
        halted,
        holds: slot
            .holds
            .iter()
            .map(|hold| HoldView {
                number: hold.number,
                trial_id: hold.trial_id,
                reason: hold.reason.clone(),
            })
            .collect(),
        revisions: deployment.revisions.values().rev().map(revision_view).collect(),
    }
}

fn revision_view(revision: &Revision) -> RevisionView {
    RevisionView {
        id: revision.id,
        trial: revision.candidate.number,
        trial_id: revision.candidate.trial_id,
        value: revision.candidate.value,
        standing: revision.standing.to_string(),
        content: revision.content,
        created: revision.created.wall,
    }
}

fn processes_view(world: &World, policy: &Policy, now: Moment) -> Vec<ProcessView> {
    let configured = |name: &ProcessName| policy.processes.get(name).cloned();
    world
        .processes
        .iter()
        .filter_map(|(name, process)| {
            let unconfigured = || {
                // A process that was removed from the configuration shows until it is gone.
                (!process.is_at_rest()).then(|| ProcessPolicy::of(Role::Other))
            };
            let policy = configured(name).or_else(unconfigured)?;
            Some(process_view(world, name, process, &policy, now))
        })
        .collect()
}

fn process_view(
    world: &World,
    name: &ProcessName,
    process: &Process,
    policy: &ProcessPolicy,
    now: Moment,
) -> ProcessView {
    let waits_for = fleet::waits_for(world, policy);
    let (phase, next, since) = place(process, policy, now);
    let next = match waits_for {
        Some(other) if phase == "waiting" => format!("starts when {other} is ready"),
        Some(_) | None => next,
    };
    let pid = match &process.phase {
        Phase::Running { identity, .. } | Phase::Stopping { identity, .. } => Some(identity.pid),
        Phase::Stopped
        | Phase::Done(_)
        | Phase::Starting { .. }
        | Phase::Backoff { .. }
        | Phase::Cooldown { .. }
        | Phase::Unknown { .. }
        | Phase::Waiting { .. } => None,
    };
    ProcessView {
        name: name.clone(),
        role: match policy.role {
            Role::Worker => "worker",
            Role::Trader => "trader",
            Role::Other => "other",
        }
        .to_owned(),
        phase: phase.to_owned(),
        next,
        since: since.map(|moment| moment.wall),
        pid,
        generation: process.generation,
        revision: process.runs,
        failures: u32::try_from(process.failures.recent.len()).unwrap_or(u32::MAX),
        budget: policy.budget,
        starts: process.tally.starts,
        failures_total: process.tally.failures,
        last_exit: process.tally.last_exit.as_ref().map(|(_, status, _)| status.to_string()),
        window: policy.budget_window,
        waits_for: waits_for.filter(|_| phase == "waiting").cloned(),
        memory_limit_bytes: policy.memory_limit_bytes,
        signs: Vec::new(),
    }
}

/// Where a process is, what comes next, and since when.
fn place(
    process: &Process,
    policy: &ProcessPolicy,
    now: Moment,
) -> (&'static str, String, Option<Moment>) {
    let at = |since: Moment, wait: Span| now.wall.plus(wait.minus(now.since(since)));
    match &process.phase {
        Phase::Stopped => ("stopped", idle(process.goal), None),
        Phase::Done(status) => ("done", format!("ended with {status}; it stays so"), None),
        Phase::Starting { since, .. } => ("starting", String::new(), Some(*since)),
        Phase::Running { since, ready: false, .. } => {
            ("running", readiness(policy, |wait| at(*since, wait)), Some(*since))
        }
        Phase::Running { since, trust: Trust::HalfOpen, .. } => (
            "ready",
            format!("its failures are forgotten at {}", at(*since, policy.healthy_after)),
            Some(*since),
        ),
        Phase::Running { since, .. } => ("ready", String::new(), Some(*since)),
        Phase::Stopping { since, then, .. } => {
            let killed = format!("killed at {}", at(*since, policy.stop_grace));
            let next = match then {
                Then::Fail(fault, _) => format!("{killed} because {fault}"),
                Then::Stay | Then::FollowGoal => killed,
            };
            ("stopping", next, Some(*since))
        }
        Phase::Backoff { since, wait } => {
            ("backoff", format!("restart at {}", at(*since, *wait)), Some(*since))
        }
        Phase::Cooldown { since, wait } => {
            ("cooldown", format!("one more try at {}", at(*since, *wait)), Some(*since))
        }
        Phase::Waiting { since, .. } => ("waiting", String::new(), Some(*since)),
        Phase::Unknown { since, .. } => (
            "unknown",
            "being looked for; nothing is started until it is found or gone".into(),
            Some(*since),
        ),
    }
}

fn readiness(policy: &ProcessPolicy, at: impl Fn(Span) -> Timestamp) -> String {
    match policy.ready {
        Readiness::After(wait) => format!("counts as ready at {}", at(wait)),
        Readiness::Proven { deadline } => {
            format!("must show that it is ready until {}", at(deadline))
        }
    }
}

fn idle(goal: Goal) -> String {
    match goal {
        Goal::Down => "not meant to run now".to_owned(),
        Goal::Up(_) => "starts with the next runner".to_owned(),
    }
}
