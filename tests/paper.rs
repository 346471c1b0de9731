//! The built-in paper trader against TA-Lib, against the defects of the trader it replaces, and
//! against itself after any number of restarts.

use cappuccino_core::trading::equity::Equity;
use cappuccino_core::trading::metrics::yearly;
use cappuccino_core::trading::paper::account::Account;
use cappuccino_core::trading::paper::backtest::{BacktestFault, Course};
use cappuccino_core::trading::paper::candle::{Bar, Candle, Timeframe};
use cappuccino_core::trading::paper::desk::{BarRecord, Desk, DeskState, Player, ResumeFault};
use cappuccino_core::trading::paper::indicators::{Indicators, WARM_UP_BARS};
use cappuccino_core::trading::paper::market::narrow;
use cappuccino_core::trading::paper::policy::Policy;
use cappuccino_core::trading::paper::rules::{Fees, Rules, Timing};
use cappuccino_core::words::Timestamp;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use support::paper::{HOUR, actor, bars, mix, network, part, settings, tickers};

const OUTPUTS: [&str; 6] = ["macd", "macd_signal", "macd_hist", "rsi", "cci", "dx"];

/// The series of `tests/python/make_indicators.py`, number for number.
fn talib_series(series: &Json, count: u64) -> Vec<Candle> {
    let number = |name: &str| series[name].as_f64().unwrap();
    let (seed, spread) = (series["seed"].as_u64().unwrap(), number("spread"));
    let (mut price, flat) = (number("price"), series["flat"].as_bool().unwrap());
    let candle = |bar: u64| {
        let (before, still) = (price, flat && bar % 100 >= 70);
        if !still {
            price *= 1.0 + (part(seed, bar * 4) - 0.5) * spread;
        }
        let (mut high, mut low) = (before.max(price), before.min(price));
        if !still {
            high *= 1.0 + part(seed, bar * 4 + 1) * spread;
            low *= 1.0 - part(seed, bar * 4 + 2) * spread * 0.5;
        }
        Candle::new([before, high, low, price, 1.0]).unwrap()
    };
    (0..count).map(candle).collect()
}

#[test]
fn indicators_are_talibs_to_the_bit_of_a_32_bit_float() {
    let golden: Json = serde_json::from_str(include_str!("golden/paper/indicators.json")).unwrap();
    let count = golden["bars"].as_u64().unwrap();
    for series in golden["series"].as_array().unwrap() {
        let mut indicators = Indicators::default();
        let mut found: [Vec<f32>; 6] = Default::default();
        for (place, candle) in talib_series(series, count).iter().enumerate() {
            let values = indicators.push(candle).unwrap();
            assert_eq!(values.is_some(), place >= WARM_UP_BARS);
            for (column, value) in found.iter_mut().zip(values.iter().flat_map(|all| &all[5..])) {
                column.push(narrow(*value));
            }
        }
        for (name, column) in OUTPUTS.iter().zip(&found) {
            let known = &series["outputs"][name];
            let samples = known["samples"].as_array().unwrap().iter().map(|bits| bits.as_u64());
            let own = column.iter().step_by(50).map(|value| Some(u64::from(value.to_bits())));
            assert!(samples.eq(own), "{name} of series {}", series["seed"]);
            let bytes: Vec<u8> = column.iter().flat_map(|value| value.to_le_bytes()).collect();
            let digest: String =
                Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(known["sha256"], digest, "{name} of series {}", series["seed"]);
        }
    }
}

fn player(name: &str, policy: Policy, lookback: usize) -> Player {
    Player { name: name.into(), model: String::new(), policy, settings: settings(lookback) }
}

fn desk(count: usize, rules: Rules, players: Vec<Player>) -> Desk {
    Desk::new(tickers(count), Timeframe::Hour, rules, players)
}

fn rules(count: usize) -> Rules {
    Rules::of(&tickers(count))
}

fn run(desk: &mut Desk, bars: &[Bar]) -> Vec<BarRecord> {
    bars.iter().filter_map(|bar| desk.take(bar, true).unwrap()).collect()
}

/// The change of cash that fills of the first lane explain at the closes of `bars[row - lag]`.
fn explained(records: &[BarRecord], row: usize, lag: usize) -> f64 {
    let step = records[row].lanes[0].as_ref().unwrap();
    let closes = &records[row - lag].closes;
    let moved = step.orders.iter().map(|order| order.units + order.forced_units).zip(closes);
    moved.map(|(units, price)| -units * price - units.abs() * price * 0.0025).sum()
}

