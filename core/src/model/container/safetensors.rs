//! The safetensors container: eight bytes of length, a JSON header, tensors back to back.
//!
//! Source: the format section of the README of huggingface/safetensors.

use super::{ContainerFault, Limits};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;

const METADATA: &str = "__metadata__";

/// Number of tensors and their length in bytes.
pub(super) fn check(
    reader: impl Read,
    file_bytes: u64,
    limits: &Limits,
) -> Result<(usize, u64), ContainerFault> {
    let (tensors, data) = header(reader, file_bytes, limits)?;
    Ok((tensors.len(), data))
}

/// The tensors in the order of their numbers, which follow one upon the other where the reader
/// stands afterwards; and how many bytes they have together.
pub(in crate::model) fn header(
    mut reader: impl Read,
    file_bytes: u64,
    limits: &Limits,
) -> Result<(Vec<(String, Tensor)>, u64), ContainerFault> {
    let header_bytes = header_length(&mut reader, file_bytes, limits)?;
    let mut text = Vec::new();
    reader.take(header_bytes).read_to_end(&mut text)?;
    let bad = |why: String| ContainerFault::BadHeader(why);
    if text.first() != Some(&b'{') {
        return Err(bad("it does not begin with `{`".into()));
    }
    let Header { mut tensors } =
        serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    if tensors.len() > limits.entries {
        let (count, limit) = (tensors.len(), limits.entries);
        return Err(ContainerFault::TooManyEntries { count, limit });
    }
    tensors.sort_by_key(|(_, tensor)| tensor.data_offsets);
    let end = check_tensors(&tensors)?;
    let data = file_bytes.saturating_sub(8).saturating_sub(header_bytes);
    if end != data {
        return Err(ContainerFault::WrongLength { tensors: end, file: data });
    }
    if data > limits.unpacked_bytes {
        let limit = limits.unpacked_bytes;
        return Err(ContainerFault::UnpackedTooLarge { size: data, limit });
    }
    Ok((tensors, data))
}

fn header_length(
    reader: &mut impl Read,
    file_bytes: u64,
    limits: &Limits,
) -> Result<u64, ContainerFault> {
    let bad = |why: &str| ContainerFault::BadHeader(why.to_owned());
    let room = file_bytes.checked_sub(8).ok_or_else(|| bad("the file ends within it"))?;
    let mut length = [0u8; 8];
    reader.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > room {
        return Err(bad("it claims to be longer than the file"));
    }
    if length > limits.directory_bytes {
        return Err(ContainerFault::DirectoryTooLarge { limit: limits.directory_bytes });
    }
    Ok(length)
}

/// Tensors must lie back to back from 0; returns where the last one ends.
fn check_tensors(tensors: &[(String, Tensor)]) -> Result<u64, ContainerFault> {
    let mut end = 0;
    for (name, tensor) in tensors {
        let bad = |reason: String| ContainerFault::BadTensor { tensor: name.clone(), reason };
        let (from, to) = tensor.data_offsets;
        if from != end {
            return Err(bad(format!("starts at byte {from}, where {end} was due")));
        }
        let size = tensor.size_bytes().map_err(bad)?;
        if from.checked_add(size) != Some(to) {
            return Err(bad(format!("needs {size} bytes but occupies {from} to {to}")));
        }
        end = to;
    }
    Ok(end)
}

/// One tensor as the header describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::model) struct Tensor {
    /// Type of its numbers, such as `F32`.
    pub(in crate::model) dtype: String,
    /// Length of each side.
    pub(in crate::model) shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl Tensor {
    fn size_bytes(&self) -> Result<u64, String> {
        let item: u64 = match self.dtype.as_str() {
            "BOOL" | "U8" | "I8" | "F8_E4M3" | "F8_E5M2" => 1,
            "I16" | "U16" | "F16" | "BF16" => 2,
            "I32" | "U32" | "F32" => 4,
            "I64" | "U64" | "F64" => 8,
            other => return Err(format!("has the unknown type {other:?}")),
        };
        self.shape
            .iter()
            .try_fold(item, |size, side| size.checked_mul(*side))
            .ok_or_else(|| format!("has the impossible shape {:?}", self.shape))
    }
}

/// The header; read by hand so that a name given twice is noticed.
struct Header {
    tensors: Vec<(String, Tensor)>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that names tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let (mut tensors, mut names) = (Vec::new(), BTreeSet::new());
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(serde::de::Error::custom(format!("{name:?} is named twice")));
            }
            if name == METADATA {
                let _texts: BTreeMap<String, String> = map.next_value()?;
            } else {
                tensors.push((name, map.next_value()?));
            }
        }
        Ok(Header { tensors })
    }
}
