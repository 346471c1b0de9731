//! What a power cut, an I/O error or a full disk may take from the store: nothing acknowledged.
//!
//! A seeded history of batches runs on a recording disk; then the power is cut between any two
//! calls, with what was not synced kept, dropped or torn; the store must come back with exactly
//! the acknowledged batches, or those and the one under way, and go on. `CAPPUCCINO_CRASH_SEEDS`
//! says how many histories to run (default 3), `CAPPUCCINO_CRASH_SEED` where to start.

use cappuccino_core::{
    store::{Batch, Key, OpenFacts, Samples, Store, StoreError, Table, codec::Record},
    words::{Sequence, Timestamp},
};
use rand::{Rng, RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use redb::{StorageBackend, backends::FileBackend};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs::File, io::ErrorKind, ops::RangeInclusive, process::Command};
use support::disk::{Cut, Disk, Fault, Op, each_cut};

const BATCHES: usize = 12;

#[derive(Serialize, Deserialize)]
struct Note(String);

impl Record for Note {
    const KIND: u16 = 900;
    const VERSION: u16 = 1;
    const NAME: &'static str = "note";
}

/// Everything that a store holds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Content {
    rows: BTreeMap<(Table, Key), Vec<u8>>,
    history: Vec<(Timestamp, Vec<u8>)>,
}

impl Content {
    fn of(store: &Store) -> Result<Self, StoreError> {
        let mut content = Self::default();
        for table in Table::ALL {
            let rows = store.rows(table)?;
            content.rows.extend(rows.into_iter().map(|(key, value)| ((table, key), value)));
        }
        let history = store.history(Sequence(1), usize::MAX)?;
        assert_eq!(store.reader().verify_history()?.0, history.len() as u64);
        content.history = history.into_iter().map(|row| (row.at, row.entry)).collect();
        Ok(content)
    }

    fn after(&self, batch: &Batch) -> Self {
        let mut content = self.clone();
        for (table, key, value) in batch.changes() {
            match value {
                Some(value) => content.rows.insert((table, key.clone()), value.to_vec()),
                None => content.rows.remove(&(table, key.clone())),
            };
        }
        content.history.extend(batch.history().map(|(at, entry)| (at, entry.to_vec())));
        content
    }
}

/// Batches and what the store holds before the first, after the first, and so on.
struct Story {
    batches: Vec<Batch>,
    contents: Vec<Content>,
}

impl Story {
    fn new(rng: &mut impl Rng) -> Self {
        let batches: Vec<Batch> = (0..BATCHES).map(|number| batch(number, rng)).collect();
        let mut contents = vec![Content::default()];
        for batch in &batches {
            contents.push(contents[contents.len() - 1].after(batch));
        }
        Self { batches, contents }
    }

    /// How many batches `content` holds; `None` for something in between.
    fn position(&self, content: &Content) -> Option<usize> {
        self.contents.iter().position(|known| known == content)
    }
}

/// Rows from a few bytes to more than a page, overwritten and deleted; every batch can be told
/// from the one before by its history entry.
fn batch(number: usize, rng: &mut impl Rng) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..rng.random_range(0..6) {
        let note = Note("x".repeat(*[3, 40, 700, 6_000].choose(rng).unwrap()));
        let key = rng.random_range(0..8);
        match rng.random_range(0..4) {
            0 => batch.delete(Table::Machines, format!("process/{key}").as_str()),
            1 => batch.delete(Table::Intents, key),
            2 => batch.put(Table::Machines, format!("process/{key}").as_str(), &note).unwrap(),
            _ => batch.put(Table::Intents, key, &note).unwrap(),
        }
    }
    for entry in 0..rng.random_range(1..4) {
        let at = Timestamp(rng.random_range(-1_000..1_000));
        batch.record(at, &Note(format!("batch {number} entry {entry}"))).unwrap();
    }
    batch
}

fn facts() -> OpenFacts {
    OpenFacts { now: Timestamp(0), app_version: "test".into() }
}

fn open(disk: &Disk) -> Result<Store, StoreError> {
    Store::open(disk.clone(), &facts())
}

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

