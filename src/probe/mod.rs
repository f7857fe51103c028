//! Measures data where it lies; never judges.
//!
//! All functions block on the file system: an async caller gives them a thread of their own.

mod ahead;
mod as_of;
mod csv_lines;
mod csv_table;
mod error;
mod fixed_table;
mod glob;
mod json_records;
mod json_table;
mod measure;
mod meter;
mod observe;
mod parquet_pages;
mod parquet_table;
mod positioned;
mod table;
mod text;
mod trailer;
mod unpack;
mod workbook;
mod workbook_bounds;
#[cfg(test)]
mod tests;

pub use as_of::{TimeError, parse_time};
pub use error::{ContentError, MeasureError};
pub use measure::{Survey, measure, open_regular, survey};
pub use observe::observe;
pub use table::{NoRows, Row, Rows, Swallowed, listed, nearest, other_delimiter, shortened};
