//! `import DIR`: the files of the system that was here before, taken into the history.

use super::whole;
use crate::cli::args::Format;
use crate::cli::connect::{block_on, try_connect};
use crate::cli::failure::Failure;
use crate::cli::render::trading::percent;
use crate::cli::render::{say, say_json};
use crate::cli::source::{in_the_way, the_clock};
use crate::keeper::open_store;
use crate::workspace::Workspace;
use cappuccino_core::legacy::{Found, LegacyFile, Record, read};
use cappuccino_core::store::{FileBackend, Imported, OpenFacts, Samples, SeriesKind};
use cappuccino_core::trading::revalue::revalue;
use cappuccino_core::words::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where the imported files are kept, so that they can be written again.
pub(super) const KEPT: &str = "imported";

/// What an import found and did.
#[derive(Debug, Default, Serialize)]
struct Summary {
    files: Vec<FileSummary>,
    sessions: Vec<SessionSummary>,
    /// Lines that the history got; those that it had already are not counted.
    added: usize,
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct FileSummary {
    file: String,
    records: usize,
    samples: usize,
}

#[derive(Debug, Serialize)]
struct SessionSummary {
    file: String,
    rows: u64,
    skipped: u64,
    trades: u64,
    /// Growth as the file reports it, as a fraction.
    reported_growth: Option<f64>,
    /// Growth with every trade at its own row's price.
    corrected_growth: Option<f64>,
}

/// Everything that was read, before anything is written.
#[derive(Default)]
struct Read {
    texts: Vec<(LegacyFile, String)>,
    records: Vec<Imported>,
    samples: Vec<(String, &'static str, f64)>,
    summary: Summary,
}

/// Takes the old files into the history, all of them or none.
pub(in crate::cli) fn import(
    workspace: &Workspace,
    folder: &Path,
    dry_run: bool,
    format: Format,
) -> Result<(), Failure> {
    let mut read = read_all(folder)?;
    read.summary.dry_run = dry_run;
    if !dry_run {
        if block_on(try_connect(workspace))?.is_some() {
            return Err(Failure::new(
                "a runner is up and holds the state",
                "`cappuccino stop --keep-processes`, import, then `cappuccino start`",
            ));
        }
        read.summary.added = write_all(workspace, &read)?;
    }
    if format.json { say_json(&read.summary) } else { tell(&read.summary) }
}

fn tell(summary: &Summary) -> Result<(), Failure> {
    for file in &summary.files {
        say(&format!("{}: {} records, {} samples", file.file, file.records, file.samples))?;
    }
    for session in &summary.sessions {
        say(&format!(
            "{}: {} rows ({} left out), {} trades, {} as reported, {} at the prices of their rows",
            session.file,
            session.rows,
            session.skipped,
            session.trades,
            growth(session.reported_growth),
            growth(session.corrected_growth)
        ))?;
    }
    if summary.dry_run {
        say("nothing was changed: this was a dry run")
    } else {
        say(&format!("{} new lines of history", summary.added))
    }
}

/// A growth for people.
fn growth(share: Option<f64>) -> String {
    share.map_or_else(|| "n/a".to_owned(), |share| percent(share, true))
}

pub(super) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("{}: {error}", path.display()), "nothing was imported")
}

/// Reads every file of `folder`, or of its folders `deployments` and `paper_trades`.
fn read_all(folder: &Path) -> Result<Read, Failure> {
    let mut all = Read::default();
    for file in LegacyFile::ALL {
        let places = [folder.join("deployments").join(file.name()), folder.join(file.name())];
        for path in places {
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let found = read(file, &text).map_err(|error| unreadable(&path, &error))?;
                    all.take(file, text, found);
                    break;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&path, &error)),
            }
        }
    }
    for path in sessions(folder)? {
        all.take_session(&path)?;
    }
    if all.texts.is_empty() && all.summary.sessions.is_empty() {
        let names = LegacyFile::ALL.map(LegacyFile::name).join(", ");
        return Err(Failure::new(
            format!("{} has none of {names}, and no session files", folder.display()),
            "name the project folder of the old system, or its folder `deployments`",
        ));
    }
    Ok(all)
}

