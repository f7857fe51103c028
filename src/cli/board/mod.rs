//! The board: what is wrong and who knows of it, then every dataset, then every job.

mod datasets;
mod incidents;
mod jobs;
mod summary;
mod told;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

pub(super) use datasets::{owner_words as owner, state_words as dataset_state, titled_owner};
pub(super) use incidents::kind_words;
pub(super) use jobs::state_words as job_state;

use super::out::Room;
use super::paint::{Tone, painted, tone};
use super::titles::Titles;
use crate::model::Status;

/// Rows of one table; those that need an eye come first.
const ROWS_MAX: usize = 100;

/// What every part of the board needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) zone: &'a TimeZone,
    pub(super) titles: &'a Titles,
    pub(super) now: Timestamp,
    pub(super) room: Room,
}

/// The daemon's status (`freshd status --json`) for people.
///
/// Times are told in `zone`; lines are at most `width` columns wide where the names allow it.
pub fn board(status: &Value, zone: &TimeZone, width: usize, color: bool) -> String {
    board_in(status, zone, width.into(), color)
}

/// The same in a room in which sentences and tables need not be equally wide.
pub(super) fn board_in(status: &Value, zone: &TimeZone, room: Room, color: bool) -> String {
    match Status::read(status) {
        Ok(status) => painted(&whole(&status, zone, room), color),
        Err(error) => format!("{error}\n"),
    }
}

/// The titles of teams, as far as what they answer for is part of the status.
fn titles(status: &Status) -> Titles {
    let datasets = status.datasets.iter().map(|data| (&data.owner, &data.owner_title));
    let owners = datasets.chain(status.jobs.iter().map(|job| (&job.owner, &job.owner_title)));
    Titles::known(owners.filter_map(|(name, title)| Some((name.clone(), title.clone()?))))
}

fn whole(status: &Status, zone: &TimeZone, room: Room) -> String {
    let titles = titles(status);
    let frame = Frame {
        zone,
        titles: &titles,
        now: status.at,
        room,
    };
    let blocks = [
        summary::heading(status, frame) + &summary::verdict(status, frame),
        incidents::block(status, frame),
        datasets::block(status, frame),
        jobs::block(status, frame),
        told::block(status, frame),
    ];
    let blocks: Vec<String> = blocks.into_iter().filter(|block| !block.is_empty()).collect();
    blocks.join("\n")
}

/// The header line, the rows, each with its remark below, and how many more there are.
fn table(lines: &[String], remarks: &[Option<String>], left_out: usize, what: &str, frame: Frame<'_>) -> String {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        text.push_str(line);
        text.push('\n');
        let remark = index.checked_sub(1).and_then(|row| remarks.get(row)?.as_ref());
        if let Some(remark) = remark {
            text.push_str(&super::table::facts(
                &[("  └", remark.clone())],
                0,
                frame.room.sentences,
            ));
        }
    }
    if left_out > 0 {
        let more = format!("and {left_out} more {what}; freshd status --json lists all of them\n");
        text.push_str(&tone(Tone::Dim, more.trim_end()));
        text.push('\n');
    }
    text
}
