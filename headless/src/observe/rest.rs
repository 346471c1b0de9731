//! How an observer rests between two looks: woken by what is written where it looks, and by the
//! clock besides, for what the kernel tells nobody (a shared file system, written from elsewhere).

use crate::host::{is_readable, network_file_system};
use crate::replace::folder_of;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::{Errno, read, write};
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

/// The rest while nothing is written: so many pauses, but no longer than this or one pause.
const QUIET: (u32, Duration) = (5, Duration::from_secs(10));

/// The observer's end.
pub(super) struct Rest<T> {
    orders: Receiver<T>,
    called: OwnedFd,
    written: Option<OwnedFd>,
    watch: Option<Watch>,
    /// Whether writing ended the last rest. What is written last may not ring (the index of a
    /// write-ahead log is mapped memory), so one more look follows soon.
    is_stirred: bool,
}

/// A watched folder.
#[derive(Clone, Copy)]
struct Watch {
    /// As the kernel names it.
    number: i32,
    /// Whether every writer is on this machine: of others the kernel does not tell.
    is_told: bool,
}

/// The end of those who give it orders; it ends when this is dropped.
pub(super) struct Caller<T> {
    // Dropped in this order: whoever hears the bell finds that nobody is there.
    orders: Sender<T>,
    bell: OwnedFd,
}

/// A rest and who may break it.
///
/// # Errors
/// There are no descriptors left.
pub(super) fn rest<T>() -> io::Result<(Caller<T>, Rest<T>)> {
    let (called, bell) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let (sender, orders) = channel();
    let written = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
    let written = written.inspect_err(|error| tracing::warn!("no inotify: {error}")).ok();
    let rest = Rest { orders, called, written, watch: None, is_stirred: false };
    Ok((Caller { orders: sender, bell }, rest))
}

impl<T> Caller<T> {
    /// Gives an order; whether anybody is there to take it.
    pub(super) fn call(&self, order: T) -> bool {
        let taken = self.orders.send(order).is_ok();
        match write(&self.bell, &[1]) {
            // A full pipe rings already.
            Ok(_) | Err(Errno::AGAIN) => taken,
            Err(_) => false,
        }
    }
}

impl<T> Rest<T> {
    /// Rests for `pause`, and on until something is written to the folder of `file`, if there is
    /// one; for five pauses or ten seconds at most. An order breaks it at once. Where nothing tells
    /// of writing it is one pause.
    ///
    /// # Errors
    /// `Timeout` when it is time to look, `Disconnected` when the other end is gone.
    pub(super) fn wait(
        &mut self,
        file: Option<&Path>,
        pause: Duration,
    ) -> Result<T, RecvTimeoutError> {
        // What was written before the watch was put up rang nobody.
        let is_told = file.is_none_or(|file| self.watches(&written_in(file)));
        self.between(file.is_some(), pause, self.longest(is_told, pause))
    }

    fn longest(&self, is_told: bool, pause: Duration) -> Duration {
        if self.is_stirred || !is_told {
            return pause;
        }
        pause.saturating_mul(QUIET.0).min(QUIET.1).max(pause)
    }

    /// Rests for `shortest` in any case but an order, for `longest` when nothing is written.
    fn between(
        &mut self,
        wants_writing: bool,
        shortest: Duration,
        longest: Duration,
    ) -> Result<T, RecvTimeoutError> {
        empty(&self.called);
        if let Some(order) = self.order()? {
            return Ok(order);
        }
        let (called, began) = (self.called.as_fd(), Instant::now());
        let written = self.written.as_ref().filter(|_| wants_writing).map(AsFd::as_fd);
        sleep(called, written, longest);
        if !is_readable(called) {
            sleep(called, None, shortest.saturating_sub(began.elapsed()));
        }
        self.is_stirred = written.is_some_and(is_readable);
        // Before the look: what is written during it rings for the next one.
        self.written.iter().for_each(empty);
        self.order()?.ok_or(RecvTimeoutError::Timeout)
    }

