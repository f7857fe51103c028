//! Rows out of a sheet of an Excel workbook (.xlsx), cell by cell.
//!
//! Runs in a process of its own (`apart`): what a file that lies makes its reader do harms nobody else.

use std::io::BufReader;

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx, XlsxError};

use super::apart::{Source, SourceReader, Wrong};
use super::table::{Pass, RECORD_BYTES_MAX, listed, shortened};

/// As many columns as a sheet can have.
const SHEET_COLUMNS_MAX: u32 = 16_384;

/// Reads the rows of a sheet, `None` for the first that is not hidden. The first row that has anything is the header.
///
/// Cells come one by one; the texts that sheets share, which the format keeps apart, are held in memory.
pub(super) fn read_workbook(source: &Source, sheet: Option<&str>, pass: &mut Pass<'_>) -> Result<(), Wrong> {
    let mut workbook = Xlsx::new(source.reader(0)).map_err(|error| failed(&error))?;
    let name = sheet_to_read(&workbook, sheet)?;
    let in_sheet = |wrong: Wrong| match wrong {
        Wrong::Whole { why } => Wrong::Whole {
            why: format!("sheet `{}`: {why}", shortened(&name)),
        },
        other => other,
    };
    let cells = workbook.worksheet_cells_reader(&name);
    let mut cells = cells.map_err(|error| in_sheet(failed(&error)))?;
    let mut row = SheetRow::default();
    loop {
        let cell = match cells.next_cell_with_formula_metadata() {
            Ok(Some(cell)) => cell,
            Ok(None) => break,
            Err(error) => return Err(in_sheet(row.before(failed(&error)))),
        };
        let (number, column) = cell.pos;
        if row.number != Some(number) {
            row.done(pass)?;
            if row.number.is_some_and(|before| before > number) {
                return Err(row.wrong("it comes behind a later row; let the workbook be saved anew".to_owned()));
            }
            row.begin(number);
        }
        row.come_to(column)?;
        match text_of(&cell.value) {
            Some(text) => row.take(column, Value::Text(text))?,
            None if cell.formula.is_some() && cell.value == DataRef::Empty => row.take(column, Value::NoResult)?,
            None => {}
        }
    }
    row.done(pass)?;
    row.places.map(drop).ok_or(Wrong::NoHeader)
}

fn sheet_to_read(workbook: &Xlsx<BufReader<SourceReader>>, sheet: Option<&str>) -> Result<String, Wrong> {
    let sheets = workbook.sheets_metadata();
    let found = match sheet {
        Some(sheet) => sheets.iter().find(|found| found.name == sheet),
        None => sheets
            .iter()
            .find(|found| found.visible == SheetVisible::Visible && found.typ == SheetType::WorkSheet),
    };
    if let Some(found) = found {
        return Ok(found.name.clone());
    }
    let there = listed(&workbook.sheet_names());
    let why = match sheet {
        _ if sheets.is_empty() => "it has no sheet".to_owned(),
        Some(sheet) => format!("there is no sheet `{sheet}`; there is {there}"),
        None => format!("no sheet of it is to be seen; say which one is meant with sheet = \"...\", of {there}"),
    };
    Err(Wrong::Whole { why })
}

fn failed(error: &XlsxError) -> Wrong {
    let why = match error {
        XlsxError::Io(error) => return Wrong::io(error),
        XlsxError::Password => "it is encrypted; let it be saved without a password".to_owned(),
        XlsxError::Zip(error) => format!("{error}; it may be cut off"),
        error => error.to_string(),
    };
    Wrong::text(why)
}

/// What a cell has.
enum Value {
    Text(String),
    /// A formula that nobody has computed.
    NoResult,
}

/// The row that is being read.
#[derive(Default)]
struct SheetRow {
    /// From 0.
    number: Option<u32>,
    /// The column of the last cell, from 0.
    column: Option<u32>,
    /// Its cells that have anything, by column from 0.
    cells: Vec<(u32, Value)>,
    /// Bytes of all of them: a text that is shared by many is there for each.
    bytes: u64,
    /// Where the wanted columns are, once the header was read; and how many columns it has.
    places: Option<(Vec<Option<usize>>, usize)>,
}

impl SheetRow {
    fn begin(&mut self, number: u32) {
        self.number = Some(number);
        self.column = None;
        self.cells.clear();
        self.bytes = 0;
    }

