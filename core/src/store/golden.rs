//! The bytes of the store's own records, frozen: what one version wrote, every later one reads.
//!
//! When a test here fails, the layout of a record changed. Give it a new version and a new golden
//! file beside the old one; never change the bytes of an existing file.

use super::commit::Counters;
use super::{
    codec::{self, CodecError, Record},
    format::FileFacts,
    history::{Chained, Head},
    series::Bucket,
    series::{
        Bytes, Column, Directory, Horizons, Piece, SeriesKind, SeriesRow, SeriesV1, Sums, Tick,
        Times,
    },
};
use crate::machines::alert::{Alert, AlertV1};
use crate::machines::{deployment::Slot, process::Process, study::Study};
use crate::words::{Digest, Intent, Note, Revision, Sequence, Silence, Timestamp, TradesTold};
use crate::world::Answered;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::fmt::Write as _;

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/golden/store/", $name, ".bin"))
    };
}

fn facts() -> FileFacts {
    FileFacts {
        purpose: "state".into(),
        format_version: 1,
        app_version: "0.1.0".into(),
        created_at: Timestamp(1_795_500_000_000),
    }
}

fn chained() -> Chained {
    Chained {
        at: Timestamp(-1),
        previous: Digest([0x11; 32]),
        hash: Digest([0xee; 32]),
        entry: vec![0, 1, 250, 251, 255],
    }
}

fn head() -> Head {
    Head { sequence: Sequence(70_000), hash: Digest([0x5a; 32]) }
}

fn tick() -> Tick {
    Tick(vec![(0, 71.5), (300, -0.0), (1, f64::INFINITY)])
}

fn series() -> SeriesRow {
    SeriesRow { number: 70_000, unit: "°C".into(), kind: SeriesKind::Counter }
}

const TIMES: [i64; 5] = [-1, 0, 5_000, 10_003, 15_000];

/// The second and the last two of five times.
fn points() -> Vec<(i64, f64)> {
    let nan = f64::from_bits(0xfff8_0000_dead_beef);
    vec![(0, 71.5), (10_003, nan), (15_000, -0.0)]
}

fn buckets() -> Vec<Bucket> {
    let bucket = |slot: i64, value: f64| Bucket {
        start: Timestamp(slot * 60_000),
        count: 12,
        nans: 1,
        min: -value,
        max: f64::INFINITY,
        sum: f64::INFINITY,
        first: f64::NAN,
        last: value,
    };
    vec![bucket(0, 0.1), bucket(7, 0.2), bucket(1439, 0.3)]
}

fn horizons() -> Horizons {
    Horizons { raw: Timestamp(1_795_500_000_000), minutes: Timestamp(-1) }
}

fn check<R: Record + PartialEq + Debug>(bytes: &[u8], value: &R) {
    let written = codec::encode(value).unwrap();
    assert_eq!(written, bytes, "{} is now written as {written:02x?}", R::NAME);
    assert_eq!(codec::decode::<R>(bytes).unwrap(), *value);
    for bit in 0..bytes.len() * 8 {
        check_flip::<R>(bytes, bit);
    }
}

fn check_flip<R: Record + Debug>(bytes: &[u8], bit: usize) {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    let error: CodecError = codec::decode::<R>(&flipped).expect_err("a flipped bit must show");
    let text = error.to_string();
    assert!(text.contains("backup"), "bit {bit} of {} says only: {text}", R::NAME);
}

#[test]
fn today_s_records_have_the_bytes_they_always_had_and_every_flipped_bit_shows() {
    check(golden!("file_facts_v1"), &facts());
    check(golden!("history_entry_v1"), &chained());
    check(golden!("history_head_v1"), &head());
    check(golden!("series_v1"), &SeriesV1(70_000));
    check(golden!("series_v2"), &series());
    check(golden!("tick_v1"), &tick());
    check(golden!("horizons_v1"), &horizons());
    check(golden!("directory_v1"), &Directory(vec![(0, 1_700), (70_000, 3), (u32::MAX, 0)]));
    check(golden!("piece_v1"), &Piece(Bytes(vec![0, 1, 250, 251, 255])));
}

#[test]
fn a_series_of_the_first_format_becomes_a_gauge_without_unit() {
    let read: SeriesRow = codec::decode(golden!("series_v1")).unwrap();
    assert_eq!(read, SeriesRow { number: 70_000, ..SeriesRow::default() });
}

