//! An account seen through its rows: trades are changes of positions, priced at average cost.
//!
//! Fees belong to the cost of a purchase and lower the result of a sale, so that in an account
//! nobody sets anew `start + realised + unrealised` is the worth, and `cash + positions at cost` is
//! `start + realised`, to the last digit.

use super::metrics::Sales;
use super::row::{Quote, Row};
use super::side::Side;
use crate::words::Timestamp;
use std::sync::Arc;

/// Smaller changes of a position are rounding: files have six decimals.
const UNITS_MIN: f64 = 1e-9;
/// Rounding of a holding in a file with six decimals, both ways.
const UNITS_ROUNDING: f64 = 1e-6;
/// Rounding of money in such a file, with a penny for fees that are rounded to it.
const MONEY_ROUNDING: f64 = 0.01;
/// Cost beyond the rows' prices, as a share of what was traded, that no fee or slippage explains.
const COST_MAX: f64 = 0.10;
/// The same where another explanation fits: fees and slippage are rarely above it.
const COST_USUAL: f64 = 0.01;
/// How far from the first worth the first row of a new account may be.
const NEW_START: f64 = 0.03;
/// What the original's environment sells of a position that it held for long, whatever the model
/// wishes.
const FORCED_SHARE: f64 = 0.05;

/// One trade.
#[derive(Clone, Debug, PartialEq)]
pub struct Trade {
    /// The market's time of its row.
    pub at: Timestamp,
    /// What was traded.
    pub ticker: Arc<str>,
    /// Which way.
    pub side: Side,
    /// Units, above 0.
    pub quantity: f64,
    /// Money per unit in the row.
    pub price: f64,
    /// Money paid beyond that price; none when the fill was at a better one, hence at another, or
    /// when the account was not seen before.
    pub fee: Option<f64>,
    /// What the sale gained, fees taken off; none for a purchase.
    pub realised: Option<f64>,
    /// Sold by the environment's rule, not by the model.
    pub forced: bool,
}

/// What is known of one ticker.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// Its name.
    pub ticker: Arc<str>,
    /// Units held.
    pub quantity: f64,
    /// Money paid for them, fees included.
    pub cost: f64,
    /// Newest price per unit.
    pub price: f64,
    /// Gains of what was sold.
    pub realised: f64,
    /// Trades so far.
    pub trades: u64,
}

/// How a row carries the account on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// By trades, or by new prices alone.
    Continued,
    /// It begins here, or was set anew as no trade explains.
    Begun,
}

/// The account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    assets: Vec<Asset>,
    cash: f64,
    /// Worth and cash in the first row of the present account.
    start: Option<Start>,
    first_worth: Option<f64>,
    held_was_dropped: bool,
    trades: Vec<Trade>,
    tally: Tally,
}

/// What is counted over the whole session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Trades.
    pub trades: u64,
    /// What sales brought.
    pub sales: Sales,
    /// Money paid beyond the rows' prices.
    pub costs: f64,
    /// Trades whose fill was better than the row's price: `costs` are then no fees.
    pub better_fills: u64,
    /// How often the account was set anew.
    pub resets: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Start {
    worth: f64,
    /// Cash, while nothing was held.
    idle_cash: Option<f64>,
}

/// How a row differs from the account before it.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    /// Worth of what was bought and sold, both counted.
    turnover: f64,
    /// Worth of what was bought, less what was sold.
    bought: f64,
    /// Money gone beyond that.
    cost: f64,
    /// How much of it may be rounding.
    rounding: f64,
    /// Worth that the environment may have sold and the model bought again in the same row: it
    /// costs fees and shows in no holding.
    hidden: f64,
    /// Something moved against the model's wish, and not by the environment's rule.
    against_wishes: bool,
}

impl Ledger {
    /// An account in these tickers, not begun yet.
    pub fn new(tickers: &[Arc<str>]) -> Self {
        let mut ledger = Self::default();
        ledger.columns(tickers);
        ledger
    }

    /// Rows name these tickers from now on, in this order.
    pub fn columns(&mut self, tickers: &[Arc<str>]) {
        let mut old = std::mem::take(&mut self.assets);
        for ticker in tickers {
            let known = old.iter().position(|asset| asset.ticker == *ticker);
            self.assets.push(match known {
                Some(place) => old.remove(place),
                None => Asset {
                    ticker: ticker.clone(),
                    quantity: 0.0,
                    cost: 0.0,
                    price: 0.0,
                    realised: 0.0,
                    trades: 0,
                },
            });
        }
        // What became of a holding without a column is unknown: the account begins anew.
        self.held_was_dropped |= old.iter().any(|asset| asset.quantity > UNITS_MIN);
        self.assets.append(&mut old);
    }

