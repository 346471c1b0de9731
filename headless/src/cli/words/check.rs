//! `check`: is the configuration usable, is there what it speaks of, and is everything stored what
//! was written?

use super::metrics;
use super::surroundings::{self, Lack};
use crate::cli::args::Format;
use crate::cli::connect::{block_on, try_connect};
use crate::cli::failure::Failure;
use crate::cli::hooks;
use crate::cli::render::{clean, say, say_json};
use crate::cli::source::Source;
use crate::workspace::Workspace;
use cappuccino_core::store::{Reader, is_readable};
use cappuccino_core::words::{Sequence, Timestamp};
use serde::Serialize;

/// What a check found.
#[derive(Debug, Default, Serialize)]
struct Verdict {
    /// Rows that were read; only without a runner.
    rows: Option<u64>,
    /// The same of what was measured; only without a runner, and when anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_rows: Option<u64>,
    /// Lines of the history that hang together.
    history: u64,
    /// What is not there yet and may come by itself.
    awaited: Vec<Finding>,
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

    fn find_lacks(&mut self, lacks: Vec<Lack>) {
        for Lack { place, problem, is_awaited } in lacks {
            let list = if is_awaited { &mut self.awaited } else { &mut self.findings };
            list.push(Finding { place, problem });
        }
    }

    fn find_failure(&mut self, place: &str, failure: &Failure) {
        let help = failure.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
        self.find(place, format!("{}{help}", failure.error));
    }
}

pub(in crate::cli) fn check(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let mut verdict = Verdict::default();
    match hooks::read_config(workspace) {
        Ok(config) => verdict.find_lacks(surroundings::look(&config)),
        Err(failure) => verdict.find_failure("configuration", &failure),
    }
    block_on(check_record(workspace, &mut verdict))?;
    if format.json {
        say_json(&verdict)?;
    } else {
        tell(&verdict)?;
    }
    match verdict.findings.len() {
        0 => Ok(()),
        count => Err(Failure::new(
            format!("{count} finding(s), listed above"),
            "each names its remedy; check again afterwards",
        )),
    }
}

fn tell(verdict: &Verdict) -> Result<(), Failure> {
    if let Some(rows) = verdict.rows {
        say(&format!("{rows} rows read"))?;
    }
    if let Some(rows) = verdict.metrics_rows {
        say(&format!("{rows} rows of metrics read"))?;
    }
    say(&format!("{} lines of history hang together", verdict.history))?;
    for Finding { place, problem } in &verdict.awaited {
        say(&format!("not yet: {}: {}", clean(place), clean(problem)))?;
    }
    for Finding { place, problem } in &verdict.findings {
        say(&format!("{}:", clean(place)))?;
        problem.lines().try_for_each(|line| say(&format!("  {}", clean(line))))?;
    }
    if verdict.findings.is_empty() { say("nothing is wrong") } else { Ok(()) }
}

async fn check_record(workspace: &Workspace, verdict: &mut Verdict) -> Result<(), Failure> {
    if !workspace.state_file().exists() && try_connect(workspace).await?.is_none() {
        eprintln!("note: nothing is stored yet");
        return Ok(());
    }
    let outcome = match Source::open(workspace).await {
        Ok(Source::Record(record)) => {
            inspect_metrics(workspace, record.clock().now().wall, verdict);
            inspect(&record.reader(), verdict)
        }
        Ok(mut runner @ Source::Runner(_)) => {
            eprintln!("note: the runner holds the state; its history is checked, rows are not");
            walk(&mut runner, verdict).await
        }
        Err(failure) => Err(failure),
    };
    if let Err(failure) = outcome {
        verdict.find_failure("state", &failure);
    }
    Ok(())
}

/// Reads every row of what was measured. Damage there is a finding, and no harm to the state.
fn inspect_metrics(workspace: &Workspace, now: Timestamp, verdict: &mut Verdict) {
    const REMEDY: &str = "the runner goes on without them; `cappuccino restore` of any backup of \
                          the state puts their newest copy in their place";
    match metrics::check(workspace, now) {
        Ok(None) => {}
        Ok(Some(report)) => {
            verdict.metrics_rows = Some(report.rows);
            for finding in &report.findings {
                verdict.find(&format!("metrics: {}", finding.place), finding.problem.clone());
            }
            if !report.findings.is_empty() {
                verdict.find("metrics", REMEDY);
            }
        }
        Err(why) => verdict.find("metrics", format!("{why}; {REMEDY}")),
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

/// Reads the history through the runner, which verifies the chain within each page; a page begins
/// with the last line of the one before, so that the links between pages are verified, too.
async fn walk(source: &mut Source, verdict: &mut Verdict) -> Result<(), Failure> {
    loop {
        let page = source.lines_from(Sequence(verdict.history.max(1))).await?;
        let Some(last) = page.last().filter(|last| last.sequence.0 > verdict.history) else {
            return Ok(());
        };
        verdict.history = last.sequence.0;
    }
}
