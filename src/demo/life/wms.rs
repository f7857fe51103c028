//! The warehouse's day: lots are received, moved, counted, and leave for orders.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Transaction};

use super::super::dice::Dice;
use super::{column, next_number, text};

/// Lots that are always in store; below that, fish is bought in.
const LOTS_MIN: u32 = 70;

/// Lots that there is room for; the oldest above that are sold off.
const LOTS_MAX: usize = 160;

/// Order lines picked in one moment.
const LINES_MAX: usize = 16;

/// Lots counted in one moment, those not counted for longest first.
const COUNTED: usize = 8;

/// How long an order line waits before it is given up.
const PATIENCE: SignedDuration = SignedDuration::from_hours(2);

/// Aisles of the three cold rooms.
const LOCATIONS: [&str; 9] = ["A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3"];

pub(super) fn live(wms: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<String> {
    let received = receive(wms, dice, now)?;
    let bought = buy_in(wms, dice, now)?;
    let issued = pick(wms, dice, now)?;
    let packed = pack(wms, now)?;
    sell_off(wms, dice, now)?;
    move_some(wms, dice, now)?;
    count_some(wms, dice, now)?;
    Ok(format!(
        "{received} lots received, {bought} bought in, {issued} lines issued, {packed} orders packed"
    ))
}

/// A lot on its way through the house.
struct Lot {
    number: String,
    sku: String,
    qty_kg: f64,
}

/// Writes down that a lot, or a part of it, went from one place to another.
fn record_move(
    wms: &Transaction<'_>,
    dice: &mut Dice,
    now: Timestamp,
    lot: &Lot,
    (from, to): (&str, &str),
    order_no: Option<&str>,
) -> rusqlite::Result<()> {
    wms.execute(
        "INSERT INTO moves (move_no, lot, sku, from_location, to_location, qty_kg, celsius, order_no, moved_at)
         VALUES (?1, ?2, ?3, ?4, ?5, round(?6, 1), ?7, ?8, ?9)",
        (
            next_number(wms, "moves", "move_no", "M")?,
            &lot.number,
            &lot.sku,
            from,
            to,
            lot.qty_kg,
            dice.tenths(-20, 25),
            order_no,
            text(now),
        ),
    )?;
    Ok(())
}

fn store(
    wms: &Transaction<'_>,
    dice: &mut Dice,
    now: Timestamp,
    lot: &Lot,
    packed_at: &str,
    best_before: &str,
) -> rusqlite::Result<()> {
    let location = *dice.pick(&LOCATIONS);
    wms.execute(
        "INSERT OR REPLACE INTO lots (lot, sku, location, qty_kg, celsius, packed_at, best_before, counted_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            &lot.number,
            &lot.sku,
            location,
            lot.qty_kg,
            dice.tenths(-20, 25),
            packed_at,
            best_before,
            text(now),
        ),
    )?;
    record_move(wms, dice, now, lot, ("GATE", location), None)
}

