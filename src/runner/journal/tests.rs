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
        stderr_pipe: Some(4_026_531_842),
    })
}

fn number_of(record: &Record) -> u32 {
    match record {
        Record::Running(running) => running.id.number,
        other => panic!("{other:?}"),
    }
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
        assert_eq!(contents.damage, None, "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_is_damage_and_not_a_torn_tail_wherever_it_is_and_the_other_records_are_read() {
    let (_dir, path) = journal_of(3);
    let whole = records_of(&path);
    let record_bytes = whole.len() / 3;
    for place in 0..whole.len() {
        for zeros in [0, 4_096] {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            bytes.resize(whole.len() + zeros, 0);
            fs::write(&path, &bytes).unwrap();
            let contents = read(&path).unwrap();
            assert_eq!(contents.valid_bytes, (place / record_bytes * record_bytes) as u64);
            let read: Vec<u32> = contents.records.iter().map(number_of).collect();
            let broken = u32::try_from(place / record_bytes).unwrap();
            assert_eq!(read, (0..3).filter(|number| *number != broken).collect::<Vec<_>>());
            assert!(contents.damage.is_some(), "byte {place}, {zeros} zeros behind");
        }
    }
}

#[test]
fn a_journal_overwritten_by_anything_is_damaged() {
    let (_dir, path) = journal_of(3);
    let length = fs::metadata(&path).unwrap().len();
    let mut chance = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..20 {
        let random = std::iter::repeat_with(|| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (chance >> 56) as u8
        });
        fs::write(
            &path,
            random.take(usize::try_from(length).unwrap()).collect::<Vec<u8>>(),
        )
        .unwrap();
        let contents = read(&path).unwrap();
        assert_eq!((contents.records.len(), contents.valid_bytes), (0, 0));
        assert!(contents.damage.is_some());
    }
    fs::write(&path, "what a text editor leaves\n").unwrap();
    assert!(read(&path).unwrap().damage.is_some());
}

#[test]
fn zeros_behind_the_records_are_a_torn_tail() {
    let (_dir, path) = journal_of(2);
    let contents = read(&path).unwrap();
    assert!(contents.valid_bytes < fs::metadata(&path).unwrap().len());
    assert_eq!((contents.records.len(), contents.damage), (2, None));
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

#[test]
fn a_journal_of_a_keeper_that_had_one_pipe_for_both_streams_is_understood() {
    // Written by the build before: a run that ended with 7, and one that goes on.
    let contents = contents::contents_of(include_bytes!("one_pipe.journal"));
    assert_eq!(contents.damage, None);
    let [
        Record::Started(started),
        Record::Running(running),
        Record::Exited(exit),
        Record::Started(_),
        Record::Running(going),
    ] = &contents.records[..]
    else {
        panic!("{:?}", contents.records)
    };
    assert_eq!(
        (started.id, running.pid, running.start_time),
        (exit.id, 25_155, 5_974_507)
    );
    assert_eq!(exit.status, crate::model::ExitStatus::Code(7));
    assert_eq!(exit.output.tail, "41 lots\none is missing\n");
    assert_eq!(
        (going.id.run, going.pipe, going.stderr_pipe),
        (RunId(2), Some(12_877_458), None)
    );
}
