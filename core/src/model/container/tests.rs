//! Hostile and broken containers, each refused for its own reason.

use super::*;
use std::io::{Cursor, Write as _};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const STORED: CompressionMethod = CompressionMethod::Stored;
const PICKLE: (&str, &[u8]) = ("m/data.pkl", b"\x80\x02}.");
const TENSOR: (&str, &[u8]) = ("m/data/0", &[7; 400]);

fn archive(method: CompressionMethod, entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn judge(bytes: &[u8]) -> Result<ContainerFacts, ContainerFault> {
    check("actor.pth", Cursor::new(bytes), &Limits::default())
}

fn position(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).position(|window| window == needle).unwrap()
}

/// Replaces every occurrence by bytes of the same length.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    assert_eq!(from.len(), to.len());
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

macro_rules! assert_fault {
    ($bytes:expr, $fault:pat) => {{
        let verdict = judge($bytes);
        assert!(matches!(verdict, Err($fault)), "{verdict:?}");
    }};
}

#[test]
fn a_sound_archive_is_counted_stored_or_deflated() {
    for method in [STORED, CompressionMethod::Deflated] {
        let order = ("m/byteorder", b"little".as_slice());
        let bytes = archive(method, &[PICKLE, order, TENSOR]);
        let facts = judge(&bytes).unwrap();
        assert_eq!((facts.entries, facts.unpacked_bytes), (3, 410));
        assert_eq!(facts.file_bytes, u64::try_from(bytes.len()).unwrap());
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = archive(STORED, &[PICKLE, TENSOR]);
    for length in 0..bytes.len() {
        assert!(judge(&bytes[..length]).is_err(), "cut to {length} of {}", bytes.len());
    }
}

#[test]
fn one_flipped_bit_in_a_tensor_breaks_its_checksum() {
    let mut bytes = archive(STORED, &[PICKLE, TENSOR]);
    let at = position(&bytes, &[7; 100]) + 50;
    bytes[at] ^= 1;
    assert_fault!(&bytes, ContainerFault::Damaged { .. });
}

#[test]
fn no_single_flipped_byte_makes_the_check_panic() {
    let bytes = archive(CompressionMethod::Deflated, &[PICKLE, TENSOR]);
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 0xff;
        drop(judge(&broken));
    }
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for name in ["../data.pkl", "/m/data.pkl", "m/../data.pkl", "m//data.pkl", "m\\..\\x/a", "c:/a"]
    {
        let entry = [(name, b"x".as_slice())];
        // The writer tidies some names, so a harmless one of the same length is overwritten.
        let harmless = "n".repeat(name.len());
        let bytes = archive(STORED, &[(&harmless, entry[0].1)]);
        let bytes = replaced(&bytes, harmless.as_bytes(), name.as_bytes());
        assert_fault!(&bytes, ContainerFault::HostileName(_));
    }
}

#[test]
fn two_entries_with_one_name_are_refused() {
    let bytes = archive(STORED, &[PICKLE, TENSOR, ("m/data/1", b"other")]);
    assert_fault!(&replaced(&bytes, b"m/data/1", b"m/data/0"), ContainerFault::DuplicateName);
}

#[test]
fn a_local_header_that_disagrees_with_the_directory_is_refused() {
    let mut bytes = archive(STORED, &[PICKLE, TENSOR]);
    let at = position(&bytes, b"m/data/0");
    bytes[at..at + 8].copy_from_slice(b"m/data/9");
    assert_fault!(&bytes, ContainerFault::Inconsistent(_));
}

#[test]
fn entries_of_two_folders_are_refused() {
    let bytes = archive(STORED, &[PICKLE, ("n/data/0", b"x")]);
    assert_fault!(&bytes, ContainerFault::SecondPrefix(_));
    assert_fault!(&archive(STORED, &[("data.pkl", b"x")]), ContainerFault::SecondPrefix(_));
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let bytes = archive(CompressionMethod::Deflated, &[PICKLE, ("m/data/0", &vec![0; 1 << 20])]);
    let limits = Limits { unpacked_bytes: 1000, ..Limits::default() };
    let verdict = check("actor.pth", Cursor::new(&bytes), &limits);
    assert!(matches!(verdict, Err(ContainerFault::UnpackedTooLarge { .. })), "{verdict:?}");
}

#[test]
fn a_bomb_that_lies_about_its_size_is_stopped_at_the_declared_size() {
    let bytes = archive(CompressionMethod::Deflated, &[PICKLE, ("m/data/0", &vec![0; 1 << 20])]);
    let bytes = replaced(&bytes, &(1u32 << 20).to_le_bytes(), &100u32.to_le_bytes());
    assert_fault!(&bytes, ContainerFault::Damaged { .. });
}

