//! The first lines of the board: whose it is, and whether all is well.

use super::Frame;
use crate::cli::paint::{Tone, clean, tone};
use crate::cli::{table, times};
use crate::model::{Status, elapsed};

/// Messages on their way that are named one by one.
const UNDELIVERED_SHOWN_MAX: usize = 3;

/// `freshd 0.1.0 · Fri 2026-11-27 23:16 Europe/Oslo · up 3d 4h`.
pub(super) fn heading(status: &Status, frame: Frame<'_>) -> String {
    let time = frame.zone.to_datetime(frame.now).strftime("%a %Y-%m-%d %H:%M");
    let mut parts = vec![format!("{time} {}", times::zone_name(frame.zone))];
    let mut name = tone(Tone::Strong, "freshd");
    if let Some(daemon) = &status.daemon {
        name = format!("{name} {}", clean(&daemon.version));
        parts.push(format!(
            "up {}",
            crate::model::format_age(times::rounded(elapsed(daemon.started_at, frame.now)))
        ));
    }
    format!("{name} · {}\n", parts.join(" · "))
}

/// One line that says it all, and what freshd itself suffers from.
pub(super) fn verdict(status: &Status, frame: Frame<'_>) -> String {
    let mut text = if status.is_fine() {
        fine(status)
    } else {
        wrong(status, frame)
    };
    text.push('\n');
    let mut say = |tint: Tone, mark: &str, words: String| {
        text.push_str(&table::facts(&[(&tone(tint, mark), words)], 0, frame.room.sentences));
    };
    if let Some(until) = status.clock_held_until {
        let until = times::moment_and_hint(until, frame.now, frame.zone);
        let words = format!(
            "the clock is earlier than what is already recorded: nothing starts before {until}; `freshd clock`"
        );
        say(Tone::Bad, "✗", words);
    }
    if let Some((shortage, since)) = status.disk_full.as_ref().zip(status.disk_full_since) {
        let since = times::moment_and_hint(since, frame.now, frame.zone);
        let words = format!(
            "{}; nothing starts since {since}, until there is room",
            clean(&shortage.in_words())
        );
        say(Tone::Bad, "✗", words);
    }
    if let Some(since) = status.unstored_since {
        let since = times::moment_and_hint(since, frame.now, frame.zone);
        let words = format!(
            "nothing can be stored since {since}, for want of space: what was decided since then is not begun, and \
             nobody is told"
        );
        say(Tone::Bad, "✗", words);
    }
    for found in &status.self_test {
        let words = format!("freshd's test of itself: {}", clean(found));
        say(Tone::Bad, "✗", words);
    }
    if let Some(heartbeat) = &status.heartbeat
        && let Some(error) = &heartbeat.error
    {
        let taken = heartbeat.taken_at.map_or_else(
            || "none was taken yet".to_owned(),
            |at| format!("the last was taken {}", times::hint(at, frame.now)),
        );
        let words = format!("no heartbeat, {taken}: {}", clean(error));
        say(Tone::Bad, "✗", words);
    }
    for off in &status.channels_off {
        say(
            Tone::Warn,
            "!",
            format!("{}; {}", clean(&off.answer), clean(&off.until())),
        );
    }
    if let Some(words) = status.down.and_then(|down| down.news(frame.now, frame.zone)) {
        say(Tone::Dim, "‖", words);
    }
    for window in &status.maintenance {
        let words = format!("maintenance {}", clean(&window.words(frame.now, frame.zone)));
        say(Tone::Dim, "‖", words);
    }
    for drill in &status.drills {
        let until = drill.drill.as_ref().map_or(frame.now, |drill| drill.until);
        let words = format!(
            "a drill goes on with {} until {}, nothing is wrong; freshd ack {} answers it",
            clean(&drill.subject),
            times::moment_and_hint(until, frame.now, frame.zone),
            drill.id
        );
        say(Tone::Dim, "‖", words);
    }
    for silence in &status.silences {
        let words = format!(
            "{} is silenced {}",
            clean(silence.subject.as_str()),
            clean(&silence.words(frame.now, frame.zone))
        );
        say(Tone::Dim, "‖", words);
    }
    let mut above: Option<&str> = None;
    for undelivered in status.undelivered.iter().take(UNDELIVERED_SHOWN_MAX) {
        let error = undelivered.error.as_deref().unwrap_or("no answer");
        // Of the line directly above: of any other, "above" would mean the wrong one.
        let is_said = above.replace(error) == Some(error);
        let words = format!(
            "{} could not be told yet (tried {}{}, again {}): {}",
            clean(&undelivered.to),
            match undelivered.tries {
                1 => "once".to_owned(),
                tries => format!("{tries} times"),
            },
            match undelivered.behind {
                0 => String::new(),
                behind => format!(", {behind} more wait"),
            },
            times::hint(undelivered.next_try_at, frame.now),
            if is_said {
                "the same as above".to_owned()
            } else {
                clean(error)
            },
        );
        say(Tone::Warn, "!", words);
    }
    let left_out = status.undelivered.len().saturating_sub(UNDELIVERED_SHOWN_MAX);
    if left_out > 0 {
        let words = format!("and {left_out} more could not be told yet; freshd status --json lists all of them");
        say(Tone::Warn, "!", words);
    }
    text
}

fn fine(status: &Status) -> String {
    let mut parts = Vec::new();
    if !status.datasets.is_empty() {
        parts.push(format!("{} as promised", counted(status.datasets.len(), "dataset")));
    }
    if !status.jobs.is_empty() {
        parts.push(counted(status.jobs.len(), "job"));
    }
    let aside = |state: &str| {
        status.datasets.iter().filter(|dataset| dataset.state == state).count()
            + status.jobs.iter().filter(|job| job.state == state).count()
    };
    for (state, words) in [
        ("due_soon", "due soon"),
        ("held", "held"),
        ("paused", "paused"),
        ("running", "running now"),
    ] {
        let count = aside(state);
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    tone(Tone::Good, format!("✓ all is well: {}", parts.join(", ")))
}

fn wrong(status: &Status, frame: Frame<'_>) -> String {
    let parts = status.trouble_in_words();
    if parts.is_empty() {
        return tone(Tone::Bad, "✗ nothing starts");
    }
    // Data that nobody has seen yet is how every first minute looks.
    let is_young = status.is_young();
    let (mark, tint) = if is_young {
        ("?", Tone::Warn)
    } else if parts.len() == 1 && status.well_in_words().is_some() {
        ("!", Tone::Warn)
    } else {
        ("✗", Tone::Bad)
    };
    let is_rest_well = is_young && !status.datasets.iter().all(|dataset| dataset.state == "unknown");
    let rest = if is_rest_well { "; all else is well" } else { "" };
    let not_yet = status
        .not_yet_words(frame.zone)
        .map_or_else(String::new, |words| format!(": {words}"));
    tone(tint, format!("{mark} {}{not_yet}{rest}", clean(&parts.join(", "))))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
