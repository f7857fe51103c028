//! Whoever opens a log near its end reads the same lines there as whoever reads all of it.

use super::super::log::{Stream, tail_path};
use super::super::logpack::pack_log;
use super::super::logread::{LineKind, LogLine, read_log_end};
use super::{Fixture, fixture, read_all};

const BYTES: u64 = 8 << 10;

/// Lines of both streams, many of which have one time.
fn printed(limit_bytes: u64, pieces: u64) -> Fixture {
    let mut printed = fixture(limit_bytes);
    for piece in 0..pieces {
        let lines: Vec<String> = (0..500).map(|line| format!("line {line} of piece {piece}\n")).collect();
        let stream = if piece % 3 == 0 { Stream::Stderr } else { Stream::Stdout };
        printed.write_to(stream, lines.concat().as_bytes());
    }
    printed
}

/// The lines near the end, which are the last of all, and how many are said to come before.
#[track_caller]
fn end_of(printed: &Fixture) -> (Vec<LogLine>, u64) {
    let (log, before) = read_log_end(&printed.path, BYTES).unwrap();
    let lines: Vec<LogLine> = log.map(Result::unwrap).collect();
    let all = read_all(&printed.path);
    assert!(all.ends_with(&lines), "{:?}", lines.first());
    assert!(lines.len() < all.len() / 2, "{} of {}", lines.len(), all.len());
    assert!(lines.iter().map(|line| line.text.len() + 64).sum::<usize>() as u64 >= BYTES);
    (lines, before)
}

#[test]
fn a_long_output_opened_near_its_end_says_the_same_there_while_it_is_written_and_packed() {
    let printed = printed(8 << 20, 60);
    let all = read_all(&printed.path).len() as u64;
    let (lines, before) = end_of(&printed);
    assert_eq!(before + lines.len() as u64, all);
    pack_log(&printed.path).unwrap().expect("it is large enough");
    let (lines, before) = end_of(&printed);
    assert_eq!(before + lines.len() as u64, all);
}

#[test]
fn of_an_output_whose_middle_is_left_out_the_end_is_found_in_the_ring() {
    let printed = printed(512 << 10, 150);
    assert!(tail_path(&printed.path, 1).exists());
    for _ in 0..2 {
        let (lines, before) = end_of(&printed);
        assert!(lines.iter().all(|line| line.kind == LineKind::Whole));
        let all = read_all(&printed.path).len() as u64;
        assert!(all.abs_diff(before + lines.len() as u64) <= 2, "{before} of {all}");
        let _ = pack_log(&printed.path).unwrap();
    }
}

#[test]
fn a_short_output_is_read_from_its_beginning() {
    let printed = printed(8 << 20, 2);
    let (log, before) = read_log_end(&printed.path, BYTES).unwrap();
    let lines: Vec<LogLine> = log.map(Result::unwrap).collect();
    assert_eq!((lines, before), (read_all(&printed.path), 0));
}
