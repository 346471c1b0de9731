//! A sample paper account.

use crate::num;
use cappuccino_core::api::{PerformanceView, PnlView, PositionView, TradeView};
use cappuccino_core::trading::Side;
use cappuccino_core::words::{RevisionId, Span, Timestamp};

/// The account.
pub(super) fn view(now: Timestamp) -> PnlView {
    let position = |ticker: &str, quantity: f64, price: f64, unrealised, realised| PositionView {
        ticker: ticker.to_owned(),
        quantity,
        average_cost: Some(price - unrealised / quantity),
        price,
        value: quantity * price,
        realised,
        unrealised,
        trades: 31,
    };
    PnlView {
        state: "following".to_owned(),
        revision: Some(RevisionId(4)),
        file: "paper_trades/revision_4.csv".to_owned(),
        equity: Some(10_234.18),
        cash: Some(6_120.4),
        start: Some(10_000.0),
        realised: 161.32,
        unrealised: 72.86,
        fees: Some(41.07),
        growth: 0.0234,
        market_growth: Some(0.021),
        drawdown: 0.004,
        max_drawdown: 0.0312,
        trades: 62,
        trades_24h: 9,
        win_rate: Some(0.58),
        performance: PerformanceView {
            days: 21,
            sharpe: Some(1.42),
            sortino: Some(2.05),
            calmar: Some(3.1),
            profit_factor: Some(1.37),
            expectancy: Some(2.6),
        },
        positions: vec![
            position("BTC/USD", 0.0312, 94_120.0, 81.4, 120.6),
            position("ETH/USD", 0.34, 3_461.0, -8.54, 40.72),
        ],
        newest: Some(now.plus(Span::minutes(-12))),
        heard: Some(now.plus(Span::minutes(-12))),
        age: Some(Span::minutes(12)),
        rows: 5_040,
        skipped: 0,
        resets: 0,
    }
}

/// Its trades, newest first.
pub(super) fn trades(now: Timestamp) -> Vec<TradeView> {
    (0..62_i64)
        .map(|place| {
            let is_sale = place % 2 == 0;
            let swing = num::signed(place * 7_919 % 101) / 50.0 - 0.8;
            TradeView {
                at: now.plus(Span::minutes(-17 - place * 161)),
                ticker: if place % 3 == 0 { "ETH/USD" } else { "BTC/USD" }.to_owned(),
                side: if is_sale { Side::Sell } else { Side::Buy },
                quantity: if place % 3 == 0 { 0.17 } else { 0.0104 },
                price: if place % 3 == 0 { 3_461.0 } else { 94_120.0 } + 40.0 * swing,
                fee: Some(0.62),
                realised: is_sale.then_some(swing * 11.0),
                forced: false,
                revision: Some(RevisionId(4)),
            }
        })
        .collect()
}
