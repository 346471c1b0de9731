//! Stories of session files: each pitfall of reading them, and random accounts that reconcile.

use super::Side;
use super::session::{Session, TRADES_MAX};
use crate::words::Timestamp;
use proptest::prelude::*;
use std::fmt::Write;

const FEE: f64 = 0.0025;

/// One ticker's trader, writing rows as the original does.
struct Trader {
    text: String,
    hour: i64,
    cash: f64,
    held: f64,
}

impl Trader {
    fn new() -> Self {
        let header = "timestamp,cash,total_asset,reward,holding_A,price_A,action_A\r\n".to_owned();
        Self { text: header, hour: 0, cash: 1000.0, held: 0.0 }
    }

    /// A bar at `price` in which `units` are bought at that price (sold: negative).
    fn bar(&mut self, price: f64, units: f64) -> &mut Self {
        self.filled(price, units, price)
    }

    /// The same with another price of the fill than the row shows.
    fn filled(&mut self, price: f64, units: f64, fill: f64) -> &mut Self {
        self.cash -= units * fill + units.abs() * fill * FEE;
        self.held += units;
        self.row(price, units)
    }

    fn row(&mut self, price: f64, wish: f64) -> &mut Self {
        let at = Timestamp(self.hour * 3_600_000);
        self.hour += 1;
        let (cash, held) = (self.cash, self.held);
        let worth = cash + held * price;
        write!(self.text, "{at},{cash:.6},{worth:.6},0,{held:.6},{price:.6},{wish:.6}\r\n")
            .unwrap();
        self
    }

    /// The same program started again: new money, nothing held, the same file.
    fn restart(&mut self) -> &mut Self {
        (self.cash, self.held) = (1000.0, 0.0);
        self
    }

    fn read(&self) -> Session {
        read(&self.text)
    }
}

fn read(text: &str) -> Session {
    let mut session = Session::default();
    session.feed(text.as_bytes());
    session
}

#[track_caller]
fn near(found: f64, known: f64) {
    assert!((found - known).abs() < 0.005, "{found} is not {known}");
}

/// The ancestor counted the rows whose worth was not exactly 1000 and called them trades.
#[test]
fn defect_rows_counted_as_trades() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 2.0);
    for hour in 0..50 {
        trader.bar(101.0 + f64::from(hour), 0.0);
    }
    trader.bar(160.0, -2.0);
    let book = trader.read().book().clone();
    assert_eq!(book.rows, 53);
    assert_eq!(book.ledger.tally().trades, 2, "one purchase and one sale in fifty-three rows");
}

#[test]
fn a_purchase_and_two_sales_at_average_cost() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 4.0).bar(200.0, 1.0).bar(150.0, -2.0).bar(90.0, -3.0);
    let session = trader.read();
    let book = session.book();
    let average = (400.0 * (1.0 + FEE) + 200.0 * (1.0 + FEE)) / 5.0;
    let first = 300.0 * (1.0 - FEE) - 2.0 * average;
    let second = 270.0 * (1.0 - FEE) - 3.0 * average;
    let sales: Vec<f64> = book.trades.iter().filter_map(|trade| trade.realised).collect();
    near(sales[0], first);
    near(sales[1], second);
    near(book.ledger.realised(), first + second);
    near(book.ledger.fees().unwrap(), (400.0 + 200.0 + 300.0 + 270.0) * FEE);
    near(book.trades[3].fee.unwrap(), 270.0 * FEE);
    assert_eq!((book.trades[3].side, book.trades[3].quantity), (Side::Sell, 3.0));
    assert_eq!((book.ledger.tally().sales.wins, book.ledger.tally().sales.count), (1, 2));
    near(book.ledger.unrealised(), 0.0);
}

#[test]
fn what_is_held_gains_and_falls_with_its_price() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 5.0).bar(120.0, 0.0).bar(80.0, 0.0);
    let session = trader.read();
    let (book, paid) = (session.book(), 500.0 * (1.0 + FEE));
    near(book.ledger.unrealised(), 400.0 - paid);
    near(book.ledger.worth(), 1000.0 - paid + 400.0);
    let peak = 1000.0 - paid + 600.0;
    assert!((book.equity.max_drawdown() - (1.0 - book.ledger.worth() / peak)).abs() < 1e-9);
}

