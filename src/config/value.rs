//! Typed reading of one value: a wrong type is reported with what was expected, and reading goes on.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::reader::Table;
use super::report::{Report, Spot};
use crate::model::{is_invisible, parse_duration, parse_size};

/// One value of a table or list, with the key it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'t> {
    /// The key, for messages.
    pub(super) key: &'t str,
    raw: &'t Spanned<DeValue<'t>>,
    /// It is an item of the key's list.
    is_item: bool,
    file: u32,
    /// Where mistakes are told.
    pub(super) report: &'t Report,
}

/// A value that is a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'t> {
    /// What it says.
    pub(super) text: &'t str,
    /// Where it stands.
    pub(super) value: Value<'t>,
}

impl<'t> Value<'t> {
    /// The value of a key.
    pub(super) fn new(key: &'t str, raw: &'t Spanned<DeValue<'t>>, file: u32, report: &'t Report) -> Self {
        Self {
            key,
            raw,
            is_item: false,
            file,
            report,
        }
    }

    /// Where it stands.
    pub(super) fn spot(&self) -> Spot {
        Spot::new(self.file, self.raw.span())
    }

    /// The value is wrong.
    pub(super) fn error(&self, message: impl Into<String>, help: impl Into<String>) {
        self.report.error(self.spot(), message, help);
    }