    /// The next cell stands in this column.
    fn come_to(&mut self, column: u32) -> Result<(), Wrong> {
        if self.column.is_some_and(|before| before >= column) {
            let cell = self.cell(column);
            return Err(self.wrong(format!(
                "its cell {cell} comes twice or behind a later one; is the row there twice?"
            )));
        }
        self.column = Some(column);
        Ok(())
    }

    fn take(&mut self, column: u32, value: Value) -> Result<(), Wrong> {
        if column >= SHEET_COLUMNS_MAX {
            return Err(self.wrong(format!("it has more than {SHEET_COLUMNS_MAX} columns")));
        }
        if let Value::Text(text) = &value {
            self.bytes += text.len() as u64;
        }
        if self.bytes > RECORD_BYTES_MAX {
            return Err(Wrong::too_long(self.row()));
        }
        self.cells.push((column, value));
        Ok(())
    }

    /// As a person counts it.
    fn row(&self) -> u64 {
        u64::from(self.number.unwrap_or(0)) + 1
    }

    /// As a person names it.
    fn cell(&self, column: u32) -> String {
        format!("{}{}", letters(column), self.row())
    }

    fn wrong(&self, why: String) -> Wrong {
        Wrong::Row { row: self.row(), why }
    }

    /// What failed behind the last cell; where the next one stands is not known.
    fn before(&self, wrong: Wrong) -> Wrong {
        match (wrong, self.column) {
            (Wrong::Whole { why }, Some(column)) => Wrong::Whole {
                why: format!("behind cell {}: {why}", self.cell(column)),
            },
            (other, _) => other,
        }
    }

    fn no_result(&self, column: u32) -> Wrong {
        let cell = self.cell(column);
        self.wrong(format!(
            "cell {cell} is a formula without a stored result; let the program that writes the workbook compute it"
        ))
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
            let shown = match value {
                Value::Text(text) => format!("`{}`", shortened(text)),
                Value::NoResult => "a formula".to_owned(),
            };
            let columns = if *width == 1 { "column" } else { "columns" };
            return Err(self.wrong(format!(
                "{shown} in column {}, where the header names {width} {columns}",
                column + 1
            )));
        }
        let value = |place: &Option<usize>| {
            let Some(place) = *place else { return Ok(None) };
            match self.cells.iter().find(|(column, _)| *column as usize == place) {
                None => Ok(None),
                Some((_, Value::Text(text))) => Ok(Some(text.as_str())),
                Some((column, Value::NoResult)) => Err(self.no_result(*column)),
            }
        };
        let values: Vec<Option<&str>> = places.iter().map(value).collect::<Result<_, _>>()?;
        pass.take(self.row(), &values);
        self.cells.clear();
        Ok(())
    }

    fn header(&mut self, pass: &mut Pass<'_>) -> Result<(), Wrong> {
        let last = self.cells.iter().map(|(column, _)| *column as usize).max().unwrap_or(0);
        let mut names = vec![String::new(); last + 1];
        for (column, value) in std::mem::take(&mut self.cells) {
            match value {
                Value::Text(name) => names[column as usize] = name,
                Value::NoResult => return Err(self.no_result(column)),
            }
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

/// A column from 0, as spreadsheets name it: `A`, `Z`, `AA`.
fn letters(column: u32) -> String {
    let mut letters = Vec::new();
    let mut left = column + 1;
    while left > 0 {
        let letter = u8::try_from((left - 1) % 26).unwrap_or_default();
        letters.push(char::from(b'A' + letter));
        left = (left - 1) / 26;
    }
    letters.iter().rev().collect()
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
        let text = || Value::Text("x".repeat(1 << 20));
        for column in 0..4 {
            assert!(row.take(column, text()).is_ok());
        }
        assert!(matches!(
            row.take(4, text()),
            Err(Wrong::Row { row: 8, why }) if why == "its values have more than 4 MiB together"
        ));
        row.begin(8);
        assert!(row.take(0, Value::Text("y".to_owned())).is_ok());
    }

    #[test]
    fn columns_are_named_as_spreadsheets_do() {
        for (column, name) in [
            (0, "A"),
            (25, "Z"),
            (26, "AA"),
            (701, "ZZ"),
            (702, "AAA"),
            (16_383, "XFD"),
        ] {
            assert_eq!(letters(column), name);
        }
    }
}
