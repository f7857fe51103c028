//! Measures data where it lies; never judges.
//!
//! All functions block on the file system: an async caller gives them a thread of their own.

mod ahead;
mod apart;
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
mod parquet_table;
mod positioned;
mod progress;
mod table;
mod text;
mod trailer;
mod unpack;
mod workbook;
#[cfg(test)]
mod tests;

pub use apart::{TableRequest, read_table_main};
pub use as_of::{TimeError, parse_time};
pub use error::{ContentError, Hindered, MeasureError};
pub use measure::{Survey, measure, open_regular, survey};
pub use observe::observe;
pub use progress::Progress;
pub use table::{NoRows, Row, Rows, Swallowed, listed, nearest, other_delimiter, shortened};
