//! An account that trades on paper: cash and positions, and what each wish became.

use super::exact;
use super::rules::{BUY_SHARE, Rules};
use serde::{Deserialize, Serialize};

/// Cash, positions, and sums that must agree with them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Money.
    #[serde(with = "exact")]
    pub cash: f64,
    /// One per ticker.
    pub positions: Vec<Position>,
    /// What happened so far.
    pub sums: Sums,
}

/// What is held of one ticker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Units, 0 or more.
    #[serde(with = "exact")]
    pub units: f64,
    /// Money paid for them, fees included.
    #[serde(with = "exact")]
    pub cost: f64,
    /// Bars since it was opened or something was sold of it.
    pub bars_held: u32,
}

/// Money that changed hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Paid for units, fees not counted.
    #[serde(with = "exact")]
    pub bought: f64,
    /// Received for units, fees not counted.
    #[serde(with = "exact")]
    pub sold: f64,
    /// Fees.
    #[serde(with = "exact")]
    pub fees: f64,
    /// What fills were worse than the bars' prices.
    #[serde(with = "exact")]
    pub slippage: f64,
    /// Gains of what was sold, fees taken off.
    #[serde(with = "exact")]
    pub realised: f64,
    /// Fills, forced ones included.
    pub fills: u64,
    /// Fills that the environment forced.
    pub forced: u64,
}

/// Prices to trade at.
#[derive(Clone, Copy, Debug)]
pub struct Prices<'a> {
    /// Money per unit, one per ticker.
    pub closes: &'a [f64],
    /// Which of them nobody has traded at: nothing is filled there.
    pub stale: &'a [bool],
}

/// Why a wish was not fulfilled, or not wholly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clip {
    /// The wish is not above the least units of an order.
    BelowMinimum,
    /// Nothing is held that could be sold.
    NothingHeld,
    /// No more is held.
    Held,
    /// No more can be paid, the reserve left alone.
    Cash,
    /// What can be paid is below the least units of an order.
    CashBelowMinimum,
    /// The price is carried on from an earlier bar.
    Stale,
}

/// What one ticker's wish became in one bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Units wished for; to sell: negative.
    pub wish: f64,
    /// Units that were filled of it; sold: negative.
    pub units: f64,
    /// Units that the environment sold, not the model; negative.
    pub forced_units: f64,
    /// Price of the last fill; none without one.
    pub fill_price: Option<f64>,
    /// Fee paid.
    pub fee: f64,
    /// Money lost to a fill that is worse than the bar's price.
    pub slippage: f64,
    /// What stood in the way of the wish.
    pub clip: Option<Clip>,
}

impl Account {
    /// Money and nothing else.
    pub fn new(cash: f64, tickers: usize) -> Self {
        Self { cash, positions: vec![Position::default(); tickers], sums: Sums::default() }
    }

    /// Cash and positions at these prices.
    pub fn worth(&self, closes: &[f64]) -> f64 {
        let values = self.positions.iter().zip(closes).map(|(held, price)| held.units * price);
        self.cash + values.sum::<f64>()
    }

    /// Fills wishes (units; to sell: negative) at these prices: sales first, then the
    /// environment's, then buys one ticker after the other, each with what cash is left above
    /// `reserve`.
    pub fn trade(
        &mut self,
        wishes: &[f64],
        prices: Prices<'_>,
        rules: &Rules,
        reserve: f64,
    ) -> Vec<Order> {
        let mut orders: Vec<Order> =
            wishes.iter().map(|wish| Order { wish: *wish, ..Order::default() }).collect();
        for position in self.positions.iter_mut().filter(|position| position.units > 0.0) {
            position.bars_held = position.bars_held.saturating_add(1);
        }
        for pass in [Self::sell, Self::sell_forced, Self::buy] {
            for (place, order) in orders.iter_mut().enumerate() {
                let (Some(price), Some(stale)) =
                    (prices.closes.get(place), prices.stale.get(place))
                else {
                    continue;
                };
                let minimum = rules.minimum_units.get(place).copied().unwrap_or(0.0);
                let quote = Quote { place, price: *price, stale: *stale, minimum, reserve };
                pass(self, order, &quote, rules);
            }
        }
        orders
    }