fn cash_changes(timing: Timing, lookback: usize) -> (Vec<BarRecord>, Vec<f64>) {
    let rules = Rules { timing, ..rules(2) };
    let mut desk = desk(2, rules, vec![player("champion", Policy::Random(3), lookback)]);
    let (mut records, mut cash) = (Vec::new(), vec![1000.0]);
    for bar in &bars(11, 2, 160) {
        if let Some(record) = desk.take(bar, true).unwrap() {
            records.push(record);
            cash.push(desk.lanes().next().unwrap().2.account().cash);
        }
    }
    let changes = cash.iter().zip(&cash[1..]).map(|(before, after)| after - before).collect();
    (records, changes)
}

/// How many of the rows' changes of cash are explained by fills at the closes `lag` rows before.
fn explained_rows(records: &[BarRecord], changes: &[f64], lag: usize) -> (usize, usize) {
    let traded = |row: &usize| changes[*row].abs() > 0.0;
    let rows: Vec<usize> = (20..records.len()).filter(traded).collect();
    let fits = |row: &&usize| (explained(records, **row, lag) - changes[**row]).abs() < 1e-9;
    (rows.iter().filter(fits).count(), rows.len())
}

#[test]
fn t1_every_fill_is_at_the_close_of_its_own_row() {
    let (records, changes) = cash_changes(Timing::AtClose, 2);
    let (explained, traded) = explained_rows(&records, &changes, 0);
    assert!(traded > 40 && explained == traded, "{explained} of {traded}");
}

#[test]
fn t1_the_original_s_fills_are_lookback_plus_one_bars_old_and_only_the_oracle_repeats_it() {
    for lookback in [1, 2, 5] {
        let (records, changes) = cash_changes(Timing::Original, lookback);
        let (explained, traded) = explained_rows(&records, &changes, lookback + 1);
        assert!(traded > 40 && explained == traded, "{explained} of {traded}");
        let (fresh, _) = explained_rows(&records, &changes, 0);
        assert!(fresh * 10 < traded, "{fresh} of {traded} could be fills of their own row");
    }
}

#[test]
fn a_decision_of_the_next_close_is_that_of_the_bar_before() {
    let acted = |timing| {
        let rules = Rules { timing, ..rules(2) };
        let mut desk = desk(2, rules, vec![player("champion", Policy::Random(3), 2)]);
        let records = run(&mut desk, &bars(11, 2, 60));
        let raw = |record: &BarRecord| record.lanes[0].as_ref().unwrap().wishes.raw.clone();
        records.iter().map(raw).collect::<Vec<_>>()
    };
    let (at_once, later) = (acted(Timing::AtClose), acted(Timing::NextClose));
    assert_eq!(at_once[2..at_once.len() - 1], later[3..]);
}

#[test]
fn t2_coins_are_not_mixed_up_when_the_tickers_are_named_in_another_order() {
    let straight = bars(5, 2, 80);
    let turned: Vec<Bar> = straight
        .iter()
        .map(|bar| {
            let mut bar = bar.clone();
            bar.candles.reverse();
            bar.stale.reverse();
            bar
        })
        .collect();
    let worth = |bars: &[Bar]| {
        let mut desk = desk(2, rules(2), vec![player("hold", Policy::Hold, 2)]);
        run(&mut desk, bars).last().unwrap().lanes[0].as_ref().unwrap().worth
    };
    // Equal worths of both are bought; only the one bought last differs by the buy's margin.
    assert!((worth(&straight) - worth(&turned)).abs() < 20.0);
    let account = |bars: &[Bar]| {
        let mut desk = desk(2, rules(2), vec![player("hold", Policy::Hold, 2)]);
        run(&mut desk, bars);
        desk.lanes().next().unwrap().2.account().clone()
    };
    let (straight, turned) = (account(&straight), account(&turned));
    assert!((straight.positions[0].units / turned.positions[1].units - 1.0).abs() < 0.02);
}

#[test]
fn t6_a_network_that_gives_no_answer_trades_nothing() {
    let wrong = Policy::Network(Arc::new(network(1, 2, 3, 8)));
    let mut desk = desk(2, rules(2), vec![player("champion", wrong, 2)]);
    let records = run(&mut desk, &bars(5, 2, 50));
    // The first bar is too early for anybody.
    assert!(records.len() > 10 && records[1..].iter().all(|record| record.lanes[0].is_err()));
    let account = desk.lanes().next().unwrap().2.account();
    assert_eq!(account, &Account::new(1000.0, 2));
}

