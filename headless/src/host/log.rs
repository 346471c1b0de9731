//! Keeping logs within their cap while their writers have them open.
//!
//! A writer appends directly to its file, so the runner is never in its way. When the log has half
//! its cap, its head is copied to `<log>.1` and cut out of the file in place. Log and archive read
//! as one, and take about one cap together. Of a log that outgrew its cap before anybody looked,
//! the newest half a cap is kept, so that there is room for the copy.

use crate::replace::flush_folder;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest and shortest time between two looks at the logs: a quiet log is left alone, a busy one
/// is looked at before it can outgrow its cap.
const LOOKS: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(500));

/// A log and what it and its archive may take together.
#[derive(Clone, Debug)]
pub struct CappedLog {
    /// Where it is.
    pub path: PathBuf,
    /// In bytes.
    pub cap_bytes: u64,
}

/// How the head of a file that somebody appends to is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Cut out: ext4, XFS.
    Collapse,
    /// Its space freed, its length kept: Btrfs, tmpfs.
    Punch,
    /// The whole file emptied: everything else. What is written meanwhile is lost.
    Empty,
}

/// Bytes freed at a time of what may be very large: a writer waits a millisecond or two for each.
const PIECE: u64 = 8 << 20;
/// How the kernel is asked to free the space of a range.
const HOLE: FallocateFlags = FallocateFlags::PUNCH_HOLE.union(FallocateFlags::KEEP_SIZE);

/// Cuts logs that outgrow their cap, for ever.
pub(super) async fn keep(logs: Vec<CappedLog>) {
    let mut before = sizes(&logs);
    let mut pause = LOOKS.1;
    loop {
        let began = Instant::now();
        tokio::time::sleep(pause).await;
        let seen = sizes(&logs);
        pause = next_look(&logs, &before, &seen, began.elapsed());
        let due = due(&logs, &seen);
        before = seen;
        if due.is_empty() {
            continue;
        }
        // Copying takes its time; the lives of processes are watched meanwhile.
        if let Err(error) = tokio::task::spawn_blocking(move || cut_all(&due)).await {
            tracing::error!("cutting the logs had a defect: {error}");
        }
        before = sizes(&logs);
    }
}

/// Those that may have half their cap. One whose head was punched keeps its length, so it is among
/// them from then on; whether it is due is seen when it is opened.
fn due(logs: &[CappedLog], sizes: &[u64]) -> Vec<CappedLog> {
    let due = logs.iter().zip(sizes).filter(|(log, size)| **size > log.cap_bytes / 2);
    due.map(|(log, _)| log.clone()).collect()
}

fn cut_all(logs: &[CappedLog]) {
    for log in logs {
        if let Err(error) = cap_log(&log.path, log.cap_bytes) {
            tracing::warn!("{} could not be cut: {error}", log.path.display());
        }
    }
}

fn sizes(logs: &[CappedLog]) -> Vec<u64> {
    logs.iter().map(|log| fs::metadata(&log.path).map_or(0, |log| log.len())).collect()
}

/// When the first of the logs would have half its cap, growing as it did.
fn next_look(logs: &[CappedLog], before: &[u64], seen: &[u64], time: Duration) -> Duration {
    let mut pause = LOOKS.0;
    for ((log, before), seen) in logs.iter().zip(before).zip(seen) {
        let grown = seen.saturating_sub(*before).max(1);
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let milliseconds = (log.cap_bytes / 2).saturating_mul(time) / grown;
        pause = pause.min(Duration::from_millis(milliseconds));
    }
    pause.max(LOOKS.1)
}

/// Cuts the log when it has more than half of `cap_bytes`; whether it had. There need be none.
///
/// Nothing is lost between log and archive: the archive ends at the byte with which the log goes
/// on, in the middle of a line as it may happen. Where the file system can neither cut nor punch a
/// file, what is written in the last moment of the copy is lost; that is told.
///
/// # Errors
/// A full or failing disk; the log then holds what it held, but for what was too much of it.
pub fn cap_log(path: &Path, cap_bytes: u64) -> io::Result<bool> {
    cut(path, cap_bytes, &[Way::Collapse, Way::Punch, Way::Empty])
}

fn cut(path: &Path, cap_bytes: u64, ways: &[Way]) -> io::Result<bool> {
    let mut log = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let has_hole = make_room(&log, path, cap_bytes, ways)?;
    let (status, half) = (log.metadata()?, cap_bytes / 2);
    let first = first_byte(&log)?;
    let block = status.blksize().max(1);
    // Cut at a block, and never up to the very end of the file.
    let end = status.len().saturating_sub(1) / block * block;
    let is_small = status.len().saturating_sub(first) <= half;
    if (is_small && !has_hole) || end <= first {
        return Ok(false);
    }
    let begin = first.max(end.saturating_sub(cap_bytes));
    let archived = archive(&mut log, path, begin, end)?;
    if begin > first {
        let dropped = begin.saturating_sub(first);
        tracing::warn!("{} grew too fast: its oldest {dropped} bytes are dropped", path.display());
    }
    for way in ways {
        if give_back(*way, &mut log, &archived, end)? {
            tracing::info!("{} was cut at byte {end}", path.display());
            return Ok(true);
        }
    }
    Err(io::Error::other("the file system cannot cut a file"))
}

