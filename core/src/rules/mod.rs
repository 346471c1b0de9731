//! Pure, stateless judgements: each file answers one question.

pub mod best;
pub mod guard;
pub mod improvement;
pub mod inhibition;
pub mod restart;
pub mod vitals;
pub mod wellness;
pub mod zombies;
