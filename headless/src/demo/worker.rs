//! A training worker of the demonstration: hill-climbing over real policies, judged by a real
//! backtest, written into an Optuna study with its models.

use super::account::backtest;
use super::candles::{Candles, TRAINING_BARS};
use super::optuna_writer::{Ending, OpenTrial, StudyWriter};
use super::policy::{LOOKBACK, Policy};
use super::stop::StopSignals;
use cappuccino_core::model::torch::{self, TorchError};
use cappuccino_core::model::weights::WeightsError;
use cappuccino_core::words::Direction;
use clap::Args;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a trial takes at speed 1.
const TRIAL: Duration = Duration::from_millis(1500);
/// Range of the step by which weights are moved.
const STEP: (f64, f64) = (0.005, 0.4);

/// What a worker is told.
#[derive(Clone, Debug, Args)]
pub struct WorkerArgs {
    /// The study's database
    #[arg(long)]
    pub study_db: PathBuf,
    /// The study's name
    #[arg(long)]
    pub study: String,
    /// Folder for models
    #[arg(long)]
    pub models: PathBuf,
    /// Seed of candles and training
    #[arg(long)]
    pub seed: u64,
    /// How much faster than life
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// Which worker this is
    #[arg(long, default_value_t = 1)]
    pub index: u64,
}

/// Why a worker ends.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The study cannot be written.
    #[error("the study cannot be written: {0}; check the database's folder")]
    Study(#[from] rusqlite::Error),
    /// A model cannot be written.
    #[error("a model cannot be written: {0}; check the folder of models")]
    Model(#[from] std::io::Error),
    /// A model cannot be encoded.
    #[error(transparent)]
    Torch(#[from] TorchError),
    /// A model contradicts itself.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// Trains until it is asked to stop.
///
/// # Errors
/// [`WorkerError`].
pub fn run(args: &WorkerArgs) -> Result<(), WorkerError> {
    let stop = StopSignals::take()?;
    let mut study = StudyWriter::open(&args.study_db, &args.study, Direction::Maximize)?;
    let candles = Candles::new(args.seed);
    // A restarted worker must not repeat the trials of its former life.
    let life = std::env::var("CAPPUCCINO_GENERATION").ok().and_then(|text| text.parse().ok());
    let seed = args.seed ^ (args.index << 32) ^ (life.unwrap_or(0_u64) << 48);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut best = Policy::random(&mut rng)?;
    let mut best_value = f64::NEG_INFINITY;
    println!("worker {} trains {}", args.index, args.study);
    loop {
        let trial = study.begin()?;
        let step = rng.random_range(STEP.0..STEP.1);
        study.param(trial, "step", step, STEP)?;
        #[expect(clippy::cast_possible_truncation, reason = "a step needs no more than f32")]
        let policy = best.mutated(&mut rng, step as f32)?;
        let value = backtest(&policy, &candles, LOOKBACK..TRAINING_BARS);
        if stop.wait(TRIAL.div_f64(args.speed.max(0.01))) {
            study.end(trial, Ending::Failed)?;
            println!("trial {} given up: asked to stop", trial.number);
            return Ok(());
        }
        save(args, &mut study, trial, &policy)?;
        study.end(trial, Ending::Complete(value))?;
        println!("trial {}: return {:.2} %", trial.number, value * 100.0);
        if value > best_value {
            (best, best_value) = (policy, value);
        }
    }
}

/// Writes the model before the trial is complete: whoever sees the trial finds its files.
fn save(
    args: &WorkerArgs,
    study: &mut StudyWriter,
    trial: OpenTrial,
    policy: &Policy,
) -> Result<(), WorkerError> {
    let name = format!("trial_{}_1h", trial.number);
    let folder = args.models.join(&name);
    std::fs::create_dir_all(&folder)?;
    let bytes = torch::write(policy.weights())?;
    write(&folder.join("actor.pth"), &bytes)?;
    write(&folder.join("critic.pth"), &bytes)?;
    study.attributes(
        trial,
        &[
            ("name_folder", name.into()),
            ("model_name", "ppo".into()),
            ("pid", std::process::id().into()),
        ],
    )?;
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, bytes)
}
