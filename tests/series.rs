//! What a power cut, an I/O error or a full disk may take from the metric series, and how large
//! their file grows.
//!
//! A seeded life of some days runs on a recording disk: ticks, late samples, a clock that steps
//! back, and maintenance whose every step may be cut. Whatever comes back must be exactly what was
//! there at one moment, and none before the last flush that was answered. `CAPPUCCINO_CRASH_SEEDS`
//! says how many lives to run (default 2), `CAPPUCCINO_SERIES_DAYS` how long the file's growth is
//! watched (default 6 days, at a tick a minute; from 20 days on at a tick every five seconds).

use cappuccino_core::store::{Retention, Samples, SeriesQuery, StoreError};
use cappuccino_core::words::{Span, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use support::{
    disk::{Disk, Fault, each_cut},
    story::facts,
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const SERIES: [&str; 2] = ["gpu/0/temperature", "trader/equity"];

/// Every sample by series and time, as bits.
type Content = BTreeMap<(usize, i64), u64>;

fn retention() -> Retention {
    Retention { raw: Span::hours(4), minutes: Span::hours(24), hours: Some(Span::hours(24 * 33)) }
}

/// What the runner does next.
#[derive(Clone, Debug)]
enum Act {
    Write(i64, Vec<(usize, f64)>),
    Maintain(i64),
    Flush,
}

/// A tick every 20 minutes, now and then a late one, a flush every few ticks.
fn life(rng: &mut ChaCha8Rng, hours: i64) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut now = 0;
    while now < hours * HOUR {
        now += 20 * MINUTE + rng.random_range(0..MINUTE);
        let values = (0..SERIES.len()).map(|series| (series, f64::from(rng.random::<i16>())));
        acts.push(Act::Write(now, values.collect()));
        if rng.random_bool(0.08) {
            let late = now - rng.random_range(0..15 * HOUR);
            acts.push(Act::Write(late, vec![(1, f64::from(rng.random::<i16>()))]));
        }
        if rng.random_bool(0.7) {
            acts.extend((0..rng.random_range(1..8)).map(|_| Act::Maintain(now)));
        }
        if rng.random_bool(0.3) {
            acts.push(Act::Flush);
        }
    }
    acts
}

fn open(disk: &Disk) -> Result<Samples, StoreError> {
    Samples::open(disk.clone(), &facts())
}

fn act(samples: &mut Samples, act: &Act) -> Result<(), StoreError> {
    match act {
        Act::Write(at, values) => {
            let named: Vec<_> = values.iter().map(|(series, v)| (SERIES[*series], *v)).collect();
            match samples.write(Timestamp(*at), &named) {
                Err(StoreError::OutOfTime { .. }) => Ok(()),
                outcome => outcome,
            }
        }
        Act::Maintain(now) => samples.maintain(&retention(), Timestamp(*now)).map(drop),
        Act::Flush => samples.flush(),
    }
}

/// All raw samples, and how many samples the sums of all time count per series.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    raw: Content,
    counts: [u64; 2],
}

impl State {
    fn of(samples: &Samples) -> Result<Self, StoreError> {
        let (from, to) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        let reader = samples.reader();
        let mut state = Self::default();
        for (number, series) in SERIES.iter().enumerate() {
            let points = reader.points(series, from, to)?.unwrap_or_default();
            assert!(points.is_sorted_by(|a, b| a.0 < b.0), "each time once");
            state.raw.extend(points.into_iter().map(|(at, v)| ((number, at.0), v.to_bits())));
            let query = SeriesQuery { series: (*series).into(), from, to, max_buckets: 2 };
            let answer = reader.query(&query)?;
            let buckets = answer.map_or(Vec::new(), |answer| answer.buckets);
            state.counts[number] = buckets.iter().map(|bucket| bucket.count).sum();
        }
        Ok(state)
    }

    /// Whether this is `before` with nothing lost but raw samples that are old enough.
    fn follows(&self, before: &Self, now: i64) -> bool {
        let old = now - retention().raw.0;
        let is_kept =
            |(key, value): (&(usize, i64), &u64)| self.raw.get(key) == Some(value) || key.1 < old;
        self.counts == before.counts
            && before.raw.iter().all(is_kept)
            && self.raw.iter().all(|(key, value)| before.raw.get(key) == Some(value))
    }
}

/// Opens what was left, compares it with what may be there, and moves everything on that is due.
fn come_back(disk: &Disk, allowed: &[State], now: i64) -> Result<(), String> {
    let say = |error: StoreError| error.to_string();
    let mut samples = open(disk).map_err(say)?;
    let found = State::of(&samples).map_err(say)?;
    if !allowed.contains(&found) {
        return Err(format!("{} samples, none of the {} states", found.raw.len(), allowed.len()));
    }
    while samples.maintain(&retention(), Timestamp(now)).map_err(say)? {}
    let settled = State::of(&samples).map_err(say)?;
    if settled.follows(&found, now) { Ok(()) } else { Err("lost while moving on".into()) }
}

