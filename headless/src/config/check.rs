//! From the file as written to a configuration that can be trusted, or the mistake and its place.

use super::file::{self, File};
use super::{CommandConfig, Config, SessionPath, ShownBy, StudyConfig};
use super::{alerts, gate, guard, lanes, machine, models, notify, supervision, trader};
use crate::trade::args::TradeArgs;
use cappuccino_core::words::{
    DeploymentPolicy, OnFailure, Policy, ProcessName, ProcessPolicy, RestartRule, Role, Span,
};
use serde_spanned::Spanned;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Most instances of one process.
const INSTANCES_MAX: u32 = 64;

/// Why a configuration is not usable, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read {path}: {source}; make one with `cappuccino init`, or name its folder with \
         --workspace"
    )]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{path}:{line}:{column}: {what}\n{excerpt}; {remedy}")]
    Mistake {
        /// Which file.
        path: String,
        /// Line of the mistake, from 1.
        line: usize,
        /// Column of the mistake in characters, from 1.
        column: usize,
        /// What and why.
        what: String,
        /// The line, with the place marked.
        excerpt: String,
        /// What would be right.
        remedy: String,
    },
}

/// A mistake before the file's text is attached to it.
pub(super) struct Mistake {
    pub(super) what: String,
    pub(super) remedy: Option<String>,
    pub(super) place: Range<usize>,
}

/// Reads and checks the configuration at `path`; paths in it are relative to its folder.
///
/// # Errors
/// [`ConfigError`]: the first mistake, with its place and remedy.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let named = || path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: named(), source })?;
    let root = path.parent().unwrap_or_else(|| Path::new("."));
    parse(&text, root).map_err(|mistake| mistake.at(named(), &text))
}

