//! What must hold in every state of the slot, and what rest looks like.

use super::State;
use cappuccino_core::machines::deployment::Phase;
use cappuccino_core::machines::process::Phase as ProcessPhase;
use cappuccino_core::words::{ProcessName, RevisionId, Standing};

/// The first law that this state breaks.
pub(super) fn broken(state: &State, steady: bool) -> Option<&'static str> {
    let deployment = &state.world.deployment;
    let phase = &deployment.slot.phase;
    let lives: Vec<Option<RevisionId>> = state.lives.iter().map(|life| life.revision).collect();
    let is_bad = |revision: RevisionId| {
        deployment
            .revisions
            .get(&revision)
            .is_some_and(|revision| matches!(revision.standing, Standing::Bad(_)))
    };
    if lives.len() > 1 {
        return Some("two traders live");
    }
    if !lives.iter().all(|life| is_named(phase, *life)) {
        return Some("a revision lives that the record does not name");
    }
    if let Phase::Live { revision, .. } = phase
        && is_bad(*revision)
    {
        return Some("a bad revision is recorded as live");
    }
    if let Phase::Starting(cutover) = phase
        && lives.iter().flatten().any(|life| *life != cutover.to && is_bad(*life))
    {
        return Some("a bad revision lives while another is started");
    }
    if steady && lives.iter().flatten().any(|life| is_bad(*life)) {
        return Some("a bad revision lives on");
    }
    if matches!(phase, Phase::Halted(_)) && !lives.is_empty() {
        return Some("a trader lives while everything is halted");
    }
    None
}

/// Whether the record names this revision as one that may live now.
fn is_named(phase: &Phase, life: Option<RevisionId>) -> bool {
    match phase {
        Phase::Live { revision, .. } => life == Some(*revision),
        Phase::Starting(cutover) | Phase::Probation(cutover) => {
            life == Some(cutover.to) || life == cutover.from
        }
        Phase::Settling(attempt)
        | Phase::Staging(attempt)
        | Phase::Validating(attempt)
        | Phase::AwaitingApproval(attempt)
        | Phase::Ready(attempt) => life == attempt.live,
        // The trader is on its way down, or was when the rollback began.
        Phase::RollingBack(_) | Phase::Draining(_) | Phase::Halting(_) => true,
        // Nothing may live at all; the law on halting says it for the other.
        Phase::Watching => false,
        Phase::Halted(_) => true,
    }
}

/// Nothing is under way, and the slot holds what the record says: the live model, or nobody.
pub(super) fn is_steady(state: &State, trader: &ProcessName) -> bool {
    let quiet = state.up
        && state.todo.is_empty()
        && state.urgent.is_empty()
        && state.reports.is_empty()
        && state.jobs.is_empty()
        && state.world.intents.is_empty();
    let process = state.world.processes.get(trader).map(|process| &process.phase);
    let is_running = matches!(process, Some(ProcessPhase::Running { ready: true, .. }));
    quiet
        && match &state.world.deployment.slot.phase {
            Phase::Live { revision, .. } => {
                is_running
                    && state.lives.iter().map(|life| life.revision).eq([Some(*revision)])
                    && state.lives.iter().all(|life| life.known && !life.ending)
            }
            Phase::Watching | Phase::Halted(_) => {
                state.lives.is_empty() && matches!(process, Some(ProcessPhase::Stopped))
            }
            Phase::Settling(_)
            | Phase::Staging(_)
            | Phase::Validating(_)
            | Phase::AwaitingApproval(_)
            | Phase::Ready(_)
            | Phase::RollingBack(_)
            | Phase::Draining(_)
            | Phase::Starting(_)
            | Phase::Probation(_)
            | Phase::Halting(_) => false,
        }
}