    /// Takes the next row; [`Self::trades`] are then those of this row.
    pub fn take(&mut self, row: &Row) -> Step {
        self.trades.clear();
        let Some(start) = self.start else {
            self.begin(row);
            return Step::Begun;
        };
        let change = self.change(row);
        let moved = change.turnover > 0.0 || change.cost.abs() > change.rounding;
        let is_new = change.costs_more_than(COST_MAX)
            || !self.is_untouched(start) && looks_like_a_first_row(start, row, &change);
        if self.held_was_dropped || moved && is_new {
            self.abandon();
            self.tally.resets += 1;
            self.begin(row);
            return Step::Begun;
        }
        for (asset, quote) in self.assets.iter_mut().zip(&row.assets) {
            asset.price = quote.price;
            if (quote.holding - asset.quantity).abs() > UNITS_MIN {
                let trade = asset.trade(row.at, quote, &change);
                self.tally.take(&trade);
                self.trades.push(trade);
            }
        }
        if moved {
            self.tally.costs += change.cost;
            self.cash = row.cash;
        }
        Step::Continued
    }

    fn change(&self, row: &Row) -> Change {
        let mut change = Change { rounding: MONEY_ROUNDING, ..Change::default() };
        for (asset, quote) in self.assets.iter().zip(&row.assets) {
            change.rounding += quote.price * UNITS_ROUNDING;
            let units = quote.holding - asset.quantity;
            if units.abs() > UNITS_MIN {
                change.turnover += units.abs() * quote.price;
                change.bought += units * quote.price;
                let unwished = quote.action.is_some_and(|wish| wish * units <= 0.0);
                let again = is_bought_again(asset.quantity, quote);
                change.against_wishes |= unwished && !again && !is_forced(asset.quantity, quote);
                if again {
                    change.hidden += 2.0 * FORCED_SHARE * asset.quantity * quote.price;
                }
            }
        }
        change.cost = self.cash - row.cash - change.bought;
        change
    }

    /// Whether nothing was traded since the start, so that a new account would be the same.
    fn is_untouched(&self, start: Start) -> bool {
        let holds_nothing = self.assets.iter().all(|asset| asset.quantity <= UNITS_MIN);
        holds_nothing
            && start.idle_cash.is_some_and(|cash| (cash - self.cash).abs() < UNITS_ROUNDING)
    }

    /// The account ends at its last known worth.
    fn abandon(&mut self) {
        for asset in &mut self.assets {
            asset.realised += asset.unrealised();
            (asset.quantity, asset.cost) = (0.0, 0.0);
        }
        self.held_was_dropped = false;
    }

    /// Holdings of a first row are taken at their price there; those that the model wished to buy
    /// in it were bought in it.
    fn begin(&mut self, row: &Row) {
        let worth = worth(row);
        let idle = row.assets.iter().all(|quote| quote.holding <= UNITS_MIN);
        self.start = Some(Start { worth, idle_cash: idle.then_some(row.cash) });
        self.first_worth.get_or_insert(worth);
        self.cash = row.cash;
        for (asset, quote) in self.assets.iter_mut().zip(&row.assets) {
            asset.price = quote.price;
            if quote.holding <= UNITS_MIN {
                continue;
            }
            if quote.action.is_some_and(|wish| covers(wish, quote)) {
                let trade = asset.trade(row.at, quote, &Change::default());
                self.tally.take(&trade);
                // What was paid for it happened before anything is known.
                self.trades.push(Trade { fee: None, ..trade });
            } else {
                asset.quantity = quote.holding;
                asset.cost = quote.holding * quote.price;
            }
        }
    }

    /// Trades of the newest row.
    pub fn trades(&self) -> &[Trade] {
        &self.trades
    }

    /// Every ticker seen so far, those of the present header first.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// What was counted so far.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Money.
    pub const fn cash(&self) -> f64 {
        self.cash
    }

    /// Worth in the first row; none before it.
    pub const fn first_worth(&self) -> Option<f64> {
        self.first_worth
    }

    /// Cash and positions at the newest prices.
    pub fn worth(&self) -> f64 {
        self.cash + self.assets.iter().map(Asset::value).sum::<f64>()
    }

