//! What a runner that is killed keeps of what it measured.
//!
//! `CAPPUCCINO_MEASURE_KILLS` says how many lives end at random (default 6), after one that is long
//! enough for samples to become durable.

use cappuccino_core::api::SeriesView;
use cappuccino_core::store::{FileBackend, Samples};
use cappuccino_core::words::{Span, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::time::Duration;
use support::daemon::{PATIENCE, Site};
use support::story::facts;
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
const SERIES: &str = "host/memory_used";
/// What a kill may take at most: a minute between two flushes, and the turns around them.
const UNDURABLE: Span = Span::seconds(66);

fn now() -> Timestamp {
    let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap())
}

/// What clients see: the width of the buckets, the start of each, and that none holds two samples.
/// Nothing before there is a sample.
fn seen(site: &Site) -> Option<(i64, BTreeSet<i64>)> {
    let to = now().plus(Span::seconds(1));
    let from = to.plus(Span(-Span::seconds(90).0));
    let path = format!("/v1/series/{SERIES}?from={from}&to={to}&buckets=5000");
    let view: SeriesView = site.get(&path).ok()?;
    assert!(view.buckets.iter().all(|bucket| bucket.count == 1), "each sample once");
    Some((view.width.0, view.buckets.iter().map(|bucket| bucket.start.0).collect()))
}

/// What the file holds of a runner that is gone.
fn kept(site: &Site) -> Vec<i64> {
    let file = OpenOptions::new().read(true).write(true).open(site.workspace().metrics_file());
    let samples = Samples::open(FileBackend::new(file.unwrap()).unwrap(), &facts()).unwrap();
    let ever = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let points = samples.reader().points(SERIES, ever.0, ever.1).unwrap().unwrap_or_default();
    let times: Vec<i64> = points.iter().map(|(at, _)| at.0).collect();
    assert!(times.is_sorted_by(|before, after| before < after), "each time once: {times:?}");
    times
}

#[test]
fn kill_9_at_any_moment_takes_no_sample_older_than_a_minute_and_doubles_none() {
    let kills: u32 = std::env::var("CAPPUCCINO_MEASURE_KILLS").map_or(6, |n| n.parse().unwrap());
    let mut chance = ChaCha8Rng::seed_from_u64(u64::from(std::process::id()));
    let mut site = Site::new(PROGRAM, "[machine]\nevery = \"1s\"\n");
    site.start_and_wait();
    until("it has measured for longer than a flush is away", PATIENCE * 6, || {
        let durable = now().plus(Span(-UNDURABLE.0));
        let shown = seen(&site)?.1;
        (shown.iter().filter(|at| **at < durable.0).count() >= 5).then_some(())
    });
    let (width, shown) = seen(&site).unwrap();
    site.kill();
    let durable = now().plus(Span(-UNDURABLE.0));
    let must: BTreeSet<i64> = shown.into_iter().filter(|at| *at < durable.0).collect();
    assert!(must.len() >= 3, "{must:?}");
    let all_there = |times: &[i64]| {
        let buckets: BTreeSet<i64> = times.iter().map(|at| at - at.rem_euclid(width)).collect();
        assert!(must.is_subset(&buckets), "{must:?} and {times:?}");
    };
    let first = kept(&site);
    all_there(&first);
    println!("{} samples kept, {} of them had to be", first.len(), must.len());
    for _ in 0..kills {
        site.start();
        std::thread::sleep(Duration::from_millis(chance.random_range(5..2500)));
        site.kill();
        let times = kept(&site);
        all_there(&times);
        assert!(times.starts_with(&first), "what was on the disk stays as it is");
    }
}
