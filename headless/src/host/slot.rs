//! One slot on disk: its lock, its records, and who they say lives there.

use super::failpoint::{Step, reach};
use super::identity::Handle;
use super::record::{self, Ending, ExitRecord, RecordError, RunRecord, SlotFiles};
use cappuccino_core::words::{BootId, ExitStatus, Generation, Probe, ProcessReport};
use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use std::io;

/// One slot.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its files.
    pub files: SlotFiles,
    /// The present boot: records of another one name nobody who lives.
    pub boot: BootId,
}

/// The held lock of a slot: nobody lives in it, and whoever holds this may start a life.
#[derive(Debug)]
pub struct SlotLock(pub OwnedFd);

/// A proven life; either half may have ended, not both.
pub(super) struct Life {
    pub(super) record: RunRecord,
    pub(super) shim: Option<Handle>,
    pub(super) program: Option<Handle>,
    /// For a life that this runner started: a pipe that closes when the end is on record, or its
    /// shim is gone.
    pub(super) end: Option<OwnedFd>,
}

impl Slot {
    /// Takes the slot's lock: the exclusive right to start a life in it. Nothing when somebody
    /// lives there.
    ///
    /// # Errors
    /// The lock file cannot be made.
    pub fn take(&self) -> io::Result<Option<SlotLock>> {
        // Open for writing: when its last holder goes, a bell on the folder rings.
        self.lock(OFlags::RDWR)
    }

    /// Whether nobody holds the lock.
    pub(super) fn is_vacant(&self) -> io::Result<bool> {
        let Some(SlotLock(lock)) = self.lock(OFlags::RDONLY)? else { return Ok(false) };
        // Closing it would do, were it not for a shim that another thread is just forking: it has
        // copies of all descriptors until it becomes its program.
        flock(&lock, FlockOperation::Unlock)?;
        Ok(true)
    }

    fn lock(&self, access: OFlags) -> io::Result<Option<SlotLock>> {
        let flags = access | OFlags::CREATE | OFlags::CLOEXEC;
        let file = open(&self.files.lock, flags, Mode::RUSR | Mode::WUSR)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(SlotLock(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The run record, if it is of this boot.
    pub(super) fn run_record(&self) -> Result<Option<RunRecord>, RecordError> {
        let record = record::read::<RunRecord>(&self.files.run)?;
        Ok(record.filter(|record| record.identity().is_ok_and(|who| who.boot == self.boot)))
    }

    /// Who lives in the slot by its record, whether or not the lock is held: a program may have
    /// closed the descriptor that holds it. Whose end is on record does not, though its shim may
    /// still be about to go.
    pub(super) fn occupant(&self) -> Result<Option<Life>, RecordError> {
        let Some(record) = self.run_record()? else { return Ok(None) };
        if self.ending(record.generation)?.is_some() {
            return Ok(None);
        }
        let fault = |source| RecordError::Io { path: self.files.run.clone(), source };
        Life::prove(record).map_err(fault)
    }

    /// How this life ended, if that is on record.
    pub(super) fn ending(&self, life: Generation) -> Result<Option<Ending>, RecordError> {
        let record = record::read::<ExitRecord>(&self.files.exit)?;
        Ok(record.filter(|record| record.generation == life).map(|record| record.ending))
    }

    /// How the last life of a vacant slot ended. One that said it ran but left no exit record was
    /// killed together with its shim: it did live, and nobody saw the end.
    pub(super) fn last_life(&self) -> Result<ProcessReport, RecordError> {
        let ran = record::read::<RunRecord>(&self.files.run)?.map(|record| record.generation);
        let ended = record::read::<ExitRecord>(&self.files.exit)?;
        let probe = match (ran, ended) {
            (Some(ran), ended) if ended.as_ref().is_none_or(|ended| ended.generation < ran) => {
                Probe::Free(Some((ran, ExitStatus::Unknown)))
            }
            (_, Some(ExitRecord { generation, ending, .. })) => match ending {
                Ending::Ended(status) => Probe::Free(Some((generation, status))),
                Ending::NotStarted(why) => Probe::NotStarted(generation, why),
            },
            (_, None) => Probe::Free(None),
        };
        Ok(ProcessReport::Probed(probe))
    }
}

impl Life {
    /// The life that `record` names, unless all of it has ended.
    pub(super) fn prove(record: RunRecord) -> io::Result<Option<Self>> {
        let shim = Handle::open(&record.shim)?;
        let program = Handle::open(&record.process)?;
        let lives = |half: &Option<Handle>| half.as_ref().is_some_and(|half| !half.has_ended());
        if lives(&shim) || lives(&program) {
            return Ok(Some(Self { record, shim, program, end: None }));
        }
        if let Some(shim) = shim {
            shim.reap();
        }
        Ok(None)
    }

    /// Asks its shim to end the whole tree; whether there is a shim.
    pub(super) fn ask_to_end(&self) -> io::Result<bool> {
        reach(Step::StopAsked);
        let asked = self.shim.as_ref().map_or(Ok(false), |shim| shim.signal(libc::SIGTERM))?;
        reach(Step::StopSignalled);
        Ok(asked)
    }
}