/// Takes in the lots that production has announced.
fn receive(wms: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<usize> {
    let expected: Vec<(Lot, String, String)> = wms
        .prepare_cached(
            "SELECT lot, sku, qty_kg, packed_at, best_before FROM expected_lots
             WHERE received_at IS NULL ORDER BY lot",
        )?
        .query_map([], |row| {
            let lot = Lot {
                number: row.get(0)?,
                sku: row.get(1)?,
                qty_kg: row.get(2)?,
            };
            Ok((lot, row.get(3)?, row.get(4)?))
        })?
        .collect::<Result<_, _>>()?;
    for (lot, packed_at, best_before) in &expected {
        store(wms, dice, now, lot, packed_at, best_before)?;
        wms.execute(
            "UPDATE expected_lots SET received_at = ?2 WHERE lot = ?1",
            (&lot.number, text(now)),
        )?;
    }
    Ok(expected.len())
}

/// Fills the house from other packers: first what orders wait for, then what there is least of.
fn buy_in(wms: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<u32> {
    let in_store: u32 = wms.query_row("SELECT count(*) FROM lots", [], |row| row.get(0))?;
    let bought = LOTS_MIN.saturating_sub(in_store);
    for _ in 0..bought {
        let sku: Option<String> = wms
            .query_row(
                "SELECT sku FROM items
                 ORDER BY (SELECT coalesce(sum(qty_kg), 0) FROM order_lines
                           WHERE order_lines.sku = items.sku AND status = 'open')
                        - (SELECT coalesce(sum(qty_kg), 0) FROM lots WHERE lots.sku = items.sku) DESC, sku
                 LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        // The first moment of a new warehouse: it has not been told of any item yet.
        let Some(sku) = sku else { return Ok(0) };
        let move_no = next_number(wms, "moves", "move_no", "M")?;
        let lot = Lot {
            number: format!("L9{}", &move_no[move_no.len() - 5..]),
            sku,
            qty_kg: f64::from(dice.between(80, 300)),
        };
        let packed_at = now - SignedDuration::from_hours(i64::from(dice.between(6, 40)));
        let best_before = packed_at + SignedDuration::from_hours(24 * 14);
        store(wms, dice, now, &lot, &text(packed_at), &text(best_before))?;
    }
    Ok(bought)
}

/// Issues open order lines, each from the oldest lots of its item, once there is enough for the whole line.
fn pick(wms: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<usize> {
    wms.execute(
        "UPDATE order_lines SET status = 'cancelled' WHERE status = 'open' AND ordered_at < ?1",
        [text(now - PATIENCE)],
    )?;
    let open: Vec<(String, u32, Lot)> = wms
        .prepare_cached(
            "SELECT order_no, line, sku, qty_kg FROM order_lines WHERE status = 'open'
             ORDER BY ship_by, order_no, line",
        )?
        .query_map([], |row| {
            let wanted = Lot {
                number: String::new(),
                sku: row.get(2)?,
                qty_kg: row.get(3)?,
            };
            Ok((row.get(0)?, row.get(1)?, wanted))
        })?
        .collect::<Result<_, _>>()?;
    let mut issued = 0;
    for (order_no, line, wanted) in open {
        if issued == LINES_MAX {
            break;
        }
        let there: f64 = wms.query_row(
            "SELECT coalesce(sum(qty_kg), 0) FROM lots WHERE sku = ?1",
            [&wanted.sku],
            |row| row.get(0),
        )?;
        if there < wanted.qty_kg {
            continue;
        }
        issue(wms, dice, now, (&order_no, line), wanted)?;
        issued += 1;
    }
    Ok(issued)
}

fn issue(
    wms: &Transaction<'_>,
    dice: &mut Dice,
    now: Timestamp,
    (order_no, line): (&str, u32),
    mut wanted: Lot,
) -> rusqlite::Result<()> {
    // Weights are kept to a tenth of a kilogram.
    while wanted.qty_kg > 0.05 {
        let (number, location, in_lot): (String, String, f64) = wms.query_row(
            "SELECT lot, location, qty_kg FROM lots WHERE sku = ?1 ORDER BY packed_at, lot LIMIT 1",
            [&wanted.sku],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let taken = Lot {
            number,
            sku: wanted.sku.clone(),
            qty_kg: in_lot.min(wanted.qty_kg),
        };
        wms.execute(
            "UPDATE lots SET qty_kg = round(qty_kg - ?2, 1) WHERE lot = ?1",
            (&taken.number, taken.qty_kg),
        )?;
        wms.execute("DELETE FROM lots WHERE lot = ?1 AND qty_kg <= 0", [&taken.number])?;
        wms.execute(
            "INSERT INTO goods_issues (issue_no, order_no, line, sku, lot, qty_kg, issued_at)
             VALUES (?1, ?2, ?3, ?4, ?5, round(?6, 1), ?7)",
            (
                next_number(wms, "goods_issues", "issue_no", "GI")?,
                order_no,
                line,
                &taken.sku,
                &taken.number,
                taken.qty_kg,
                text(now),
            ),
        )?;
        record_move(wms, dice, now, &taken, (&location, "DOCK"), Some(order_no))?;
        wanted.qty_kg -= taken.qty_kg;
    }
    wms.execute(
        "UPDATE order_lines SET status = 'issued' WHERE order_no = ?1 AND line = ?2",
        (order_no, line),
    )?;
    Ok(())
}

/// Packs the orders whose lines have all been issued.
fn pack(wms: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<usize> {
    let complete = column(
        wms,
        "SELECT order_no FROM order_lines GROUP BY order_no HAVING sum(status <> 'issued') = 0
         ORDER BY order_no",
    )?;
    for order_no in &complete {
        wms.execute(
            "INSERT INTO consignments (consignment_no, order_no, customer, city, qty_kg, packed_at)
             SELECT ?1, order_no, customer, city, round(sum(qty_kg), 1), ?3
             FROM order_lines WHERE order_no = ?2 GROUP BY order_no",
            (
                next_number(wms, "consignments", "consignment_no", "C")?,
                order_no,
                text(now),
            ),
        )?;
        wms.execute(
            "UPDATE order_lines SET status = 'packed' WHERE order_no = ?1",
            [order_no],
        )?;
    }
    Ok(complete.len())
}

fn sell_off(wms: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<()> {
    for (lot, location) in lots(wms, "packed_at, lot")?.into_iter().skip(LOTS_MAX) {
        record_move(wms, dice, now, &lot, (&location, "SOLD OFF"), None)?;
        wms.execute("DELETE FROM lots WHERE lot = ?1", [&lot.number])?;
    }
    Ok(())
}

/// Puts one or two lots onto another shelf.
fn move_some(wms: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<()> {
    let lots = lots(wms, "lot")?;
    if lots.is_empty() {
        return Ok(());
    }
    for _ in 0..dice.between(1, 2) {
        let (lot, from) = dice.pick(&lots);
        let to = *dice.pick(&LOCATIONS);
        record_move(wms, dice, now, lot, (from, to), None)?;
        wms.execute("UPDATE lots SET location = ?2 WHERE lot = ?1", (&lot.number, to))?;
    }
    Ok(())
}

/// Counts and measures the lots that nobody has looked at for longest.
fn count_some(wms: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<()> {
    for (lot, _) in lots(wms, "counted_at, lot")?.into_iter().take(COUNTED) {
        wms.execute(
            "UPDATE lots SET counted_at = ?2, celsius = ?3 WHERE lot = ?1",
            (&lot.number, text(now), dice.tenths(-20, 25)),
        )?;
    }
    Ok(())
}

/// Every lot in store with its location.
fn lots(wms: &Transaction<'_>, order: &str) -> rusqlite::Result<Vec<(Lot, String)>> {
    wms.prepare_cached(&format!("SELECT lot, sku, qty_kg, location FROM lots ORDER BY {order}"))?
        .query_map([], |row| {
            let lot = Lot {
                number: row.get(0)?,
                sku: row.get(1)?,
                qty_kg: row.get(2)?,
            };
            Ok((lot, row.get(3)?))
        })?
        .collect()
}
