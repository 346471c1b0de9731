//! Which study is followed, and what to say while it is not there.

use std::path::PathBuf;

/// Which study to follow.
#[derive(Clone, Debug)]
pub struct StudySource {
    /// Its database.
    pub database: PathBuf,
    /// Its name; the only study of the database when not given.
    pub name: Option<String>,
    /// Which objective decides, for several.
    pub objective: Option<usize>,
}

impl StudySource {
    /// There is no database yet; a sentence with the remedy.
    pub fn missing(&self) -> String {
        format!(
            "there is no study database at {}; start a worker, or correct study.database in \
             cappuccino.toml",
            self.database.display()
        )
    }

    /// The database has only these studies, and none of them alone is meant; a sentence with the
    /// remedy.
    pub fn absent(&self, names: &[String]) -> String {
        let database = self.database.display();
        match (&self.name, names) {
            (Some(name), []) => {
                format!("{database} holds no study yet, `{name}` is awaited; start a worker")
            }
            (None, []) => format!("{database} holds no study yet; start a worker"),
            (Some(name), names) => format!(
                "{database} has no study named `{name}`, it has {}; correct study.name in \
                 cappuccino.toml",
                names.join(", ")
            ),
            (None, names) => format!(
                "{database} holds several studies ({}); say which with study.name in \
                 cappuccino.toml",
                names.join(", ")
            ),
        }
    }
}