    fn sell(&mut self, order: &mut Order, quote: &Quote, rules: &Rules) {
        if order.wish >= 0.0 {
            return;
        }
        let held = self.held(quote.place);
        let (units, clip) = if order.wish >= -quote.minimum {
            (0.0, Some(Clip::BelowMinimum))
        } else if held <= 0.0 {
            (0.0, Some(Clip::NothingHeld))
        } else if quote.stale {
            (0.0, Some(Clip::Stale))
        } else if -order.wish > held {
            (held, Some(Clip::Held))
        } else {
            (-order.wish, None)
        };
        order.clip = clip;
        if units > 0.0 {
            order.units = -units;
            self.fill_sale(units, order, quote, rules);
        }
    }

    fn sell_forced(&mut self, order: &mut Order, quote: &Quote, rules: &Rules) {
        let Some(rule) = rules.forced_sale else { return };
        let Some(position) = self.positions.get(quote.place) else { return };
        if position.bars_held < rule.after_bars || position.units <= 0.0 || quote.stale {
            return;
        }
        let units = position.units * rule.share;
        order.forced_units = -units;
        self.sums.forced += 1;
        self.fill_sale(units, order, quote, rules);
    }

    fn fill_sale(&mut self, units: f64, order: &mut Order, quote: &Quote, rules: &Rules) {
        let fill = quote.price * (1.0 - rules.cost_share());
        let money = units * fill;
        let fee = rules.fees.of_sale(money, rules.fee_rate);
        self.note(order, units * (quote.price - fill), fill, fee);
        self.sums.sold += money;
        self.cash += money - fee;
        if let Some(position) = self.positions.get_mut(quote.place) {
            let sold_all = units >= position.units;
            let paid =
                if sold_all { position.cost } else { position.cost * units / position.units };
            self.sums.realised += money - fee - paid;
            position.cost -= paid;
            position.units = if sold_all { 0.0 } else { position.units - units };
            position.bars_held = 0;
        }
    }

    fn buy(&mut self, order: &mut Order, quote: &Quote, rules: &Rules) {
        if order.wish <= 0.0 {
            return;
        }
        let fill = quote.price * (1.0 + rules.cost_share());
        let free = (self.cash - quote.reserve).max(0.0);
        let payable = free / (1.0 + rules.fee_rate) / fill * BUY_SHARE;
        let units = order.wish.min(payable);
        let clip = if order.wish <= quote.minimum {
            Some(Clip::BelowMinimum)
        } else if quote.stale {
            Some(Clip::Stale)
        } else if units <= 0.0 || units < quote.minimum {
            Some(Clip::CashBelowMinimum)
        } else {
            (units < order.wish).then_some(Clip::Cash)
        };
        order.clip = clip;
        if matches!(clip, None | Some(Clip::Cash)) {
            order.units = units;
            let money = units * fill;
            let (paid, kept_units) = rules.fees.of_buy(units, money, rules.fee_rate);
            let fee = paid + kept_units * fill;
            self.note(order, units * (fill - quote.price), fill, fee);
            self.sums.bought += money + paid - fee;
            self.cash -= money + paid;
            if let Some(position) = self.positions.get_mut(quote.place) {
                position.units += units - kept_units;
                position.cost += money + paid;
            }
        }
    }

    fn note(&mut self, order: &mut Order, slippage: f64, fill: f64, fee: f64) {
        order.fill_price = Some(fill);
        order.fee += fee;
        order.slippage += slippage;
        self.sums.fees += fee;
        self.sums.slippage += slippage;
        self.sums.fills += 1;
    }

    fn held(&self, place: usize) -> f64 {
        self.positions.get(place).map_or(0.0, |position| position.units)
    }
}

struct Quote {
    place: usize,
    price: f64,
    stale: bool,
    minimum: f64,
    reserve: f64,
}

#[cfg(test)]
mod tests {
    use super::super::rules::Fees;
    use super::*;

    fn rules() -> Rules {
        let tickers = ["BTC/USD", "ETH/USD"].map(str::to_owned);
        Rules { minimum_units: vec![0.1, 0.1], ..Rules::of(&tickers) }
    }

    const FRESH: [bool; 2] = [false, false];

    fn trade(account: &mut Account, wishes: [f64; 2], closes: [f64; 2]) -> Vec<Order> {
        let prices = Prices { closes: &closes, stale: &FRESH };
        account.trade(&wishes, prices, &rules(), 100.0)
    }

