//! A journal as the fuzzer in `fuzz/` sees it: bytes in, ends of attempts out, and what must hold in between.

use super::{Contents, RECORD_BYTES_MAX, Record, contents_of, push_record};
use crate::model::Exit;

/// Reads `bytes` as they are, and then each line of them as the text of a record with a true length and checksum: no
/// mutation finds a checksum. Answers with the ends that the lines tell.
///
/// # Panics
/// When what is written down cannot be read back as it was, or a cut journal says anything else than the whole one.
pub fn exits_in(bytes: &[u8]) -> Vec<Exit> {
    let raw = contents_of(bytes);
    assert!(raw.valid_bytes <= bytes.len() as u64);
    assert_eq!(raw.damage, contents_of(bytes).damage);

    let mut journal = Vec::new();
    let mut ends = vec![0];
    for line in bytes.split(|byte| *byte == b'\n') {
        if line.len() <= RECORD_BYTES_MAX {
            push_record(&mut journal, |buffer| {
                buffer.extend_from_slice(line);
                Ok(())
            })
            .expect("it fits");
            ends.push(journal.len());
        }
    }
    let contents = contents_of(&journal);
    let valid = usize::try_from(contents.valid_bytes).expect("bytes in memory");
    // Behind a line that is no record there may be more of them; before it there are no others.
    let leading = ends
        .iter()
        .position(|end| *end == valid)
        .expect("it ends between two records");
    let (before, behind) = contents.records.split_at(leading);
    assert!(behind.is_empty() || contents.damage.is_some());

    // Cut within the line after them, it says what was before it.
    if let Some(next) = ends.get(leading + 1) {
        assert_says(&contents_of(&journal[..next - 1]), before);
    }

    // Written down again, it reads the same.
    let mut again = Vec::new();
    for record in &contents.records {
        push_record(&mut again, |buffer| Ok(serde_json::to_writer(buffer, record)?)).expect("it was written before");
    }
    let reread = contents_of(&again);
    assert_says(&reread, &contents.records);
    assert_eq!((reread.valid_bytes, reread.damage), (again.len() as u64, None));

    let exits = contents.records.into_iter().filter_map(|record| match record {
        Record::Exited(exit) => Some(*exit),
        Record::Started(_) | Record::Running(_) | Record::Refused(_) | Record::Fence => None,
    });
    exits.collect()
}

fn assert_says(contents: &Contents, records: &[Record]) {
    assert_eq!(format!("{:?}", contents.records), format!("{records:?}"));
}
