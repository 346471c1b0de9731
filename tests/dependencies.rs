//! The policy for dependencies: known licences, one version of each where we can, reasons for the
//! rest.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::process::Command;

/// Licences that ask for no more than their text.
const LICENCES: [&str; 12] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "0BSD",
    "BSL-1.0",
    // A licence for data: Mozilla's list of certificate authorities, in webpki-roots.
    "CDLA-Permissive-2.0",
];

/// Advisories that are known and accepted, with the reason.
const ACCEPTED: [(&str, &str, &str); 1] = [(
    "bincode",
    "2.0.1",
    "unmaintained (RUSTSEC-2025-0141), no vulnerability; named by one file, bytes are frozen",
)];

/// Crates we never want: TLS through C, a second runtime.
const BANNED: [&str; 4] = ["openssl", "openssl-sys", "async-std", "native-tls"];

fn metadata() -> Json {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn packages(metadata: &Json) -> impl Iterator<Item = (&str, &str, &Json)> {
    metadata["packages"].as_array().unwrap().iter().map(|package| {
        (package["name"].as_str().unwrap(), package["version"].as_str().unwrap(), package)
    })
}

/// Whether one way to satisfy an SPDX expression uses accepted licences only.
fn is_acceptable(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    expression.split(" OR ").any(|choice| {
        choice.split(" AND ").all(|licence| {
            let name = licence.split(" WITH ").next().unwrap().trim();
            LICENCES.contains(&name)
        })
    })
}

#[test]
fn every_licence_is_one_we_accept() {
    let metadata = metadata();
    for (name, version, package) in packages(&metadata) {
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(is_acceptable(licence), "{name} {version} has the licence {licence}");
    }
}

#[test]
fn nothing_banned_and_everything_from_one_registry() {
    let metadata = metadata();
    for (name, version, package) in packages(&metadata) {
        assert!(!BANNED.contains(&name), "{name} {version} is banned");
        let source = package["source"].as_str().unwrap_or("registry+workspace");
        assert!(source.starts_with("registry+"), "{name} {version} comes from {source}");
    }
}

#[test]
fn what_is_accepted_in_spite_of_an_advisory_is_still_what_was_accepted() {
    let metadata = metadata();
    let versions: BTreeMap<&str, &str> =
        packages(&metadata).map(|(name, version, _)| (name, version)).collect();
    for (name, version, reason) in ACCEPTED {
        assert_eq!(versions.get(name), Some(&version), "{name}: {reason}");
    }
}
