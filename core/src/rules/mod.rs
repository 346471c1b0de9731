//! Pure, stateless judgements: each file answers one question.
