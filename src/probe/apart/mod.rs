//! Reads a table in a process of its own, which may take so much memory and no more.
//!
//! The readers of workbooks and of Parquet are made for files that a library has written; one that lies can make them take
//! any amount of memory, or stop. So freshd starts itself once more ([`read_table_main`]), with the open file as standard
//! input. What comes back is one line of JSON for each row, bounded like any record, and is looked at here.

mod child;
mod lines;
mod request;
mod source;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

pub use child::read_table_main;
pub(super) use lines::Wrong;
pub use request::TableRequest;
pub(super) use source::{Source, SourceReader};

use lines::{End, NO_MEMORY, row};
use rustix::process::Signal;

use super::error::{ContentError, Hindered};
use super::json_records::{JsonRecords, Piece, Shape};
use super::progress::Progress;
use super::table::{Pass, shortened};
use crate::model::Format;

/// Most memory that reading a table may take, the program's own among it.
const MEMORY_BYTES_MAX: u64 = 512 << 20;

/// Most time of a processor that reading a table may take.
const COMPUTING_SECONDS_MAX: u64 = 60 * 60;

/// This program, even when another has taken its name meanwhile.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Between two reads of what comes back.
const BUFFER_BYTES: usize = 64 << 10;

/// Most of what the process says of its end that is read.
const WORDS_BYTES_MAX: u64 = 4 << 10;

/// Reads the rows of a format that is no text. The outer error is the system's, the inner one the content's.
pub(super) fn read_apart(
    file: &File,
    format: &Format,
    pass: &mut Pass<'_>,
    progress: &Progress,
) -> io::Result<Result<(), ContentError>> {
    let request = TableRequest::new(format, &pass.wanted);
    let places: Vec<usize> = pass.wanted.iter().filter_map(|wanted| request.place(wanted)).collect();
    let mut reader = TableReader::start(file, &request, progress)?;
    let Some(stdout) = reader.child.stdout.take() else {
        return Err(Hindered::new("its reader has no output").into());
    };
    let wrong = match take_lines(Counted { stdout, progress }, &places, pass)? {
        Taken::All(end) => {
            // Repeated names were found where they stand.
            let _ = pass.name_columns(end.columns);
            end.wrong
        }
        Taken::CutShort => Some(reader.why_it_stopped(format)?),
        Taken::Nonsense => Some(Wrong::Whole {
            why: "its reader said what freshd does not understand".to_owned(),
        }),
    };
    match wrong {
        None => Ok(Ok(())),
        Some(wrong) => wrong.of(format).map(Err),
    }
}

/// What came back.
enum Taken {
    All(End),
    /// The process ended before it was done.
    CutShort,
    /// Something else than rows.
    Nonsense,
}

/// Takes row after row; `places` are those of the wanted columns in a row.
fn take_lines(output: impl Read, places: &[usize], pass: &mut Pass<'_>) -> io::Result<Taken> {
    let mut lines = JsonRecords::new(BufReader::with_capacity(BUFFER_BYTES, output), Shape::Lines);
    loop {
        let text = match lines.next()? {
            Piece::Record { text, .. } => text,
            Piece::End => return Ok(Taken::CutShort),
            Piece::Wrong(_) => return Ok(Taken::Nonsense),
        };
        if text.first() == Some(&b'{') {
            return Ok(match serde_json::from_slice(text) {
                Ok(end) => Taken::All(end),
                Err(_) if !text.ends_with(b"\n") => Taken::CutShort,
                Err(_) => Taken::Nonsense,
            });
        }
        match row(text) {
            Some((line, found)) => {
                let value = |place: &usize| found.get(*place)?.as_deref();
                let values: Vec<Option<&str>> = places.iter().map(value).collect();
                pass.take(line, &values);
            }
            None if !text.ends_with(b"\n") => return Ok(Taken::CutShort),
            None => return Ok(Taken::Nonsense),
        }
    }
}

/// The process; it is killed when nobody reads any more.
struct TableReader<'a> {
    child: Child,
    progress: &'a Progress,
}

impl<'a> TableReader<'a> {
    fn start(file: &File, request: &TableRequest, progress: &'a Progress) -> io::Result<Self> {
        let hindered = |error: io::Error| Hindered::new(&format!("its reader cannot be started: {error}"));
        let file = file.try_clone().map_err(hindered)?;
        let child = Command::new(THIS_PROGRAM)
            .arg0("freshd")
            .args(request.words(std::process::id()))
            // Nothing of the environment is its business, least of all a secret.
            .env_clear()
            .current_dir("/")
            .stdin(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(hindered)?;
        let reader = Self { child, progress };
        // One that nobody could end is ended now.
        progress.watch(&reader.child).map_err(hindered)?;
        Ok(reader)
    }

    /// It ended without an end: by what it says and by its status, whose fault is that?
    fn why_it_stopped(&mut self, format: &Format) -> io::Result<Wrong> {
        let mut said = Vec::new();
        if let Some(stderr) = self.child.stderr.take() {
            stderr.take(WORDS_BYTES_MAX).read_to_end(&mut said)?;
        }
        let status = self.child.wait()?;
        self.progress.check()?;
        why_it_stopped(&String::from_utf8_lossy(&said), status, format)
    }
}

impl Drop for TableReader<'_> {
    fn drop(&mut self) {
        // One that has ended takes no harm.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.progress.watch_nothing();
    }
}

