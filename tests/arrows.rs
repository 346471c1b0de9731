//! The walls of the house: which room may use which, and what no room of core may name.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms of core, lowest layer first; a file uses lower layers or its own room.
const LAYERS: [&[&str]; 6] = [
    &["words"],
    &["rules", "model", "trading"],
    &["machines"],
    &["world", "decision", "engine"],
    &["store"],
    &["api", "export", "client"],
];

/// What core may depend on.
const CORE_DEPENDENCIES: [&str; 10] = [
    "bincode",
    "crc32c",
    "http-body-util",
    "hyper",
    "jiff",
    "redb",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
];
const CORE_ALSO: [&str; 3] = ["pco", "ta-lib", "zip"];

/// Names that would let core reach the world by itself.
const FORBIDDEN: [&str; 10] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "tokio::",
    "rusqlite",
    "std::os",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

/// The code of a file without its inline tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn core_uses_only_what_lies_below() {
    let core = root().join("core/src");
    let mut findings = Vec::new();
    for (path, text) in sources(&core) {
        let place = path.strip_prefix(&core).unwrap();
        let room = place.components().next().unwrap().as_os_str().to_string_lossy();
        let room = room.trim_end_matches(".rs").to_owned();
        let Some(own) = layer(&room) else { continue };
        for used in code(&text).split("crate::").skip(1) {
            let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            if layer(used).is_some_and(|layer| layer > own) {
                findings.push(format!("{}: uses {used}", path.display()));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn core_is_pure() {
    let mut findings = Vec::new();
    for (path, text) in sources(&root().join("core/src")) {
        for (number, line) in code(&text).lines().enumerate() {
            let said = line.split("//").next().unwrap();
            for name in FORBIDDEN.iter().filter(|name| said.contains(**name)) {
                findings.push(format!("{}:{}: {name}", path.display(), number + 1));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn core_depends_on_nothing_unforeseen() {
    let manifest = fs::read_to_string(root().join("core/Cargo.toml")).unwrap();
    let section = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    for line in section.lines().filter(|line| line.contains('=')) {
        let name = line.split(['.', ' ', '=']).next().unwrap();
        let known = CORE_DEPENDENCIES.contains(&name) || CORE_ALSO.contains(&name);
        assert!(known, "core depends on {name}; say why in docs/decisions.md and allow it here");
    }
}

#[test]
fn one_file_names_bincode() {
    for folder in ["core/src", "headless/src"] {
        for (path, text) in sources(&root().join(folder)) {
            let names = code(&text)
                .lines()
                .any(|line| line.split("//").next().unwrap().contains("bincode"));
            assert!(!names || path.ends_with("store/codec.rs"), "{} names bincode", path.display());
        }
    }
}

#[test]
fn effects_leave_only_through_a_commit() {
    for (path, text) in sources(&root().join("headless/src")) {
        for call in ["commit_in_memory", ".apply("] {
            assert!(!code(&text).contains(call), "{} calls {call}", path.display());
        }
    }
    let decision = fs::read_to_string(root().join("core/src/decision.rs")).unwrap();
    assert!(decision.contains("    effects: Vec<(IntentId, Effect)>,"), "sealed by privacy");
}

#[test]
fn the_app_knows_core_and_nothing_else_of_the_house() {
    let manifest = fs::read_to_string(root().join("gui/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    let ours: Vec<&str> =
        dependencies.lines().filter(|line| line.starts_with("cappuccino-")).collect();
    assert_eq!(ours.len(), 1, "{ours:?}");
    assert!(ours[0].starts_with("cappuccino-core"));
    for (path, text) in sources(&root().join("gui/src")) {
        let shown = path.display();
        let is_page = path.components().any(|part| part.as_os_str() == "pages");
        if is_page {
            // Pages see what is known and nothing else: no link, no file, no thread.
            for name in ["crate::link", "std::fs", "std::thread", "std::process", "tokio"] {
                assert!(!code(&text).contains(name), "{shown} names {name}");
            }
        }
    }
}
