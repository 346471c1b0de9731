//! Values to bytes and back: the envelope around every stored value, and the only file that
//! names the encoder.
//!
//! The encoder (bincode 2, standard configuration) is positional and believes what it reads:
//! a flipped bit mostly decodes into another valid value. So every value travels in an envelope,
//! all numbers little endian:
//!
//! | bytes | field | meaning |
//! |---|---|---|
//! | 1 | magic | `0xCA` |
//! | 1 | codec | 1 = bincode 2 standard |
//! | 2 | kind | which record ([`Record::KIND`]) |
//! | 2 | version | which layout of it ([`Record::VERSION`]), from 1 |
//! | 4 | length | bytes of payload, at most [`PAYLOAD_LIMIT`] |
//! | length | payload | the encoded value |
//! | 4 | crc | CRC-32C of everything before it |
//!
//! Rules for records, because positions are all the format has: one frozen struct per version;
//! enums grow at the end; no `usize`, `f32`, hash maps, nor serde's `skip`, `flatten`, `untagged`.

use serde::{Serialize, de::DeserializeOwned};

/// Most bytes of payload that one value may have. Rows are records of one thing, not archives;
/// the limit bounds what a forged length can ask for.
pub const PAYLOAD_LIMIT: usize = 1 << 20;

const MAGIC: u8 = 0xCA;
const CODEC: u8 = 1;
const HEADER: usize = 10;

/// The decoder counts the size of what it builds, up to 16 bytes per byte read. This lets every
/// value through that [`encode`] accepts and still bounds hostile ones.
const DECODE_LIMIT: usize = 16 * PAYLOAD_LIMIT;

/// A value with a place in the data file.
///
/// To change the layout of `Thing`: keep the old struct as `ThingV1`, give the new one
/// `VERSION = 2` and `From<ThingV1>`, and read the old one in `upgrade`:
/// `older.read::<ThingV1>().map(Self::from)`. Version 3 does the same with `ThingV2`, so any
/// older value climbs the whole chain.
pub trait Record: Serialize + DeserializeOwned {
    /// Which record this is; unique in the data file and never used again. Below 100 belongs to
    /// the store itself, from 900 on to tests.
    const KIND: u16;
    /// Which layout, from 1; grows by one with every change of it.
    const VERSION: u16;
    /// The record's name in errors.
    const NAME: &'static str;

    /// Reads a value of an older version than [`Record::VERSION`].
    ///
    /// # Errors
    /// [`CodecError::Obsolete`] when there is no reader for that version (the default).
    fn upgrade(older: Older<'_>) -> Result<Self, CodecError> {
        Err(older.obsolete::<Self>())
    }
}

/// A payload of an older version, with its checks passed.
#[derive(Clone, Copy, Debug)]
pub struct Older<'a> {
    version: u16,
    payload: &'a [u8],
}

/// What an envelope says about its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Which record ([`Record::KIND`]).
    pub kind: u16,
    /// Which layout ([`Record::VERSION`]).
    pub version: u16,
    /// The encoded value.
    pub payload: &'a [u8],
}

/// Why a value has no bytes, or bytes have no value.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The value is larger than a row may be.
    #[error("{name} takes {bytes} bytes, a row holds at most {PAYLOAD_LIMIT}; shorten its texts")]
    TooLarge {
        /// [`Record::NAME`].
        name: &'static str,
        /// Encoded size.
        bytes: usize,
    },
    /// The encoder refused the value: a defect of the record's type.
    #[error("{name} cannot be encoded ({why}); this is a defect, please report it")]
    Unencodable {
        /// [`Record::NAME`].
        name: &'static str,
        /// The encoder's words.
        why: String,
    },
    /// The bytes are not an envelope at all.
    #[error("the bytes are no record ({why}); restore the file from a backup")]
    NotARecord {
        /// What is wrong with them.
        why: &'static str,
    },
    /// The envelope names an encoder that this version does not have.
    #[error(
        "the value is written with encoder {found}, this version knows encoder {CODEC}; upgrade \
         cappuccino, or restore a backup if no newer version ever opened this file"
    )]
    UnknownCodec {
        /// The encoder's number.
        found: u8,
    },
    /// The checksum does not match: the bytes changed after they were written.
    #[error("the value is damaged (its checksum does not match); restore the file from a backup")]
    Damaged,
    /// A sound envelope with another record in it.
    #[error(
        "expected {name} (kind {expected}), found kind {found}; the row is in the wrong place, \
         restore the file from a backup"
    )]
    WrongKind {
        /// [`Record::NAME`] of what was asked for.
        name: &'static str,
        /// [`Record::KIND`] of what was asked for.
        expected: u16,
        /// The kind found.
        found: u16,
    },
    /// Written by a newer cappuccino. Never guessed at.
    #[error("{name} has version {found}, this version knows up to {known}; upgrade cappuccino")]
    Newer {
        /// [`Record::NAME`].
        name: &'static str,
        /// The version found.
        found: u16,
        /// [`Record::VERSION`].
        known: u16,
    },
    /// An old version whose reader is gone, or no version at all.
    #[error(
        "{name} has version {found}, which this version no longer reads; open the file once with \
         an older cappuccino that does"
    )]
    Obsolete {
        /// [`Record::NAME`].
        name: &'static str,
        /// The version found.
        found: u16,
    },
    /// The payload is not what its version says, though the checksum matches.
    #[error(
        "{name} does not follow its layout ({why}); this is a defect, please report it and \
         restore the file from a backup"
    )]
    Malformed {
        /// [`Record::NAME`].
        name: &'static str,
        /// The decoder's words.
        why: String,
    },
}

