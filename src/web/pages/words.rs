//! The smallest pieces of a page: times, states, names, and text of unknown origin.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::model::{
    IncidentState, Outcome, RunState, Settings, SlotState, VersionState, has_power, hint, moment, moment_with_seconds,
};
use crate::web::sessions::Said;

/// For whom a page is written: now, and in which zone.
#[derive(Clone, Debug)]
pub(in crate::web) struct View {
    /// When it is written.
    pub(in crate::web) now: Timestamp,
    /// In which zone times are told.
    pub(in crate::web) zone: TimeZone,
    /// Who looks.
    pub(in crate::web) visitor: Visitor,
    /// The configuration in force, by which names have titles.
    pub(in crate::web) settings: Option<Arc<Settings>>,
}

impl View {
    /// A system or team, given its name or its title: by its title, with its name under the pointer.
    pub(in crate::web) fn named(&self, given: &str) -> Markup {
        let known = self.systems().chain(self.teams());
        let found = known.clone().find(|(name, _)| *name == given);
        let found = found.or_else(|| known.clone().find(|(_, title)| *title == Some(given)));
        let (name, title) = found.unwrap_or((given, None));
        titled(name, title)
    }

    /// A team by its name, also where a system bears the same one: its title, or else its name.
    pub(super) fn team<'a>(&'a self, name: &'a str) -> &'a str {
        let title = self
            .teams()
            .find(|(team, _)| *team == name)
            .and_then(|(_, title)| title);
        title.unwrap_or(name)
    }

    fn systems(&self) -> impl Iterator<Item = (&str, Option<&str>)> + Clone {
        let systems = self
            .settings
            .as_deref()
            .into_iter()
            .flat_map(|known| known.systems.values());
        systems.map(|system| (system.name.as_str(), system.title.as_deref()))
    }

    fn teams(&self) -> impl Iterator<Item = (&str, Option<&str>)> + Clone {
        let teams = self
            .settings
            .as_deref()
            .into_iter()
            .flat_map(|known| known.teams.values());
        teams.map(|team| (team.name.as_str(), team.title.as_deref()))
    }
}

/// A system or team: its title, with its name under the pointer; or its name, where that is all.
pub(in crate::web) fn titled(name: &str, title: Option<&str>) -> Markup {
    match title {
        Some(title) => html! { span.name title=(text(name)) { (text(title)) } },
        None => html! { span.name { (text(name)) } },
    }
}

/// Who looks at a page.
#[derive(Clone, Debug, Default)]
pub(in crate::web) struct Visitor {
    /// Who is logged in.
    pub(in crate::web) user: Option<String>,
    /// Forms are shown.
    pub(in crate::web) may_operate: bool,
    /// What the last action came to.
    pub(in crate::web) said: Option<Said>,
}

/// What a state means to the eye: a shape, a colour, and always a word beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::web) enum Tone {
    /// Wrong.
    Bad,
    /// Nobody can tell.
    Unknown,
    /// Needs an eye.
    Warn,
    /// Going on.
    Busy,
    /// Well.
    Good,
    /// Nothing has come of it yet.
    NotYet,
    /// Set aside.
    Quiet,
}

impl Tone {
    /// Its class in the style sheet.
    pub(in crate::web) fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Busy => "busy",
            Self::Good => "good",
            Self::NotYet | Self::Quiet => "quiet",
        }
    }

    /// Its shape, within 16 by 16.
    pub(super) fn shape(self) -> &'static str {
        match self {
            // An octagon with a cross, a circle with a question mark, a triangle with a stroke.
            Self::Bad => "M5.3 1h5.4L15 5.3v5.4L10.7 15H5.3L1 10.7V5.3zM5.2 5.2l5.6 5.6m0-5.6l-5.6 5.6",
            Self::Unknown => "M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1zM5.9 6.2a2.1 2.1 0 1 1 3.2 1.8Q8 8.7 8 9.7M8 11.9v.3",
            Self::Warn => "M8 1.8L15.2 14.2H.8zM8 6.2v3.6M8 12v.2",
            // An arrow to the right, a circle with a tick, an empty circle, two bars.
            Self::Busy => "M3.5 1.8L14 8 3.5 14.2z",
            Self::Good => "M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1zM4.7 8.3l2.2 2.3 4.4-5",
            Self::NotYet => "M8 3.5a4.5 4.5 0 1 0 0 9A4.5 4.5 0 1 0 8 3.5z",
            Self::Quiet => "M5 3v10M11 3v10",
        }
    }
}