#[test]
fn t11_money_is_counted_in_64_bits() {
    let mut desk = desk(2, rules(2), vec![player("champion", Policy::Random(9), 1)]);
    run(&mut desk, &bars(21, 2, 2000));
    let (_, _, lane) = desk.lanes().next().unwrap();
    assert!(lane.account().sums.fills > 1000);
    let gap = books(lane.account()).abs();
    // Sums of 32-bit floats would be off by some 1e-4 after so many fills.
    assert!(gap < 1e-8, "{gap}");
}

/// Start, less what was paid, plus what was received, less the cash that there is.
fn books(account: &Account) -> f64 {
    let sums = &account.sums;
    1000.0 + sums.sold - sums.bought - sums.fees - account.cash
}

fn players(seed: u64, count: usize) -> Vec<Player> {
    let lookback = 1 + usize::try_from(mix(seed) % 3).unwrap();
    let network = Policy::Network(Arc::new(network(seed, count, lookback, 6)));
    vec![
        player("champion", network, lookback),
        player("chance", Policy::Random(seed), lookback),
        player("hold", Policy::Hold, lookback),
        player("equal-weight", Policy::EqualWeight, lookback),
    ]
}

/// The session after a kill: whatever was stored last, as JSON, and the bars up to it again.
fn killed(stored: &str, seed: u64, count: usize, rules: &Rules, bars: &[Bar]) -> Desk {
    let state: DeskState = serde_json::from_str(stored).unwrap();
    let players = players(seed, count);
    let mut desk =
        Desk::resume(tickers(count), Timeframe::Hour, rules.clone(), players, &state).unwrap();
    let last = desk.span().1;
    for bar in bars.iter().take_while(|bar| Some(bar.at) <= last) {
        desk.replay(bar).unwrap();
    }
    desk
}

fn random_rules(seed: u64, count: usize) -> Rules {
    let timing = [Timing::AtClose, Timing::NextClose, Timing::Original];
    let draw = |kind: u64| part(seed ^ 0xA5, kind);
    Rules {
        fee_rate: draw(1) * 0.01,
        half_spread_bps: draw(2) * 10.0,
        slippage_bps: draw(3) * 10.0,
        minimum_units: (0..count as u64).map(|place| draw(10 + place) * 0.1).collect(),
        timing: timing[usize::try_from(mix(seed) % 3).unwrap()],
        fees: if mix(seed ^ 9).is_multiple_of(2) { Fees::Alpaca } else { Fees::Money },
        ..rules(count)
    }
}

#[test]
fn t12_a_session_killed_at_any_bars_is_the_session_that_was_not() {
    for seed in 0..300 {
        let count = 1 + usize::try_from(seed % 3).unwrap();
        let (rules, bars) = (random_rules(seed, count), bars(seed, count as u64, 140));
        let mut whole = desk(count, rules.clone(), players(seed, count));
        let mut broken = desk(count, rules.clone(), players(seed, count));
        for (place, bar) in bars.iter().enumerate() {
            let (known, found) = (whole.take(bar, true).unwrap(), broken.take(bar, true).unwrap());
            assert_eq!(format!("{known:?}"), format!("{found:?}"), "seed {seed}, bar {place}");
            if mix(seed ^ ((place as u64) << 20)).is_multiple_of(25) {
                let stored = serde_json::to_string(&broken.stored()).unwrap();
                broken = killed(&stored, seed, count, &rules, &bars);
            }
        }
        assert_eq!(whole.stored(), broken.stored());
    }
}

#[test]
fn ten_thousand_sessions_with_restarts_reconcile_to_the_cent() {
    let course = bars(77, 3, 90);
    let mut fills = 0;
    for seed in 0..10_000_u64 {
        let from = usize::try_from(mix(seed) % 20).unwrap();
        let bars = &course[from..from + 60];
        let rules = Rules { start_cash: 1000.0, ..random_rules(seed, 3) };
        let players = || vec![player("chance", Policy::Random(seed), 1)];
        let mut desk = desk(3, rules.clone(), players());
        let kill = 30 + mix(seed ^ 5) % 28;
        for (place, bar) in bars.iter().enumerate() {
            desk.take(bar, true).unwrap();
            if place as u64 == kill {
                let stored = serde_json::to_string(&desk.stored()).unwrap();
                let state: DeskState = serde_json::from_str(&stored).unwrap();
                let (names, rules) = (tickers(3), rules.clone());
                desk = Desk::resume(names, Timeframe::Hour, rules, players(), &state).unwrap();
                bars[..=place].iter().for_each(|bar| desk.replay(bar).unwrap());
            }
        }
        let (_, _, lane) = desk.lanes().next().unwrap();
        let (account, closes) = (lane.account(), bars.last().unwrap().closes());
        assert!(books(account).abs() < 0.005, "seed {seed}: {}", books(account));
        assert!(account.cash >= 99.99, "seed {seed}: the reserve was touched: {}", account.cash);
        let cost: f64 = account.positions.iter().map(|held| held.cost).sum();
        let gains = account.sums.realised + account.worth(&closes) - account.cash - cost;
        assert!((1000.0 + gains - account.worth(&closes)).abs() < 0.005, "seed {seed}");
        fills += account.sums.fills;
    }
    assert!(fills > 50_000, "{fills}");
}

