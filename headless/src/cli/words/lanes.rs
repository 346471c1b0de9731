//! `lanes`: what each lane of a session made on the same bars, read from the session's events.

use crate::cli::args::Format;
use crate::cli::failure::{Exit, Failure};
use crate::cli::render::{Screen, lanes, say, say_json, say_lines};
use crate::config;
use crate::workspace::Workspace;
use cappuccino_core::trading::paper::event::Event;
use cappuccino_core::trading::paper::league::League;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Ending of a session's events.
const EVENTS: &str = "events.jsonl";

/// The lanes of the session whose CSV (or whose events) is at `path`.
pub(in crate::cli) fn of(path: &Path, format: Format) -> Result<(), Failure> {
    let events = if path.to_string_lossy().ends_with(EVENTS) {
        path.to_owned()
    } else {
        path.with_extension(EVENTS)
    };
    let league = League::of(&read(&events)?);
    if format.json {
        return say_json(&league);
    }
    if league.lanes.is_empty() {
        return say("no bar was traded in this session yet");
    }
    say_lines(&lanes::league(Screen::new(), &league))
}

/// The lanes of the workspace's newest session.
pub(in crate::cli) fn newest(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let config = config::load(&workspace.config_file())
        .map_err(|error| Failure::told(Exit::Failed, &error))?;
    let folder = config.session_csv.map(|path| path.folder());
    let found = folder.as_deref().and_then(newest_events);
    let found = found.ok_or_else(|| {
        Failure::new(
            "no session of the built-in trader is there",
            "its trader is `cappuccino trade`; name a session's file if it is elsewhere",
        )
    })?;
    of(&found, format)
}

fn newest_events(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let events = entries.map(|entry| entry.path()).filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(EVENTS))
    });
    let written = |path: &PathBuf| {
        let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
        modified.unwrap_or(SystemTime::UNIX_EPOCH)
    };
    events.max_by_key(written)
}

/// The events; a last line that is being written is left out.
fn read(path: &Path) -> Result<Vec<Event>, Failure> {
    let file = File::open(path).map_err(|error| {
        let error = format!("cannot read {}: {error}", path.display());
        Failure::new(error, "name the CSV of a session of `cappuccino trade`")
    })?;
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    Ok(lines.filter_map(|line| serde_json::from_str(&line).ok()).collect())
}
