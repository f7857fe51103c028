//! What the kernel says about processes and about the machine.

use std::fs;
use std::path::Path;

/// The kernel counts CPU time in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    /// Used by the process itself.
    pub(crate) own_ms: f64,
    /// Used by the children it has waited for, and theirs.
    pub(crate) children_ms: f64,
}

impl std::ops::Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            own_ms: self.own_ms - before.own_ms,
            children_ms: self.children_ms - before.children_ms,
        }
    }
}

/// CPU time of a process, to the hundredth of a second.
pub(crate) fn cpu(pid: u32) -> Cpu {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; the state is the first field after it.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    let ms = |field: usize| {
        let ticks = fields.get(field).and_then(|ticks| ticks.parse::<f64>().ok());
        ticks.unwrap_or_default() * 1e3 / TICKS_PER_SECOND
    };
    Cpu {
        own_ms: ms(11) + ms(12),
        children_ms: ms(13) + ms(14),
    }
}

/// CPU time of the threads that live, to the nanosecond, in milliseconds; and how often they went to sleep.
pub(crate) fn threads(pid: u32) -> (f64, f64) {
    let mut totals = (0.0, 0.0);
    for thread in fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let schedstat = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        let nanoseconds = schedstat
            .split_whitespace()
            .next()
            .and_then(|text| text.parse::<f64>().ok());
        totals.0 += nanoseconds.unwrap_or_default() / 1e6;
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        totals.1 += field(&status, "voluntary_ctxt_switches");
    }
    totals
}

/// Memory of a process in MiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: f64,
    /// Resident at most, so far.
    pub(crate) peak: f64,
    /// Its share of what is resident: pages that several processes hold are divided among them.
    pub(crate) share: f64,
}

pub(crate) fn memory(pid: u32) -> Memory {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let mib = |text: &str, key: &str| field(text, key) / 1024.0;
    Memory {
        resident: mib(&status, "VmRSS"),
        peak: mib(&status, "VmHWM"),
        share: mib(&rollup, "Pss"),
    }
}

fn field(text: &str, key: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

/// Processes whose command line holds `word`, by number.
pub(crate) fn processes_with(word: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(word) {
            found.push((pid, line));
        }
    }
    found.sort();
    found
}

/// Load averages.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// The machine, in one line; what is measured depends on it. `dir` is where state directories are made.
pub(crate) fn machine(dir: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown", |(_, name)| name.trim());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let mount = mounts
        .filter(|(at, _)| dir.starts_with(at))
        .max_by_key(|(at, _)| at.len());
    let file_system = mount.map_or("unknown", |(_, kind)| kind);
    format!(
        "{cores} cores of {model}, Linux {}, state on {file_system}, load {}",
        kernel.trim(),
        load()
    )
}
