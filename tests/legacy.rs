//! The files of the daemons that were here before: taken in, and written for whoever reads them.

use cappuccino_core::model::pickle::PyValue;
use cappuccino_core::model::python_json::parse;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::cli::{tell, word};
use support::daemon::Site;
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
const PATIENCE: Duration = Duration::from_secs(30);
/// Written by Python's `json.dumps(…, indent=2)`, with keys that no version here knows.
const OLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/legacy");
const FILES: [&str; 4] =
    ["deployment_state.json", "deployment_log.json", "watchdog_state.json", "monitor_state.json"];

fn say(root: &Path, words: &[&str]) -> support::cli::Told {
    let mut command: Command = word(PROGRAM, root, words);
    tell(command.env("TZ", "America/New_York"), root)
}

fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(tell(word(PROGRAM, folder.path(), &["init"]).arg("."), folder.path()).code, 0);
    folder
}

#[test]
fn what_was_imported_is_exported_byte_for_byte_while_nothing_happened_since() {
    let folder = workspace();
    let told = say(folder.path(), &["import", OLD]);
    let said: Vec<&str> = told.out.lines().collect();
    assert_eq!(said[3], "monitor_state.json: 1 records, 12 samples");
    assert!(said[4].contains("1 trades, +9.87 % as reported, -0.15 % at the prices"), "{told}");
    assert_eq!(said[5], "11 new lines of history");
    let again = say(folder.path(), &["import", OLD]);
    assert!(again.out.contains("0 new lines of history"), "{again}");
    let out = folder.path().join("out");
    assert_eq!(say(folder.path(), &["export", "--legacy", out.to_str().unwrap()]).code, 0);
    for file in FILES {
        let before = fs::read_to_string(Path::new(OLD).join("deployments").join(file)).unwrap();
        assert_eq!(fs::read_to_string(out.join(file)).unwrap(), before, "{file}");
    }
    let history = say(folder.path(), &["history"]).out;
    assert!(history.contains("CRITICAL GPU: GPU temperature 86°C"), "{history}");
    assert!(history.contains("trial with id 141 = 0.0712"), "{history}");
}

#[test]
fn a_broken_file_is_refused_with_its_line_and_nothing_is_taken_from_the_others() {
    let folder = workspace();
    let old = tempfile::tempdir().unwrap();
    for file in FILES {
        fs::copy(Path::new(OLD).join("deployments").join(file), old.path().join(file)).unwrap();
    }
    let log = old.path().join("watchdog_state.json");
    let text = fs::read_to_string(&log).unwrap().replace("\"CRITICAL\"", "7");
    fs::write(&log, text).unwrap();
    let told = say(folder.path(), &["import", old.path().to_str().unwrap()]);
    assert_eq!(told.code, 1, "{told}");
    assert!(told.err.contains("line 18: alerts[1].severity: a text is due"), "{told}");
    assert!(!folder.path().join(".cappuccino/state.redb").exists());
    let nothing = say(folder.path(), &["import", folder.path().to_str().unwrap()]);
    assert!(nothing.err.contains("no session files"), "{nothing}");
}

fn get<'a>(value: &'a PyValue, name: &str) -> &'a PyValue {
    let PyValue::Dict(entries) = value else { panic!("{value:?}") };
    let found = entries.iter().find(|(key, _)| *key == PyValue::text(name));
    &found.unwrap_or_else(|| panic!("{name} is missing")).1
}

fn last(value: &PyValue) -> &PyValue {
    let PyValue::List(items) = value else { panic!("{value:?}") };
    items.last().unwrap()
}

#[test]
fn what_the_runner_did_continues_the_old_files() {
    let mut site = Site::new(PROGRAM, "session_csv = \"sessions/{revision}.csv\"");
    assert_eq!(say(site.root(), &["import", OLD]).code, 0);
    site.finish_trial(1.0);
    site.start_and_wait();
    until("a model is live", PATIENCE, || {
        (site.status().unwrap().deployment.phase == "live").then_some(())
    });
    let refused = say(site.root(), &["import", OLD]);
    assert!(refused.err.contains("a runner is up"), "{refused}");
    let out = site.root().join("out");
    assert_eq!(say(site.root(), &["export", "--legacy", out.to_str().unwrap()]).code, 0);
    let read = |file: &str| parse(&fs::read_to_string(out.join(file)).unwrap()).unwrap();
    let state = read("deployment_state.json");
    let deployed = last(get(&state, "deployment_history"));
    assert_eq!(get(deployed, "trial_id"), get(&state, "last_deployed_trial"));
    assert_eq!(get(deployed, "value"), &PyValue::Float(1.0));
    let pid = site.lives("trader").last().unwrap().1;
    assert_eq!(get(deployed, "pid"), &PyValue::from(pid));
    assert_eq!(get(&state, "current_paper_trader_pid"), &PyValue::from(pid));
    let PyValue::Text(model) = get(deployed, "model_dir") else { panic!("{deployed:?}") };
    let model = String::from_utf8(model.clone()).unwrap();
    assert!(Path::new(&model).join("actor.pth").is_file(), "{model}");
    let PyValue::Text(at) = get(deployed, "timestamp") else { panic!("{deployed:?}") };
    assert_eq!(at.len(), "2025-11-17T18:00:00.000000".len());
    assert_eq!(get(last(&read("deployment_log.json")), "action"), &PyValue::text("DEPLOYED"));
    let look = read("monitor_state.json");
    let stats = get(last(get(&look, "performance_history")), "stats");
    assert_eq!(get(stats, "complete"), &PyValue::Int(1));
}
