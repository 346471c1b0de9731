//! Following one life from the outside: hear that it began, prove it, wait for its end, learn how
//! it ended, and vouch that nothing of it is left. Everything is awaited by handles that the
//! kernel wakes; nothing is polled while it runs.

use super::bell::Bell;
use super::failpoint::{Step, reach};
use super::identity::Handle;
use super::leftovers::Census;
use super::record::{self, Ending, ExitRecord, RecordError};
use super::slot::Life;
use super::{Reports, Slot, wake};
use cappuccino_core::words::{ExitStatus, Generation, Probe, ProcessName, ProcessReport};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};

/// How long a taken slot may go without naming who lives there: its shim may just be starting.
const PATIENCE: Duration = Duration::from_secs(2);
/// First pause between two tries to end what a life left behind; doubled up to [`PATIENCE`].
const GLANCE: Duration = Duration::from_millis(2);
/// How many looks at all processes a sweep takes at most while some of them are in transition.
/// On a busy machine some always are, if hardly ever ours.
const LOOKS_MAX: u32 = 100;

/// What the watcher of a slot is to do, one after the other.
pub(super) enum Task {
    /// Watch a life that this runner has just started.
    Launched(Generation, Launched),
    /// Watch a life that an earlier runner started.
    Adopted(Life),
    /// Find out who is in the slot, say so, and watch them.
    Look,
}

/// A shim that was just started.
pub(super) struct Launched {
    /// Nothing when the system had no handle to give; then nobody takes note of its end.
    pub(super) shim: Option<Handle>,
    /// A pipe that closes when the program has begun, or nobody is left who could begin it.
    pub(super) verdict: OwnedFd,
    /// A pipe that closes when the end is on record, or nobody is left who could record it.
    pub(super) end: OwnedFd,
}

/// Watches one slot. One does, and does one thing at a time: nothing is told twice.
pub(super) struct Watcher {
    pub(super) name: ProcessName,
    pub(super) slot: Slot,
    pub(super) reports: Reports,
    /// The newest life whose end was told.
    pub(super) told: Option<Generation>,
}

/// Who is in a slot.
enum Found {
    Nobody(ProcessReport),
    Somebody(Life),
}

/// Why a slot cannot be looked into.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("processes cannot be looked at: {0}")]
    Io(#[from] io::Error),
}

impl Watcher {
    /// Works until the host is gone.
    pub(super) async fn work(mut self, mut tasks: UnboundedReceiver<Task>) {
        while let Some(task) = tasks.recv().await {
            match task {
                // A look found it before, and followed it to its end.
                Task::Launched(generation, launched) if self.told >= Some(generation) => {
                    gone(launched.shim.as_ref()).await;
                }
                Task::Launched(generation, launched) => self.launched(generation, launched).await,
                Task::Adopted(life) if self.told >= Some(life.record.generation) => {}
                Task::Adopted(life) => self.follow(life).await,
                // Whatever was asked for meanwhile answers better.
                Task::Look if tasks.is_empty() => self.look().await,
                Task::Look => {}
            }
        }
    }

    async fn launched(&mut self, generation: Generation, launched: Launched) {
        let Launched { shim, verdict, end } = launched;
        wake::readable(verdict.as_fd()).await;
        match (self.settled(self.slot.ending(generation)), self.settled(self.slot.run_record())) {
            (Some(Ending::Ended(_)) | None, Some(record)) if record.generation == generation => {
                match record.identity() {
                    Ok(identity) => self.tell(ProcessReport::Started(generation, identity)),
                    Err(why) => self.blind(&why),
                }
                let program = self.settled(Handle::open(&record.process));
                self.follow(Life { record, shim, program, end: Some(end) }).await;
            }
            (Some(_) | None, _) => {
                wake::readable(end.as_fd()).await;
                gone(shim.as_ref()).await;
                self.vacate(generation).await;
                // Without a record the shim was killed before there was anybody to be seen.
                let unseen = Ending::Ended(ExitStatus::Unknown);
                let ending = self.settled(self.slot.ending(generation)).unwrap_or(unseen);
                self.tell_end(generation, ending);
            }
        }
    }

    async fn look(&mut self) {
        let bell = Bell::on(self.slot.files.lock.parent().unwrap_or(Path::new(".")));
        let found = match timeout(PATIENCE, self.find(&bell)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return self.tell(unidentified(&error)),
            Err(_) => return self.tell(unidentified(&self.whoever_holds_it())),
        };
        match found {
            Found::Nobody(report) => self.tell(report),
            Found::Somebody(life) => match life.record.identity() {
                Ok(identity) => {
                    let held = Probe::Held(life.record.generation, identity);
                    self.tell(ProcessReport::Probed(held));
                    self.follow(life).await;
                }
                Err(why) => self.tell(unidentified(&why)),
            },
        }
    }

    /// Takes as long as a shim takes to start its program, or a leftover to die.
    async fn find(&self, bell: &Bell) -> Result<Found, LookError> {
        loop {
            let record = self.slot.run_record()?;
            if let Some(life) = self.slot.occupant()? {
                return Ok(Found::Somebody(life));
            }
            if self.slot.is_vacant()? {
                return self.account().await.map(Found::Nobody);
            }
            // Somebody holds the lock: a shim that is starting, or what an ended life left.
            if let Some(record) = record {
                Census::kill(&self.slot.files.lock, record.generation)?;
            }
            bell.rung().await;
        }
    }

    /// How the last life of the vacant slot ended. What is left of one whose end nobody saw is
    /// ended first, and then its end is put on record.
    async fn account(&self) -> Result<ProcessReport, LookError> {
        if let Some(record) = self.slot.run_record()?
            && self.slot.ending(record.generation)?.is_none()
        {
            self.vacate(record.generation).await;
            self.put_on_record(record.generation, ExitStatus::Unknown);
        }
        Ok(self.slot.last_life()?)
    }