    /// Gains of what was sold, fees taken off.
    pub fn realised(&self) -> f64 {
        self.assets.iter().map(|asset| asset.realised).sum()
    }

    /// Gains of what is held.
    pub fn unrealised(&self) -> f64 {
        self.assets.iter().map(Asset::unrealised).sum()
    }

    /// Fees and slippage; none when some fill was better than its row's price.
    pub fn fees(&self) -> Option<f64> {
        (self.tally.better_fills == 0).then_some(self.tally.costs)
    }
}

impl Change {
    /// Whether the money gone beyond the rows' prices, or come, is above this share of the trades.
    fn costs_more_than(&self, share: f64) -> bool {
        self.cost.abs() > share * (self.turnover + self.hidden) + self.rounding
    }
}

impl Asset {
    /// Worth at the newest price.
    pub fn value(&self) -> f64 {
        self.quantity * self.price
    }

    /// Gains of what is held.
    pub fn unrealised(&self) -> f64 {
        self.value() - self.cost
    }

    /// Money per unit held, fees included.
    pub fn average_cost(&self) -> Option<f64> {
        (self.quantity > UNITS_MIN).then(|| self.cost / self.quantity)
    }

    /// Carries the position to the row's; the row's cost is shared by worth traded.
    fn trade(&mut self, at: Timestamp, quote: &Quote, change: &Change) -> Trade {
        let units = quote.holding - self.quantity;
        let money = units.abs() * quote.price;
        let cost = if change.turnover > 0.0 { change.cost * money / change.turnover } else { 0.0 };
        let forced = units < 0.0 && is_forced(self.quantity, quote);
        let (side, realised) = if units > 0.0 {
            self.cost += money + cost;
            (Side::Buy, None)
        } else {
            let sold_all = quote.holding <= UNITS_MIN;
            let share = if sold_all { 1.0 } else { -units / self.quantity };
            let paid = self.cost * share;
            self.cost = if sold_all { 0.0 } else { self.cost - paid };
            (Side::Sell, Some(money - cost - paid))
        };
        self.quantity = quote.holding;
        self.realised += realised.unwrap_or(0.0);
        self.trades += 1;
        let fee = (change.cost >= -change.rounding).then_some(cost.max(0.0));
        // What a subtraction adds to six decimals is no quantity.
        let (quantity, price) = ((units.abs() * 1e9).round() / 1e9, quote.price);
        Trade { at, ticker: self.ticker.clone(), side, quantity, price, fee, realised, forced }
    }
}

impl Tally {
    fn take(&mut self, trade: &Trade) {
        self.trades += 1;
        self.better_fills += u64::from(trade.fee.is_none());
        if let Some(result) = trade.realised {
            self.sales.take(result);
        }
    }
}

/// Whether the row looks just like the first one of a new account and hardly like a next one: all
/// that it holds was bought in it, and its worth is that of the start.
fn looks_like_a_first_row(start: Start, row: &Row, change: &Change) -> bool {
    let bought_now = |quote: &Quote| {
        quote.holding <= UNITS_MIN || quote.action.is_some_and(|wish| covers(wish, quote))
    };
    let near_start = (worth(row) - start.worth).abs() <= NEW_START * start.worth;
    let exactly_idle = start.idle_cash.is_some_and(|cash| (cash - row.cash).abs() < UNITS_ROUNDING);
    let unlikely = change.against_wishes || change.costs_more_than(COST_USUAL) || exactly_idle;
    row.assets.iter().all(bought_now) && near_start && unlikely
}

fn worth(row: &Row) -> f64 {
    row.cash + row.assets.iter().map(|quote| quote.holding * quote.price).sum::<f64>()
}

/// Whether the model wished for at least what is held.
fn covers(wish: f64, quote: &Quote) -> bool {
    wish >= quote.holding - UNITS_ROUNDING
}

/// Whether a position of `held` units fell by just the environment's rule, unwished.
fn is_forced(held: f64, quote: &Quote) -> bool {
    let sold = held - quote.holding;
    quote.action.is_some_and(|wish| wish >= 0.0)
        && sold > UNITS_MIN
        && (sold - FORCED_SHARE * held).abs() <= UNITS_ROUNDING
}

/// Whether the environment may have sold its share of `held` units, before the model bought.
fn is_bought_again(held: f64, quote: &Quote) -> bool {
    quote.action.is_some_and(|wish| wish > 0.0)
        && held > UNITS_MIN
        && quote.holding >= held * (1.0 - FORCED_SHARE) - UNITS_ROUNDING
}
