//! Care for what is stored: `check`, `backup`, `restore`.

use super::asking::blind;
use crate::cli::args::Format;
use crate::cli::connect::{block_on, try_connect};
use crate::cli::failure::Failure;
use crate::cli::hooks;
use crate::cli::render::{Screen, clean};
use crate::cli::source::{Record, Source, in_the_way, the_clock};
use crate::keeper::open_store;
use crate::upkeep::{backup_path, write_backup};
use crate::workspace::Workspace;
use cappuccino_core::api::CommandBody;
use cappuccino_core::store::{Reader, is_readable};
use cappuccino_core::words::Sequence;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::Path;

/// What a check found.
#[derive(Debug, Default, Serialize)]
struct Verdict {
    /// Rows that were looked at; only without a runner.
    rows: Option<u64>,
    /// Lines of the history that hang together.
    history: u64,
    /// What is wrong.
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    place: String,
    problem: String,
}

impl Verdict {
    fn find(&mut self, place: &str, problem: impl Into<String>) {
        self.findings.push(Finding { place: place.to_owned(), problem: problem.into() });
    }
}

pub(in crate::cli) fn check(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let mut verdict = Verdict::default();
    if let Err(failure) = hooks::check_config(workspace) {
        let help = failure.help.map_or_else(String::new, |help| format!("; {help}"));
        verdict.find("configuration", format!("{}{help}", failure.error));
    }
    block_on(check_record(workspace, &mut verdict))?;
    let screen = Screen::new();
    if format.json {
        screen.json(&verdict)?;
    } else {
        print(screen, &verdict)?;
    }
    match verdict.findings.len() {
        0 => Ok(()),
        count => Err(Failure::new(
            format!("{count} finding(s), listed above"),
            "each names its remedy; check again afterwards",
        )),
    }
}

fn print(screen: Screen, verdict: &Verdict) -> Result<(), Failure> {
    if let Some(rows) = verdict.rows {
        screen.line(&format!("{rows} rows read"))?;
    }
    screen.line(&format!("{} lines of history hang together", verdict.history))?;
    for Finding { place, problem } in &verdict.findings {
        screen.line(&clean(&format!("{place}: {problem}")))?;
    }
    if verdict.findings.is_empty() { screen.line("nothing is wrong") } else { Ok(()) }
}

async fn check_record(workspace: &Workspace, verdict: &mut Verdict) -> Result<(), Failure> {
    if !workspace.state_file().exists() && try_connect(workspace).await?.is_none() {
        eprintln!("note: nothing is stored yet");
        return Ok(());
    }
    let mut source = match Source::open(workspace).await {
        Ok(source) => source,
        Err(failure) => {
            let help = failure.help.map_or_else(String::new, |help| format!("; {help}"));
            verdict.find("state", format!("{}{help}", failure.error));
            return Ok(());
        }
    };
    match &mut source {
        Source::Record(record) => inspect(&record.reader(), verdict),
        Source::Runner(_) => {
            eprintln!("note: the runner holds the state; its history is checked, rows are not");
            walk(&mut source, verdict).await
        }
    }
}

/// Reads every row and the whole chain of the history.
fn inspect(reader: &Reader, verdict: &mut Verdict) -> Result<(), Failure> {
    let report = reader.check(&is_readable)?;
    verdict.rows = Some(report.rows);
    verdict.history = report.history;
    report.findings.iter().for_each(|finding| verdict.find(&finding.place, &finding.problem));
    Ok(())
}

/// Reads the history through the runner: every number must be there.
async fn walk(source: &mut Source, verdict: &mut Verdict) -> Result<(), Failure> {
    loop {
        let from = Sequence(verdict.history.saturating_add(1));
        let page = source.lines_from(from).await?;
        for entry in &page {
            if entry.sequence.0 != verdict.history.saturating_add(1) {
                let problem = format!("line {} is missing; restore a backup", verdict.history + 1);
                verdict.find("history", problem);
            }
            verdict.history = entry.sequence.0;
        }
        if page.is_empty() {
            return Ok(());
        }
    }
}

pub(in crate::cli) fn backup(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    if block_on(try_connect(workspace))?.is_some() {
        return blind(workspace, CommandBody::Backup, format);
    }
    let record = Record::open(workspace)?;
    let path = backup_path(&workspace.backups_dir(), record.clock().now().wall);
    let reader = record.reader();
    write_backup(&path, |backend| reader.backup_to(backend).map(drop))
        .map_err(|why| Failure::new(why, "nothing was changed; try again"))?;
    let screen = Screen::new();
    if format.json {
        screen.json(&path)
    } else {
        screen.line(&format!("backup written to {}", path.display()))
    }
}

/// Puts a backup in the state's place. The backup is read whole before anything is moved; the
/// present state stays beside it.
pub(in crate::cli) fn restore(workspace: &Workspace, backup: &Path) -> Result<(), Failure> {
    if block_on(try_connect(workspace))?.is_some() {
        return Err(Failure::new(
            "a runner is up and holds the state",
            "stop it first: `cappuccino stop`",
        ));
    }
    let state = workspace.state_file();
    let failed = |error: io::Error| {
        Failure::new(
            format!("the backup cannot be put in place: {error}"),
            "check the rights and the space of the workspace",
        )
    };
    fs::create_dir_all(workspace.state_dir()).map_err(failed)?;
    let copy = state.with_extension("restoring");
    fs::copy(backup, &copy).map_err(failed)?;
    if let Err(failure) = is_sound(&copy) {
        fs::remove_file(&copy).map_err(failed)?;
        return Err(failure);
    }
    // Whoever holds the state now (a runner that is just starting) must not lose it.
    if state.exists() {
        drop(Record::open(workspace)?);
        fs::rename(&state, state.with_extension("redb.before-restore")).map_err(failed)?;
    }
    fs::rename(&copy, &state).map_err(failed)?;
    fs::File::open(workspace.state_dir()).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Screen::new().line(&format!(
        "the state is that of {}; the former one is {}",
        backup.display(),
        state.with_extension("redb.before-restore").display()
    ))
}

fn is_sound(copy: &Path) -> Result<(), Failure> {
    let store = open_store(copy, the_clock()?).map_err(in_the_way)?;
    let report = store.reader().check(&is_readable)?;
    store.close()?;
    match report.findings.first() {
        None => Ok(()),
        Some(finding) => Err(Failure::new(
            format!("this backup is damaged: {}: {}", finding.place, finding.problem),
            "use an older one; nothing was changed",
        )),
    }
}
