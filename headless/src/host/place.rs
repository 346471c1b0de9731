//! Where locks and records can be trusted: on a file system of this machine alone.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// File systems, by their names in proc_pid_mountinfo(5), whose files other machines see or whose
/// server may restart. Of FUSE, everything that is not known to be local.
const REMOTE: [&str; 11] =
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "9p", "lustre", "fuse.sshfs"];
/// FUSE file systems of a local disk.
const LOCAL_FUSE: [&str; 4] =
    ["fuse.ntfs-3g", "fuse.fuse-overlayfs", "fuse.bindfs", "fuse.gocryptfs"];
/// `linux/magic.h` and the sources of the file systems: NFS, SMB, CIFS, SMB2, AFS, Ceph, 9P.
const REMOTE_MAGIC: [u64; 7] =
    [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x5346_414f, 0x00c3_6400, 0x0102_1997];

/// The kind of network file system that `folder` is on; nothing when it is on a local one.
///
/// # Errors
/// The folder cannot be looked at.
pub(crate) fn network_file_system(folder: &Path) -> io::Result<Option<String>> {
    let device = fs::metadata(folder)?.dev();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let name = kind_of(&mounts, rustix::fs::major(device), rustix::fs::minor(device));
    if let Some(name) = name {
        return Ok(is_remote(name).then(|| name.to_owned()));
    }
    // A subvolume has a device number of its own that no mount shows.
    let magic = rustix::fs::statfs(folder)?.f_type;
    let magic = u64::try_from(magic).unwrap_or_default() & 0xffff_ffff;
    Ok(REMOTE_MAGIC.contains(&magic).then(|| "of an unnamed kind".to_owned()))
}

/// The file system's name of the mount with this device number.
fn kind_of(mounts: &str, major: u32, minor: u32) -> Option<&str> {
    let device = format!("{major}:{minor}");
    mounts.lines().find_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        (mount.split(' ').nth(2)? == device).then(|| system.split(' ').next())?
    })
}

fn is_remote(name: &str) -> bool {
    let fuse = name == "fuse" || name.starts_with("fuse.");
    REMOTE.contains(&name) || (fuse && !LOCAL_FUSE.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
35 22 0:31 / /home/me/far rw,nosuid - fuse.sshfs me@there:/ rw
36 22 0:32 / /mnt/nas rw shared:3 master:2 - nfs4 nas:/vol rw
37 22 0:33 / /mnt/win rw - cifs //win/share rw
38 22 0:34 / /mnt/ntfs rw - fuse.ntfs-3g /dev/sdb1 rw
";

    #[test]
    fn a_network_mount_is_told_from_a_local_one() {
        let at = |minor| is_remote(kind_of(MOUNTS, 0, minor).unwrap());
        assert!(at(31) && at(32) && at(33) && !at(34));
        assert!(!is_remote(kind_of(MOUNTS, 254, 0).unwrap()));
        assert_eq!(kind_of(MOUNTS, 9, 9), None);
    }

    #[test]
    fn the_temporary_folder_of_a_workstation_is_local() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(network_file_system(folder.path()).unwrap(), None);
    }
}
