//! Under which conditions the processes of a job live: as whom, and with how much of the machine.

use serde::{Deserialize, Serialize};

/// What differs from the conditions under which freshd itself lives. All of it may be as there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// As whom; `None`: as freshd.
    pub run_as: Option<RunAs>,
    /// Permissions taken from files that it makes.
    pub umask: Option<u32>,
    /// Added to freshd's own priority: -20 to 19, more is less urgent.
    pub nice: Option<i32>,
    /// How urgent its reading and writing of disks is. An older daemon does not say.
    #[serde(default)]
    pub ionice: Option<DiskPriority>,
    /// How much of the machine it may use.
    pub limits: Limits,
}

/// How urgent the reading and writing of disks is, where the disk's scheduler knows of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskPriority {
    /// Only while nobody else wants the disk.
    Idle,
    /// Among all others, from 0, the most urgent, to 7.
    BestEffort(u8),
}

/// A user of the machine, looked up when the configuration was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAs {
    /// Its name, for people.
    pub user: String,
    /// Its number.
    pub uid: u32,
    /// The number of its first group, or of the one that `group` names.
    pub gid: u32,
    /// The numbers of all its groups, `gid` among them.
    pub groups: Vec<u32>,
    /// Its home directory.
    pub home: String,
    /// Its login shell.
    pub shell: String,
}

/// How much of the machine an attempt may use; `None`: as freshd itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of all its processes in bytes; of each of them where no cgroup limits it.
    pub memory_bytes: Option<u64>,
    /// CPU time in percent of one core.
    pub cpu_percent: Option<u32>,
    /// Open files of each process.
    pub files: Option<u64>,
    /// Processes and threads; where no cgroup limits it, of all that its user runs.
    pub processes: Option<u64>,
}
