//! Trades, positions and what they earned, for people.

use super::table::Table;
use super::{Screen, Tone, number, time};
use cappuccino_core::api::{PnlView, PositionView, TradeView};
use cappuccino_core::trading::Side;
use cappuccino_core::words::RevisionId;

/// A table of trades.
pub(in crate::cli) fn trades(screen: Screen, trades: &[TradeView]) -> Vec<String> {
    let heading =
        ["TIME", "REVISION", "TICKER", "SIDE", "QUANTITY", "PRICE", "FEE", "REALISED", ""];
    let mut table = Table::new(heading);
    for trade in trades {
        let remark = if trade.forced { "by the environment's rule" } else { "" };
        table.row([
            (Tone::Plain, time(trade.at)),
            (Tone::Plain, revision(trade.revision)),
            (Tone::Strong, trade.ticker.clone()),
            (side(trade.side), trade.side.to_string()),
            (Tone::Plain, number(trade.quantity)),
            (Tone::Plain, number(trade.price)),
            (Tone::Plain, trade.fee.map_or_else(dash, money)),
            (trade.realised.map_or(Tone::Plain, gain_tone), trade.realised.map_or_else(dash, gain)),
            (Tone::Faint, remark.to_owned()),
        ]);
    }
    table.lines(screen)
}

/// A table of revisions and what they earned.
pub(in crate::cli) fn pnl(screen: Screen, sessions: &[PnlView]) -> Vec<String> {
    let heading = [
        "REVISION",
        "EQUITY",
        "GROWTH",
        "REALISED",
        "UNREALISED",
        "FEES",
        "DRAWDOWN",
        "TRADES",
        "WINS",
        "DAYS",
        "SHARPE",
        "",
    ];
    let mut table = Table::new(heading);
    for session in sessions {
        let figures = &session.performance;
        let remark = session.state.split(':').next().filter(|state| *state != "following");
        table.row([
            (Tone::Strong, revision(session.revision)),
            (Tone::Plain, session.equity.map_or_else(dash, money)),
            (gain_tone(session.growth), percent(session.growth, true)),
            (gain_tone(session.realised), gain(session.realised)),
            (gain_tone(session.unrealised), gain(session.unrealised)),
            (Tone::Plain, session.fees.map_or_else(dash, money)),
            (Tone::Plain, percent(session.max_drawdown, false)),
            (Tone::Plain, session.trades.to_string()),
            (Tone::Plain, session.win_rate.map_or_else(dash, |rate| percent(rate, false))),
            (Tone::Plain, figures.days.to_string()),
            (Tone::Plain, ratio(figures.sharpe)),
            (tone(session), remark.unwrap_or_default().to_owned()),
        ]);
    }
    table.lines(screen)
}

/// What the present trader earns, for the picture: a headline and more lines.
pub(super) fn picture(view: &PnlView) -> (Tone, String, Vec<String>) {
    let Some(equity) = view.equity else {
        let awaited = if view.file.is_empty() {
            view.state.clone()
        } else {
            format!("{}; no row in {} yet", view.state, view.file)
        };
        let text = if view.state == "waiting" { awaited } else { view.state.clone() };
        return (tone(view), text, Vec::new());
    };
    let headline = format!(
        "{}: worth {}, {} with revision {}",
        view.state,
        money(equity),
        percent(view.growth, true),
        revision(view.revision)
    );
    let fees =
        view.fees.map_or_else(|| "fees unknown".to_owned(), |fees| format!("fees {}", money(fees)));
    let wins =
        view.win_rate.map_or_else(String::new, |rate| format!(", {} won", percent(rate, false)));
    let mut lines = vec![
        format!(
            "realised {}, unrealised {}, {fees}, drawdown {} (largest {})",
            gain(view.realised),
            gain(view.unrealised),
            percent(view.drawdown, false),
            percent(view.max_drawdown, false)
        ),
        format!(
            "{} trade{}, {} in 24 h{wins}; newest row {} ago",
            view.trades,
            if view.trades == 1 { "" } else { "s" },
            view.trades_24h,
            view.age.map_or_else(dash, |age| age.to_string())
        ),
    ];
    let held = view.positions.iter().filter(|position| position.average_cost.is_some());
    lines.extend(held.map(position));
    lines.extend(notice(view.resets, "account set anew", "by a restart or a deposit"));
    lines.extend(notice(view.skipped, "line left out", "as it makes no sense"));
    (tone(view), headline, lines)
}

fn position(position: &PositionView) -> String {
    format!(
        "holds {} {} at {}, worth {}, {}",
        number(position.quantity),
        position.ticker,
        number(position.price),
        money(position.value),
        gain(position.unrealised)
    )
}

fn notice(count: u64, what: &str, why: &str) -> Option<String> {
    (count > 0).then(|| format!("{what} {count} times {why}"))
}

fn revision(revision: Option<RevisionId>) -> String {
    revision.map_or_else(|| "any".to_owned(), |revision| revision.to_string())
}

pub(crate) fn money(amount: f64) -> String {
    format!("{amount:.2}")
}

fn gain(amount: f64) -> String {
    format!("{amount:+.2}")
}

pub(crate) fn percent(share: f64, signed: bool) -> String {
    let percent = share * 100.0;
    if signed { format!("{percent:+.2} %") } else { format!("{percent:.2} %") }
}

/// A figure that needs fourteen days.
fn ratio(figure: Option<f64>) -> String {
    figure.map_or_else(|| "n/a".to_owned(), |figure| format!("{figure:.2}"))
}

fn dash() -> String {
    "-".to_owned()
}

fn side(side: Side) -> Tone {
    match side {
        Side::Buy => Tone::Good,
        Side::Sell => Tone::Busy,
    }
}

fn gain_tone(amount: f64) -> Tone {
    if amount < 0.0 { Tone::Bad } else { Tone::Good }
}

fn tone(view: &PnlView) -> Tone {
    match view.state.as_str() {
        "following" => Tone::Good,
        "waiting" => Tone::Busy,
        _ => Tone::Bad,
    }
}
