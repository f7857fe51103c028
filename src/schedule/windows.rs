//! Planned windows: which is open at an instant, until when, and when the next one opens.

use std::time::Duration;

use jiff::Timestamp;

use super::{next, previous};
use crate::model::{Maintenance, Occurrence, OpenWindow, Window, Windows, later};

/// The smallest step of time that is stored.
const INSTANT: Duration = Duration::from_micros(1);

/// Windows of several maintenances that follow on each other's heels, as far as they are followed.
const CHAIN_MAX: usize = 100;

/// More closed days in a row than this end the search for the next window.
const SKIPPED_MAX: usize = 1_000;

/// The window that is open at an instant.
pub fn window_at(windows: &Windows, at: Timestamp) -> Option<Window> {
    let window = match windows {
        Windows::Once(window) => *window,
        Windows::Again { schedule, length } => {
            let from = previous(schedule, later(at, INSTANT))?.at;
            let to = later(from, *length);
            Window { from, to }
        }
    };
    window.holds(at).then_some(window)
}

/// The first window that opens after an instant.
pub fn window_after(windows: &Windows, after: Timestamp) -> Option<Window> {
    match windows {
        Windows::Once(window) => Some(*window).filter(|window| window.from > after),
        Windows::Again { schedule, length } => {
            let mut from = after;
            for _ in 0..SKIPPED_MAX {
                let occurrence = next(schedule, from)?;
                from = occurrence.at;
                if occurrence.skip.is_none() {
                    let to = later(from, *length);
                    return Some(Window { from, to });
                }
            }
            None
        }
    }
}

/// The maintenance of which a window is open at an instant, and when that closes; of several the one that closes last.
pub fn open_at<'a>(
    maintenances: impl Iterator<Item = &'a Maintenance>,
    at: Timestamp,
) -> Option<(&'a Maintenance, Timestamp)> {
    let open = maintenances.filter_map(|one| Some((one, window_at(&one.windows, at)?.to)));
    open.max_by_key(|(_, to)| *to)
}

/// Until when one window or another is open, where one is at an instant.
pub fn open_until<'a>(
    maintenances: &(impl Iterator<Item = &'a Maintenance> + Clone),
    at: Timestamp,
) -> Option<Timestamp> {
    let (_, mut until) = open_at(maintenances.clone(), at)?;
    for _ in 0..CHAIN_MAX {
        let Some((_, to)) = open_at(maintenances.clone(), until) else {
            break;
        };
        until = to;
    }
    Some(until)
}

/// Notes of an occurrence that it falls into a window.
pub fn note_window<'a>(occurrence: &mut Occurrence, maintenances: impl Iterator<Item = &'a Maintenance>) {
    if let Some((open, _)) = open_at(maintenances, occurrence.at) {
        let words = format!("during {}", open.words());
        let note = occurrence.note.take();
        occurrence.note = Some(note.map_or(words.clone(), |note| format!("{note}; {words}")));
    }
}

/// What is open at an instant, as it is shown.
pub fn open_window<'a>(
    maintenances: impl Iterator<Item = &'a Maintenance> + Clone,
    at: Timestamp,
) -> Option<OpenWindow> {
    let until = open_until(&maintenances, at)?;
    let (open, _) = open_at(maintenances, at)?;
    Some(OpenWindow {
        name: open.name.to_string(),
        until,
        author: open.author.clone(),
        because: open.because.clone(),
    })
}