fn why_it_stopped(said: &str, status: ExitStatus, format: &Format) -> io::Result<Wrong> {
    let is = |signal: Signal| status.signal() == Some(signal.as_raw());
    let because = |why: String| Ok(Wrong::Whole { why });
    if NO_MEMORY.iter().any(|words| said.contains(words)) {
        return Ok(Wrong::Memory);
    }
    if is(Signal::XCPU) {
        let hours = COMPUTING_SECONDS_MAX / (60 * 60);
        return because(format!("reading it takes more than {hours} h; {}", smaller(format)));
    }
    if is(Signal::KILL) || is(Signal::TERM) || is(Signal::INT) || is(Signal::HUP) {
        let why = "its reader was killed from outside; has the machine too little memory?";
        return Err(Hindered::new(why).into());
    }
    let said = said.lines().next().filter(|line| !line.trim().is_empty());
    let words = said.map_or_else(|| status.to_string(), shortened);
    because(format!("its reader stopped: {words}"))
}

/// What the one who writes the file can do.
fn smaller(format: &Format) -> &'static str {
    match format {
        Format::Parquet => "let it be written with smaller pages",
        _ => "let it be exported in smaller files, or as CSV",
    }
}

/// Whatever comes back is a sign of life, also an empty line.
struct Counted<'a> {
    stdout: ChildStdout,
    progress: &'a Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stdout.read(buffer)?;
        self.progress.add(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AsOf;
    use crate::probe::{Row, Rows};

    type Seen = Vec<(u64, Vec<Option<String>>)>;

    struct Kept(Seen);

    impl Rows for Kept {
        fn wanted(&self) -> Vec<String> {
            Vec::new()
        }

        fn row(&mut self, row: &Row<'_>) {
            let values = row.values.iter().map(|value| value.map(str::to_owned));
            self.0.push((row.line, values.collect()));
        }
    }

    fn taken(output: &str) -> (Taken, Seen) {
        let mut kept = Kept(Vec::new());
        let mut pass = Pass::new(&AsOf::Start, "row", &mut kept);
        let taken = take_lines(output.as_bytes(), &[1, 0], &mut pass).expect("memory");
        (taken, kept.0)
    }

    #[test]
    fn a_row_is_not_an_end_and_nothing_is_told_from_an_empty_text() {
        let rows = "\n[3,[\"L1\",null]]\n\n[7,[\"\",\"a\\\"b\"]]\n";
        let all = taken(&format!("{rows}{{\"columns\":[\"lot\"],\"wrong\":null}}\n"));
        let text = |text: &str| Some(text.to_owned());
        let expected = vec![(3, vec![None, text("L1")]), (7, vec![text("a\"b"), text("")])];
        assert_eq!(all.1, expected);
        assert!(matches!(all.0, Taken::All(End { wrong: None, .. })));

        let cut = taken(rows);
        assert_eq!(cut.1, expected);
        assert!(matches!(cut.0, Taken::CutShort));
        assert!(matches!(taken("[3,[\"L1\",nu").0, Taken::CutShort));
        assert!(matches!(taken("{\"columns\":[").0, Taken::CutShort));
        assert!(matches!(taken("running 0 tests\n").0, Taken::Nonsense));
        assert!(matches!(taken("[3,[\"L1\",1]]\n").0, Taken::Nonsense));
    }

    #[test]
    fn an_end_is_blamed_on_the_file_or_on_the_machine() {
        let because = |said: &str, status: i32| {
            let stopped = why_it_stopped(said, ExitStatus::from_raw(status), &Format::Parquet);
            match stopped.and_then(|wrong| wrong.of(&Format::Parquet)) {
                Ok(error) => error.to_string(),
                Err(hindered) => format!("hindered: {hindered}"),
            }
        };
        let (abort, xcpu, kill) = (6, 24, 9);
        for (said, status, expected) in [
            (
                "memory allocation of 24 bytes failed\n",
                abort,
                "the Parquet file cannot be read: reading it takes more than 512 MiB of memory; let it be written with smaller pages",
            ),
            (
                "",
                xcpu,
                "the Parquet file cannot be read: reading it takes more than 1 h; let it be written with smaller pages",
            ),
            (
                "index out of bounds\n",
                101 << 8,
                "the Parquet file cannot be read: its reader stopped: index out of bounds",
            ),
            (
                "",
                abort,
                "the Parquet file cannot be read: its reader stopped: signal: 6 (SIGABRT)",
            ),
            (
                "",
                kill,
                "hindered: its reader was killed from outside; has the machine too little memory?",
            ),
        ] {
            assert_eq!(because(said, status), expected);
        }
    }
}