impl Mistake {
    /// The mistake with its place in the file.
    fn at(self, path: String, text: &str) -> ConfigError {
        let before = text.get(..self.place.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let shown = text.lines().nth(line - 1).unwrap_or_default();
        let marked = text
            .get(self.place.clone())
            .map_or(1, |m| m.lines().next().map_or(1, |l| l.chars().count()));
        let (number, gap) = (line.to_string(), " ".repeat(line.to_string().len()));
        let (indent, mark) = (" ".repeat(column - 1), "^".repeat(marked.max(1)));
        ConfigError::Mistake {
            path,
            line,
            column,
            what: self.what,
            excerpt: format!(" {number} | {shown}\n {gap} | {indent}{mark}"),
            remedy: self.remedy.unwrap_or_else(|| {
                "`cappuccino init` in an empty folder writes a file with every key".to_owned()
            }),
        }
    }
}

pub(super) fn parse(text: &str, root: &Path) -> Result<Config, Mistake> {
    let file: File = toml::from_str(text).map_err(|error| unreadable(&error))?;
    let (processes, commands) = processes(&file, root)?;
    let trader = the_trader(&file)?;
    let session_csv = session_csv(&file, root)?;
    let built_in = trader::built_in(&file)?;
    trader::tells_of_the_model_before(&file, built_in.as_ref(), session_csv.as_ref())?;
    let (vitals, machine) = machine::machine(&file.machine)?;
    let (deployment, alerts) = (deployment(&file)?, alerts::alerts(&file.alerts)?);
    let alerts = supervision::ranked(alerts, &processes);
    let limits = alerts::limits(&file.alerts, &file.models.timeframe)?;
    let policy = Policy { deployment, processes, trader, vitals, alerts, limits };
    let study = StudyConfig {
        database: root.join(&file.study.database),
        name: file.study.name,
        objective: file.study.objective,
        poll: span(file.study.poll.as_ref(), Span::seconds(2))?,
        integrity_every: alerts::integrity_every(&file.alerts)?,
        heartbeat_interval: span(file.study.heartbeat_interval.as_ref(), Span::seconds(60))?,
    };
    let mut models = models::models(file.models, root)?;
    models.tickers = models.tickers.or_else(|| built_in.as_ref().map(TradeArgs::full_tickers));
    let gate = gate::gate(&file.gate, &models, root)?;
    let backups_kept = file.backups.keep;
    let notify = notify::notify(&file.notify, root)?;
    Ok(Config {
        policy,
        study,
        models,
        gate,
        commands,
        machine,
        session_csv,
        built_in,
        backups_kept,
        notify,
    })
}

/// What the TOML reader says, with the nearest right word when a key is unknown.
fn unreadable(error: &toml::de::Error) -> Mistake {
    let what = error.message().trim().to_owned();
    Mistake { remedy: nearest(&what), what, place: error.span().unwrap_or(0..0) }
}

/// Suggests the allowed word that is nearest to the unknown one in a reader's message.
fn nearest(message: &str) -> Option<String> {
    let rest = message
        .strip_prefix("unknown field `")
        .or_else(|| message.strip_prefix("unknown variant `"))?;
    let (unknown, allowed) = rest.split_once('`')?;
    let near = allowed.split('`').skip(1).step_by(2).min_by_key(|word| distance(unknown, word))?;
    (distance(unknown, near) <= unknown.len().max(3) / 2).then(|| format!("did you mean `{near}`?"))
}

/// Edit distance: letters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

fn deployment(file: &File) -> Result<DeploymentPolicy, Mistake> {
    let (guard, lanes) = (guard::guard(&file.guard)?, lanes::lanes(&file.lanes)?);
    let file = &file.deployment;
    let default = DeploymentPolicy::default();
    Ok(DeploymentPolicy {
        auto_deploy: file.auto.unwrap_or(default.auto_deploy),
        min_improvement_percent: at_least_zero(
            file.min_improvement_percent.as_ref(),
            default.min_improvement_percent,
        )?,
        min_improvement_absolute: at_least_zero(
            file.min_improvement_absolute.as_ref(),
            default.min_improvement_absolute,
        )?,
        min_dwell: span(file.min_dwell.as_ref(), default.min_dwell)?,
        max_per_day: at_least_one(file.max_per_day.as_ref(), default.max_per_day)?,
        settle: span(file.settle.as_ref(), default.settle)?,
        settle_deadline: span(file.settle_deadline.as_ref(), default.settle_deadline)?,
        staging_deadline: span(file.staging_deadline.as_ref(), default.staging_deadline)?,
        validation_deadline: span(file.validation_deadline.as_ref(), default.validation_deadline)?,
        require_approval: file.require_approval.unwrap_or(default.require_approval),
        approval_deadline: span(file.approval_deadline.as_ref(), default.approval_deadline)?,
        start_deadline: span(file.start_deadline.as_ref(), default.start_deadline)?,
        start_attempts: at_least_one(file.start_attempts.as_ref(), default.start_attempts)?,
        probation: span(file.probation.as_ref(), default.probation)?,
        rollback_budget: file
            .rollback_budget
            .as_ref()
            .map_or(default.rollback_budget, |n| *n.get_ref()),
        on_failure: match file.on_failure {
            Some(file::OnFailure::Rollback) => OnFailure::Rollback,
            Some(file::OnFailure::Freeze) => OnFailure::Freeze,
            Some(file::OnFailure::Stop) => OnFailure::Stop,
            None => default.on_failure,
        },
        guard,
        lanes,
    })
}

type Processes = (BTreeMap<ProcessName, ProcessPolicy>, BTreeMap<ProcessName, CommandConfig>);

fn processes(file: &File, root: &Path) -> Result<Processes, Mistake> {
    let (mut policies, mut commands) = Processes::default();
    let mut order = supervision::Order::new();
    for process in &file.processes {
        let policy = process_policy(process)?;
        let command = command(process, root)?;
        let names = instance_names(process)?;
        order.note(process, names.clone());
        for (instance, name) in (1..).zip(names) {
            if policies.insert(name.clone(), policy.clone()).is_some() {
                return Err(mistake(
                    process.name.span(),
                    format!("there are two processes named `{name}`"),
                    "give each process its own name",
                ));
            }
            let shown_by = supervision::shown_by(process, &command.directory, instance)?;
            commands.insert(name, CommandConfig { instance, shown_by, ..command.clone() });
        }
    }
    order.settle(&mut policies)?;
    Ok((policies, commands))
}

/// `worker` with three instances is `worker-1`, `worker-2`, `worker-3`.
fn instance_names(process: &file::Process) -> Result<Vec<ProcessName>, Mistake> {
    let count = *process.instances.get_ref();
    if !(1..=INSTANCES_MAX).contains(&count) {
        let what = format!("{count} instances cannot be run");
        let remedy = format!("use 1 to {INSTANCES_MAX}");
        return Err(Mistake { what, remedy: Some(remedy), place: process.instances.span() });
    }
    let base = process.name.get_ref();
    let named = |name: String| {
        ProcessName::new(name).map_err(|error| Mistake {
            what: error.to_string(),
            remedy: None,
            place: process.name.span(),
        })
    };
    if count == 1 {
        return Ok(vec![named(base.clone())?]);
    }
    (1..=count).map(|instance| named(format!("{base}-{instance}"))).collect()
}

fn process_policy(process: &file::Process) -> Result<ProcessPolicy, Mistake> {
    let role = match process.role {
        file::Role::Worker => Role::Worker,
        file::Role::Trader => Role::Trader,
        file::Role::Other => Role::Other,
    };
    let default = ProcessPolicy::of(role);
    let restart = match (process.auto_restart, process.restart) {
        (Some(false), _) | (_, Some(file::Restart::Never)) => RestartRule::Never,
        (_, Some(file::Restart::OnFailure)) => RestartRule::OnFailure,
        (_, Some(file::Restart::Always) | None) => RestartRule::Always,
    };
    Ok(ProcessPolicy {
        role,
        autostart: process.autostart.unwrap_or(default.autostart),
        restart,
        budget: process.max_restarts.unwrap_or(default.budget),
        budget_window: span(process.restart_window.as_ref(), default.budget_window)?,
        backoff_initial: span(process.restart_delay.as_ref(), default.backoff_initial)?,
        backoff_max: span(process.restart_delay_max.as_ref(), default.backoff_max)?,
        cooldown: span(process.restart_cooldown.as_ref(), default.cooldown)?,
        cooldown_max: span(process.restart_cooldown_max.as_ref(), default.cooldown_max)?,
        healthy_after: span(process.healthy_after.as_ref(), default.healthy_after)?,
        ready: supervision::ready(process, default.ready)?,
        stop_grace: span(process.stop_grace.as_ref(), default.stop_grace)?,
        critical: process.critical.unwrap_or(default.critical),
        no_restart_codes: process.no_restart_codes.clone(),
        after: Vec::new(),
        liveness: supervision::liveness(process)?,
        memory_limit_bytes: supervision::memory_limit(process.memory_limit.as_ref())?,
    })
}

fn command(process: &file::Process, root: &Path) -> Result<CommandConfig, Mistake> {
    let command = process.command.get_ref().clone();
    if command.first().is_none_or(String::is_empty) {
        let what = format!("process `{}` has no command", process.name.get_ref());
        return Err(mistake(process.command.span(), what, "name the program and its arguments"));
    }
    let megabytes = process.log_cap_megabytes.as_ref().map_or(50, |cap| *cap.get_ref());
    Ok(CommandConfig {
        command,
        instance: 1,
        shown_by: ShownBy::default(),
        directory: process.directory.as_ref().map_or_else(|| root.to_owned(), |d| root.join(d)),
        environment: process.environment.clone(),
        stop_signal: signal(process.stop_signal.as_ref())?,
        log_cap_bytes: megabytes.saturating_mul(1024 * 1024),
    })
}

fn signal(name: Option<&Spanned<String>>) -> Result<i32, Mistake> {
    let Some(name) = name else { return Ok(libc::SIGTERM) };
    match name.get_ref().trim_start_matches("SIG") {
        "TERM" => Ok(libc::SIGTERM),
        "INT" => Ok(libc::SIGINT),
        "HUP" => Ok(libc::SIGHUP),
        "QUIT" => Ok(libc::SIGQUIT),
        "USR1" => Ok(libc::SIGUSR1),
        "USR2" => Ok(libc::SIGUSR2),
        other => Err(mistake(
            name.span(),
            format!("`{other}` is no signal that asks a process to end"),
            "use TERM, INT, HUP, QUIT, USR1 or USR2",
        )),
    }
}

fn the_trader(file: &File) -> Result<Option<ProcessName>, Mistake> {
    let mut traders = file.processes.iter().filter(|p| matches!(p.role, file::Role::Trader));
    let Some(first) = traders.next() else { return Ok(None) };
    if let Some(second) = traders.next() {
        let what = format!(
            "`{}` is a second trader beside `{}`",
            second.name.get_ref(),
            first.name.get_ref()
        );
        return Err(mistake(
            second.name.span(),
            what,
            "one model is live at a time: keep one trader",
        ));
    }
    if *first.instances.get_ref() != 1 {
        let what = "a trader has one instance".to_owned();
        return Err(mistake(first.instances.span(), what, "remove `instances`"));
    }
    Ok(instance_names(first)?.into_iter().next())
}

/// The trader's session file; no other process has one.
fn session_csv(file: &File, root: &Path) -> Result<Option<SessionPath>, Mistake> {
    let mut path = None;
    for process in &file.processes {
        let written = process.session_csv.as_ref();
        path = match (process.role, written) {
            (file::Role::Trader, None) => Some(SessionPath::standard(root)),
            (file::Role::Trader, Some(text)) => {
                let parsed = SessionPath::new(root, text.get_ref());
                Some(parsed.map_err(|what| {
                    mistake(text.span(), what, "only {revision} is replaced in it")
                })?)
            }
            (file::Role::Worker | file::Role::Other, Some(text)) => {
                let what = "only a trader writes a session".to_owned();
                return Err(mistake(text.span(), what, "move `session_csv` to the trader"));
            }
            (file::Role::Worker | file::Role::Other, None) => path,
        };
    }
    Ok(path)
}

/// A length of time as people write it: `250ms`, `60s`, `15m`, `6h`, `7d`.
pub(super) fn span(text: Option<&Spanned<String>>, default: Span) -> Result<Span, Mistake> {
    let Some(text) = text else { return Ok(default) };
    parse_span(text.get_ref()).ok_or_else(|| {
        let what = format!("`{}` is no length of time", text.get_ref());
        mistake(text.span(), what, "write a whole number and its unit: 250ms, 60s, 15m, 6h or 7d")
    })
}

/// A length of time; `None` for anything else.
pub fn parse_span(text: &str) -> Option<Span> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let number: i64 = number.parse().ok()?;
    match unit.trim() {
        "ms" => Some(Span(number)),
        "s" => Some(Span::seconds(number)),
        "m" => Some(Span::minutes(number)),
        "h" => Some(Span::hours(number)),
        "d" => Some(Span::hours(number.saturating_mul(24))),
        _ => None,
    }
}

