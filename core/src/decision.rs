//! What one observation leads to, before and after it is committed.
//!
//! A [`Decision`] holds its effects sealed: only the store turns it into a [`Committed`], and only
//! that gives them out. "Act, then save" cannot be written.

use crate::words::{Effect, IntentId, Moment, Note, Refusal};
use crate::world::World;

/// What one observation leads to; nothing has happened yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When it was made.
    pub(crate) at: Moment,
    /// The world as it will be.
    pub(crate) next: World,
    /// What the history will remember.
    pub(crate) notes: Vec<Note>,
    /// What will be asked of the world.
    effects: Vec<(IntentId, Effect)>,
    /// The answer to the operator, when one asked.
    answer: Option<Result<(), Refusal>>,
    /// Whether anything durable changes.
    pub(crate) changes: bool,
}

/// What is to be done about a committed decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Orders {
    /// What to ask of the world now, in order.
    pub effects: Vec<(IntentId, Effect)>,
    /// What to answer the operator, when one asked.
    pub answer: Option<Result<(), Refusal>>,
}

/// A decision that is on disk.
#[derive(Debug)]
pub struct Committed {
    world: World,
    effects: Vec<(IntentId, Effect)>,
    answer: Option<Result<(), Refusal>>,
}

impl Decision {
    pub(crate) const fn new(
        at: Moment,
        next: World,
        notes: Vec<Note>,
        effects: Vec<(IntentId, Effect)>,
        answer: Option<Result<(), Refusal>>,
        changes: bool,
    ) -> Self {
        Self { at, next, notes, effects, answer, changes }
    }

    /// The history lines this decision will add.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// What the operator would be answered, when one asked.
    pub const fn answer(&self) -> Option<&Result<(), Refusal>> {
        self.answer.as_ref()
    }

    /// Whether there is anything to write; an empty decision costs no transaction.
    pub const fn is_empty(&self) -> bool {
        !self.changes
    }

    /// The decision as a fact. Only the store may call this, after the transaction is durable.
    pub(crate) fn seal(self) -> Committed {
        Committed { world: self.next, effects: self.effects, answer: self.answer }
    }

    /// For simulations that model the disk themselves: the caller vouches that the decision was
    /// recorded.
    #[doc(hidden)]
    pub fn commit_in_memory(self) -> Committed {
        self.seal()
    }
}

impl Committed {
    /// Takes the committed decision apart: the new world, and what is to be done about it.
    pub(crate) fn into_parts(self) -> (World, Orders) {
        (self.world, Orders { effects: self.effects, answer: self.answer })
    }
}
