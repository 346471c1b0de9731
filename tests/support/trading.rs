//! Trades and earnings of a served window, and a trader's session file written row by row.

use cappuccino_core::api::{LanesView, PnlView, TradeView};
use cappuccino_core::trading::Side;
use cappuccino_core::trading::paper::event::{Event, LaneEvent};
use cappuccino_core::trading::paper::league::League;
use cappuccino_core::words::{RevisionId, Span, Timestamp};
use cappuccino_headless::serve::port::Trading;
use std::fmt::Write;

/// The names of the columns, as the original trader writes them.
pub const HEADER: &str = "timestamp,cash,total_asset,reward,holding_A/USD,price_A/USD,action_A/USD";

/// Two trades of revision 3 and one of revision 2.
pub struct FewTrades;

fn trade(minute: i64, revision: u64, side: Side, realised: Option<f64>) -> TradeView {
    TradeView {
        at: Timestamp(crate::api::noon().0 + minute * 60_000),
        ticker: "BTC/USD".into(),
        side,
        quantity: 0.005,
        price: 100_000.0,
        fee: Some(1.25),
        realised,
        forced: false,
        revision: Some(RevisionId(revision)),
    }
}

/// What a revision earned.
pub fn pnl(revision: u64) -> PnlView {
    PnlView {
        state: "following".into(),
        revision: Some(RevisionId(revision)),
        file: "/data/paper_trades/session.csv".into(),
        equity: Some(1012.5),
        cash: Some(510.0),
        start: Some(1000.0),
        realised: 10.0,
        unrealised: 2.5,
        fees: Some(2.5),
        growth: 0.0125,
        trades: 2,
        win_rate: Some(1.0),
        newest: Some(crate::api::noon()),
        age: Some(Span::seconds(5)),
        ..PnlView::default()
    }
}

impl Trading for FewTrades {
    fn trades(&self, revision: Option<RevisionId>, limit: usize) -> Vec<TradeView> {
        let mut trades = vec![
            trade(2, 3, Side::Sell, Some(10.0)),
            trade(1, 3, Side::Buy, None),
            trade(0, 2, Side::Buy, None),
        ];
        trades.retain(|trade| revision.is_none() || trade.revision == revision);
        trades.truncate(limit);
        trades
    }

    fn pnl(&self) -> Vec<PnlView> {
        vec![pnl(3), pnl(2)]
    }

    fn lanes(&self, revision: Option<RevisionId>, buckets: usize) -> Option<LanesView> {
        let revision = revision.unwrap_or(RevisionId(3));
        if revision != RevisionId(3) {
            return None;
        }
        let mut league = League::default();
        for hour in 0..200 {
            let worth = |edge: f64| 1000.0 * (1.0 + edge).powi(i32::try_from(hour).unwrap());
            let lanes = [("champion", "a1", worth(1e-4)), ("hold", "", worth(0.0))];
            league.feed(lane_event(hour, &lanes).as_bytes());
        }
        let view = LanesView::of(&league.standings(), &league, buckets);
        Some(LanesView { state: "following".into(), revision: Some(revision), ..view })
    }
}

/// A line of the record that the built-in trader keeps: of each lane its name, its model's digest
/// (none for a benchmark), and its worth after the bar of that hour.
pub fn lane_event(hour: i64, lanes: &[(&str, &str, f64)]) -> String {
    let lane = |(name, model, worth): &(&str, &str, f64)| LaneEvent {
        name: (*name).into(),
        model: (*model).into(),
        worth: *worth,
        fills: 1,
        fault: None,
    };
    let event = Event {
        at: Timestamp(hour * 3_600_000),
        acted: true,
        reward: 0.0,
        stale: Vec::new(),
        orders: Vec::new(),
        lanes: lanes.iter().map(lane).collect(),
    };
    serde_json::to_string(&event).unwrap() + "\n"
}

/// An account in one ticker, as text.
#[derive(Clone, Debug)]
pub struct Account {
    pub text: String,
    hour: i64,
    cash: f64,
    held: f64,
}

impl Default for Account {
    fn default() -> Self {
        Self { text: format!("{HEADER}\r\n"), hour: 0, cash: 1000.0, held: 0.0 }
    }
}

impl Account {
    /// Writes a bar at `price` in which `units` are bought (sold: negative) for a fee of 0.25 %.
    pub fn bar(&mut self, price: f64, units: f64) -> &mut Self {
        self.cash -= units * price + units.abs() * price * 0.0025;
        self.held += units;
        let (at, cash, held) = (Timestamp(self.hour * 3_600_000), self.cash, self.held);
        let worth = cash + held * price;
        let row = format!("{at},{cash:.6},{worth:.6},0.0,{held:.6},{price:.6},{units:.6}\r\n");
        self.text.write_str(&row).unwrap();
        self.hour += 1;
        self
    }
}