/// Opens what a crash left, and compares; answers the number of batches found.
fn come_back(disk: &Disk, story: &Story, allowed: RangeInclusive<usize>) -> Result<usize, String> {
    let store = open(disk).map_err(|error| error.to_string())?;
    let content = Content::of(&store).map_err(|error| error.to_string())?;
    match story.position(&content) {
        Some(found) if allowed.contains(&found) => Ok(found),
        found => Err(format!("found batches {found:?}, allowed {allowed:?}")),
    }
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

/// Ticks with a flush after each third; the content at each flush is what a crash may leave.
#[test]
fn samples_survive_a_power_cut_up_to_the_last_flush_exactly() {
    let read = |samples: &Samples| {
        let all = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        let reader = samples.reader();
        let names = reader.series().unwrap();
        let series = names.into_iter().map(|name| {
            let points = reader.read(&name, all.0, all.1, usize::MAX).unwrap();
            (name, points)
        });
        series.collect::<Vec<_>>()
    };
    let disk = Disk::default();
    let mut samples = Samples::open(disk.clone(), &facts()).unwrap();
    let (mut contents, mut acknowledged) = (vec![vec![]], vec![0]);
    for tick in 0..18_i32 {
        let name = format!("worker/{}", tick / 4);
        let tick_ms = Timestamp(i64::from(tick % 11) * 5_000);
        samples.append(tick_ms, &[("gpu", f64::from(tick)), (&name, 1.0)]).unwrap();
        if tick % 3 == 2 {
            samples.flush().unwrap();
            contents.push(read(&samples));
            acknowledged.push(disk.logged());
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    each_cut(&[], &disk.log(), true, |cut| {
        for _ in 0..3 {
            let image = Disk::holding(cut.image(&mut rng));
            let samples = Samples::open(image, &facts()).unwrap();
            let found = read(&samples);
            let position = contents.iter().position(|content| *content == found);
            let allowed = allowed(&acknowledged, cut.at);
            assert!(position.is_some_and(|n| allowed.contains(&n)), "{position:?} at {}", cut.at);
        }
    });
}

/// A mounted tmpfs of one MiB, unmounted at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .output()
            .map_err(|error| error.to_string())?;
        if mount.status.success() {
            Ok(Self(folder))
        } else {
            Err(String::from_utf8_lossy(&mount.stderr).trim().to_owned())
        }
    }

    fn open(&self) -> Result<Store, StoreError> {
        let path = self.0.path().join("state.redb");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        Store::open(FileBackend::new(file.unwrap()).unwrap(), &facts())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(error) = Command::new("umount").arg(self.0.path()).status() {
            eprintln!("umount {}: {error}", self.0.path().display());
        }
    }
}

#[test]
fn a_real_full_disk_keeps_what_was_acknowledged_and_goes_on_once_there_is_space() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: no small disk can be mounted here ({why})"),
    };
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![1; 200 << 10]).unwrap();
    let mut store = disk.open().unwrap();
    let mut acknowledged = 0;
    let batch = |number: u64| {
        let mut batch = Batch::new();
        batch.put(Table::Intents, number, &Note("x".repeat(20_000))).unwrap();
        batch.record(Timestamp(0), &Note(format!("batch {number}"))).unwrap();
        batch
    };
    let error = loop {
        match store.apply(&batch(acknowledged)) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(acknowledged > 5 && error.is_disk_full() && error.needs_reopen(), "{error}");
    drop(store);
    std::fs::remove_file(ballast).unwrap();

    let mut store = disk.open().unwrap();
    let found = store.reader().verify_history().unwrap().0;
    assert!((acknowledged..=acknowledged + 1).contains(&found), "{found} of {acknowledged}");
    assert_eq!(store.rows(Table::Intents).unwrap().len() as u64, found);
    assert_eq!(store.apply(&batch(found)).unwrap().last_sequence, Sequence(found + 1));
}

#[test]
fn a_second_runner_is_told_that_the_file_has_an_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let backend = || {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        FileBackend::new(file.unwrap())
    };
    let first = Store::open(backend().unwrap(), &facts()).unwrap();
    let second = backend()
        .map_err(|error| error.to_string())
        .and_then(|backend| Store::open(backend, &facts()).map_err(|error| error.to_string()));
    assert!(second.unwrap_err().contains("another runner owns"));
    first.close().unwrap();
    assert!(Store::open(backend().unwrap(), &facts()).is_ok());
}

#[test]
fn a_backup_taken_from_another_thread_while_the_store_is_written_is_one_moment() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let story = Story::new(&mut rng);
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let reader = store.reader();
    let backups = std::thread::spawn(move || {
        let copies = (0..20).map(|_| {
            let copy = Disk::default();
            reader.backup_to(copy.clone()).unwrap();
            copy
        });
        copies.collect::<Vec<_>>()
    });
    for batch in &story.batches {
        store.apply(batch).unwrap();
    }
    for copy in backups.join().unwrap() {
        assert!(copy.len().unwrap() > 0);
        come_back(&copy, &story, 0..=BATCHES).unwrap();
    }
}
