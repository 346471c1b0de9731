//! The words of the command line, and what each takes.

use crate::config::parse_span;
use crate::demo::worker::WorkerArgs;
use crate::trade::args::TradeArgs;
use crate::workspace::WORKSPACE_VARIABLE;
use cappuccino_core::words::Span;
use clap::{Args, Parser, Subcommand, ValueHint};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes: 0 done · 1 failed · 2 the command line makes no sense · 3 no runner is up · 4 refused

The workspace is the nearest folder with a cappuccino.toml, from the current one upwards.";

/// Watches an Optuna study, deploys its best model, keeps every process alive.
#[derive(Debug, Parser)]
#[command(name = "cappuccino", bin_name = "cappuccino", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(subcommand_value_name = "WORD", subcommand_help_heading = "Words")]
#[command(disable_help_subcommand = true)]
pub(super) struct Cli {
    /// Folder of the workspace
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    #[arg(env = WORKSPACE_VARIABLE, hide_env_values = true)]
    pub workspace: Option<PathBuf>,
    #[command(subcommand)]
    pub word: Word,
}

#[derive(Debug, Subcommand)]
pub(super) enum Word {
    /// Show everything at work: training, deployment and trading of synthetic data
    Demo(Demo),
    /// Make a workspace: a commented cappuccino.toml with the defaults
    Init {
        /// Where; the current folder when none is named
        #[arg(value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
        /// Replace a configuration that is there
        #[arg(long)]
        force: bool,
    },
    /// Run the runner here, until it is interrupted
    Run {
        /// One look at everything, one decision, then leave
        #[arg(long)]
        once: bool,
        /// Deploy nothing automatically while this runner runs
        #[arg(long)]
        no_auto_deploy: bool,
    },
    /// Start a runner in the background
    Start,
    /// Stop the runner, and by default every process; return when it is gone
    Stop {
        /// Leave the processes running; the next runner takes them over
        #[arg(long)]
        keep_processes: bool,
        /// How long to wait until it is gone
        #[arg(long, value_name = "SECONDS", default_value_t = 120)]
        timeout: u64,
    },
    /// Show the study, the live model, the processes and the alerts
    Status {
        /// Show it again whenever it changes
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Print every event as it happens
    Watch {
        #[command(flatten)]
        format: Format,
    },
    /// List trials of the study, or show one
    Trials {
        /// Show this trial only
        number: Option<i64>,
        /// Best first: finished, feasible trials with a value
        #[arg(long, conflicts_with = "number")]
        best: bool,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[command(flatten)]
        format: Format,
    },
    /// List what the trader traded, newest first
    Trades {
        /// Of this revision only
        #[arg(long, value_name = "REVISION")]
        revision: Option<u64>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        #[command(flatten)]
        format: Format,
    },
    /// Show what each revision earned on paper
    Pnl {
        #[command(flatten)]
        format: Format,
    },
    /// Show what each lane of a session made on the same bars
    Lanes {
        /// CSV file of the session; the newest of the workspace when none is named
        #[arg(value_hint = ValueHint::FilePath)]
        session: Option<PathBuf>,
        #[command(flatten)]
        format: Format,
    },
    /// Trade a model on paper, on closed bars
    Trade(Box<TradeArgs>),
    /// Deploy a trial, better or not
    Deploy {
        /// Number of the trial
        trial: i64,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        format: Format,
    },
    /// Go back to an earlier good model; the present trial is held back
    Rollback(Rollback),
    /// Hold a trial back from automatic deployment
    Hold {
        /// Number of the trial
        trial: i64,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        format: Format,
    },
    /// Let a trial be deployed again
    Unhold {
        /// Number of the trial
        trial: i64,
        #[command(flatten)]
        format: Format,
    },
    /// Approve the model that waits for approval
    Approve {
        #[command(flatten)]
        format: Format,
    },
    /// Decline the model that is being prepared
    Reject {
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        format: Format,
    },
    /// Deploy nothing automatically until `resume`
    Pause {
        /// Keep the live model whatever happens: no automatic rollback either
        #[arg(long)]
        pin: bool,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        format: Format,
    },
    /// Deploy automatically again
    Resume {
        #[command(flatten)]
        format: Format,
    },
    /// Show what happened, oldest first
    History {
        /// How many lines
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// Go on with what happens from now on
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        format: Format,
    },
    /// List what needs attention
    Alerts {
        /// What may soon and what did lately, too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Say that you look after an alert: it is not repeated any more
    Ack {
        /// Its key
        key: String,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        format: Format,
    },
    /// Look after an alert no longer
    Unack {
        /// Its key
        key: String,
        #[command(flatten)]
        format: Format,
    },
    /// Do not tell some alerts for a while
    Silence(Silence),
    /// List what is not told for a while
    Silences {
        #[command(flatten)]
        format: Format,
    },
    /// End a silence
    Unsilence {
        /// Its number
        id: u64,
        #[command(flatten)]
        format: Format,
    },
    /// Report what happened lately: text, JSON, one HTML page, pictures
    Report(Report),
    /// Explain the present state, a trial, a process, or an alert
    Why {
        /// Number of a trial, name of a process, or key of an alert
        #[arg(value_name = "TRIAL|PROCESS|ALERT")]
        about: Option<String>,
        #[command(flatten)]
        format: Format,
    },
    /// List the supervised processes
    Processes {
        #[command(flatten)]
        format: Format,
    },
    /// Show the output of a process
    Logs {
        /// Name of the process
        name: String,
        /// Go on with what it prints from now on
        #[arg(short, long)]
        follow: bool,
        /// How many lines from the end
        #[arg(short = 'n', long, value_name = "LINES", default_value_t = 50)]
        lines: usize,
    },
    /// Stop a process and start it again; or the runner, with every process running on
    Restart {
        /// Name of the process
        #[arg(required_unless_present = "runner")]
        name: Option<String>,
        /// The runner itself: the program as it is now takes over, for example after an update
        #[arg(long, conflicts_with = "name")]
        runner: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Forget the failures of a process and start it if it should run
    Reset {
        /// Name of the process
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Have systemd run the runner: started with your session, restarted whenever it ends
    Service {
        #[command(subcommand)]
        what: Service,
    },
    /// Show how each notification channel does, and what it gave up
    Notifications {
        #[command(flatten)]
        format: Format,
    },
    /// Send a test message by every notification channel, or by one
    NotifyTest {
        /// Name of the channel
        channel: Option<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Examine a model's files without opening them in Python
    ///
    /// Exit codes: 0 passed, 1 refused, 2 could not be checked
    Validate(Validate),
    /// Write the whole history as one JSON document
    Export {
        /// Where to; standard output when none is named
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// Write the four files of the old daemons into this folder instead
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "file")]
        legacy: Option<PathBuf>,
    },
    /// Take the files of the old daemons into the history
    Import {
        /// The old project folder, or its folder `deployments`
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// Say what was found, change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Check the configuration and everything that is stored
    Check {
        #[command(flatten)]
        format: Format,
    },
    /// Write a copy of the state into the folder of backups
    Backup {
        #[command(flatten)]
        format: Format,
    },
    /// Go back to a backup of the state; the present one is kept beside it
    Restore {
        /// The backup
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Print what makes the shell complete these words
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    #[command(hide = true)]
    DemoWorker(WorkerArgs),
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Format {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What is done about the service.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum Service {
    /// Write the unit, enable it, start it
    Install,
    /// Disable the unit and remove it; a runner that is up stays
    Uninstall,
    /// Show whether it is installed, enabled and active
    Status {
        #[command(flatten)]
        format: Format,
    },
}

/// A reason for the record.
#[derive(Clone, Debug, Args)]
pub(super) struct Why {
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "no reason given", hide_default_value = true)]
    pub reason: String,
}

#[derive(Debug, Args)]
pub(super) struct Report {
    /// How far back: 24h, 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = length)]
    pub since: Span,
    /// Write one page that needs nothing beside itself
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Write the pictures into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub svg: Option<PathBuf>,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Silence {
    /// Key of an alert, where * stands for anything
    pub pattern: String,
    /// For how long: 30m, 2h, 7d
    #[arg(long = "for", value_name = "TIME", default_value = "2h", value_parser = length)]
    pub lasts: Span,
    #[command(flatten)]
    pub why: Why,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// Folder with the model's files
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Number of the trial that it should come from
    #[arg(long, value_name = "TRIAL")]
    pub trial: Option<i64>,
    /// What the trader trades, such as BTC/USD,ETH/USD; models.tickers when it is not given
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub tickers: Vec<String>,
    #[command(flatten)]
    pub format: Format,
}

/// A length of time as in the configuration.
fn length(text: &str) -> Result<Span, String> {
    parse_span(text).ok_or_else(|| "write a whole number and its unit: 30m, 2h or 7d".to_owned())
}

#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// Number of the revision to go back to; the newest other good one when none is named
    #[arg(long, value_name = "REVISION")]
    pub to: Option<u64>,
    /// Say what would happen, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Let the present trial be deployed again
    #[arg(long)]
    pub no_hold: bool,
    #[command(flatten)]
    pub why: Why,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where; a temporary folder when none is named
    #[arg(value_hint = ValueHint::DirPath)]
    pub folder: Option<PathBuf>,
    /// Stop after this time
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// How fast trials and bars come; 1 is about one of each a second, more hurries trials only
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub speed: f64,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub seed: u64,
}