/// The old trader's session files, by name.
fn sessions(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = BTreeSet::new();
    for place in [folder.join("paper_trades"), folder.to_owned()] {
        let entries = match fs::read_dir(&place) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&place, &error)),
        };
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&place, &error))?.path();
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            let is_session = path.extension().is_some_and(|extension| extension == "csv")
                && stem.is_some_and(|stem| stem.contains("session"));
            if is_session && path.is_file() {
                found.insert(path);
            }
        }
    }
    Ok(found.into_iter().collect())
}

impl Read {
    fn take(&mut self, file: LegacyFile, text: String, found: Found) {
        let name = file.name().to_owned();
        let (records, samples) = (found.records.len(), found.samples.len());
        self.summary.files.push(FileSummary { file: name.clone(), records, samples });
        let named = |record: Record| (name.clone(), record.at, record.text);
        self.records.extend(found.records.into_iter().map(named));
        self.samples.extend(found.samples);
        self.texts.push((file, text));
    }

    fn take_session(&mut self, path: &Path) -> Result<(), Failure> {
        let text = fs::read(path).map_err(|error| unreadable(path, &error))?;
        let found = revalue(&text).map_err(|error| unreadable(path, &error))?;
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let file = file.unwrap_or_default();
        let text = format!(
            "{} rows, {} trades, {} as reported, {} with every trade at its own row's price",
            found.rows,
            found.trades,
            growth(found.reported),
            growth(found.corrected)
        );
        self.records.push((file.clone(), String::new(), text));
        self.summary.sessions.push(SessionSummary {
            file,
            rows: found.rows,
            skipped: found.skipped,
            trades: found.trades,
            reported_growth: found.reported,
            corrected_growth: found.corrected,
        });
        Ok(())
    }
}

/// Keeps the files, writes the figures to the metrics and the new records to the history: that
/// last, so that an import that broke off is made whole by the next one.
fn write_all(workspace: &Workspace, read: &Read) -> Result<usize, Failure> {
    fs::create_dir_all(workspace.state_dir())
        .map_err(|error| unreadable(&workspace.state_dir(), &error))?;
    let clock = the_clock()?;
    let now = clock.now().wall;
    let mut store = open_store(&workspace.state_file(), clock).map_err(in_the_way)?;
    keep(workspace, &read.texts)?;
    write_samples(workspace, now, &read.samples)?;
    let added = store.import(now, &read.records)?;
    store.close()?;
    Ok(added)
}

/// Keeps the texts, so that `export --legacy` can go on from them.
fn keep(workspace: &Workspace, texts: &[(LegacyFile, String)]) -> Result<(), Failure> {
    let folder = workspace.state_dir().join(KEPT);
    fs::create_dir_all(&folder).map_err(|error| unreadable(&folder, &error))?;
    texts.iter().try_for_each(|(file, text)| whole::put(&folder.join(file.name()), text))
}

/// Writes the monitor's figures, each at its time.
fn write_samples(
    workspace: &Workspace,
    now: Timestamp,
    samples: &[(String, &'static str, f64)],
) -> Result<(), Failure> {
    if samples.is_empty() {
        return Ok(());
    }
    let path = workspace.metrics_file();
    let facts = OpenFacts { now, app_version: env!("CARGO_PKG_VERSION").to_owned() };
    let backend = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| unreadable(&path, &error))
        .and_then(|file| FileBackend::new(file).map_err(|error| unreadable(&path, &error)))?;
    let mut file = Samples::open(backend, &facts)?;
    for (at, name, value) in samples {
        let at = from_local(at).ok_or_else(|| {
            Failure::new(format!("`{at}` is no local time"), "correct it in monitor_state.json")
        })?;
        let unit = unit(name);
        let series = file.define(name, unit, SeriesKind::Gauge)?;
        file.write(at, &[(series, *value)])?;
    }
    file.close()?;
    Ok(())
}

fn unit(series: &str) -> &'static str {
    match series {
        "gpu/0/temperature" => "°C",
        "gpu/0/utilisation" => "%",
        "gpu/0/memory_used" => "bytes",
        "gpu/0/power" => "W",
        _ => "",
    }
}

/// A time as the old files have it: local, without a zone.
fn from_local(text: &str) -> Option<Timestamp> {
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let instant = TimeZone::system().to_timestamp(civil).ok()?;
    Some(Timestamp(instant.as_millisecond()))
}