/// The bytes of `record`, in its envelope.
///
/// # Errors
/// [`CodecError::TooLarge`] over [`PAYLOAD_LIMIT`], [`CodecError::Unencodable`] for a type that
/// serde cannot write positionally.
pub fn encode<R: Record>(record: &R) -> Result<Vec<u8>, CodecError> {
    let payload = bincode::serde::encode_to_vec(record, bincode::config::standard())
        .map_err(|error| CodecError::Unencodable { name: R::NAME, why: error.to_string() })?;
    match u32::try_from(payload.len()) {
        Ok(length) if payload.len() <= PAYLOAD_LIMIT => {
            Ok(seal(R::KIND, R::VERSION, length, &payload))
        }
        Ok(_) | Err(_) => Err(CodecError::TooLarge { name: R::NAME, bytes: payload.len() }),
    }
}

fn seal(kind: u16, version: u16, length: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + payload.len() + 4);
    bytes.extend([MAGIC, CODEC]);
    bytes.extend(kind.to_le_bytes());
    bytes.extend(version.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(payload);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// The value in `bytes`, older versions raised to today's.
///
/// # Errors
/// [`CodecError`], with the remedy in its text; never a guess.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, CodecError> {
    let Envelope { kind, version, payload } = open(bytes)?;
    if kind != R::KIND {
        return Err(CodecError::WrongKind { name: R::NAME, expected: R::KIND, found: kind });
    }
    if version > R::VERSION {
        return Err(CodecError::Newer { name: R::NAME, found: version, known: R::VERSION });
    }
    Older { version, payload }.read()
}

/// Checks the envelope of `bytes` (magic, codec, checksum, length) without reading the value.
///
/// # Errors
/// [`CodecError::NotARecord`], [`CodecError::UnknownCodec`] or [`CodecError::Damaged`].
pub fn open(bytes: &[u8]) -> Result<Envelope<'_>, CodecError> {
    let too_short = CodecError::NotARecord { why: "too short" };
    let Some((sealed, crc)) = bytes.split_last_chunk::<4>() else { return Err(too_short) };
    let Some((header, payload)) = sealed.split_first_chunk::<HEADER>() else {
        return Err(too_short);
    };
    let [magic, codec, k0, k1, v0, v1, l0, l1, l2, l3] = *header;
    if magic != MAGIC {
        return Err(CodecError::NotARecord { why: "wrong first byte" });
    }
    if codec != CODEC {
        return Err(CodecError::UnknownCodec { found: codec });
    }
    if crc32c::crc32c(sealed) != u32::from_le_bytes(*crc) {
        return Err(CodecError::Damaged);
    }
    if u32::try_from(payload.len()) != Ok(u32::from_le_bytes([l0, l1, l2, l3])) {
        return Err(CodecError::NotARecord { why: "its length is not the length it names" });
    }
    if payload.len() > PAYLOAD_LIMIT {
        return Err(CodecError::NotARecord { why: "longer than a row may be" });
    }
    let (kind, version) = (u16::from_le_bytes([k0, k1]), u16::from_le_bytes([v0, v1]));
    Ok(Envelope { kind, version, payload })
}

