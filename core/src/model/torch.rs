//! Weights in the file format of `torch.save`: a zip archive, a pickle that describes the tensors,
//! and each tensor's numbers in an entry of its own.

use super::container::{self, ContainerFault, Limits};
use super::pickle::{self, PyValue};
use super::unpickle::{self, PickleFault};
use super::weights::{ShapeMismatch, Tensor, Weights};
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Largest pickle in bytes; that of a policy network has a few hundred.
const MAX_PICKLE_BYTES: u64 = 4 << 20;

/// Why weights could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TorchFault {
    /// The archive is unsound.
    #[error(transparent)]
    Container(#[from] ContainerFault),
    /// The pickle asks for more than weights need.
    #[error("its data.pkl is refused: {0}")]
    Pickle(#[from] PickleFault),
    /// A sound pickle that describes something else than named tensors.
    #[error("its data.pkl describes no weights: {0}")]
    NotWeights(&'static str),
    /// A tensor does not fit its numbers.
    #[error(transparent)]
    Shape(#[from] ShapeMismatch),
    /// The tensors together are larger than allowed.
    #[error("its tensors need more than the {limit} bytes allowed")]
    TooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// An entry is missing or cannot be read.
    #[error("the archive's entry `{entry}` cannot be used: {reason}")]
    Entry {
        /// Name within the top folder.
        entry: String,
        /// What is wrong.
        reason: String,
    },
    /// The archive could not be written.
    #[error("the archive cannot be written: {0}")]
    Write(String),
}

/// The bytes of a `.pth` file whose entries lie under the folder `name` (torch uses the file's
/// stem). The same weights always give the same bytes.
///
/// # Errors
/// [`TorchFault::Write`] when `name` cannot name a folder in an archive.
pub fn write(weights: &Weights, name: &str) -> Result<Vec<u8>, TorchFault> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let mut put = |entry: &str, content: &[u8]| -> Result<(), TorchFault> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        archive.start_file(format!("{name}/{entry}"), options).map_err(write_fault)?;
        archive.write_all(content).map_err(|error| write_fault(error.into()))
    };
    put("data.pkl", &pickle::dump(&describe(weights)))?;
    put("byteorder", b"little")?;
    for (index, (_, tensor)) in weights.tensors.iter().enumerate() {
        let numbers: Vec<u8> =
            tensor.values().iter().flat_map(|value| value.to_le_bytes()).collect();
        put(&format!("data/{index}"), &numbers)?;
    }
    put("version", b"3\n")?;
    Ok(archive.finish().map_err(write_fault)?.into_inner())
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn write_fault(fault: ZipError) -> TorchFault {
    TorchFault::Write(fault.to_string())
}

/// `OrderedDict` of `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`.
fn describe(weights: &Weights) -> PyValue {
    let ordered = || {
        let class = PyValue::Global("collections", "OrderedDict");
        PyValue::Call(Box::new(class), Vec::new())
    };
    let tensor = |(index, (name, tensor)): (usize, &(String, Tensor))| {
        let storage = vec![
            PyValue::text("storage"),
            PyValue::Global("torch", "FloatStorage"),
            PyValue::text(&index.to_string()),
            PyValue::text("cpu"),
            integer(tensor.values().len()),
        ];
        let arguments = vec![
            PyValue::Persistent(Box::new(PyValue::Tuple(storage))),
            PyValue::Int(0),
            PyValue::Tuple(tensor.shape().iter().copied().map(integer).collect()),
            PyValue::Tuple(strides(tensor.shape()).into_iter().map(integer).collect()),
            PyValue::Bool(false),
            ordered(),
        ];
        let rebuild = PyValue::Global("torch._utils", "_rebuild_tensor_v2");
        (PyValue::text(name), PyValue::Call(Box::new(rebuild), arguments))
    };
    let items = weights.tensors.iter().enumerate().map(tensor).collect();
    PyValue::Filled(Box::new(ordered()), items)
}

fn integer(number: usize) -> PyValue {
    PyValue::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Distance between neighbours along each side, row-major.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides: Vec<usize> = shape
        .iter()
        .rev()
        .scan(1_usize, |next, side| {
            let stride = *next;
            *next = next.saturating_mul(*side);
            Some(stride)
        })
        .collect();
    strides.reverse();
    strides
}

/// Reads the weights behind `reader`, after [`container::check`] found the archive sound. Only
/// dense tensors of 32-bit floats are read; nothing in the file is ever executed.
///
/// # Errors
/// [`TorchFault`] for anything else.
pub fn read(mut reader: impl Read + Seek, limits: &Limits) -> Result<Weights, TorchFault> {
    container::check("weights.pth", &mut reader, limits)?;
    reader.seek(SeekFrom::Start(0)).map_err(ContainerFault::from)?;
    let mut archive = ZipArchive::new(reader).map_err(ContainerFault::from)?;
    let prefix = prefix(&archive);
    let pickle = entry(&mut archive, &prefix, "data.pkl", MAX_PICKLE_BYTES)?;
    let PyValue::Filled(_, items) = unpickle::load(&pickle)? else {
        return Err(TorchFault::NotWeights("it is no dictionary with names"));
    };
    let mut room = limits.unpacked_bytes;
    let mut weights = Weights::default();
    for (name, description) in items {
        let tensor = Description::read(description).map_err(TorchFault::NotWeights)?;
        let name = text(name).ok_or(TorchFault::NotWeights("a tensor without name"))?;
        let bytes = u64::try_from(tensor.count).unwrap_or(u64::MAX).saturating_mul(4);
        room =
            room.checked_sub(bytes).ok_or(TorchFault::TooLarge { limit: limits.unpacked_bytes })?;
        let key = format!("data/{}", tensor.storage);
        let numbers = floats(&entry(&mut archive, &prefix, &key, bytes)?);
        weights.tensors.push((name, Tensor::new(tensor.shape, numbers)?));
    }
    Ok(weights)
}

fn prefix<R: Read + Seek>(archive: &ZipArchive<R>) -> String {
    let first = archive.name_for_index(0).and_then(Result::ok);
    let top = first.as_deref().and_then(|name| name.split_once('/'));
    top.map(|(top, _)| top.to_owned()).unwrap_or_default()
}

/// The content of an entry that is at most `limit` bytes long.
fn entry<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    prefix: &str,
    name: &str,
    limit: u64,
) -> Result<Vec<u8>, TorchFault> {
    let fault = |reason: String| TorchFault::Entry { entry: name.to_owned(), reason };
    let entry = archive.by_name(&format!("{prefix}/{name}"));
    let mut entry = entry.map_err(|error| fault(error.to_string()))?;
    if entry.size() > limit {
        return Err(fault(format!("{} bytes where at most {limit} are due", entry.size())));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(|error| fault(error.to_string()))?;
    Ok(content)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// What the pickle says of one tensor.
struct Description {
    storage: String,
    count: usize,
    shape: Vec<usize>,
}

impl Description {
    fn read(value: PyValue) -> Result<Self, &'static str> {
        let PyValue::Call(callable, arguments) = value else {
            return Err("a value that is no tensor");
        };
        if *callable != PyValue::Global("torch._utils", "_rebuild_tensor_v2") {
            return Err("a call that makes no tensor");
        }
        let mut arguments = arguments.into_iter();
        let (storage, count) = storage(arguments.next()).ok_or("a storage of another kind")?;
        if arguments.next() != Some(PyValue::Int(0)) {
            return Err("a view into a larger tensor; save a clone of it");
        }
        let shape = sides(arguments.next()).ok_or("a tensor without shape")?;
        let found = sides(arguments.next()).ok_or("a tensor without strides")?;
        let dense = found.iter().zip(strides(&shape)).zip(&shape);
        let is_dense = found.len() == shape.len()
            && dense.into_iter().all(|((found, due), side)| *found == due || *side == 1);
        if is_dense {
            Ok(Self { storage, count, shape })
        } else {
            Err("a tensor that is not contiguous; save it with .contiguous()")
        }
    }
}

/// Key and number of elements of `("storage", FloatStorage, key, device, count)`.
fn storage(value: Option<PyValue>) -> Option<(String, usize)> {
    let Some(PyValue::Persistent(id)) = value else { return None };
    let PyValue::Tuple(parts) = *id else { return None };
    let [kind, class, key, _device, count] = <[PyValue; 5]>::try_from(parts).ok()?;
    let known =
        kind == PyValue::text("storage") && class == PyValue::Global("torch", "FloatStorage");
    let key = text(key).filter(|key| key.chars().all(|c| c.is_ascii_digit()));
    if known { Some((key?, size(&count)?)) } else { None }
}

fn sides(value: Option<PyValue>) -> Option<Vec<usize>> {
    let Some(PyValue::Tuple(sides)) = value else { return None };
    sides.iter().map(size).collect()
}

fn size(value: &PyValue) -> Option<usize> {
    if let PyValue::Int(number) = value { usize::try_from(*number).ok() } else { None }
}

fn text(value: PyValue) -> Option<String> {
    if let PyValue::Text(text) = value { String::from_utf8(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Weights {
        let tensor =
            |shape: &[usize], values: &[f32]| Tensor::new(shape.to_vec(), values.to_vec()).unwrap();
        Weights {
            tensors: vec![
                ("a_std_log".into(), tensor(&[1, 2], &[0.5, -0.5])),
                ("net.0.weight".into(), tensor(&[2, 3], &[1.0, 2.0, 3.0, -1.0, f32::MIN, 0.1])),
                ("net.0.bias".into(), tensor(&[2], &[0.0, -0.0])),
                ("scale".into(), tensor(&[], &[7.0])),
            ],
        }
    }

    fn with_pickle(pickle: &[u8]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("m/data.pkl", SimpleFileOptions::default()).unwrap();
        archive.write_all(pickle).unwrap();
        archive.finish().unwrap().into_inner()
    }

    fn read_all(bytes: &[u8]) -> Result<Weights, TorchFault> {
        read(Cursor::new(bytes), &Limits::default())
    }

    #[test]
    fn weights_come_back_as_they_were_written() {
        let bytes = write(&weights(), "actor").unwrap();
        assert_eq!(bytes, write(&weights(), "actor").unwrap());
        assert_eq!(read_all(&bytes).unwrap(), weights());
    }

    #[test]
    fn a_pickle_that_would_run_code_is_refused_by_name() {
        let attack = with_pickle(b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.");
        let verdict = read_all(&attack);
        let named = PickleFault::ForbiddenName("os.system".into());
        assert!(matches!(verdict, Err(TorchFault::Pickle(fault)) if fault == named));
    }

    #[test]
    fn hostile_pickles_end_in_a_fault_and_never_in_a_crash() {
        let mut deep = b"\x80\x02)".to_vec();
        deep.extend(std::iter::repeat_n(0x85, 1_000_000));
        deep.push(b'.');
        let laughs: Vec<u8> =
            (0..60).flat_map(|key| [b'h', key, b'h', key, 0x86, b'q', key + 1]).collect();
        let laughs = [b"\x80\x02)q\0".as_slice(), &laughs, b"."].concat();
        for pickle in
            [&deep[..], &laughs, b"", b".", b"\x80\x02(", b"\x80\x02X\xff\xff\xff\xff", b"u."]
        {
            assert!(read_all(&with_pickle(pickle)).is_err());
        }
        let sound = pickle::dump(&describe(&weights()));
        for at in 0..sound.len() {
            let mut broken = sound.clone();
            broken[at] ^= 0x10;
            drop(unpickle::load(&broken));
            assert!(unpickle::load(&sound[..at]).is_err());
        }
    }
}
