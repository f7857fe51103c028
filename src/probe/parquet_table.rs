//! Rows out of a Parquet file: only the columns that somebody wants, page by page.
//!
//! Runs in a process of its own (`apart`): what a file that lies makes its reader do harms nobody else.

use std::io::{self, Read};

use jiff::{SignedDuration, Timestamp, civil};
use parquet::basic::LogicalType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::{Type, TypePtr};

use super::apart::{Source, Wrong};
use super::table::{Pass, RECORD_BYTES_MAX};

/// What every Parquet file begins and ends with.
const MAGIC: &[u8] = b"PAR1";

/// Largest description of a file that is read.
const FOOTER_BYTES_MAX: u64 = 16 << 20;

/// Reads the rows. What nobody wants is not unpacked.
pub(super) fn read_parquet(source: &Source, pass: &mut Pass<'_>) -> Result<(), Wrong> {
    look_at_the_end(source)?;
    let reader = SerializedFileReader::new(source.clone()).map_err(failed)?;
    let metadata = reader.metadata();
    let schema = metadata.file_metadata().schema();
    let names = schema
        .get_fields()
        .iter()
        .map(|field| field.name().to_owned())
        .collect();
    let places = pass
        .name_columns(names)
        .map_err(|column| whole(format!("it has two columns with the name `{column}`")))?;
    // Somebody must show how many rows there are.
    let mut kept: Vec<usize> = places.iter().flatten().copied().collect();
    if kept.is_empty() && !schema.get_fields().is_empty() {
        kept.push(0);
    }
    kept.sort_unstable();
    kept.dedup();
    let fields: Vec<TypePtr> = kept.iter().map(|place| schema.get_fields()[*place].clone()).collect();
    let writers: Vec<Option<bool>> = fields.iter().map(|field| is_utc(field)).collect();
    let projection = Type::group_type_builder(schema.name()).with_fields(fields);
    let projection = projection.build().map_err(failed)?;
    let rows = reader.get_row_iter(Some(projection)).map_err(failed)?;
    let mut texts: Vec<Option<String>> = Vec::new();
    for (row, number) in rows.zip(1..) {
        let row = row.map_err(|error| match failed(error) {
            Wrong::Whole { why } => Wrong::Row { row: number, why },
            other => other,
        })?;
        texts.clear();
        let read = row.get_column_iter().zip(&writers);
        texts.extend(read.map(|((_, field), is_utc)| text_of(field, *is_utc)));
        let bytes: u64 = texts.iter().flatten().map(|text| text.len() as u64).sum();
        if bytes > RECORD_BYTES_MAX {
            return Err(Wrong::too_long(number));
        }
        let value = |place: &Option<usize>| {
            let place = kept.binary_search(&(*place)?).ok()?;
            texts.get(place)?.as_deref()
        };
        let values: Vec<Option<&str>> = places.iter().map(value).collect();
        pass.take(number, &values);
    }
    let expected = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
    if pass.count != expected {
        let count = pass.count;
        return Err(whole(format!(
            "it says that it has {expected} rows, and {count} can be read"
        )));
    }
    Ok(())
}

fn whole(why: impl Into<String>) -> Wrong {
    Wrong::Whole { why: why.into() }
}

fn failed(error: ParquetError) -> Wrong {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => Wrong::io(&error),
            Err(error) => Wrong::text(error.to_string()),
        },
        ParquetError::General(why) => Wrong::text(why),
        error => Wrong::text(error.to_string()),
    }
}

/// Whether it ends as it must, with a description that can be held.
fn look_at_the_end(source: &Source) -> Result<(), Wrong> {
    let mut end = [0; 8];
    if source.bytes() < 12 {
        return Err(whole("it is cut off: it has no end"));
    }
    let read = source.reader(source.bytes() - 8).read_exact(&mut end);
    read.map_err(|error| Wrong::io(&error))?;
    if &end[4..] != MAGIC {
        return Err(whole("it does not end as a Parquet file does: it is cut off"));
    }
    let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if footer > FOOTER_BYTES_MAX {
        let most = FOOTER_BYTES_MAX >> 20;
        return Err(whole(format!("its description has more than {most} MiB")));
    }
    Ok(())
}

/// Of a column of times: whether they are instants.
fn is_utc(field: &Type) -> Option<bool> {
    match field.get_basic_info().logical_type_ref() {
        Some(LogicalType::Timestamp(kind)) => Some(kind.is_adjusted_to_u_t_c),
        _ => None,
    }
}

/// A value as a CSV file would have it; `None` for an empty one.
fn text_of(field: &Field, is_utc: Option<bool>) -> Option<String> {
    let text = match field {
        Field::Null => return None,
        Field::Bool(value) => value.to_string(),
        Field::Byte(number) => number.to_string(),
        Field::Short(number) => number.to_string(),
        Field::Int(number) => number.to_string(),
        Field::Long(number) => number.to_string(),
        Field::UByte(number) => number.to_string(),
        Field::UShort(number) => number.to_string(),
        Field::UInt(number) => number.to_string(),
        Field::ULong(number) => number.to_string(),
        Field::Float(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned(),
        Field::Date(days) => date(*days)?,
        Field::TimestampMillis(time) => instant(Timestamp::from_millisecond(*time).ok()?, is_utc),
        Field::TimestampMicros(time) => instant(Timestamp::from_microsecond(*time).ok()?, is_utc),
        other => other.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

fn date(days: i32) -> Option<String> {
    let since = SignedDuration::from_hours(i64::from(days) * 24);
    let date = civil::date(1970, 1, 1).checked_add(since).ok()?;
    Some(date.to_string())
}

/// With its offset where the file says that it is an instant, else as it stands on a clock somewhere.
fn instant(time: Timestamp, is_utc: Option<bool>) -> String {
    let text = time.to_string();
    if is_utc == Some(false) {
        text.trim_end_matches('Z').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_an_instant_has_an_offset() {
        let noon = Field::TimestampMillis(1_795_694_400_000);
        assert_eq!(text_of(&noon, Some(true)).as_deref(), Some("2026-11-26T12:00:00Z"));
        assert_eq!(text_of(&noon, Some(false)).as_deref(), Some("2026-11-26T12:00:00"));
        assert_eq!(text_of(&Field::Date(20_783), None).as_deref(), Some("2026-11-26"));
    }
}
