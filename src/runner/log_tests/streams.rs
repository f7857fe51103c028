//! Two streams in one log: told apart, and each as it was printed.

use std::fs;

use super::super::log::Stream;
use super::super::logpack::pack_log;
use super::super::logread::{LineKind, LogLine};
use super::{fixture, read_all, resume};

/// What one stream printed, byte for byte.
fn printed_to(lines: &[LogLine], stream: Stream) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines
        .iter()
        .filter(|line| line.stream == stream && line.kind != LineKind::Gap)
    {
        bytes.extend(&line.text);
        if line.kind == LineKind::Whole {
            bytes.push(b'\n');
        }
    }
    bytes
}

#[test]
fn a_log_is_text_that_says_which_lines_are_of_stderr() {
    let mut fixture = fixture(4_096);
    fixture.write(b"one\ntwo\nthr");
    fixture.write_to(Stream::Stderr, b"oh\nno\n");
    fixture.write(b"ee\n");
    let text = fs::read_to_string(&fixture.path).unwrap();
    let at = |millis: u8| format!("1970-01-01T00:00:00.00{millis}Z");
    let expected = [
        format!("{} one", at(1)),
        " two".to_owned(),
        " thr".to_owned(),
        format!("/!{} oh", at(2)),
        "! no".to_owned(),
        format!("+{} ee", at(3)),
    ];
    assert_eq!(text, expected.join("\n") + "\n");
    let lines = read_all(&fixture.path);
    let streams: Vec<_> = lines.iter().map(|line| line.stream.as_str()).collect();
    assert_eq!(streams, ["stdout", "stdout", "stdout", "stderr", "stderr", "stdout"]);
    assert_eq!(printed_to(&lines, Stream::Stdout), b"one\ntwo\nthree\n");
    assert_eq!(fixture.log.finish().tail, "one\ntwo\nthr\noh\nno\nee\n");
}

/// Pieces of text for two streams, from a seed: lines, halves of lines, empty ones, bytes that look like prefixes.
pub(super) fn pieces(seed: u64, count: usize) -> Vec<(Stream, Vec<u8>)> {
    let texts: [&[u8]; 8] = [
        b"line\n",
        b"half",
        b"\n",
        b"/+! #gap \n",
        b"\xff\0",
        b"a\nb\nc",
        b" ",
        b"!\n/",
    ];
    let mut state = seed;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    (0..count)
        .map(|_| (Stream::BOTH[next(2)], texts[next(texts.len())].to_vec()))
        .collect()
}

#[test]
fn whatever_two_streams_print_in_turns_each_comes_back_as_it_was_resumed_or_not_packed_or_not() {
    for seed in 0..20 {
        let mut whole = fixture(1 << 20);
        let mut resumed = fixture(1 << 20);
        let mut expected = [Vec::new(), Vec::new()];
        for (stream, piece) in pieces(seed, 400) {
            expected[stream.index()].extend(&piece);
            whole.write_to(stream, &piece);
            if piece.len() == 4 {
                resume(&mut resumed, 1 << 20);
            }
            resumed.write_to(stream, &piece);
        }
        let as_before = read_all(&whole.path);
        for (index, stream) in Stream::BOTH.into_iter().enumerate() {
            let mut printed = printed_to(&as_before, stream);
            // A last line without an end is handed out as if it had one.
            if !expected[index].ends_with(b"\n") && printed.ends_with(b"\n") {
                printed.pop();
            }
            assert!(printed == expected[index], "seed {seed}, {}", stream.as_str());
        }
        assert!(read_all(&resumed.path) == as_before, "seed {seed}, resumed");
        assert_eq!(pack_log(&whole.path).unwrap().is_some(), whole.disk_bytes() == 0);
        assert!(read_all(&whole.path) == as_before, "seed {seed}, packed");
        assert_eq!(whole.log.finish(), resumed.log.finish(), "seed {seed}");
    }
}
