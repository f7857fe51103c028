//! Configurations to measure: ten thousand jobs, of which some are due and the rest far from it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::tick::{Stamps, Tick, job_name};

/// A file of a configuration may have 1 MiB.
const JOBS_PER_FILE: usize = 2_000;

/// The zone of the configuration: one with summer time, since that is what people have.
const ZONE: &str = "Europe/Oslo";

/// A configuration on disk.
pub(crate) struct Flow {
    pub(crate) file: PathBuf,
    pub(crate) stamps: Stamps,
}

/// Writes `jobs` jobs into `dir`, the first `due` of them on the six-field `schedule`, the others at their own minutes
/// of the day, none of which comes within the next two hours.
pub(crate) fn write(dir: &Path, tick: &Tick, jobs: usize, due: usize, schedule: &str) -> anyhow::Result<Flow> {
    let stamps = Stamps::new(dir);
    let file = dir.join("jobs.toml");
    let root = format!(
        "timezone = \"{ZONE}\"\nrun_as_root = true\ninclude = [\"jobs.d/*.toml\"]\n[fallback]\nnotify = [\"outbox\"]\n\
         [channels.outbox]\ntype = \"file\"\ndir = \"outbox\"\n[teams.bench]\nnotify = [\"outbox\"]\n"
    );
    fs::write(&file, root)?;
    fs::create_dir(dir.join("jobs.d"))?;
    let far = Timestamp::now()
        .to_zoned_datetime(TimeZone::get(ZONE)?)
        .checked_add(2.hours())?;
    let first_minute = usize::try_from(far.hour())? * 60 + usize::try_from(far.minute())?;
    for first in (0..jobs).step_by(JOBS_PER_FILE) {
        let mut text = String::new();
        for number in first..jobs.min(first + JOBS_PER_FILE) {
            let name = job_name(number);
            let program = tick.program.display();
            write!(
                text,
                "[jobs.{name}]\nowner = \"bench\"\ncommand = [\"{program}\", \"{}\", \"{name}\"]\n",
                stamps.path().display()
            )?;
            if number < due {
                writeln!(text, "schedule = \"{schedule}\"\nseconds = true")?;
            } else {
                let minute = (first_minute + number % (20 * 60)) % (24 * 60);
                writeln!(text, "schedule = \"{} {} * * *\"", minute % 60, minute / 60)?;
            }
        }
        fs::write(dir.join(format!("jobs.d/{first:05}.toml")), text)?;
    }
    Ok(Flow { file, stamps })
}
