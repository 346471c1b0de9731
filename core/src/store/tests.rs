//! Stories of the store: what is kept, what is refused, what an edit of the file looks like.

use super::{
    Batch, HistoryRow, Key, Store, StoreError, Table,
    codec::{self, Record},
    history::Chained,
    memory::{Memory, Note, facts},
    tables::{HISTORY, META},
};
use crate::words::{Digest, Sequence, Timestamp};
use redb::WriteTransaction;

fn note(text: &str) -> Note {
    Note(text.into())
}

/// A file with one machine, one revision and `entries` entries of history.
fn file(entries: i64) -> Memory {
    let file = Memory::default();
    let mut store = Store::open(file.clone(), &facts("1")).unwrap();
    let mut batch = Batch::new();
    batch.put(Table::Machines, "study", &note("following")).unwrap();
    batch.put(Table::Revisions, 7, &note("trial 412")).unwrap();
    for number in 1..=entries {
        batch.record(Timestamp(number), &note(&format!("entry {number}"))).unwrap();
    }
    store.apply(&batch).unwrap();
    store.close().unwrap();
    file
}

/// Changes the file as somebody with a hex editor and too much time would.
fn tamper(file: &Memory, change: impl FnOnce(&WriteTransaction)) {
    let database = redb::Builder::new().create_with_backend(file.clone()).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
}

fn verdict(file: &Memory) -> String {
    let store = Store::open(file.clone(), &facts("1")).unwrap();
    let report = store.reader().check(&|bytes| codec::open(bytes).map(drop)).unwrap();
    let walk = store.reader().verify_history();
    assert_eq!(
        walk.is_err(),
        report.findings.iter().any(|finding| finding.place == "history"),
        "check and walk agree"
    );
    let lines = report.findings.iter().map(|f| format!("{}: {}", f.place, f.problem));
    lines.collect::<Vec<_>>().join("\n")
}

fn sequences(rows: &[HistoryRow]) -> Vec<u64> {
    rows.iter().map(|row| row.sequence.0).collect()
}

#[test]
fn what_was_applied_is_there_after_closing_and_opening() {
    let store = Store::open(file(3), &facts("1")).unwrap();
    let machines = store.rows(Table::Machines).unwrap();
    let [(key, bytes)] = machines.as_slice() else { panic!("one row") };
    assert_eq!(*key, Key::from("study"));
    assert_eq!(codec::decode::<Note>(bytes).unwrap(), note("following"));
    assert_eq!(store.rows(Table::Revisions).unwrap()[0].0, Key::from(7));
    assert_eq!(store.reader().verify_history().unwrap(), Sequence(3));
    let row = &store.history(Sequence(2), 1).unwrap()[0];
    assert_eq!((row.sequence, row.at), (Sequence(2), Timestamp(2)));
    assert_eq!(codec::decode::<Note>(&row.entry).unwrap(), note("entry 2"));
}

#[test]
fn the_history_can_be_paged_from_both_ends() {
    let store = Store::open(file(5), &facts("1")).unwrap();
    let reader = store.reader();
    assert_eq!(sequences(&reader.history(Sequence(0), 2).unwrap()), [1, 2]);
    assert_eq!(sequences(&reader.history(Sequence(4), 9).unwrap()), [4, 5]);
    assert_eq!(sequences(&reader.history(Sequence(6), 9).unwrap()), [0; 0]);
    assert_eq!(sequences(&reader.history_before(Sequence(u64::MAX), 2).unwrap()), [5, 4]);
    assert_eq!(sequences(&reader.history_before(Sequence(4), 9).unwrap()), [3, 2, 1]);
    assert_eq!(sequences(&reader.history_before(Sequence(1), 9).unwrap()), [0; 0]);
}

#[test]
fn a_batch_that_cannot_be_written_whole_changes_nothing_and_the_store_goes_on() {
    let mut store = Store::open(file(1), &facts("1")).unwrap();
    let mut batch = Batch::new();
    batch.delete(Table::Machines, "study");
    batch.put(Table::Revisions, "seven", &note("wrong key")).unwrap();
    let error = store.apply(&batch).unwrap_err();
    assert!(matches!(error, StoreError::WrongKey { .. }) && !error.needs_reopen());
    assert_eq!(store.rows(Table::Machines).unwrap().len(), 1);

    let mut batch = Batch::new();
    batch.delete(Table::Machines, "study");
    assert_eq!(store.apply(&batch).unwrap().last_sequence, Sequence(1));
    assert!(store.rows(Table::Machines).unwrap().is_empty());
}

#[test]
fn a_sound_file_has_a_clean_report() {
    let store = Store::open(file(3), &facts("1")).unwrap();
    let report = store.reader().check(&|bytes| codec::decode::<Note>(bytes).map(drop)).unwrap();
    assert_eq!((report.rows, report.history), (7, 3), "2 + 3 rows and 2 of meta");
    assert_eq!(report.findings, []);
}

