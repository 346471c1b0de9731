//! Weights in the file format of `torch.save`: a zip archive, a pickle that describes the tensors,
//! and each tensor's numbers in an entry of its own.

use super::container::{self, ContainerFault, Limits};
use super::pickle::{self, PyValue};
use super::unpickle::{self, PickleFault};
use super::weights::{ShapeMismatch, Tensor, Weights};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Largest pickle in bytes; that of a policy network has one or two thousand.
const MAX_PICKLE_BYTES: u64 = 256 << 10;

/// Numbers that are written at a time.
const PIECE: usize = 4096;

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
    Ok(write_to(weights, name, Cursor::new(Vec::new()))?.into_inner())
}

/// Writes what [`write()`] gives into `out`, piece by piece.
///
/// # Errors
/// [`TorchFault::Write`] also when `out` takes no more.
pub fn write_to<W: Write + Seek>(weights: &Weights, name: &str, out: W) -> Result<W, TorchFault> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    let mut archive = ZipWriter::new(out);
    let begin = |archive: &mut ZipWriter<W>, entry: &str| {
        archive.start_file(format!("{name}/{entry}"), options).map_err(write_fault)
    };
    let put = |archive: &mut ZipWriter<W>, content: &[u8]| {
        archive.write_all(content).map_err(|error| write_fault(error.into()))
    };
    begin(&mut archive, "data.pkl")?;
    put(&mut archive, &pickle::dump(&describe(weights)))?;
    begin(&mut archive, "byteorder")?;
    put(&mut archive, b"little")?;
    for (index, (_, tensor)) in weights.tensors.iter().enumerate() {
        begin(&mut archive, &format!("data/{index}"))?;
        for piece in tensor.values().chunks(PIECE) {
            let numbers: Vec<u8> = piece.iter().flat_map(|value| value.to_le_bytes()).collect();
            put(&mut archive, &numbers)?;
        }
    }
    begin(&mut archive, "version")?;
    put(&mut archive, b"3\n")?;
    archive.finish().map_err(write_fault)
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
/// dense tensors of 32-bit floats are read; nothing in the file is ever executed. Needs no more
/// memory than `limits` allow to be unpacked, and a little for the pickle.
///
/// # Errors
/// [`TorchFault`] for anything else.
pub fn read(mut reader: impl Read + Seek, limits: &Limits) -> Result<Weights, TorchFault> {
    container::check("weights.pth", &mut reader, limits)?;
    reader.seek(SeekFrom::Start(0)).map_err(ContainerFault::from)?;
    let mut archive = ZipArchive::new(reader).map_err(ContainerFault::from)?;
    let prefix = prefix(&archive);
    let pickle = pickle_of(&mut archive, &prefix)?;
    let mut room = limits.unpacked_bytes;
    let mut weights = Weights::default();
    for (name, description) in named_values(unpickle::load(&pickle)?)? {
        let tensor = Description::read(description).map_err(TorchFault::NotWeights)?;
        let name = text(name).ok_or(TorchFault::NotWeights("a tensor without name"))?;
        if weights.tensors.iter().any(|(own, _)| *own == name) {
            return Err(TorchFault::NotWeights("two tensors of one name"));
        }
        let bytes = u64::try_from(tensor.count).unwrap_or(u64::MAX).saturating_mul(4);
        room =
            room.checked_sub(bytes).ok_or(TorchFault::TooLarge { limit: limits.unpacked_bytes })?;
        let numbers = numbers(&mut archive, &prefix, &tensor.storage, tensor.count)?;
        weights.tensors.push((name, Tensor::new(tensor.shape, numbers)?));
    }
    Ok(weights)
}

/// What a bare pickle, without the archive of newer PyTorch, asks for: nothing to object, or the
/// fault. Such a file is never read as weights; this only tells an old one from an attack.
pub fn suspect(mut reader: impl Read) -> Option<PickleFault> {
    let mut bytes = Vec::new();
    reader.by_ref().take(MAX_PICKLE_BYTES).read_to_end(&mut bytes).ok()?;
    // A broken archive is none.
    if bytes.starts_with(b"PK") {
        return None;
    }
    unpickle::load(&bytes).err()
}

