//! The thin parent of one supervised process: `cappuccino shim …`, started by the runner only.
//!
//! It holds no policy. It starts the process, writes who runs, waits, kills what is left of the
//! tree, writes how it ended, and is gone; all of that whether or not a runner lives. It inherits
//! the slot's lock as a descriptor and hands it on, so the slot is taken as long as anybody of the
//! tree lives.
//!
//! SIGTERM is a request to stop: the process group gets the configured signal, and SIGKILL after
//! the grace. A second SIGTERM changes nothing.

mod tree;

use crate::host::identity::start_ticks;
use crate::host::record::{self, Ending, ExitRecord, RECORD_VERSION, RunRecord, SlotFiles};
use cappuccino_core::words::{ExitStatus, Generation, Timestamp};
use rustix::fd::{FromRawFd, OwnedFd, RawFd};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The hidden word that starts a shim.
pub const WORD: &str = "shim";

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
    let order = match serde_json::from_reader::<_, ShimOrder>(io::stdin().lock()) {
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

fn live(order: &ShimOrder) -> Result<(), record::RecordError> {
    let files = SlotFiles::new(&order.run_dir, &order.name);
    let fault = |source| record::RecordError::Io { path: files.run.clone(), source };
    // SAFETY: the runner hands exactly this descriptor over, and nobody else here owns it. It is
    // inherited by the process too, and by whatever that starts: the slot is taken until all of
    // them are gone.
    let _lock = unsafe { OwnedFd::from_raw_fd(order.lock_fd) };
    let signals = Signals::take().map_err(fault)?;
    tree::become_subreaper().map_err(fault)?;
    let mut child = match start(order) {
        Ok(child) => child,
        Err(error) => return end(order, &files, Ending::NotStarted(unstartable(order, &error))),
    };
    let told = tell(order, &files, &child);
    let status = match told {
        Ok(()) => wait(order, &signals, &mut child),
        // Nobody could ever find this life again: it must not go on.
        Err(_) => kill(&mut child),
    };
    tree::sweep();
    end(order, &files, Ending::Ended(status))?;
    told
}

fn start(order: &ShimOrder) -> io::Result<Child> {
    let (program, arguments) =
        order.command.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
    let log = std::fs::OpenOptions::new().create(true).append(true).open(&order.log_file)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&order.directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    // SAFETY: between fork and exec only async-signal-safe calls are made.
    unsafe {
        command.pre_exec(|| {
            unblock_signals()?;
            rustix::process::setsid()?;
            Ok(())
        });
    }
    command.spawn()
}

/// Writes who runs.
fn tell(order: &ShimOrder, files: &SlotFiles, child: &Child) -> Result<(), record::RecordError> {
    let fault = |source| record::RecordError::Io { path: files.run.clone(), source };
    let ticks = |pid| start_ticks(pid).map_err(fault).map(Option::unwrap_or_default);
    let shim_pid = std::process::id();
    let run = RunRecord {
        version: RECORD_VERSION,
        generation: order.generation,
        boot: order.boot.clone(),
        shim_pid,
        shim_start_ticks: ticks(shim_pid)?,
        pid: child.id(),
        start_ticks: ticks(child.id())?,
    };
    record::write(&files.run, &run)
}

/// Waits for the process; passes a request to stop on to its group.
fn wait(order: &ShimOrder, signals: &Signals, child: &mut Child) -> ExitStatus {
    let grace = Duration::from_millis(order.stop_grace_milliseconds);
    let mut kill_at: Option<Instant> = None;
    loop {
        let left = kill_at.map(|at| at.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            tree::signal_group(child.id(), libc::SIGKILL);
            kill_at = None;
        }
        match signals.next(left) {
            Some(libc::SIGTERM) if kill_at.is_none() => {
                tree::signal_group(child.id(), order.stop_signal);
                kill_at = Some(Instant::now() + grace);
            }
            Some(_) | None => {}
        }
        // Orphans of the tree come to us as well; only our own child ends the wait.
        if let Some(status) = tree::reap(child) {
            return status;
        }
    }
}

fn kill(child: &mut Child) -> ExitStatus {
    tree::signal_group(child.id(), libc::SIGKILL);
    child.wait().map_or(ExitStatus::Unknown, exit_status)
}

fn end(order: &ShimOrder, files: &SlotFiles, ending: Ending) -> Result<(), record::RecordError> {
    let usage = tree::usage();
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let record = ExitRecord {
        version: RECORD_VERSION,
        generation: order.generation,
        ending,
        at: Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)),
        max_rss_kib: usage.max_rss_kib,
        cpu_milliseconds: usage.cpu_milliseconds,
    };
    record::write(&files.exit, &record)
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
    } else {
        format!("`{program}` in {folder}: {error}; correct the command in cappuccino.toml")
    }
}

/// How the system's status reads in the house's words.
pub(crate) fn exit_status(status: std::process::ExitStatus) -> ExitStatus {
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, Some(signal)) => ExitStatus::Signal(signal),
        (None, None) => ExitStatus::Unknown,
    }
}

/// The signals a shim lives by, blocked so that none is lost between two looks.
struct Signals(libc::sigset_t);

impl Signals {
    fn take() -> io::Result<Self> {
        let mut set = std::mem::MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set; the signals are valid numbers.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD] {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            set.assume_init()
        };
        // SAFETY: the set is initialised; the shim has one thread.
        match unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) } {
            0 => Ok(Self(set)),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The next signal; nothing when `timeout` passes first.
    fn next(&self, timeout: Option<Duration>) -> Option<i32> {
        let timeout = timeout.unwrap_or(Duration::from_secs(i32::MAX as u64));
        let time = libc::timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        // SAFETY: set and time are initialised; no information is asked for.
        let signal =
            unsafe { libc::sigtimedwait(&raw const self.0, std::ptr::null_mut(), &raw const time) };
        (signal > 0).then_some(signal)
    }
}

fn unblock_signals() -> io::Result<()> {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set before it is used; both calls are async-signal-safe.
    let outcome = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut())
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
