//! A real workspace with a real runner, shell scripts for processes, and an oracle they write.

use crate::paper::{bars as bars_of, candles};
use crate::wait::until;
use cappuccino_core::api::{Accepted, CommandBody, CommandRequest, Status};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{Generation, RequestId, TrialNumber};
use cappuccino_headless::cli::connect;
use cappuccino_headless::cli::failure::Failure;
use cappuccino_headless::demo::optuna_writer::{Ending, StudyWriter};
use cappuccino_headless::workspace::Workspace;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Says `DOUBLE` when an earlier life of the same process is alive, then lives for long.
const LIFE: &str = r#"
oracle="$1"
if [ -f "$oracle" ]; then
  while read -r generation pid rest; do
    state=$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null)
    if [ -n "$state" ] && [ "$state" != Z ] && [ "$pid" != "$$" ]; then
      echo "DOUBLE $generation $pid beside $CAPPUCCINO_GENERATION $$" >> "$oracle.double"
    fi
  done < "$oracle"
fi
echo "$CAPPUCCINO_GENERATION $$ ${2:-}" >> "$oracle"
exec sleep 1000
"#;

/// A workspace of a test, with its study and at most one runner.
pub struct Site {
    folder: TempDir,
    program: PathBuf,
    runner: Option<Child>,
    study: StudyWriter,
    environment: Vec<(String, String)>,
    runtime: tokio::runtime::Runtime,
    /// Whether its processes are stopped at the end by the runner, because they leave no oracle.
    is_stopped: bool,
}

impl Site {
    /// A workspace with one worker and one trader; `program` is the program under test.
    pub fn new(program: &str, extra: &str) -> Self {
        let trader = r#"["sh", "life.sh", "trader.oracle", "{number}"]"#;
        Self::with_trader(program, trader, extra)
    }

