//! Every reader of files from elsewhere, fed with seeded damage: it answers, never panics, and
//! needs no more memory than its limits say.
//!
//! `CAPPUCCINO_FUZZ_SECONDS=600 CAPPUCCINO_FUZZ_SEED=1` runs each reader that long on cases of its
//! own; without them a fixed number of cases is tried.

use cappuccino_core::model::container::Limits;
use cappuccino_core::model::network::PolicyNetwork;
use cappuccino_core::model::verdict::{Expected, FileKind, ModelFile, judge};
use cappuccino_core::model::{safetensors, torch, unpickle};
use cappuccino_core::store::{Retention, Samples, SeriesQuery, codec};
use cappuccino_core::trading::session::Session;
use cappuccino_core::words::{Digest, Note, Outcome, Span, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use redb::{ReadableDatabase, ReadableTable, TableDefinition};
use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{disk::Disk, heap, network, payload, story};

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

/// Cases without the variable.
const CASES: u64 = 2000;
/// Room that a reader may ask for beside a multiple of its input.
const ROOM: usize = 8 << 20;
const LIMITS: Limits =
    Limits { file_bytes: 1 << 20, unpacked_bytes: 1 << 20, directory_bytes: 1 << 16, entries: 100 };

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Feeds `read` with damaged versions of the `samples`.
fn fuzz(name: &str, samples: &[Vec<u8>], mut read: impl FnMut(&[u8])) {
    let seed = variable("CAPPUCCINO_FUZZ_SEED").unwrap_or(1);
    let until =
        variable("CAPPUCCINO_FUZZ_SECONDS").map(|s| Instant::now() + Duration::from_secs(s));
    let (mut cases, mut worst) = (0_u64, 0);
    while until.map_or(cases < CASES, |until| Instant::now() < until) {
        let mut chance = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1 << 32).wrapping_add(cases));
        let input = damaged(samples, &mut chance);
        let ((), most) = heap::most(|| read(&input));
        let allowed = ROOM + 64 * input.len();
        assert!(most <= allowed, "{name}, case {cases}: {most} bytes for {}", input.len());
        worst = worst.max(most);
        cases += 1;
    }
    eprintln!("{name}: {cases} cases from seed {seed}, at most {worst} bytes of memory");
}

/// One sample after one to six accidents.
fn damaged(samples: &[Vec<u8>], chance: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = samples[chance.random_range(0..samples.len())].clone();
    for _ in 0..chance.random_range(1..=6) {
        let at = chance.random_range(0..=bytes.len());
        let length = chance.random_range(0..=16).min(bytes.len() - at);
        match chance.random_range(0..9) {
            0 => bytes.truncate(at),
            1 | 2 if length > 0 => bytes[at] ^= 1 << chance.random_range(0..8),
            3 if length > 0 => bytes[at] = chance.random(),
            4 if length >= 4 => {
                let odd = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, u32::MAX, 1 << 31];
                let odd: u32 = odd[chance.random_range(0..odd.len())];
                bytes[at..at + 4].copy_from_slice(&odd.to_le_bytes());
            }
            5 => drop(bytes.drain(at..at + length)),
            6 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece.repeat(chance.random_range(1..40)));
            }
            7 => {
                let other = &samples[chance.random_range(0..samples.len())];
                let from = chance.random_range(0..=other.len());
                let to = (from + chance.random_range(0..200)).min(other.len());
                bytes.splice(at..at + length, other[from..to].iter().copied());
            }
            _ => bytes.splice(at..at, (0..length).map(|_| chance.random())).for_each(drop),
        }
    }
    bytes
}

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/network");
    std::fs::read(folder.join(name)).unwrap()
}

fn archives() -> Vec<Vec<u8>> {
    let mut samples: Vec<Vec<u8>> = ["ppo", "ddpg", "td3", "sac"]
        .iter()
        .flat_map(|net| ["actor.pth", "critic.pth"].map(|file| golden(&format!("{net}/{file}"))))
        .collect();
    samples.extend(network::files(7).map(|(_, bytes)| bytes));
    samples
}

