//! The demonstration: three workers, a trader and synthetic candles.
//!
//! Everything here is real but the market: real policies, the trader and the backtest that trade in
//! earnest, Optuna's own database, PyTorch's own model files. The candles are made up, and say so;
//! so do the few models that are bad on purpose.

pub mod candles;
pub mod course;
pub mod error;
pub mod narrator;
pub mod optuna_writer;
mod plant;
pub mod policy;
pub mod setup;
pub mod stage;
pub mod worker;

use cappuccino_core::model::container::Limits;
use cappuccino_core::model::torch;
use error::{DemoError, ModelFault};
use policy::Policy;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Name of the policy's file within a model's folder.
pub const ACTOR: &str = "actor.pth";

/// Reads a factor between 0.01 and 1000 from the command line.
fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.01..=1000.0).contains(&speed) => Ok(speed),
        Ok(_) | Err(_) => Err("a number from 0.01 to 1000 is due".to_owned()),
    }
}

/// How long something takes that takes `length` at speed 1.
fn at_speed(length: Duration, speed: f64) -> Duration {
    Duration::try_from_secs_f64(length.as_secs_f64() / speed).unwrap_or(length)
}

/// Prints a line of progress at once, also into a pipe.
fn say(out: &mut impl Write, line: &str) -> Result<(), DemoError> {
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|source| DemoError::System { what: "print progress", source })
}

/// The policy in a model's folder.
fn load_policy(folder: &Path) -> Result<Policy, DemoError> {
    let path = folder.join(ACTOR);
    let load = || -> Result<Policy, ModelFault> {
        let weights = torch::read(File::open(&path)?, &Limits::default())?;
        Ok(Policy::from_actor(&weights)?)
    };
    load().map_err(|fault| DemoError::Model { path: path.clone(), fault })
}
