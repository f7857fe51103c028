//! What is written to an output's log, and what is read back.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::log::{OutputLog, Stream, TAIL_BYTES_MAX, stamp, tail_path};
use super::logpack::pack_log;
use super::logread::{LineKind, LogLine, read_log};

mod end;
mod packing;
mod streams;

struct Fixture {
    _dir: tempfile::TempDir,
    path: PathBuf,
    log: OutputLog,
    millis: i64,
}

fn fixture(limit_bytes: u64) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs").join("1.1.log");
    let log = OutputLog::new(path.clone(), limit_bytes);
    Fixture {
        _dir: dir,
        path,
        log,
        millis: 0,
    }
}

impl Fixture {
    fn write(&mut self, bytes: &[u8]) {
        self.write_to(Stream::Stdout, bytes);
    }

    fn write_to(&mut self, stream: Stream, bytes: &[u8]) {
        self.millis += 1;
        let at = Timestamp::from_millisecond(self.millis).unwrap();
        self.log.write(stream, bytes, &stamp(at), &mut Vec::new());
    }

    fn disk_bytes(&self) -> u64 {
        [self.path.clone(), tail_path(&self.path, 0), tail_path(&self.path, 1)]
            .iter()
            .filter_map(|path| fs::metadata(path).ok())
            .map(|file| file.len())
            .sum()
    }
}

fn read_all(path: &Path) -> Vec<LogLine> {
    let mut reader = read_log(path).unwrap();
    let mut lines: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    lines.extend(reader.finish());
    lines
}

fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| std::str::from_utf8(&line.text).unwrap())
        .collect()
}

#[test]
fn each_line_keeps_the_time_of_its_first_byte() {
    let mut fixture = fixture(4_096);
    fixture.write(b"one\ntw");
    fixture.write(b"o\n\nthree");
    let lines = read_all(&fixture.path);
    assert_eq!(texts(&lines), ["one", "two", "", "three"]);
    let millis: Vec<_> = lines.iter().map(|line| line.at.as_millisecond()).collect();
    assert_eq!(millis, [1, 1, 2, 2]);
}

#[test]
fn arbitrary_bytes_come_back_as_they_were() {
    let mut fixture = fixture(4_096);
    let bytes = b"\0\xff\xfe+ \n#no header\n 2026\r\n+\n".as_slice();
    for byte in bytes {
        fixture.write(&[*byte]);
    }
    let mut back = Vec::new();
    for line in read_all(&fixture.path) {
        back.extend(line.text);
        back.push(b'\n');
    }
    assert_eq!(back, bytes);
}

#[test]
fn a_flood_keeps_its_beginning_and_its_end_and_counts_what_lies_between() {
    let limit = 8_192;
    let mut fixture = fixture(limit);
    let mut printed = 0;
    for number in 0..20_000 {
        let line = format!("line {number}\n");
        printed += line.len() as u64;
        fixture.write(line.as_bytes());
    }
    assert!(fixture.disk_bytes() <= 2 * limit, "{}", fixture.disk_bytes());
    let lines = read_all(&fixture.path);
    let texts = texts(&lines);
    assert_eq!(texts.first(), Some(&"line 0"));
    assert_eq!(texts.last(), Some(&"line 19999"));
    let gaps: Vec<_> = lines.iter().filter(|line| line.kind == LineKind::Gap).collect();
    assert_eq!(gaps.len(), 1);
    let kept: u64 = lines
        .iter()
        .filter(|line| line.kind == LineKind::Whole)
        .map(|line| line.text.len() as u64 + 1)
        .sum();
    let output = fixture.log.finish();
    assert_eq!(output.bytes, printed);
    // A line cut by the gap or by the end of a segment is counted as two.
    let difference = (output.dropped_bytes + kept).abs_diff(printed);
    assert!(difference <= 64, "{difference}");
    let gap = format!("… {} bytes left out …", output.dropped_bytes);
    assert_eq!(String::from_utf8_lossy(&gaps[0].text), gap);
    assert!(output.tail.ends_with("line 19998\nline 19999\n"));
    assert!(output.tail.starts_with("line "), "{}", output.tail);
}

#[test]
fn a_line_without_end_fills_neither_memory_nor_disk() {
    let limit = 4_096;
    let mut fixture = fixture(limit);
    for _ in 0..1_000 {
        fixture.write(&[b'x'; 1_000]);
    }
    assert!(fixture.disk_bytes() <= 2 * limit);
    let lines = read_all(&fixture.path);
    assert!(lines.iter().any(|line| line.kind == LineKind::Gap));
    let kept: u64 = lines
        .iter()
        .filter(|line| line.kind != LineKind::Gap)
        .map(|line| line.text.len() as u64)
        .sum();
    let output = fixture.log.finish();
    assert!(kept <= 1_000_000 - output.dropped_bytes);
    assert_eq!(output.tail, "x".repeat(TAIL_BYTES_MAX));
}

#[test]
fn a_reader_that_keeps_up_with_a_growing_log_sees_every_line() {
    let mut fixture = fixture(1_024);
    fixture.write(b"line 0\n");
    let mut reader = read_log(&fixture.path).unwrap();
    let mut seen = Vec::new();
    for number in 0..500 {
        if number > 0 {
            fixture.write(format!("line {number}\n").as_bytes());
        }
        for line in reader.by_ref() {
            let line = line.unwrap();
            assert_ne!(line.kind, LineKind::Gap);
            let end = if line.kind == LineKind::Whole { "\n" } else { "" };
            seen.push(String::from_utf8(line.text).unwrap() + end);
        }
    }
    let expected: Vec<_> = (0..500).map(|number| format!("line {number}\n")).collect();
    assert_eq!(seen.concat(), expected.concat());
}

