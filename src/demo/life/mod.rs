//! One moment of the company's life: what people and machines do in each system between two looks.
//!
//! No system looks into another: what one does about the work of another it does when a transfer has brought it.

mod erp;
mod finance;
mod production;
mod quality;
mod transport;
mod wms;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::company::Company;
use super::dice::Dice;

/// What one system does in one moment, told in a few words.
type Moment = fn(&Transaction<'_>, &mut Dice, Timestamp) -> rusqlite::Result<String>;

/// The data platform makes nothing of its own.
const MOMENTS: [(&str, Option<Moment>); 7] = [
    ("erp", Some(erp::live)),
    ("wms", Some(wms::live)),
    ("production", Some(production::live)),
    ("quality", Some(quality::live)),
    ("transport", Some(transport::live)),
    ("finance", Some(finance::live)),
    ("platform", None),
];

/// Rows that a table keeps however old they are, for each hour it keeps all: a company left alone for a week still
/// has a past.
const ROWS_KEPT_PER_HOUR: i64 = 100;

/// What is archived: system, table, its time, and hours after which it goes. A receiver keeps longer than
/// its sender, else the next file would bring the row back as new.
const ARCHIVED: [(&str, &str, &str, i64); 18] = [
    ("erp", "orders", "ordered_at", 3),
    ("erp", "production_plan", "planned_at", 1),
    ("erp", "goods_issues", "issued_at", 4),
    ("erp", "invoices", "invoiced_at", 1),
    ("wms", "order_lines", "ordered_at", 4),
    ("wms", "expected_lots", "packed_at", 2),
    ("wms", "moves", "moved_at", 1),
    ("wms", "goods_issues", "issued_at", 1),
    ("wms", "consignments", "packed_at", 1),
    ("production", "plan", "planned_at", 2),
    ("production", "batches", "finished_at", 1),
    ("quality", "batches", "finished_at", 2),
    ("quality", "grades", "graded_at", 3),
    ("transport", "consignments", "packed_at", 2),
    ("finance", "invoices", "invoiced_at", 2),
    ("platform", "yields", "finished_at", 2),
    ("platform", "stock_moves", "moved_at", 2),
    ("platform", "grades", "graded_at", 4),
];

/// Lets one moment pass in every system, and has the ERP drop its item list; returns the news of each system.
pub(super) fn tick(company: &Company, now: Timestamp, seed: u64) -> anyhow::Result<Vec<String>> {
    let second = now.as_second();
    let now = Timestamp::from_second(second).context("the moment lies outside the calendar")?;
    let mut news = Vec::new();
    for (system, live) in MOMENTS {
        let mut database = company.system(system)?;
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(live) = live {
            let mut dice = Dice::new(seed, system, second);
            let told =
                live(&transaction, &mut dice, now).with_context(|| format!("{system} cannot go on with its day"))?;
            news.push(format!("{system}: {told}"));
        }
        archive(&transaction, system, now).with_context(|| format!("{system} cannot archive its past"))?;
        transaction.commit()?;
        if system == "erp" {
            erp::drop_item_list(&database, &company.item_list())?;
        }
    }
    Ok(news)
}

fn archive(database: &Connection, of: &str, now: Timestamp) -> rusqlite::Result<()> {
    for (system, table, column, hours) in ARCHIVED {
        if system == of {
            let before = text(now - SignedDuration::from_hours(hours));
            database.execute(
                &format!(
                    "DELETE FROM {table} WHERE {column} < ?1
                     AND rowid NOT IN (SELECT rowid FROM {table} ORDER BY {column} DESC LIMIT ?2)"
                ),
                (before, hours * ROWS_KEPT_PER_HOUR),
            )?;
        }
    }
    Ok(())
}

/// A time as the systems write it: RFC 3339, UTC, whole seconds.
pub(super) fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The next number of a series such as `SO100042`, with its prefix and six digits.
fn next_number(database: &Connection, table: &str, column: &str, prefix: &str) -> rusqlite::Result<String> {
    let last: Option<u32> = database.query_row(
        &format!("SELECT max(CAST(substr({column}, length(?1) + 1) AS INTEGER)) FROM {table}"),
        [prefix],
        |row| row.get(0),
    )?;
    Ok(format!("{prefix}{:06}", last.unwrap_or(100_000) + 1))
}

/// The first column of an answer.
fn column(database: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    database.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
}