/// A tone's shape.
pub(in crate::web) fn mark(tone: Tone) -> Markup {
    html! {
        svg class={ "mark " (tone.class()) } viewBox="0 0 16 16" aria-hidden="true" { path d=(tone.shape()) {} }
    }
}

/// A state: its shape and its word.
pub(in crate::web) fn state(tone: Tone, word: &str) -> Markup {
    html! { span class={ "state " (tone.class()) } { (mark(tone)) (text(&word.replace('_', " "))) } }
}

/// A dataset's state.
pub(in crate::web) fn dataset_tone(state: &str) -> Tone {
    match state {
        "fresh" => Tone::Good,
        "due_soon" | "held" => Tone::Warn,
        "paused" => Tone::Quiet,
        "unknown" => Tone::Unknown,
        _ => Tone::Bad,
    }
}

/// A job's state.
pub(in crate::web) fn job_tone(state: &str) -> Tone {
    match state {
        "ok" => Tone::Good,
        "running" | "judging" | "waiting" => Tone::Busy,
        "backing_off" => Tone::Warn,
        "failing" => Tone::Bad,
        "never_ran" => Tone::NotYet,
        _ => Tone::Quiet,
    }
}

/// A job's state as a word.
pub(in crate::web) fn job_word(state: &str) -> &str {
    match state {
        "backing_off" => "retrying",
        "never_ran" => "new",
        other => other,
    }
}

/// How a run stands, or how it ended.
pub(super) fn run_state(state_now: RunState, outcome: Option<Outcome>) -> Markup {
    match outcome {
        Some(outcome) => state(outcome_tone(outcome), outcome.as_str()),
        None => state(job_tone(state_now.as_str()), job_word(state_now.as_str())),
    }
}

/// How a run ended.
pub(super) fn outcome_tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Succeeded => Tone::Good,
        Outcome::Missed => Tone::Warn,
        Outcome::Skipped | Outcome::Cancelled => Tone::Quiet,
        Outcome::Failed
        | Outcome::TimedOut
        | Outcome::Killed
        | Outcome::Rejected
        | Outcome::SpawnFailed
        | Outcome::Lost => Tone::Bad,
    }
}

/// How a promised delivery stands.
pub(super) fn slot_tone(state: SlotState) -> Tone {
    match state {
        SlotState::Met => Tone::Good,
        SlotState::Recovered => Tone::Warn,
        SlotState::Late | SlotState::Missed => Tone::Bad,
        SlotState::Pending | SlotState::Excused | SlotState::Withdrawn => Tone::Quiet,
    }
}

/// How a version stands.
pub(super) fn version_tone(state: VersionState) -> Tone {
    match state {
        VersionState::Published => Tone::Good,
        VersionState::Publishing => Tone::Busy,
        VersionState::Quarantined => Tone::Bad,
    }
}

/// How an incident stands.
pub(super) fn incident_tone(state: IncidentState) -> Tone {
    match state {
        IncidentState::Open => Tone::Bad,
        IncidentState::Waiting | IncidentState::Attached => Tone::Warn,
        IncidentState::Resolved => Tone::Good,
    }
}

/// An instant, as short as it stays clear; the whole of it under the pointer.
pub(in crate::web) fn time(view: &View, at: Timestamp) -> Markup {
    stamped(view, at, &moment(at, view.now, &view.zone))
}

/// The same with seconds.
pub(super) fn time_with_seconds(view: &View, at: Timestamp) -> Markup {
    stamped(view, at, &moment_with_seconds(at, view.now, &view.zone))
}

/// When something is due: with the seconds where it is not due on a minute, for it may be due every few of them.
pub(super) fn due_time(view: &View, at: Timestamp) -> Markup {
    match at.as_second() % 60 {
        0 => time(view, at),
        _ => time_with_seconds(view, at),
    }
}

/// How far away an instant is: `3h ago`, `in 2m`.
pub(in crate::web) fn distance(view: &View, at: Timestamp) -> Markup {
    stamped(view, at, &hint(at, view.now))
}

/// An instant and how far away it is.
pub(in crate::web) fn time_and_distance(view: &View, at: Timestamp) -> Markup {
    html! { (time(view, at)) " " span.dim { "(" (distance(view, at)) ")" } }
}

