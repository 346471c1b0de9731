//! Names and numbers, each a type of its own so that none can stand in for another.
//!
//! The ancestor mixed up `trial_id` and `number` and deployed the wrong model; here that is a
//! compile error.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            Serialize, Deserialize,
        )]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

numbers! {
    /// Row id of a trial in the study's database (`trials.trial_id`); unique across its studies.
    TrialId(i64);
    /// Number of a trial within its study (`trials.number`), from 0; what people say aloud.
    TrialNumber(i64);
    /// A model that was considered for going live: one per attempt to stage a trial.
    RevisionId(u64);
    /// One attempt to change which revision is live.
    DeploymentId(u64);
    /// Which life of a process an outcome belongs to; grows by one with every start.
    Generation(u64);
    /// An effect that was asked for and whose outcome is not recorded yet.
    IntentId(u64);
    /// Position in the history, from 1, without gaps.
    Sequence(u64);
    /// A silence; numbered together with the intents, so that no number is given twice.
    SilenceId(u64);
}

impl Generation {
    /// The life after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Name of a supervised process: 1 to 64 characters of `a-z A-Z 0-9 _ - .`, not starting with a
/// dot, so that it is safe as a file name and a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProcessName(String);

/// A string that is not a [`ProcessName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid process name `{0}`: use 1 to 64 letters, digits, `-`, `_` or `.`, not a leading dot"
)]
pub struct InvalidProcessName(pub String);

impl ProcessName {
    /// Checks and takes `name`.
    ///
    /// # Errors
    /// [`InvalidProcessName`] when the rules above are broken.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidProcessName> {
        let name = name.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let well_formed =
            (1..=64).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('.');
        if well_formed { Ok(Self(name)) } else { Err(InvalidProcessName(name)) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for ProcessName {
    type Error = InvalidProcessName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl From<ProcessName> for String {
    fn from(name: ProcessName) -> Self {
        name.0
    }
}

/// Identity of one request of an operator, chosen by the client: asking twice acts once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub String);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Serialize for Digest {
    /// Hex text for people's formats (JSON), raw bytes for the store.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::parse(&text)
                .ok_or_else(|| serde::de::Error::custom("a digest is 64 hexadecimal digits"))
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

impl Digest {
    /// Reads 64 hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_is_safe_as_a_file_name() {
        assert!(ProcessName::new("worker-1").is_ok());
        for bad in ["", ".hidden", "a/b", "..", "a b", "ü", &"x".repeat(65)] {
            assert!(ProcessName::new(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn a_digest_reads_back_from_its_own_text() {
        let digest = Digest([0xab; 32]);
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_eq!(Digest::parse("ab"), None);
        assert_eq!(Digest::parse(&"g".repeat(64)), None);
    }
}
