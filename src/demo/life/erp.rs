//! The ERP's day: orders come in and are planned for, what was sent is billed, prices move.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction};

use super::super::dice::Dice;
use super::super::exchange;
use super::{column, next_number, text};

/// How long an order waits before its customer buys elsewhere.
const PATIENCE: SignedDuration = SignedDuration::from_hours(2);

/// How often the item list is revised.
const REVISION: SignedDuration = SignedDuration::from_mins(10);

pub(super) fn live(erp: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<String> {
    let orders = dice.between(1, 3);
    for _ in 0..orders {
        take_order(erp, dice, now)?;
    }
    erp.execute(
        "UPDATE orders SET status = 'cancelled' WHERE status = 'open' AND ordered_at < ?1",
        [text(now - PATIENCE)],
    )?;
    let shipped = erp.execute(
        "UPDATE orders SET status = 'shipped' WHERE status = 'open' AND NOT EXISTS (
            SELECT 1 FROM order_lines LEFT JOIN goods_issues USING (order_no, line)
            WHERE order_lines.order_no = orders.order_no AND issue_no IS NULL)",
        [],
    )?;
    let invoices = write_invoices(erp, now)?;
    revise_prices(erp, dice, now)?;
    Ok(format!("{orders} orders, {shipped} shipped, {invoices} invoices"))
}

/// Takes an order of one to three lines, and plans production of the same weight.
fn take_order(erp: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<()> {
    let customers = column(erp, "SELECT customer FROM customers ORDER BY customer")?;
    let mut skus = column(erp, "SELECT sku FROM items ORDER BY sku")?;
    let order_no = next_number(erp, "orders", "order_no", "SO")?;
    let ship_by = now + SignedDuration::from_mins(i64::from(dice.between(30, 240)));
    erp.execute(
        "INSERT INTO orders (order_no, customer, ordered_at, ship_by) VALUES (?1, ?2, ?3, ?4)",
        (&order_no, dice.pick(&customers), text(now), text(ship_by)),
    )?;
    for line in 1..=dice.between(1, 3) {
        let sku = dice.pick(&skus).clone();
        skus.retain(|other| *other != sku);
        let boxes = dice.between(2, 12);
        erp.execute(
            "INSERT INTO order_lines (order_no, line, sku, qty_kg)
             SELECT ?1, ?2, sku, ?4 * kg_per_box FROM items WHERE sku = ?3",
            (&order_no, line, &sku, boxes),
        )?;
        let production_no = next_number(erp, "production_plan", "production_no", "PO")?;
        erp.execute(
            "INSERT INTO production_plan (production_no, sku, qty_kg, planned_at, wanted_by)
             SELECT ?1, sku, ?3 * kg_per_box, ?4, ?5 FROM items WHERE sku = ?2",
            (production_no, &sku, boxes, text(now), text(ship_by)),
        )?;
    }
    Ok(())
}

fn write_invoices(erp: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<usize> {
    let shipped = column(
        erp,
        "SELECT order_no FROM orders WHERE status = 'shipped' ORDER BY order_no",
    )?;
    for order_no in &shipped {
        let invoice_no = next_number(erp, "invoices", "invoice_no", "IN")?;
        erp.execute(
            "INSERT INTO invoices (invoice_no, order_no, customer, amount_nok, invoiced_at, pay_by)
             SELECT ?1, order_no, customer, round(sum(qty_kg * price_nok_kg), 2), ?3, ?4
             FROM orders JOIN goods_issues USING (order_no) JOIN items USING (sku)
             WHERE order_no = ?2 GROUP BY order_no",
            (
                invoice_no,
                order_no,
                text(now),
                text(now + SignedDuration::from_hours(24 * 14)),
            ),
        )?;
        erp.execute("UPDATE orders SET status = 'invoiced' WHERE order_no = ?1", [order_no])?;
    }
    Ok(shipped.len())
}

fn revise_prices(erp: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<()> {
    let due = column(erp, "SELECT sku FROM items ORDER BY sku")?;
    for sku in due {
        let percent = dice.tenths(-10, 10);
        erp.execute(
            "UPDATE items SET price_nok_kg = round(price_nok_kg * (1 + ?2 / 100), 2), updated_at = ?3
             WHERE sku = ?1 AND updated_at <= ?4",
            (sku, percent, text(now), text(now - REVISION)),
        )?;
    }
    Ok(())
}

/// Drops the item list where it has always been dropped, by a rename, when it is not the one that lies there.
pub(super) fn drop_item_list(erp: &Connection, file: &Path) -> anyhow::Result<()> {
    let mut list = Vec::new();
    exchange::query(
        erp,
        "SELECT sku, name, species, kg_per_box, updated_at FROM items ORDER BY sku",
        true,
        &mut list,
    )?;
    if fs::read(file).is_ok_and(|there| there == list) {
        return Ok(());
    }
    let staged = file.with_extension("csv.part");
    fs::write(&staged, &list)
        .and_then(|()| fs::rename(&staged, file))
        .with_context(|| format!("cannot write {}", file.display()))
}