fn stamped(view: &View, at: Timestamp, words: &str) -> Markup {
    html! { time datetime=(at.to_string()) title=(exact(view, at)) { (words) } }
}

/// All of an instant: `Fri 2026-11-27 23:15:00 +01:00 Europe/Oslo`.
pub(super) fn exact(view: &View, at: Timestamp) -> String {
    let local = jiff::ZonedDateTime::new(at, view.zone.clone());
    let zone = view.zone.iana_name().unwrap_or("UTC");
    format!("{} {zone}", local.strftime("%a %Y-%m-%d %H:%M:%S %:z"))
}

/// Text of unknown origin, in one line: what would be obeyed instead of shown is replaced. `maud` escapes the rest.
pub(in crate::web) fn text(unknown: &str) -> String {
    unknown
        .chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if has_power(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// A piece of a path: letters of ASCII, digits, `-`, `_` and `.` as they are, all else by its bytes.
pub(in crate::web) fn piece(name: &str) -> String {
    let mut piece = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => piece.push(char::from(byte)),
            other => piece.push_str(&format!("%{other:02X}")),
        }
    }
    piece
}

/// A link to a job.
pub(in crate::web) fn job_link(name: &str) -> Markup {
    html! { a.name href={ "/jobs/" (piece(name)) } { (text(name)) } }
}

/// A link to a dataset.
pub(in crate::web) fn dataset_link(name: &str) -> Markup {
    html! { a.name href={ "/datasets/" (piece(name)) } { (text(name)) } }
}

/// A link to what an incident is about.
pub(super) fn subject_link(about: &str, name: &str) -> Markup {
    match about {
        "job" => job_link(name),
        "dataset" => dataset_link(name),
        _ => html! { span.name { (text(name)) } },
    }
}

/// Who answers: a team by its title, with its name under the pointer. `nobody` is a finding of its own.
pub(in crate::web) fn owner(view: &View, owner: &str) -> Markup {
    match owner {
        "nobody" => state(Tone::Bad, "nobody"),
        team => {
            let called = view.team(team);
            html! { span.owner title=[(called != team).then(|| text(team))] { (text(called)) } }
        }
    }
}

/// A text that is a link where it is a web address; no other scheme ever is.
pub(super) fn address(words: &str) -> Markup {
    let is_address = ["https://", "http://"].iter().any(|scheme| words.starts_with(scheme));
    html! {
        @if is_address { a href=(words) rel="noreferrer noopener" { (text(words)) } } @else { (text(words)) }
    }
}

/// A number with its noun: `1 dataset`, `3 datasets`.
pub(in crate::web) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A large number in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
pub(in crate::web) fn test_view() -> View {
    View {
        now: "2026-11-27T22:16:00Z".parse().expect("a timestamp"),
        zone: TimeZone::get("Europe/Oslo").expect("a zone"),
        visitor: Visitor::default(),
        settings: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_short_and_exact_under_the_pointer() {
        let at = "2026-11-27T21:04:05Z".parse().expect("a timestamp");
        assert_eq!(
            time(&test_view(), at).into_string(),
            "<time datetime=\"2026-11-27T21:04:05Z\" title=\"Fri 2026-11-27 22:04:05 +01:00 Europe/Oslo\">22:04</time>"
        );
    }

    #[test]
    fn what_is_due_every_few_seconds_is_told_with_them() {
        let shown = |at: &str| due_time(&test_view(), at.parse().expect("a timestamp")).into_string();
        assert!(shown("2026-11-27T22:17:07Z").ends_with(">23:17:07</time>"));
        assert!(shown("2026-11-27T22:17:00Z").ends_with(">23:17</time>"));
    }

    #[test]
    fn a_hostile_name_is_neither_markup_nor_a_way_out_of_its_link() {
        let name = "\"><script>alert(1)</script>/../?a#\u{202e}b\n";
        let link = job_link(name).into_string();
        assert_eq!(
            link,
            "<a class=\"name\" href=\"/jobs/%22%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E%2F..%2F%3Fa%23%E2%80%AEb%0A\">\
             &quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;/../?a#\u{fffd}b </a>"
        );
    }

    #[test]
    fn large_numbers_are_grouped() {
        let shown: Vec<String> = [0, 999, 1_000, 1_234_567].map(grouped).to_vec();
        assert_eq!(shown, ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
    }
}
