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

/// Variable that names the slot's lock file, in everything a shim starts.
pub(super) const SLOT_VARIABLE: &str = "CAPPUCCINO_SLOT";
/// Variable that names the life.
pub(super) const GENERATION_VARIABLE: &str = "CAPPUCCINO_GENERATION";

/// One look at all processes.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Those that belong to the slot.
    pub(super) members: Vec<Handle>,
    /// How many did not show to whom they belong, because they were just becoming another program
    /// or being taken apart. It passes in an instant; only a look without any is conclusive.
    pub(super) obscured: usize,
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
        Self::each(lock, newest, |_member| Ok(()))
    }

    /// Kills what [`Self::take`] would find, each one on sight: whoever flees by becoming another
    /// process gets a higher number, and is met further on.
    pub(super) fn kill(lock: &Path, newest: Generation) -> io::Result<Self> {
        Self::each(lock, newest, |member| member.signal(libc::SIGKILL).map(drop))
    }

    fn each(
        lock: &Path,
        newest: Generation,
        act: impl Fn(&Handle) -> io::Result<()>,
    ) -> io::Result<Self> {
        let own = std::process::id();
        let lock_file = fs::metadata(lock)?;
        let belonging = |pid| belonging(pid, lock, &lock_file, newest);
        let mut census = Self::default();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let pid = name.to_str().and_then(|name| name.parse::<u32>().ok());
            let Some(pid) = pid.filter(|pid| *pid != own) else { continue };
            match belonging(pid)? {
                Belonging::Stranger => {}
                Belonging::Obscured => census.obscured = census.obscured.saturating_add(1),
                Belonging::Member => {
                    let still = |pid| Ok(belonging(pid)? == Belonging::Member);
                    if let Some(member) =
                        Handle::open_if(pid, still)?.filter(|one| !one.has_ended())
                    {
                        act(&member)?;
                        census.members.push(member);
                    }
                }
            }
        }
        Ok(census)
    }
}

fn belonging(
    pid: u32,
    lock: &Path,
    lock_file: &fs::Metadata,
    newest: Generation,
) -> io::Result<Belonging> {
    let environment = readable(fs::read(format!("/proc/{pid}/environ")))?;
    if let Some(life) = environment.as_ref().and_then(|environment| mark(environment, lock)) {
        return Ok(if life <= newest { Belonging::Member } else { Belonging::Stranger });
    }
    let Some(stat) = Stat::read(pid)? else { return Ok(Belonging::Stranger) };
    if has_locked(pid, lock_file) && !is_being_born(pid, &stat) {
        return Ok(Belonging::Member);
    }
    let is_obscured = match environment {
        Some(environment) => environment.is_empty() && !stat.has_empty_environment,
        None => stat.is_exiting && !stat.is_zombie,
    };
    Ok(if is_obscured { Belonging::Obscured } else { Belonging::Stranger })
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