/// Every restart of the ancestor's trader began with new money, and the loss was forgotten.
#[test]
fn defect_a_restart_with_new_money_forgets_the_loss() {
    let mut idle = Trader::new();
    idle.bar(100.0, 0.0).bar(100.0, 9.0).bar(70.0, 0.0).restart().row(70.0, -0.3);
    let mut lucky = Trader::new();
    lucky.bar(100.0, 0.0).bar(100.0, 9.0).bar(101.5, 0.0).restart().row(101.5, 0.2);
    let mut buying = Trader::new();
    buying.bar(100.0, 0.0).bar(100.0, 9.0).bar(70.0, 0.0).restart().bar(71.0, 3.0).bar(71.0, -3.0);
    for (trader, gain) in [(idle, -272.25), (lucky, 11.25), (buying, -272.7825)] {
        let session = trader.read();
        let ledger = &session.book().ledger;
        assert_eq!(ledger.tally().resets, 1, "{}", trader.text);
        near(ledger.realised() + ledger.unrealised(), gain);
        assert!(session.book().equity.growth() < 1.0 + (gain + 1.0) / 1000.0);
    }
}

#[test]
fn a_deposit_is_no_gain() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 5.0);
    trader.cash += 500.0;
    trader.bar(100.0, 0.0).bar(110.0, 0.0);
    let session = trader.read();
    let ledger = &session.book().ledger;
    assert_eq!(ledger.tally().resets, 1);
    near(ledger.realised() + ledger.unrealised(), 50.0 - 500.0 * FEE);
    let mut idle = Trader::new();
    idle.bar(100.0, 0.0).cash += 500.0;
    let session = idle.bar(100.0, 0.0).read();
    assert!((session.book().equity.growth() - 1.0).abs() < 1e-9);
}

/// The ancestor filled at prices of hours ago: the cost beyond the row's price is no fee then.
#[test]
fn defect_stale_fills_are_not_called_fees() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 0.0).filled(104.0, 5.0, 100.0).bar(104.0, 0.0);
    let session = trader.read();
    let ledger = &session.book().ledger;
    assert_eq!((ledger.fees(), ledger.tally().resets), (None, 0));
    assert_eq!(session.book().trades[0].fee, None);
    near(ledger.worth(), 1000.0 + ledger.realised() + ledger.unrealised());
}

/// The ancestor's environment sold 5 % of what was held for long, whatever the model wished.
#[test]
fn a_sale_by_the_environment_s_rule_is_told_from_the_model_s() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 4.0);
    trader.cash += 20.0 * (1.0 - FEE);
    trader.held -= 0.2;
    trader.row(100.0, 0.7).bar(100.0, -0.19);
    let forced: Vec<bool> = trader.read().book().trades.iter().map(|t| t.forced).collect();
    assert_eq!(forced, [false, true, false]);
}

/// Both in one row cost two fees and hardly change the holding: nothing was set anew.
#[test]
fn a_sale_by_the_environment_s_rule_that_is_bought_back_at_once_is_no_new_account() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 9.0);
    let (sold, bought) = (0.45, 0.448);
    trader.cash += sold * 100.0 * (1.0 - FEE) - bought * 100.0 * (1.0 + FEE);
    trader.held -= sold - bought;
    trader.row(100.0, 0.7).bar(100.0, -0.19);
    let session = trader.read();
    assert_eq!((session.book().ledger.tally().resets, session.book().trades.len()), (0, 3));
    let fees = (900.0 + 45.0 + 44.8 + 19.0) * FEE;
    near(session.book().ledger.fees().unwrap(), fees);
}

#[test]
fn the_first_row_s_purchase_is_a_trade_and_an_older_holding_is_none() {
    let header = "timestamp,cash,holding_A,holding_B,price_A,price_B,action_A,action_B\n";
    let row = "2026-03-01T00:00:00+00:00,400,2,1,200,200,2,0\n";
    let session = read(&format!("{header}{row}"));
    let bought: Vec<&str> = session.book().trades.iter().map(|trade| &*trade.ticker).collect();
    assert_eq!(bought, ["A"]);
    assert_eq!(session.book().trades[0].fee, None, "nobody saw the cash before it");
    near(session.book().ledger.unrealised(), 0.0);
    near(session.book().ledger.worth(), 1000.0);
}

