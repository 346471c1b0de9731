//! Runner, shims and programs killed at random, and then the account: what the state file counts
//! and remembers of each process is what the programs told of themselves.
//!
//! `CAPPUCCINO_KILL_ROUNDS=N` strikes N times (60 by default), `CAPPUCCINO_KILL_SEED=S` starts from
//! that seed; both are printed.

use cappuccino_core::api::CommandBody;
use cappuccino_core::machines::process::Process;
use cappuccino_core::words::{ExitStatus, Note, Sequence};
use cappuccino_headless::clock::Clock;
use cappuccino_headless::keeper::open_store;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use support::daemon::{PATIENCE, Site};
use support::process::{family_of, kill_9, shims_of};
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
const NAMES: [&str; 3] = ["a", "b", "c"];

/// Tells of its birth, of another life beside it, and of the end that it chooses when it is asked.
const MORTAL: &str = r#"
exec 9>>"$1.alone"
flock -n 9 || echo "$CAPPUCCINO_GENERATION" >> "$1.doubled"
trap 'echo "$CAPPUCCINO_GENERATION" >> "$1.left"; exit 3' USR1
echo "$CAPPUCCINO_GENERATION" >> "$1.lived"
sleep 1000 9>&- &
wait
"#;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A site with three mortals; nobody of theirs outlives it.
struct Graveyard {
    site: Site,
    fate: ChaCha8Rng,
    kills: u32,
}

impl Graveyard {
    fn new(seed: u64) -> Self {
        let process = |name: &str| {
            format!(
                "[[process]]\nname = \"{name}\"\nrole = \"other\"\n\
                 command = [\"bash\", \"mortal.sh\", \"{name}\"]\nstop_grace = \"1s\"\n\
                 restart_delay = \"1ms\"\nrestart_delay_max = \"2ms\"\nmax_restarts = 1000000\n"
            )
        };
        let site = Site::new(PROGRAM, &NAMES.map(process).concat());
        fs::write(site.root().join("mortal.sh"), MORTAL).unwrap();
        Self { site, fate: ChaCha8Rng::seed_from_u64(seed), kills: 0 }
    }

    fn lock(&self, name: &str) -> PathBuf {
        self.site.workspace().run_dir().join(format!("{name}.lock"))
    }

    fn strike(&mut self) {
        self.kills += 1;
        let victim = NAMES[self.fate.random_range(0..NAMES.len())];
        let lock = self.lock(victim);
        match self.fate.random_range(0..7) {
            0 => {
                self.site.kill();
                // Now and then something ends while nobody looks.
                if self.fate.random_range(0..2) == 0 {
                    shims_of(&lock).into_iter().for_each(kill_9);
                }
                if self.fate.random_range(0..2) == 0 {
                    family_of(&lock).into_iter().for_each(kill_9);
                }
                self.site.start();
            }
            1 => shims_of(&lock).into_iter().for_each(kill_9),
            2 | 3 => family_of(&lock).into_iter().for_each(kill_9),
            4 => {
                let family = family_of(&lock);
                shims_of(&lock).into_iter().chain(family).for_each(kill_9);
            }
            _ => family_of(&lock).into_iter().for_each(ask_to_leave),
        }
        std::thread::sleep(Duration::from_micros(self.fate.random_range(0..60_000)));
    }

