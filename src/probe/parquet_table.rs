//! Rows out of a Parquet file: only the columns that somebody wants, page by page.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp, civil};
use parquet::basic::LogicalType;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::{Type, TypePtr};

use super::error::ContentError;
use super::parquet_pages::largest_page;
use super::positioned::Positioned;
use super::table::Pass;

/// What every Parquet file begins and ends with.
const MAGIC: &[u8] = b"PAR1";

/// Largest description of a file that is read into memory.
const FOOTER_BYTES_MAX: u64 = 16 << 20;

/// Most bytes, unpacked, of the largest page of each wanted column together: a page of each is in memory at a time.
const PAGES_BYTES_MAX: u64 = 128 << 20;

/// So often somebody who watches is told that reading goes on.
const ROWS_BETWEEN_SIGNS: u64 = 1 << 10;

/// Reads the rows. What nobody wants is not unpacked.
pub(super) fn read_parquet(
    file: &File,
    bytes_read: &AtomicU64,
    pass: &mut Pass<'_>,
) -> io::Result<Result<(), ContentError>> {
    if let Err(why) = look_at_the_end(file, bytes_read)? {
        return Ok(Err(ContentError::Parquet { why }));
    }
    // The reader underneath is made for files that a library has written; this one may be anything.
    let read = catch_unwind(AssertUnwindSafe(|| read_rows(file, bytes_read, pass)));
    let why = match read {
        Ok(Ok(())) => return Ok(Ok(())),
        Ok(Err(ParquetError::External(error))) => match error.downcast::<io::Error>() {
            Ok(error) if error.raw_os_error().is_some() => return Err(*error),
            Ok(error) => error.to_string(),
            Err(error) => error.to_string(),
        },
        Ok(Err(ParquetError::General(why))) => why,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it is damaged in a way that its reader does not know".to_owned(),
    };
    Ok(Err(ContentError::Parquet { why }))
}

/// Whether it ends as it must, with a description that can be held; or why not.
fn look_at_the_end(file: &File, bytes_read: &AtomicU64) -> io::Result<Result<(), String>> {
    use std::io::{Seek, SeekFrom};
    let bytes = file.metadata()?.len();
    let mut end = [0; 8];
    if bytes < 12 {
        return Ok(Err("it is cut off: it has no end".to_owned()));
    }
    let mut reader = Positioned::new(file, bytes_read)?;
    reader.seek(SeekFrom::End(-8))?;
    reader.read_exact(&mut end)?;
    if &end[4..] != MAGIC {
        return Ok(Err("it does not end as a Parquet file does: it is cut off".to_owned()));
    }
    let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if footer > FOOTER_BYTES_MAX {
        let most = FOOTER_BYTES_MAX >> 20;
        return Ok(Err(format!("its description has more than {most} MiB")));
    }
    Ok(Ok(()))
}

fn read_rows(file: &File, bytes_read: &AtomicU64, pass: &mut Pass<'_>) -> Result<(), ParquetError> {
    let reader = SerializedFileReader::new(file.try_clone()?)?;
    let metadata = reader.metadata();
    let schema = metadata.file_metadata().schema();
    let names = schema
        .get_fields()
        .iter()
        .map(|field| field.name().to_owned())
        .collect();
    let places = pass
        .name_columns(names)
        .map_err(|column| ParquetError::General(format!("it has two columns with the name `{column}`")))?;
    // Somebody must show how many rows there are.
    let mut kept: Vec<usize> = places.iter().flatten().copied().collect();
    if kept.is_empty() && !schema.get_fields().is_empty() {
        kept.push(0);
    }
    kept.sort_unstable();
    kept.dedup();
    let fields: Vec<TypePtr> = kept.iter().map(|place| schema.get_fields()[*place].clone()).collect();
    check_pages(file, bytes_read, metadata, &fields)?;
    let writers: Vec<Option<bool>> = fields.iter().map(|field| is_utc(field)).collect();
    let projection = Type::group_type_builder(schema.name()).with_fields(fields).build()?;
    let mut texts: Vec<Option<String>> = Vec::new();
    for (row, number) in reader.get_row_iter(Some(projection))?.zip(1..) {
        let row = row?;
        texts.clear();
        let read = row.get_column_iter().zip(&writers);
        texts.extend(read.map(|((_, field), is_utc)| text_of(field, *is_utc)));
        let value = |place: &Option<usize>| {
            let place = kept.binary_search(&(*place)?).ok()?;
            texts.get(place)?.as_deref()
        };
        let values: Vec<Option<&str>> = places.iter().map(value).collect();
        pass.take(number, &values);
        if number % ROWS_BETWEEN_SIGNS == 0 {
            bytes_read.fetch_add(1, Ordering::Relaxed);
        }
    }
    let expected = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
    if pass.count != expected {
        let count = pass.count;
        return Err(ParquetError::General(format!(
            "it says that it has {expected} rows, and {count} can be read"
        )));
    }
    Ok(())
}

/// Whether a page of each wanted column can be held at a time.
fn check_pages(
    file: &File,
    bytes_read: &AtomicU64,
    metadata: &ParquetMetaData,
    fields: &[Arc<Type>],
) -> Result<(), ParquetError> {
    let mut reader = BufReader::new(Positioned::new(file, bytes_read)?);
    for group in metadata.row_groups() {
        let mut all = 0_u64;
        for column in group.columns() {
            let root = column.column_path().parts().first();
            if !fields
                .iter()
                .any(|field| Some(field.name()) == root.map(String::as_str))
            {
                continue;
            }
            let (from, bytes) = column.byte_range();
            let Some(largest) = largest_page(&mut reader, from, bytes)? else {
                let column = super::table::shortened(&column.column_path().string());
                return Err(ParquetError::General(format!(
                    "the pages of its column `{column}` are damaged"
                )));
            };
            // Its package and, of texts, a second copy are there beside it.
            all = all.saturating_add(largest);
        }
        if all > PAGES_BYTES_MAX {
            let most = PAGES_BYTES_MAX >> 20;
            return Err(ParquetError::General(format!(
                "a page of each column that is read unpacks to more than {most} MiB together; let it be written with smaller pages"
            )));
        }
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
