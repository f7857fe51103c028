//! File systems on which a database must not lie, because other machines write there, too.

use std::io;
use std::path::Path;

/// Kinds of file system by the number statfs(2) gives them (linux/magic.h and the file systems' own sources).
const NETWORK_FILE_SYSTEMS: &[(u32, &str)] = &[
    (0x6969, "NFS"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x517B, "SMB"),
    (0x564C, "NCP"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "kAFS"),
    (0x7375_7245, "Coda"),
    (0x0102_1997, "9P"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x2003_0528, "OrangeFS"),
    (0x1983_0326, "BeeGFS"),
    (0x786F_4256, "VirtualBox shared folder"),
    (0xBACB_ACBC, "VMware shared folder"),
];

/// FUSE: what is behind it, only the list of mounts can say.
const FUSE: u32 = 0x6573_5546;

/// FUSE file systems that keep their data on this machine's own disks.
const LOCAL_FUSE: &[&str] = &[
    "fuseblk",
    "fuse.mergerfs",
    "fuse.bindfs",
    "fuse.encfs",
    "fuse.gocryptfs",
    "fuse.fuse-overlayfs",
];

/// The kind of network file system that `dir` lies on, or `None` for a local one.
pub(super) fn network_kind(dir: &Path) -> io::Result<Option<String>> {
    let kind = rustix::fs::statfs(dir)?.f_type;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the numbers have 32 bits; some kernels extend their sign"
    )]
    let kind = kind as u32;
    if kind == FUSE {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        return Ok(remote_fuse(&mounts, &dir.canonicalize()?));
    }
    Ok(network_name(kind).map(ToOwned::to_owned))
}

fn network_name(kind: u32) -> Option<&'static str> {
    NETWORK_FILE_SYSTEMS
        .iter()
        .find(|(number, _)| *number == kind)
        .map(|(_, name)| *name)
}

/// The type of the mount that holds `dir`, by the text of `/proc/self/mountinfo`, unless it is a local one.
fn remote_fuse(mounts: &str, dir: &Path) -> Option<String> {
    let holding = mounts
        .lines()
        .filter_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let point = before.split(' ').nth(4)?.replace("\\040", " ");
            let kind = after.split(' ').next()?;
            dir.starts_with(&point).then_some((point.len(), kind))
        })
        // A later mount on the same point covers the earlier one.
        .max_by_key(|(length, _)| *length);
    match holding {
        Some((_, kind)) if LOCAL_FUSE.contains(&kind) => None,
        Some((_, kind)) => Some(kind.to_owned()),
        None => Some("FUSE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_of_other_machines_are_known_by_their_number() {
        for (number, name) in [(0x6969, "NFS"), (0xFE53_4D42, "SMB2"), (0x0102_1997, "9P")] {
            assert_eq!(network_name(number), Some(name));
        }
        // ext4, xfs, btrfs, tmpfs, overlayfs, zfs
        for number in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1] {
            assert_eq!(network_name(number), None, "{number:x}");
        }
    }

    #[test]
    fn fuse_is_refused_unless_its_data_lie_on_this_machine() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      40 22 0:40 / /mnt/far rw,nosuid shared:1 - fuse.sshfs erp:/ rw\n\
                      41 22 8:17 / /mnt/usb\\040disk rw - fuseblk /dev/sdb1 rw\n";
        let kind = |dir: &str| remote_fuse(mounts, Path::new(dir));
        assert_eq!(kind("/mnt/far/freshd"), Some("fuse.sshfs".to_owned()));
        assert_eq!(kind("/mnt/usb disk/freshd"), None);
    }
}