    /// Follows a life to its end, and tells it.
    async fn follow(&mut self, mut life: Life) {
        let generation = life.record.generation;
        if let Some(end) = &life.end {
            wake::readable(end.as_fd()).await;
        }
        // Without a record at the end of the pipe, the shim was killed.
        if life.end.is_none() || self.settled(self.slot.ending(generation)).is_none() {
            gone(life.shim.as_ref()).await;
        }
        reach(Step::ShimGone);
        let ending = match self.settled(self.slot.ending(generation)) {
            Some(ending) => {
                // Its shim saw everybody off; the lock says so.
                if !self.slot.is_vacant().is_ok_and(|vacant| vacant) {
                    self.vacate(generation).await;
                }
                ending
            }
            None => Ending::Ended(self.outlived(&life).await),
        };
        reach(Step::Untold);
        self.tell_end(generation, ending);
        if let Some(shim) = life.shim.take() {
            // It may still flush the record; nobody waits for that.
            drop(tokio::spawn(async move { gone(Some(&shim)).await }));
        }
    }

    fn tell_end(&mut self, generation: Generation, ending: Ending) {
        if self.told.replace(generation) < Some(generation) {
            self.tell(match ending {
                Ending::Ended(status) => ProcessReport::Exited(generation, status),
                Ending::NotStarted(why) => ProcessReport::LaunchFailed(generation, why),
            });
        }
    }

    /// The shim was killed: this is the only witness left.
    async fn outlived(&self, life: &Life) -> ExitStatus {
        let status = match &life.program {
            Some(program) => {
                program.ended().await;
                program.exit_status().await
            }
            None => ExitStatus::Unknown,
        };
        reach(Step::Outlived);
        self.vacate(life.record.generation).await;
        self.put_on_record(life.record.generation, status.clone());
        status
    }

    fn put_on_record(&self, generation: Generation, status: ExitStatus) {
        let record = ExitRecord::now(generation, Ending::Ended(status));
        let path = &self.slot.files.exit;
        let written = record::write(path, &record).and_then(|file| record::flush(path, &file));
        if let Err(error) = written {
            tracing::warn!("the end of {} is not on record: {error}", self.name);
        }
    }

    /// Ends what a life left behind, to the last, until the slot's lock can be had. However long
    /// it takes: an end is told only when nobody of that life can be left. A later life in the slot
    /// is proof of it.
    async fn vacate(&self, ended: Generation) {
        let (mut pause, mut looks) = (GLANCE, 0_u32);
        let overtaken = || {
            let record = self.settled(self.slot.run_record());
            record.is_some_and(|record| record.generation > ended)
        };
        while !overtaken() {
            looks = looks.saturating_add(1);
            let conclusive = match self.sweep(ended).await {
                Ok(obscured) => obscured == 0 || looks >= LOOKS_MAX,
                Err(error) => {
                    self.blind(&error);
                    false
                }
            };
            match self.slot.is_vacant() {
                Ok(true) if conclusive => return,
                Ok(false) if pause >= PATIENCE => self.tell(unidentified(&self.whoever_holds_it())),
                Ok(true | false) => {}
                Err(error) => self.blind(&error),
            }
            sleep(pause).await;
            pause = (pause * 2).min(PATIENCE);
        }
    }

    /// Ends what a life left behind, again and again until a look finds nobody; how many that look
    /// could not judge.
    async fn sweep(&self, ended: Generation) -> io::Result<usize> {
        loop {
            let census = Census::kill(&self.slot.files.lock, ended)?;
            if census.members.is_empty() {
                return Ok(census.obscured);
            }
            for leftover in &census.members {
                tracing::info!("ended pid {}, left behind by {}", leftover.pid(), self.name);
                // One that a driver holds does not die for now; the others are not kept waiting.
                drop(timeout(PATIENCE, leftover.ended()).await);
                leftover.reap();
            }
        }
    }

    /// A sentence about a slot whose lock is held by somebody whom no record names.
    fn whoever_holds_it(&self) -> String {
        let pids = Census::take(&self.slot.files.lock, Generation(u64::MAX)).map(|census| {
            let pids = census.members.iter().map(|one| one.pid().to_string());
            pids.collect::<Vec<_>>().join(", ")
        });
        let holders = match pids {
            Ok(pids) if pids.is_empty() => "by nobody that can be seen".to_owned(),
            Ok(pids) => format!("by pid {pids}"),
            Err(error) => format!("by whom cannot be seen ({error})"),
        };
        format!("{} is held {holders}, but has not said who", self.slot.files.lock.display())
    }

    fn tell(&self, report: ProcessReport) {
        if self.reports.send((self.name.clone(), report)).is_err() {
            tracing::debug!("the loop ended before a report of {}", self.name);
        }
    }

    /// What cannot be read is told and taken for absent.
    fn settled<T, E: std::fmt::Display>(&self, answer: Result<Option<T>, E>) -> Option<T> {
        answer.inspect_err(|error| self.blind(error)).ok().flatten()
    }

    /// Says in the log what cannot be seen.
    fn blind(&self, error: &dyn std::fmt::Display) {
        tracing::warn!("{} cannot be watched: {error}", self.name);
    }
}

fn unidentified(why: &dyn std::fmt::Display) -> ProcessReport {
    ProcessReport::Probed(Probe::Unidentified(why.to_string()))
}

/// Waits for the end of a shim, if there is one to wait for.
async fn gone(shim: Option<&Handle>) {
    if let Some(shim) = shim {
        shim.ended().await;
        shim.reap();
    }
}
