//! Goes on with a log that another process began and did not live to end.

use std::io::{self, Write};
use std::path::PathBuf;

use rustix::fs::OFlags;

use super::super::files::open_beneath;
use super::super::logread::{Ending, LineKind, LogLine, newest_segment, read_log};
use super::{OutputLog, Part, tail_path};

/// What a log says where bytes may be missing that nobody counted.
const MISSING: &str = "its keeper died: what it printed then may be missing";

impl OutputLog {
    /// Opens a log behind what is in it, with counts and last lines as far as they can be read from it. Bytes that
    /// its writer had read, and did not live to write, are not known to anybody.
    ///
    /// # Errors
    /// When the log cannot be opened; one that is not there is as good as new.
    pub(in super::super) fn resume(path: PathBuf, limit_bytes: u64) -> io::Result<Self> {
        let mut log = Self::new(path, limit_bytes);
        let newest = newest_segment(&log.path)?;
        let part_path = newest.map_or_else(|| log.path.clone(), |segment| tail_path(&log.path, segment.number));
        let file = match open_beneath(&part_path, OFlags::WRONLY | OFlags::APPEND) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(log),
            opened => opened?,
        };
        let mut reader = read_log(&log.path)?;
        let mut is_damaged = false;
        for line in reader.by_ref() {
            match line {
                Ok(line) => log.remember(&line),
                Err(_) => is_damaged = true,
            }
        }
        let counts = reader.counts();
        let ending = reader.ending();
        log.in_line = reader.in_line();
        match ending {
            Ending::LineEnd => {}
            // What is written next continues it.
            Ending::InLine(stream) => {
                log.in_line[stream.index()] = true;
                log.open_line = Some(stream);
            }
            Ending::InPrefix => log.torn = true,
        }
        log.torn |= is_damaged;
        if let Some(line) = reader.finish() {
            log.keep_tail(line.stream, &line.text);
        }
        log.total_bytes = counts.printed;
        log.dropped_bytes = counts.printed.saturating_sub(counts.kept);
        let mut limit_bytes = log.limit_bytes;
        if let Some(segment) = newest {
            log.next_segment = segment.number + 1;
            limit_bytes /= 2;
            if segment.number > 0 {
                log.former_bytes = counts.in_former_part;
            }
        }
        log.part = Some(Part {
            disk_bytes: file.metadata()?.len(),
            file,
            limit_bytes,
            job_bytes: counts.in_part,
            fresh: counts.in_part == 0 && log.open_line.is_none(),
        });
        Ok(log)
    }

    fn remember(&mut self, line: &LogLine) {
        match line.kind {
            LineKind::Whole => {
                self.keep_tail(line.stream, &line.text);
                self.keep_tail(line.stream, b"\n");
            }
            LineKind::Piece => self.keep_tail(line.stream, &line.text),
            LineKind::Gap => self.keep_note(&line.text),
        }
    }

    /// Makes a line of our own part of the last lines.
    fn keep_note(&mut self, text: &[u8]) {
        if self.tail.last().is_some_and(|last| *last != b'\n') {
            self.add_to_tail(b"\n");
        }
        self.add_to_tail(text);
        self.add_to_tail(b"\n");
    }

    /// Says, in the log and behind its last lines, that bytes may be missing here which nobody counted.
    pub(in super::super) fn note_missing(&mut self) {
        self.keep_note(format!("… {MISSING} …").as_bytes());
        if self.part.is_none() {
            self.part = self.open_head().ok();
        }
        let Some(part) = &mut self.part else {
            return;
        };
        let new_line = if self.open_line.is_none() && !self.torn {
            ""
        } else {
            "\n"
        };
        let note = format!("{new_line}#gap {MISSING}\n");
        if part.file.write_all(note.as_bytes()).is_ok() {
            part.disk_bytes += note.len() as u64;
            self.in_line = [false; 2];
            self.open_line = None;
            self.torn = false;
        } else {
            self.torn = true;
        }
    }
}
