//! Pure, stateless judgements: each file answers one question.

pub mod improvement;
pub mod restart;