/// A newer compressor may choose other bytes for the same numbers; old bytes keep their meaning.
#[test]
fn compressed_columns_are_read_as_they_were_written_and_every_flipped_bit_shows() {
    let bytes = golden!("times_v1");
    let times: Times = codec::decode(bytes).unwrap();
    assert_eq!(times.unpack().unwrap(), TIMES);
    check(bytes, &times);

    let bytes = golden!("column_v1");
    let column: Column = codec::decode(bytes).unwrap();
    let bits = |points: Vec<(i64, f64)>| -> Vec<(i64, u64)> {
        points.into_iter().map(|(at, value)| (at, value.to_bits())).collect()
    };
    assert_eq!(bits(column.unpack(&TIMES).unwrap()), bits(points()));
    check(bytes, &column);

    let bytes = golden!("sums_v1");
    let sums: Sums = codec::decode(bytes).unwrap();
    assert_eq!(format!("{:?}", sums.unpack(0, 60_000).unwrap()), format!("{:?}", buckets()));
    check(bytes, &sums);
}

macro_rules! samples {
    ($name:literal) => {
        (
            include_str!(concat!("../../../tests/golden/store/", $name, ".json")),
            include_str!(concat!("../../../tests/golden/store/", $name, ".hex")),
        )
    };
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn bytes(line: &str) -> Vec<u8> {
    let digits = (0..line.len()).step_by(2).map(|start| &line[start..start + 2]);
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Every line of the bytes is what the same line of the values says, in both directions.
fn check_samples<R>((values, lines): (&str, &str))
where
    R: Record + PartialEq + Debug + DeserializeOwned,
{
    let values: Vec<R> = serde_json::from_str(values).unwrap();
    let written: Vec<String> =
        values.iter().map(|value| hex(&codec::encode(value).unwrap())).collect();
    let frozen: Vec<&str> = lines.lines().collect();
    assert_eq!(written, frozen, "{} is written otherwise:\n{}", R::NAME, written.join("\n"));
    for (value, line) in values.iter().zip(frozen) {
        let bytes = bytes(line);
        assert_eq!(codec::decode::<R>(&bytes).unwrap(), *value);
        for bit in 0..bytes.len() * 8 {
            check_flip::<R>(&bytes, bit);
        }
    }
}

#[test]
fn every_state_note_and_intent_has_the_bytes_it_always_had_and_every_flipped_bit_shows() {
    check_samples::<Study>(samples!("study_v1"));
    check_samples::<Slot>(samples!("slot_v1"));
    check_samples::<Process>(samples!("process_v1"));
    check_samples::<Process>(samples!("process_v1_supervision"));
    check_samples::<AlertV1>(samples!("alert_v1"));
    check_samples::<Alert>(samples!("alert_v2"));
    check_samples::<Silence>(samples!("silence_v1"));
    check_samples::<TradesTold>(samples!("trades_told_v1"));
    check_samples::<Note>(samples!("note_v1_alerts"));
    check_samples::<Note>(samples!("note_v1_examined"));
    check_samples::<Note>(samples!("note_v1_supervision"));
    check_samples::<Note>(samples!("note_v1_lanes"));
    check_samples::<Slot>(samples!("slot_v1_lanes"));
    check_samples::<Revision>(samples!("revision_v1_lanes"));
    check_samples::<Revision>(samples!("revision_v1"));
    check_samples::<Intent>(samples!("intent_v1"));
    check_samples::<Intent>(samples!("intent_v1_supervision"));
    check_samples::<Answered>(samples!("answered_v1"));
    check_samples::<Answered>(samples!("answered_v1_refusals"));
    check_samples::<Note>(samples!("note_v1"));
    check_samples::<Counters>(samples!("counters_v1"));
}

#[test]
fn an_alert_of_the_first_layout_is_one_that_was_told_once() {
    let (_, lines) = samples!("alert_v1");
    let read: Vec<Alert> = lines.lines().map(|line| codec::decode(&bytes(line)).unwrap()).collect();
    let Alert::Firing(episode) = &read[1] else { panic!("{read:?}") };
    assert_eq!((read[0].name(), episode.told.times), ("quiet", 1));
    assert_eq!((episode.told.at, episode.trouble.text.as_str()), (episode.since, "disk full"));
}
