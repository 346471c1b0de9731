//! What the paper trader earned: answer to `GET /v1/pnl` and `GET /v1/trades`, part of the status.
//!
//! Money is in the session's quote currency (dollars in the original's sessions), shares of
//! something are fractions: 0.05 is five percent.

use crate::trading::ledger::{Asset, Trade};
use crate::trading::metrics::yearly;
use crate::trading::{Session, Side};
use crate::words::{RevisionId, Span, Timestamp, Trading};
use serde::{Deserialize, Serialize};

/// One revision's paper trading, as its session file tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PnlView {
    /// `waiting`, `following` or `unreadable: why`.
    pub state: String,
    /// The model that trades; nothing when one file serves every model.
    pub revision: Option<RevisionId>,
    /// The session file.
    pub file: String,
    /// Cash and positions at the newest prices; nothing before the first row.
    pub equity: Option<f64>,
    /// Cash.
    pub cash: Option<f64>,
    /// Worth in the first row.
    pub start: Option<f64>,
    /// Gains (losses: negative) of what was sold, fees taken off.
    pub realised: f64,
    /// Gains of what is held, at the newest prices; fees of the purchases taken off.
    pub unrealised: f64,
    /// Fees and slippage paid since the first row; nothing when the fills were not at the prices of
    /// their rows, so that nobody can tell.
    pub fees: Option<f64>,
    /// Growth since the first row, as a fraction; an account that was set anew adds none.
    pub growth: f64,
    /// Growth of an equal share of every ticker, bought at the first row and held, fees left out,
    /// as a fraction; nothing before the first row.
    pub market_growth: Option<f64>,
    /// Loss from the highest worth to the present one, 0 to 1.
    pub drawdown: f64,
    /// Largest loss from a highest worth so far, 0 to 1.
    pub max_drawdown: f64,
    /// Trades so far.
    pub trades: u64,
    /// Trades in the last 24 hours of the market's time; at most 1000 are told apart.
    pub trades_24h: u64,
    /// Share of the sales that gained; nothing before the first sale.
    pub win_rate: Option<f64>,
    /// Figures of the whole session.
    pub performance: PerformanceView,
    /// Every ticker of the session, in the file's order.
    pub positions: Vec<PositionView>,
    /// The market's time in the newest row.
    pub newest: Option<Timestamp>,
    /// When the file last grew.
    pub heard: Option<Timestamp>,
    /// Time since then.
    pub age: Option<Span>,
    /// Rows understood.
    pub rows: u64,
    /// Rows left out because they make no sense.
    pub skipped: u64,
    /// How often the account changed as no trade explains: a restart with new money, a deposit.
    pub resets: u64,
}

/// Figures that need some history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PerformanceView {
    /// Days of history, UTC.
    pub days: u32,
    /// Sharpe ratio of daily returns, annualised by √365; nothing under 14 days, or when every
    /// return is the same.
    pub sharpe: Option<f64>,
    /// Sortino ratio with target 0, annualised by √365; nothing under 14 days, or without a loss.
    pub sortino: Option<f64>,
    /// Yearly growth over the largest drawdown; nothing under 14 days, or without a drawdown.
    pub calmar: Option<f64>,
    /// Gains over losses of all sales; nothing without a loss.
    pub profit_factor: Option<f64>,
    /// Mean result of a sale, in money; nothing before the first sale.
    pub expectancy: Option<f64>,
}

/// One ticker of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositionView {
    /// Its name, as in `BTC/USD`.
    pub ticker: String,
    /// Units held.
    pub quantity: f64,
    /// Money per unit held, fees included; nothing while none is held.
    pub average_cost: Option<f64>,
    /// Newest price per unit.
    pub price: f64,
    /// Worth at that price.
    pub value: f64,
    /// Gains of what was sold, fees taken off.
    pub realised: f64,
    /// Gains of what is held.
    pub unrealised: f64,
    /// Trades so far.
    pub trades: u64,
}

/// One trade, seen as a change of a position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TradeView {
    /// The market's time of its row.
    pub at: Timestamp,
    /// What was traded.
    pub ticker: String,
    /// `buy` or `sell`.
    pub side: Side,
    /// Units, above 0.
    pub quantity: f64,
    /// Price per unit in the row.
    pub price: f64,
    /// What it cost beyond that price; nothing when the fill was not at that price, or when the
    /// trade is in the session's first row.
    pub fee: Option<f64>,
    /// What the sale gained, fees taken off; nothing for a purchase.
    pub realised: Option<f64>,
    /// Sold by the environment's rule for long-held positions, not by the model.
    pub forced: bool,
    /// The model that traded; nothing when one file serves every model.
    pub revision: Option<RevisionId>,
}

impl PnlView {
    /// What `session` told so far; where it stands, and when it was heard, is the caller's to add.
    pub fn of(session: &Session) -> Self {
        let book = session.book();
        let (ledger, sales) = (&book.ledger, &book.ledger.tally().sales);
        let yearly = yearly(&book.equity);
        let has_begun = book.newest.is_some();
        Self {
            equity: has_begun.then(|| ledger.worth()),
            cash: has_begun.then(|| ledger.cash()),
            start: ledger.first_worth(),
            realised: ledger.realised(),
            unrealised: ledger.unrealised(),
            fees: ledger.fees(),
            growth: book.equity.growth() - 1.0,
            market_growth: book.market.growth(),
            drawdown: book.equity.drawdown(),
            max_drawdown: book.equity.max_drawdown(),
            trades: ledger.tally().trades,
            win_rate: sales.win_rate(),
            performance: PerformanceView {
                days: u32::try_from(book.equity.closes().len()).unwrap_or(u32::MAX),
                sharpe: yearly.sharpe,
                sortino: yearly.sortino,
                calmar: yearly.calmar,
                profit_factor: sales.profit_factor(),
                expectancy: sales.expectancy(),
            },
            positions: ledger.assets().iter().map(PositionView::of).collect(),
            newest: book.newest,
            rows: book.rows,
            skipped: book.skipped,
            resets: ledger.tally().resets,
            ..Self::default()
        }
    }

