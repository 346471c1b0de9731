//! What must hold at every moment of a simulation, whatever happens.

use super::body::{Life, Workstation};
use cappuccino_core::machines::deployment::Phase;
use cappuccino_core::machines::process;
use cappuccino_core::words::{
    Candidate, Cause, DeploymentPolicy, Generation, Note, ProcessName, RevisionId, Standing,
};
use cappuccino_core::world::World;
use std::collections::{BTreeMap, BTreeSet};

/// A broken law, in words.
pub type Violation = String;

/// What really happened, kept apart from what the engine believes.
#[derive(Default)]
pub struct Ledger {
    /// Lives that began, by slot.
    begun: BTreeSet<(ProcessName, Generation)>,
    /// Ends that the history tells.
    ended: BTreeMap<(ProcessName, Generation), u32>,
    /// Values of the models that went live, in order.
    live: Vec<(RevisionId, Candidate)>,
    candidates: BTreeMap<RevisionId, Candidate>,
    /// What the newest cutover replaced because another traded better.
    beaten: Option<Candidate>,
    pub promoted: u64,
    pub went_live: u64,
    pub rollbacks: u64,
    pub halts: u64,
}

impl Ledger {
    pub fn life_began(&mut self, name: &ProcessName, life: &Life) -> Result<(), Violation> {
        if self.begun.insert((name.clone(), life.generation)) {
            return Ok(());
        }
        Err(format!("{name} life {} began twice", life.generation))
    }

    /// Reads a committed line of the history.
    pub fn read(
        &mut self,
        note: &Note,
        body: &Workstation,
        policy: &DeploymentPolicy,
    ) -> Result<(), Violation> {
        match note {
            Note::ProcessExited(name, generation, ..) => {
                let times = self.ended.entry((name.clone(), *generation)).or_insert(0);
                *times += 1;
                if *times > 1 {
                    return Err(format!(
                        "the end of {name} life {generation} is told {times} times"
                    ));
                }
            }
            Note::DeploymentBegan(_, revision, candidate, _) => {
                self.candidates.insert(*revision, candidate.clone());
            }
            Note::WentLive(_, revision, from, cause) => {
                self.live(*revision, *from, cause, body, policy)?
            }
            Note::Halted(_) => self.halts += 1,
            _ => {}
        }
        Ok(())
    }

    fn live(
        &mut self,
        revision: RevisionId,
        from: Option<RevisionId>,
        cause: &Cause,
        body: &Workstation,
        policy: &DeploymentPolicy,
    ) -> Result<(), Violation> {
        self.went_live += 1;
        if !body.validated.contains(&revision) {
            return Err(format!("revision {revision} went live without a validation"));
        }
        let new = self.candidates.get(&revision).cloned().ok_or("an unknown revision went live")?;
        let replaced = from.and_then(|from| self.candidates.get(&from));
        if *cause == Cause::Automatic && self.beaten.as_ref() == Some(&new) {
            return Err(format!("trial {} came back by its value alone", new.number));
        }
        let is_promoted = matches!(cause, Cause::TradedBetter(_));
        self.promoted += u64::from(is_promoted);
        self.beaten = replaced.cloned().filter(|_| is_promoted);
        match (cause, replaced) {
            (Cause::Automatic, Some(old)) if old.study == new.study => {
                let needed = old.value.abs() * policy.min_improvement_percent / 100.0;
                if new.value - old.value < needed || new.value <= old.value {
                    return Err(format!("{} replaced {} automatically", new.value, old.value));
                }
            }
            (Cause::TradedBetter(_), None) => return Err("nothing was traded beside".into()),
            (Cause::AutomaticRollback(_) | Cause::OperatorRollback(..), _) => self.rollbacks += 1,
            (Cause::Automatic | Cause::Operator(..) | Cause::TradedBetter(_), _) => {}
        }
        self.live.push((revision, new));
        Ok(())
    }

    /// Every life has exactly one end in the history, or lives.
    pub fn all_accounted(&self, body: &Workstation) -> Result<(), Violation> {
        for (name, generation) in &self.begun {
            let lives = body.lives.get(name).is_some_and(|life| life.generation == *generation);
            let ended = self.ended.contains_key(&(name.clone(), *generation));
            if lives == ended {
                return Err(format!("{name} life {generation}: lives {lives}, end told {ended}"));
            }
        }
        Ok(())
    }
}

/// What holds in every committed world.
pub fn always(world: &World) -> Result<(), Violation> {
    for intent in world.intents.values() {
        if !world.wants(&intent.effect) {
            return Err(format!("intent {} outlived its reason: {}", intent.id, intent.effect));
        }
    }
    let deployment = &world.deployment;
    if let Phase::Live { revision, .. } = &deployment.slot.phase {
        let standing = deployment.revisions.get(revision).map(|r| &r.standing);
        if matches!(standing, Some(Standing::Bad(_)) | None) {
            return Err(format!("revision {revision} is live and {standing:?}"));
        }
    }
    Ok(())
}

/// What holds once the runner has been left in peace for a while: the record is what is.
pub fn in_peace(world: &World, body: &Workstation, trader: &ProcessName) -> Result<(), Violation> {
    for (name, process) in &world.processes {
        let life = body.lives.get(name);
        match (&process.phase, life) {
            (process::Phase::Running { identity, .. }, Some(life))
                if *identity == life.identity => {}
            (process::Phase::Running { .. }, other) => {
                return Err(format!("{name} is recorded as running, but {other:?}"));
            }
            (phase, Some(life)) if process.is_at_rest() => {
                return Err(format!("{name} is recorded as {phase:?}, but {life:?}"));
            }
            _ => {}
        }
    }
    let live = body.lives.get(trader).and_then(|life| life.revision);
    match (&world.deployment.slot.phase, live) {
        (Phase::Halted(_) | Phase::Watching, Some(revision)) => {
            Err(format!("revision {revision} trades while nothing should"))
        }
        (Phase::Live { revision, .. }, Some(running)) if *revision != running => {
            Err(format!("revision {running} trades, the record says {revision}"))
        }
        _ => Ok(()),
    }
}
