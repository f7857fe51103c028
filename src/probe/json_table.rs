//! Rows out of JSON: objects on lines of their own, or in one array.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufReader, Read};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::ContentError;
use super::json_records::{JsonRecords, Piece, Shape};
use super::table::{COLUMNS_MAX, Pass, shortened};
use crate::model::Format;

/// Between two reads of the text.
const BUFFER_BYTES: usize = 64 << 10;

/// Reads the rows of a JSON format.
pub(super) fn read_json(
    text: &mut dyn Read,
    format: &Format,
    pass: &mut Pass<'_>,
) -> io::Result<Result<(), ContentError>> {
    let shape = match format {
        Format::Json => Shape::Array,
        _ => Shape::Lines,
    };
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, text);
    if io::BufRead::fill_buf(&mut reader)?.is_empty() {
        return Ok(Ok(()));
    }
    let mut records = JsonRecords::new(reader, shape);
    let mut columns = HashSet::new();
    loop {
        let (line, text) = match records.next()? {
            Piece::Record { line, text } => (line, text),
            Piece::End => break,
            Piece::Wrong(error) => return Ok(Err(error)),
        };
        if let Err(error) = take_record(line, text, &mut columns, pass) {
            return Ok(Err(error));
        }
    }
    // An array of nothing names no column, and is missing none.
    if pass.count > 0 {
        pass.check_columns();
    }
    Ok(Ok(()))
}

fn take_record(
    line: u64,
    bytes: &[u8],
    columns: &mut HashSet<String>,
    pass: &mut Pass<'_>,
) -> Result<(), ContentError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ContentError::NotUtf8 { line, column: None })?;
    let is_object = text.trim_start().starts_with('{');
    let record: Record<'_> = serde_json::from_str(text).map_err(|error| {
        if !is_object && serde_json::from_str::<&RawValue>(text).is_ok() {
            return ContentError::NoObject { line };
        }
        ContentError::JsonBroken {
            // Its own lines count from the record's beginning.
            line: line + u64::try_from(error.line().saturating_sub(1)).unwrap_or(0),
            why: what_is_wrong(&error),
            last: error.is_eof() && !text.ends_with('\n'),
        }
    })?;
    let mut values: Vec<Option<Cow<'_, str>>> = vec![None; pass.wanted.len()];
    let mut seen = HashSet::with_capacity(record.0.len());
    for (name, raw) in &record.0 {
        if !seen.insert(name.as_ref()) {
            return Err(ContentError::DuplicateColumn {
                line,
                column: shortened(name),
            });
        }
        if columns.len() < COLUMNS_MAX && !columns.contains(name.as_ref()) {
            columns.insert(name.clone().into_owned());
            pass.columns.push(name.clone().into_owned());
        }
        for (value, _) in values
            .iter_mut()
            .zip(&pass.wanted)
            .filter(|(_, wanted)| *wanted == name)
        {
            *value = value_of(raw);
        }
    }
    let values: Vec<Option<&str>> = values.iter().map(Option::as_deref).collect();
    pass.take(line, &values);
    Ok(())
}

/// A value as text: what stands in quotes, or the number, word or structure as it is written.
fn value_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let written = raw.get();
    if written == "null" || written == "\"\"" {
        return None;
    }
    if written.starts_with('"') {
        return serde_json::from_str::<Quoted<'_>>(written).ok().map(|quoted| quoted.0);
    }
    Some(Cow::Borrowed(written))
}

/// What the parser says, without its own count of lines.
fn what_is_wrong(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((why, _)) => why.to_owned(),
        None => text,
    }
}

/// An object as its names and values, in order.
struct Record<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Record<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Record<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(name) = map.next_key::<Quoted<'de>>()? {
                    pairs.push((name.0, map.next_value()?));
                }
                Ok(Record(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// A text in quotes, borrowed where nothing in it is escaped.
pub(super) struct Quoted<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Quoted<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Quoted<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Quoted<'de>, E> {
                Ok(Quoted(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Quoted<'de>, E> {
                Ok(Quoted(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Words)
    }
}
