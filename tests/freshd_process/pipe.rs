//! A named pipe by which a job and a test wait for each other.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use rustix::fs::{CWD, FileType, mknodat};

use super::PATIENCE;
use super::process::readable_within;

/// Open at both ends here, so that neither side waits for the other to open it.
pub(crate) struct Pipe {
    file: File,
    read: Vec<u8>,
}

impl Pipe {
    /// Makes it.
    pub(crate) fn make(path: &Path) -> Self {
        mknodat(CWD, path, FileType::Fifo, 0o600.into(), 0).expect("a pipe");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .expect("the pipe opens");
        Self { file, read: Vec::new() }
    }

    /// Lets one `read` of a job return.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.file, "{line}").expect("the pipe takes a line");
    }

    /// The next line of a job.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return String::from_utf8_lossy(&line[..end]).into_owned();
            }
            assert!(
                readable_within(&self.file, PATIENCE),
                "the job said nothing within {PATIENCE:?}"
            );
            let mut chunk = [0; 4096];
            let count = self.file.read(&mut chunk).expect("the pipe can be read");
            self.read.extend_from_slice(&chunk[..count]);
        }
    }
}
