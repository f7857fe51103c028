//! What scripts that run elsewhere have said of a dataset.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::cli::exit::{Exit, Failure};
use crate::cli::out::{self, Out};
use crate::cli::paint::clean;
use crate::cli::table::{Column, grid};
use crate::cli::times;
use crate::model::{Ping, PingKind};

/// Prints pings, the last first.
pub(super) fn tell(pings: &[Ping], (now, zone): (Timestamp, &TimeZone), out: &mut Out) -> Result<Exit, Failure> {
    if out.json {
        for ping in pings {
            out.document(&json!(ping))?;
        }
        return Ok(Exit::Fine);
    }
    let columns = [
        Column::whole("when"),
        Column::whole("ping"),
        Column::whole("took"),
        Column::cut("run", 12).spare(1),
        Column::cut("said", 20),
    ];
    let rows: Vec<Vec<String>> = pings
        .iter()
        .enumerate()
        .map(|(place, ping)| {
            let said = ping.text.lines().rev().find(|line| !line.trim().is_empty());
            let status = ping.word.exit_status.map(|status| format!(" ({status})"));
            vec![
                times::moment_with_seconds(ping.at, now, zone),
                format!("{}{}", ping.word.kind.as_str(), status.unwrap_or_default()),
                took(ping, &pings[place + 1..]).unwrap_or_default(),
                ping.rid.as_deref().map(clean).unwrap_or_default(),
                said.map(clean).unwrap_or_default(),
            ]
        })
        .collect();
    for line in grid(&columns, &rows, out::table_width()) {
        out.line(line)?;
    }
    Ok(Exit::Fine)
}

/// How long it took since the same run said that it begins.
fn took(end: &Ping, before: &[Ping]) -> Option<String> {
    if !matches!(end.word.kind, PingKind::Success | PingKind::Fail) {
        return None;
    }
    let of_run = before.iter().filter(|ping| ping.rid == end.rid);
    let mut since_last_end = of_run.take_while(|ping| matches!(ping.word.kind, PingKind::Start | PingKind::Log));
    let start = since_last_end.find(|ping| ping.word.kind == PingKind::Start)?;
    Some(times::took(start.at, end.at))
}
