//! What the trader did and earned: `trades`, `pnl`.

use crate::cli::args::Format;
use crate::cli::connect::{block_on, connect, soon};
use crate::cli::failure::Failure;
use crate::cli::render::{Screen, say, say_json, say_lines, trading};
use crate::workspace::Workspace;
use cappuccino_core::api::{PnlView, TradeView};

pub(in crate::cli) fn trades(
    workspace: &Workspace,
    revision: Option<u64>,
    limit: u16,
    format: Format,
) -> Result<(), Failure> {
    let of = revision.map_or_else(String::new, |revision| format!("&revision={revision}"));
    let path = format!("/v1/trades?limit={limit}{of}");
    let trades: Vec<TradeView> = block_on(async {
        let mut client = connect(workspace).await?;
        soon(client.get_json(&path)).await
    })?;
    if format.json {
        return say_json(&trades);
    }
    if trades.is_empty() {
        return say("nothing was traded yet; `cappuccino status` shows the trader");
    }
    say_lines(&trading::trades(Screen::new(), &trades))
}

pub(in crate::cli) fn pnl(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let sessions: Vec<PnlView> = block_on(async {
        let mut client = connect(workspace).await?;
        soon(client.get_json("/v1/pnl")).await
    })?;
    if format.json {
        return say_json(&sessions);
    }
    if sessions.is_empty() {
        return say("no trading session is known yet; `cappuccino status` shows the trader");
    }
    say_lines(&trading::pnl(Screen::new(), &sessions))
}
