//! Finance's day: customers pay, some sooner than others.

use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

use super::super::dice::Dice;
use super::{column, text};

/// How soon the quickest customers pay. (Days pass fast in a demonstration.)
const PAYS_AFTER: SignedDuration = SignedDuration::from_mins(3);

pub(super) fn live(finance: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<String> {
    finance.execute(
        "DELETE FROM payments WHERE invoice_no NOT IN (SELECT invoice_no FROM invoices)",
        [],
    )?;
    let unpaid = column(
        finance,
        "SELECT invoice_no FROM invoices WHERE invoice_no NOT IN (SELECT invoice_no FROM payments)
         ORDER BY invoice_no",
    )?;
    let mut paid = 0;
    for invoice_no in unpaid {
        if dice.between(1, 4) == 1 {
            paid += finance.execute(
                "INSERT INTO payments (invoice_no, amount_nok, paid_at)
                 SELECT invoice_no, amount_nok, ?2 FROM invoices
                 WHERE invoice_no = ?1 AND invoiced_at <= ?3",
                (invoice_no, text(now), text(now - PAYS_AFTER)),
            )?;
        }
    }
    Ok(format!("{paid} payments"))
}
