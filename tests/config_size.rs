//! A configuration of 10,000 jobs: loaded quickly, and small afterwards. Alone in its process, to see its memory.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use freshd::config::{Environment, load};

const JOBS: usize = 10_000;
const JOBS_IN_A_FILE: usize = 500;

/// Settings of 10,000 jobs take about 10 MiB; the rest is what the allocator keeps of the parsed text.
const GROWTH_BYTES_MAX: usize = 26 << 20;

/// Loose, for machines that do other things too.
const LOAD_MAX: Duration = if cfg!(debug_assertions) {
    Duration::from_mins(1)
} else {
    Duration::from_millis(800)
};

#[test]
fn ten_thousand_jobs_load_quickly_and_stay_small() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("jobs.d")).unwrap();
    fs::write(
        dir.path().join("jobs.toml"),
        "timezone = \"Europe/Oslo\"\nrun_as_root = true\ninclude = [\"jobs.d/*.toml\"]\n\
         [fallback]\nnotify = [\"out\"]\n[channels.out]\ntype = \"file\"\ndir = \"out\"\n\
         [teams.ops]\nnotify = [\"out\"]\n[systems.erp]\nowner = \"ops\"\n\
         [datasets.lots]\nowner = \"ops\"\nconsumers = [\"erp\"]\nmax_age = \"2d\"\n\
         due = { at = \"0 4 * * *\", grace = \"1h\" }\nprobe = { file = \"lots.csv\" }\n",
    )
    .unwrap();
    for file in 0..JOBS / JOBS_IN_A_FILE {
        let mut text = String::new();
        for job in file * JOBS_IN_A_FILE..(file + 1) * JOBS_IN_A_FILE {
            writeln!(
                text,
                "[jobs.transfer-{job}]\ntitle = \"Transfer number {job}\"\nowner = \"ops\"\nfrom = \"erp\"\n\
                 command = \"echo transfer {job} --all\"\nschedule = \"{} {} * * *\"\nneeds = [\"lots\"]\n\
                 timeout = \"10m\"\nretry = {{ attempts = 4, delay = \"1m\" }}",
                job % 60,
                5 + job % 15,
            )
            .unwrap();
        }
        fs::write(dir.path().join(format!("jobs.d/{file:03}.toml")), text).unwrap();
    }
    let mut environment = Environment::of_process();
    environment.root = false;
    let before = resident_bytes();
    let start = Instant::now();
    let loaded = load(&dir.path().join("jobs.toml"), &environment);
    let took = start.elapsed();
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.jobs.len(), JOBS);
    assert_eq!(loaded.problems, []);
    drop(loaded.files);
    let growth = resident_bytes().saturating_sub(before);
    assert!(took < LOAD_MAX, "{took:?}");
    assert!(growth < GROWTH_BYTES_MAX, "{growth} bytes");
}

fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
