//! What a stored model consists of, and the address under which the model store keeps it.

use crate::words::candidate::Candidate;
use crate::words::ids::{Digest, TrialId, TrialNumber};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// What is known of one file of a model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileEvidence {
    /// Path within the model, with `/` between folders.
    pub name: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the whole content.
    pub digest: Digest,
}

/// The files of a model, sorted by name, each named once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<FileEvidence>", into = "Vec<FileEvidence>")]
pub struct Manifest {
    files: Vec<FileEvidence>,
}

/// Two files of one model bear the same name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model lists `{0}` twice: a manifest names each file once")]
pub struct DuplicateFile(pub String);

/// Which trial a model came from; part of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Name of the study.
    pub study_name: &'a str,
    /// Row id of the study.
    pub study_id: i64,
    /// Row id of the trial.
    pub trial_id: TrialId,
    /// Number of the trial within its study.
    pub number: TrialNumber,
}

impl<'a> From<&'a Candidate> for Origin<'a> {
    fn from(candidate: &'a Candidate) -> Self {
        Self {
            study_name: &candidate.study.name,
            study_id: candidate.study.study_id,
            trial_id: candidate.trial_id,
            number: candidate.number,
        }
    }
}

impl FileEvidence {
    /// Whether the file was made from the others when the model was stored (`stored_agent/…`,
    /// `best_trial`), and therefore says nothing new about it.
    pub fn is_derived(&self) -> bool {
        self.name == "best_trial" || self.name.starts_with("stored_agent/")
    }
}

impl Manifest {
    /// Sorts `files` by name.
    ///
    /// # Errors
    /// [`DuplicateFile`] when a name occurs twice.
    pub fn new(mut files: Vec<FileEvidence>) -> Result<Self, DuplicateFile> {
        files.sort();
        let twins = files.iter().zip(files.iter().skip(1)).find(|(a, b)| a.name == b.name);
        match twins {
            Some((twin, _)) => Err(DuplicateFile(twin.name.clone())),
            None => Ok(Self { files }),
        }
    }

    /// The files, sorted by name.
    pub fn files(&self) -> &[FileEvidence] {
        &self.files
    }

    /// Total length of all files in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().fold(0, |total, file| total.saturating_add(file.size_bytes))
    }

    /// Content address: SHA-256 of [`Manifest::canonical_text`].
    pub fn address(&self, origin: Origin<'_>) -> Digest {
        Digest(Sha256::digest(self.canonical_text(origin)).into())
    }

    /// The text that is hashed: UTF-8, one `\n` after every line, names quoted as JSON strings so
    /// that no name can imitate a line. Derived files are left out.
    ///
    /// ```text
    /// cappuccino model 1
    /// study "ppo" 3
    /// trial 17 12
    /// file 1024 <sha-256 in hex> "actor.pth"
    /// ```
    pub fn canonical_text(&self, origin: Origin<'_>) -> String {
        let mut text = format!(
            "cappuccino model 1\nstudy {} {}\ntrial {} {}\n",
            quoted(origin.study_name),
            origin.study_id,
            origin.trial_id,
            origin.number
        );
        for file in self.files.iter().filter(|file| !file.is_derived()) {
            let line = (file.size_bytes, file.digest, quoted(&file.name));
            // Writing to a string cannot fail.
            let _infallible = writeln!(text, "file {} {} {}", line.0, line.1, line.2);
        }
        text
    }
}

fn quoted(text: &str) -> serde_json::Value {
    serde_json::Value::from(text)
}

impl TryFrom<Vec<FileEvidence>> for Manifest {
    type Error = DuplicateFile;

    fn try_from(files: Vec<FileEvidence>) -> Result<Self, DuplicateFile> {
        Self::new(files)
    }
}

impl From<Manifest> for Vec<FileEvidence> {
    fn from(manifest: Manifest) -> Self {
        manifest.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Origin<'static> = Origin {
        study_name: "a \"b\"\nfile",
        study_id: 3,
        trial_id: TrialId(17),
        number: TrialNumber(12),
    };

    fn file(name: &str, byte: u8) -> FileEvidence {
        FileEvidence { name: name.into(), size_bytes: 10, digest: Digest([byte; 32]) }
    }

    fn manifest(files: &[FileEvidence]) -> Manifest {
        Manifest::new(files.to_vec()).unwrap()
    }

    #[test]
    fn the_address_ignores_order_and_derived_files_but_no_content() {
        let plain = manifest(&[file("actor.pth", 1), file("critic.pth", 2)]);
        let dressed = manifest(&[
            file("stored_agent/actor.pth", 1),
            file("critic.pth", 2),
            file("best_trial", 9),
            file("actor.pth", 1),
        ]);
        assert_eq!(plain.address(ORIGIN), dressed.address(ORIGIN));
        let other = manifest(&[file("actor.pth", 1), file("critic.pth", 3)]);
        assert_ne!(plain.address(ORIGIN), other.address(ORIGIN));
        let sibling = Origin { trial_id: TrialId(18), ..ORIGIN };
        assert_ne!(plain.address(ORIGIN), plain.address(sibling));
    }

    #[test]
    fn the_canonical_text_never_changes() {
        let text = manifest(&[file("actor.pth", 1)]).canonical_text(ORIGIN);
        let hex = "01".repeat(32);
        assert_eq!(
            text,
            format!(
                "cappuccino model 1\nstudy \"a \\\"b\\\"\\nfile\" 3\ntrial 17 12\n\
                 file 10 {hex} \"actor.pth\"\n"
            )
        );
    }

    #[test]
    fn a_manifest_with_twins_is_refused_even_from_json() {
        let twins = vec![file("a", 1), file("a", 2)];
        assert_eq!(Manifest::new(twins.clone()), Err(DuplicateFile("a".into())));
        let json = serde_json::to_string(&twins).unwrap();
        assert!(serde_json::from_str::<Manifest>(&json).is_err());
    }
}