    #[test]
    fn sales_pay_for_buys_of_the_same_bar_and_the_reserve_stays() {
        let mut account = Account::new(1000.0, 2);
        trade(&mut account, [1e9, 0.0], [100.0, 100.0]);
        let affordable = 900.0 / 1.0025 * 0.99;
        assert!((account.positions[0].units - affordable / 100.0).abs() < 1e-9);
        let orders = trade(&mut account, [-1e9, 1e9], [100.0, 100.0]);
        assert_eq!((orders[0].clip, orders[1].clip), (Some(Clip::Held), Some(Clip::Cash)));
        assert!(account.positions[0].units == 0.0 && account.positions[1].units > 8.0);
        assert!(account.cash > 100.0);
    }

    #[test]
    fn each_reason_for_an_unfulfilled_wish_is_told() {
        let mut account = Account::new(1000.0, 2);
        let orders = trade(&mut account, [-5.0, 0.1], [100.0, 100.0]);
        assert_eq!(orders[0].clip, Some(Clip::NothingHeld));
        assert_eq!(orders[1].clip, Some(Clip::BelowMinimum));
        let orders = trade(&mut account, [9.0, 1.0], [100.0, 100.0]);
        assert_eq!(
            (orders[0].clip, orders[1].clip),
            (Some(Clip::Cash), Some(Clip::CashBelowMinimum))
        );
        let prices = Prices { closes: &[50.0, 50.0], stale: &[true, false] };
        let orders = account.trade(&[-1.0, 0.0], prices, &rules(), 100.0);
        assert_eq!(orders[0].clip, Some(Clip::Stale));
        assert!(orders[0].units == 0.0);
    }

    #[test]
    fn a_long_held_position_is_sold_by_five_percent_and_marked_as_forced() {
        let mut account = Account::new(1000.0, 2);
        trade(&mut account, [4.0, 0.0], [100.0, 100.0]);
        let forced = |account: &mut Account| {
            let order = trade(account, [0.0, 0.0], [100.0, 100.0])[0];
            (order.units, order.forced_units)
        };
        for _bar in 1..48 {
            assert_eq!(forced(&mut account), (0.0, 0.0));
        }
        let (units, sold) = forced(&mut account);
        assert!(units == 0.0 && (sold + 0.2).abs() < 1e-12);
        assert_eq!((forced(&mut account), account.sums.forced), ((0.0, 0.0), 1));
    }

    /// Alpaca's rule: 0.25 % of the coins that were bought, and of a sale's money up to the cent.
    #[test]
    fn alpaca_takes_coins_of_a_buy_and_whole_cents_of_a_sale() {
        let rules = Rules { fees: Fees::Alpaca, ..rules() };
        let mut account = Account::new(1000.0, 2);
        let prices = Prices { closes: &[100.0, 100.0], stale: &FRESH };
        let order = account.trade(&[2.0, 0.0], prices, &rules, 0.0)[0];
        assert_eq!((account.cash, order.units), (800.0, 2.0));
        assert!((account.positions[0].units - 1.995).abs() < 1e-12, "0.005 coins are the fee");
        assert!((order.fee - 0.5).abs() < 1e-12 && (account.sums.bought - 199.5).abs() < 1e-9);
        // 0.25 % of 50.50 is 0.12625: 13 cents.
        let order = account.trade(&[-0.505, 0.0], prices, &rules, 0.0)[0];
        assert!((order.fee - 0.13).abs() < 1e-12, "{}", order.fee);
        // 0.25 % of 40 is ten cents, not eleven.
        let order = account.trade(&[-0.4, 0.0], prices, &rules, 0.0)[0];
        assert!((order.fee - 0.10).abs() < 1e-12, "{}", order.fee);
        let sums = account.sums;
        let books = 1000.0 + sums.sold - sums.bought - sums.fees - account.cash;
        assert!(books.abs() < 1e-9, "{books}");
    }

    #[test]
    fn spread_and_slippage_make_a_fill_worse_both_ways() {
        let rules = Rules { half_spread_bps: 5.0, slippage_bps: 5.0, ..rules() };
        let mut account = Account::new(1000.0, 2);
        let prices = Prices { closes: &[100.0, 100.0], stale: &FRESH };
        let order = account.trade(&[1.0, 0.0], prices, &rules, 0.0)[0];
        assert!((order.fill_price.unwrap() - 100.1).abs() < 1e-9);
        assert!((order.slippage - 0.1).abs() < 1e-9);
        let order = account.trade(&[-1.0, 0.0], prices, &rules, 0.0)[0];
        assert!((order.fill_price.unwrap() - 99.9).abs() < 1e-9);
    }
}
