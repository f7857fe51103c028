//! The reserve has real blocks, is given back in slices, and is laid again.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use super::at;
use crate::store::lock::StateLock;
use crate::store::{LOCK_FILE, RESERVE_BYTES, RESERVE_FILE, Reserve};

fn blocks(dir: &Path) -> u64 {
    fs::metadata(dir.join(RESERVE_FILE)).map_or(0, |file| file.blocks() * 512)
}

#[test]
fn a_look_sets_the_whole_reserve_aside() {
    let dir = tempfile::tempdir().unwrap();
    let mut reserve = Reserve::of(dir.path());
    reserve.look(at(0)).expect("there is space");
    assert!(blocks(dir.path()) >= RESERVE_BYTES);
    assert_eq!(
        fs::metadata(dir.path().join(RESERVE_FILE)).unwrap().len(),
        RESERVE_BYTES
    );
    assert_eq!(
        fs::metadata(dir.path().join(RESERVE_FILE)).unwrap().mode() & 0o777,
        0o600
    );
}

#[test]
fn it_is_given_back_in_slices_until_nothing_is_left_and_laid_again_by_the_next_look() {
    let dir = tempfile::tempdir().unwrap();
    let mut reserve = Reserve::of(dir.path());
    assert!(!reserve.give_back(), "nothing was set aside yet");
    reserve.look(at(0)).expect("there is space");
    let mut slices = 0;
    let mut before = blocks(dir.path());
    while reserve.give_back() {
        let now = blocks(dir.path());
        assert!(now < before, "a slice gives nothing back");
        before = now;
        slices += 1;
    }
    assert_eq!((slices, blocks(dir.path())), (16, 0));
    assert_eq!(reserve.shortage(at(0)).needed, RESERVE_BYTES + (8 << 20));
    reserve.look(at(0)).expect("there is space");
    assert!(blocks(dir.path()) >= RESERVE_BYTES);
}

#[test]
fn a_copy_of_it_that_is_all_holes_is_no_reserve() {
    let dir = tempfile::tempdir().unwrap();
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(dir.path().join(RESERVE_FILE))
        .unwrap();
    file.set_len(RESERVE_BYTES).unwrap();
    assert_eq!(blocks(dir.path()), 0);
    Reserve::of(dir.path()).look(at(0)).expect("there is space");
    assert!(blocks(dir.path()) >= RESERVE_BYTES);
}

#[test]
fn a_full_disk_does_not_keep_a_daemon_from_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    symlink("/dev/full", dir.path().join(LOCK_FILE)).unwrap();
    StateLock::take(dir.path()).expect("its number is for people only");
}