    fn order(&self) -> Result<Option<T>, RecvTimeoutError> {
        match self.orders.try_recv() {
            Ok(order) => Ok(Some(order)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
        }
    }

    /// Watches `folder` from now on; whether that was so before, and tells of every writer.
    fn watches(&mut self, folder: &Path) -> bool {
        let Some(written) = &self.written else { return false };
        let seen = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        // The same number for the same folder; another one when it was replaced.
        let number = inotify::add_watch(written, folder, seen | WatchFlags::ONLYDIR).ok();
        if let Some(watch) = self.watch.filter(|watch| Some(watch.number) == number) {
            return watch.is_told;
        }
        let is_told = matches!(network_file_system(folder), Ok(None));
        let watch = number.map(|number| Watch { number, is_told });
        if let Some(before) = std::mem::replace(&mut self.watch, watch) {
            match inotify::remove_watch(written, before.number) {
                // A folder that is gone has taken its watch with it.
                Ok(()) | Err(Errno::INVAL) => {}
                Err(error) => tracing::warn!("a folder is still watched: {error}"),
            }
        }
        false
    }
}

/// Where `file` is written: behind a link, where that leads to.
fn written_in(file: &Path) -> PathBuf {
    let file = file.canonicalize().unwrap_or_else(|_not_there_yet| file.to_owned());
    folder_of(&file).to_owned()
}

/// Sleeps until there is something to read in either, at most for `time`.
fn sleep(one: BorrowedFd<'_>, other: Option<BorrowedFd<'_>>, time: Duration) {
    let watched = |descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN);
    let mut descriptors: Vec<_> = std::iter::once(one).chain(other).map(watched).collect();
    let time = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    match poll(&mut descriptors, Some(&time)) {
        // A signal ends the rest early, which only means one more look.
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => {
            tracing::warn!("an observer cannot rest: {error}");
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

/// Takes all that waits to be read.
fn empty(queue: &OwnedFd) {
    let mut bytes = [0_u8; 4096];
    while read(queue, &mut bytes).is_ok_and(|count| count > 0) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const NEVER: Duration = Duration::from_hours(1);
    const AT_ONCE: Duration = Duration::ZERO;
    const TIME: Result<u8, RecvTimeoutError> = Err(RecvTimeoutError::Timeout);

    #[test]
    fn every_order_is_taken_at_once_and_in_turn_and_then_the_end() {
        let (caller, mut rest) = rest().unwrap();
        assert!(caller.call(1_u8) && caller.call(2));
        let later = std::thread::spawn(move || caller.call(3));
        let taken: Vec<_> = (0..3).map(|_| rest.wait(None, NEVER)).collect();
        assert_eq!(taken, [Ok(1), Ok(2), Ok(3)]);
        assert!(later.join().unwrap());
        assert_eq!(rest.wait(None, NEVER), Err(RecvTimeoutError::Disconnected));
    }

    #[test]
    fn nobody_takes_the_orders_of_an_observer_that_ended() {
        let (caller, rest) = rest().unwrap();
        drop(rest);
        assert!(!caller.call(1));
    }

    #[test]
    fn writing_ends_a_quiet_rest_and_a_folder_that_is_replaced_is_watched_anew() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("study");
        let file = folder.join("study.db");
        let (_caller, mut rest) = rest::<u8>().unwrap();
        assert!(!rest.watches(&folder), "there is none yet");
        for life in 0..2 {
            fs::create_dir(&folder).unwrap();
            assert!(!rest.watches(&folder) && rest.watches(&folder), "life {life}");
            assert_eq!(rest.wait(Some(&file), Duration::from_millis(1)), TIME, "nothing happens");
            fs::write(folder.join("study.db-wal"), "a trial").unwrap();
            assert_eq!(rest.between(true, AT_ONCE, NEVER), TIME, "this would rest for an hour");
            assert_eq!(rest.between(true, AT_ONCE, AT_ONCE), TIME);
            assert!(!is_readable(rest.written.as_ref().unwrap().as_fd()), "told once");
            fs::remove_dir_all(&folder).unwrap();
        }
    }

    #[test]
    fn a_study_behind_a_link_is_watched_where_it_is_written() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (link, database) = (here.path().join("study.db"), elsewhere.path().join("large.db"));
        fs::write(&database, "SQLite").unwrap();
        std::os::unix::fs::symlink(&database, &link).unwrap();
        let (_caller, mut rest) = rest::<u8>().unwrap();
        assert_eq!(rest.wait(Some(&link), AT_ONCE), TIME, "the watch is put up");
        fs::write(elsewhere.path().join("large.db-journal"), "a trial").unwrap();
        assert_eq!(rest.between(true, AT_ONCE, NEVER), TIME, "this would rest for an hour");
    }

    #[test]
    fn a_commit_whose_end_rings_nobody_is_looked_for_once_more() {
        let folder = tempfile::tempdir().unwrap();
        let (_caller, mut rest) = rest::<u8>().unwrap();
        let (two, hour) = (Duration::from_secs(2), NEVER);
        assert_eq!((rest.longest(true, two), rest.longest(false, two)), (two * 5, two));
        assert_eq!(rest.longest(true, hour), hour, "a long pause is long enough");
        rest.watches(folder.path());
        fs::write(folder.path().join("study.db-wal"), "frames").unwrap();
        assert_eq!(rest.between(true, AT_ONCE, NEVER), TIME);
        assert_eq!(rest.longest(true, two), two, "the look may have come too early");
        assert_eq!(rest.between(true, AT_ONCE, AT_ONCE), TIME);
        assert_eq!(rest.longest(true, two), two * 5, "it is quiet again");
    }

    #[test]
    fn who_writes_without_end_is_looked_at_once_a_pause() {
        let folder = tempfile::tempdir().unwrap();
        let (_caller, mut rest) = rest::<u8>().unwrap();
        rest.watches(folder.path());
        fs::write(folder.path().join("busy.log"), "a line").unwrap();
        let (began, pause) = (Instant::now(), Duration::from_millis(100));
        assert_eq!(rest.between(true, pause, NEVER), TIME);
        assert!(began.elapsed() >= pause);
    }
}