fn pickle_of(archive: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let name = archive.file_names().map(|name| name.unwrap().into_owned());
    let name = name.into_iter().find(|name| name.ends_with("data.pkl")).unwrap();
    let mut pickle = Vec::new();
    std::io::copy(&mut archive.by_name(&name).unwrap(), &mut pickle).unwrap();
    pickle
}

#[test]
fn torch_archives() {
    fuzz("torch archives", &archives(), |bytes| {
        if let Ok(weights) = torch::read(Cursor::new(bytes), &LIMITS) {
            let again = torch::write(&weights, "actor").unwrap();
            let back = torch::read(Cursor::new(&again), &LIMITS).unwrap();
            assert_eq!(back.digest(), weights.digest());
        }
    });
}

#[test]
fn pickles() {
    let mut samples: Vec<Vec<u8>> = archives().iter().map(|archive| pickle_of(archive)).collect();
    samples.extend(payload::pickles(Path::new("/nowhere")).into_iter().map(|(_, pickle)| pickle));
    fuzz("pickles", &samples, |bytes| drop(unpickle::load(bytes)));
}

#[test]
fn safetensors_files() {
    let samples = [network::actor(7), network::critic(8)].map(|one| network::safetensors(&one));
    fuzz("safetensors", &samples, |bytes| {
        if let Ok(weights) = safetensors::read(Cursor::new(bytes), &LIMITS) {
            drop(PolicyNetwork::from_actor(&weights));
        }
    });
}

#[test]
fn whole_models() {
    let critic = network::files(7)[1].1.clone();
    let sound = network::actor(7).digest();
    fuzz("whole models", &archives(), |bytes| {
        let file = |name: &str, bytes: &[u8]| ModelFile {
            name: name.to_owned(),
            kind: FileKind::Regular,
            size_bytes: u64::try_from(bytes.len()).unwrap(),
            modified: None,
            digest: Some(Digest([0; 32])),
            content: Some(Cursor::new(bytes.to_vec())),
        };
        let mut files = [file("actor.pth", bytes), file("critic.pth", &critic)];
        let verdict = judge(&mut files, &Expected::nothing("fuzz"), &LIMITS);
        if verdict.outcome() == Outcome::Passed {
            let weights = torch::read(Cursor::new(bytes), &LIMITS).unwrap();
            assert_eq!(weights.digest(), sound, "only the actor of this critic passes");
        }
    });
}

#[test]
fn session_rows() {
    let session = [
        "timestamp,cash,total_asset,reward,holding_BTC/USD,price_BTC/USD,action_BTC/USD",
        "2025-11-17T18:00:00+00:00,1000.000000,1000.000000,0.0,0.000000,99000.500000,0.000000",
        "2025-11-17T19:00:00+00:00,500.250000,1000.100000,0.010000,0.005000,99970.0,0.005000",
        "2025-11-17T20:00:00+00:00,1000.5,1000.5,nan,0.0,1e5,-0.005",
        "",
    ]
    .join("\r\n");
    fuzz("session rows", &[session.as_bytes().to_vec()], |bytes| {
        let (mut whole, mut pieces) = (Session::default(), Session::default());
        whole.feed(bytes);
        bytes.chunks(7).for_each(|piece| pieces.feed(piece));
        assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    });
}

#[test]
fn stored_values() {
    let note = Note::ModelExamined(
        cappuccino_core::words::RevisionId(3),
        cappuccino_core::words::TrialNumber(12),
        network::hostile("os.system"),
    );
    let samples = [codec::encode(&note).unwrap(), codec::encode(&Note::RunnerStarted).unwrap()];
    fuzz("stored values", &samples, |bytes| {
        let mut bytes = bytes.to_vec();
        drop(codec::decode::<Note>(&bytes));
        reseal(&mut bytes);
        drop(codec::decode::<Note>(&bytes));
    });
}