type Rows<'t> = redb::Table<'t, u64, &'static [u8]>;

#[test]
fn an_entry_that_was_deleted_replaced_or_cut_off_is_reported_at_its_place() {
    let edited = || {
        let forged = Chained {
            at: Timestamp(2),
            previous: Digest([0; 32]),
            hash: Digest([0; 32]),
            entry: codec::encode(&note("never happened")).unwrap(),
        };
        codec::encode(&forged).unwrap()
    };
    let check = |change: &dyn Fn(&mut Rows<'_>), says: &str| {
        let file = file(3);
        tamper(&file, |transaction| change(&mut transaction.open_table(HISTORY).unwrap()));
        let verdict = verdict(&file);
        assert!(verdict.contains(says) && verdict.contains("restore"), "{verdict}");
    };
    check(&|rows| drop(rows.remove(2).unwrap()), "entry 2 (it is missing)");
    check(&|rows| drop(rows.remove(3).unwrap()), "entry 3 (the history does not end");
    check(&|rows| drop(rows.insert(2, edited().as_slice()).unwrap()), "entry 2 (it does not");
    check(&|rows| drop(rows.insert(4, edited().as_slice()).unwrap()), "entry 4 (it does not");
    check(&|rows| drop(rows.insert(2, &b"x"[..]).unwrap()), "too short");
}

#[test]
fn an_edited_head_never_lets_an_entry_be_overwritten() {
    let file = file(2);
    tamper(&file, |t| drop(t.open_table(META).unwrap().remove("history").unwrap()));
    let mut store = Store::open(file, &facts("1")).unwrap();
    let mut batch = Batch::new();
    batch.record(Timestamp(9), &note("new")).unwrap();
    assert!(matches!(store.apply(&batch), Err(StoreError::History { sequence: 1, .. })));
    assert_eq!(store.history(Sequence(1), 9).unwrap().len(), 2);
}

#[test]
fn damaged_rows_and_tables_of_others_are_reported() {
    let file = file(1);
    tamper(&file, |transaction| {
        let mut bytes = codec::encode(&note("x")).unwrap();
        bytes[12] ^= 1;
        let mut machines = transaction.open_table(Table::Machines.text()).unwrap();
        machines.insert("study", bytes.as_slice()).unwrap();
        let stranger = redb::TableDefinition::<u64, u64>::new("notes of somebody");
        drop(transaction.open_table(stranger).unwrap());
    });
    let verdict = verdict(&file);
    assert!(verdict.contains("machines row study: the value is damaged"), "{verdict}");
    assert!(verdict.contains("notes of somebody: no version"), "{verdict}");
    let store = Store::open(file, &facts("1")).unwrap();
    let backup = Memory::default();
    let error = store.reader().backup_to(backup).unwrap_err();
    assert!(error.to_string().contains("machines row study"), "{error}");
}

#[test]
fn a_backup_is_a_whole_file_of_one_moment_and_never_overwrites() {
    let mut store = Store::open(file(2), &facts("1")).unwrap();
    let backup = Memory::default();
    assert_eq!(store.reader().backup_to(backup.clone()).unwrap(), Sequence(2));
    let mut later = Batch::new();
    later.delete(Table::Revisions, 7);
    store.apply(&later).unwrap();

    let error = store.reader().backup_to(backup.clone()).unwrap_err();
    assert!(matches!(error, StoreError::Backup { .. }) && !error.needs_reopen());
    let mut restored = Store::open(backup, &facts("1")).unwrap();
    assert_eq!(restored.rows(Table::Revisions).unwrap().len(), 1);
    assert_eq!(restored.reader().verify_history().unwrap(), Sequence(2));
    let mut next = Batch::new();
    next.record(Timestamp(3), &note("after restore")).unwrap();
    assert_eq!(restored.apply(&next).unwrap().last_sequence, Sequence(3));
}

#[test]
fn a_history_entry_too_large_for_its_row_is_refused_before_anything_changes() {
    let mut store = Store::open(file(1), &facts("1")).unwrap();
    let mut batch = Batch::new();
    batch.delete(Table::Machines, "study");
    batch.record(Timestamp(1), &note(&"x".repeat(codec::PAYLOAD_LIMIT - 20))).unwrap();
    let error = store.apply(&batch).unwrap_err();
    assert!(error.to_string().contains(Chained::NAME) && !error.needs_reopen(), "{error}");
    assert_eq!(store.rows(Table::Machines).unwrap().len(), 1);
}

#[test]
fn a_reader_outlives_its_store_and_says_that_the_file_is_closed() {
    let file = file(1);
    let store = Store::open(file.clone(), &facts("1")).unwrap();
    let reader = store.reader();
    store.close().unwrap();
    let error = reader.history(Sequence(1), 1).unwrap_err();
    assert!(matches!(error, StoreError::Closed));
    assert_eq!(Store::open(file, &facts("1")).unwrap().history(Sequence(1), 9).unwrap().len(), 1);
}