    /// The same, whose trader is the one that is built in; it replays so many hourly bars of two
    /// tickers, which the gate knows as well, an hour in `3600 / speed` seconds.
    pub fn trading(program: &str, bars: u64, speed: f64, extra: &str) -> Self {
        let trader = format!(
            r#"[{program:?}, "trade", "--model", "{{model_dir}}", "--session", "{{session_csv}}",
             "--tickers", "T0/USD", "T1/USD", "--feed", "csv:candles.csv", "--speed", "{speed}"]"#
        );
        let mut site = Self::with_trader(program, &trader, extra);
        site.is_stopped = true;
        let text = candles(&bars_of(7, 2, bars));
        fs::write(site.root().join("candles.csv"), &text).unwrap();
        let kept = site.root().join(".cappuccino/candles");
        fs::create_dir_all(&kept).unwrap();
        fs::write(kept.join("1h.csv"), text).unwrap();
        site
    }

    fn with_trader(program: &str, trader: &str, extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("life.sh"), LIFE).unwrap();
        fs::write(root.join("cappuccino.toml"), configuration(trader, extra)).unwrap();
        let study = StudyWriter::open(&root.join("optuna.db"), "s").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (program, environment) = (program.into(), Vec::new());
        Self { folder, program, runner: None, study, environment, runtime, is_stopped: false }
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn workspace(&self) -> Workspace {
        Workspace::at(self.root()).unwrap()
    }

    /// A command line word in this workspace.
    pub fn word(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(self.root()).env_remove("XDG_RUNTIME_DIR");
        command.env_remove("CAPPUCCINO_WORKSPACE");
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Sets a variable for every program that is started from here on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Starts the runner without waiting for it.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// As [`Self::start`], with variables on top of the environment.
    pub fn start_with(&mut self, variables: &[(&str, String)]) {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.root().join("runner.log"))
            .unwrap();
        let child = self
            .word(&["run"])
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.runner = Some(child);
    }

    /// Starts the runner and waits until it answers.
    pub fn start_and_wait(&mut self) {
        self.start();
        until("the runner answers", PATIENCE, || self.status().ok());
    }

    pub fn runner_pid(&self) -> u32 {
        self.runner.as_ref().unwrap().id()
    }

    /// kill -9, and gone.
    pub fn kill(&mut self) {
        if let Some(mut runner) = self.runner.take() {
            runner.kill().unwrap();
            runner.wait().unwrap();
        }
    }

    /// Whether a runner was started and has not ended.
    pub fn has_runner(&mut self) -> bool {
        self.runner.as_mut().is_some_and(|runner| runner.try_wait().unwrap().is_none())
    }

    /// Waits until the runner has ended by itself.
    pub fn wait_for_end(&mut self) -> std::process::ExitStatus {
        let mut runner = self.runner.take().unwrap();
        until("the runner ends", PATIENCE, || runner.try_wait().unwrap())
    }

    /// The picture, from the runner.
    pub fn status(&self) -> Result<Status, Failure> {
        self.get("/v1/status")
    }

    /// What the runner answers to this path.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let workspace = self.workspace();
        self.runtime
            .block_on(async { Ok(connect::client(&workspace).await?.get_json(path).await?) })
    }

    /// The whole history.
    pub fn history(&self) -> Vec<Entry> {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let from = all.last().map_or(1, |entry| entry.sequence.0 + 1);
            let path = format!("/v1/history?from={from}&limit=500");
            let page: Vec<Entry> = self.get(&path).unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    /// Asks for something.
    pub fn ask(&self, id: &str, command: CommandBody) -> Result<Accepted, Failure> {
        self.ask_expecting(id, None, command)
    }

    pub fn ask_expecting(
        &self,
        id: &str,
        expected: Option<Generation>,
        command: CommandBody,
    ) -> Result<Accepted, Failure> {
        let workspace = self.workspace();
        let request =
            CommandRequest { id: RequestId(id.into()), actor: "test".into(), expected, command };
        self.runtime
            .block_on(async { Ok(connect::client(&workspace).await?.command(&request).await?) })
    }

    /// A trial finishes, its model written before.
    pub fn finish_trial(&mut self, value: f64) -> TrialNumber {
        self.finish_trial_with(value, |_folder| {})
    }

    /// As [`Self::finish_trial`], with something done to the model's folder first.
    pub fn finish_trial_with(&mut self, value: f64, spoil: impl FnOnce(&Path)) -> TrialNumber {
        self.finish_trial_of(value, &[], spoil)
    }

    /// As [`Self::finish_trial`], with what the built-in trader needs to know.
    pub fn finish_tradable_trial(&mut self, value: f64) -> TrialNumber {
        self.finish_trial_of(value, &[("lookback", 1.0), ("norm_action", 100.0)], |_folder| {})
    }

    fn finish_trial_of(
        &mut self,
        value: f64,
        attributes: &[(&str, f64)],
        spoil: impl FnOnce(&Path),
    ) -> TrialNumber {
        let trial = self.study.start_trial().unwrap();
        for (name, number) in attributes {
            self.study.set_user_attr(trial, name, &(*number).into()).unwrap();
        }
        let folder = self.root().join(format!("models/trial_{}_1h", trial.number));
        fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in crate::network::files(value.to_bits()) {
            fs::write(folder.join(name), bytes).unwrap();
        }
        spoil(&folder);
        self.study.finish(trial, Ending::Complete(value)).unwrap();
        TrialNumber(trial.number)
    }

    /// Lives that began, as they told themselves.
    pub fn lives(&self, process: &str) -> Vec<(u64, u32)> {
        let text = fs::read_to_string(self.root().join(format!("{process}.oracle")));
        text.unwrap_or_default()
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
            })
            .collect()
    }

    /// Two lives at a time, if there ever were.
    pub fn doubles(&self) -> Vec<String> {
        ["trader", "worker"]
            .iter()
            .filter_map(|name| {
                fs::read_to_string(self.root().join(format!("{name}.oracle.double"))).ok()
            })
            .collect()
    }

    pub fn runner_log(&self) -> String {
        fs::read_to_string(self.root().join("runner.log")).unwrap_or_default()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if self.is_stopped && self.has_runner() {
            drop(self.word(&["stop"]).output());
        }
        self.kill();
        for (_, pid) in self.lives("trader").into_iter().chain(self.lives("worker")) {
            let marked = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if marked.starts_with("sleep") {
                // SAFETY: plain system call; the pid was checked to be one of this test's sleepers.
                unsafe { libc::kill(i32::try_from(pid).unwrap(), libc::SIGKILL) };
            }
        }
    }
}

fn configuration(trader: &str, extra: &str) -> String {
    format!(
        r#"[study]
database = "optuna.db"
poll = "100ms"
[models]
folders = ["models/trial_{{number}}_{{timeframe}}"]
[deployment]
min_dwell = "0s"
max_per_day = 100000
settle = "0s"
probation = "200ms"
start_deadline = "20s"
rollback_budget = 1000
[[process]]
name = "worker"
role = "worker"
command = ["sh", "life.sh", "worker.oracle"]
restart_delay = "10ms"
restart_delay_max = "20ms"
max_restarts = 100000
stop_grace = "1s"
[[process]]
name = "trader"
role = "trader"
command = {trader}
restart_delay = "10ms"
restart_delay_max = "20ms"
max_restarts = 100000
ready_after = "50ms"
stop_grace = "1s"
{extra}"#
    )
}
