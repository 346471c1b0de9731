//! Money: what the account is worth, how it came there, and every trade.

mod lanes;

use super::{PageState, Sight, charts_over_time};
use crate::chart::series::{self, Look};
use crate::num;
use crate::text;
use crate::theme::{self, Tokens};
use crate::view::Views;
use crate::widgets::card::{self, Figure};
use crate::widgets::glyph::Sign;
use crate::widgets::headline;
use crate::widgets::table::{self, Col};
use cappuccino_core::api::{PnlView, PositionView, TradeView};
use eframe::egui::{Color32, Label, RichText, Ui, vec2};

/// The series that the page shows.
pub const SERIES: [&str; 2] = ["trading/equity", "trading/drawdown"];

const TRADES: [Col; 7] = [
    Col { title: "Time", width: 120.0 },
    Col { title: "Ticker", width: 90.0 },
    Col { title: "Side", width: 64.0 },
    Col { title: "Quantity", width: 110.0 },
    Col { title: "Price", width: 110.0 },
    Col { title: "Gain", width: 110.0 },
    Col { title: "Model", width: 90.0 },
];

const POSITIONS: [Col; 5] = [
    Col { title: "Ticker", width: 84.0 },
    Col { title: "Held", width: 60.0 },
    Col { title: "Worth", width: 80.0 },
    Col { title: "Open gain", width: 70.0 },
    Col { title: "Taken gain", width: 70.0 },
];

/// Below this width the tables stand below each other.
const NARROW: f32 = 1000.0;

/// Shows the page.
pub fn show(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState) {
    let pnl = sight.model.status.as_ref().and_then(|status| status.pnl.as_ref());
    let Some(pnl) = pnl else {
        ui.label(RichText::new("No trader is configured").heading());
        ui.label("A process with the role `trader` in cappuccino.toml writes the session that is read here");
        return;
    };
    headline(ui, sight, pnl);
    if pnl.equity.is_none() {
        ui.label(format!("Its session file is {}", pnl.file));
        ui.label("The first row appears here within seconds of being written");
        return;
    }
    figures(ui, sight, pnl);
    charts(ui, sight, state);
    if let Some(view) = sight.model.lanes.as_ref().filter(|view| !view.lanes.is_empty()) {
        below(ui, lanes::height(view) + 52.0, |ui| {
            card::titled(ui, sight.tokens, "On the same bars", |ui| lanes::show(ui, sight, view));
        });
    }
    if ui.available_width() < NARROW {
        below(ui, 150.0, |ui| {
            card::titled(ui, sight.tokens, "Positions", |ui| positions(ui, sight, pnl));
        });
        return below(ui, 260.0, |ui| {
            card::titled(ui, sight.tokens, "Trades, newest first", |ui| trades(ui, sight));
        });
    }
    let height = (ui.available_height()).max(200.0);
    let side = 440.0;
    ui.horizontal_top(|ui| {
        let width = ui.available_width() - side - theme::GAP;
        ui.allocate_ui(vec2(width, height), |ui| {
            card::titled(ui, sight.tokens, "Trades, newest first", |ui| trades(ui, sight));
        });
        ui.allocate_ui(vec2(side, height), |ui| {
            card::titled(ui, sight.tokens, "Positions", |ui| positions(ui, sight, pnl));
        });
    });
}

fn below(ui: &mut Ui, height: f32, content: impl FnOnce(&mut Ui)) {
    ui.allocate_ui(vec2(ui.available_width(), height), content);
}

fn headline(ui: &mut Ui, sight: &Sight<'_>, pnl: &PnlView) {
    let sign = match pnl.state.as_str() {
        "following" => Sign::Good,
        "waiting" => Sign::Idle,
        _ => Sign::Warning,
    };
    let told = match (sign, pnl.equity) {
        (Sign::Good, Some(equity)) => {
            let gain = pnl.realised + pnl.unrealised;
            let word = if gain < 0.0 { "lost" } else { "gained" };
            let model =
                pnl.revision.map_or_else(|| "The trader".into(), |id| format!("Revision {id}"));
            format!(
                "{model} has {word} {} so far; the account is worth {}",
                money(gain.abs()),
                money(equity)
            )
        }
        (Sign::Idle, _) => "The trader has not written anything yet".to_owned(),
        (_, _) => format!("The session is {}", pnl.state),
    };
    // A loss is no fault, but nothing to be green about.
    let is_loss = sign == Sign::Good && pnl.realised + pnl.unrealised < 0.0;
    let sign = if is_loss { Sign::Idle } else { sign };
    headline::headline(ui, sight.tokens, sign, &told, |_ui| {});
}

fn figures(ui: &mut Ui, sight: &Sight<'_>, pnl: &PnlView) {
    let figure = |label, value: String, aside: String| Figure { label, value, aside, sign: None };
    let age = pnl
        .age
        .map_or_else(|| "no row yet".to_owned(), |age| format!("grew {} ago", text::span(age)));
    let rate = pnl.win_rate.map_or_else(
        || "no sale yet".to_owned(),
        |rate| format!("{:.0} % of sales gained", rate * 100.0),
    );
    let sharpe =
        pnl.performance.sharpe.map_or_else(|| "n/a".to_owned(), |sharpe| format!("{sharpe:.2}"));
    let days = pnl.performance.days;
    let all = [
        figure(
            "Worth",
            pnl.equity.map(money).unwrap_or_default(),
            format!("{} in cash", pnl.cash.map(money).unwrap_or_default()),
        ),
        figure(
            "Growth",
            signed_percent(pnl.growth),
            format!("since {}", pnl.start.map(money).unwrap_or_default()),
        ),
        figure(
            "Taken gain",
            signed_money(pnl.realised),
            format!("{} open", signed_money(pnl.unrealised)),
        ),
        figure(
            "Drawdown",
            format!("{:.1} %", pnl.drawdown * 100.0),
            format!("worst {:.1} %", pnl.max_drawdown * 100.0),
        ),
        figure("Trades", pnl.trades.to_string(), format!("{} in 24 h; {rate}", pnl.trades_24h)),
        figure(
            "Sharpe ratio",
            sharpe,
            if days < 14 { format!("after 14 days; {days} so far") } else { age },
        ),
    ];
    card::row(ui, sight.tokens, &all);
}

