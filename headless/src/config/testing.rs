//! What the tests of every section share: a file with a section, accepted or refused.

use super::Config;
use super::check::parse;
use std::path::Path;

fn whole(text: &str) -> String {
    format!("[study]\ndatabase = \"s.db\"\n{text}")
}

/// The file with this text after its first section, which is right.
pub(super) fn accepted(text: &str) -> Config {
    parse(&whole(text), Path::new("/w")).unwrap_or_else(|found| panic!("{}", found.what))
}

/// The same, which is wrong: what is said, the remedy, and that it has a place.
pub(super) fn refused(text: &str, what: &str, remedy: &str) {
    let Err(found) = parse(&whole(text), Path::new("/w")) else { panic!("{text} must be refused") };
    assert!(found.what.contains(what), "{text}: {}", found.what);
    let said = found.remedy.unwrap_or_default();
    assert!(said.contains(remedy), "{text}: {said}");
    assert!(!found.place.is_empty(), "{text}: no place");
}
