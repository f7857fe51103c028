//! One row of each table: the statement that stores it, and how it is read back.

pub(super) mod addresses;
pub(super) mod alerts;
pub(super) mod data;
pub(super) mod expected;
pub(super) mod history;
pub(super) mod life;
pub(super) mod pings;
pub(super) mod restored;
pub(super) mod runs;
pub(super) mod silences;
pub(super) mod weekly;
