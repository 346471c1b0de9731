//! Numbers as compressed bytes: the only file that names the compressor (pco).
//!
//! Damage is kept from it by the checksum of every record: a forged header makes its reader reserve
//! up to 160 MB for tables before it finds out. Its format is lossless to the bit, NaN payloads
//! included, self-describing and frozen by its authors; what an older version wrote every later one
//! reads.

use crate::store::codec::CodecError;
use pco::{ChunkConfig, data_types::Number, standalone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

const NAME: &str = "compressed numbers";
/// Most numbers in one column: twice what a block's longest column has.
const NUMBERS_MAX: usize = 120_000;

/// Bytes that are written and read in one copy; the same layout as a list of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Bytes(pub(in crate::store) Vec<u8>);

/// Compressed numbers of one type; how many is for the owner to remember. No numbers, no bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Packed(Bytes);

impl Packed {
    pub(super) fn pack<T: Number>(numbers: &[T]) -> Result<Self, CodecError> {
        if numbers.is_empty() {
            return Ok(Self::default());
        }
        standalone::simple_compress(numbers, &ChunkConfig::default())
            .map(|bytes| Self(Bytes(bytes)))
            .map_err(|error| CodecError::Unencodable { name: NAME, why: error.to_string() })
    }

    /// The numbers, of which there must be `count`.
    pub(super) fn unpack<T: Number>(&self, count: u32) -> Result<Vec<T>, CodecError> {
        let malformed = |why| CodecError::Malformed { name: NAME, why };
        let expected = usize::try_from(count).unwrap_or(usize::MAX);
        if expected > NUMBERS_MAX {
            return Err(malformed(format!("{count} numbers, more than {NUMBERS_MAX}")));
        }
        if expected == 0 && self.0.0.is_empty() {
            return Ok(Vec::new());
        }
        // A few bytes can stand for millions of numbers: there is room for those expected, only.
        let mut numbers = vec![T::default(); expected];
        let progress = standalone::simple_decompress_into(&self.0.0, &mut numbers)
            .map_err(|error| malformed(error.to_string()))?;
        if progress.finished && progress.n_processed == expected {
            Ok(numbers)
        } else {
            Err(malformed(format!("other than {count} numbers")))
        }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor).map(Self)
    }
}

struct BytesVisitor;

impl de::Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}