    /// What the guard looks at; nothing before the first row, while the file is lost, or when one
    /// file serves every model, because then nobody can tell whose losses it holds.
    pub fn trading(&self) -> Option<Trading> {
        let revision = self.revision?;
        (self.rows > 0 && self.state == "following").then_some(Trading {
            revision,
            rows: self.rows,
            growth: self.growth,
            drawdown: self.drawdown,
            market_growth: self.market_growth,
            silent: self.age,
            trades: self.trades,
            rivals: Vec::new(),
        })
    }

    /// What the metrics keep, by name; nothing before the first row or while the file is lost.
    pub fn samples(&self) -> Vec<(&'static str, f64)> {
        match self.equity {
            Some(equity) if self.state == "following" => vec![
                ("trading/equity", equity),
                ("trading/realised", self.realised),
                ("trading/unrealised", self.unrealised),
                ("trading/drawdown", self.drawdown),
            ],
            Some(_) | None => Vec::new(),
        }
    }
}

impl PositionView {
    fn of(asset: &Asset) -> Self {
        Self {
            ticker: asset.ticker.to_string(),
            quantity: asset.quantity,
            average_cost: asset.average_cost(),
            price: asset.price,
            value: asset.value(),
            realised: asset.realised,
            unrealised: asset.unrealised(),
            trades: asset.trades,
        }
    }
}

impl TradeView {
    /// A trade of the model `revision`.
    pub fn of(trade: &Trade, revision: Option<RevisionId>) -> Self {
        Self {
            at: trade.at,
            ticker: trade.ticker.to_string(),
            side: trade.side,
            quantity: trade.quantity,
            price: trade.price,
            fee: trade.fee,
            realised: trade.realised,
            forced: trade.forced,
            revision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tickers, a quarter of a percent of every fill. By hand:
    ///
    /// | hour | what | cash | gained |
    /// |---|---|---|---|
    /// | 1 | 2 A at 100 and 20 B at 10 are bought, 0.50 each of fees | 599.00 | |
    /// | 2 | 1 A is sold at 120, 0.30 of fees; it cost 100.25 | 718.70 | 19.45 |
    /// | 3 | 20 B are sold at 9, 0.45 of fees; they cost 200.50 | 898.25 | −20.95 |
    const ROWS: &str = "timestamp,cash,total_asset,reward,\
        holding_A,holding_B,price_A,price_B,action_A,action_B\n\
        2026-03-01T00:00:00+00:00,1000,1000,0,0,0,100,10,0,0\n\
        2026-03-01T01:00:00+00:00,599,999,0,2,20,100,10,2,20\n\
        2026-03-01T02:00:00+00:00,718.7,998.7,0,1,20,120,8,-1,0\n\
        2026-03-01T03:00:00+00:00,898.25,1008.25,0,1,0,110,9,0,-20\n";

    fn near(found: f64, known: f64) {
        assert!((found - known).abs() < 1e-9, "{found} is not {known}");
    }

    #[test]
    fn what_a_model_earned_in_all_per_ticker_and_per_trade_is_what_a_pencil_says() {
        let mut session = Session::default();
        session.feed(ROWS.as_bytes());
        let view = PnlView::of(&session);
        near(view.equity.unwrap(), 1008.25);
        near(view.realised, 19.45 - 20.95);
        near(view.unrealised, 110.0 - 100.25);
        near(view.start.unwrap() + view.realised + view.unrealised, 1008.25);
        near(view.fees.unwrap(), 0.5 + 0.5 + 0.3 + 0.45);
        near(view.growth, 0.00825);
        near(view.market_growth.unwrap(), (0.10 - 0.10) / 2.0);
        near(view.max_drawdown, 1.0 - 998.7 / 1000.0);
        assert_eq!((view.trades, view.win_rate, view.resets), (4, Some(0.5), 0));
        near(view.performance.expectancy.unwrap(), -0.75);
        near(view.performance.profit_factor.unwrap(), 19.45 / 20.95);

        let [a, b] = &view.positions[..] else { panic!("{:?}", view.positions) };
        near(a.realised, 19.45);
        near(a.unrealised, 9.75);
        near(a.average_cost.unwrap(), 100.25);
        near(b.realised, -20.95);
        assert!(b.average_cost.is_none() && b.unrealised == 0.0);
        assert_eq!((a.trades, b.trades), (2, 2));

        let told: Vec<(String, String, f64, Option<String>)> = session
            .book()
            .trades
            .iter()
            .map(|trade| TradeView::of(trade, Some(RevisionId(3))))
            .map(|trade| {
                let gained = trade.realised.map(|gained| format!("{gained:.2}"));
                assert_eq!(trade.revision, Some(RevisionId(3)));
                (trade.ticker, format!("{:?}", trade.side), trade.quantity, gained)
            })
            .collect();
        let trade = |ticker: &str, side: &str, quantity, gained| {
            (ticker.to_owned(), side.to_owned(), quantity, gained)
        };
        let known = [
            trade("A", "Buy", 2.0, None),
            trade("B", "Buy", 20.0, None),
            trade("A", "Sell", 1.0, Some("19.45".to_owned())),
            trade("B", "Sell", 20.0, Some("-20.95".to_owned())),
        ];
        assert_eq!(told, known);
    }
}
