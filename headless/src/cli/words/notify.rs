//! The ways to the user: `notifications` shows how they do, `notify-test` tries them.

use crate::cli::args::Format;
use crate::cli::connect::{block_on, connect, soon};
use crate::cli::failure::{Exit, Failure};
use crate::cli::render::table::Table;
use crate::cli::render::{Screen, Tone, clean, say, say_json, say_lines, time};
use crate::config::{self, ChannelConfig};
use crate::notify::bell::Bell;
use crate::notify::message::Message;
use crate::notify::send::sender;
use crate::workspace::Workspace;
use cappuccino_core::api::ChannelView;
use serde::Serialize;
use std::sync::Arc;

/// Lines given up that a person is shown, the newest of each channel.
const DEAD_SHOWN: usize = 5;

const NONE: &str = "no channel is configured; add a [[notify.channel]] to cappuccino.toml, for \
                    example with kind = \"desktop\"";

pub(in crate::cli) fn channels(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let channels: Vec<ChannelView> = block_on(async {
        let mut client = connect(workspace).await?;
        soon(client.get_json("/v1/notifications")).await
    })?;
    if format.json {
        return say_json(&channels);
    }
    if channels.is_empty() {
        return say(NONE);
    }
    say_lines(&table(Screen::new(), &channels))?;
    channels.iter().try_for_each(|channel| say_lines(&given_up(channel)))
}

fn table(screen: Screen, channels: &[ChannelView]) -> Vec<String> {
    let mut table =
        Table::new(["CHANNEL", "KIND", "TOLD UP TO", "WAITING", "LAST", "GIVEN UP", "STATE"]);
    for channel in channels {
        let state = match channel.failing_since {
            Some(since) => format!("{} (since {})", channel.state, time(since)),
            None => channel.state.clone(),
        };
        table.row([
            (Tone::Strong, channel.name.clone()),
            (Tone::Plain, channel.kind.clone()),
            (Tone::Plain, channel.delivered.to_string()),
            (Tone::Plain, channel.waiting.to_string()),
            (Tone::Plain, channel.last.map_or_else(|| "-".to_owned(), time)),
            (Tone::Plain, channel.dead.len().to_string()),
            (tone(&channel.state), state),
        ]);
    }
    table.lines(screen)
}

fn tone(state: &str) -> Tone {
    match state {
        "ok" => Tone::Good,
        "waiting" => Tone::Busy,
        _ => Tone::Bad,
    }
}

fn given_up(channel: &ChannelView) -> Vec<String> {
    let newest = channel.dead.iter().rev().take(DEAD_SHOWN);
    let line = |letter: &cappuccino_core::api::DeadLetter| {
        format!(
            "given up by {}: line {}: {} ({})",
            channel.name,
            letter.sequence,
            clean(&letter.text),
            clean(&letter.why)
        )
    };
    newest.map(line).collect()
}

/// What came of one channel's test.
#[derive(Serialize)]
struct Tried<'a> {
    channel: &'a str,
    kind: &'static str,
    delivered: bool,
    why: Option<String>,
}

pub(in crate::cli) fn test(
    workspace: &Workspace,
    channel: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    let config = config::load(&workspace.config_file())
        .map_err(|error| Failure::told(Exit::Failed, &error))?;
    let wanted = |candidate: &&ChannelConfig| channel.is_none_or(|name| candidate.name == name);
    let chosen: Vec<&ChannelConfig> = config.notify.channels.iter().filter(wanted).collect();
    if let (true, Some(name)) = (chosen.is_empty(), channel) {
        let names: Vec<&str> = config.notify.channels.iter().map(|c| c.name.as_str()).collect();
        let help = format!("configured are: {}", names.join(", "));
        return Err(Failure::usage(format!("there is no channel `{}`", clean(name)), help));
    }
    if chosen.is_empty() {
        return Err(Failure::told(Exit::Failed, &NONE));
    }
    let mut tried = Vec::new();
    for channel in chosen {
        tried.push(try_channel(channel));
        if let (false, Some(last)) = (format.json, tried.last()) {
            say(&line(last))?;
        }
    }
    if format.json {
        say_json(&tried)?;
    }
    match tried.iter().filter(|tried| !tried.delivered).count() {
        0 => Ok(()),
        failed => Err(Failure::new(
            format!("{failed} of {} channel(s) did not deliver, see above", tried.len()),
            "each names its remedy; try again afterwards",
        )),
    }
}

fn try_channel(channel: &ChannelConfig) -> Tried<'_> {
    let mut sender = sender(&channel.kind, Arc::new(Bell::default()));
    let outcome = sender.send(&Message::test(&channel.name));
    Tried {
        channel: &channel.name,
        kind: channel.kind.name(),
        delivered: outcome.is_ok(),
        why: outcome.err().map(|trouble| trouble.why().to_owned()),
    }
}

fn line(tried: &Tried<'_>) -> String {
    let Tried { channel, kind, why, .. } = tried;
    match why {
        None => format!("{channel} ({kind}): delivered"),
        Some(why) => format!("{channel} ({kind}): failed: {}", clean(why)),
    }
}
