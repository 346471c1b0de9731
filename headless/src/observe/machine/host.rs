//! Processor, memory, disk, and what each supervised process uses with everything it started.

use cappuccino_core::api::UseView;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

/// The machine but for its graphics cards.
pub struct HostEye {
    system: System,
    looks: u32,
}

/// Use of one file system, in bytes.
pub struct DiskUse {
    /// Used, counted as `df` does.
    pub used: u64,
    /// Used and free for us.
    pub total: u64,
}

impl HostEye {
    /// Has seen nothing yet: rates need two looks.
    ///
    /// # Errors
    /// The system does not let itself be looked at.
    pub fn new() -> Result<Self, sysinfo::Error> {
        System::new().map(|system| Self { system, looks: 0 })
    }

    /// Looks at processor, memory and processes.
    pub fn look(&mut self) {
        self.looks = self.looks.saturating_add(1);
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    }

    /// Use of all cores since the look before, in percent; none after the first look.
    pub fn cpu_percent(&self) -> Option<f64> {
        (self.looks > 1).then(|| f64::from(self.system.global_cpu_usage()))
    }

    /// Memory in use and in all, in bytes.
    pub fn memory(&self) -> (u64, u64) {
        (self.system.used_memory(), self.system.total_memory())
    }

    /// What each process and everything below it uses.
    pub fn uses(&self, roots: &[(String, u32)], gpu_memory: &BTreeMap<u32, u64>) -> Vec<UseView> {
        let children = self.children();
        let sum =
            |(name, root): &(String, u32)| self.sum(name, family(*root, &children), gpu_memory);
        roots.iter().map(sum).collect()
    }

    /// Memory of a process and everything below it, in bytes. What several of them share counts
    /// once when the kernel tells it: that is read only for trees of at least `worth` bytes.
    pub fn memory_of(&self, root: u32, worth: u64) -> u64 {
        let resident = self.tree(root).map(sysinfo::Process::memory).sum();
        if resident < worth {
            return resident;
        }
        let shares = self
            .tree(root)
            .map(|process| share(process.pid().as_u32()).unwrap_or_else(|| process.memory()));
        shares.sum()
    }

    /// Processor time of a process and everything below it that lives, in milliseconds.
    pub fn cpu_milliseconds_of(&self, root: u32) -> u64 {
        self.tree(root).map(sysinfo::Process::accumulated_cpu_time).sum()
    }

    fn tree(&self, root: u32) -> impl Iterator<Item = &sysinfo::Process> {
        let pids = family(root, &self.children()).into_iter();
        pids.filter_map(|pid| self.system.process(sysinfo::Pid::from_u32(pid)))
    }

    fn children(&self) -> BTreeMap<u32, Vec<u32>> {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let known = self.system.processes().iter();
        let pairs = known.filter_map(|(pid, process)| Some((process.parent()?, pid)));
        pairs.for_each(|(parent, pid)| {
            children.entry(parent.as_u32()).or_default().push(pid.as_u32());
        });
        children
    }

    fn sum(&self, name: &str, pids: BTreeSet<u32>, gpu_memory: &BTreeMap<u32, u64>) -> UseView {
        let mut view = UseView { name: name.to_owned(), ..UseView::default() };
        for pid in pids {
            if let Some(process) = self.system.process(sysinfo::Pid::from_u32(pid)) {
                view.cpu_percent += f64::from(process.cpu_usage());
                view.memory_bytes = view.memory_bytes.saturating_add(process.memory());
            }
            if let Some(bytes) = gpu_memory.get(&pid) {
                view.gpu_memory_bytes =
                    Some(view.gpu_memory_bytes.unwrap_or(0).saturating_add(*bytes));
            }
        }
        view
    }
}

/// Memory of one process with its part of what it shares, in bytes: `Pss` of
/// `/proc/PID/smaps_rollup` (the kernel's documentation, filesystems/proc).
fn share(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// A process and all its descendants.
fn family(root: u32, children: &BTreeMap<u32, Vec<u32>>) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        if found.insert(pid) {
            open.extend(children.get(&pid).into_iter().flatten());
        }
    }
    found
}

/// Use of the file system that holds `path`.
pub fn disk(path: &Path) -> Option<DiskUse> {
    let stat = rustix::fs::statvfs(path).ok()?;
    let used = stat.f_blocks.saturating_sub(stat.f_bfree).saturating_mul(stat.f_frsize);
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    Some(DiskUse { used, total: used.saturating_add(free) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_counted_with_its_grandchildren_and_a_loop_of_parents_ends() {
        let children = BTreeMap::from([(1, vec![2, 3]), (2, vec![4]), (4, vec![1]), (9, vec![8])]);
        assert_eq!(family(1, &children), BTreeSet::from([1, 2, 3, 4]));
    }

    #[test]
    fn we_ourselves_use_memory_and_the_disk_has_a_size() {
        let mut eye = HostEye::new().unwrap();
        eye.look();
        let uses = eye.uses(&[("us".into(), std::process::id())], &BTreeMap::new());
        assert!(uses[0].memory_bytes > 100_000, "{uses:?}");
        assert!(eye.memory().1 > eye.memory().0);
        let disk = disk(Path::new("/")).unwrap();
        assert!(disk.used > 0 && disk.total >= disk.used);
    }
}
