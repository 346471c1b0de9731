//! What a power cut, an I/O error or a full disk may take from the store: nothing acknowledged.
//!
//! A seeded history of batches runs on a recording disk; then the power is cut between any two
//! calls, with what was not synced kept, dropped or torn; the store must come back with exactly
//! the acknowledged batches, or those and the one under way, and go on. `CAPPUCCINO_CRASH_SEEDS`
//! says how many histories to run (default 3), `CAPPUCCINO_CRASH_SEED` where to start.

use cappuccino_core::store::{Store, StoreError};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{io::ErrorKind, ops::RangeInclusive};
use support::{
    disk::{Cut, Disk, Fault, Op, each_cut},
    story::{BATCHES, Content, Story, come_back, facts, open},
};

/// Runs the whole story; answers the calls made and after how many each content was promised.
fn record(story: &Story) -> (Vec<Op>, Vec<usize>) {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let mut acknowledged = vec![0];
    for (number, batch) in story.batches.iter().enumerate() {
        if number == BATCHES / 2 {
            store.close().unwrap();
            store = open(&disk).unwrap();
        }
        store.apply(batch).unwrap();
        acknowledged.push(disk.logged());
    }
    store.close().unwrap();
    (disk.log(), acknowledged)
}

/// Which contents a power cut after `at` calls may leave.
fn allowed(acknowledged: &[usize], at: usize) -> RangeInclusive<usize> {
    let promised = acknowledged.iter().rposition(|calls| *calls <= at).unwrap();
    let under_way = acknowledged[promised] < at && promised + 1 < acknowledged.len();
    promised..=promised + usize::from(under_way)
}

/// Goes on with the story after a crash, to the end, and opens once more.
fn go_on(disk: &Disk, story: &Story, from: usize) -> Result<(), String> {
    let mut store = open(disk).map_err(|error| error.to_string())?;
    for batch in story.batches.iter().skip(from).take(1) {
        store.apply(batch).map_err(|error| error.to_string())?;
    }
    store.close().map_err(|error| error.to_string())?;
    let next = (from + 1).min(BATCHES);
    come_back(disk, story, next..=next).map(drop)
}

/// One crash, a second crash while recovering from it, and life after both.
fn survive(
    cut: Cut<'_>,
    story: &Story,
    allowed: RangeInclusive<usize>,
    rng: &mut impl Rng,
) -> Result<(), String> {
    let image = cut.image(rng);
    let disk = Disk::holding(image.clone());
    let found = come_back(&disk, story, allowed.clone())?;
    let recovery = disk.log();
    go_on(&disk, story, found)?;

    let second = rng.random_range(0..=recovery.len());
    let mut result = Ok(());
    each_cut(&image, &recovery, true, |cut| {
        if cut.at == second {
            let disk = Disk::holding(cut.image(rng));
            let again = come_back(&disk, story, allowed.clone());
            result = again.and_then(|found| go_on(&disk, story, found));
        }
    });
    result.map_err(|why| format!("second crash at call {second} of recovery: {why}"))
}

fn number_from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn seeds(default: u64) -> impl Iterator<Item = u64> {
    let first = number_from_env("CAPPUCCINO_CRASH_SEED", 1);
    first..first + number_from_env("CAPPUCCINO_CRASH_SEEDS", default)
}

/// Prints how to run one seed again when the test fails.
struct Rerun(u64);

impl Drop for Rerun {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!(
                "again: CAPPUCCINO_CRASH_SEED={seed} CAPPUCCINO_CRASH_SEEDS=1 cargo test -p cappuccino-tests --test crash"
            );
        }
    }
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_acknowledged_and_tears_nothing() {
    let (mut cuts, mut images) = (0, 0);
    for seed in seeds(3) {
        let _rerun = Rerun(seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let story = Story::new(&mut rng);
        let (log, acknowledged) = record(&story);
        each_cut(&[], &log, true, |cut| {
            cuts += 1;
            for _ in 0..if cut.unsynced.is_empty() { 1 } else { 6 } {
                images += 1;
                let allowed = allowed(&acknowledged, cut.at);
                if let Err(why) = survive(cut, &story, allowed, &mut rng) {
                    panic!("seed {seed}, power cut after call {} of {}: {why}", cut.at, log.len());
                }
            }
        });
    }
    println!("{cuts} power cuts, {images} images, as many with a second cut during recovery");
    assert!(images > 1_000 || std::env::var_os("CAPPUCCINO_CRASH_SEEDS").is_some());
}

#[test]
fn a_disk_that_lies_about_sync_is_caught_so_the_test_above_can_fail() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let story = Story::new(&mut rng);
    let (log, acknowledged) = record(&story);
    let (mut lost, mut images) = (0, 0);
    each_cut(&[], &log, false, |cut| {
        if cut.at % 2 == 0 {
            images += 1;
            let allowed = allowed(&acknowledged, cut.at);
            let disk = Disk::holding(cut.image(&mut rng));
            lost += usize::from(come_back(&disk, &story, allowed).is_err());
        }
    });
    println!("{lost} of {images} images from a lying disk were caught");
    assert!(lost * 2 > images, "only {lost} of {images}");
}

