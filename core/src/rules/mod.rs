//! Pure, stateless judgements: each file answers one question.

pub mod best;
pub mod gate;
pub mod guard;
pub mod improvement;
pub mod inhibition;
pub mod restart;
pub mod rivals;
pub mod vitals;
pub mod watch;
pub mod wellness;
pub mod zombies;
