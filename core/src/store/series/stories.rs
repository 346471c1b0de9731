//! Stories of the series, told one by one.

use super::{
    Retention, SERIES_LIMIT, Samples, SeriesId, SeriesKind, SeriesQuery, SeriesV1, Tick,
    block::{Blocks, Layer, PIECES},
    grid::{self, Stretch},
    head::{self, TICKS},
    names::SERIES,
};
use crate::store::{
    codec,
    format::{FileFacts, write_facts},
    handle::Handle,
    memory::{Memory, facts},
};
use crate::words::{Span, Timestamp};
use redb::{Durability, ReadableTable};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

fn open(file: &Memory) -> Samples {
    Samples::open(file.clone(), &facts("1")).unwrap()
}

fn settle(samples: &mut Samples, now: i64) {
    while samples.maintain(&Retention::default(), Timestamp(now)).unwrap() {}
}

fn points(samples: &Samples, series: &str) -> Vec<(i64, f64)> {
    let ever = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let points = samples.reader().points(series, ever.0, ever.1).unwrap().unwrap();
    points.into_iter().map(|(at, value)| (at.0, value)).collect()
}

fn question(from: i64, to: i64, max_buckets: usize) -> SeriesQuery {
    let (from, to) = (Timestamp(from), Timestamp(to));
    SeriesQuery { series: "load".into(), from, to, max_buckets }
}

/// A sample every minute, 1 but for one spike; maintained every hour.
fn minutely(days: i64, spike_at: i64) -> Samples {
    let mut samples = open(&Memory::default());
    let load = samples.define("load", "", SeriesKind::Gauge).unwrap();
    for minute in 0..days * 1440 {
        let at = minute * 60 * SECOND;
        let value = if at == spike_at { 99.0 } else { 1.0 };
        samples.write(Timestamp(at), &[(load, value)]).unwrap();
        if minute % 60 == 0 {
            settle(&mut samples, at);
        }
    }
    samples
}

#[test]
fn a_sample_that_comes_while_its_hour_is_sealed_is_not_lost() {
    let mut samples = open(&Memory::default());
    for at in [0, 5, 10] {
        samples.write(Timestamp(at), &[("load", 1.0)]).unwrap();
    }
    let now = Timestamp(2 * HOUR);
    assert!(samples.maintain(&Retention::default(), now).unwrap(), "takes the hour");
    samples.write(Timestamp(5), &[("load", 2.0), ("late", 3.0)]).unwrap();
    samples.write(Timestamp(7), &[("load", 4.0)]).unwrap();
    settle(&mut samples, 2 * HOUR);
    assert_eq!(points(&samples, "load"), [(0, 1.0), (5, 2.0), (7, 4.0), (10, 1.0)]);
    settle(&mut samples, 9 * HOUR);
    assert_eq!(points(&samples, "load"), [(0, 1.0), (5, 2.0), (7, 4.0), (10, 1.0)]);
    assert_eq!(points(&samples, "late"), [(5, 3.0)]);
}

#[test]
fn a_spike_is_in_every_picture_however_far_away_and_a_gap_is_never_zero() {
    let spike_at = 3 * DAY + 60 * SECOND;
    let samples = minutely(40, spike_at);
    for max_buckets in [2, 50, 2_000] {
        let answer = samples.reader().query(&question(0, 39 * DAY, max_buckets)).unwrap().unwrap();
        let spikes = answer.buckets.iter().filter(|bucket| bucket.max > 98.0);
        assert_eq!(spikes.map(|bucket| bucket.min).collect::<Vec<_>>(), [1.0], "{max_buckets}");
    }
    let beyond = samples.reader().query(&question(50 * DAY, 60 * DAY, 100)).unwrap().unwrap();
    assert_eq!(beyond.buckets, []);
    let unknown = SeriesQuery { series: "no such".into(), ..question(0, 1, 2) };
    assert_eq!(samples.reader().query(&unknown).unwrap(), None);
}

#[test]
fn where_raw_samples_are_gone_minutes_answer_and_nothing_may_be_added() {
    let mut samples = minutely(20, 0);
    assert_eq!(points(&samples, "load")[0].0, 20 * DAY - 8 * HOUR - 14 * DAY);
    let answer = samples.reader().query(&question(DAY, DAY + HOUR, 1_000)).unwrap().unwrap();
    assert_eq!((answer.width, answer.buckets.len()), (Span::minutes(1), 60));
    let refused = samples.write(Timestamp(DAY), &[("load", 2.0)]).unwrap_err();
    assert!(refused.to_string().contains("1970-01-06T16:00"), "{refused}");
    assert!(!refused.needs_reopen());
    assert!(samples.write(Timestamp(i64::MAX), &[("load", 2.0)]).is_err(), "no such year");
    let newest = Timestamp(20 * DAY);
    samples.write(newest, &[("load", f64::NAN)]).unwrap();
    let far = Timestamp(900 * DAY);
    while samples.maintain(&Retention::default(), far).unwrap() {}
    let kept = points(&samples, "load");
    assert!(kept.len() > 13 * 1440, "a clock that jumped ahead takes nothing: {}", kept.len());
}

