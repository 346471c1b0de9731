//! Helpers shared by the tests: worlds, processes, waiting for conditions.

pub mod model;
pub mod sim;
