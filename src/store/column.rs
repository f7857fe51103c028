//! How values lie in columns: instants, numbers, words, JSON.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::types::{FromSql, Null, ToSqlOutput, Type, Value, ValueRef};
use rusqlite::{Error, Result, Row};
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};

use crate::model::Name;

/// Microseconds since the epoch; finer parts are cut off.
pub(super) fn us(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The same for an instant that may be missing.
pub(super) fn us_maybe(at: Option<Timestamp>) -> Option<i64> {
    at.map(us)
}

/// A count or a size. SQLite ends at 2^63 - 1, and so does a count that somebody else claims to have.
pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The same for a count that may be missing.
pub(super) fn count_maybe(number: Option<u64>) -> Option<i64> {
    number.map(count)
}

/// All 64 bits of a number that is not counted with.
pub(super) fn bits(number: u64) -> i64 {
    number.cast_signed()
}

/// A list or a nested record as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

/// A list as JSON; most are empty.
pub(super) fn json_list<T: Serialize>(list: &[T]) -> Result<std::borrow::Cow<'static, str>> {
    if list.is_empty() {
        Ok("[]".into())
    } else {
        json(&list).map(Into::into)
    }
}

/// A path as text, or as bytes where it is not UTF-8.
pub(super) fn path(path: Option<&Path>) -> ToSqlOutput<'_> {
    match path {
        None => Null.into(),
        Some(path) => match path.to_str() {
            Some(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            None => ToSqlOutput::Owned(Value::Blob(path.as_os_str().as_bytes().to_vec())),
        },
    }
}

/// Reads the columns of a row one after the other.
pub(super) struct Cells<'row, 'statement> {
    row: &'row Row<'statement>,
    next: usize,
}

impl<'row, 'statement> Cells<'row, 'statement> {
    /// Begins at the first column.
    pub(super) fn of(row: &'row Row<'statement>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column as SQLite has it.
    pub(super) fn get<T: FromSql>(&mut self) -> Result<T> {
        let index = self.advance();
        self.row.get(index)
    }

    /// A name.
    pub(super) fn name(&mut self) -> Result<Name> {
        let index = self.advance();
        Ok(Name::from(self.text(index)?.ok_or_else(|| missing(index))?))
    }

    /// A name that may be missing.
    pub(super) fn name_maybe(&mut self) -> Result<Option<Name>> {
        let index = self.advance();
        Ok(self.text(index)?.map(Name::from))
    }

    /// An instant.
    pub(super) fn time(&mut self) -> Result<Timestamp> {
        let index = self.next;
        self.time_maybe()?.ok_or_else(|| missing(index))
    }

    /// An instant that may be missing.
    pub(super) fn time_maybe(&mut self) -> Result<Option<Timestamp>> {
        let index = self.advance();
        let us: Option<i64> = self.row.get(index)?;
        us.map(Timestamp::from_microsecond)
            .transpose()
            .map_err(|error| unreadable(index, error))
    }

    /// A count, never negative.
    pub(super) fn count(&mut self) -> Result<u64> {
        let index = self.next;
        self.count_maybe()?.ok_or_else(|| missing(index))
    }

    /// A count that may be missing.
    pub(super) fn count_maybe(&mut self) -> Result<Option<u64>> {
        let index = self.advance();
        let number: Option<i64> = self.row.get(index)?;
        number
            .map(u64::try_from)
            .transpose()
            .map_err(|error| unreadable(index, error))
    }

    /// All 64 bits.
    pub(super) fn bits(&mut self) -> Result<u64> {
        Ok(self.get::<i64>()?.cast_unsigned())
    }

    /// A word of a closed set.
    pub(super) fn word<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T> {
        let index = self.next;
        self.word_maybe()?.ok_or_else(|| missing(index))
    }

    /// A word that may be missing.
    pub(super) fn word_maybe<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>> {
        let index = self.advance();
        let Some(text) = self.text(index)? else {
            return Ok(None);
        };
        let word: StrDeserializer<'_, WordError> = text.into_deserializer();
        T::deserialize(word).map(Some).map_err(|error| unreadable(index, error))
    }

    /// A list or a nested record.
    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let index = self.advance();
        let text = self.text(index)?.ok_or_else(|| missing(index))?;
        serde_json::from_str(text).map_err(|error| unreadable(index, error))
    }

    /// A nested record that may be missing.
    pub(super) fn json_maybe<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let index = self.advance();
        let text = self.text(index)?;
        text.map(serde_json::from_str)
            .transpose()
            .map_err(|error| unreadable(index, error))
    }

    /// A path that may be missing.
    pub(super) fn path_maybe(&mut self) -> Result<Option<PathBuf>> {
        let index = self.advance();
        match self.row.get_ref(index)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(Some(PathBuf::from(OsStr::from_bytes(bytes)))),
            _ => Ok(None),
        }
    }

    fn advance(&mut self) -> usize {
        let index = self.next;
        self.next += 1;
        index
    }

    fn text(&self, index: usize) -> Result<Option<&'row str>> {
        self.row
            .get_ref(index)?
            .as_str_or_null()
            .map_err(|error| unreadable(index, error))
    }
}

fn missing(index: usize) -> Error {
    unreadable(index, "nothing where something must be")
}

fn unreadable(index: usize, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::FromSqlConversionFailure(index, Type::Text, error.into())
}
