//! Rows out of a sheet of an Excel workbook (.xlsx), cell by cell.

use std::fs::File;
use std::io::{self, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};

use super::error::ContentError;
use super::positioned::Positioned;
use super::table::{Pass, RECORD_BYTES_MAX, listed, shortened};
use super::workbook_bounds::check_bounds;

/// Between two reads of the file.
const BUFFER_BYTES: usize = 64 << 10;

/// As many columns as a sheet can have.
const SHEET_COLUMNS_MAX: u32 = 16_384;

/// Reads the rows of a sheet, `None` for the first. The first row that has anything is the header.
///
/// Cells come one by one; the texts that sheets share, which the format keeps apart, are held in memory within a bound.
pub(super) fn read_workbook(
    file: &File,
    bytes_read: &AtomicU64,
    sheet: Option<&str>,
    pass: &mut Pass<'_>,
) -> io::Result<Result<(), ContentError>> {
    let positioned = || {
        let positioned = Positioned::new(file, bytes_read)?;
        io::Result::Ok(BufReader::with_capacity(BUFFER_BYTES, positioned))
    };
    if let Err(error) = check_bounds(positioned()?)? {
        return Ok(Err(error));
    }
    let reader = positioned()?;
    // The reader underneath is made for files that Excel has written; this one may be anything.
    let read = catch_unwind(AssertUnwindSafe(|| read_sheet(reader, sheet, pass)));
    match read {
        Ok(Ok(())) => Ok(Ok(())),
        Ok(Err(Wrong::Content(error))) => Ok(Err(error)),
        Ok(Err(Wrong::Reader(XlsxError::Io(error)))) if error.raw_os_error().is_some() => Err(error),
        Ok(Err(Wrong::Reader(error))) => Ok(Err(ContentError::Workbook { why: in_words(&error) })),
        Err(_) => Ok(Err(ContentError::Workbook {
            why: "it is damaged in a way that its reader does not know".to_owned(),
        })),
    }
}

enum Wrong {
    Content(ContentError),
    Reader(XlsxError),
}

impl From<XlsxError> for Wrong {
    fn from(error: XlsxError) -> Self {
        Self::Reader(error)
    }
}

fn in_words(error: &XlsxError) -> String {
    match error {
        XlsxError::Password => "it is encrypted; let it be saved without a password".to_owned(),
        XlsxError::Zip(error) => format!("{error}; it may be cut off"),
        error => error.to_string(),
    }
}

fn read_sheet(reader: BufReader<Positioned<'_>>, sheet: Option<&str>, pass: &mut Pass<'_>) -> Result<(), Wrong> {
    let mut workbook = Xlsx::new(reader)?;
    let names = workbook.sheet_names();
    let name = match sheet {
        Some(sheet) => names.iter().find(|name| *name == sheet),
        None => names.first(),
    };
    let Some(name) = name.cloned() else {
        let why = match sheet {
            Some(sheet) => format!("there is no sheet `{sheet}`; there is {}", listed(&names)),
            None => "it has no sheet".to_owned(),
        };
        return Err(Wrong::Content(ContentError::Workbook { why }));
    };
    let mut cells = workbook.worksheet_cells_reader(&name)?;
    let mut row = SheetRow::default();
    while let Some(cell) = cells.next_cell()? {
        let (number, column) = cell.get_position();
        let value = text_of(cell.get_value());
        if row.number != Some(number) {
            row.done(pass)?;
            if row.number.is_some_and(|before| before > number) {
                let why = "it comes behind a later row; let the workbook be saved anew".to_owned();
                return Err(row.wrong(why));
            }
            row.begin(number);
        }
        if let Some(value) = value {
            row.take(column, value)?;
        }
    }
    row.done(pass)?;
    match row.places {
        Some(_) => Ok(()),
        None => Err(Wrong::Content(ContentError::NoHeader)),
    }
}

/// The row that is being read.
#[derive(Default)]
struct SheetRow {
    /// From 0.
    number: Option<u32>,
    /// Its cells that have anything, by column from 0.
    cells: Vec<(u32, String)>,
    /// Bytes of all of them: a text that is shared by many is there for each.
    bytes: u64,
    /// Where the wanted columns are, once the header was read; and how many columns it has.
    places: Option<(Vec<Option<usize>>, usize)>,
}

