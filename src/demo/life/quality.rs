//! Quality's day: batches are looked at and graded.

use jiff::Timestamp;
use rusqlite::Transaction;

use super::super::dice::Dice;
use super::{column, text};

/// Batches that the inspectors look at in one moment.
const BATCHES_MAX: usize = 12;

const INSPECTORS: [&str; 3] = ["Astrid", "Jonas", "Mei"];

/// Nine of twelve are superior.
const GRADES: [&str; 12] = [
    "superior",
    "superior",
    "superior",
    "superior",
    "superior",
    "superior",
    "superior",
    "superior",
    "superior",
    "ordinary",
    "ordinary",
    "production",
];

pub(super) fn live(quality: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<String> {
    let ungraded = column(
        quality,
        "SELECT batch FROM batches WHERE batch NOT IN (SELECT batch FROM grades)
         ORDER BY finished_at DESC, batch",
    )?;
    let graded = ungraded.len().min(BATCHES_MAX);
    for batch in &ungraded[..graded] {
        quality.execute(
            "INSERT INTO grades (batch, sku, grade, core_celsius, inspector, graded_at)
             SELECT batch, sku, ?2, ?3, ?4, ?5 FROM batches WHERE batch = ?1",
            (
                batch,
                dice.pick(&GRADES),
                dice.tenths(-5, 35),
                dice.pick(&INSPECTORS),
                text(now),
            ),
        )?;
    }
    Ok(format!("{graded} batches graded"))
}
