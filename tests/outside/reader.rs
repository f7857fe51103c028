//! Somebody who reads the published files all the time, and knows a whole one when it sees it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use freshd::model::{AttemptId, RunId};

/// Between two rounds, so that it does not take the machine for itself.
const PAUSE: Duration = Duration::from_millis(2);

/// What it has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// How many files were read.
    pub(crate) reads: usize,
    /// The attempts whose files were seen, by dataset number.
    pub(crate) writers: BTreeSet<(usize, AttemptId)>,
    /// Files that were not whole, in words.
    pub(crate) torn: Vec<String>,
}

/// A thread that reads; it ends when this is dropped.
pub(crate) struct Reading {
    seen: Arc<Mutex<Seen>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reading {
    /// Reads `data-0.csv` and so on of a directory.
    pub(crate) fn of(dir: &Path, datasets: usize) -> Self {
        let files: Vec<PathBuf> = (0..datasets)
            .map(|number| dir.join(format!("data-{number}.csv")))
            .collect();
        let (seen, is_over) = (Arc::<Mutex<Seen>>::default(), Arc::new(AtomicBool::new(false)));
        let (noted, ends) = (seen.clone(), is_over.clone());
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                for (number, file) in files.iter().enumerate() {
                    let Ok(text) = std::fs::read_to_string(file) else {
                        continue;
                    };
                    let mut seen = noted.lock().expect("what was seen");
                    seen.reads += 1;
                    match writer_of(&text) {
                        Ok(writer) => {
                            seen.writers.insert((number, writer));
                        }
                        Err(why) => seen.torn.push(format!("data-{number}: {why}")),
                    }
                }
                std::thread::park_timeout(PAUSE);
            }
        });
        Self {
            seen,
            is_over,
            thread: Some(thread),
        }
    }

    /// What it has seen so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().expect("what was seen").clone()
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Who wrote a file, if it is a whole one of a single writer.
pub(crate) fn writer_of(text: &str) -> Result<AttemptId, String> {
    let body = text.strip_prefix("row,of,run,attempt\n").ok_or("no header")?;
    let body = body.strip_suffix('\n').ok_or("the last line is cut off")?;
    let mut writer = None;
    let mut rows = 0_u64;
    let mut promised = 0_u64;
    for line in body.split('\n') {
        let numbers: Vec<u64> = line.split(',').map_while(|word| word.parse().ok()).collect();
        let [row, of, run, attempt] = numbers[..] else {
            return Err(format!("not a row: {line:?}"));
        };
        rows += 1;
        promised = of;
        let id = AttemptId {
            run: RunId(run),
            number: u32::try_from(attempt).map_err(|error| error.to_string())?,
        };
        if row != rows || *writer.get_or_insert(id) != id {
            return Err(format!("row {rows} is {line:?}, written by {writer:?}"));
        }
    }
    if rows != promised {
        return Err(format!("{rows} rows of {promised}"));
    }
    writer.ok_or_else(|| "no rows".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_file_of_one_writer_is_whole() {
        let whole = "row,of,run,attempt\n1,2,7,1\n2,2,7,1\n";
        let writer = AttemptId {
            run: RunId(7),
            number: 1,
        };
        assert_eq!(writer_of(whole), Ok(writer));
        for torn in [
            "",
            "row,of,run,attempt\n",
            "row,of,run,attempt\n1,2,7,1\n",
            "row,of,run,attempt\n1,2,7,1\n2,2,7,1",
            "row,of,run,attempt\n1,2,7,1\n2,2,8,1\n",
            "row,of,run,attempt\n2,2,7,1\n1,2,7,1\n",
            "1,2,7,1\n2,2,7,1\n",
        ] {
            assert!(writer_of(torn).is_err(), "{torn:?}");
        }
    }
}
