//! Following studies: odd values, vanished trials, studies that come back as others.

use cappuccino_core::words::study::ResyncReason;
use cappuccino_core::words::{Moment, Span, TrialId, TrialNumber};
use cappuccino_headless::observe::study::StudyError;
use cappuccino_headless::observe::study::detail::read_trial;
use cappuccino_headless::observe::study::reader::{Delta, Poll, StudyReader};
use cappuccino_headless::observe::study::source::StudySource;
use std::path::{Path, PathBuf};
use support::study::Writer;
use tempfile::TempDir;

struct Watched {
    _folder: TempDir,
    path: PathBuf,
    reader: StudyReader,
    now: Moment,
}

fn reader(path: &Path, name: Option<&str>, objective: Option<usize>) -> StudyReader {
    let (database, name) = (path.to_owned(), name.map(String::from));
    StudyReader::new(StudySource { database, name, objective })
}

impl Watched {
    fn new(name: Option<&str>) -> (Self, Writer) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let writer = Writer::create(&path);
        let reader = reader(&path, name, None);
        (Self { _folder: folder, path, reader, now: Moment::default() }, writer)
    }

    fn poll(&mut self) -> Poll {
        self.now = self.now.plus(Span::seconds(1));
        self.reader.poll(self.now).unwrap()
    }

    fn changed(&mut self) -> Delta {
        match self.poll() {
            Poll::Changed(delta) => delta,
            other => panic!("expected news, got {other:?}"),
        }
    }

    fn best(&self) -> Option<i64> {
        self.reader.catalog().read().unwrap().best().map(|trial| trial.trial_id.0)
    }

    fn deployable(&self) -> Option<i64> {
        let catalog = self.reader.catalog();
        let best = catalog.read().unwrap().best_deployable_excluding(&[]);
        best.map(|trial| trial.trial_id.0)
    }
}

#[test]
fn a_database_that_is_missing_or_being_made_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut reader = reader(&path, None, None);
    let mut poll = || reader.poll(Moment::default()).unwrap();
    assert_eq!(poll(), Poll::Missing);
    std::fs::write(&path, "").unwrap();
    assert_eq!(poll(), Poll::Initialising);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE studies (study_id INTEGER PRIMARY KEY)").unwrap();
    assert_eq!(poll(), Poll::Initialising);
}

#[test]
fn news_are_told_once_and_finishing_out_of_order_is_noticed() {
    let (mut watched, mut writer) = Watched::new(Some("s"));
    let study = writer.study("s", &["MAXIMIZE"]);
    let first = writer.complete(study, 1.0);
    assert_eq!(watched.changed().resync, Some(ResyncReason::FirstLoad));
    assert_eq!(watched.poll(), Poll::Unchanged);
    let (early, late) = (writer.begin(study), writer.complete(study, 0.5));
    let delta = watched.changed();
    assert_eq!((delta.counts.running, delta.counts.complete, delta.finished), (1, 2, 1));
    writer.value(early, 0, Some(7.0), "FINITE");
    writer.state(early, "COMPLETE");
    assert_eq!(watched.changed().finished, 1);
    assert_eq!(watched.best(), Some(early));
    assert_ne!((first, late), (early, early));
    assert_eq!(watched.poll(), Poll::Unchanged);
}

#[test]
fn infinities_pruned_infeasible_and_damaged_values_are_ranked_as_optuna_does() {
    let (mut watched, mut writer) = Watched::new(Some("s"));
    let study = writer.study("s", &["MINIMIZE"]);
    let finite = writer.complete(study, 2.0);
    let infinite = writer.begin(study);
    writer.value(infinite, 0, None, "INF_NEG");
    writer.state(infinite, "COMPLETE");
    let pruned = writer.begin(study);
    writer.value(pruned, 0, Some(-9.0), "FINITE");
    writer.state(pruned, "PRUNED");
    for (key, json) in [("constraints", "[0.0, 1.0]"), ("constraints:c", "0.5")] {
        let infeasible = writer.complete(study, -5.0);
        writer.system_attr(infeasible, key, json);
    }
    let damaged = writer.begin(study);
    writer.value(damaged, 0, None, "FINITE");
    writer.state(damaged, "COMPLETE");
    assert_eq!(watched.changed().damaged, 1);
    assert_eq!(watched.best(), Some(infinite));
    assert_eq!(watched.deployable(), Some(finite));
}