fn named_values(value: PyValue) -> Result<Vec<(PyValue, PyValue)>, TorchFault> {
    if let PyValue::Filled(_, items) | PyValue::Dict(items) = value {
        Ok(items)
    } else {
        Err(TorchFault::NotWeights("it is no dictionary with names"))
    }
}

fn prefix<R: Read + Seek>(archive: &ZipArchive<R>) -> String {
    let first = archive.name_for_index(0).and_then(Result::ok);
    let top = first.as_deref().and_then(|name| name.split_once('/'));
    top.map(|(top, _)| top.to_owned()).unwrap_or_default()
}

fn pickle_of<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    prefix: &str,
) -> Result<Vec<u8>, TorchFault> {
    let name = "data.pkl";
    let fault = |reason: String| TorchFault::Entry { entry: name.to_owned(), reason };
    let entry = archive.by_name(&format!("{prefix}/{name}"));
    let mut entry = entry.map_err(|error| fault(error.to_string()))?;
    if entry.size() > MAX_PICKLE_BYTES {
        return Err(fault(format!(
            "{} bytes where at most {MAX_PICKLE_BYTES} are due",
            entry.size()
        )));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(|error| fault(error.to_string()))?;
    Ok(content)
}

/// The numbers of one storage: exactly as many as the pickle says.
fn numbers<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    prefix: &str,
    storage: &str,
    count: usize,
) -> Result<Vec<f32>, TorchFault> {
    let name = format!("data/{storage}");
    let fault = |reason: String| TorchFault::Entry { entry: name.clone(), reason };
    let entry = archive.by_name(&format!("{prefix}/{name}"));
    let mut entry = entry.map_err(|error| fault(error.to_string()))?;
    let due = u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(4);
    if entry.size() != due {
        return Err(fault(format!("{} bytes where {due} are due", entry.size())));
    }
    floats(&mut entry, count).map_err(|error| fault(error.to_string()))
}

/// Reads `count` little-endian numbers piece by piece, and to the end, so that the checksum counts.
pub(super) fn floats(reader: &mut impl Read, count: usize) -> io::Result<Vec<f32>> {
    let mut numbers = Vec::new();
    numbers.try_reserve_exact(count).map_err(io::Error::other)?;
    let mut piece = [0_u8; 16 << 10];
    while numbers.len() < count {
        let wanted = (count - numbers.len()).saturating_mul(4).min(piece.len());
        let bytes = piece.get_mut(..wanted).unwrap_or_default();
        reader.read_exact(bytes)?;
        numbers.extend(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
    }
    if reader.read(&mut piece)? == 0 { Ok(numbers) } else { Err(io::Error::other("it goes on")) }
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
        let mut arguments = arguments.into_iter();
        if *callable == PyValue::Global("torch._utils", "_rebuild_parameter") {
            let inner = arguments.next().filter(is_tensor);
            return Self::read(inner.ok_or("a parameter that is no tensor")?);
        }
        if *callable != PyValue::Global("torch._utils", "_rebuild_tensor_v2") {
            return Err("a call that makes no tensor");
        }
        let (storage, count) = storage(arguments.next())?;
        if arguments.next() != Some(PyValue::Int(0)) {
            return Err("a view into a larger tensor; save a clone of it");
        }
        let shape = sides(arguments.next()).ok_or("a tensor without shape")?;
        let found = sides(arguments.next()).ok_or("a tensor without strides")?;
        let dense = found.iter().zip(strides(&shape)).zip(&shape);
        let is_dense = found.len() == shape.len()
            && dense.into_iter().all(|((found, due), side)| *found == due || *side == 1);
        if !is_dense {
            return Err("a tensor that is not contiguous; save it with .contiguous()");
        }
        let flag = arguments.next();
        let hooks = arguments.next();
        let plain = matches!(flag, Some(PyValue::Bool(_)))
            && matches!(hooks, Some(PyValue::Call(_, arguments)) if arguments.is_empty())
            && arguments.all(|more| more == PyValue::None);
        if plain { Ok(Self { storage, count, shape }) } else { Err("a tensor with hooks") }
    }
}

fn is_tensor(value: &PyValue) -> bool {
    let class = PyValue::Global("torch._utils", "_rebuild_tensor_v2");
    if let PyValue::Call(callable, _) = value { **callable == class } else { false }
}

