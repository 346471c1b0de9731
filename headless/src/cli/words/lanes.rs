//! `lanes`: what each lane of a session made on the same bars. The runner tells it; a session that
//! no runner follows is read from its event record.

use crate::cli::args::Format;
use crate::cli::connect::{block_on, soon, try_connect};
use crate::cli::failure::{Exit, Failure};
use crate::cli::render::{Screen, lanes, say, say_json, say_lines};
use crate::config;
use crate::observe::session::followed::EVENTS;
use crate::workspace::Workspace;
use cappuccino_core::api::LanesView;
use cappuccino_core::trading::paper::league::League;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Buckets of each lane's equity when a program asks.
const BUCKETS: usize = 500;

/// The lanes of the session whose CSV (or whose events) is at `path`.
pub(in crate::cli) fn of(path: &Path, format: Format) -> Result<(), Failure> {
    let events = if path.to_string_lossy().ends_with(EVENTS) {
        path.to_owned()
    } else {
        path.with_extension(EVENTS)
    };
    let league = read(&events).map_err(|error| {
        let error = format!("cannot read {}: {error}", events.display());
        Failure::new(error, "name the CSV of a session of `cappuccino trade`")
    })?;
    let view = LanesView::of(&league.standings(), &league, BUCKETS);
    let file = events.display().to_string();
    tell(&LanesView { state: "read".to_owned(), file, ..view }, format)
}

/// The lanes of the session that the runner follows; without one, of the workspace's newest.
pub(in crate::cli) fn present(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let buckets = if format.json { BUCKETS } else { 0 };
    let told = block_on(async {
        let Some(mut client) = try_connect(workspace).await? else { return Ok(None) };
        soon(client.lanes(None, buckets)).await.map(Some)
    })?;
    match told {
        Some(view) => tell(&view, format),
        None => newest(workspace, format),
    }
}

fn tell(view: &LanesView, format: Format) -> Result<(), Failure> {
    if format.json {
        return say_json(view);
    }
    if view.lanes.is_empty() {
        return match view.state.strip_prefix("unreadable: ") {
            Some(why) => Err(Failure::new(why, "see the trader with `cappuccino logs trader`")),
            None => say("no bar was traded in this session yet, or its trader keeps no lanes"),
        };
    }
    say_lines(&lanes::table(Screen::new(), view))
}

fn newest(workspace: &Workspace, format: Format) -> Result<(), Failure> {
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

/// The record of a session; a last line that is being written is left out.
fn read(path: &Path) -> io::Result<League> {
    let (mut file, mut league) =
        (BufReader::with_capacity(256 << 10, File::open(path)?), League::default());
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(league);
        }
        league.feed(piece);
        let length = piece.len();
        file.consume(length);
    }
}
