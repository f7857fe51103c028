//! Prints the lines of outputs, for people or as JSON.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::cli::exit::Failure;
use crate::cli::out::Out;
use crate::cli::paint::{Tone, tone};
use crate::cli::times;
use crate::model::{Attempt, AttemptId, HistoryLimit, Redactor, RunId, has_power};
use crate::runner::{LineKind, LogLine, LogReader, Stream, read_log};

/// Prints the lines of one attempt after the other.
pub(super) struct Printer<'a> {
    pub(super) out: &'a mut Out,
    zone: TimeZone,
    now: Timestamp,
    /// The only stream that is wanted.
    only: Option<Stream>,
    redactor: Redactor,
    /// The line before goes on, and is of this stream.
    in_line: Option<Stream>,
    /// Each line begins with the attempt it is of.
    pub(super) names_attempts: bool,
}

impl<'a> Printer<'a> {
    pub(super) fn new(out: &'a mut Out, zone: TimeZone, only: Option<Stream>, redactor: Redactor) -> Self {
        Self {
            out,
            zone,
            now: Timestamp::now(),
            only,
            redactor,
            in_line: None,
            names_attempts: false,
        }
    }

    /// Prints what there is of an output; opens it once it is there.
    pub(super) fn print(&mut self, id: AttemptId, path: &Path, log: &mut Option<LogReader>) -> Result<(), Failure> {
        if log.is_none() {
            match read_log(path) {
                Ok(opened) => *log = Some(opened.hiding(self.redactor.clone())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(unreadable(path, &error)),
            }
        }
        for line in log.iter_mut().flatten() {
            self.line(id, &line.map_err(|error| unreadable(path, &error))?)?;
        }
        Ok(())
    }

    /// Prints one line, if it is of a stream that is wanted.
    pub(super) fn line(&mut self, id: AttemptId, line: &LogLine) -> io::Result<()> {
        let is_gap = line.kind == LineKind::Gap;
        if !is_gap && self.only.is_some_and(|only| only != line.stream) {
            return Ok(());
        }
        if self.out.json {
            return self.out.document(&json!({
                "run": id.run,
                "attempt": id.number,
                "at": line.at,
                "stream": (!is_gap).then_some(line.stream.as_str()),
                "kind": line.kind.as_str(),
                "text": String::from_utf8_lossy(&line.text),
            }));
        }
        if is_gap || self.in_line.is_some_and(|stream| stream != line.stream) {
            self.end_line()?;
        }
        if is_gap {
            return self.out.line(tone(Tone::Warn, String::from_utf8_lossy(&line.text)));
        }
        let is_error = line.stream == Stream::Stderr;
        if self.in_line.is_none() {
            let attempt = if self.names_attempts {
                format!("{id}  ")
            } else {
                String::new()
            };
            let at = times::moment_with_seconds(line.at, self.now, &self.zone);
            // Who asked for stderr alone need not be told.
            let mark = if is_error && self.only.is_none() { "! " } else { "  " };
            self.out.text(&format!("{}{mark}", tone(Tone::Dim, attempt + &at)))?;
        }
        if self.out.terminal {
            let text = harmless(&line.text);
            if is_error {
                self.out.text(&tone(Tone::Warn, text))?;
            } else {
                self.out.raw(text.as_bytes())?;
            }
        } else {
            self.out.raw(&line.text)?;
        }
        self.in_line = (line.kind == LineKind::Piece).then_some(line.stream);
        if self.in_line.is_none() {
            self.out.raw(b"\n")?;
        }
        Ok(())
    }

    pub(super) fn end_line(&mut self) -> io::Result<()> {
        if self.in_line.take().is_some() && !self.out.json {
            self.out.raw(b"\n")?;
        }
        Ok(())
    }

    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.note(&format!("-- {text}"))
    }

    /// Says something to people.
    pub(super) fn note(&mut self, text: &str) -> io::Result<()> {
        if self.out.json {
            return Ok(());
        }
        self.out.line(tone(Tone::Dim, text))
    }

    /// Says why there is no output: it printed none, or `[history]` has removed it, or somebody else has.
    pub(super) fn nothing(
        &mut self,
        number: u32,
        attempt: Option<&Attempt>,
        gone: Option<(RunId, Timestamp, HistoryLimit)>,
    ) -> io::Result<()> {
        let text = match (attempt.map(|attempt| attempt.output.bytes), gone) {
            (Some(bytes), Some((_, at, limit))) if bytes > 0 => format!(
                "attempt {number} printed {bytes} bytes, which were removed {}: [history] {}",
                times::moment(at, self.now, &self.zone),
                limit.as_str()
            ),
            (Some(bytes), _) if bytes > 0 => {
                format!("attempt {number} printed {bytes} bytes, which are no longer kept")
            }
            _ => format!("attempt {number} printed nothing"),
        };
        self.note(&text)
    }
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::not_fine(format!("cannot read {}: {error}", path.display()))
}

/// What a job printed, without power over the terminal.
fn harmless(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '\t' => text.push('\t'),
            c if c.is_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if has_power(c) => text.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_job_are_shown_and_not_obeyed() {
        assert_eq!(
            harmless("gvc.\u{202e}exe\u{200b}".as_bytes()),
            "gvc.\\u{202e}exe\\u{200b}"
        );
        assert_eq!(
            harmless(b"a\tb\x1b[2J\x07\xff\xc2\x9b0m"),
            "a\tb\\x1b[2J\\x07\u{fffd}\\x9b0m"
        );
    }
}