/// Key and number of elements of `("storage", FloatStorage, key, device, count)`.
fn storage(value: Option<PyValue>) -> Result<(String, usize), &'static str> {
    let odd = "a storage of an unknown kind";
    let Some(PyValue::Persistent(id)) = value else { return Err(odd) };
    let PyValue::Tuple(parts) = *id else { return Err(odd) };
    let Ok([kind, class, key, device, count]) = <[PyValue; 5]>::try_from(parts) else {
        return Err(odd);
    };
    if kind != PyValue::text("storage") || !matches!(device, PyValue::Text(_)) {
        return Err(odd);
    }
    if class != PyValue::Global("torch", "FloatStorage") {
        return Err("numbers of another type than 32-bit floats; save it with .float()");
    }
    let key = text(key).filter(|key| !key.is_empty() && key.bytes().all(|c| c.is_ascii_digit()));
    key.zip(size(&count)).ok_or(odd)
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
    fn whatever_way_a_pickle_asks_for_code_it_is_told_apart_as_hostile() {
        let ways: [(&str, &[u8]); 9] = [
            ("REDUCE", b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R."),
            ("STACK_GLOBAL", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."),
            ("STACK_GLOBAL by memo", b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93."),
            ("INST", b"(X\x04\0\0\0trueios\nsystem\n."),
            ("OBJ", b"(cos\nsystem\nX\x04\0\0\0trueo."),
            ("NEWOBJ", b"\x80\x02cbuiltins\nexec\n)\x81."),
            ("EXT1", b"\x80\x02\x82\x01)R."),
            ("getattr", b"\x80\x02cbuiltins\ngetattr\n."),
            ("a longer path", b"\x80\x02ctorch._utils\n_rebuild_tensor_v2.__globals__\n."),
        ];
        for (way, pickle) in ways {
            let fault = unpickle::load(pickle).unwrap_err();
            assert!(fault.is_hostile(), "{way}: {fault}");
        }
        let float = unpickle::load(b"\x80\x02G\0\0\0\0\0\0\0\0.").unwrap_err();
        assert!(!float.is_hostile(), "{float}");
    }

    #[test]
    fn a_tensor_that_lies_about_its_numbers_is_refused() {
        let sound = describe(&weights());
        let bytes = pickle::dump(&sound);
        // FloatStorage, key "1", cpu, six elements: the pickle of net.0.weight.
        let at = bytes.windows(5).position(|five| five == b"cpuK\x06").unwrap() + 4;
        for count in [0, 5, 7, 255] {
            let mut lying = bytes.clone();
            lying[at] = count;
            let data: Vec<Vec<u8>> = [8, 24, 8, 4].iter().map(|size| vec![0; *size]).collect();
            let entries = data.iter().enumerate();
            let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
            archive.start_file("m/data.pkl", SimpleFileOptions::default()).unwrap();
            archive.write_all(&lying).unwrap();
            for (key, data) in entries {
                archive.start_file(format!("m/data/{key}"), SimpleFileOptions::default()).unwrap();
                archive.write_all(data).unwrap();
            }
            let verdict = read_all(&archive.finish().unwrap().into_inner());
            assert!(matches!(verdict, Err(TorchFault::Entry { .. })), "{count}: {verdict:?}");
        }
    }

    #[test]
    fn items_and_attributes_are_only_set_on_dictionaries() {
        let targets: [&[u8]; 4] = [b"N", b")", b"K\x01", b"ctorch\nFloatStorage\n"];
        for target in targets {
            for tail in [&b"X\x01\0\0\0aK\x01s."[..], b"(X\x01\0\0\0aK\x01u.", b"}b."] {
                let pickle = [b"\x80\x02", target, tail].concat();
                assert!(unpickle::load(&pickle).is_err(), "{target:?} {tail:?}");
            }
        }
        let rebuilt = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)RX\x01\0\0\0aK\x01s.";
        assert!(unpickle::load(rebuilt).is_err());
    }

    #[test]
    fn references_cannot_multiply_memory() {
        let text = [b"X\xff\0\0\0".as_slice(), &[b'a'; 255]].concat();
        let tuple: Vec<u8> = std::iter::repeat_n(text, 16).flatten().collect();
        let head = [b"\x80\x02(".as_slice(), &tuple, b"tq\0"].concat();
        let bomb = [head, b"h\0".repeat(100_000), b".".to_vec()].concat();
        assert!(unpickle::load(&bomb).is_err());
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
