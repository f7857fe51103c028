//! Measures data where it lies; never judges.
//!
//! All functions block on the file system: an async caller gives them a thread of their own.

mod as_of;
mod error;
mod glob;
mod measure;
mod meter;
mod observe;
#[cfg(test)]
mod tests;

pub use as_of::{TimeError, parse_time};
pub use error::{ContentError, MeasureError};
pub use measure::{Survey, measure, open_regular, survey};
pub use observe::observe;
