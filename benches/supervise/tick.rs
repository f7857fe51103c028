//! The job that is run: a static C program that stamps the time of its start.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// Bytes of one stamp: `j00042 1789000000123456789` and a line's end.
const STAMP_BYTES: u64 = 27;

/// The compiled program.
pub(crate) struct Tick {
    pub(crate) program: PathBuf,
}

impl Tick {
    /// Compiles `benches/tick.c` into `dir`.
    pub(crate) fn compile(dir: &Path) -> anyhow::Result<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/tick.c");
        let program = dir.join("tick");
        let compile = |flags: &[&str]| {
            let mut cc = Command::new("cc");
            cc.args(flags)
                .arg("-O2")
                .arg("-o")
                .arg(&program)
                .arg(&source)
                .output()
                .context("cannot run cc")
        };
        if !compile(&["-static"])?.status.success() {
            let output = compile(&[])?;
            anyhow::ensure!(
                output.status.success(),
                "cc refused it: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            println!("no static libc here: each run costs more, the bare limit's too");
        }
        Ok(Self { program })
    }
}

/// The name of job number `number`.
pub(crate) fn job_name(number: usize) -> String {
    format!("j{number:05}")
}

/// A file of stamps.
pub(crate) struct Stamps {
    path: PathBuf,
}

/// One start of a job, as the job saw it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// Nanoseconds since 1970.
    pub(crate) at_ns: i128,
    pub(crate) job: String,
}

impl Stamps {
    /// Stamps in `dir`, where there are none yet.
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            path: dir.join("stamps"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How many there are, without reading them.
    pub(crate) fn count(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len() / STAMP_BYTES)
    }

    /// All stamps at or after `from_ns`, in the order of time.
    pub(crate) fn since(&self, from_ns: i128) -> Vec<Stamp> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let stamps = text.lines().filter_map(|line| {
            let (job, at) = line.split_once(' ')?;
            Some(Stamp {
                at_ns: at.parse().ok()?,
                job: job.to_owned(),
            })
        });
        let mut stamps: Vec<Stamp> = stamps.filter(|stamp| stamp.at_ns >= from_ns).collect();
        stamps.sort();
        stamps
    }
}