fn number_from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn seeds() -> impl Iterator<Item = u64> {
    1..=number_from_env("CAPPUCCINO_CRASH_SEEDS", 2)
}

#[test]
fn a_power_cut_at_any_moment_leaves_the_samples_of_a_flush_each_exactly_once() {
    let (mut cuts, mut images) = (0, 0);
    for seed in seeds() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let acts = life(&mut rng, 60);
        let disk = Disk::default();
        let mut samples = open(&disk).unwrap();
        // What each answered flush promises, and after how many calls.
        let mut promised = vec![(0, State::default())];
        for next in &acts {
            act(&mut samples, next).unwrap();
            if matches!(next, Act::Flush) {
                promised.push((disk.logged(), State::of(&samples).unwrap()));
            }
        }
        samples.close().unwrap();
        promised.push((disk.logged(), State::of(&open(&disk).unwrap()).unwrap()));
        let last = promised.last().unwrap();
        assert!(last.1.counts[0] > last.1.raw.len() as u64, "much was summed up and removed");
        each_cut(&[], &disk.log(), true, |cut| {
            cuts += 1;
            let kept = promised.iter().rposition(|(calls, _)| *calls <= cut.at).unwrap();
            let allowed = promised[kept..].iter().take(2).map(|(_, state)| state.clone());
            let allowed: Vec<_> = allowed.collect();
            for _ in 0..if cut.unsynced.is_empty() { 1 } else { 3 } {
                images += 1;
                let left = Disk::holding(cut.image(&mut rng));
                if let Err(why) = come_back(&left, &allowed, 60 * HOUR) {
                    panic!("seed {seed}, power cut after call {}: {why}", cut.at);
                }
            }
        });
    }
    println!("{cuts} power cuts, {images} images");
    assert!(images > 1_000);
}

/// Lives until a call fails, then reopens; answers whether one failed.
fn fail(fault: Fault, acts: &[Act], states: &[State], now: i64) -> Option<StoreError> {
    let disk = Disk::with_fault(fault);
    let (mut flushed, mut done) = (0, 0);
    let outcome = open(&disk).and_then(|mut samples| {
        for next in acts {
            act(&mut samples, next)?;
            done += 1;
            if matches!(next, Act::Flush) {
                flushed = done;
            }
        }
        Ok(())
    });
    let error = outcome.err()?;
    assert!(error.needs_reopen(), "{error}");
    disk.heal();
    // The act that failed may be there or not.
    let allowed = &states[flushed..=(done + 1).min(acts.len())];
    if let Err(why) = come_back(&disk, allowed, now) {
        panic!("{fault:?}: {why}");
    }
    Some(error)
}

#[test]
fn an_error_or_a_full_disk_at_any_call_loses_nothing_that_was_flushed() {
    let hours = 26;
    for seed in seeds() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let acts = life(&mut rng, hours);
        let disk = Disk::default();
        let mut samples = open(&disk).unwrap();
        let mut states = vec![State::default()];
        for next in &acts {
            act(&mut samples, next).unwrap();
            states.push(State::of(&samples).unwrap());
        }
        drop(samples);
        let (mut errors, mut full) = (0, 0);
        for call in (0..disk.calls()).step_by(rng.random_range(3..6)) {
            let once = Fault::Once { call, error: ErrorKind::Other };
            errors += usize::from(fail(once, &acts, &states, hours * HOUR).is_some());
            let from = Fault::From { call, error: ErrorKind::StorageFull };
            let error = fail(from, &acts, &states, hours * HOUR);
            full += usize::from(error.is_some_and(|error| error.is_disk_full()));
        }
        println!("seed {seed}: {} calls, {errors} errors, {full} times full", disk.calls());
        assert!(errors > 20 && full > 20);
    }
}

#[test]
fn the_file_stops_growing_when_what_is_kept_stops_growing() {
    let days = number_from_env("CAPPUCCINO_SERIES_DAYS", 6) as i64;
    let every = if days < 20 { MINUTE } else { 5_000 };
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let names: Vec<String> = (0..42).map(|number| format!("series/{number}")).collect();
    let keeps = Retention {
        raw: Span::hours(24 * days / 4),
        minutes: Span::hours(24 * days / 3),
        hours: None,
    };
    let disk = Disk::default();
    let mut samples = open(&disk).unwrap();
    let mut sizes = Vec::new();
    for tick in 0..days * 24 * HOUR / every {
        let at = Timestamp(tick * every + rng.random_range(0..20));
        let value = |name| (name, f64::from(rng.random::<u16>()) / 100.0);
        let values: Vec<_> = names.iter().map(String::as_str).map(value).collect();
        samples.write(at, &values).unwrap();
        if tick * every % MINUTE == 0 {
            while samples.maintain(&keeps, at).unwrap() {}
            samples.flush().unwrap();
        }
        if tick * every % (12 * HOUR) == 0 {
            sizes.push(disk.bytes().len() >> 10);
            disk.forget();
        }
    }
    println!("file in KiB every 12 hours: {sizes:?}");
    let (middle, end) = (sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
    assert!(end <= middle, "{sizes:?}");
}