impl Older<'_> {
    /// The value as `R`, directly or through `R`'s own older versions.
    ///
    /// # Errors
    /// [`CodecError::Malformed`], [`CodecError::Obsolete`].
    pub fn read<R: Record>(self) -> Result<R, CodecError> {
        if self.version < R::VERSION {
            return R::upgrade(self);
        }
        if self.version > R::VERSION {
            return Err(self.obsolete::<R>());
        }
        let config = bincode::config::standard().with_limit::<DECODE_LIMIT>();
        let malformed = |why: String| CodecError::Malformed { name: R::NAME, why };
        let (record, consumed) = bincode::serde::decode_from_slice(self.payload, config)
            .map_err(|error| malformed(error.to_string()))?;
        if consumed == self.payload.len() {
            Ok(record)
        } else {
            Err(malformed(format!("{} bytes too many", self.payload.len() - consumed)))
        }
    }

    fn obsolete<R: Record>(&self) -> CodecError {
        CodecError::Obsolete { name: R::NAME, found: self.version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct TrialV1 {
        number: i64,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct TrialV2 {
        number: i64,
        note: String,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Trial {
        number: i64,
        note: String,
        folds: Vec<u128>,
    }

    macro_rules! versions {
        ($($record:ident $version:literal $($from:ident)?;)*) => {$(
            impl Record for $record {
                const KIND: u16 = 900;
                const VERSION: u16 = $version;
                const NAME: &'static str = "test trial";
                $(fn upgrade(older: Older<'_>) -> Result<Self, CodecError> {
                    older.read::<$from>().map(Self::from)
                })?
            }
        )*};
    }

    versions! {
        TrialV1 1;
        TrialV2 2 TrialV1;
        Trial 3 TrialV2;
    }

    impl From<TrialV1> for TrialV2 {
        fn from(old: TrialV1) -> Self {
            Self { number: old.number, note: "before notes".into() }
        }
    }

    impl From<TrialV2> for Trial {
        fn from(old: TrialV2) -> Self {
            Self { number: old.number, note: old.note, folds: vec![] }
        }
    }

    fn refusal<R: Record + std::fmt::Debug>(bytes: &[u8]) -> String {
        decode::<R>(bytes).expect_err("must be refused").to_string()
    }

    fn sealed(version: u16, payload: &[u8]) -> Vec<u8> {
        seal(900, version, u32::try_from(payload.len()).unwrap(), payload)
    }

    #[test]
    fn an_old_value_climbs_every_step_to_the_newest_layout() {
        let bytes = encode(&TrialV1 { number: -412 }).unwrap();
        let expected = Trial { number: -412, note: "before notes".into(), folds: vec![] };
        assert_eq!(decode::<Trial>(&bytes).unwrap(), expected);
    }

    #[test]
    fn a_value_from_a_newer_version_is_refused_with_the_way_out() {
        let bytes = encode(&Trial { number: 1, note: String::new(), folds: vec![] }).unwrap();
        let text = refusal::<TrialV2>(&bytes);
        assert!(text.contains("version 3") && text.contains("upgrade"), "{text}");
        assert!(refusal::<TrialV1>(&sealed(0, &[0])).contains("no longer reads"));
    }

    #[test]
    fn forged_lengths_inside_and_outside_are_refused() {
        let huge_string = [2, 253, 255, 255, 255, 255, 255, 255, 255, 127];
        assert!(refusal::<TrialV2>(&sealed(2, &huge_string)).contains("layout"));
        assert!(refusal::<TrialV1>(&seal(900, 1, 2, &[2])).contains("length"));
        assert!(refusal::<TrialV1>(&seal(900, 1, u32::MAX, &[2])).contains("length"));
    }

    #[test]
    fn bytes_too_many_are_refused_inside_and_outside() {
        assert!(refusal::<TrialV1>(&sealed(1, &[2, 0])).contains("1 bytes too many"));
        let mut bytes = encode(&TrialV1 { number: 1 }).unwrap();
        bytes.push(0);
        assert!(refusal::<TrialV1>(&bytes).contains("checksum"));
    }

    #[test]
    fn every_shorter_prefix_is_refused() {
        let bytes = encode(&TrialV2 { number: 9, note: "x".into() }).unwrap();
        for end in 0..bytes.len() {
            assert!(decode::<TrialV2>(&bytes[..end]).is_err(), "prefix of {end} bytes");
        }
    }

    #[test]
    fn another_kind_and_another_encoder_are_named() {
        assert!(refusal::<TrialV1>(&seal(901, 1, 1, &[2])).contains("kind 901"));
        let mut bytes = encode(&TrialV1 { number: 1 }).unwrap();
        bytes[1] = 2;
        assert!(refusal::<TrialV1>(&bytes).contains("encoder 2"));
    }

    #[test]
    fn the_largest_value_that_can_be_written_can_be_read_and_the_next_is_refused() {
        // One byte each on disk and sixteen in memory: the worst case for the decoder's count.
        let mut largest = Trial { number: 0, note: String::new(), folds: vec![7; PAYLOAD_LIMIT] };
        assert!(matches!(encode(&largest), Err(CodecError::TooLarge { .. })));
        largest.folds.truncate(PAYLOAD_LIMIT - 7);
        let bytes = encode(&largest).unwrap();
        assert_eq!(decode::<Trial>(&bytes).unwrap(), largest);
    }
}
