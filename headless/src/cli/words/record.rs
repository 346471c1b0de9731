//! What happened: `history`, `watch`, `export`.

use super::whole;
use crate::cli::args::Format;
use crate::cli::connect::{block_on, connect, soon, try_connect};
use crate::cli::failure::{Exit, Failure};
use crate::cli::render::{note, say, say_json_line};
use crate::cli::source::{Record, Source};
use crate::workspace::Workspace;
use cappuccino_core::api::{ErrorBody, Status};
use cappuccino_core::client::{Client, ClientError, Events};
use cappuccino_core::store::Entry;
use cappuccino_core::words::Sequence;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a follower waits for a runner that went away.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two looks whether it is back.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What a follower hears.
pub(super) enum Heard {
    /// A line of the history.
    Line(Box<Entry>),
    /// The picture changed.
    Picture(Box<Status>),
}

pub(in crate::cli) fn watch(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    block_on(follow(workspace, None, lines(format)))
}

pub(in crate::cli) fn history(
    workspace: &Workspace,
    limit: usize,
    follows: bool,
    format: Format,
) -> Result<(), Failure> {
    block_on(async {
        let mut source = Source::open(workspace).await?;
        let page = newest(&mut source, limit).await?;
        let seen = match page.last() {
            Some(entry) => entry.sequence,
            None => source.status().await?.sequence,
        };
        let alive = source.is_runner();
        drop(source);
        let mut print = lines(format);
        page.into_iter().try_for_each(|entry| print(Heard::Line(Box::new(entry))))?;
        match (follows, alive) {
            (false, _) => Ok(()),
            (true, true) => follow(workspace, Some(seen), print).await,
            (true, false) => Err(Failure::no_runner(workspace)),
        }
    })
}

/// The newest `limit` lines, oldest first.
async fn newest(source: &mut Source, limit: usize) -> Result<Vec<Entry>, Failure> {
    let mut found: Vec<Entry> = Vec::new();
    while found.len() < limit {
        let before = found.last().map_or(Sequence(u64::MAX), |entry| entry.sequence);
        let page = source.lines_before(before, limit - found.len()).await?;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    found.reverse();
    Ok(found)
}

/// Prints lines of the history as they are heard.
fn lines(format: Format) -> impl FnMut(Heard) -> Result<(), Failure> {
    move |heard| match heard {
        Heard::Line(entry) if format.json => say_json_line(&entry),
        Heard::Line(entry) => say(&note::line(entry.sequence.0, entry.at, &entry.note)),
        Heard::Picture(_) => Ok(()),
    }
}

/// Hears everything from the line after `seen` on (from now on when that is `None`), across
/// restarts of the runner, without a gap and without hearing anything twice.
///
/// # Errors
/// No runner is up, or it went away and stayed away; or what `hear` answers.
pub(super) async fn follow(
    workspace: &Workspace,
    mut seen: Option<Sequence>,
    mut hear: impl FnMut(Heard) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut client = connect(workspace).await?;
    loop {
        // Without a line seen yet, the place to go on from is where the history ends now.
        let from = match seen {
            Some(sequence) => sequence,
            None => soon(client.get_json::<Status>("/v1/status")).await?.sequence,
        };
        seen = Some(from);
        // A broken connection is the runner going away; whoever follows waits for the next one.
        let ended = match client.events(seen).await {
            Ok(mut events) => listen(&mut events, &mut seen, &mut hear).await?,
            Err(error) => Some(error),
        };
        match ended {
            None | Some(ClientError::Broken(_)) => {}
            Some(error) => return Err(error.into()),
        }
        client = wait_for_runner(workspace).await?;
    }
}

/// Hears events until they end; why they ended, unless in order.
async fn listen(
    events: &mut Events,
    seen: &mut Option<Sequence>,
    hear: &mut impl FnMut(Heard) -> Result<(), Failure>,
) -> Result<Option<ClientError>, Failure> {
    loop {
        let event = match events.next().await {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        };
        match event.name.as_str() {
            "message" => {
                hear(Heard::Line(event.json()?))?;
                *seen = event.id.or(*seen);
            }
            "status" => hear(Heard::Picture(event.json()?))?,
            "error" => return Err(Failure::told(Exit::Failed, &event.json::<ErrorBody>()?.error)),
            _ => {}
        }
    }
}

async fn wait_for_runner(workspace: &Workspace) -> Result<Client, Failure> {
    eprintln!("note: the runner went away; waiting for it to come back");
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        sleep(LOOK_AGAIN).await;
        // A runner that comes up or goes down may answer badly at this moment.
        if let Ok(Some(client)) = try_connect(workspace).await {
            return Ok(client);
        }
    }
    Err(Failure::no_runner(workspace))
}

pub(in crate::cli) fn export(workspace: &Workspace, file: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = file else {
        let mut output = BufWriter::new(io::stdout().lock());
        block_on(export_to(workspace, &mut output))?;
        return Ok(output.flush()?);
    };
    whole::fill(path, |output| block_on(export_to(workspace, output)))?;
    eprintln!("exported to {}", path.display());
    Ok(())
}

async fn export_to(workspace: &Workspace, output: &mut impl Write) -> Result<(), Failure> {
    let Some(client) = try_connect(workspace).await? else {
        let record = Record::open(workspace)?;
        eprintln!("note: no runner is up; reading what it left");
        let now = record.clock().now().wall;
        return match cappuccino_core::export::export(&record.reader(), now, output) {
            Ok(_count) => Ok(()),
            Err(cappuccino_core::export::ExportError::Output(error)) => Err(error.into()),
            Err(error) => Err(Failure::told(Exit::Failed, &error)),
        };
    };
    let mut bytes = soon(client.bytes("/v1/export")).await?;
    while let Some(piece) = soon(bytes.next()).await? {
        output.write_all(&piece)?;
    }
    Ok(())
}