pub(super) fn at_least_zero(number: Option<&Spanned<f64>>, default: f64) -> Result<f64, Mistake> {
    let Some(number) = number else { return Ok(default) };
    let value = *number.get_ref();
    if value.is_finite() && value >= 0.0 {
        return Ok(value);
    }
    Err(mistake(number.span(), format!("{value} is not allowed here"), "use a number from 0 up"))
}

pub(super) fn at_least_one(number: Option<&Spanned<u32>>, default: u32) -> Result<u32, Mistake> {
    match number.map(|n| (*n.get_ref(), n.span())) {
        Some((0, place)) => Err(mistake(place, "0 is not allowed here".into(), "use 1 or more")),
        Some((value, _)) => Ok(value),
        None => Ok(default),
    }
}

pub(super) fn mistake(place: Range<usize>, what: String, remedy: &str) -> Mistake {
    Mistake { what, remedy: Some(remedy.to_owned()), place }
}

#[cfg(test)]
mod tests {
    use super::super::TEMPLATE;
    use super::super::testing::refused;
    use super::*;

    #[test]
    fn the_file_that_init_writes_is_valid_and_has_the_defaults() {
        let Ok(config) = parse(TEMPLATE, Path::new("/w")) else {
            panic!("the template is invalid")
        };
        assert_eq!(config.policy.deployment, DeploymentPolicy::default());
        assert_eq!(config.policy.processes.len(), 4);
        let worker = ProcessName::new("worker-2").unwrap();
        assert_eq!(config.policy.processes[&worker], ProcessPolicy::of(Role::Worker));
        assert_eq!(config.policy.trader, Some(ProcessName::new("trader").unwrap()));
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        let text = "[study]\ndatabase = \"s.db\"\n[deployment]\nsettle = \"soon\"\n";
        let Err(mistake) = parse(text, Path::new("/w")) else { panic!("it must be refused") };
        let shown = mistake.at("cappuccino.toml".into(), text).to_string();
        assert_eq!(
            shown,
            "cappuccino.toml:4:10: `soon` is no length of time\n 4 | settle = \"soon\"\n   |          ^^^^^^; \
             write a whole number and its unit: 250ms, 60s, 15m, 6h or 7d"
        );
    }

