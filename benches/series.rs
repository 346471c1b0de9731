//! What the metric series cost: bytes on disk, ingest, reads, and sixty days of life.
//!
//! Prints one line per figure. Words after `--` choose parts: `month` (six series, every level
//! kept; writes the points to `series-points.bin` for `benches/peers/series.py`), `raw`,
//! `ingest`, `life` (60 days of 42 series), `year`. Without words all of them run.

use cappuccino_core::store::{
    FileBackend, OpenFacts, Retention, Samples, SeriesId, SeriesKind, SeriesQuery,
};
use cappuccino_core::words::{Span, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use redb::StorageBackend;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const DAY: i64 = 86_400_000;
const KINDS: [&str; 6] = ["temperature", "utilisation", "memory", "equity", "trials", "power"];

/// Six kinds of series as a workstation has them, told every so often with some jitter.
struct Source {
    rng: ChaCha8Rng,
    at: i64,
    every: i64,
    temperature: f64,
    memory: f64,
    equity: f64,
    trials: f64,
}

impl Source {
    fn new(every: i64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(42);
        let (temperature, memory, equity, trials) = (65.0, 11.5e9, 100_000.0, 12.0);
        Self { rng, at: START, every, temperature, memory, equity, trials }
    }

    fn tick(&mut self) -> (i64, [f64; 6]) {
        let rng = &mut self.rng;
        let jitter = rng.random_range(0..=20);
        self.temperature = (self.temperature + rng.random_range(-1.2..1.2)).clamp(45.0, 84.0);
        if rng.random_bool(0.01) {
            self.memory = 9e9 + (rng.random_range(0..4_000) as f64) * 1_048_576.0;
        }
        self.equity *= 1.0 + rng.random_range(-0.000_3..0.000_3);
        if rng.random_bool(0.003) {
            self.trials = rng.random_range(60..240) as f64 / 7.0;
        }
        let utilisation = rng.random_range(60..100) as f64;
        let power = 80.0 + 2.4 * utilisation + rng.random_range(-8.0..8.0);
        let cents = |value: f64| (value * 100.0).round() / 100.0;
        let values = [
            self.temperature.round(),
            utilisation,
            self.memory,
            cents(self.equity),
            self.trials,
            cents(power),
        ];
        let at = self.at + jitter;
        self.at += self.every;
        (at, values)
    }
}

/// A real file that counts what is written to it, and may leave out the waiting for the disk, which
/// would be most of the time of sixty days at once.
#[derive(Debug)]
struct Counted {
    file: FileBackend,
    written: Arc<AtomicU64>,
    waits: bool,
}

impl StorageBackend for Counted {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.waits { self.file.sync_data() } else { Ok(()) }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.written.fetch_add(data.len() as u64, Ordering::Relaxed);
        self.file.write(offset, data)
    }
}

/// Opens the samples; answers them and the count of bytes written.
fn open(path: &Path, waits: bool) -> (Samples, Arc<AtomicU64>) {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let file = FileBackend::new(file.expect("a file")).expect("a lock");
    let written = Arc::default();
    let backend = Counted { file, written: Arc::clone(&written), waits };
    let facts = OpenFacts { now: Timestamp(START), app_version: "bench".into() };
    (Samples::open(backend, &facts).expect("the samples open"), written)
}

fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_file(&path).expect("an old file goes");
    }
    path
}

/// `count` series, named after the six kinds.
fn define(samples: &mut Samples, count: usize) -> Vec<SeriesId> {
    let names = (0..count).map(|number| format!("host{}/{}", number / 6, KINDS[number % 6]));
    names.map(|name| samples.define(&name, "", SeriesKind::Gauge).expect("a series")).collect()
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).expect("the file is there").len()
}

fn say(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let (least, p50, p99, most) = (at(0.0), at(0.5), at(0.99), at(1.0));
    let count = times.len();
    println!(
        "{what}: {count} times, least {least:.1?}, p50 {p50:.1?}, p99 {p99:.1?}, most {most:.1?}"
    );
}

/// What this thread has computed so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Durations of the three things that a runner does with samples.
#[derive(Default)]
struct Times {
    writes: Vec<Duration>,
    flushes: Vec<Duration>,
    steps: Vec<Duration>,
    /// Of the steps, what they themselves computed: others on a busy machine make them wait.
    computed: Vec<Duration>,
}

impl Times {
    fn say(mut self) {
        say("  ticks written", &mut self.writes);
        say("  flushed", &mut self.flushes);
        say("  maintained, one step each", &mut self.steps);
        say("  of that on the processor", &mut self.computed);
    }
}

