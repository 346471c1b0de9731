//! A simulated workstation: virtual time, a seeded fate, and the real engine at its centre.
//!
//! The runner here is the real `Engine` behind a record that survives its crashes; processes,
//! study, files and operators are models that misbehave by seed. Nothing sleeps and nothing is
//! shared, so one seed always gives the same run.

mod body;
mod events;
mod fate;
mod law;
mod runner;

pub use body::{Life, Workstation};
pub use fate::Fate;
pub use law::{Ledger, Violation};
pub use runner::{Figures, Simulation};
