//! The thin parent of one supervised process: `cappuccino shim …`, started by the runner only.
//!
//! It holds no policy. It starts the process, writes who runs, waits, kills what is left of the
//! tree, writes how it ended, and is gone; all of that whether or not a runner lives. It inherits
//! the slot's lock as a descriptor and hands it on, so the slot is taken as long as anybody of the
//! tree lives.
//!
//! SIGTERM is a request to stop: the process group gets the configured signal, and SIGKILL after
//! the grace. A second SIGTERM changes nothing.

mod memory;
mod signals;
mod tree;

use crate::host::failpoint::{Step, reach};
use crate::host::identity::Who;
use crate::host::kernel;
use crate::host::record::{self, Ending, ExitRecord, Record, RecordError, RunRecord, SlotFiles};
use cappuccino_core::words::Generation;
use rustix::fd::{OwnedFd, RawFd};
use serde::{Deserialize, Serialize};
use signals::Signals;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use tree::Ended;

/// What a shim is called in the list of processes.
pub const PROGRAM: &str = "cappuccino";
/// The hidden word that starts a shim.
pub const WORD: &str = "shim";
/// Pause before a full or failing disk is tried again.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// What a shim is told, as JSON on its standard input. Not as an argument: those are for every
/// user to read, and commands may hold secrets. The environment of the process is the shim's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShimOrder {
    /// The slot.
    pub name: String,
    /// Where its files are.
    pub run_dir: PathBuf,
    /// Which life this is.
    pub generation: Generation,
    /// The boot, as 32 hexadecimal digits.
    pub boot: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Working folder.
    pub directory: PathBuf,
    /// Where output goes, appended.
    pub log_file: PathBuf,
    /// The inherited descriptor that holds the slot's lock.
    pub lock_fd: RawFd,
    /// The inherited pipe that closes when the process has begun, or never will.
    pub verdict_fd: RawFd,
    /// The inherited pipe that closes when the end is on record, or never will be.
    pub end_fd: RawFd,
    /// Signal that asks the process to end.
    pub stop_signal: i32,
    /// Time from that signal to SIGKILL, in milliseconds.
    pub stop_grace_milliseconds: u64,
}

/// Runs as a shim if the program was called as one.
pub fn enter_if_asked() -> Option<ExitCode> {
    if std::env::args_os().nth(1)? != WORD {
        return None;
    }
    let order = match order() {
        Ok(order) => order,
        Err(error) => {
            eprintln!("error: `cappuccino shim` is started by the runner only: {error}");
            return Some(ExitCode::from(2));
        }
    };
    Some(match live(&order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the shim of {}: {error}", order.name);
            ExitCode::FAILURE
        }
    })
}

/// What the shim is told. The standard library would keep the buffer of its input for ever.
fn order() -> io::Result<ShimOrder> {
    let mut text = Vec::new();
    File::from(io::stdin().as_fd().try_clone_to_owned()?).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn live(order: &ShimOrder) -> io::Result<()> {
    reach(Step::Ordered);
    let files = SlotFiles::new(&order.run_dir, &order.name);
    let verdict = kernel::inherited(order.verdict_fd)?;
    let slot =
        Held { lock: kernel::inherited(order.lock_fd)?, _end: kernel::inherited(order.end_fd)? };
    let signals = Signals::take()?;
    tree::become_subreaper()?;
    reach(Step::Adoptive);
    let process = match start(order, &files, &slot.lock) {
        Ok(process) => process,
        Err(error) => {
            let ending = Ending::NotStarted(unstartable(order, &error));
            conclude(&files, &ExitRecord::now(order.generation, ending), slot);
            return Ok(());
        }
    };
    drop(verdict);
    reach(Step::Begun);
    let killed_before = memory::out_of_memory_kills();
    if let Err(error) = memory::give_back_code() {
        eprintln!("the shim of {} keeps all its memory: {error}", order.name);
    }
    memory::give_back_heap();
    let ended = wait(order, &signals, process)?;
    reach(Step::Ended);
    tree::sweep()?;
    reach(Step::Swept);
    conclude(&files, &exit_record(order.generation, &ended, killed_before), slot);
    reach(Step::Flushed);
    Ok(())
}

/// What says that somebody of the slot may live: let go of when the last end is on record.
struct Held {
    lock: OwnedFd,
    _end: OwnedFd,
}

/// Starts the process; its pid.
fn start(order: &ShimOrder, files: &SlotFiles, lock: &OwnedFd) -> io::Result<u32> {
    let (program, arguments) =
        order.command.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
    let log = OpenOptions::new().create(true).append(true).open(&order.log_file)?;
    let log_start = log.metadata()?.len();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&order.directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let beforehand = introduction(order, files, lock, log_start)?;
    // SAFETY: the shim has one thread, so its forked child may do whatever it may do.
    unsafe { command.pre_exec(beforehand) };
    // Dropping the child neither waits for it nor ends it; `wait` takes note of its end.
    command.spawn().map(|child| child.id())
}

/// What the process does between its birth and its first instruction: it puts itself on record.
/// Whoever is killed when, nobody runs of whom there is no record.
fn introduction(
    order: &ShimOrder,
    files: &SlotFiles,
    lock: &OwnedFd,
    log_start: u64,
) -> io::Result<impl FnMut() -> io::Result<()> + Send + Sync + 'static> {
    let shim = Who::own()?;
    let (generation, boot, run) = (order.generation, order.boot.clone(), files.run.clone());
    let lock = std::os::fd::AsRawFd::as_raw_fd(lock);
    Ok(move || {
        reach(Step::Newborn);
        rustix::process::setsid()?;
        let (version, boot, process) = (RunRecord::VERSION, boot.clone(), Who::own()?);
        let record = RunRecord { version, generation, boot, shim, process, log_start };
        drop(record::write(&run, &record).map_err(into_io)?);
        // It is inherited by whatever the process starts, too: the slot is taken until all of
        // them are gone.
        kernel::pass_on(lock)?;
        reach(Step::Recorded);
        signals::unblock()
    })
}

