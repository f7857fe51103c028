//! The transport portal's day: what waits at the dock gets a lorry.

use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

use super::super::dice::Dice;
use super::{column, text};

const CARRIERS: [&str; 4] = ["Nordfrakt", "Kystlast", "Thermo Trans", "Fjellvei Spedisjon"];

pub(super) fn live(transport: &Transaction<'_>, dice: &mut Dice, now: Timestamp) -> rusqlite::Result<String> {
    let waiting = column(
        transport,
        "SELECT consignment_no FROM consignments WHERE booked_at IS NULL ORDER BY consignment_no",
    )?;
    for consignment_no in &waiting {
        let departs_at = now + SignedDuration::from_mins(i64::from(dice.between(20, 90)));
        transport.execute(
            "UPDATE consignments SET carrier = ?2, booked_at = ?3, departs_at = ?4
             WHERE consignment_no = ?1",
            (consignment_no, dice.pick(&CARRIERS), text(now), text(departs_at)),
        )?;
    }
    Ok(format!("{} consignments booked", waiting.len()))
}
