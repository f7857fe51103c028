//! What the process that reads a table is asked for, as the words of its command line.

use std::ffi::OsString;

use crate::model::Format;

/// The verb, which is not shown to people.
const VERB: &str = "read-table";

/// What is to be read of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct TableRequest {
    pub(super) format: Format,
    /// The columns whose values are wanted, each once.
    pub(super) columns: Vec<String>,
    /// Who asks, where that is known.
    pub(super) asker: Option<u32>,
}

impl TableRequest {
    pub(super) fn new(format: &Format, wanted: &[String]) -> Self {
        let mut columns: Vec<String> = Vec::new();
        for column in wanted {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        Self {
            format: format.clone(),
            columns,
            asker: None,
        }
    }

    pub(super) fn place(&self, wanted: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == wanted)
    }

    /// `read-table PID parquet COLUMN...`, or `read-table PID xlsx =SHEET COLUMN...`, where `-` is the first sheet.
    pub(super) fn words(&self, asker: u32) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![VERB.into(), asker.to_string().into(), self.format.as_str().into()];
        if let Format::Xlsx { sheet } = &self.format {
            words.push(match sheet {
                Some(sheet) => format!("={sheet}").into(),
                None => "-".into(),
            });
        }
        words.extend(self.columns.iter().map(OsString::from));
        words
    }

    /// Reads what `words` wrote; `None` for whatever else a command line says.
    pub fn of(words: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut words = words.map(OsString::into_string);
        let mut next = || words.next()?.ok();
        if next()? != VERB {
            return None;
        }
        let asker = next()?.parse().ok()?;
        let format = match next()?.as_str() {
            "parquet" => Format::Parquet,
            "xlsx" => match next()?.split_at_checked(1)? {
                ("=", sheet) => Format::Xlsx {
                    sheet: Some(sheet.into()),
                },
                ("-", "") => Format::Xlsx { sheet: None },
                _ => return None,
            },
            _ => return None,
        };
        Some(Self {
            format,
            columns: words.collect::<Result<_, _>>().ok()?,
            asker: Some(asker),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_understood() {
        let sheet = |sheet: &str| Format::Xlsx {
            sheet: Some(sheet.into()),
        };
        for format in [
            Format::Parquet,
            Format::Xlsx { sheet: None },
            sheet("Prices 2027"),
            sheet("-"),
            sheet(""),
        ] {
            let wanted = ["lot", "--help", "", "lot", "=x"].map(str::to_owned);
            let request = TableRequest::new(&format, &wanted);
            assert_eq!(request.columns, ["lot", "--help", "", "=x"]);
            let understood = TableRequest::of(request.words(7).into_iter());
            let asker = Some(7);
            assert_eq!(understood, Some(TableRequest { asker, ..request }));
        }
        for line in [
            "read-table",
            "read-table 7 csv",
            "read-table 7 xlsx",
            "read-table 7 xlsx x",
            "read-table x parquet",
            "serve 7 parquet",
        ] {
            assert_eq!(TableRequest::of(line.split(' ').map(OsString::from)), None, "{line}");
        }
    }
}
