//! A runner reduced to what it must remember of one process, and the trouble it lives in.
//!
//! The oracle is what the lives tell of themselves: each takes a lock of its own that nobody of an
//! earlier life may hold any more, notes its number, and leaves two behind that fled.

use crate::process::{PATIENCE, Rig, kill_9, lives};
use cappuccino_core::words::{ExitStatus, Generation, Probe, ProcessReport, RunIdentity};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A life: one daemon in a session of its own, one that also let go of every descriptor, and the
/// program. Nobody but this life may have the lock `alone`.
const LIFE: &str = "exec 9>>alone; flock -n 9 || echo $CAPPUCCINO_GENERATION >> doubled; \
    echo $CAPPUCCINO_GENERATION >> lived; (setsid sleep 1000 &); \
    (setsid bash -c 'for f in /proc/$$/fd/*; do n=${f##*/}; [ $n -gt 8 ] && exec {n}>&-; done; \
    exec sleep 1000' &); exec sleep 1000";

/// What a runner has on disk about its process.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    Down,
    Asked,
    Alive(RunIdentity),
}

/// What came of all the trouble.
#[derive(Debug)]
pub struct Verdict {
    pub kills: u32,
    pub lives: usize,
    pub ends: usize,
    /// Ends of which nobody could say how they were.
    pub unknown: usize,
}

/// The runner and its trouble.
pub struct Fuzz {
    folder: PathBuf,
    program: String,
    rig: Option<Rig>,
    fate: ChaCha8Rng,
    generation: u64,
    phase: Phase,
    looking: bool,
    ends: BTreeMap<u64, Vec<ExitStatus>>,
    kills: u32,
}

impl Fuzz {
    pub fn new(folder: &Path, program: &str, seed: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            program: program.to_owned(),
            rig: Some(Rig::new(folder, program)),
            fate: ChaCha8Rng::seed_from_u64(seed),
            generation: 0,
            phase: Phase::Down,
            looking: false,
            ends: BTreeMap::new(),
            kills: 0,
        }
    }

    fn rig(&mut self) -> &mut Rig {
        self.rig.as_mut().unwrap()
    }

    /// One start, if nobody lives, and some trouble.
    pub fn round(&mut self) {
        if self.phase == Phase::Down {
            self.generation += 1;
            self.phase = Phase::Asked;
            // What a look before this still has to say is about the past.
            self.looking = false;
            let (generation, command) = (self.generation, ["bash", "-c", LIFE].map(String::from));
            self.rig().launch_command("w", generation, command.to_vec()).expect("the slot is free");
        }
        // Mostly within the few milliseconds of a start, or of an end.
        let pause = Duration::from_micros(self.fate.random_range(0..12_000));
        self.listen(pause);
        for _ in 0..self.fate.random_range(1..=2) {
            self.strike();
        }
        if self.fate.random_range(0..3) == 0 {
            self.listen(Duration::from_millis(40));
        }
    }

    fn listen(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now())
            && let Some(report) = self.rig().poll(left)
        {
            self.take(&report);
        }
    }

    fn strike(&mut self) {
        self.kills += 1;
        match (self.fate.random_range(0..5), self.phase.clone()) {
            (0, _) => {
                // The runner goes, with all it knew and had not read.
                self.rig = None;
                self.rig = Some(Rig::new(&self.folder, &self.program));
                self.look();
            }
            (1, _) => self.rig().shims("w").into_iter().for_each(kill_9),
            (2, Phase::Alive(identity)) => {
                // It may have ended a moment ago: then its end is about to be told.
                drop(self.rig().try_stop("w", &identity));
            }
            (3, Phase::Alive(identity)) if lives(identity.pid) => {
                kill_9(identity.pid);
                self.rig().shims("w").into_iter().for_each(kill_9);
            }
            (_, Phase::Alive(identity)) if lives(identity.pid) => kill_9(identity.pid),
            (_, Phase::Asked | Phase::Alive(_) | Phase::Down) => {}
        }
    }

    fn look(&mut self) {
        self.looking = true;
        if let Some(report) = self.rig().look("w") {
            self.take(&report);
        }
    }

    fn take(&mut self, report: &ProcessReport) {
        let ours = |generation: &Generation| generation.0 == self.generation;
        match report {
            ProcessReport::Started(generation, identity)
            | ProcessReport::Probed(Probe::Held(generation, identity)) => {
                assert!(ours(generation) && self.phase != Phase::Down, "a stray: {report:?}");
                self.phase = Phase::Alive(identity.clone());
                self.looking = false;
            }
            ProcessReport::Exited(generation, status) => {
                assert!(ours(generation), "an end of the past: {report:?}");
                self.end(status);
            }
            ProcessReport::Probed(Probe::Free(last)) => {
                let last = last.as_ref().filter(|(generation, _)| ours(generation));
                match (last, &self.phase) {
                    // A look from before the start knows less than what is told of the start.
                    (_, Phase::Asked) if !self.looking => {}
                    (Some((_, status)), _) => self.end(status),
                    (None, Phase::Alive(_)) => panic!("a life that was seen left no trace"),
                    // The start never happened.
                    (None, Phase::Asked) => self.phase = Phase::Down,
                    (None, Phase::Down) => {}
                }
                self.looking = false;
            }
            ProcessReport::Probed(Probe::Unidentified(_)) => self.look(),
            ProcessReport::Ready(_) | ProcessReport::Looked(..) => {
                panic!("nobody looks at it: {report:?}")
            }
            ProcessReport::Probed(Probe::NotStarted(..))
            | ProcessReport::LaunchFailed(..)
            | ProcessReport::SlotTaken(_) => {
                panic!("nothing is wrong with the command: {report:?}")
            }
        }
    }

    fn end(&mut self, status: &ExitStatus) {
        if self.phase != Phase::Down {
            self.ends.entry(self.generation).or_default().push(status.clone());
        }
        self.phase = Phase::Down;
    }

    /// Lets everything come to its end, and judges.
    pub fn conclude(mut self) -> Verdict {
        let began = Instant::now();
        while self.phase != Phase::Down {
            assert!(began.elapsed() < PATIENCE, "{:?} does not end", self.phase);
            if let Phase::Alive(identity) = self.phase.clone() {
                drop(self.rig().try_stop("w", &identity));
            }
            self.listen(Duration::from_millis(50));
        }
        assert_eq!(self.rig().family("w"), Vec::<u32>::new(), "somebody still lives");
        let noted = |name: &str| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        assert_eq!(noted("doubled"), "", "two lives at a time");
        let lived: Vec<u64> = noted("lived").lines().map(|line| line.parse().unwrap()).collect();
        assert!(lived.is_sorted_by(|a, b| a < b), "each life lives once, in order: {lived:?}");
        for life in &lived {
            let ends = self.ends.get(life);
            assert_eq!(ends.map_or(0, Vec::len), 1, "ends of life {life}: {ends:?}");
        }
        let unknown = self.ends.values().flatten().filter(|end| **end == ExitStatus::Unknown);
        Verdict {
            kills: self.kills,
            lives: lived.len(),
            ends: self.ends.len(),
            unknown: unknown.count(),
        }
    }
}