#[test]
fn a_directory_beyond_its_limit_is_never_loaded() {
    let names: Vec<String> = (0..500).map(|index| format!("m/data/{index}")).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    let bytes = archive(STORED, &entries);
    let narrow = Limits { directory_bytes: 5000, ..Limits::default() };
    let verdict = check("actor.pth", Cursor::new(&bytes), &narrow);
    assert!(matches!(verdict, Err(ContainerFault::DirectoryTooLarge { .. })), "{verdict:?}");
    let few = Limits { entries: 10, ..Limits::default() };
    let verdict = check("actor.pth", Cursor::new(&bytes), &few);
    assert!(matches!(verdict, Err(ContainerFault::TooManyEntries { .. })), "{verdict:?}");
}

#[test]
fn a_model_without_pickle_or_of_a_foreign_byte_order_is_refused() {
    assert_fault!(&archive(STORED, &[TENSOR]), ContainerFault::NoPickle);
    let bytes = archive(STORED, &[PICKLE, ("m/byteorder", b"big"), TENSOR]);
    assert_fault!(&bytes, ContainerFault::ForeignByteOrder(_));
    for version in ["0", "11", "three", ""] {
        let bytes = archive(STORED, &[PICKLE, ("m/version", version.as_bytes())]);
        assert_fault!(&bytes, ContainerFault::ForeignVersion(_));
    }
}

#[test]
fn what_torch_load_would_read_as_something_else_is_refused() {
    let sound = archive(STORED, &[PICKLE, TENSOR]);
    let polyglot = [b"\x80\x02cos\nsystem\n.", sound.as_slice()].concat();
    assert_fault!(&polyglot, ContainerFault::BarePickle);
    assert_fault!(&[b"#!/bin/sh\n", sound.as_slice()].concat(), ContainerFault::NotAZip(_));
    for script in ["m/code/__torch__.py", "m/constants.pkl", "m/data/x", "m/data/0.py"] {
        let bytes = archive(STORED, &[PICKLE, (script, b"x")]);
        assert_fault!(&bytes, ContainerFault::ForeignEntry(_));
    }
    let mut with_comment = sound.clone();
    let end = with_comment.len();
    with_comment[end - 2..].copy_from_slice(&2u16.to_le_bytes());
    with_comment.extend_from_slice(b"hi");
    assert_fault!(&with_comment, ContainerFault::Inconsistent(_));
}

#[test]
fn an_entry_whose_flags_readers_treat_differently_is_refused() {
    let sound = archive(STORED, &[PICKLE, TENSOR]);
    // Offset of the flags in an entry's own header and in the directory.
    for (magic, at) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        for flag in [0x01, 0x20, 0x40] {
            let mut bytes = sound.clone();
            let start = position(&bytes, magic);
            bytes[start + at] |= flag;
            assert!(judge(&bytes).is_err(), "{magic:?} {flag:#x}");
        }
    }
}

fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = u64::try_from(header.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn judge_safetensors(bytes: &[u8]) -> Result<ContainerFacts, ContainerFault> {
    check("actor.safetensors", Cursor::new(bytes), &Limits::default())
}

const TWO: &str = r#"{"__metadata__":{"by":"me"},"b":{"dtype":"F16","shape":[2],"data_offsets":[24,28]},
    "a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;

#[test]
fn sound_safetensors_are_counted_and_truncated_ones_refused() {
    let bytes = safetensors(TWO, 28);
    let facts = judge_safetensors(&bytes).unwrap();
    assert_eq!((facts.entries, facts.unpacked_bytes), (2, 28));
    for length in 0..bytes.len() {
        assert!(judge_safetensors(&bytes[..length]).is_err(), "cut to {length}");
    }
    let verdict = judge_safetensors(&safetensors(TWO, 29));
    assert!(matches!(verdict, Err(ContainerFault::WrongLength { .. })), "{verdict:?}");
}

#[test]
fn safetensors_that_overlap_leave_gaps_or_lie_are_refused() {
    let broken = [
        TWO.replace("[24,28]", "[20,24]"),
        TWO.replace("[24,28]", "[26,30]"),
        TWO.replace("[2,3]", "[2,4]"),
        TWO.replace("[2,3]", "[4294967296,4294967296,4]"),
        TWO.replace("F16", "Q16"),
        TWO.replace("\"b\"", "\"a\""),
        TWO.replace("dtype", "type"),
        TWO.replace('{', "["),
        " {}".to_owned(),
    ];
    for header in broken {
        assert!(judge_safetensors(&safetensors(&header, 28)).is_err(), "{header}");
    }
    let mut claims_too_much = safetensors("{}", 0);
    claims_too_much[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(judge_safetensors(&claims_too_much).is_err());
}

#[test]
fn every_fault_is_a_sentence_for_a_person() {
    let faults =
        [judge(b""), judge_safetensors(b""), check("a.txt", Cursor::new(b""), &Limits::default())];
    for fault in faults {
        let text = fault.unwrap_err().to_string();
        assert!(text.len() > 20 && !text.ends_with('.'), "{text}");
    }
}