#[test]
fn t7_defect_id_number_mix_up_with_two_studies_in_one_file() {
    let (mut watched, mut writer) = Watched::new(Some("second"));
    let first = writer.study("first", &["MAXIMIZE"]);
    writer.complete(first, 100.0);
    writer.complete(first, 101.0);
    let second = writer.study("second", &["MAXIMIZE"]);
    let trial = writer.complete(second, 1.0);
    watched.changed();
    assert_eq!(watched.best(), Some(trial), "the other study's trials are not ours");
    let best = watched.reader.catalog().read().unwrap().best().unwrap();
    assert_eq!((best.number, best.trial_id), (TrialNumber(0), TrialId(3)));
}

#[test]
fn a_study_made_again_with_the_same_ids_is_another_study() {
    let (mut watched, mut writer) = Watched::new(Some("s"));
    let study = writer.study("s", &["MAXIMIZE"]);
    for value in [1.0, 9.0, 2.0] {
        writer.complete(study, value);
    }
    let before = watched.changed().identity;
    writer.delete_study(study);
    assert_eq!(writer.study("s", &["MAXIMIZE"]), study, "SQLite hands the id out again");
    writer.complete(study, 3.0);
    let delta = watched.changed();
    assert_eq!(delta.resync, Some(ResyncReason::StudyRecreated));
    assert_ne!(delta.identity, before);
    assert_eq!(delta.counts.complete, 1, "nothing of the old study is left");
    let best = watched.reader.catalog().read().unwrap().best().unwrap().value.unwrap();
    assert_eq!(best.finite(), Some(3.0));
}

#[test]
fn a_deleted_study_is_absent_until_it_is_back() {
    let (mut watched, mut writer) = Watched::new(Some("s"));
    let study = writer.study("s", &["MAXIMIZE"]);
    writer.complete(study, 1.0);
    watched.changed();
    writer.delete_study(study);
    writer.study("other", &["MAXIMIZE"]);
    assert_eq!(watched.poll(), Poll::StudyAbsent(vec!["other".into()]));
    let back = writer.study("s", &["MINIMIZE"]);
    writer.complete(back, 4.0);
    assert_eq!(watched.changed().counts.complete, 1);
}

#[test]
fn a_deleted_open_trial_leads_to_a_fresh_start() {
    let (mut watched, mut writer) = Watched::new(Some("s"));
    let study = writer.study("s", &["MAXIMIZE"]);
    writer.complete(study, 1.0);
    let open = writer.begin(study);
    watched.changed();
    writer.connection.execute("DELETE FROM trials WHERE trial_id=?1", [open]).unwrap();
    assert_eq!(watched.poll(), Poll::Busy, "it has to be read again");
    let delta = watched.changed();
    assert_eq!(delta.resync, Some(ResyncReason::TrialDeleted));
    assert_eq!((delta.counts.complete, delta.counts.running), (1, 0));
}

#[test]
fn the_newest_trial_deleted_and_its_id_used_again_is_noticed() {
    let (mut watched, mut writer) = Watched::new(Some("s"));
    let study = writer.study("s", &["MAXIMIZE"]);
    writer.complete(study, 1.0);
    let newest = writer.complete(study, 9.0);
    watched.changed();
    writer.connection.execute("DELETE FROM trials WHERE trial_id=?1", [newest]).unwrap();
    writer.connection.execute("DELETE FROM trial_values WHERE trial_id=?1", [newest]).unwrap();
    let again = writer.begin_at(study, "2026-02-02 00:00:00.000000");
    writer.value(again, 0, Some(0.5), "FINITE");
    writer.state(again, "COMPLETE");
    assert_eq!(again, newest, "SQLite hands the id out again");
    assert_eq!(watched.poll(), Poll::Busy, "it has to be read again");
    watched.changed();
    let best = watched.reader.catalog().read().unwrap().best().unwrap().value.unwrap();
    assert_eq!(best.finite(), Some(1.0), "the deleted value is forgotten");
}

