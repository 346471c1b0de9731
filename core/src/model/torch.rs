//! PyTorch's `.pth`: a zip with a pickled state_dict and one raw file of numbers per tensor.
//!
//! Layout as `torch.save` writes it since 1.6: `<prefix>/data.pkl`, `<prefix>/data/<key>`,
//! `<prefix>/byteorder`, `<prefix>/version`. The pickle is read by [`super::unpickle`], which
//! builds tensors and nothing else.

use super::unpickle::{UnpickleError, state_dict};
use super::weights::{Weights, WeightsError};
use std::io::{Cursor, Read, Seek, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Folder of all entries in files that we write.
const PREFIX: &str = "archive";
/// Largest file in the archive that is read, in bytes.
const ENTRY_MAX_BYTES: u64 = 1 << 31;

/// Why a `.pth` cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TorchError {
    /// The zip cannot be written or read.
    #[error("the archive is damaged: {0}; write the model again")]
    Archive(#[from] zip::result::ZipError),
    /// An entry cannot be written or read.
    #[error("an entry of the archive is damaged: {0}; write the model again")]
    Entry(#[from] std::io::Error),
    /// The pickle holds something else than tensors.
    #[error(transparent)]
    Pickle(#[from] UnpickleError),
    /// A tensor contradicts itself.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The archive is no torch model.
    #[error("{0}; it was not written by torch.save")]
    NoModel(String),
}

/// A `.pth` with these weights.
///
/// # Errors
/// Writing to memory failed.
pub fn write(weights: &Weights) -> Result<Vec<u8>, TorchError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    let mut add = |name: String, bytes: &[u8]| -> Result<(), TorchError> {
        archive.start_file(format!("{PREFIX}/{name}"), stored)?;
        archive.write_all(bytes)?;
        Ok(())
    };
    add("data.pkl".into(), &pickle(weights))?;
    add("byteorder".into(), b"little")?;
    for (key, tensor) in weights.tensors().iter().enumerate() {
        let bytes: Vec<u8> = tensor.data.iter().flat_map(|number| number.to_le_bytes()).collect();
        add(format!("data/{key}"), &bytes)?;
    }
    add("version".into(), b"3\n")?;
    Ok(archive.finish()?.into_inner())
}

/// The weights in a `.pth`; only f32 tensors.
///
/// # Errors
/// [`TorchError`]: the file is damaged, or holds something else than f32 tensors.
pub fn read(file: impl Read + Seek) -> Result<Weights, TorchError> {
    let mut archive = ZipArchive::new(file)?;
    let mut names = archive.file_names().filter_map(Result::ok);
    let pickled = names
        .find(|name| name.ends_with("/data.pkl"))
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| TorchError::NoModel("there is no data.pkl in the archive".into()))?;
    drop(names);
    let prefix = pickled.trim_end_matches("data.pkl").to_owned();
    let text = entry(&mut archive, &pickled)?;
    let mut weights = Weights::new();
    for tensor in state_dict(&text)? {
        let bytes = entry(&mut archive, &format!("{prefix}data/{}", tensor.storage))?;
        let data = tensor.slice(&bytes).ok_or_else(|| {
            TorchError::NoModel(format!("tensor `{}` lies outside its storage", tensor.name))
        })?;
        weights.insert(tensor.name, tensor.shape, data)?;
    }
    Ok(weights)
}

fn entry(archive: &mut ZipArchive<impl Read + Seek>, name: &str) -> Result<Vec<u8>, TorchError> {
    let mut bytes = Vec::new();
    archive.by_name(name)?.take(ENTRY_MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The state_dict as torch's own pickler would write it, protocol 2.
fn pickle(weights: &Weights) -> Vec<u8> {
    let mut out = Pickle(vec![0x80, 2]);
    out.global("collections", "OrderedDict");
    out.raw(b")R(");
    for (key, tensor) in weights.tensors().iter().enumerate() {
        out.text(&tensor.name);
        out.global("torch._utils", "_rebuild_tensor_v2");
        out.raw(b"((");
        out.text("storage");
        out.global("torch", "FloatStorage");
        out.text(&key.to_string());
        out.text("cpu");
        out.int(tensor.data.len());
        out.raw(b"tQ");
        out.int(0);
        out.tuple(&tensor.shape);
        out.tuple(&strides(&tensor.shape));
        out.raw(&[0x89]);
        out.global("collections", "OrderedDict");
        out.raw(b")RtR");
    }
    out.raw(b"u.");
    out.0
}

/// Elements to skip per step of each dimension, row-major.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut stride = 1_usize;
    let mut strides: Vec<usize> = shape
        .iter()
        .rev()
        .map(|side| {
            let this = stride;
            stride = stride.saturating_mul(*side);
            this
        })
        .collect();
    strides.reverse();
    strides
}

/// A pickle being written.
struct Pickle(Vec<u8>);

impl Pickle {
    fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn global(&mut self, module: &str, name: &str) {
        self.raw(format!("c{module}\n{name}\n").as_bytes());
    }

    fn text(&mut self, text: &str) {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.raw(b"X");
        self.raw(&length.to_le_bytes());
        self.raw(text.as_bytes());
    }

    fn int(&mut self, number: usize) {
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        self.raw(b"J");
        self.raw(&number.to_le_bytes());
    }

    fn tuple(&mut self, numbers: &[usize]) {
        self.raw(b"(");
        for number in numbers {
            self.int(*number);
        }
        self.raw(b"t");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_survive_the_way_through_a_file() {
        let mut weights = Weights::new();
        weights.insert("net.0.weight", vec![2, 3], vec![1.0, 2.0, 3.0, -4.0, 0.5, 6.0]).unwrap();
        weights.insert("net.0.bias", vec![2], vec![0.25, -0.25]).unwrap();
        let bytes = write(&weights).unwrap();
        assert_eq!(read(Cursor::new(&bytes)).unwrap(), weights);
        assert_eq!(write(&weights).unwrap(), bytes, "the same weights give the same bytes");
    }
}
