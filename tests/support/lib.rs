//! Helpers shared by the tests: worlds, processes, waiting for conditions.

pub mod demo;
pub mod model;
pub mod sim;
