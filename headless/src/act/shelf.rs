//! The model store: `models/<address>/`, written once, never changed, verified by its address.
//!
//! A folder appears whole or not at all: it is made under a temporary name, flushed, and renamed.
//! `offered/` holds the trial's files as they were, evidence that nothing opens but the examination.
//! Beside it lie the files that run: of a `.pth`, what we wrote ourselves from the numbers that were
//! read, so that no byte of a pickle from elsewhere ever reaches Python; a `.safetensors` as it was
//! offered. `stored_agent/` (the same files again) and `best_trial` (the pickled trial) are what the
//! original Python trader expects. All but `best_trial` are covered by the address.

use super::offer::{self, open_regular};
use crate::config::ModelsConfig;
use cappuccino_core::model::best_trial::best_trial_pickle;
use cappuccino_core::model::container::{ContainerKind, Limits};
use cappuccino_core::model::manifest::{DuplicateFile, FileEvidence, Manifest, Origin};
use cappuccino_core::model::torch;
use cappuccino_core::words::{Digest, Revision, TrialDetail};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const MANIFEST: &str = "manifest.json";
const OFFERED: &str = "offered";
const STORED_AGENT: &str = "stored_agent";
const BEST_TRIAL: &str = "best_trial";
const CHUNK_BYTES: usize = 256 * 1024;

/// The folder of all stored models.
#[derive(Clone, Debug)]
pub struct Shelf {
    root: PathBuf,
}