#[test]
fn a_replaced_file_is_noticed_although_the_old_one_is_still_open() {
    let (mut watched, mut writer) = Watched::new(Some("s"));
    let study = writer.study("s", &["MAXIMIZE"]);
    writer.complete(study, 1.0);
    watched.changed();
    let aside = watched.path.with_extension("new");
    let mut other = Writer::create(&aside);
    let study = other.study("s", &["MAXIMIZE"]);
    other.complete(study, 5.0);
    other.complete(study, 6.0);
    std::fs::rename(&aside, &watched.path).unwrap();
    let delta = watched.changed();
    assert_eq!(delta.resync, Some(ResyncReason::FileReplaced));
    assert_eq!(delta.counts.complete, 2);
}

#[test]
fn without_a_name_the_only_study_is_followed_and_several_are_listed() {
    let (mut watched, mut writer) = Watched::new(None);
    let study = writer.study("only", &["MAXIMIZE"]);
    writer.complete(study, 1.0);
    assert_eq!(watched.changed().identity.name, "only");
    writer.study("second", &["MAXIMIZE"]);
    assert_eq!(watched.poll(), Poll::StudyAbsent(vec!["only".into(), "second".into()]));
}

#[test]
fn of_several_objectives_none_decides_until_one_is_chosen() {
    let (mut watched, mut writer) = Watched::new(Some("s"));
    let study = writer.study("s", &["MAXIMIZE", "MINIMIZE"]);
    for values in [[1.0, 5.0], [2.0, 9.0]] {
        let trial = writer.begin(study);
        for (objective, value) in (0..).zip(values) {
            writer.value(trial, objective, Some(value), "FINITE");
        }
        writer.state(trial, "COMPLETE");
    }
    watched.changed();
    assert_eq!(watched.deployable(), None);
    watched.reader = reader(&watched.path, Some("s"), Some(1));
    watched.changed();
    assert_eq!(watched.deployable(), Some(1), "the second objective is minimized");
}

#[test]
fn a_schema_of_an_old_optuna_is_refused_with_the_command_that_helps() {
    let (mut watched, writer) = Watched::new(None);
    writer.connection.execute("UPDATE alembic_version SET version_num='v0.9.0.a'", []).unwrap();
    let error = watched.reader.poll(Moment::default()).unwrap_err();
    assert!(matches!(error, StudyError::TooOld { .. }));
    assert!(error.to_string().contains("optuna storage upgrade"), "{error}");
}

#[test]
fn a_file_that_is_no_database_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    std::fs::write(&path, vec![b'x'; 8192]).unwrap();
    let error = reader(&path, None, None).poll(Moment::default()).unwrap_err().to_string();
    assert!(error.contains("not a database") && error.contains("check that"), "{error}");
}

#[test]
fn a_trial_is_read_whole_for_its_model() {
    let (watched, mut writer) = Watched::new(Some("s"));
    let study = writer.study("s", &["MAXIMIZE"]);
    let trial = writer.complete(study, 1.5);
    let distribution = r#"{"name":"CategoricalDistribution","attributes":{"choices":["a","b"]}}"#;
    writer
        .connection
        .execute(
            "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) \
             VALUES (?1, 'kind', 1.0, ?2)",
            rusqlite::params![trial, distribution],
        )
        .unwrap();
    let detail = read_trial(&watched.path, TrialId(trial)).unwrap();
    assert_eq!(detail.params.len(), 1);
    assert_eq!(detail.values.len(), 1);
    assert!(matches!(read_trial(&watched.path, TrialId(99)), Err(StudyError::NoTrial(99))));
}