fn charts(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState) {
    charts_over_time(ui, sight, state, |ui, stage| {
        let [equity, drawdown] = looks(sight.views, stage.tokens);
        let known = |name: &str| sight.model.series.get(name);
        let above = series::show(ui, known(SERIES[0]), &equity, 190.0, stage);
        let below = series::show(ui, known(SERIES[1]), &drawdown, 100.0, stage);
        above.or(below)
    });
}

/// The charts of the page, in the order of [`SERIES`]: tinted by the model that was live, marked
/// where one went live.
pub(super) fn looks(views: &Views, tokens: &Tokens) -> [Look<'static>; 2] {
    let live = views.lanes.first().map_or(&[][..], |lane| &lane.spans);
    let live = live.iter().filter(|span| span.sign == Sign::Good);
    let (mut marks, mut tints) = (Vec::new(), Vec::new());
    for (place, span) in live.enumerate() {
        let colour = tokens.series.get(place % tokens.series.len()).copied();
        marks.push((span.from, span.text.clone()));
        tints.push((span.from, span.to, colour.unwrap_or(tokens.accent)));
    }
    let equity = Look {
        title: "Worth of the account",
        colour: tokens.series[0],
        value: money,
        limit: None,
        range: (None, None),
        marks,
        tints: tints.clone(),
    };
    let drawdown = Look {
        title: "Drawdown",
        colour: tokens.loss,
        value: |part| format!("{:.1} %", part * 100.0),
        limit: None,
        range: (Some(0.0), None),
        marks: Vec::new(),
        tints,
    };
    [equity, drawdown]
}

fn trades(ui: &mut Ui, sight: &Sight<'_>) {
    let all = &sight.model.trades;
    if all.is_empty() {
        ui.label("No trade yet: a trade is a change of a position");
        return;
    }
    table::table(ui, sight.tokens, "trades", &TRADES, all.len(), None, |ui, row, column| {
        if let Some(trade) = all.get(row) {
            trade_cell(ui, sight, trade, column);
        }
    });
}

fn trade_cell(ui: &mut Ui, sight: &Sight<'_>, trade: &TradeView, column: usize) {
    match column {
        0 => table::text(ui, text::clock(trade.at, sight.now)),
        1 => table::text(ui, &trade.ticker),
        2 => table::text(ui, trade.side.to_string()),
        3 => table::digits(ui, text::value(trade.quantity)),
        4 => table::digits(ui, money(trade.price)),
        5 => gain(ui, sight, trade.realised),
        _ => table::text(ui, trade.revision.map(|id| format!("revision {id}")).unwrap_or_default()),
    }
}

fn positions(ui: &mut Ui, sight: &Sight<'_>, pnl: &PnlView) {
    let all: &[PositionView] = &pnl.positions;
    table::table(ui, sight.tokens, "positions", &POSITIONS, all.len(), None, |ui, row, column| {
        let Some(position) = all.get(row) else { return };
        match column {
            0 => table::text(ui, &position.ticker),
            1 => table::digits(ui, text::value(position.quantity)),
            2 => table::digits(ui, money(position.value)),
            3 => gain(ui, sight, Some(position.unrealised)),
            _ => gain(ui, sight, Some(position.realised)),
        }
    });
}

/// A gain or a loss: sign and colour say the same.
fn gain(ui: &mut Ui, sight: &Sight<'_>, amount: Option<f64>) {
    let Some(amount) = amount else { return };
    let colour: Color32 = match amount {
        amount if amount > 0.0 => sight.tokens.profit,
        amount if amount < 0.0 => sight.tokens.loss,
        _ => sight.tokens.text2,
    };
    let text = RichText::new(signed_money(amount)).monospace().color(colour);
    ui.add(Label::new(text).truncate().selectable(false));
}

/// An amount in the session's currency, to the cent.
fn money(amount: f64) -> String {
    let cents = num::whole(amount.abs() * 100.0);
    let (whole, part) = (cents / 100, cents % 100);
    let mut digits = whole.to_string();
    let mut place = digits.len();
    while place > 3 {
        place -= 3;
        digits.insert(place, ' ');
    }
    let sign = if amount < 0.0 && cents != 0 { "-" } else { "" };
    format!("{sign}{digits}.{part:02}")
}

fn signed_money(amount: f64) -> String {
    let text = money(amount);
    if amount > 0.0 && !text.starts_with('-') { format!("+{text}") } else { text }
}

fn signed_percent(part: f64) -> String {
    format!("{:+.2} %", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_to_the_cent_with_its_sign() {
        let shown: Vec<String> = [0.0, 1234.5, -0.004, -12.345, 1e6].map(money).into();
        assert_eq!(shown, ["0.00", "1 234.50", "0.00", "-12.35", "1 000 000.00"]);
        assert_eq!(signed_money(2.0), "+2.00");
        assert_eq!(signed_percent(-0.0123), "-1.23 %");
    }
}
