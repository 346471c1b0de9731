//! From words to the rest of the program: the runner, the demonstration, the configuration.

use super::connect;
use super::failure::{Exit, Failure};
use crate::boot::{self, RunOptions};
use crate::config::{self, Config};
use crate::demo::stage::{self, DemoOptions};
use crate::handover::hand_over;
use crate::runner::Ending;
use crate::service::{FAILED_PAUSE, manager};
use crate::workspace::{CONFIG_FILE, Workspace};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Says that this runner was started by `cappuccino start`: it leaves the terminal's session.
const DETACHED_VARIABLE: &str = "CAPPUCCINO_DETACHED";
/// How long a runner may take to answer: a large state file is verified first.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// Lines of the runner's log that a failed start shows.
const LOG_TAIL_LINES: usize = 12;

/// Makes a workspace in `dir` and names its configuration, which is replaced only with `force`.
///
/// # Errors
/// What is in the way.
pub fn init(dir: &Path, force: bool) -> Result<PathBuf, Failure> {
    let path = dir.join(CONFIG_FILE);
    let failed = |error: std::io::Error| {
        Failure::new(
            format!("{} cannot be written: {error}", path.display()),
            "check that the folder may be written",
        )
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    let mut options = OpenOptions::new();
    options.write(true);
    let options =
        if force { options.create(true).truncate(true) } else { options.create_new(true) };
    match options.open(&path) {
        Ok(mut file) => {
            file.write_all(config::TEMPLATE.as_bytes()).map_err(failed)?;
            Ok(path)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Failure::new(
            format!("{} is there already", path.display()),
            "edit it, or replace it with `cappuccino init --force`",
        )),
        Err(error) => Err(failed(error)),
    }
}

/// Runs the runner here, until it is asked to stop.
///
/// # Errors
/// Why it cannot run.
pub fn run(workspace: &Workspace, options: RunOptions) -> Result<ExitCode, Failure> {
    if std::env::var_os(DETACHED_VARIABLE).is_some() {
        // The terminal that started it may close; a runner that already leads a session stays so.
        if let Err(error) = rustix::process::setsid() {
            tracing::debug!("no session of its own: {error}");
        }
    }
    tell_in_log();
    match boot::run(workspace, options) {
        Ok(Ending::Stopped | Ending::Left) => Ok(ExitCode::SUCCESS),
        Ok(Ending::HandedOver) => hand_over().map_err(|error| {
            Failure::new(
                format!("the new program could not take over: {error}"),
                "the processes run on; `cappuccino start` takes them over",
            )
        }),
        Err(error) => {
            if manager::is_managed() {
                std::thread::sleep(FAILED_PAUSE);
            }
            Err(Failure::told(Exit::Failed, &error))
        }
    }
}

/// Starts a runner that outlives this program; returns once it answers.
///
/// # Errors
/// Why it did not come up.
pub fn start_detached(workspace: &Workspace) -> Result<(), Failure> {
    let logs = workspace.logs_dir();
    let log = logs.join("runner.log");
    let failed = |error: std::io::Error| {
        Failure::new(
            format!("the runner cannot be started: {error}"),
            "check the rights of the workspace",
        )
    };
    std::fs::create_dir_all(&logs).map_err(failed)?;
    let output = OpenOptions::new().create(true).append(true).open(&log).map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let child = Command::new(program)
        .arg("--workspace")
        .arg(workspace.root())
        .arg("run")
        .env(DETACHED_VARIABLE, "1")
        .current_dir(workspace.root())
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(failed)?)
        .stderr(output)
        .spawn()
        .map_err(failed)?;
    wait_until_it_answers(workspace, child, &log)
}

fn wait_until_it_answers(
    workspace: &Workspace,
    mut child: Child,
    log: &Path,
) -> Result<(), Failure> {
    let began = Instant::now();
    while began.elapsed() < START_PATIENCE {
        match child.try_wait() {
            Ok(Some(status)) => {
                return Err(Failure::new(
                    format!("the runner did not come up ({status}):\n{}", tail(log)),
                    format!("its log is {}", log.display()),
                ));
            }
            Ok(None) => {}
            Err(error) => tracing::debug!("the new runner cannot be asked: {error}"),
        }
        if connect::answers(workspace, child.id()) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(Failure::new(
        format!("the runner does not answer after {START_PATIENCE:?}"),
        format!("look at its log, {}", log.display()),
    ))
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let surplus = lines.len().saturating_sub(LOG_TAIL_LINES);
    lines.iter().skip(surplus).copied().collect::<Vec<_>>().join("\n")
}

/// Runs the demonstration.
///
/// # Errors
/// Why it cannot run.
pub fn demo(options: &DemoOptions) -> Result<ExitCode, Failure> {
    stage::run(options)
        .map(|_ending| ExitCode::SUCCESS)
        .map_err(|error| Failure::told(Exit::Failed, &error))
}

/// Reads and checks the configuration.
///
/// # Errors
/// The first mistake, with its place and remedy.
pub fn read_config(workspace: &Workspace) -> Result<Config, Failure> {
    config::load(&workspace.config_file()).map_err(|error| Failure::told(Exit::Failed, &error))
}

/// The runner's own words go to its standard error; `CAPPUCCINO_LOG` says how many.
fn tell_in_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CAPPUCCINO_LOG")
        .unwrap_or_else(|_unset| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    if let Err(error) = subscriber.try_init() {
        eprintln!("the log stays silent: {error}");
    }
}
