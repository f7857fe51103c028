//! The board's last lines: who would be told, for every owner named above.

use std::collections::BTreeMap;

use super::Frame;
use crate::cli::paint::clean;
use crate::cli::table::{Column, grid};
use crate::model::{Status, natural};

/// A line for each owner with the addresses at which it is told.
pub(super) fn block(status: &Status, frame: Frame<'_>) -> String {
    let datasets = status.datasets.iter();
    let datasets = datasets.map(|dataset| (&dataset.owner, (&dataset.owner_title, &dataset.tells)));
    let jobs = status
        .jobs
        .iter()
        .map(|job| (&job.owner, (&job.owner_title, &job.tells)));
    let owners: BTreeMap<&String, (&Option<String>, &Vec<String>)> = datasets.chain(jobs).collect();
    if owners.is_empty() {
        return String::new();
    }
    let columns = [Column::whole("owner"), Column::whole("is told by")];
    let mut owners: Vec<_> = owners.into_iter().collect();
    owners.sort_by(|(a, _), (b, _)| natural(a, b));
    let rows: Vec<Vec<String>> = owners
        .iter()
        .map(|(owner, (title, tells))| vec![super::titled_owner(owner, title.as_deref()), clean(&tells.join(", "))])
        .collect();
    let mut text = grid(&columns, &rows, frame.room.tables).join("\n");
    text.push('\n');
    text
}