/// Lives through some days as a runner does: a tick now and then, a flush and maintenance every
/// minute.
fn live(
    samples: &mut Samples,
    retention: &Retention,
    source: &mut Source,
    ids: &[SeriesId],
    days: i64,
    mut each_tick: impl FnMut(i64, &[f64; 6]),
) -> Times {
    let mut times = Times::default();
    let end = source.at + days * DAY;
    let mut minute = 0;
    while source.at < end {
        let (at, values) = source.tick();
        let repeated = values.iter().cycle();
        // Neighbours differ by a little, so that no column is another's copy.
        let tick: Vec<_> = ids
            .iter()
            .zip(repeated)
            .enumerate()
            .map(|(n, (id, value))| (*id, value + (n / 6) as f64))
            .collect();
        let began = Instant::now();
        samples.write(Timestamp(at), &tick).expect("a write");
        times.writes.push(began.elapsed());
        each_tick(at, &values);
        if at / 60_000 != minute {
            minute = at / 60_000;
            let mut more = true;
            while more {
                let (began, computed) = (Instant::now(), processor_time());
                more = samples.maintain(retention, Timestamp(at)).expect("a step");
                if more {
                    times.steps.push(began.elapsed());
                    times.computed.push(processor_time() - computed);
                }
            }
            let began = Instant::now();
            samples.flush().expect("a flush");
            times.flushes.push(began.elapsed());
        }
    }
    times
}

const EVERYTHING: Retention =
    Retention { raw: Span::hours(24 * 4000), minutes: Span::hours(24 * 4000), hours: None };

fn month() {
    let path = fresh("series-month.redb");
    let points_file = fresh("series-points.bin");
    let mut points = std::io::BufWriter::new(File::create(&points_file).expect("a file"));
    let (mut samples, _) = open(&path, false);
    let ids = define(&mut samples, 6);
    let mut source = Source::new(5_000);
    let mut count = 0_u64;
    let began = Instant::now();
    let times = live(&mut samples, &EVERYTHING, &mut source, &ids, 30, |at, values| {
        count += 6;
        points.write_all(&at.to_le_bytes()).expect("a write");
        values.iter().for_each(|v| points.write_all(&v.to_le_bytes()).expect("a write"));
    });
    points.flush().expect("a flush");
    println!("month: {count} points, 6 series every 5 s for 30 days");
    println!("  lived through in {:.2} s", began.elapsed().as_secs_f64());
    times.say();
    let reader = samples.reader();
    let ever = (Timestamp(START), Timestamp(START + 40 * DAY));
    let mut times = Vec::new();
    let mut read = 0;
    for _ in 0..9 {
        let began = Instant::now();
        let points = ["host0/temperature", "host0/power"]
            .map(|name| reader.points(name, ever.0, ever.1).expect("a read").expect("known").len());
        times.push(began.elapsed());
        read = points.iter().sum();
    }
    say(&format!("  {read} points read"), &mut times);
    ask(&samples, "host0/power", START, START + 30 * DAY, 2_000);
    ask(&samples, "host0/power", START + 29 * DAY, START + 30 * DAY, 2_000);
    ask(&samples, "host0/power", START + 29 * DAY, START + 30 * DAY, 200);
    samples.close().expect("a close");
    let bytes = size(&path);
    println!(
        "  file {:.1} MiB, {:.2} bytes per point, sums included",
        mib(bytes),
        bytes as f64 / count as f64
    );
    tables(&path, count);
}

/// The month again without the minutes: what raw samples alone take.
fn raw() {
    let path = fresh("series-raw.redb");
    let (mut samples, _) = open(&path, false);
    let ids = define(&mut samples, 6);
    let mut source = Source::new(5_000);
    let keeps = Retention { minutes: Span::ZERO, ..EVERYTHING };
    let times = live(&mut samples, &keeps, &mut source, &ids, 30, |_, _| {});
    samples.close().expect("a close");
    println!("raw: the same month, its minutes removed");
    tables(&path, times.writes.len() as u64 * 6);
}

fn ask(samples: &Samples, series: &str, from: i64, to: i64, max_buckets: usize) {
    let (from, to) = (Timestamp(from), Timestamp(to));
    let query = SeriesQuery { series: series.into(), from, to, max_buckets };
    let (mut times, mut answer) = (Vec::new(), None);
    for _ in 0..50 {
        let began = Instant::now();
        answer = samples.reader().query(&query).expect("an answer");
        times.push(began.elapsed());
    }
    let answer = answer.expect("known");
    let days = to.since(from).0 / DAY;
    let what = format!("  {days} days as {} buckets of {}", answer.buckets.len(), answer.width);
    say(&what, &mut times);
}