fn into_io(error: RecordError) -> io::Error {
    match error {
        RecordError::Io { source, .. } => source,
        RecordError::Malformed { .. } | RecordError::Newer { .. } => io::Error::other(error),
    }
}

/// Waits for the process; passes a request to stop on to its group.
fn wait(order: &ShimOrder, signals: &Signals, process: u32) -> io::Result<Ended> {
    let grace = Duration::from_millis(order.stop_grace_milliseconds);
    let mut asked = false;
    let mut kill_at: Option<Instant> = None;
    loop {
        // Orphans of the tree come to us as well; only our own child ends the wait.
        if let Some(ended) = tree::reap(process)? {
            return Ok(ended);
        }
        let left = kill_at.map(|at| at.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            tree::signal_group(process, libc::SIGKILL);
            kill_at = None;
            continue;
        }
        if signals.next(left) == Some(libc::SIGTERM) && !asked {
            asked = true;
            tree::signal_group(process, order.stop_signal);
            kill_at = Some(Instant::now() + grace);
        }
    }
}

fn exit_record(generation: Generation, ended: &Ended, killed_before: Option<u64>) -> ExitRecord {
    let killed = killed_before.zip(memory::out_of_memory_kills());
    ExitRecord {
        out_of_memory: killed.map(|(before, after)| after > before),
        max_rss_kib: ended.max_rss_kib,
        cpu_milliseconds: tree::cpu_milliseconds(),
        ..ExitRecord::now(generation, Ending::Ended(ended.status.clone()))
    }
}

/// Puts the end on record, lets go of the slot, and does not go before the record is on the disk.
/// A runner that lives goes on as soon as the slot is free, and makes the end durable itself.
fn conclude(files: &SlotFiles, record: &ExitRecord, slot: Held) {
    let file = loop {
        match record::write(&files.exit, record) {
            Ok(file) => break file,
            // The run folder was deleted: nobody will ever ask.
            Err(_) if files.exit.parent().is_none_or(|folder| !folder.exists()) => return,
            Err(error) => eprintln!("error: the shim: {error}; trying again"),
        }
        std::thread::sleep(DISK_PAUSE);
    };
    reach(Step::Concluded);
    drop(slot);
    if let Err(error) = record::flush(&files.exit, &file) {
        eprintln!("error: the shim: {error}");
    }
}

/// Why a command could not be started, with the remedy.
fn unstartable(order: &ShimOrder, error: &io::Error) -> String {
    let program = order.command.first().map(String::as_str).unwrap_or_default();
    let folder = order.directory.display();
    if !order.directory.is_dir() {
        return format!("its folder {folder} is not there; correct `directory` in cappuccino.toml");
    }
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        format!(
            "`{program}` was not found; write its full path in cappuccino.toml or put it on PATH"
        )
    } else if kind == io::ErrorKind::PermissionDenied {
        format!("`{program}` may not be run: {error}; make it executable (chmod +x)")
    } else if kind == io::ErrorKind::StorageFull {
        format!("`{program}` cannot be put on record: {error}; free some space")
    } else {
        format!("`{program}` in {folder}: {error}; correct the command in cappuccino.toml")
    }
}
