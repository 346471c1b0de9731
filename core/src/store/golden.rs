//! The bytes of the store's own records, frozen: what one version wrote, every later one reads.
//!
//! When a test here fails, the layout of a record changed. Give it a new version and a new golden
//! file beside the old one; never change the bytes of an existing file.

use super::{
    codec::{self, CodecError, Record},
    format::FileFacts,
    history::{Chained, Head},
    series::{SeriesRow, SeriesV1, Tick},
};
use crate::words::{Digest, Sequence, Timestamp};
use std::fmt::Debug;

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
    check(golden!("tick_v1"), &tick());
}
