//! Finding what a life left behind after its shim was killed: processes that still hold the
//! slot's lock by inheritance, or bear the life's mark in their environment.
//!
//! Whoever merely opened the lock's file (a backup, a curious operator) is neither.

use super::identity::{Handle, Stat, is_gone};
use cappuccino_core::words::Generation;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// Variable that names the slot's lock file, in everything a shim starts.
pub(super) const SLOT_VARIABLE: &str = "CAPPUCCINO_SLOT";
/// Variable that names the life.
pub(super) const GENERATION_VARIABLE: &str = "CAPPUCCINO_GENERATION";

/// Looks at one process that is just becoming another program, and the pause between two.
const GLANCES: u32 = 5;
const GLANCE: Duration = Duration::from_micros(100);
/// How often at most a look goes on to those that were born while it lasted.
const CHASES_MAX: u32 = 1000;

/// One look at all processes.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Those that belong to the slot.
    pub(super) members: Vec<Handle>,
    /// How many did not show to whom they belong, because they were just becoming another program
    /// or being taken apart. It passes in an instant; only a look without any is conclusive.
    pub(super) obscured: usize,
}

/// Whom to look for.
struct Wanted<'a> {
    lock: &'a Path,
    lock_file: fs::Metadata,
    newest: Generation,
}

/// What a process shows of its membership.
#[derive(PartialEq, Eq)]
enum Belonging {
    Member,
    Stranger,
    Obscured,
}

impl Census {
    /// Looks for what belongs to the slot of this lock file and to no life after `newest`: a later
    /// one is just being started.
    pub(super) fn take(lock: &Path, newest: Generation) -> io::Result<Self> {
        Self::each(&Wanted::new(lock, newest)?, |_member| Ok(()))
    }

    /// Kills what [`Self::take`] would find, each one on sight. Whoever flees by becoming another
    /// process gets a higher number, and is met there.
    pub(super) fn kill(lock: &Path, newest: Generation) -> io::Result<Self> {
        let wanted = Wanted::new(lock, newest)?;
        let kill = |member: &Handle| member.signal(libc::SIGKILL).map(drop);
        let mut met = last_pid()?;
        let mut census = Self::each(&wanted, kill)?;
        for _ in 0..CHASES_MAX {
            let last = last_pid()?;
            if last < met {
                // The numbers began anew: this look missed some.
                census.obscured = census.obscured.saturating_add(1);
            }
            if last <= met {
                break;
            }
            for pid in met.saturating_add(1)..=last {
                census.meet(pid, &wanted, kill)?;
            }
            met = last;
        }
        Ok(census)
    }

    fn each(wanted: &Wanted<'_>, act: impl Fn(&Handle) -> io::Result<()>) -> io::Result<Self> {
        let mut census = Self::default();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            if let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) {
                census.meet(pid, wanted, &act)?;
            }
        }
        Ok(census)
    }

    fn meet(
        &mut self,
        pid: u32,
        wanted: &Wanted<'_>,
        act: impl Fn(&Handle) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut glances = 1..GLANCES;
        let mut belonging = wanted.belonging(pid)?;
        while belonging == Belonging::Obscured && glances.next().is_some() {
            std::thread::sleep(GLANCE);
            belonging = wanted.belonging(pid)?;
        }
        match belonging {
            Belonging::Stranger => {}
            Belonging::Obscured => self.obscured = self.obscured.saturating_add(1),
            Belonging::Member => {
                let still = |pid| Ok(wanted.belonging(pid)? == Belonging::Member);
                if let Some(member) = Handle::open_if(pid, still)?.filter(|one| !one.has_ended()) {
                    act(&member)?;
                    self.members.push(member);
                }
            }
        }
        Ok(())
    }
}

/// The number that was given to a process last: the last word of proc(5)'s loadavg.
fn last_pid() -> io::Result<u32> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let last = text.split_ascii_whitespace().last().and_then(|pid| pid.parse().ok());
    last.ok_or_else(|| io::Error::other("/proc/loadavg is not as in proc(5)"))
}

impl<'a> Wanted<'a> {
    fn new(lock: &'a Path, newest: Generation) -> io::Result<Self> {
        Ok(Self { lock, lock_file: fs::metadata(lock)?, newest })
    }

    fn belonging(&self, pid: u32) -> io::Result<Belonging> {
        if pid == std::process::id() {
            return Ok(Belonging::Stranger);
        }
        let environment = readable(fs::read(format!("/proc/{pid}/environ")))?;
        if let Some(life) = environment.as_ref().and_then(|all| mark(all, self.lock)) {
            let member = life <= self.newest;
            return Ok(if member { Belonging::Member } else { Belonging::Stranger });
        }
        let Some(stat) = Stat::read(pid)? else { return Ok(Belonging::Stranger) };
        if has_locked(pid, &self.lock_file) && !is_being_born(pid, &stat) {
            return Ok(Belonging::Member);
        }
        let is_obscured = match environment {
            Some(environment) => environment.is_empty() && !stat.has_empty_environment,
            None => stat.is_exiting && !stat.is_zombie,
        };
        Ok(if is_obscured { Belonging::Obscured } else { Belonging::Stranger })
    }
}

/// Whether `pid` is a copy of this very program that another thread has just forked, about to
/// become a shim: until then it has copies of all descriptors.
fn is_being_born(pid: u32, stat: &Stat) -> bool {
    let program = |who: &dyn std::fmt::Display| fs::read_link(format!("/proc/{who}/exe")).ok();
    stat.parent == std::process::id() && program(&pid) == program(&"self")
}

/// Nothing when the process is gone or somebody else's: neither is ours to judge.
fn readable<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_gone(&error) || error.kind() == io::ErrorKind::PermissionDenied => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Which life of the slot an environment says it belongs to.
fn mark(environment: &[u8], lock: &Path) -> Option<Generation> {
    let value = |name: &str| {
        environment.split(|byte| *byte == 0).find_map(|variable| {
            variable.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
        })
    };
    if value(SLOT_VARIABLE)? != lock.as_os_str().as_bytes() {
        return None;
    }
    std::str::from_utf8(value(GENERATION_VARIABLE)?).ok()?.parse().ok().map(Generation)
}

/// Whether a process holds the lock on this file; having it open is not enough, a backup program
/// does. A process that goes away meanwhile does not.
fn has_locked(pid: u32, lock: &fs::Metadata) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        let same = fs::metadata(descriptor.path())
            .is_ok_and(|open| open.dev() == lock.dev() && open.ino() == lock.ino());
        let number = descriptor.file_name();
        let info = format!("/proc/{pid}/fdinfo/{}", number.to_string_lossy());
        same && fs::read_to_string(info).is_ok_and(|info| info.contains("FLOCK"))
    })
}
