//! The process in which a table is read: what it may take, and that it does not outlive who asked for it.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::files::*;
use super::*;

/// What the judging process may have of addresses, in KiB, while the one that reads may have 512 MiB.
const ADDRESSES_KIB: &str = "200000";

/// Reached only by a test that fails.
const BOUND: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// Judges in a process that could not hold what the file makes its reader take.
fn judged_in_little(desk: &Desk, dataset: &str) -> Value {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "ulimit -S -v \"$0\"; exec \"$@\"", ADDRESSES_KIB, EXE])
        .args(desk.verify(dataset).get_args())
        .current_dir(desk.dir.path())
        .stdin(Stdio::null());
    said(&mut command)
}

#[test]
fn a_file_that_lies_takes_memory_of_a_process_of_its_own_and_ends_in_a_sentence() {
    let desk = Desk::new();
    let one = [1, 0, 0, 0, b'a'];
    let book = "format: the workbook cannot be read: reading it takes more than 512 MiB of memory; \
                let it be exported in smaller files, or as CSV";
    let table = "format: the Parquet file cannot be read: reading it takes more than 512 MiB of memory; \
                 let it be written with smaller pages";
    for (content, dataset, expected) in [
        (workbook_that_promises(1_000_000_000_000), "xlsx", book),
        (parquet_that_lies((1 << 31) - 1, 5, 0, &one), "parquet", table),
        (parquet_that_lies(1, 5, GZIP, &long_dictionary(1_500)), "parquet", table),
    ] {
        desk.write(&content);
        let problems = problems(&judged_in_little(&desk, dataset));
        let (name, message) = problems.first().expect("something is wrong");
        assert_eq!(format!("{name}: {message}"), expected);
    }
    // The same without the lie.
    desk.write(&parquet_that_lies(1, 5, 0, &one));
    assert_eq!(judged_in_little(&desk, "parquet")["rows"], 1);
}

/// A sheet of a million rows, without what it could do without.
fn long_sheet() -> Vec<u8> {
    let header = "<row><c t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c><c t=\"s\"><v>2</v></c></row>";
    let rows = "<row><c t=\"s\"><v>3</v></c></row>".repeat(1_000_000);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in parts(&format!("{header}{rows}")) {
        archive.start_file(name, stored).expect("memory");
        archive.write_all(content.as_bytes()).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

/// The process that reads for another, once it has taken its limits.
fn reader_of(judging: &mut Child) -> Pid {
    loop {
        let ended = judging.try_wait().expect("a child");
        assert!(ended.is_none(), "it judged before its reader was seen: {ended:?}");
        for entry in fs::read_dir("/proc").expect("/proc").flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let read = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
            let parent = format!("PPid:\t{}\n", judging.id());
            if !read("status").contains(&parent) || !read("cmdline").starts_with("freshd\0read-table\0") {
                continue;
            }
            let limits = read("limits");
            let has = |name: &str, most: &str| {
                let line = limits.lines().find(|line| line.starts_with(name));
                line.is_some_and(|line| line.split_whitespace().rev().nth(1) == Some(most))
            };
            // The last of them.
            if has("Max open files", "16") {
                assert!(has("Max core file size", "0"), "{limits}");
                // What is over is said at the first of two limits, five seconds earlier.
                assert!(has("Max cpu time", "3605") && limits.contains(" 3600 "), "{limits}");
                assert!(has("Max address space", "536870912"), "{limits}");
                assert!(has("Max file size", "0"), "{limits}");
                assert!(read("environ").is_empty(), "no secret of the other's");
                return Pid::from_raw(pid).expect("a process");
            }
        }
    }
}

#[test]
fn who_reads_for_a_process_that_is_killed_goes_with_it() {
    let desk = Desk::new();
    desk.write(&long_sheet());
    let mut judging = desk.verify("xlsx").stdout(Stdio::null()).spawn().expect("freshd runs");
    let reader = reader_of(&mut judging);
    let pidfd = pidfd_open(reader, PidfdFlags::empty()).expect("it is there");
    // It does nothing any more, so it cannot notice by itself that nobody listens.
    kill_process(reader, Signal::STOP).expect("it is there");
    judging.kill().expect("it is there");
    judging.wait().expect("a child");
    let ended = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&BOUND)).expect("a pidfd");
    if ended == 0 {
        let _ = kill_process(reader, Signal::KILL);
        panic!("it is still there");
    }
}

#[test]
fn a_reader_that_is_killed_by_somebody_else_is_no_verdict_on_the_file() {
    let desk = Desk::new();
    desk.write(&long_sheet());
    let mut command = desk.verify("xlsx");
    let mut judging = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("freshd runs");
    let reader = reader_of(&mut judging);
    kill_process(reader, Signal::KILL).expect("it is there");
    let output = judging.wait_with_output().expect("a child");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("its reader was killed from outside; has the machine too little memory?"),
        "{said}"
    );
    assert!(output.stdout.is_empty(), "no verdict");
}

#[test]
fn a_million_rows_of_a_sheet_pass_through_little_memory() {
    let desk = Desk::new();
    desk.write(&long_sheet());
    assert_eq!(judged_in_little(&desk, "xlsx")["rows"], 1_000_000);
}

#[test]
fn nobody_reads_for_a_process_that_is_gone() {
    let desk = Desk::new();
    let content = fs::File::open(desk.write(&stock_parquet())).expect("a file");
    let mut command = Command::new(EXE);
    // Not this process, nor any.
    command.args(["read-table", "0", "parquet", "lot"]).stdin(content);
    let output = command.output().expect("freshd runs");
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    assert_eq!(output.stderr, b"who asked for it is gone\n");
}
