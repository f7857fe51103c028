//! A packed log says what the files said that it was made of, whenever it was made.

use std::fs;

use super::super::log::tail_path;
use super::super::logpack::{PACK_BYTES_MIN, pack_log, packed_path};
use super::super::logread::{LineKind, read_log};
use super::streams::pieces;
use super::{Fixture, fixture, read_all, resume};

#[test]
fn streams_that_flood_in_turns_are_cut_in_the_same_places_packed_or_not() {
    let mut fixture = fixture(8_192);
    for (number, (stream, piece)) in pieces(7, 20_000).into_iter().enumerate() {
        fixture.write_to(stream, &piece);
        if number % 5_000 == 4_999 {
            resume(&mut fixture, 8_192);
        }
    }
    let plain = read_all(&fixture.path);
    assert_eq!(plain.iter().filter(|line| line.kind == LineKind::Gap).count(), 1);
    let packed = pack_log(&fixture.path).unwrap().expect("it is large enough");
    assert!(packed.before_bytes > 8_192 && packed.after_bytes < packed.before_bytes);
    assert_eq!(fixture.disk_bytes(), 0);
    assert!(read_all(&fixture.path) == plain);
}

/// A log of more than is left alone, in all three files.
fn flooded() -> Fixture {
    let mut flooded = fixture(8_192);
    for number in 0..2_000 {
        flooded.write(format!("line {number}\n").as_bytes());
    }
    assert!(tail_path(&flooded.path, 1).exists());
    flooded
}

#[test]
fn packing_that_was_cut_short_at_any_step_is_taken_up_and_hides_nothing_meanwhile() {
    let expected = read_all(&flooded().path);
    let finished = flooded();
    pack_log(&finished.path).unwrap().unwrap();
    let packed_bytes = fs::read(packed_path(&finished.path)).unwrap();

    // While it was written.
    let half = flooded();
    let unfinished = half.path.with_extension("log.zst.new");
    fs::write(&unfinished, &packed_bytes[..packed_bytes.len() / 2]).unwrap();
    assert_eq!(read_all(&half.path), expected);
    pack_log(&half.path).unwrap().unwrap();
    assert!(!unfinished.exists());
    assert_eq!(read_all(&half.path), expected);

    // After it took its name, with more and more of the others gone.
    for gone in 0..3 {
        let cut = flooded();
        fs::write(packed_path(&cut.path), &packed_bytes).unwrap();
        for path in [tail_path(&cut.path, 0), tail_path(&cut.path, 1)].iter().take(gone) {
            fs::remove_file(path).unwrap();
        }
        assert_eq!(read_all(&cut.path), expected);
        assert_eq!(pack_log(&cut.path).unwrap(), None);
        assert_eq!(cut.disk_bytes(), 0);
        assert_eq!(read_all(&cut.path), expected);
    }
}

#[test]
fn a_packed_log_is_as_old_as_what_was_last_printed() {
    let fixture = flooded();
    let newest = tail_path(&fixture.path, 1);
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for path in [&fixture.path, &tail_path(&fixture.path, 0), &newest] {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_times(fs::FileTimes::new().set_modified(long_ago)).unwrap();
    }
    pack_log(&fixture.path).unwrap().unwrap();
    let packed = fs::metadata(packed_path(&fixture.path)).unwrap();
    assert_eq!(packed.modified().unwrap(), long_ago);
}

#[test]
fn a_small_log_is_left_alone() {
    let mut fixture = fixture(1 << 20);
    while fixture.disk_bytes() + 64 < PACK_BYTES_MIN {
        fixture.write(b"a short line\n");
    }
    assert_eq!(pack_log(&fixture.path).unwrap(), None);
    assert!(fixture.path.exists());
    fixture.write(&[b'x'; 100]);
    assert!(pack_log(&fixture.path).unwrap().is_some());
}

#[test]
fn a_reader_under_whom_a_log_is_packed_misses_no_line_and_sees_none_twice() {
    let expected = read_all(&flooded().path);
    for stop in [0, 1, 100, 300, 500, expected.len() - 1, expected.len()] {
        let log = flooded();
        let mut reader = read_log(&log.path).unwrap();
        let mut seen: Vec<_> = reader.by_ref().take(stop).map(Result::unwrap).collect();
        pack_log(&log.path).unwrap().unwrap();
        seen.extend(reader.by_ref().map(Result::unwrap));
        seen.extend(reader.finish());
        assert_eq!(seen, expected, "packed after {stop} lines");
    }
}

#[test]
fn a_packed_log_that_is_cut_off_is_an_error_behind_what_can_be_read() {
    let log = flooded();
    pack_log(&log.path).unwrap().unwrap();
    let bytes = fs::read(packed_path(&log.path)).unwrap();
    fs::write(packed_path(&log.path), &bytes[..bytes.len() - 20]).unwrap();
    let read: Vec<_> = read_log(&log.path).unwrap().collect();
    assert!(read.last().unwrap().is_err());
}