#[test]
fn a_series_has_a_unit_and_a_kind_and_keeps_its_number() {
    let file = Memory::default();
    let mut samples = open(&file);
    samples.write(Timestamp(1), &[("gpu/0/energy", 1.0), ("load", 2.0)]).unwrap();
    let id = samples.define("gpu/0/energy", "J", SeriesKind::Counter).unwrap();
    samples.write(Timestamp(2), &[(id, 5.0)]).unwrap();
    let unknown = samples.write(Timestamp(3), &[(SeriesId(2), 1.0)]).unwrap_err();
    assert!(unknown.to_string().contains("number 2"), "{unknown}");
    samples.close().unwrap();
    let samples = open(&file);
    let series = samples.reader().series().unwrap();
    let said = series.iter().map(|s| (s.id, s.name.as_str(), s.unit.as_str(), s.kind));
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            (id, "gpu/0/energy", "J", SeriesKind::Counter),
            (SeriesId(1), "load", "", SeriesKind::Gauge),
        ]
    );
    assert_eq!(points(&samples, "gpu/0/energy"), [(1, 1.0), (2, 5.0)]);
}

#[test]
fn too_many_series_are_refused_and_nothing_of_that_tick_is_kept() {
    let mut samples = open(&Memory::default());
    let names: Vec<String> = (0..=SERIES_LIMIT).map(|n| format!("pid/{n}")).collect();
    let tick: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
    let error = samples.write(Timestamp(1), &tick).unwrap_err();
    assert!(error.to_string().contains("series exceed the limit") && !error.needs_reopen());
    assert_eq!(samples.reader().series().unwrap(), []);
    samples.write(Timestamp(1), &tick[..3]).unwrap();
    assert_eq!(points(&samples, "pid/2"), [(1, 1.0)]);
}

#[test]
fn an_hour_with_more_times_than_a_column_holds_comes_back_whole() {
    let mut samples = open(&Memory::default());
    let load = samples.define("load", "", SeriesKind::Gauge).unwrap();
    let value = |at: i64| f64::from_bits(at.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let times = (0..130_001).map(|turn| turn * 20);
    let written = samples.reader.handle.write(Durability::None, |transaction| {
        times.clone().try_for_each(|at| head::write(transaction, at, &[(load.0, value(at))]))
    });
    written.unwrap();
    for now in [2 * HOUR, 9 * HOUR] {
        settle(&mut samples, now);
        let found = points(&samples, "load").into_iter().map(|(at, v)| (at, v.to_bits()));
        assert!(found.eq(times.clone().map(|at| (at, value(at).to_bits()))));
    }
    let parts = samples
        .reader
        .handle
        .read(|transaction| Blocks::open(transaction)?.list(Layer::Window, Stretch::EVER));
    assert_eq!(parts.unwrap().len(), 3);
}

#[test]
fn ticks_of_an_older_file_are_read_and_sealed() {
    let file = Memory::default();
    let handle = Handle::open(file.clone(), false).unwrap();
    let written = handle.write(Durability::Immediate, |transaction| {
        let mut names = transaction.open_table(SERIES).unwrap();
        names.insert("load", codec::encode(&SeriesV1(0)).unwrap().as_slice()).unwrap();
        let mut ticks = transaction.open_table(TICKS).unwrap();
        for (at, tick) in [(-5, vec![(0, 1.0)]), (9, vec![(0, 2.0), (0, -0.0), (0, 3.0)])] {
            ticks.insert(grid::key(at), codec::encode(&Tick(tick)).unwrap().as_slice()).unwrap();
        }
        let old = FileFacts {
            purpose: "metrics".into(),
            format_version: 1,
            app_version: "0.1.0".into(),
            created_at: Timestamp(0),
        };
        write_facts(transaction, &old)
    });
    written.unwrap();
    handle.close().unwrap();
    let mut samples = open(&file);
    assert_eq!(points(&samples, "load"), [(-5, 1.0), (9, 3.0)]);
    settle(&mut samples, DAY);
    assert_eq!(points(&samples, "load"), [(-5, 1.0), (9, 3.0)]);
    assert_eq!(samples.reader().series().unwrap()[0].kind, SeriesKind::Gauge);
}

#[test]
fn a_copy_holds_every_row_and_is_read_as_the_original() {
    let mut samples = minutely(1, 0);
    settle(&mut samples, 2 * DAY);
    let copy = Memory::default();
    let rows = samples.reader().backup_to(copy.clone()).unwrap();
    let report = samples.reader().check().unwrap();
    assert_eq!((rows, report.findings), (report.rows, Vec::new()));
    assert_eq!(points(&open(&copy), "load"), points(&samples, "load"));
}

#[test]
fn a_damaged_piece_is_an_error_that_names_its_place() {
    let mut samples = minutely(1, 0);
    settle(&mut samples, 2 * DAY);
    let damaged = samples.reader.handle.write(Durability::None, |transaction| {
        let mut pieces = transaction.open_table(PIECES).unwrap();
        let key = pieces.first().unwrap().unwrap().0.value();
        let mut bytes = pieces.get(key).unwrap().unwrap().value().to_vec();
        bytes[20] ^= 1;
        pieces.insert(key, bytes.as_slice()).unwrap();
        Ok(())
    });
    damaged.unwrap();
    let report = samples.reader().check().unwrap();
    assert!(matches!(&report.findings[..], [one] if one.place.starts_with("pieces row (2, ")));
    assert!(samples.reader().backup_to(Memory::default()).is_err(), "damage is in no backup");
    let error = samples.reader().points("load", Timestamp(0), Timestamp(DAY)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("pieces row window of 1970-01-01T00:00:00.000Z"), "{text}");
}
