//! The demonstration's workspace: a folder, a configuration, and words about it.

use super::candles::{TICKERS, file_of, gate_bars, trading_bars};
use super::optuna_writer::StudyWriter;
use super::stage::{DemoOptions, StageError};
use crate::workspace::{CONFIG_FILE, Workspace};
use std::path::{Path, PathBuf};

/// The study's database in the folder.
const DATABASE: &str = "optuna.db";
/// The candles that models are tried on before they go live.
const CANDLES: &str = ".cappuccino/candles/1h.csv";
/// The market that the trader replays.
const MARKET: &str = "market.csv";
/// The trader trades an hourly bar a second.
const BARS_PER_SECOND: f64 = 3600.0;
/// Loss from the highest worth at which the guard takes a model back, in percent.
const GUARD_PERCENT: u32 = 6;
/// Name of the study that the workers write.
pub const STUDY: &str = "demo";

/// Makes the folder with its configuration, or goes on with the one that is there.
///
/// # Errors
/// [`StageError::Folder`], [`StageError::Study`].
pub fn prepare(options: &DemoOptions) -> Result<PathBuf, StageError> {
    let folder = match &options.folder {
        Some(folder) => folder.clone(),
        None => fresh_folder()?,
    };
    let failed = |source| StageError::Folder { folder: folder.clone(), source };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let config = folder.join(CONFIG_FILE);
    if !config.exists() {
        let program = std::env::current_exe().map_err(failed)?;
        std::fs::write(&config, configuration(&program, options)).map_err(failed)?;
        write(&folder.join(MARKET), &file_of(&trading_bars(options.seed))).map_err(failed)?;
        let kept = folder.join(CANDLES);
        write(&kept, &file_of(&gate_bars(options.seed))).map_err(failed)?;
        // The study is there before its first worker: a runner that finds none would say so.
        drop(StudyWriter::open(&folder.join(DATABASE), STUDY)?);
    }
    Ok(folder)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(path, text)
}

fn fresh_folder() -> Result<PathBuf, StageError> {
    let made = tempfile::Builder::new().prefix("cappuccino-demo-").tempdir();
    // The folder is kept: looking around in it afterwards is part of the demonstration.
    made.map(tempfile::TempDir::keep)
        .map_err(|source| StageError::Folder { folder: std::env::temp_dir(), source })
}

/// Everything is quicker than in life: files settle in two seconds, a model is proven in ten.
fn configuration(program: &Path, options: &DemoOptions) -> String {
    let program = toml::Value::String(program.display().to_string()).to_string();
    let (speed, seed) = (options.speed, options.seed);
    // A probation lasts as long at any speed: with more bars in it, honest models break the guard.
    let replay = speed.min(1.0) * BARS_PER_SECOND;
    let tickers = TICKERS.map(|name| format!("\"{name}\"")).join(", ");
    format!(
        r#"# The demonstration's workspace. All market data in it is synthetic.
[study]
database = "{DATABASE}"
name = "{STUDY}"
poll = "500ms"

[models]
folders = ["models/trial_{{number}}_{{timeframe}}"]
timeframe = "1h"
tickers = [{tickers}]

[gate]
required = true

[guard]
max_drawdown_percent = {GUARD_PERCENT}

[deployment]
min_improvement_percent = 1.0
min_dwell = "15s"
max_per_day = 1000
settle = "2s"
probation = "10s"

[[process]]
name = "worker"
role = "worker"
instances = 3
command = [
  {program}, "demo-worker", "--study-db", "optuna.db", "--study", "{STUDY}", "--models", "models",
  "--seed", "{seed}", "--speed", "{speed}", "--index", "{{instance}}",
]
stop_grace = "5s"

[[process]]
name = "trader"
role = "trader"
command = [
  {program}, "trade", "--model", "{{model_dir}}", "--session", "{{session_csv}}",
  "--tickers", {tickers}, "--feed", "csv:{MARKET}", "--speed", "{replay}",
]
ready_after = "1s"
stop_grace = "5s"
"#
    )
}

/// What the user reads first.
pub fn introduction(workspace: &Workspace) -> String {
    format!(
        "Cappuccino, a demonstration: three workers train small trading models on synthetic\n\
         candles under an Optuna study; the best one is deployed to a paper trader. Four of the\n\
         trials are bad on purpose: see what becomes of them.\n\
         Workspace: {}\n",
        workspace.root().display()
    )
}

/// What the user can do while it runs.
pub fn try_next(workspace: &Workspace, program: &str) -> String {
    let folder = workspace.root().display();
    let at = format!("{program} --workspace {folder}");
    format!(
        "\nTry next, in another terminal:\n\
         \x20 {at} status --watch      the whole picture\n\
         \x20 {at} trials --best       the study\n\
         \x20 {at} rollback            one step back\n\
         \x20 {at} why                 why things are as they are\n\
         \x20 {at} history             everything that happened\n\
         \x20 {at} logs trader -f      what the trader says\n\
         \x20 cargo run --release -p cappuccino-gui -- --workspace {folder}      the desktop app\n"
    )
}

/// What the user reads last.
pub fn farewell(workspace: &Workspace) -> String {
    let root = workspace.root().display();
    format!(
        "\nAll processes are stopped. The study opens in Optuna:\n\
         \x20 optuna.load_study(study_name=\"{STUDY}\", storage=\"sqlite:///{root}/optuna.db\")\n\
         The same workspace again: cappuccino demo {root}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_s_configuration_is_valid() {
        let folder = tempfile::tempdir().unwrap();
        let options = DemoOptions {
            folder: Some(folder.path().to_owned()),
            seconds: None,
            speed: 3.0,
            seed: 7,
        };
        prepare(&options).unwrap();
        let written = std::fs::read_to_string(folder.path().join(CONFIG_FILE)).unwrap();
        let speeds = ["\"--speed\", \"3\"", "\"--speed\", \"3600\""];
        assert!(speeds.iter().all(|speed| written.contains(speed)), "{written}");
        let config = crate::config::load(&folder.path().join(CONFIG_FILE)).unwrap();
        assert_eq!(config.commands.len(), 4);
        assert!(config.policy.trader.is_some());
    }
}