/// Makes every checksum right again, those of values within values first: without it, damage would
/// come no further than the checksum.
fn reseal(bytes: &mut [u8]) {
    const HEADER: usize = 10;
    for at in (0..bytes.len().saturating_sub(HEADER)).rev() {
        if bytes[at..at + 2] != [0xCA, 1] {
            continue;
        }
        let length = u32::from_le_bytes(bytes[at + 6..at + HEADER].try_into().unwrap()) as usize;
        let end = at.saturating_add(HEADER).saturating_add(length);
        if end + 4 <= bytes.len() {
            let crc = crc32c::crc32c(&bytes[at..end]);
            bytes[end..end + 4].copy_from_slice(&crc.to_le_bytes());
        }
    }
}

const BLOCKS: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("blocks");
const PIECES: TableDefinition<'_, (u32, u64, u32), &[u8]> = TableDefinition::new("pieces");
const HOUR: i64 = 3_600_000;

/// A metrics file with blocks of every kind.
fn metrics() -> Vec<u8> {
    let disk = Disk::default();
    let mut samples = Samples::open(disk.clone(), &story::facts()).unwrap();
    let mut chance = ChaCha8Rng::seed_from_u64(9);
    for tick in 0..20 * 20 {
        let at = Timestamp(tick * HOUR / 20 + chance.random_range(0..20));
        let mut row = vec![("gpu/0/power", f64::from(chance.random::<u16>()) / 100.0)];
        if tick % 7 != 0 {
            row.push(("trader/equity", 1e5 + f64::from(chance.random::<u8>())));
        }
        samples.write(at, &row).unwrap();
    }
    while samples.maintain(&Retention::default(), Timestamp(20 * HOUR)).unwrap() {}
    samples.close().unwrap();
    disk.bytes()
}

/// Reads everything, and moves on what is due.
fn read_metrics(disk: Disk) {
    let Ok(mut samples) = Samples::open(disk, &story::facts()) else { return };
    let (from, to) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    for series in ["gpu/0/power", "trader/equity"] {
        let reader = samples.reader();
        for max_buckets in [4, 100_000] {
            drop(reader.query(&SeriesQuery { series: series.into(), from, to, max_buckets }));
        }
        if let Ok(Some(points)) = reader.points(series, from, to) {
            assert!(points.len() < 1 << 20, "{} points of a few bytes", points.len());
        }
    }
    let keeps = Retention { raw: Span::hours(8), minutes: Span::hours(8), hours: None };
    for _ in 0..50 {
        if !matches!(samples.maintain(&keeps, Timestamp(60 * HOUR)), Ok(true)) {
            return;
        }
    }
}

#[test]
fn metric_blocks() {
    let file = metrics();
    let database = |disk: Disk| {
        redb::Builder::new().set_cache_size(1 << 20).create_with_backend(disk).unwrap()
    };
    let (mut blocks, mut pieces) = (Vec::new(), Vec::new());
    {
        let whole = database(Disk::holding(file.clone()));
        let read = whole.begin_read().unwrap();
        for row in read.open_table(BLOCKS).unwrap().iter().unwrap().map(Result::unwrap) {
            blocks.push((row.0.value(), row.1.value().to_vec()));
        }
        for row in read.open_table(PIECES).unwrap().iter().unwrap().map(Result::unwrap) {
            pieces.push((row.0.value(), row.1.value().to_vec()));
        }
    }
    assert!(blocks.len() > 4 && pieces.len() > 4);
    let samples: Vec<Vec<u8>> = blocks
        .iter()
        .map(|(_, bytes)| bytes.clone())
        .chain(pieces.iter().map(|(_, bytes)| bytes.clone()))
        .collect();
    let mut turn = 0;
    fuzz("metric blocks", &samples, |bytes| {
        let mut bytes = bytes.to_vec();
        reseal(&mut bytes);
        let disk = Disk::holding(file.clone());
        let database = database(disk.clone());
        let write = database.begin_write().unwrap();
        if bytes.get(2) == Some(&6) {
            let key = blocks[turn % blocks.len()].0;
            write.open_table(BLOCKS).unwrap().insert(key, &bytes[..]).unwrap();
        } else {
            let key = pieces[turn % pieces.len()].0;
            write.open_table(PIECES).unwrap().insert(key, &bytes[..]).unwrap();
        }
        turn += 1;
        write.commit().unwrap();
        database.close().unwrap();
        read_metrics(disk);
    });
}
