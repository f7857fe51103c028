//! Production's day: what is planned goes through the lines, is packed into lots.

use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

use super::super::dice::Dice;
use super::{column, next_number, text};

/// Plans that the lines can finish in one moment.
const BATCHES_MAX: usize = 12;

/// The heaviest lot.
const LOT_KG_MAX: f64 = 160.0;

const LINES: [&str; 3] = ["line 1", "line 2", "line 3"];

pub(super) fn live(production: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<String> {
    let planned = column(
        production,
        "SELECT production_no FROM plan WHERE status = 'planned' ORDER BY wanted_by, production_no",
    )?;
    let mut lots = 0;
    let batches = planned.len().min(BATCHES_MAX);
    for production_no in &planned[..batches] {
        lots += make(production, dice, now, production_no)?;
    }
    Ok(format!("{batches} batches, {lots} lots"))
}

fn make(production: &Transaction<'_>, dice: &mut Dice, now: Timestamp, production_no: &str) -> rusqlite::Result<u32> {
    let batch = next_number(production, "batches", "batch", "B")?;
    let output_percent = dice.tenths(970, 1040);
    let yield_percent = dice.tenths(520, 740);
    let minutes = i64::from(dice.between(15, 50));
    production.execute(
        "INSERT INTO batches (batch, production_no, sku, line, raw_kg, output_kg, started_at, finished_at)
         SELECT ?1, production_no, sku, ?3, round(qty_kg * ?4 / ?5, 1), round(qty_kg * ?4 / 100, 1), ?6, ?7
         FROM plan WHERE production_no = ?2",
        (
            &batch,
            production_no,
            dice.pick(&LINES),
            output_percent,
            yield_percent,
            text(now - SignedDuration::from_mins(minutes)),
            text(now),
        ),
    )?;
    production.execute(
        "UPDATE plan SET status = 'done' WHERE production_no = ?1",
        [production_no],
    )?;
    let mut left_kg: f64 = production.query_row("SELECT output_kg FROM batches WHERE batch = ?1", [&batch], |row| {
        row.get(0)
    })?;
    let mut lots = 0;
    while left_kg > 0.0 {
        let lot_kg = left_kg.min(LOT_KG_MAX);
        production.execute(
            "INSERT INTO lots (lot, batch, sku, qty_kg, packed_at, best_before)
             SELECT ?1, batch, sku, round(?3, 1), ?4, ?5 FROM batches WHERE batch = ?2",
            (
                next_number(production, "lots", "lot", "L")?,
                &batch,
                lot_kg,
                text(now),
                text(now + SignedDuration::from_hours(24 * 16)),
            ),
        )?;
        left_kg -= lot_kg;
        lots += 1;
    }
    Ok(lots)
}