#[test]
fn a_restart_with_another_model_keeps_the_money_and_with_other_fees_is_refused() {
    let (bars, own) = (bars(4, 2, 60), rules(2));
    let mut first = desk(2, own.clone(), vec![player("champion", Policy::Random(1), 2)]);
    run(&mut first, &bars[..50]);
    let stored = first.stored();
    let resume = |rules: Rules, names| {
        let players = vec![player("champion", Policy::Random(2), 3)];
        Desk::resume(names, Timeframe::Hour, rules, players, &stored)
    };
    let second = resume(own.clone(), tickers(2)).unwrap();
    assert_eq!(
        second.lanes().next().unwrap().2.account(),
        first.lanes().next().unwrap().2.account()
    );
    let other = Rules { fee_rate: 0.0, ..own.clone() };
    let said = |found: Result<Desk, ResumeFault>| found.map(drop).unwrap_err().to_string();
    assert!(said(resume(other, tickers(2))).contains("other rules"));
    assert!(said(resume(own, tickers(1))).contains("T0/USD T1/USD"));
}

#[test]
fn bars_that_were_missed_are_seen_and_valued_but_not_traded() {
    let mut desk = desk(2, rules(2), vec![player("champion", Policy::Random(1), 1)]);
    let bars = bars(4, 2, 60);
    run(&mut desk, &bars[..50]);
    let before = desk.lanes().next().unwrap().2.account().clone();
    let record = desk.take(&bars[50], false).unwrap().unwrap();
    let step = record.lanes[0].as_ref().unwrap();
    assert!(!record.acted && step.orders.is_empty());
    assert_eq!(step.worth.to_bits(), before.worth(&bars[50].closes()).to_bits());
    assert_eq!(desk.lanes().next().unwrap().2.account(), &before);
}

#[test]
fn a_backtest_is_the_paper_trader_on_the_same_bars() {
    let (bars, rules) = (bars(8, 2, 24 * 20), rules(2));
    let policy = Policy::Network(Arc::new(network(5, 2, 3, 12)));
    let outcome = Course::new(&bars).unwrap().run(&policy, &settings(3), &rules).unwrap();
    let mut desk = desk(2, rules, vec![player("champion", policy, 3)]);
    let records = run(&mut desk, &bars);
    let live: Vec<_> = records
        .iter()
        .map(|record| (record.at, record.lanes[0].as_ref().unwrap().worth))
        .skip(2)
        .collect();
    assert_eq!(outcome.equity, live);
    assert!(outcome.fills > 10 && outcome.yearly.sharpe.is_some());
}

#[test]
fn a_backtest_knows_nothing_of_the_future() {
    let (bars, rules) = (bars(8, 2, 200), rules(2));
    let policy = Policy::Network(Arc::new(network(5, 2, 3, 12)));
    let mut changed = bars.clone();
    let last = changed.last_mut().unwrap();
    last.candles[0] = Candle::new([9.0, 9.0, 9.0, 9.0, 9.0]).unwrap();
    let equity = |bars: &[Bar]| {
        Course::new(bars).unwrap().run(&policy, &settings(3), &rules).unwrap().equity
    };
    let (one, other) = (equity(&bars), equity(&changed));
    assert_eq!(one[..one.len() - 1], other[..other.len() - 1]);
    assert_ne!(one.last(), other.last());
}

#[test]
fn states_of_the_newest_bars_are_those_that_the_trader_would_see() {
    let (bars, rules) = (bars(8, 2, 80), rules(2));
    let course = Course::new(&bars).unwrap();
    let states = course.states(&settings(2), &rules, 5);
    assert_eq!(states.len(), 10, "of each bar one with cash and one with coins");
    let newest = course.states(&settings(2), &rules, 1);
    assert_eq!(newest, states[8..]);
    for pair in states.chunks(2) {
        let (cash, coins) = (&pair[0], &pair[1]);
        assert_eq!(cash.len(), settings(2).state_len(2));
        assert_eq!((cash[0], &cash[1..3]), (1000.0 / 2048.0, &[0.0, 0.0][..]));
        assert!(coins[0] == 0.0 && coins[1] > 0.0 && coins[2] > 0.0);
        assert_eq!(cash[3..], coins[3..], "the market looks the same to both");
    }
    // The newest bar comes first, the one before it second.
    assert_eq!(states[6][3..25], states[8][25..47]);
    assert_eq!(course.states(&settings(2), &rules, 1000).len(), 2 * (course.len() - 1));
}

