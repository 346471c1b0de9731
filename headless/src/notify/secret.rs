//! Addresses and tokens that nobody else may read: never in the log, the API or an export.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Where a secret is. Shown, it hides itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// In the configuration itself.
    Given(String),
    /// In a variable of the runner's environment.
    Variable(String),
    /// In a file that only its owner may read.
    File(PathBuf),
}

impl Secret {
    /// The secret, read anew each time, so that it can be changed without a restart.
    ///
    /// # Errors
    /// A sentence: it is not there, or its file may be read by others.
    pub fn read(&self) -> Result<String, String> {
        let text = match self {
            Self::Given(text) => text.clone(),
            Self::Variable(name) => std::env::var(name).map_err(|_unset_or_binary| {
                format!("the variable {name} is not set; set it where the runner is started")
            })?,
            Self::File(path) => read_file(path)?,
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(format!("{self:?} holds nothing; write the secret there"));
        }
        Ok(text.to_owned())
    }
}

fn read_file(path: &PathBuf) -> Result<String, String> {
    let failed = |error: std::io::Error| {
        format!("cannot read {}: {error}; write the secret there, with mode 0600", path.display())
    };
    let mode = fs::metadata(path).map_err(failed)?.mode();
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(format!("{path} may be read by others; `chmod 600 {path}`"));
    }
    fs::read_to_string(path).map_err(failed)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("the configuration"),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_that_others_may_read_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "s3cret\n").unwrap();
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        let refused = Secret::File(path.clone()).read().unwrap_err();
        assert!(refused.contains("may be read by others; `chmod 600"), "{refused}");
        mode(0o600);
        assert_eq!(Secret::File(path.clone()).read().unwrap(), "s3cret");
        assert!(!format!("{:?}", Secret::Given("s3cret".into())).contains("s3cret"));
    }
}
