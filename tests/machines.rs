//! Every pair of state and event of every machine, asked of the real `step`; the answers are
//! docs/MACHINES.md, and a stale document fails.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use support::alert_table::alert_lines;
use support::tables::{Line, deployment_lines, process_lines, study_lines};

const INTRODUCTION: &str = "# The machines\n\n\
    Generated from the code by `CAPPUCCINO_BLESS=1 cargo test -p cappuccino-tests --test machines`. \
    One row for every pair of state and event, with the answer of the real `step`: where it goes, \
    what it asks of the world, whom it tells. *Unchanged* says why; *refused* is what an operator \
    reads. Pictures of the machines are at the head of `core/src/machines/*/mod.rs`.\n";

fn table(title: &str, lines: &[Line]) -> String {
    let mut text = format!("\n## {title}\n");
    let mut state = None;
    for line in lines {
        if state != Some(&line.state) {
            state = Some(&line.state);
            write!(text, "\n### {}\n\n| event | answer |\n|---|---|\n", line.state).unwrap();
        }
        writeln!(text, "| {} | {} |", line.event, line.answer).unwrap();
    }
    text
}

#[test]
fn the_document_shows_the_machines_as_they_are() {
    let machines = [
        ("study", study_lines()),
        ("deployment", deployment_lines()),
        ("process (the trader's; a worker tells nobody)", process_lines()),
        ("alert", alert_lines()),
    ];
    let mut text = INTRODUCTION.to_owned();
    for (title, lines) in &machines {
        text.push_str(&table(title, lines));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/MACHINES.md");
    if std::env::var_os("CAPPUCCINO_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        present == text,
        "docs/MACHINES.md is stale: CAPPUCCINO_BLESS=1 cargo test -p cappuccino-tests --test machines"
    );
}

#[test]
fn every_pair_of_state_and_event_is_asked() {
    for lines in [study_lines(), deployment_lines(), process_lines(), alert_lines()] {
        let states: BTreeSet<&str> = lines.iter().map(|line| line.state.as_str()).collect();
        let events: BTreeSet<&str> = lines.iter().map(|line| line.event.as_str()).collect();
        let pairs: BTreeSet<(&str, &str)> =
            lines.iter().map(|line| (line.state.as_str(), line.event.as_str())).collect();
        assert_eq!(pairs.len(), states.len() * events.len());
        assert_eq!(pairs.len(), lines.len(), "a pair is asked twice");
    }
}
