//! A process host as a runner has it, with reports to wait for.

use cappuccino_core::words::{
    ExitStatus, Generation, ProcessName, ProcessReport, RunIdentity, Span,
};
use cappuccino_headless::clock::Clock;
use cappuccino_headless::host::{Host, HostConfig, HostError, LaunchError, LaunchSpec};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A host on a folder; dropping it is the death of its runner.
pub struct Rig {
    pub host: Host,
    pub folder: PathBuf,
    runtime: Runtime,
    reports: UnboundedReceiver<(ProcessName, ProcessReport)>,
}

impl Rig {
    pub fn new(folder: &Path, program: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (send, reports) = unbounded_channel();
        let config = HostConfig {
            run_dir: folder.join("run"),
            shim_program: program.into(),
            boot: Clock::new().unwrap().boot(),
        };
        let host = Host::new(config, send).unwrap();
        Self { host, folder: folder.to_owned(), runtime, reports }
    }

    /// Starts `sh -c script` as this life of `name`.
    pub fn launch(&mut self, name: &str, generation: u64, script: &str) -> Result<(), LaunchError> {
        let command = ["sh", "-c", script].map(String::from).to_vec();
        self.launch_command(name, generation, command)
    }

    pub fn launch_command(
        &mut self,
        name: &str,
        generation: u64,
        command: Vec<String>,
    ) -> Result<(), LaunchError> {
        let spec = LaunchSpec {
            name: self::name(name),
            generation: Generation(generation),
            command,
            directory: self.folder.clone(),
            environment: vec![("GREETING".into(), "hello".into())],
            log_file: self.folder.join(format!("{name}.log")),
            stop_signal: libc::SIGTERM,
            stop_grace: Span(300),
        };
        self.host.launch(&spec)
    }

    /// What looking finds; reports about ends that come first are passed over.
    pub fn probe(&mut self, name: &str) -> ProcessReport {
        self.look(name).unwrap_or_else(|| {
            loop {
                let report = self.next_report();
                if matches!(report, ProcessReport::Probed(_)) {
                    return report;
                }
            }
        })
    }

    /// What looking says at once.
    pub fn look(&mut self, name: &str) -> Option<ProcessReport> {
        self.host.probe(&self::name(name)).unwrap()
    }

    pub fn stop(&mut self, name: &str, identity: &RunIdentity) {
        self.try_stop(name, identity).unwrap();
    }

    pub fn try_stop(&mut self, name: &str, identity: &RunIdentity) -> Result<(), HostError> {
        self.host.stop(&self::name(name), identity, libc::SIGTERM, Span(300))
    }

    /// Shims of a slot, those included that just start or still flush an end on record.
    pub fn shims(&self, name: &str) -> Vec<u32> {
        shims_of(&self.lock(name))
    }

    /// Everybody of a slot but shims.
    pub fn family(&self, name: &str) -> Vec<u32> {
        family_of(&self.lock(name))
    }

    fn lock(&self, name: &str) -> PathBuf {
        self.folder.join("run").join(format!("{name}.lock"))
    }

    /// The next report, whoever's it is.
    pub fn next_report(&mut self) -> ProcessReport {
        let next = async { tokio::time::timeout(PATIENCE, self.reports.recv()).await };
        self.runtime.block_on(next).expect("no report in time").expect("the host is gone").1
    }

    /// Lets tasks run for a moment; a report when there is one.
    pub fn poll(&mut self, wait: Duration) -> Option<ProcessReport> {
        let next = async { tokio::time::timeout(wait, self.reports.recv()).await };
        self.runtime.block_on(next).ok().flatten().map(|(_, report)| report)
    }

    pub fn started(&mut self) -> RunIdentity {
        match self.next_report() {
            ProcessReport::Started(_, identity) => identity,
            other => panic!("expected a start, got {other:?}"),
        }
    }

    pub fn exited(&mut self) -> (Generation, ExitStatus) {
        match self.next_report() {
            ProcessReport::Exited(generation, status) => (generation, status),
            other => panic!("expected an end, got {other:?}"),
        }
    }
}

/// Shims of the slot with this lock, those included that just start or still flush an end on
/// record.
pub fn shims_of(lock: &Path) -> Vec<u32> {
    of_the_slot(lock, is_shim)
}

/// Everybody of the slot with this lock but shims.
pub fn family_of(lock: &Path) -> Vec<u32> {
    of_the_slot(lock, |pid| !is_shim(pid))
}

/// Whoever lives, is wanted, and belongs to a slot by his environment. In this order: one that
/// is just going loses his name and his environment at once.
fn of_the_slot(lock: &Path, wanted: impl Fn(u32) -> bool) -> Vec<u32> {
    let mark = format!("CAPPUCCINO_SLOT={}", lock.display());
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let environment = || std::fs::read(format!("/proc/{pid}/environ"));
            let is_marked = |environment: Vec<u8>| {
                environment.split(|byte| *byte == 0).any(|one| one == mark.as_bytes())
            };
            lives(*pid) && wanted(*pid) && environment().is_ok_and(is_marked)
        })
        .collect()
}

fn is_shim(pid: u32) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.split(|byte| *byte == 0).nth(1) == Some(b"shim")
}

/// A process's name.
pub fn name(name: &str) -> ProcessName {
    ProcessName::new(name).unwrap()
}

/// Whether a process lives (a zombie does not).
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// kill -9.
pub fn kill_9(pid: u32) {
    // SAFETY: plain system call on a pid the test has just been told of.
    unsafe { libc::kill(i32::try_from(pid).unwrap(), libc::SIGKILL) };
}
