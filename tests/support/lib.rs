//! Helpers shared by the tests: worlds, processes, waiting for conditions.

pub mod desk;
pub mod disk;
pub mod process;
pub mod sim;
pub mod story;
pub mod study;
pub mod wait;