/// Where the bytes are.
fn tables(path: &Path, points: u64) {
    use redb::{ReadableDatabase, ReadableTableMetadata, TableHandle};
    let database = redb::Database::open(path).expect("it opens");
    let transaction = database.begin_read().expect("a read");
    for table in transaction.list_tables().expect("tables") {
        let name = table.name().to_owned();
        let stats = transaction.open_untyped_table(table).expect("a table").stats().expect("stats");
        println!(
            "    {name}: {:.2} B/point stored, {:.2} fragmented, {:.2} keys and pages",
            stats.stored_bytes() as f64 / points as f64,
            stats.fragmented_bytes() as f64 / points as f64,
            stats.metadata_bytes() as f64 / points as f64
        );
    }
}

fn ingest() {
    let path = fresh("series-ingest.redb");
    let (mut samples, _) = open(&path, true);
    let ids = define(&mut samples, 42);
    let mut source = Source::new(5_000);
    let mut times = Vec::new();
    for _ in 0..3_000 {
        let (at, values) = source.tick();
        let tick: Vec<_> = ids.iter().copied().zip(values.into_iter().cycle()).collect();
        let began = Instant::now();
        samples.write(Timestamp(at), &tick).expect("a write");
        samples.flush().expect("a flush");
        times.push(began.elapsed());
    }
    let total: Duration = times.iter().sum();
    let rate = times.len() as f64 * 42.0 / total.as_secs_f64();
    println!("ingest: 42 series, every tick written and fsynced: {rate:.0} points/s");
    say("  tick", &mut times);
    let mut bare = File::create(fresh("series-bare.bin")).expect("a file");
    let mut syncs = Vec::new();
    for _ in 0..1_000 {
        let began = Instant::now();
        bare.write_all(&[7; 4096]).and_then(|()| bare.sync_data()).expect("a write");
        syncs.push(began.elapsed());
    }
    say("  beside it, 4 KiB appended and fsynced", &mut syncs);
}

fn life() {
    let path = fresh("series-life.redb");
    let (mut samples, written) = open(&path, false);
    let ids = define(&mut samples, 42);
    let mut source = Source::new(5_000);
    let began = Instant::now();
    println!("life: 42 series every 5 s, default retention");
    let mut all = Times::default();
    for days in (4..=60).step_by(4) {
        let times = live(&mut samples, &Retention::default(), &mut source, &ids, 4, |_, _| {});
        all.writes.extend(times.writes);
        all.flushes.extend(times.flushes);
        all.steps.extend(times.steps);
        all.computed.extend(times.computed);
        println!("  day {days}: file {:.1} MiB", mib(size(&path)));
    }
    let points = all.writes.len() as u64 * 42;
    println!("  {points} points in {:.0?}", began.elapsed());
    println!("  {:.0} MiB written per day", mib(written.load(Ordering::Relaxed)) / 60.0);
    all.say();
    samples.close().expect("a close");
    println!("  file closed {:.1} MiB", mib(size(&path)));
    tables(&path, 42 * 14 * 17_280);
}

fn year() {
    let path = fresh("series-year.redb");
    let (mut samples, _) = open(&path, false);
    let ids = define(&mut samples, 6);
    let mut source = Source::new(30_000);
    let times = live(&mut samples, &Retention::default(), &mut source, &ids, 370, |_, _| {});
    println!("year: 6 series every 30 s for 370 days, default retention");
    times.say();
    let end = source.at;
    for (days, max_buckets) in [(366, 2_000), (30, 2_000), (1, 2_000)] {
        ask(&samples, "host0/power", end - days * DAY, end, max_buckets);
    }
    ask(&samples, "host0/power", end - 366 * DAY, end, 6_000);
    samples.close().expect("a close");
    println!("  file {:.1} MiB", mib(size(&path)));
    tables(&path, 6 * 370 * 1_440);
}

fn main() {
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let parts: [(&str, fn()); 5] =
        [("month", month), ("raw", raw), ("ingest", ingest), ("life", life), ("year", year)];
    for (name, part) in parts {
        if chosen.is_empty() || chosen.iter().any(|word| word == name) {
            part();
        }
    }
}
