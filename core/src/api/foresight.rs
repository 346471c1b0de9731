//! What a command would lead to, asked of the machines themselves: answer to `POST /v1/foresee`.

use super::sentence;
use super::status::RevisionView;
use super::view::deployment_view;
use crate::engine::Engine;
use crate::words::{Generation, Moment, Observation, Refusal, Request, RequestId, TrialNumber};
use serde::{Deserialize, Serialize};

/// What a command would do at this moment. Nothing was changed, and a later moment may differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Foresight {
    /// The deployment's generation that this holds for: the command's `expected`.
    pub generation: Generation,
    /// The model that is live or on its way now.
    pub from: Option<RevisionView>,
    /// The model that would be on its way.
    pub to: Option<RevisionView>,
    /// Trials that would be held back and are not now.
    pub holds: Vec<TrialNumber>,
    /// What the history would say first, in its words.
    pub lines: Vec<String>,
}

/// Lets the machines decide `request` and throws the decision away.
///
/// # Errors
/// [`Refusal`]: they would refuse it.
pub fn foresee(engine: &Engine, now: Moment, request: Request) -> Result<Foresight, Refusal> {
    // A request that was answered already would only be answered again.
    let id = RequestId(format!("foresee {}", request.id.0));
    let decision = engine.decide(now, &Observation::Asked(Request { id, ..request }));
    if let Some(Err(refusal)) = decision.answer() {
        return Err(refusal.clone());
    }
    let policy = engine.policy();
    let before = deployment_view(&engine.world().deployment, policy, now);
    let after = deployment_view(&decision.next.deployment, policy, now);
    let is_new = |trial: &TrialNumber| before.holds.iter().all(|hold| hold.number != *trial);
    Ok(Foresight {
        generation: before.generation,
        holds: after.holds.iter().map(|hold| hold.number).filter(is_new).collect(),
        from: before.next.or(before.live),
        to: after.next,
        lines: decision.notes().iter().map(sentence).collect(),
    })
}