/// Why a model cannot be stored or is not what it was.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// Reading or writing failed.
    #[error("{path}: {source}; check the disk's space and the folder's rights")]
    Io {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The trainer was still writing.
    #[error("{0} changed while it was copied; it will be tried again when the trial is proposed")]
    Changed(String),
    /// More than the configuration allows.
    #[error("the model has more than {limit} bytes; raise models.max_megabytes if that is right")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The weights cannot be written again.
    #[error("{name} cannot be written again: {why}; check the disk's space")]
    Rewrite {
        /// Which file.
        name: String,
        /// Why.
        why: String,
    },
    /// The trial cannot be written for the trader.
    #[error("the trial cannot be written as best_trial: {0}")]
    BestTrial(String),
    /// Two of its files have one name.
    #[error(transparent)]
    Twins(#[from] DuplicateFile),
    /// The stored files differ from what was stored.
    #[error("stored model {address}: {what}; deploy the trial again")]
    Damaged {
        /// Which model.
        address: Digest,
        /// What differs.
        what: String,
    },
}

impl Shelf {
    /// The store in `root`.
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder of the model with this address.
    pub fn folder(&self, address: Digest) -> PathBuf {
        self.root.join(address.to_string())
    }

    /// The folder of the files of this model as the trial offered them. Models stored by an
    /// earlier version lie at the top of their folder, as they were.
    pub fn offered(&self, address: Digest) -> PathBuf {
        let folder = self.folder(address);
        let offered = folder.join(OFFERED);
        if offered.is_dir() { offered } else { folder }
    }

    /// Copies a trial's model into the store; storing it twice is storing it once.
    ///
    /// # Errors
    /// [`ShelfError`]; nothing is left behind but a temporary folder that the next try replaces.
    pub fn take_in(
        &self,
        source: &Path,
        revision: &Revision,
        trial: &TrialDetail,
        trader_directory: &Path,
        config: &ModelsConfig,
    ) -> Result<Digest, ShelfError> {
        let temporary = self.root.join(format!(".tmp-revision-{}", revision.id));
        if temporary.exists() {
            remove_tree(&temporary)?;
        }
        for folder in [STORED_AGENT, OFFERED] {
            std::fs::create_dir_all(temporary.join(folder)).at(&temporary)?;
        }
        let mut files = Vec::new();
        let mut room = config.max_bytes;
        for name in &config.required {
            let stored = format!("{OFFERED}/{name}");
            let evidence = copy(&source.join(name), &temporary.join(&stored), &stored, room)?;
            room = room.saturating_sub(evidence.size_bytes);
            if digest_of(&source.join(name))?.1 != evidence.digest {
                return Err(ShelfError::Changed(name.clone()));
            }
            files.extend(rewrite(&temporary, name, &evidence)?);
            files.push(evidence);
        }
        let origin = Origin::from(&revision.candidate);
        let address = Manifest::new(files.clone())?.address(origin);
        let name_folder = self.name_folder(address, trader_directory);
        let pickle = best_trial_pickle(trial, &[("name_folder", &name_folder)])
            .map_err(|error| ShelfError::BestTrial(error.to_string()))?;
        files.push(write(&temporary.join(BEST_TRIAL), BEST_TRIAL, &pickle)?);
        let manifest = serde_json::to_vec_pretty(&Manifest::new(files)?)
            .map_err(|error| ShelfError::BestTrial(error.to_string()))?;
        write(&temporary.join(MANIFEST), MANIFEST, &manifest)?;
        self.publish(&temporary, address)?;
        Ok(address)
    }

    /// What the original trader puts behind `train_results/` to find the weights of this model.
    fn name_folder(&self, address: Digest, trader_directory: &Path) -> String {
        let results = trader_directory.join("train_results");
        let up = results.components().count();
        let folder = self.folder(address);
        let inside = folder.strip_prefix(trader_directory);
        match inside {
            Ok(inside) => Path::new("..").join(inside).display().to_string(),
            Err(_elsewhere) => {
                let root = "../".repeat(up.saturating_sub(1));
                format!("{root}{}", folder.display().to_string().trim_start_matches('/'))
            }
        }
    }

    /// Renames the finished folder to its address; durable when it returns.
    fn publish(&self, temporary: &Path, address: Digest) -> Result<(), ShelfError> {
        sync_folder(&temporary.join(STORED_AGENT))?;
        sync_folder(&temporary.join(OFFERED))?;
        sync_folder(temporary)?;
        let folder = self.folder(address);
        if folder.exists() {
            // The same content under the same address: keep it only if it is intact.
            if self.verify_files(address).is_ok() {
                return remove_tree(temporary);
            }
            remove_tree(&folder)?;
        }
        std::fs::rename(temporary, &folder).at(&folder)?;
        sync_folder(&self.root)
    }

    /// Checks a stored model: every file as listed, the list as addressed.
    ///
    /// # Errors
    /// [`ShelfError::Damaged`] with what differs.
    pub fn verify(&self, address: Digest, revision: &Revision) -> Result<(), ShelfError> {
        let manifest = self.verify_files(address)?;
        if manifest.address(Origin::from(&revision.candidate)) == address {
            return Ok(());
        }
        let what = "its list of files is not the one that was stored".to_owned();
        Err(ShelfError::Damaged { address, what })
    }

    fn verify_files(&self, address: Digest) -> Result<Manifest, ShelfError> {
        let damaged = |what: String| ShelfError::Damaged { address, what };
        let folder = self.folder(address);
        let text = std::fs::read(folder.join(MANIFEST))
            .map_err(|error| damaged(format!("{MANIFEST} cannot be read: {error}")))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| damaged(format!("{MANIFEST} is not what was written: {error}")))?;
        for file in manifest.files() {
            let found =
                digest_of(&folder.join(&file.name)).map_err(|error| damaged(error.to_string()))?;
            if found != (file.size_bytes, file.digest) {
                return Err(damaged(format!("{} differs from what was stored", file.name)));
            }
            // The trader reads this one: another link to the same file, unless somebody put
            // something else in its place.
            let agent = folder.join(STORED_AGENT).join(&file.name);
            if runs(&file.name) && !is_one_file(&folder.join(&file.name), &agent) {
                let what = format!("{STORED_AGENT}/{} is not the file that was stored", file.name);
                return Err(damaged(what));
            }
        }
        let agent: BTreeSet<&str> = manifest
            .files()
            .iter()
            .map(|file| file.name.as_str())
            .filter(|name| runs(name))
            .collect();
        let mut beside = agent.clone();
        beside.extend([MANIFEST, BEST_TRIAL, STORED_AGENT, OFFERED]);
        for (folder, known) in [(folder.join(STORED_AGENT), agent), (folder, beside)] {
            if let Some(name) = stranger(&folder, &known)? {
                return Err(damaged(format!("{name} was added to {}", folder.display())));
            }
        }
        Ok(manifest)
    }
}

/// Whether two names stand for one file.
fn is_one_file(one: &Path, other: &Path) -> bool {
    let identity =
        |path: &Path| std::fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()));
    identity(one).is_some() && identity(one) == identity(other)
}

/// Whether this is a file that the trader opens as weights.
fn runs(name: &str) -> bool {
    name != BEST_TRIAL && !name.contains('/')
}

