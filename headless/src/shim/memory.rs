//! A shim is a large program of which it uses little: what its start touched and its waiting does
//! not need is given back.

use std::io;

/// Gives back every page of code and constants. They are the file's own, unchanged, and come back
/// from there when they are needed; what the loader changed stays.
pub(super) fn give_back_code() -> io::Result<()> {
    let mappings = std::fs::read_to_string("/proc/self/maps")?;
    for (start, length) in mappings.lines().filter_map(code) {
        // SAFETY: the pages are read-only views of a file that nobody has written to, so that
        // reading them again gives the same; the kernel checks the range.
        unsafe { libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED) };
    }
    Ok(())
}

/// Gives back what was allocated for the start only, where the C library can (`malloc_trim`, glibc).
pub(super) fn give_back_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it frees nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Start and length of a mapping of unchanged code or constants: a file's executable part, or its
/// beginning, which no loader writes to. A line of proc_pid_maps(5).
fn code(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, rights, offset) = (words.next()?, words.next()?, words.next()?);
    let path = words.nth(2)?;
    let whole = rights == "r-xp" || (rights == "r--p" && offset.bytes().all(|digit| digit == b'0'));
    if !whole || !path.starts_with('/') {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some((address(start)?, address(end)?.checked_sub(address(start)?)?))
}

/// How often the kernel killed somebody of this control group for want of memory; of the whole
/// machine where there is no such group. (`oom_kill` in the kernel's documentation, cgroup-v2 and
/// proc_vmstat.)
pub(super) fn out_of_memory_kills() -> Option<u64> {
    let count = |path: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
        line.trim().parse().ok()
    };
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let of_group = |group: &str| count(&format!("/sys/fs/cgroup{group}/memory.events"));
    group.and_then(of_group).or_else(|| count("/proc/vmstat"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_loader_changes_is_given_back() {
        let given = |line: &str| code(line).is_some();
        assert!(given("5590a000-5590b000 r-xp 0001cd00 fe:00 42      /usr/bin/cappuccino"));
        assert!(given("55900000-5590a000 r--p 00000000 fe:00 42      /usr/bin/cappuccino"));
        assert!(!given("5590b000-5590c000 r--p 00a07000 fe:00 42      /usr/bin/cappuccino"));
        assert!(!given("5590c000-5590d000 rw-p 00000000 fe:00 42      /usr/bin/cappuccino"));
        assert!(!given("7fff0000-7fff1000 r-xp 00000000 00:00 0       [vdso]"));
        assert!(!given("7ffd0000-7ffd1000 rw-p 00000000 00:00 0"));
        give_back_code().unwrap();
        assert_eq!("still here".len(), 10);
    }
}