#[test]
fn what_the_disk_refuses_is_counted_and_does_not_stop_the_job() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.1.log");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let mut log = OutputLog::new(path, 4_096);
    log.write(Stream::Stdout, b"one\n", &stamp(Timestamp::UNIX_EPOCH), &mut Vec::new());
    log.write(Stream::Stdout, b"two\n", &stamp(Timestamp::UNIX_EPOCH), &mut Vec::new());
    let output = log.finish();
    assert_eq!((output.bytes, output.dropped_bytes), (8, 8));
    assert_eq!(output.tail, "one\ntwo\n");
}

/// Drops a log as if its writer was killed, and goes on with it.
fn resume(fixture: &mut Fixture, limit_bytes: u64) {
    fixture.log = OutputLog::resume(fixture.path.clone(), limit_bytes).unwrap();
}

#[test]
fn a_log_that_is_gone_on_with_after_any_line_is_the_same_as_one_that_never_stopped() {
    // Half of it, a part of the ring, is longer than the last lines that are told.
    let limit = 8_192;
    let mut whole = fixture(limit);
    let mut resumed = fixture(limit);
    for number in 0..1_500 {
        let line = format!("line {number}{}", if number % 3 == 0 { "" } else { "\n" });
        whole.write(line.as_bytes());
        resume(&mut resumed, limit);
        resumed.write(line.as_bytes());
    }
    assert_eq!(read_all(&resumed.path), read_all(&whole.path));
    assert_eq!(resumed.log.finish(), whole.log.finish());
}

#[test]
fn a_log_whose_writer_was_killed_at_any_byte_is_gone_on_with_behind_it() {
    let mut before = fixture(4_096);
    before.write(b"one\ntwo\n");
    before.write(b"three\n");
    let bytes = fs::read(&before.path).unwrap();
    for cut in 0..=bytes.len() {
        let mut fixture = fixture(4_096);
        fs::create_dir(fixture.path.parent().unwrap()).unwrap();
        fs::write(&fixture.path, &bytes[..cut]).unwrap();
        let left: Vec<u8> = read_all(&fixture.path)
            .iter()
            .flat_map(|line| line.text.clone())
            .collect();
        resume(&mut fixture, 4_096);
        fixture.write(b"\nfour\n");
        let lines = read_all(&fixture.path);
        let texts = texts(&lines);
        assert_eq!(texts.last(), Some(&"four"), "cut at {cut}");
        let kept = texts[..texts.len() - 1].concat();
        assert_eq!(kept.as_bytes(), left, "cut at {cut}");
        let output = fixture.log.finish();
        assert_eq!(output.dropped_bytes, 0, "cut at {cut}");
        assert!(output.tail.ends_with("\nfour\n"), "{}", output.tail);
        assert_eq!(output.bytes, output.tail.len() as u64, "cut at {cut}");
    }
}

#[test]
fn where_bytes_may_be_missing_that_nobody_counted_the_log_and_its_tail_say_so() {
    let mut fixture = fixture(4_096);
    fixture.write(b"one\ntw");
    resume(&mut fixture, 4_096);
    fixture.log.note_missing();
    fixture.write(b"four\n");
    let lines = read_all(&fixture.path);
    let kinds: Vec<_> = lines.iter().map(|line| line.kind).collect();
    assert_eq!(
        kinds,
        [LineKind::Whole, LineKind::Whole, LineKind::Gap, LineKind::Whole]
    );
    let note = "… its keeper died: what it printed then may be missing …";
    assert_eq!(texts(&lines), ["one", "tw", note, "four"]);
    let output = fixture.log.finish();
    assert_eq!(output.tail, format!("one\ntw\n{note}\nfour\n"));
    assert_eq!((output.bytes, output.dropped_bytes), (11, 0));
}

#[test]
fn a_log_with_anything_but_output_in_it_is_written_behind_and_not_over() {
    let mut fixture = fixture(4_096);
    fs::create_dir(fixture.path.parent().unwrap()).unwrap();
    let zeros = [0; 500];
    fs::write(&fixture.path, zeros).unwrap();
    resume(&mut fixture, 4_096);
    fixture.write(b"four\n");
    let bytes = fs::read(&fixture.path).unwrap();
    assert!(bytes.starts_with(&zeros));
    assert!(bytes.ends_with(b" four\n"));
}

#[test]
fn nothing_is_read_or_overwritten_behind_a_link() {
    for link_is_directory in [false, true] {
        let mut fixture = fixture(4_096);
        let logs = fixture.path.parent().unwrap();
        let elsewhere = logs.parent().unwrap().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let secret = elsewhere.join("1.1.log");
        fs::write(&secret, "2026-11-27T00:00:00.000Z o secret\n").unwrap();
        if link_is_directory {
            symlink(&elsewhere, logs).unwrap();
        } else {
            fs::create_dir(logs).unwrap();
            symlink(&secret, &fixture.path).unwrap();
        }
        let error = read_log(&fixture.path).unwrap_err().to_string();
        assert!(error.contains("is a link"), "{error}");
        let error = pack_log(&fixture.path).unwrap_err().to_string();
        assert!(error.contains("is a link"), "{error}");
        assert!(OutputLog::resume(fixture.path.clone(), 4_096).is_err());
        fixture.write(b"printed\n");
        assert!(fs::read_to_string(&secret).unwrap().ends_with("o secret\n"));
    }
}