    /// The text, if it is one, without a word about it if it is not.
    pub(super) fn as_text(&self) -> Option<&'t str> {
        self.raw.get_ref().as_str()
    }

    /// Whether it is a table.
    pub(super) fn is_table(&self) -> bool {
        self.raw.get_ref().is_table()
    }

    /// Whether it is a list.
    pub(super) fn is_list(&self) -> bool {
        self.raw.get_ref().is_array()
    }

    /// Whether it is a whole number.
    pub(super) fn is_whole(&self) -> bool {
        self.raw.get_ref().is_integer()
    }

    /// The date, if it is written as one of TOML's own.
    pub(super) fn as_date(&self) -> Option<String> {
        let datetime = self.raw.get_ref().as_datetime()?;
        datetime.time.is_none().then(|| datetime.to_string())
    }

    /// A date with time, if it is written as one of TOML's own.
    pub(super) fn as_datetime(&self) -> Option<String> {
        Some(self.raw.get_ref().as_datetime()?.to_string())
    }

    /// Reports that it is of the wrong type.
    pub(super) fn expected(&self, what: &str, help: &str) {
        let found = match self.raw.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(format!("{} must be {what}, not {found}", self.subject()), help);
    }

    fn subject(&self) -> String {
        if self.is_item {
            format!("an item of `{}`", self.key)
        } else {
            format!("`{}`", self.key)
        }
    }

    /// How a value is written in its place.
    fn write(&self, example: &str) -> String {
        if self.is_item {
            format!("write {example}")
        } else {
            format!("write {} = {example}", self.key)
        }
    }

    /// A text.
    pub(super) fn text(self) -> Option<Text<'t>> {
        let Some(text) = self.as_text() else {
            self.expected("a text", &self.write("\"...\""));
            return None;
        };
        if text.contains('\0') {
            self.error(format!("{} contains a NUL character", self.subject()), "take it out");
            return None;
        }
        if text.trim().is_empty() {
            self.error(
                format!("{} is empty", self.subject()),
                "write something, or take it out",
            );
            return None;
        }
        Some(Text { text, value: self })
    }

    /// A text of one line: it may stand in the subject of a mail.
    pub(super) fn line(self) -> Option<Text<'t>> {
        let text = self.text()?;
        let mut letters = text.text.chars();
        let Some(found) = letters.find(|letter| is_invisible(*letter)) else {
            return Some(text);
        };
        let what = match found {
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => "a line break",
            letter if letter.is_control() => "a control character",
            _ => "an invisible character",
        };
        self.error(
            format!("{} has {what} in it, `{}`", self.subject(), found.escape_default()),
            "write one line, without it",
        );
        None
    }

    /// A list.
    pub(super) fn list(self) -> Option<Vec<Value<'t>>> {
        let Some(list) = self.raw.get_ref().as_array() else {
            self.expected("a list", &format!("write {} = [ ... ]", self.key));
            return None;
        };
        let item = |raw| Value {
            raw,
            is_item: true,
            ..self
        };
        Some(list.iter().map(item).collect())
    }

    /// A list of texts.
    pub(super) fn texts(self) -> Vec<Text<'t>> {
        if let Some(text) = self.as_text() {
            let written = self.report.text_at(self.spot());
            let example = if written.len() <= 60 && !text.is_empty() {
                written
            } else {
                "\"...\""
            };
            self.expected("a list", &format!("write {} = [{example}]", self.key));
            return Vec::new();
        }
        self.list()
            .unwrap_or_default()
            .into_iter()
            .filter_map(Value::text)
            .collect()
    }

    /// A table; `path` is its name in messages.
    pub(super) fn table(self, path: String) -> Option<Table<'t>> {
        let Some(table) = self.raw.get_ref().as_table() else {
            let help = if path.contains('.') {
                format!("write {} = {{ ... }}", self.key)
            } else {
                format!("write [{path}.NAME] and its keys below")
            };
            self.expected("a table", &help);
            return None;
        };
        Some(Table::new(table, self.spot(), path, self.report))
    }

    /// A table that is the entry of a section, known by its key's place.
    pub(super) fn entry(self, section: &str, name: &str, spot: Spot) -> Option<Table<'t>> {
        let Some(table) = self.raw.get_ref().as_table() else {
            self.expected("a table", &format!("write [{section}.{name}] and its keys below"));
            return None;
        };
        Some(Table::new(table, spot, format!("{section}.{name}"), self.report))
    }

    /// A whole number within bounds, both inclusive.
    pub(super) fn whole(self, (min, max): (i64, i64)) -> Option<i64> {
        let number = self
            .raw
            .get_ref()
            .as_integer()
            .map(|number| i64::from_str_radix(number.as_str(), number.radix()));
        let range = if max == i64::MAX {
            format!("{min} or more")
        } else {
            format!("{min} to {max}")
        };
        match number {
            Some(Ok(number)) if (min..=max).contains(&number) => Some(number),
            Some(_) => {
                let message = format!("{} must be {range}", self.subject());
                self.error(message, format!("write a whole number, {range}"));
                None
            }
            None => {
                self.expected("a whole number", &self.write(&min.max(1).to_string()));
                None
            }
        }
    }

    /// A number, whole or not.
    pub(super) fn number(self) -> Option<f64> {
        let number = match self.raw.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.expected("a number", &self.write("2"));
        }
        number
    }

    /// True or false.
    pub(super) fn flag(self) -> Option<bool> {
        let flag = self.raw.get_ref().as_bool();
        if flag.is_none() {
            let help = format!("write {0} = true or {0} = false, without quotes", self.key);
            self.expected("true or false", &help);
        }
        flag
    }

    /// A duration as people write it.
    pub(super) fn duration(self) -> Option<Duration> {
        let Some(text) = self.as_text() else {
            let number = self.raw.get_ref().as_integer();
            let example = number.map_or("15m".to_owned(), |number| format!("{}s", number.as_str()));
            let help = self.write(&format!("\"{example}\""));
            self.expected("a duration with its unit, in quotes", &help);
            return None;
        };
        self.parsed(parse_duration(text))
    }

    /// A size as people write it, in bytes.
    pub(super) fn size(self) -> Option<u64> {
        if let Some(number) = self.raw.get_ref().as_integer() {
            return self.parsed(parse_size(number.as_str()));
        }
        let Some(text) = self.as_text() else {
            self.expected("a size", &self.write("\"8 MiB\""));
            return None;
        };
        self.parsed(parse_size(text))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(self, choices: &[(&str, T)]) -> Option<T> {
        let words = choices
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect::<Vec<_>>()
            .join(", ");
        let Some(text) = self.as_text() else {
            self.expected("a text", &format!("write one of {words}"));
            return None;
        };
        let chosen = choices.iter().find(|(word, _)| *word == text);
        if chosen.is_none() {
            let nearest = self.report.nearest(text, choices.iter().map(|(word, _)| *word));
            let help = match nearest {
                Some(nearest) => format!("did you mean \"{nearest}\"?"),
                None => format!("write one of {words}"),
            };
            self.error(format!("`{text}` is not a value of `{}`", self.key), help);
        }
        chosen.map(|(_, value)| *value)
    }

    fn parsed<T>(self, result: Result<T, String>) -> Option<T> {
        result
            .map_err(|error| {
                // From behind: the text that is quoted may have a semicolon too, and no remedy has.
                let (message, help) = error.rsplit_once("; ").unwrap_or((&error, ""));
                self.error(message, help);
            })
            .ok()
    }
}

impl Text<'_> {
    /// Where it stands.
    pub(super) fn spot(&self) -> Spot {
        self.value.spot()
    }

    /// The text is wrong.
    pub(super) fn error(&self, message: impl Into<String>, help: impl Into<String>) {
        self.value.error(message, help);
    }

    /// The place of a part of the text, where the file has it letter by letter; else of the whole.
    pub(super) fn part(&self, part: Range<usize>) -> Spot {
        let spot = self.spot();
        let written = self.value.report.text_at(spot);
        match written.find(self.text) {
            Some(quote @ (1 | 3)) => {
                let start = spot.start as usize + quote;
                Spot::new(spot.file, start + part.start..start + part.end)
            }
            _ => spot,
        }
    }
}
