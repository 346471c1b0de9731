//! `validate`: a model's files examined where they lie.

use crate::act::{expected, look};
use crate::cli::args::Validate;
use crate::cli::failure::{Exit, Failure};
use crate::cli::render::table::Table;
use crate::cli::render::{Screen, Tone, say, say_json, say_lines};
use crate::config::{self, Config};
use crate::observe::study::detail::trials_numbered;
use crate::workspace::Workspace;
use cappuccino_core::api::findings;
use cappuccino_core::model::container::Limits;
use cappuccino_core::model::verdict::{Expected, judge};
use cappuccino_core::words::{Outcome, TrialNumber, Verdict};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// The parts of a model, and how their files may end, best known first.
const PARTS: [&str; 2] = ["actor", "critic"];
const ENDINGS: [&str; 3] = ["pth", "pt", "safetensors"];

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    outcome: Outcome,
    objection: Option<String>,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

/// Examines the model; what it should be like comes from the workspace, when there is one.
pub(in crate::cli) fn validate(
    workspace: Option<&Workspace>,
    asked: &Validate,
) -> Result<ExitCode, Failure> {
    let config = workspace.map(|workspace| config::load(&workspace.config_file())).transpose();
    let config = match config {
        Ok(config) => config,
        Err(error) => return Ok(unable(&error.to_string())),
    };
    if !asked.dir.is_dir() {
        return Ok(unable(&format!(
            "{} is no folder; name one with a model's files",
            asked.dir.display()
        )));
    }
    let mut due = match (&config, asked.trial) {
        (_, None) => Expected::nothing("--trial names none"),
        (None, Some(_)) => {
            return Ok(unable(
                "--trial needs a workspace; go into one, or name it with --workspace",
            ));
        }
        (Some(config), Some(number)) => match of_trial(config, TrialNumber(number)) {
            Ok(due) => due,
            Err(why) => return Ok(unable(&why)),
        },
    };
    due.tickers = match (&config, asked.tickers.len()) {
        (Some(config), 0) => config.models.ticker_count(),
        (None, 0) => Err("--tickers names none".to_owned()),
        (_, count) => Ok(count),
    };
    due.live = Err("only the runner compares with it".to_owned());
    due.states = Err("only made-up states are asked".to_owned());
    let limits = Limits::default();
    let names = names(config.as_ref().filter(|_| asked.trial.is_some()), &asked.dir);
    let mut files: Vec<_> = names.iter().map(|name| look(&asked.dir, name, &limits)).collect();
    tell(&judge(&mut files, &due, &limits), asked)
}

/// The files to examine: those that the runner would take of a trial, else what lies there.
fn names(config: Option<&Config>, dir: &Path) -> Vec<String> {
    if let Some(config) = config {
        return config.models.required.clone();
    }
    let there = |part: &str| {
        let mut names = ENDINGS.iter().map(|ending| format!("{part}.{ending}"));
        let found = names.find(|name| dir.join(name).symlink_metadata().is_ok());
        found.unwrap_or_else(|| format!("{part}.pth"))
    };
    PARTS.map(there).to_vec()
}

fn of_trial(config: &Config, number: TrialNumber) -> Result<Expected, String> {
    let study = &config.study;
    let found = trials_numbered(&study.database, study.name.as_deref(), number)
        .map_err(|error| error.to_string())?;
    match found.as_slice() {
        [trial] => Ok(expected(&study.database, &config.models, *trial)),
        [] => Err(format!("the study has no trial {number}")),
        [_, ..] => Err(format!("several studies have a trial {number}; set study.name")),
    }
}

fn tell(verdict: &Verdict, asked: &Validate) -> Result<ExitCode, Failure> {
    let (outcome, objection) = (verdict.outcome(), verdict.objection());
    if asked.format.json {
        say_json(&Answer { outcome, objection, verdict })?;
    } else {
        let screen = Screen::new();
        let mut table = Table::new(["STEP", "", "SEEN"]);
        for [step, found, seen] in findings(verdict) {
            let tone = tone(&found);
            table.row([(Tone::Plain, step), (tone, found), (Tone::Plain, seen)]);
        }
        say_lines(&table.lines(screen))?;
        let why = objection.map_or_else(String::new, |why| format!(": {why}"));
        say(&screen.paint(tone(&outcome.to_string()), &format!("{outcome}{why}")))?;
    }
    Ok(ExitCode::from(match outcome {
        Outcome::Passed => 0,
        Outcome::Refused | Outcome::Hostile => 1,
        Outcome::NotChecked => 2,
    }))
}

fn tone(found: &str) -> Tone {
    match found {
        "holds" | "passed" => Tone::Good,
        "not checked" => Tone::Faint,
        _refused => Tone::Bad,
    }
}

/// Nothing could be examined; the exit code says so.
fn unable(why: &str) -> ExitCode {
    Failure::told(Exit::Usage, &why).report()
}
