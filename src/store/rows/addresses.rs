//! Rows of `addresses`.

use rusqlite::{Result, Row, Statement, params};

use crate::model::{Address, AddressRecord, NotificationId, Outage, Pace};
use crate::store::column::{Cells, count, json, us};

/// Stores how an address stands.
pub(in crate::store) const ADDRESS_UPSERT: &str = "
INSERT INTO addresses (channel, address, since_us, failed, error, next_try_at_us, tried_last, is_certain, is_unreachable,
    at_once_after, pace_at_us, pace_why, next_in_stead_us, next_end_at_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
ON CONFLICT (channel, address) DO UPDATE SET
    since_us = excluded.since_us,
    failed = excluded.failed,
    error = excluded.error,
    next_try_at_us = excluded.next_try_at_us,
    tried_last = excluded.tried_last,
    is_certain = excluded.is_certain,
    is_unreachable = excluded.is_unreachable,
    at_once_after = excluded.at_once_after,
    pace_at_us = excluded.pace_at_us,
    pace_why = excluded.pace_why,
    next_in_stead_us = excluded.next_in_stead_us,
    next_end_at_us = excluded.next_end_at_us";

/// Of an address that takes what comes nothing is remembered.
pub(in crate::store) const ADDRESS_DELETE: &str = "DELETE FROM addresses WHERE channel = ?1 AND address = ?2";

/// What `read_address` expects.
pub(in crate::store) const ADDRESS_COLUMNS: &str = "channel, address, since_us, failed, error, next_try_at_us, \
    tried_last, is_certain, is_unreachable, at_once_after, pace_at_us, pace_why, next_in_stead_us, next_end_at_us";

/// All of them, in their order.
pub(in crate::store) fn all() -> String {
    format!("SELECT {ADDRESS_COLUMNS} FROM addresses ORDER BY channel, address")
}

/// Whom an address reaches through its channel, as the table has it.
pub(in crate::store) fn to(address: &Address) -> &str {
    address.to.as_deref().unwrap_or_default()
}

/// Stores `record` by `ADDRESS_UPSERT`; how many rows changed.
pub(in crate::store) fn store_address(statement: &mut Statement, record: &AddressRecord) -> Result<usize> {
    let outage = record.outage.as_ref();
    statement.execute(params![
        record.address.channel.as_str(),
        to(&record.address),
        outage.map(|outage| us(outage.since)),
        outage.map(|outage| outage.failed),
        outage.map(|outage| &outage.error),
        outage.map(|outage| us(outage.next_try_at)),
        outage.map(|outage| count(outage.last.0)),
        outage.map(|outage| outage.is_certain),
        outage.map(|outage| outage.is_unreachable),
        outage.map(|outage| outage.at_once_after),
        record.pace.map(|pace| us(pace.next_at)),
        record.pace.map(|pace| json(&pace.why)).transpose()?,
        record.next_in_stead.map(us),
        record.next_end_at.map(us),
    ])
}

/// Forgets `address` by `ADDRESS_DELETE`; how many rows changed.
pub(in crate::store) fn end_address(statement: &mut Statement, address: &Address) -> Result<usize> {
    statement.execute((address.channel.as_str(), to(address)))
}

/// Reads `ADDRESS_COLUMNS`.
pub(in crate::store) fn read_address(row: &Row) -> Result<AddressRecord> {
    let mut cells = Cells::of(row);
    let channel = cells.name()?;
    let to = Some(cells.get::<String>()?).filter(|to| !to.is_empty());
    let address = Address { channel, to };
    let (since, failed) = (cells.time_maybe()?, cells.get::<Option<u32>>()?);
    let (error, next_try_at) = (cells.get::<Option<String>>()?, cells.time_maybe()?);
    let (last, is_certain) = (cells.count_maybe()?, cells.get::<Option<bool>>()?);
    let (is_unreachable, at_once_after) = (cells.get::<Option<bool>>()?, cells.get::<Option<u32>>()?);
    let outage = || {
        Some(Outage {
            since: since?,
            failed: failed?,
            error: error?,
            next_try_at: next_try_at?,
            last: NotificationId(last?),
            is_certain: is_certain?,
            is_unreachable: is_unreachable?,
            at_once_after,
        })
    };
    let outage = outage();
    let pace = match cells.time_maybe()? {
        Some(next_at) => Some(Pace {
            next_at,
            why: cells.json()?,
        }),
        None => {
            cells.get::<Option<String>>()?;
            None
        }
    };
    Ok(AddressRecord {
        address,
        outage,
        pace,
        next_in_stead: cells.time_maybe()?,
        next_end_at: cells.time_maybe()?,
    })
}
