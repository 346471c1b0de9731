//! The store on real files, under real locks and threads, and on a disk that rots.

use cappuccino_core::{
    store::{Batch, FileBackend, StorageBackend, Store, StoreError, Table},
    words::{Sequence, Timestamp},
};
use cappuccino_headless::host::cap_log;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{fs::File, process::Command};
use support::{
    disk::Disk,
    story::{BATCHES, Content, Note, Story, come_back, facts, open},
};

#[test]
fn a_bit_that_flips_on_the_disk_is_never_read_as_something_else() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let story = Story::new(&mut rng);
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    for batch in &story.batches {
        store.apply(batch).unwrap();
    }
    store.close().unwrap();
    let bytes = disk.bytes();
    let mut refused = 0;
    for _ in 0..1_000 {
        let mut rotten = bytes.clone();
        let place = rng.random_range(0..bytes.len());
        rotten[place] ^= 1 << rng.random_range(0..8);
        let store = Store::open(Disk::holding(rotten), &facts());
        match store.and_then(|store| Content::of(&store)) {
            Ok(content) => assert_eq!(story.position(&content), Some(BATCHES), "byte {place}"),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("backup"), "byte {place}: {error}");
            }
        }
    }
    println!("{refused} of 1000 flipped bits refused, the others were in unused space");
    assert!(refused > 100);
}

/// A mounted tmpfs of one MiB, unmounted at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .output()
            .map_err(|error| error.to_string())?;
        if mount.status.success() {
            Ok(Self(folder))
        } else {
            Err(String::from_utf8_lossy(&mount.stderr).trim().to_owned())
        }
    }

    fn open(&self) -> Result<Store, StoreError> {
        let path = self.0.path().join("state.redb");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        Store::open(FileBackend::new(file.unwrap()).unwrap(), &facts())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(error) = Command::new("umount").arg(self.0.path()).status() {
            eprintln!("umount {}: {error}", self.0.path().display());
        }
    }
}

#[test]
fn a_real_full_disk_keeps_what_was_acknowledged_and_goes_on_once_there_is_space() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: no small disk can be mounted here ({why})"),
    };
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![1; 200 << 10]).unwrap();
    let mut store = disk.open().unwrap();
    let mut acknowledged = 0;
    let batch = |number: u64| {
        let mut batch = Batch::new();
        batch.put(Table::Intents, number, &Note("x".repeat(20_000))).unwrap();
        batch.record(Timestamp(0), &Note(format!("batch {number}"))).unwrap();
        batch
    };
    let error = loop {
        match store.apply(&batch(acknowledged)) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(acknowledged > 5 && error.is_disk_full() && error.needs_reopen(), "{error}");
    drop(store);
    std::fs::remove_file(ballast).unwrap();

    let mut store = disk.open().unwrap();
    let found = store.reader().verify_history().unwrap().0;
    assert!((acknowledged..=acknowledged + 1).contains(&found), "{found} of {acknowledged}");
    assert_eq!(store.rows(Table::Intents).unwrap().len() as u64, found);
    assert_eq!(store.apply(&batch(found)).unwrap().last_sequence, Sequence(found + 1));
}

#[test]
fn a_log_on_a_full_disk_stays_as_it_is_and_is_cut_once_there_is_space() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: no small disk can be mounted here ({why})"),
    };
    let (log, ballast) = (disk.0.path().join("w.log"), disk.0.path().join("ballast"));
    let lines: String = (0..4_000).map(|number| format!("{number:0>99}\n")).collect();
    std::fs::write(&log, &lines).unwrap();
    std::fs::write(&ballast, vec![1; 500 << 10]).unwrap();
    let refused = cap_log(&log, 600_000).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull, "{refused}");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), lines);
    assert_eq!(std::fs::read_dir(disk.0.path()).unwrap().count(), 2, "no half archive");
    std::fs::remove_file(ballast).unwrap();
    assert!(cap_log(&log, 600_000).unwrap());
    let rest = std::fs::read_to_string(&log).unwrap().replace('\0', "");
    let archived = std::fs::read_to_string(log.with_extension("log.1")).unwrap();
    assert_eq!(archived + &rest, lines);
}

#[test]
fn a_second_runner_is_told_that_the_file_has_an_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let backend = || {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        FileBackend::new(file.unwrap())
    };
    let first = Store::open(backend().unwrap(), &facts()).unwrap();
    let second = backend()
        .map_err(|error| error.to_string())
        .and_then(|backend| Store::open(backend, &facts()).map_err(|error| error.to_string()));
    assert!(second.unwrap_err().contains("another runner owns"));
    first.close().unwrap();
    assert!(Store::open(backend().unwrap(), &facts()).is_ok());
}

#[test]
fn a_backup_taken_from_another_thread_while_the_store_is_written_is_one_moment() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let story = Story::new(&mut rng);
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let reader = store.reader();
    let backups = std::thread::spawn(move || {
        let copies = (0..20).map(|_| {
            let copy = Disk::default();
            reader.backup_to(copy.clone()).unwrap();
            copy
        });
        copies.collect::<Vec<_>>()
    });
    for batch in &story.batches {
        store.apply(batch).unwrap();
    }
    for copy in backups.join().unwrap() {
        assert!(copy.len().unwrap() > 0);
        come_back(&copy, &story, 0..=BATCHES).unwrap();
    }
}