/// Lives through `fault` as the runner does: reopen when told to, read again, go on.
fn live_through(
    fault: Fault,
    story: &Story,
    cuts_power: bool,
    rng: &mut impl Rng,
) -> Vec<StoreError> {
    let disk = Disk::with_fault(fault);
    let mut errors = Vec::new();
    let (mut acknowledged, mut under_way) = (0, 0);
    let mut store: Option<Store> = None;
    while acknowledged < BATCHES {
        let step = match store.as_mut() {
            None => open(&disk).and_then(|opened| {
                let content = Content::of(&opened)?;
                let found = story.position(&content).expect("all of a batch or nothing of it");
                assert!((acknowledged..=acknowledged + under_way).contains(&found));
                store = Some(opened);
                Ok(found)
            }),
            Some(store) => {
                under_way = 1;
                store.apply(&story.batches[acknowledged]).map(|_| acknowledged + 1)
            }
        };
        match step {
            Ok(promised) => (acknowledged, under_way) = (promised, 0),
            Err(error) => {
                if store.take().is_some() {
                    assert!(error.needs_reopen(), "{error}");
                }
                if cuts_power {
                    disk.power_cut(rng);
                }
                errors.push(error);
                match errors.len() {
                    5 => disk.heal(),
                    count => assert!(count < 10, "no way back: {}", errors[count - 1]),
                }
            }
        }
    }
    drop(store);
    disk.heal();
    assert_eq!(come_back(&disk, story, BATCHES..=BATCHES), Ok(BATCHES));
    errors
}

/// Every call of a whole life of the story fails in turn.
fn fail_each_call(fault: impl Fn(usize) -> Fault, cuts_power: bool) -> Vec<StoreError> {
    let mut errors = Vec::new();
    for seed in seeds(3) {
        let _rerun = Rerun(seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let story = Story::new(&mut rng);
        let disk = Disk::default();
        let mut store = open(&disk).unwrap();
        for batch in &story.batches {
            store.apply(batch).unwrap();
        }
        drop(store);
        for call in 0..disk.calls() {
            errors.extend(live_through(fault(call), &story, cuts_power, &mut rng));
        }
        println!("seed {seed}: {} calls failed in turn, {} errors", disk.calls(), errors.len());
    }
    errors
}

#[test]
fn an_io_error_at_any_call_loses_nothing_acknowledged() {
    let once = |call| Fault::Once { call, error: ErrorKind::Other };
    let errors = fail_each_call(once, false);
    assert!(errors.iter().any(|error| matches!(error, StoreError::OutcomeUnknown { .. })));
    assert!(errors.iter().any(|error| matches!(error, StoreError::Storage { .. })));
}

#[test]
fn an_io_error_after_which_the_system_forgets_unsynced_pages_loses_nothing_acknowledged() {
    let once = |call| Fault::Once { call, error: ErrorKind::Other };
    assert!(!fail_each_call(once, true).is_empty());
}

#[test]
fn a_disk_full_from_any_call_on_is_said_and_lived_through() {
    let full = |call| Fault::From { call, error: ErrorKind::StorageFull };
    let errors = fail_each_call(full, false);
    let others: Vec<_> = errors.iter().filter(|error| !error.is_disk_full()).collect();
    assert!(!errors.is_empty() && others.is_empty(), "{others:?}");
    assert!(errors[0].to_string().contains("free space"), "{}", errors[0]);
}
