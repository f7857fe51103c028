//! Where a verb prints: standard output, with or without colours, as wide as the reader's window.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write as _};

use anstream::ColorChoice;

use super::paint::painted;

/// Columns of sentences that nobody looks at in a terminal.
const COLUMNS_DEFAULT: usize = 100;
/// A narrower terminal gets lines that it breaks itself.
const COLUMNS_MIN: usize = 60;
/// Longer lines are hard to follow across a wide window.
const COLUMNS_MAX: usize = 140;

/// Standard output, and what its reader wants.
#[derive(Debug)]
pub(super) struct Out {
    stdout: BufWriter<Stdout>,
    /// Facts as JSON.
    pub(super) json: bool,
    /// Colours may be used.
    pub(super) color: bool,
    /// A terminal, where control characters would have power.
    pub(super) terminal: bool,
}

impl Out {
    pub(super) fn new(json: bool) -> Self {
        let stdout = io::stdout();
        Self {
            json,
            color: color(&stdout),
            terminal: stdout.is_terminal(),
            stdout: BufWriter::new(stdout),
        }
    }

    /// Prints marked text as it is.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        self.stdout.write_all(painted(text, self.color).as_bytes())
    }

    /// Prints one line of marked text.
    pub(super) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        self.text(text.as_ref())?;
        self.stdout.write_all(b"\n")
    }

    /// Prints bytes that are ready for this reader.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdout.write_all(bytes)
    }

    /// Prints one JSON document on a line of its own.
    pub(super) fn document(&mut self, value: &serde_json::Value) -> io::Result<()> {
        serde_json::to_writer(&mut self.stdout, value).map_err(io::Error::from)?;
        self.stdout.write_all(b"\n")
    }

    /// Hands on what was printed so far.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// Whether colours may be used: a terminal, and `NO_COLOR` is not set.
pub(super) fn color(stream: &impl anstream::stream::RawStream) -> bool {
    !matches!(anstream::AutoStream::choice(stream), ColorChoice::Never)
}

/// Columns that what is printed may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Sentences break there.
    pub(super) sentences: usize,
    /// What of a table has no room there is cut.
    pub(super) tables: usize,
}

impl From<usize> for Room {
    /// A window that is so wide.
    fn from(columns: usize) -> Self {
        Self {
            sentences: columns,
            tables: columns,
        }
    }
}

/// The room in the terminal behind standard output, within what is readable. In a file or for another program no table is
/// cut: whoever looks for a name in it is to find it.
pub(super) fn room() -> Room {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).clamp(COLUMNS_MIN, COLUMNS_MAX).into(),
        // One that does not say how wide it is.
        Ok(_) => COLUMNS_DEFAULT.into(),
        Err(_) => Room {
            sentences: COLUMNS_DEFAULT,
            tables: usize::from(u16::MAX),
        },
    }
}

/// Columns that sentences may take.
pub(super) fn width() -> usize {
    room().sentences
}

/// Columns that a table may take.
pub(super) fn table_width() -> usize {
    room().tables
}
