//! Helpers shared by the tests: worlds, processes, waiting for conditions.

pub mod alert_table;
pub mod api;
pub mod check;
pub mod cli;
pub mod daemon;
pub mod demo;
pub mod desk;
pub mod disk;
pub mod explore;
pub mod fuzz;
pub mod model;
pub mod notify;
pub mod process;
pub mod sim;
pub mod slot;
pub mod story;
pub mod study;
pub mod tables;
pub mod trading;
pub mod wait;