    /// What the mortals noted.
    fn noted(&self, file: &str) -> Vec<u64> {
        let text = fs::read_to_string(self.site.root().join(file)).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// Every process lives and the runner knows; then it stops all of them, and itself.
    fn end(&mut self) {
        let all_live = |site: &Site| {
            let status = site.status().ok()?;
            let lives = |name: &str| {
                status.processes.iter().any(|one| one.name.as_str() == name && one.pid.is_some())
            };
            NAMES.iter().all(|name| lives(name)).then_some(())
        };
        until("nobody is lost", PATIENCE, || all_live(&self.site));
        let stop = CommandBody::Shutdown { keep_processes: false };
        self.site.ask("stop", stop).unwrap();
        assert!(self.site.wait_for_end().success());
        for name in NAMES {
            assert_eq!(family_of(&self.lock(name)), Vec::<u32>::new(), "{name}: survivors");
            assert_eq!(self.noted(&format!("{name}.doubled")), [0; 0], "{name}: two at a time");
        }
    }
}

impl Drop for Graveyard {
    fn drop(&mut self) {
        self.site.kill();
        for lock in NAMES.map(|name| self.lock(name)) {
            shims_of(&lock).into_iter().for_each(kill_9);
            family_of(&lock).into_iter().for_each(kill_9);
        }
    }
}

fn ask_to_leave(pid: u32) {
    // SAFETY: plain system call on a pid whose environment says that it is this test's.
    unsafe { libc::kill(i32::try_from(pid).unwrap(), libc::SIGUSR1) };
}

/// What the state file says of one process.
struct Account {
    process: Process,
    /// Lives of which the history says that they ran.
    ran: BTreeSet<u64>,
    /// Ends: how, and whether somebody wanted them.
    ends: BTreeMap<u64, Vec<(ExitStatus, bool)>>,
}

fn accounts(site: &Site) -> BTreeMap<String, Account> {
    let store = open_store(&site.workspace().state_file(), Clock::new().unwrap()).unwrap();
    let reader = store.reader();
    let processes = reader.load_world().unwrap().processes.into_iter();
    let mut accounts: BTreeMap<String, Account> = processes
        .map(|(name, process)| {
            let (ran, ends) = (BTreeSet::new(), BTreeMap::new());
            (name.to_string(), Account { process, ran, ends })
        })
        .collect();
    for entry in reader.entries(Sequence(1), usize::MAX).unwrap() {
        match entry.note {
            Note::ProcessStarted(name, life, _) | Note::ProcessAdopted(name, life, _) => {
                accounts.get_mut(name.as_str()).unwrap().ran.insert(life.0);
            }
            Note::ProcessExited(name, life, status, planned) => {
                let ends = &mut accounts.get_mut(name.as_str()).unwrap().ends;
                ends.entry(life.0).or_default().push((status, planned));
            }
            _ => {}
        }
    }
    accounts
}

/// Compares; how many ends nobody could see the manner of.
fn audit(name: &str, account: &Account, lived: &[u64], left: &[u64]) -> usize {
    let Account { process, ran, ends } = account;
    assert!(lived.is_sorted_by(|a, b| a < b), "{name}: each life lives once, in order: {lived:?}");
    for life in lived.iter().chain(ran) {
        let told = ends.get(life).map_or(0, Vec::len);
        assert_eq!(told, 1, "{name}: life {life} has {told} ends in the history");
    }
    assert!(ends.values().all(|ends| ends.len() == 1), "{name}: an end is told twice: {ends:?}");
    let ends: BTreeMap<u64, &(ExitStatus, bool)> =
        ends.iter().map(|(life, ends)| (*life, &ends[0])).collect();
    // What the programs themselves say, and the other way round.
    for (life, (status, _)) in &ends {
        let chosen = left.contains(life);
        match status {
            ExitStatus::Code(code) => assert!(chosen && *code == 3, "{name}: {life}: {status}"),
            // It was killed between its word and its end.
            ExitStatus::Signal(signal) => assert!(!chosen || *signal == 9, "{name}: {life}"),
            ExitStatus::Unknown => {}
        }
    }
    let unplanned = ends.values().filter(|(_, planned)| !planned).count();
    assert_eq!(process.tally.failures, unplanned as u64, "{name}: ends that nobody wanted");
    assert_eq!(process.tally.starts, process.generation.0, "{name}: starts");
    let last = process.tally.last_exit.as_ref().map(|(life, status, _)| (life.0, status.clone()));
    let newest = ends.last_key_value().map(|(life, (status, _))| (*life, status.clone()));
    assert_eq!(last, newest, "{name}: the last end");
    ends.values().filter(|(status, _)| *status == ExitStatus::Unknown).count()
}

#[test]
fn after_random_kills_of_everybody_the_state_file_counts_what_the_programs_told() {
    let rounds = setting("CAPPUCCINO_KILL_ROUNDS", 60);
    let seed = setting("CAPPUCCINO_KILL_SEED", 20_261_128);
    println!("CAPPUCCINO_KILL_SEED={seed} CAPPUCCINO_KILL_ROUNDS={rounds}");
    let mut yard = Graveyard::new(seed);
    yard.site.start();
    for _ in 0..rounds {
        yard.strike();
    }
    yard.end();
    let accounts = accounts(&yard.site);
    let (mut lives, mut ends, mut unknown) = (0, 0, 0);
    for name in NAMES {
        let (lived, left) =
            (yard.noted(&format!("{name}.lived")), yard.noted(&format!("{name}.left")));
        let account = &accounts[name];
        unknown += audit(name, account, &lived, &left);
        lives += lived.len();
        ends += account.ends.len();
    }
    println!(
        "{} strikes: {lives} lives told of themselves, {ends} ends in the state, {unknown} of which \
         nobody could see; 0 doubled, 0 lost, every counter as told",
        yard.kills
    );
    assert!(lives > NAMES.len(), "too peaceful to prove much");
}