/// Gives back at once what a log that outgrew its cap has too much: its archive, which is older
/// than what goes then, and all but the newest half a cap of its own; whether it had. What was not
/// on the disk yet need not get there.
fn make_room(log: &File, path: &Path, cap_bytes: u64, ways: &[Way]) -> io::Result<bool> {
    let (status, first) = (log.metadata()?, first_byte(log)?);
    let block = status.blksize().max(1);
    let surplus = status.len().saturating_sub(cap_bytes / 2) / block * block;
    if status.len().saturating_sub(first) <= cap_bytes || surplus <= first {
        return Ok(false);
    }
    remove(&with_suffix(path, ".1"))?;
    if ways == [Way::Empty] || !hollow(log, surplus)? {
        return Ok(false);
    }
    let (path, dropped) = (path.display(), surplus.saturating_sub(first));
    tracing::warn!("{path} grew too fast: its oldest {dropped} bytes are dropped");
    Ok(true)
}

/// Offset of the first byte that takes space: where a log begins whose head was given back. Moves
/// the file's position.
///
/// # Errors
/// The file cannot be looked at.
pub fn first_byte(log: &File) -> io::Result<u64> {
    match rustix::fs::seek(log, rustix::fs::SeekFrom::Data(0)) {
        Ok(offset) => Ok(offset),
        // Nothing but a hole, or an empty file.
        Err(Errno::NXIO) => Ok(log.metadata()?.len()),
        // The file system knows no holes.
        Err(Errno::INVAL) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Copies the bytes from `begin` to `end` into a new archive, on the disk when this returns. The
/// old one goes first, so that there is never more than one cap; what it held is older.
fn archive(log: &mut File, path: &Path, begin: u64, end: u64) -> io::Result<PathBuf> {
    let (archive, new) = (with_suffix(path, ".1"), with_suffix(path, ".1.new"));
    remove(&archive)?;
    let copied = File::create(&new).and_then(|mut file| {
        log.seek(SeekFrom::Start(begin))?;
        io::copy(&mut Read::by_ref(log).take(end.saturating_sub(begin)), &mut file)?;
        file.sync_data()?;
        fs::rename(&new, &archive)?;
        flush_folder(&archive)
    });
    if let Err(error) = copied {
        // A half archive is of no use, and the disk may be full.
        drop(fs::remove_file(new));
        return Err(error);
    }
    Ok(archive)
}

/// Removes a file that need not be there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Frees the file's first `end` bytes, which are archived; whether this way works here.
fn give_back(way: Way, log: &mut File, archive: &Path, end: u64) -> io::Result<bool> {
    match way {
        Way::Collapse => {
            // The kernel writes out what stays, while the writer waits: that is done before.
            log.sync_data()?;
            free(log, FallocateFlags::COLLAPSE_RANGE, 0, end)
        }
        Way::Punch => hollow(log, end),
        Way::Empty => empty(log, archive, end).map(|()| true),
    }
}

/// Frees the space of the file's first `end` bytes, which then read as zeros; whether the file
/// system can.
fn hollow(log: &File, end: u64) -> io::Result<bool> {
    let mut begin = first_byte(log)?;
    while begin < end {
        let length = PIECE.min(end.saturating_sub(begin));
        if !free(log, HOLE, begin, length)? {
            return Ok(false);
        }
        begin = begin.saturating_add(length);
    }
    Ok(true)
}

/// Frees a range of the file; whether the file system can.
fn free(log: &File, flags: FallocateFlags, begin: u64, length: u64) -> io::Result<bool> {
    match fallocate(log, flags, begin, length) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Archives the rest as well, and empties the file.
fn empty(log: &mut File, archive: &Path, end: u64) -> io::Result<()> {
    let mut archive = OpenOptions::new().append(true).open(archive)?;
    log.seek(SeekFrom::Start(end))?;
    let mut copied = end;
    loop {
        let more = io::copy(log, &mut archive)?;
        copied = copied.saturating_add(more);
        if more == 0 {
            break;
        }
    }
    let lost = log.metadata()?.len().saturating_sub(copied);
    log.set_len(0)?;
    tracing::warn!(
        "this file system can only empty a log: {lost} bytes, or some more, written meanwhile are lost"
    );
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const CAP: u64 = 1 << 20;

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default().replace('\0', "")
    }

    /// Cuts while somebody appends `megabytes` at 10 MB/s; all lines that were ever seen, and the
    /// writer's longest wait.
    fn cut_under_a_writer(folder: &Path, way: Way, megabytes: usize) -> (String, Duration) {
        let path = folder.join("w.log");
        let mut log = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let writer = std::thread::spawn(move || {
            let (began, mut longest) = (Instant::now(), Duration::ZERO);
            for number in 0..megabytes * 10_000 {
                let before = Instant::now();
                writeln!(log, "{number:0>99}").unwrap();
                longest = longest.max(before.elapsed());
                let due = Duration::from_micros(number as u64 * 10);
                std::thread::sleep(due.saturating_sub(began.elapsed()));
            }
            longest
        });
        let (mut seen, mut cuts) = (String::new(), 0);
        while !writer.is_finished() {
            let began = Instant::now();
            if cut(&path, CAP, &[way]).unwrap() {
                cuts += 1;
                seen += &text(&with_suffix(&path, ".1"));
                let space = |path: &Path| fs::metadata(path).unwrap().blocks() * 512;
                let both = space(&path) + space(&with_suffix(&path, ".1"));
                // The writer goes on while we look: 10 bytes each microsecond.
                let meanwhile = u64::try_from(began.elapsed().as_micros() * 10).unwrap();
                let most = CAP + CAP / 10 + meanwhile;
                assert!(both <= most, "{both} bytes on disk after a cut, {most} at most");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(cuts > 2, "{cuts} cuts");
        (seen + &text(&path), writer.join().unwrap())
    }

    #[test]
    fn a_log_is_cut_under_a_fast_writer_without_losing_a_line() {
        for way in [Way::Collapse, Way::Punch] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("probe");
            fs::write(&path, "x".repeat(100_000)).unwrap();
            if cut(&path, 1, &[way]).is_err() {
                println!("skipped: the file system of {} knows no {way:?}", path.display());
                continue;
            }
            let (seen, longest) = cut_under_a_writer(folder.path(), way, 4);
            let lines: Vec<usize> = seen.lines().map(|line| line.parse().unwrap()).collect();
            let strange = lines.iter().enumerate().find(|(number, line)| number != *line);
            assert_eq!((strange, lines.len()), (None, 40_000), "{way:?}");
            println!("{way:?}: longest write {longest:?}");
        }
    }

    #[test]
    fn a_file_system_that_can_only_empty_a_log_loses_nothing_older_than_the_last_moment() {
        let folder = tempfile::tempdir().unwrap();
        let (seen, _) = cut_under_a_writer(folder.path(), Way::Empty, 2);
        let lines = seen.lines().filter_map(|line| line.parse::<usize>().ok());
        assert!(lines.count() > 19_000);
    }

    #[test]
    fn of_a_log_that_outgrew_its_cap_the_newest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.log");
        let archive = with_suffix(&path, ".1");
        assert!(!cap_log(&path, CAP).unwrap(), "there need be no log");
        let lines: Vec<_> = (0..50_000).map(|number| format!("{number:0>99}\n")).collect();
        let all = lines.concat();
        fs::write(&path, &all).unwrap();
        fs::write(&archive, "older than what is dropped").unwrap();
        let log = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        make_room(&log, &path, CAP, &[Way::Collapse, Way::Punch]).unwrap();
        let space = || {
            let of = |file| fs::metadata(file).map_or(0, |about| about.blocks() * 512);
            of(&path) + of(&archive)
        };
        assert!(space() <= CAP / 2 + CAP / 10, "there is room for the copy");
        assert!(cap_log(&path, CAP).unwrap());
        assert!(space() <= CAP / 2 + CAP / 10);
        assert!(!cap_log(&path, CAP).unwrap(), "once is enough");
        let kept = text(&archive) + &text(&path);
        assert!(all.ends_with(&kept), "log and archive read as one");
        assert!(kept.len() as u64 >= CAP / 2);
    }

    #[test]
    fn a_log_of_whole_blocks_is_cut_although_exactly_half_a_cap_is_left_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.log");
        fs::write(&path, "x".repeat(5 << 20)).unwrap();
        assert!(cap_log(&path, CAP).unwrap());
        assert!(fs::metadata(&path).unwrap().blocks() * 512 < CAP / 10);
        let archived = text(&with_suffix(&path, ".1")).len() as u64;
        assert!((CAP / 2 - CAP / 10..=CAP / 2).contains(&archived), "{archived}");
    }

    #[test]
    fn a_quiet_log_is_left_alone_and_a_busy_one_is_not() {
        let logs = [CappedLog { path: "w.log".into(), cap_bytes: 50 << 20 }];
        let second = Duration::from_secs(1);
        assert_eq!(next_look(&logs, &[0], &[100], second), LOOKS.0);
        let busy = next_look(&logs, &[0], &[10_000_000], second);
        assert!(busy > second && busy < second * 3, "{busy:?}");
        assert_eq!(next_look(&logs, &[0], &[1 << 30], second), LOOKS.1);
    }
}
