//! What is written is read back, and a torn end is no evidence.

use super::*;
use crate::model::RunId;

fn running(number: u32) -> Record {
    Record::Running(Running {
        id: AttemptId { run: RunId(1), number },
        pid: 10 + number,
        start_time: 99,
        at: Timestamp::UNIX_EPOCH,
        pipe: Some(4_026_531_841),
    })
}

fn journal_of(records: u32) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.journal");
    let mut journal = Journal::create(path.clone()).unwrap();
    for number in 0..records {
        journal.push(&running(number)).unwrap();
    }
    journal.save().unwrap();
    (dir, path)
}

fn records_of(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    bytes.truncate(usize::try_from(read(path).unwrap().valid_bytes).unwrap());
    bytes
}

#[test]
fn a_journal_cut_at_any_byte_reads_as_the_whole_records_before_the_cut() {
    let (_dir, path) = journal_of(3);
    let whole = records_of(&path);
    let record_bytes = whole.len() / 3;
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let contents = read(&path).unwrap();
        assert_eq!(contents.records.len(), cut / record_bytes, "cut at {cut}");
        assert_eq!(contents.valid_bytes, (cut / record_bytes * record_bytes) as u64);
        assert!(!contents.damaged, "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_before_whole_records_is_damage_and_not_a_torn_tail() {
    let (_dir, path) = journal_of(3);
    let mut bytes = records_of(&path);
    let second = bytes.len() / 3 + HEADER_BYTES + 4;
    bytes[second] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let contents = read(&path).unwrap();
    assert_eq!(contents.records.len(), 1);
    assert!(contents.damaged);
}

#[test]
fn zeros_behind_the_records_are_a_torn_tail() {
    let (_dir, path) = journal_of(2);
    let contents = read(&path).unwrap();
    assert!(contents.valid_bytes < fs::metadata(&path).unwrap().len());
    assert_eq!((contents.records.len(), contents.damaged), (2, false));
}

#[test]
fn a_journal_that_says_anything_is_never_taken_over_by_a_new_keeper() {
    let (_dir, path) = journal_of(1);
    let error = Journal::create(path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn a_full_disk_breaks_the_journal_until_it_is_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1.journal");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let mut journal = Journal::create(path.clone()).unwrap();
    journal.push(&running(1)).unwrap();
    let error = journal.save().unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    assert!(journal.is_broken());
    let kept = serde_json::to_vec(&running(2)).unwrap();
    journal
        .rewrite([std::borrow::Cow::Borrowed(kept.as_slice())].into_iter())
        .unwrap();
    journal.push(&running(3)).unwrap();
    journal.save().unwrap();
    let records = read(&path).unwrap().records;
    assert_eq!(records.len(), 2, "{records:?}");
}