    #[test]
    fn every_mistake_names_its_place_and_remedy() {
        refused(
            "[deployment]\nmin_improvment_percent = 1.0",
            "unknown field",
            "did you mean `min_improvement_percent`?",
        );
        refused("[deployment]\nmin_improvement_percent = -1.0", "-1 is not allowed", "from 0 up");
        refused("[deployment]\nmin_improvement_percent = nan", "NaN is not allowed", "from 0 up");
        refused("[deployment]\nsettle = \"soon\"", "`soon` is no length of time", "60s");
        refused("[deployment]\nstart_attempts = 0", "0 is not allowed", "1 or more");
        refused(
            "[deployment]\non_failure = \"rolback\"",
            "unknown variant",
            "did you mean `rollback`?",
        );
        let process = |extra: &str| {
            format!("[[process]]\nname = \"w\"\nrole = \"worker\"\ncommand = [\"a\"]\n{extra}")
        };
        refused(&process("stop_signal = \"KILL\""), "no signal that asks", "TERM");
        refused(&process("instances = 0"), "0 instances", "1 to 64");
        refused(
            &format!("{}\n{}", process(""), process("")),
            "two processes named `w`",
            "its own name",
        );
        refused(
            "[[process]]\nname = \"a/b\"\nrole = \"other\"\ncommand = [\"a\"]",
            "invalid process name",
            "",
        );
        refused(
            "[[process]]\nname = \"a\"\nrole = \"other\"\ncommand = []",
            "has no command",
            "name the program",
        );
        let trader = |name: &str| {
            format!("[[process]]\nname = \"{name}\"\nrole = \"trader\"\ncommand = [\"a\"]\n")
        };
        refused(&(trader("a") + &trader("b")), "second trader", "keep one trader");
        refused(
            &(trader("a") + "session_csv = \"s/{trial}.csv\""),
            "`{trial}` means nothing here",
            "{revision}",
        );
        refused(&process("session_csv = \"s.csv\""), "only a trader", "to the trader");
    }
}
