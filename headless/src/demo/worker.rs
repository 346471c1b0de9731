//! A training worker: climbs from the best known policy, judged by the backtest, trial by trial.

use super::candles::{Market, TRAINING_BARS};
use super::course::{ACTION_SCALE, FEATURES_EXPONENT, LOOKBACK, Stretch};
use super::error::DemoError;
use super::optuna_writer::{Ending, OpenTrial, StudyWriter, Suggestion};
use super::plant::Plant;
use super::policy::{Policy, WIDTH};
use super::{ACTOR, at_speed, load_policy, parse_speed, say};
use crate::stop::Stop;
use cappuccino_core::model::torch;
use cappuccino_core::model::weights::Weights;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a trial takes at speed 1.
const TRIAL_LENGTH: Duration = Duration::from_millis(1500);
/// Smallest and largest change of a weight from parent to child.
const STEP: [f64; 2] = [0.03, 1.0];
/// One trial in this many starts from nothing.
const FRESH_ONE_IN: u32 = 8;
/// A start from nothing is pruned below this part of the best known growth.
const PRUNE_BELOW: f64 = 0.97;

/// The user attribute of a trial whose model is bad on purpose.
pub const PLANTED: &str = "planted";

/// What a worker needs to know.
#[derive(clap::Args, Clone, Debug)]
pub struct WorkerArgs {
    /// Database of the study; created when missing
    #[arg(long, value_name = "FILE")]
    pub study_db: PathBuf,
    /// Name of the study
    #[arg(long, default_value = "demo")]
    pub study: String,
    /// Folder that receives a folder for every model
    #[arg(long, value_name = "DIR")]
    pub models: PathBuf,
    /// Seed of the market and of every choice
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How much faster than one trial in 1.5 seconds
    #[arg(long, default_value_t = 1.0, value_parser = parse_speed)]
    pub speed: f64,
    /// Which of the workers this is, for its progress lines
    #[arg(long, default_value_t = 0)]
    pub index: u32,
}

/// Trains until SIGTERM or SIGINT; a trial that this interrupts is recorded as failed.
///
/// # Errors
/// [`DemoError`] when database or model folder cannot be used.
pub fn run(args: &WorkerArgs) -> Result<(), DemoError> {
    let deaf = |source| DemoError::System { what: "listen for signals", source };
    let stop = Stop::on_signals().map_err(deaf)?;
    train(args, &stop, &mut std::io::stdout().lock())
}

/// Trains until `stop`, printing progress to `out`.
///
/// # Errors
/// As [`run`].
pub fn train(args: &WorkerArgs, stop: &Stop, out: &mut impl Write) -> Result<(), DemoError> {
    let bars: Vec<_> = Market::new(args.seed).take(TRAINING_BARS).collect();
    let study = StudyWriter::open(&args.study_db, &args.study)?;
    let mut worker = Worker { args, stop, study, course: Stretch::new(&bars)? };
    say(out, &format!("worker {}: training on {TRAINING_BARS} synthetic bars", args.index))?;
    while !stop.is_asked() {
        let trial = worker.study.start_trial()?;
        let evaluated = worker.evaluate(trial);
        let ending = *evaluated.as_ref().unwrap_or(&Ending::Failed);
        match worker.study.finish(trial, ending) {
            Err(taken @ DemoError::TrialTaken { .. }) => {
                say(out, &format!("worker {}: {taken}", args.index))?;
            }
            outcome => outcome?,
        }
        evaluated?;
        say(out, &format!("worker {}: {}", args.index, describe(trial, ending)))?;
    }
    say(out, &format!("worker {}: stopped", args.index))
}

fn describe(trial: OpenTrial, ending: Ending) -> String {
    let number = trial.number;
    match ending {
        Ending::Complete(growth) => format!("trial {number} complete, growth {growth:.4}"),
        Ending::Pruned(growth) => format!("trial {number} pruned at growth {growth:.4}"),
        Ending::Failed => format!("trial {number} failed"),
    }
}

struct Worker<'a> {
    args: &'a WorkerArgs,
    stop: &'a Stop,
    study: StudyWriter,
    course: Stretch,
}

/// The choices of one trial.
struct Plan {
    parent: Option<Policy>,
    step: f64,
    candidates: u32,
    prune_below: f64,
}