#[test]
fn who_joins_trades_from_the_next_bar_on_and_costs_the_others_nothing() {
    let (bars, champion) = (bars(9, 2, 120), || vec![player("champion", Policy::Random(3), 2)]);
    let mut alone = desk(2, rules(2), champion());
    let mut visited = desk(2, rules(2), champion());
    let known = run(&mut alone, &bars);
    let mut found = run(&mut visited, &bars[..60]);
    visited.join(player("guest", Policy::Random(4), 5));
    found.extend(run(&mut visited, &bars[60..90]));
    let names = |desk: &Desk| desk.lanes().map(|(name, ..)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&visited), ["champion", "guest"]);
    let guest = visited.lanes().nth(1).unwrap().2.account().clone();
    assert!(guest.sums.fills > 10 && books(&guest).abs() < 1e-9, "{guest:?}");
    visited.leave("guest");
    visited.leave("champion");
    found.extend(run(&mut visited, &bars[90..]));
    assert_eq!(names(&visited), ["champion"], "the champion stays");
    for (known, found) in known.iter().zip(&found) {
        assert_eq!(format!("{:?}", known.lanes[0]), format!("{:?}", found.lanes[0]));
    }
}

#[test]
fn a_backtest_that_cannot_be_made_says_why() {
    let (course, rules) = (Course::new(&bars(8, 2, 34)).unwrap(), rules(2));
    let run = |lookback| course.run(&Policy::Hold, &settings(lookback), &rules);
    assert!(run(1).is_ok());
    assert_eq!(run(3).unwrap_err(), BacktestFault::TooFewBars { bars: 1, needed: 3 });
    let wrong = Policy::Network(Arc::new(network(1, 3, 1, 4)));
    let said = course.run(&wrong, &settings(1), &rules).unwrap_err().to_string();
    assert!(said.contains("the network needs 37"), "{said}");
    assert!(actor(1, 3, 1, 4).get("net.0.weight").is_ok());
}

#[test]
fn chance_is_the_same_again_and_benchmarks_do_what_their_name_says() {
    let bars = bars(30, 3, 24 * 10);
    let run_all = || {
        let names = ["chance", "hold", "equal-weight"];
        let policies = [Policy::Random(4), Policy::Hold, Policy::EqualWeight];
        let players = names.iter().zip(policies).map(|(name, policy)| player(name, policy, 1));
        let mut desk = desk(3, rules(3), players.collect());
        let records = run(&mut desk, &bars);
        (format!("{records:?}"), desk)
    };
    let ((first, desk), (again, _)) = (run_all(), run_all());
    assert_eq!(first, again);
    let accounts: Vec<&Account> = desk.lanes().map(|(_, _, lane)| lane.account()).collect();
    assert_eq!((accounts[1].sums.fills, accounts[1].sums.forced), (3, 0));
    assert!(accounts[1].cash < 15.0, "{}", accounts[1].cash);
    let closes = bars.last().unwrap().closes();
    let values = accounts[2].positions.iter().zip(&closes).map(|(held, price)| held.units * price);
    let (low, high) = values.fold((f64::MAX, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    assert!(high / low < 1.3 && accounts[2].sums.fills > 10, "{low} to {high}");
}

#[test]
fn yearly_figures_are_quantstats_where_the_definitions_agree() {
    let golden: Json = serde_json::from_str(include_str!("golden/paper/figures.json")).unwrap();
    for account in golden.as_array().unwrap() {
        let mut equity = Equity::default();
        for (day, close) in (0..).zip(account["closes"].as_array().unwrap()) {
            equity.mark(Timestamp(day * 24 * HOUR), close.as_f64().unwrap());
        }
        let found = yearly(&equity);
        for (name, figure) in [
            ("sharpe", found.sharpe),
            ("sortino", found.sortino),
            ("volatility", found.volatility),
            ("cagr", found.cagr),
            ("calmar", found.calmar),
            ("max_drawdown", Some(equity.max_drawdown())),
        ] {
            let (known, figure) = (account[name].as_f64().unwrap(), figure.unwrap());
            assert!((figure - known).abs() < 1e-9 * known.abs().max(1.0), "{name}: {figure}");
        }
    }
}