#[test]
fn a_torn_last_line_waits_for_its_end() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 1.0);
    let (whole, torn) = trader.text.split_at(trader.text.len() - 9);
    let mut session = read(whole);
    assert_eq!((session.book().rows, session.book().skipped), (1, 0));
    session.feed(torn.as_bytes());
    assert_eq!((session.book().rows, session.book().skipped), (2, 0));
    assert_eq!(session.book().trades.len(), 1);
}

#[test]
fn a_line_torn_for_ever_and_an_endless_one_are_left_out_and_counted() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0);
    trader.text += "2026-03-01T0";
    trader.bar(100.0, 1.0);
    trader.text += &"9".repeat(1 << 20);
    trader.text += "\r\n";
    trader.bar(100.0, 1.0);
    let session = trader.read();
    assert_eq!((session.book().rows, session.book().skipped), (2, 2));
    assert_eq!(session.book().ledger.tally().trades, 1, "both purchases, seen as one change");
}

#[test]
fn a_header_that_changes_within_the_file_is_followed() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 2.0);
    let cash = trader.cash;
    trader.text += "timestamp,votes,price_B,holding_B,price_A,holding_A,cash\r\n";
    write!(trader.text, "1970-01-02T00:00:00Z,3,50,0,110,2,{cash:.6}\r\n").unwrap();
    write!(trader.text, "1970-01-02T01:00:00Z,3,50,1,110,2,{:.6}\r\n", cash - 50.0).unwrap();
    let session = trader.read();
    let ledger = &session.book().ledger;
    assert_eq!((ledger.tally().trades, ledger.tally().resets, session.book().skipped), (2, 0, 0));
    near(ledger.worth(), 1000.0 - 200.0 * FEE + 20.0);
}

#[test]
fn a_holding_without_a_column_ends_its_account() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 2.0);
    trader.text += "timestamp,cash,holding_B,price_B\r\n1970-01-02T00:00:00Z,799.5,0,50\r\n";
    let session = trader.read();
    assert_eq!(session.book().ledger.tally().resets, 1);
    near(session.book().ledger.realised(), -200.0 * FEE);
}

#[test]
fn a_file_without_a_usable_header_says_so_and_a_later_one_heals_it() {
    let mut session = read("hello\nworld\n");
    let said = session.header_error().unwrap().to_string();
    assert!(said.contains("no column `timestamp`"), "{said}");
    session.feed(Trader::new().bar(1.0, 0.0).text.as_bytes());
    assert_eq!((session.header_error(), session.book().rows), (None, 1));
}

#[test]
fn a_rotated_file_goes_on_and_a_rewritten_one_is_told_anew() {
    let mut trader = Trader::new();
    trader.bar(100.0, 0.0).bar(100.0, 2.0);
    let header = Trader::new().text;
    let mut session = trader.read();
    let first = trader.text.clone();
    trader.text = header;
    trader.bar(120.0, -2.0);
    session.begin_file();
    session.feed(trader.text.as_bytes());
    assert_eq!((session.book().ledger.tally().trades, session.book().rows), (2, 3));
    near(session.book().ledger.realised(), 240.0 * (1.0 - FEE) - 200.0 * (1.0 + FEE));
    session.begin_file();
    session.feed(first.as_bytes());
    assert_eq!(session.book(), read(&first).book());
}

#[test]
fn the_newest_trades_stay_and_all_are_counted() {
    let mut trader = Trader::new();
    trader.bar(1.0, 0.0);
    for _ in 0..TRADES_MAX {
        trader.bar(1.0, 1.0).bar(1.0, -1.0);
    }
    let session = trader.read();
    let book = session.book();
    assert_eq!(book.trades.len(), TRADES_MAX);
    assert_eq!(book.ledger.tally().trades, 2 * u64::try_from(TRADES_MAX).unwrap());
    assert_eq!(Some(book.trades.back().unwrap().at), book.newest);
}

/// A random account in three tickers, with what it knows of itself.
#[derive(Debug, Default)]
struct Truth {
    text: String,
    cash: f64,
    realised: f64,
    fees: f64,
    trades: u64,
    held: [f64; 3],
    cost: [f64; 3],
    price: [f64; 3],
}

/// What six decimals keep of a number.
fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

