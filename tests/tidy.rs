//! The rules of the house that no compiler knows: small files, said purposes, no leftovers.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest file and longest function, in lines.
const FILE_MAX: usize = 500;
const FUNCTION_MAX: usize = 70;
/// Widest line in Rust files, in characters; strings that hold addresses or SQL may be wider.
const WIDTH_MAX: usize = 100;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && !["target", ".git", ".cappuccino"].iter().any(|skip| name == *skip) {
            files(&path, ending, found);
        } else if name.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

fn all(ending: &str) -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    files(&root(), ending, &mut paths);
    assert!(!paths.is_empty());
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(root()).unwrap().to_owned(), text)
        })
        .collect()
}

fn check(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn every_file_is_short_and_says_what_it_owns() {
    let mut findings = Vec::new();
    for (path, text) in all(".rs") {
        let lines = text.lines().count();
        if lines > FILE_MAX {
            findings.push(format!("{}: {lines} lines; split it by idea", path.display()));
        }
        if !text.starts_with("//!") {
            findings.push(format!("{}: does not open with `//!`", path.display()));
        }
        for (number, line) in text.lines().enumerate() {
            // Diagrams, tables and strings may need their width.
            let bare = !['"', '─', '|', '`'].iter().any(|mark| line.contains(*mark));
            let wide = line.chars().count() > WIDTH_MAX && bare;
            if wide && !path.starts_with("tests/support/study.rs") {
                findings.push(format!("{}:{}: too wide", path.display(), number + 1));
            }
        }
    }
    check(findings);
}

#[test]
fn every_function_fits_a_screen() {
    let mut findings = Vec::new();
    for (path, text) in all(".rs") {
        let mut open: Option<(usize, usize, String)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let code = line.trim_start();
            let begins = [
                "fn ",
                "pub fn ",
                "async fn ",
                "pub async fn ",
                "pub(super) fn ",
                "pub(crate) fn ",
            ];
            if open.is_none()
                && begins.iter().any(|begin| code.starts_with(begin))
                && !code.ends_with(';')
            {
                open = Some((number, indent, code.to_owned()));
            }
            let Some((start, depth, name)) = &open else { continue };
            if indent == *depth
                && (code.starts_with('}') || code.ends_with('}') && number == *start)
            {
                if number - start + 1 > FUNCTION_MAX {
                    findings.push(format!(
                        "{}:{}: {} lines: {name}",
                        path.display(),
                        start + 1,
                        number - start + 1
                    ));
                }
                open = None;
            }
        }
    }
    check(findings);
}

#[test]
fn nothing_is_left_over() {
    // Spelt apart, so that this file does not find itself.
    let words = ["todo!", "unimplemented!", "FIX", "dbg!"].map(|word| match word {
        "FIX" => "FIXME".to_owned(),
        macro_name => format!("{macro_name}("),
    });
    let mut findings = Vec::new();
    for (path, text) in all(".rs") {
        if path.ends_with("tests/tidy.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(*word)) {
                findings.push(format!("{}:{}: {word}", path.display(), number + 1));
            }
        }
    }
    check(findings);
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let mut findings = Vec::new();
    for (path, text) in all(".md") {
        let folder = root().join(&path).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") && !folder.join(file).exists() {
                findings.push(format!("{}: {target}", path.display()));
            }
        }
    }
    check(findings);
}

#[test]
fn every_alert_has_its_page_in_the_runbook() {
    let runbook = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let mut findings = Vec::new();
    for (path, text) in all(".rs") {
        if !path.starts_with("core/src") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap();
        for key in code.split("Key(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !runbook.contains(&format!("`{key}`")) {
                findings
                    .push(format!("{}: alert {key} is not in docs/OPERATIONS.md", path.display()));
            }
        }
        for what in code.split("self.alert(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !runbook.contains(&format!("`process/NAME/{what}`")) {
                findings.push(format!(
                    "{}: process alert {what} is not in docs/OPERATIONS.md",
                    path.display()
                ));
            }
        }
    }
    check(findings);
}