impl SheetRow {
    fn begin(&mut self, number: u32) {
        self.number = Some(number);
        self.cells.clear();
        self.bytes = 0;
    }

    fn take(&mut self, column: u32, value: String) -> Result<(), Wrong> {
        if column >= SHEET_COLUMNS_MAX || self.cells.len() >= SHEET_COLUMNS_MAX as usize {
            return Err(self.wrong(format!("it has more than {SHEET_COLUMNS_MAX} columns")));
        }
        self.bytes += value.len() as u64;
        if self.bytes > RECORD_BYTES_MAX {
            let most = RECORD_BYTES_MAX >> 20;
            return Err(self.wrong(format!("its cells have more than {most} MiB together")));
        }
        self.cells.push((column, value));
        Ok(())
    }

    fn wrong(&self, why: String) -> Wrong {
        let row = u64::from(self.number.unwrap_or(0)) + 1;
        Wrong::Content(ContentError::Sheet { row, why })
    }

    /// All cells of it were read.
    fn done(&mut self, pass: &mut Pass<'_>) -> Result<(), Wrong> {
        if self.cells.is_empty() {
            return Ok(());
        }
        let Some((places, width)) = &self.places else {
            return self.header(pass);
        };
        if let Some((column, value)) = self.cells.iter().find(|(column, _)| *column as usize >= *width) {
            let shown = shortened(value);
            let columns = if *width == 1 { "column" } else { "columns" };
            return Err(self.wrong(format!(
                "`{shown}` in column {}, where the header names {width} {columns}",
                column + 1
            )));
        }
        let value = |place: &Option<usize>| {
            let place = (*place)?;
            let found = self.cells.iter().find(|(column, _)| *column as usize == place);
            found.map(|(_, value)| value.as_str())
        };
        let values: Vec<Option<&str>> = places.iter().map(value).collect();
        pass.take(u64::from(self.number.unwrap_or(0)) + 1, &values);
        self.cells.clear();
        Ok(())
    }

    fn header(&mut self, pass: &mut Pass<'_>) -> Result<(), Wrong> {
        let last = self.cells.iter().map(|(column, _)| *column as usize).max().unwrap_or(0);
        let mut names = vec![String::new(); last + 1];
        for (column, name) in self.cells.drain(..) {
            names[column as usize] = name;
        }
        let width = names.len();
        match pass.name_columns(names) {
            Ok(places) => self.places = Some((places, width)),
            Err(column) => {
                return Err(self.wrong(format!(
                    "the header names the column `{column}` twice; give each column a name of its own"
                )));
            }
        }
        Ok(())
    }
}

/// A cell as a CSV file would have it; `None` for an empty one.
fn text_of(value: &DataRef<'_>) -> Option<String> {
    let text = match value {
        DataRef::Empty => return None,
        DataRef::Int(number) => number.to_string(),
        // The shortest text that is this number; a whole one has no point.
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTime(time) if time.is_duration() => time.as_f64().to_string(),
        DataRef::DateTime(time) => {
            let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            match (hour, minute, second, milli) {
                (0, 0, 0, 0) => date,
                (_, _, _, 0) => format!("{date}T{hour:02}:{minute:02}:{second:02}"),
                _ => format!("{date}T{hour:02}:{minute:02}:{second:02}.{milli:03}"),
            }
        }
        DataRef::Error(error) => error.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_shared_counts_for_each_of_its_cells() {
        let mut row = SheetRow::default();
        row.begin(7);
        let text = "x".repeat(1 << 20);
        for column in 0..4 {
            assert!(row.take(column, text.clone()).is_ok());
        }
        assert!(matches!(
            row.take(4, text),
            Err(Wrong::Content(ContentError::Sheet { row: 8, why })) if why == "its cells have more than 4 MiB together"
        ));
        row.begin(8);
        assert!(row.take(0, "y".to_owned()).is_ok());
    }
}