impl Truth {
    fn step(&mut self, hour: i64, moves: [(f64, f64); 3], fee: f64) {
        let mut wishes = [0.0; 3];
        for (place, (factor, wish)) in moves.into_iter().enumerate() {
            self.price[place] = rounded((self.price[place] * factor).clamp(0.01, 100_000.0));
            let (price, held) = (self.price[place], self.held[place]);
            // Wishes near zero stay unmet, as trades below an exchange's minimum do.
            let wanted = match wish {
                buy if buy > 0.3 => rounded(buy * 0.5 * self.cash / price),
                sell if sell < -0.9 => -held,
                sell if sell < -0.3 => -rounded(-sell * held),
                _ => 0.0,
            };
            if (wanted * price).abs() < 0.5 {
                continue;
            }
            wishes[place] = wanted;
            let paid = wanted.abs() * price * fee;
            self.cash -= wanted * price + paid;
            self.fees += paid;
            self.trades += 1;
            if wanted > 0.0 {
                self.cost[place] += wanted * price + paid;
            } else {
                let share = self.cost[place] * -wanted / held;
                self.realised += -wanted * price - paid - share;
                self.cost[place] -= share;
            }
            self.held[place] = rounded(held + wanted);
        }
        let at = Timestamp(hour * 3_600_000);
        let numbers: Vec<String> = std::iter::once(self.cash)
            .chain(self.held)
            .chain(self.price)
            .chain(wishes)
            .map(|number| format!("{number:.6}"))
            .collect();
        write!(self.text, "{at},{}\r\n", numbers.join(",")).unwrap();
    }
}

fn truth() -> impl Strategy<Value = Truth> {
    let one = || (0.9..1.1_f64, -1.5..1.5_f64);
    let bars = proptest::collection::vec([one(), one(), one()], 1..80);
    (bars, 0.0001..0.005_f64, [1.0..500.0_f64, 1.0..500.0, 1.0..500.0]).prop_map(
        |(bars, fee, price)| {
            let mut truth = Truth { cash: 1000.0, price, ..Truth::default() };
            truth.text = "timestamp,cash,holding_A,holding_B,holding_C,price_A,price_B,price_C,\
                          action_A,action_B,action_C\r\n"
                .into();
            truth.step(0, [(1.0, 0.0); 3], fee);
            for (hour, bar) in (1..).zip(bars) {
                truth.step(hour, bar, fee);
            }
            truth
        },
    )
}

proptest! {
    #[test]
    fn random_accounts_reconcile_to_the_cent(truth in truth()) {
        let session = read(&truth.text);
        let ledger = &session.book().ledger;
        let close = |found: f64, known: f64| (found - known).abs() < 0.01;
        prop_assert_eq!(ledger.tally().resets, 0);
        prop_assert_eq!(ledger.tally().trades, truth.trades);
        prop_assert!(close(ledger.cash(), truth.cash));
        prop_assert!(close(ledger.realised(), truth.realised), "{} {}", ledger.realised(), truth.realised);
        prop_assert!(close(ledger.fees().unwrap(), truth.fees));
        let at_cost: f64 = ledger.assets().iter().map(|asset| asset.cost).sum();
        let start = ledger.first_worth().unwrap();
        prop_assert!(close(ledger.cash() + at_cost, start + ledger.realised()));
        prop_assert!(close(ledger.worth(), start + ledger.realised() + ledger.unrealised()));
        prop_assert!(close(session.book().equity.growth() * start, ledger.worth()));
    }

    #[test]
    fn pieces_of_any_size_are_read_as_the_whole(
        truth in truth(),
        sizes in proptest::collection::vec(1..200_usize, 1..20),
    ) {
        let mut session = Session::default();
        let mut rest = truth.text.as_bytes();
        for size in sizes.into_iter().cycle() {
            let (piece, left) = rest.split_at(size.min(rest.len()));
            session.feed(piece);
            rest = left;
            if rest.is_empty() {
                break;
            }
        }
        let whole = read(&truth.text);
        prop_assert_eq!(session.book(), whole.book());
    }

    #[test]
    fn any_bytes_at_all_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut session = read("timestamp,cash,holding_A,price_A\n");
        session.feed(&bytes);
        prop_assert!(session.book().ledger.worth().is_finite());
    }
}