impl Worker<'_> {
    /// Evaluates one trial; its model is on disk before this returns a value.
    fn evaluate(&mut self, trial: OpenTrial) -> Result<Ending, DemoError> {
        let deadline = Instant::now() + at_speed(TRIAL_LENGTH, self.args.speed);
        let mut chance = ChaCha8Rng::seed_from_u64(self.args.seed);
        chance.set_stream(trial.number.unsigned_abs());
        let plan = self.plan(trial, &mut chance)?;
        let mut best: Option<(Policy, f64)> = None;
        for candidate in 0..plan.candidates {
            if self.stop.is_asked() {
                return Ok(Ending::Failed);
            }
            let policy = match &plan.parent {
                Some(parent) => parent.mutated(plan.step, &mut chance),
                None => Policy::random(&mut chance),
            };
            let growth = self.course.growth(&policy)?;
            let beats = |rival: &(Policy, f64)| growth > rival.1;
            if best.as_ref().is_none_or(beats) {
                best = Some((policy, growth));
                self.study.report(trial, candidate.into(), growth)?;
            }
        }
        let Some((policy, growth)) = best.filter(|(_, growth)| growth.is_finite()) else {
            return Ok(Ending::Failed);
        };
        let plant = Plant::of(trial.number, self.args.speed);
        if let Some(plant) = plant {
            return self.plant(trial, plant, &policy, &mut chance);
        }
        if self.stop.wait(deadline.saturating_duration_since(Instant::now())) {
            return Ok(Ending::Failed);
        }
        if growth < plan.prune_below {
            return Ok(Ending::Pruned(growth));
        }
        self.save(trial, &policy)?;
        Ok(Ending::Complete(growth))
    }

    /// Writes a model that is bad on purpose, and claims that it is the best.
    fn plant(
        &mut self,
        trial: OpenTrial,
        plant: Plant,
        policy: &Policy,
        chance: &mut ChaCha8Rng,
    ) -> Result<Ending, DemoError> {
        let (parent, best) = match self.study.best()? {
            Some((number, growth)) => {
                (load_policy(&self.args.models.join(folder_name(number)))?, growth)
            }
            None => (policy.clone(), 1.0),
        };
        let planted = plant.policy(&parent, self.args.seed, chance)?;
        self.study.set_user_attr(trial, PLANTED, &json!(plant.name()))?;
        self.save(trial, &planted)?;
        plant.spoil(&planted, &self.args.models.join(folder_name(trial.number)))?;
        Ok(Ending::Complete(plant.claim(best)))
    }

    /// Draws the hyperparameters and records them with the trial.
    fn plan(&mut self, trial: OpenTrial, chance: &mut ChaCha8Rng) -> Result<Plan, DemoError> {
        let best = self.study.best()?;
        let parent = match best {
            Some((number, _)) if chance.random_range(0..FRESH_ONE_IN) != 0 => {
                // Someone may have cleaned up the folder; then there is nothing to climb from.
                load_policy(&self.args.models.join(folder_name(number))).ok()
            }
            Some(_) | None => None,
        };
        let [low, high] = STEP;
        let step = chance.random_range(low.ln()..high.ln()).exp();
        let candidates = chance.random_range(2..=8);
        let is_fresh = parent.is_none();
        let width = i64::try_from(WIDTH).unwrap_or(i64::MAX);
        self.study.suggest(
            trial,
            &[
                float("step", step, low, high),
                integer("candidates", candidates.into(), 2, 8),
                categorical("start", if is_fresh { 1.0 } else { 0.0 }, &["best", "fresh"]),
                fixed("net_dimension", width),
                fixed("lookback", LOOKBACK),
                fixed("norm_action", ACTION_SCALE),
                fixed("norm_tech_exp", FEATURES_EXPONENT),
            ],
        )?;
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.study.set_user_attr(trial, "pid", &json!(std::process::id()))?;
        self.study.set_user_attr(trial, "host", &json!(host))?;
        let best_growth = best.map_or(0.0, |(_, growth)| growth);
        let prune_below = if is_fresh { PRUNE_BELOW * best_growth } else { 0.0 };
        Ok(Plan { parent, step, candidates, prune_below })
    }

    /// Writes the model and says where it is.
    fn save(&mut self, trial: OpenTrial, policy: &Policy) -> Result<(), DemoError> {
        let name = folder_name(trial.number);
        let folder = self.args.models.join(&name);
        fs::create_dir_all(&folder).map_err(DemoError::file("create", &folder))?;
        put(&folder, ACTOR, "actor", &policy.actor())?;
        put(&folder, "critic.pth", "critic", &policy.critic())?;
        self.study.set_user_attr(trial, "name_folder", &json!(name))?;
        self.study.set_user_attr(trial, "model_name", &json!("ppo"))
    }
}

/// Name of the folder that a trial's model is written to.
pub fn folder_name(number: i64) -> String {
    format!("trial_{number}_1h")
}

fn put(folder: &Path, file: &str, name: &str, weights: &Weights) -> Result<(), DemoError> {
    let path = folder.join(file);
    let bytes = torch::write(weights, name).map_err(DemoError::Pack)?;
    fs::write(&path, bytes).map_err(DemoError::file("write", &path))
}

fn float(name: &'static str, internal: f64, low: f64, high: f64) -> Suggestion {
    let attributes = json!({"step": null, "low": low, "high": high, "log": true});
    suggestion(name, internal, "FloatDistribution", &attributes)
}

/// A parameter that this trainer does not vary.
fn fixed(name: &'static str, value: i64) -> Suggestion {
    integer(name, value, value, value)
}

fn integer(name: &'static str, value: i64, low: i64, high: i64) -> Suggestion {
    let internal = f64::from(i32::try_from(value).unwrap_or(i32::MAX));
    let attributes = json!({"log": false, "step": 1, "low": low, "high": high});
    suggestion(name, internal, "IntDistribution", &attributes)
}

fn categorical(name: &'static str, internal: f64, choices: &[&str]) -> Suggestion {
    suggestion(name, internal, "CategoricalDistribution", &json!({"choices": choices}))
}

fn suggestion(
    name: &'static str,
    internal: f64,
    kind: &str,
    attributes: &serde_json::Value,
) -> Suggestion {
    let distribution = json!({"name": kind, "attributes": attributes});
    Suggestion { name, internal, distribution }
}
