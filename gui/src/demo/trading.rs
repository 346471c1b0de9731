//! A sample paper account.

use crate::num;
use cappuccino_core::api::{
    LaneKind, LaneView, LanesView, PerformanceView, PnlView, PositionView, TradeView,
};
use cappuccino_core::trading::Side;
use cappuccino_core::trading::paper::compare::{Comparison, Verdict};
use cappuccino_core::trading::paper::league::Standing;
use cappuccino_core::words::{RevisionId, Span, Timestamp, TrialNumber};

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

/// Who trades beside the live model.
pub(super) fn lanes(now: Timestamp) -> LanesView {
    let since = now.plus(Span::hours(-24 * 21));
    let lane =
        |kind, name: &str, trial: Option<i64>, growth: f64, found: Option<Verdict>| LaneView {
            kind,
            revision: None,
            trial: trial.map(TrialNumber),
            standing: Standing {
                name: name.to_owned(),
                model: String::new(),
                since,
                bars: 2016,
                worth: 10_000.0 * (1.0 + growth),
                growth,
                drawdown: 0.004,
                max_drawdown: 0.0312,
                sharpe: Some(growth * 60.0),
                sortino: None,
                calmar: None,
                fills: 62,
                comparison: found.map(|verdict| Comparison {
                    bars: 2016,
                    champion_growth: 0.0234,
                    challenger_growth: growth,
                    mean_difference: (growth - 0.0234) / 2016.0,
                    lower: Some(-2e-6),
                    upper: Some(9e-6),
                    verdict,
                }),
                fault: None,
            },
            equity: Vec::new(),
        };
    let lanes = vec![
        lane(LaneKind::Champion, "champion", Some(431), 0.0234, None),
        lane(LaneKind::Previous, "previous", Some(412), 0.0171, Some(Verdict::Wait)),
        lane(LaneKind::Shadow, "shadow 428", Some(428), 0.0402, Some(Verdict::Promote)),
        lane(LaneKind::Benchmark, "hold", None, 0.021, Some(Verdict::Wait)),
        lane(LaneKind::Benchmark, "chance", None, -0.034, Some(Verdict::Drop)),
    ];
    let bars = 2016;
    LanesView {
        state: "following".to_owned(),
        since: Some(since),
        until: Some(now),
        bars,
        bars_needed: 500,
        lanes,
        ..LanesView::default()
    }
}
