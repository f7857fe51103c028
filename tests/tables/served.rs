//! The daemon judges tables as `freshd verify` does, and its own memory is not the file's.

use super::files::*;
use super::freshd_process::House;
use super::*;

const JOBS: &str = r#"
timezone = "UTC"
run_as_root = true

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
notify = ["outbox"]

[datasets.stock]
owner  = "it"
file   = "HOUSE/stock.parquet"
checks = { format = "parquet", columns.lot = { required = true } }

[jobs.make]
owner    = "it"
command  = "cp HOUSE/made $FRESHD_OUTPUT"
produces = "stock"
"#;

/// The most memory that a process ever had, in KiB.
fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it is there");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok());
    peak.expect("a number")
}

#[test]
fn the_daemon_refuses_a_table_that_lies_and_stays_as_small_as_it_was() {
    let house = House::with(JOBS);
    let mut daemon = house.daemon();
    let made = |content: Vec<u8>| fs::write(house.path("made"), content).expect("a file");
    let good = parquet_that_lies(1, 5, 0, &[1, 0, 0, 0, b'a']);
    made(good.clone());
    daemon.finished(daemon.run("make"), &house);
    assert_eq!(fs::read(house.path("stock.parquet")).expect("it is published"), good);

    let before = peak_kib(daemon.pid());
    made(parquet_that_lies(1, 5, GZIP, &long_dictionary(1_500)));
    let run = daemon.run("make");
    daemon.finished(run, &house);
    let grown = peak_kib(daemon.pid()) - before;
    assert!(grown < 32 << 10, "the daemon has grown by {grown} KiB");
    let (_, said) = house.freshd(&["show", &run.0.to_string()]);
    assert!(said.contains("reading it takes more than 512 MiB of memory"), "{said}");
    assert_eq!(fs::read(house.path("stock.parquet")).expect("as before"), good);
    assert!(daemon.terminate().success(), "{}", daemon.log());
}
