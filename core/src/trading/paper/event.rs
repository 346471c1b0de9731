//! What happened in a bar, as it is kept beside the session: one JSON object per line.

use super::account::Order;
use super::desk::BarRecord;
use super::lane::Step;
use crate::words::Timestamp;
use serde::{Deserialize, Serialize};

/// One bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When the bar began.
    pub at: Timestamp,
    /// Whether it was acted on; a bar that was missed is only seen.
    pub acted: bool,
    /// The champion's reward, in the environment's measure.
    pub reward: f64,
    /// Tickers that nobody reported in it: their close is the one before.
    pub stale: Vec<String>,
    /// What the champion wished for and what became of it, one per ticker.
    pub orders: Vec<TickerEvent>,
    /// Every lane after the bar, the champion first.
    pub lanes: Vec<LaneEvent>,
}

/// One ticker of the champion's decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TickerEvent {
    /// Its name.
    pub ticker: String,
    /// Closing price.
    pub price: f64,
    /// What the network answered, −1..1.
    pub raw: Option<f32>,
    /// Wish, fill, fee, slippage, and what stood in the way.
    #[serde(flatten)]
    pub order: Order,
}

/// One lane after a bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneEvent {
    /// Its name.
    pub name: String,
    /// Which model, as a digest; empty for a benchmark.
    pub model: String,
    /// Cash and positions at the bar's closes.
    pub worth: f64,
    /// Fills in the bar.
    pub fills: usize,
    /// Why its network gave no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Event {
    /// The event of a bar; `lanes` are the names, models and worths in the record's order.
    pub fn of(record: &BarRecord, tickers: &[String], lanes: &[(&str, &str, f64)]) -> Self {
        let stale = tickers.iter().zip(&record.stale).filter(|(_, stale)| **stale);
        let champion = record.lanes.first().and_then(|step| step.as_ref().ok());
        let lane = |(step, (name, model, worth)): (&Result<Step, _>, &(&str, &str, f64))| {
            let step = step.as_ref();
            LaneEvent {
                name: (*name).to_owned(),
                model: (*model).to_owned(),
                worth: *worth,
                fills: step.map_or(0, |step| fills(&step.orders)),
                fault: step.err().map(ToString::to_string),
            }
        };
        Self {
            at: record.at,
            acted: record.acted,
            reward: record.reward,
            stale: stale.map(|(ticker, _)| ticker.clone()).collect(),
            orders: champion.map_or_else(Vec::new, |step| orders(record, tickers, step)),
            lanes: record.lanes.iter().zip(lanes).map(lane).collect(),
        }
    }
}

/// A ticker may have two: what the environment sold, and what the model then bought.
fn fills(orders: &[Order]) -> usize {
    let parts = orders.iter().flat_map(|order| [order.units, order.forced_units]);
    parts.filter(|units| units.abs() > 0.0).count()
}

fn orders(record: &BarRecord, tickers: &[String], step: &Step) -> Vec<TickerEvent> {
    let raw = step.wishes.raw.iter().copied().map(Some).chain(std::iter::repeat(None));
    let quotes = tickers.iter().zip(&record.closes);
    quotes
        .zip(raw)
        .zip(&step.orders)
        .map(|(((ticker, price), raw), order)| TickerEvent {
            ticker: ticker.clone(),
            price: *price,
            raw,
            order: *order,
        })
        .collect()
}