/// Something in a folder that nobody of ours put there: a trader might open it.
fn stranger(folder: &Path, known: &BTreeSet<&str>) -> Result<Option<String>, ShelfError> {
    for entry in std::fs::read_dir(folder).at(folder)? {
        let name = entry.at(folder)?.file_name().to_string_lossy().into_owned();
        if !known.contains(name.as_str()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Writes the file that runs from the one that was offered; nothing when that is not readable as
/// weights, which its examination will say in its own words.
fn rewrite(
    temporary: &Path,
    name: &str,
    offered: &FileEvidence,
) -> Result<Option<FileEvidence>, ShelfError> {
    let Ok(weights) = offer::weights(&temporary.join(OFFERED), name, &Limits::default()) else {
        return Ok(None);
    };
    let path = temporary.join(name);
    if ContainerKind::of(name) == Some(ContainerKind::Safetensors) {
        std::fs::hard_link(temporary.join(&offered.name), &path).at(&path)?;
    } else {
        let fault = |why: String| ShelfError::Rewrite { name: name.to_owned(), why };
        let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
        let out = BufWriter::new(File::create(&path).at(&path)?);
        let out = torch::write_to(&weights, &stem, out).map_err(|why| fault(why.to_string()))?;
        seal(&out.into_inner().map_err(|why| fault(why.to_string()))?, &path)?;
    }
    let agent = temporary.join(STORED_AGENT).join(name);
    std::fs::hard_link(&path, &agent).at(&agent)?;
    let (size_bytes, digest) = digest_of(&path)?;
    Ok(Some(FileEvidence { name: name.to_owned(), size_bytes, digest }))
}

/// Copies at most `room` bytes; what arrives is read-only and flushed.
fn copy(from: &Path, to: &Path, name: &str, room: u64) -> Result<FileEvidence, ShelfError> {
    let mut source = open_regular(from).at(from)?;
    let modified = source.metadata().and_then(|metadata| metadata.modified()).at(from)?;
    let mut target = File::create(to).at(to)?;
    let mut hash = Sha256::new();
    let mut size_bytes: u64 = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = source.read(&mut chunk).at(from)?;
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        size_bytes = size_bytes.saturating_add(count as u64);
        if size_bytes > room {
            return Err(ShelfError::TooLarge { limit: room });
        }
        hash.update(bytes);
        target.write_all(bytes).at(to)?;
    }
    // When it was written is part of the evidence.
    target.set_modified(modified).at(to)?;
    seal(&target, to)?;
    Ok(FileEvidence { name: name.to_owned(), size_bytes, digest: Digest(hash.finalize().into()) })
}

fn write(path: &Path, name: &str, bytes: &[u8]) -> Result<FileEvidence, ShelfError> {
    let mut file = File::create(path).at(path)?;
    file.write_all(bytes).at(path)?;
    seal(&file, path)?;
    let digest = Digest(Sha256::digest(bytes).into());
    Ok(FileEvidence { name: name.to_owned(), size_bytes: bytes.len() as u64, digest })
}

fn seal(file: &File, path: &Path) -> Result<(), ShelfError> {
    file.set_permissions(Permissions::from_mode(0o444)).at(path)?;
    file.sync_all().at(path)
}

fn digest_of(path: &Path) -> Result<(u64, Digest), ShelfError> {
    let mut file = open_regular(path).at(path)?;
    let mut hash = Sha256::new();
    let mut size_bytes: u64 = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = file.read(&mut chunk).at(path)?;
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        size_bytes = size_bytes.saturating_add(count as u64);
        hash.update(bytes);
    }
    Ok((size_bytes, Digest(hash.finalize().into())))
}

fn sync_folder(path: &Path) -> Result<(), ShelfError> {
    File::open(path).and_then(|folder| folder.sync_all()).at(path)
}

fn remove_tree(path: &Path) -> Result<(), ShelfError> {
    std::fs::remove_dir_all(path).at(path)
}

/// Says where an I/O error happened.
trait At<T> {
    fn at(self, path: &Path) -> Result<T, ShelfError>;
}

impl<T> At<T> for Result<T, std::io::Error> {
    fn at(self, path: &Path) -> Result<T, ShelfError> {
        self.map_err(|source| ShelfError::Io { path: path.display().to_string(), source })
    }
}
