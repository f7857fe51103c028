//! The board's incidents: what is wrong, since when, whom it hits, who was told.

use super::Frame;
use crate::cli::addresses;
use crate::cli::paint::{Tone, clean, tone};
use crate::cli::{table, times};
use crate::model::{DISK, IncidentState, KEEPER_JOURNAL, KEEPER_PREFIX, Severity, both_ends, end_words};
use crate::model::{OpenIncident, ProblemKind, Reads, Status, natural};

/// Incidents shown with all their lines.
const SHOWN_MAX: usize = 20;
/// Characters of what a run printed last.
const PRINTED_CHARS_MAX: usize = 200;
/// Names in one line.
const NAMES_MAX: usize = 5;

/// One paragraph for each cause, the worst first.
pub(super) fn block(status: &Status, frame: Frame<'_>) -> String {
    let mut roots: Vec<&OpenIncident> = status.causes().collect();
    roots.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), incident.since));
    let mut text = String::new();
    for (index, root) in roots.iter().take(SHOWN_MAX).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let mut effects: Vec<&OpenIncident> = status
            .incidents
            .iter()
            .filter(|incident| incident.cause == Some(root.id))
            .collect();
        effects.sort_by(|a, b| natural(&a.subject, &b.subject));
        text.push_str(&paragraph(root, &effects, printed(status, root), frame));
    }
    if roots.len() > SHOWN_MAX {
        let more = format!(
            "and {} more incidents; freshd incidents lists them",
            roots.len() - SHOWN_MAX
        );
        text.push_str(&tone(Tone::Dim, more));
        text.push('\n');
    }
    text
}

/// What a kind of problem is called behind a name.
pub(in crate::cli) fn kind_words(kind: &str, subject: &str) -> String {
    match ProblemKind::read(kind) {
        Some(ProblemKind::Freshd) if subject == DISK => "is full".to_owned(),
        Some(known) => known.words().to_owned(),
        // A newer daemon knows more.
        None => kind.replace('_', " "),
    }
}

/// The last line that a failed job printed.
fn printed<'a>(status: &'a Status, root: &OpenIncident) -> Option<&'a str> {
    let job = status
        .jobs
        .iter()
        .find(|job| root.about == "job" && job.name == root.subject)?;
    job.last.as_ref().filter(|_| job.is_failing())?.printed.as_deref()
}

fn paragraph(root: &OpenIncident, effects: &[&OpenIncident], printed: Option<&str>, frame: Frame<'_>) -> String {
    let shown = root.shown(kind_words(&root.kind, &root.subject));
    let (mark, tint) = match (root.state, root.severity) {
        (IncidentState::Waiting, _) => ("○", Tone::Warn),
        // It is not wrong as people see it now.
        _ if shown.is_well => ("○", Tone::Warn),
        (_, Severity::Warning) => ("!", Tone::Warn),
        (_, Severity::Critical) => ("✗", Tone::Bad),
    };
    let (because, grave) = match shown.is_well {
        true => ("when wrong", "when wrong "),
        false => ("because", ""),
    };
    let head = format!("{mark} {} {} {}", clean(&root.about), clean(&root.subject), shown.how);
    let since = times::moment_and_hint(shown.since, frame.now, frame.zone);
    let (head, severity) = (tone(tint, head), root.severity.as_str());
    let mut text = format!("{head} since {since} · incident {} · {grave}{severity}\n", root.id);
    let mut lines: Vec<(&str, String)> = vec![(because, clean(&shown.why))];
    if let Some(at) = root.ends_by {
        lines.push(("over", end_words(&times::moment(at, frame.now, frame.zone))));
    }
    if root.kind_since.is_some() {
        let since = times::moment(root.since, frame.now, frame.zone);
        let before = match &root.first_kind {
            Some(first) => format!("{} since {since}", clean(&first.replace('_', " "))),
            None => format!("something else was wrong since {since}"),
        };
        lines.push(("before", before));
    }
    if let Some(cause) = root.behind {
        lines.push(("explained by", format!("incident {cause}")));
    }
    if let Some(printed) = printed {
        lines.push(("printed", clean(&both_ends(printed, PRINTED_CHARS_MAX))));
    }
    if let Some(flapping) = &root.flapping {
        let told = |at| times::moment(at, frame.now, frame.zone);
        lines.push(("turns", flapping.words(told)));
    }
    if !effects.is_empty() {
        lines.push((
            "so also",
            listed(effects.iter().map(|effect| {
                format!(
                    "{} {}",
                    clean(&effect.subject),
                    kind_words(&effect.kind, &effect.subject)
                )
            })),
        ));
    }
    if !root.readers.is_empty() {
        // Whoever reads much of what is hit is named once, with the first time.
        let mut readers: Vec<&Reads> = Vec::new();
        for reader in &root.readers {
            if !readers.iter().any(|known| known.who == reader.who) {
                readers.push(reader);
            }
        }
        lines.push((
            "read by",
            listed(readers.iter().enumerate().map(|(index, reader)| {
                let who = clean(&reader.who);
                match reader.at {
                    // Who reads first sets the pace.
                    Some(at) if index == 0 => {
                        format!("{who} {}", times::moment_and_hint(at, frame.now, frame.zone))
                    }
                    Some(at) => format!("{who} {}", times::moment(at, frame.now, frame.zone)),
                    None => who,
                }
            })),
        ));
    }
    lines.extend(told(root, frame));
    if let Some(ack) = root.ack.as_ref().filter(|ack| ack.until > frame.now) {
        let until = times::moment(ack.until, frame.now, frame.zone);
        lines.push(("taken on", format!("by {}, quiet until {until}", clean(&ack.who()))));
    }
    // Of its own problems freshd names a clock, a disk or an address, which `why` does not know.
    let mut commands = match (root.about.as_str(), root.kind.as_str()) {
        ("freshd", "freshd")
            if [DISK, KEEPER_JOURNAL].contains(&root.subject.as_str()) || root.subject.starts_with(KEEPER_PREFIX) =>
        {
            format!("freshd incidents {}", root.id)
        }
        ("freshd", "freshd") => "freshd clock".to_owned(),
        ("freshd", _) => format!("freshd incidents {}", root.id),
        _ => format!("freshd why {}", clean(&root.subject)),
    };
    if root.about == "job" {
        commands.push_str(&format!(" · freshd logs {}", clean(&root.subject)));
    }
    if root.ack.is_none() {
        commands.push_str(&format!(" · freshd ack {}", root.id));
    }
    lines.push(("type", commands));
    text.push_str(&table::facts(&lines, 2, frame.room.sentences));
    text
}

fn told(root: &OpenIncident, frame: Frame<'_>) -> Vec<(&'static str, String)> {
    if let Some(silence) = &root.silence {
        let until = times::moment_and_hint(silence.until, frame.now, frame.zone);
        let (by, team) = (clean(&silence.by), frame.titles.team(&root.owner));
        let words = format!(
            "silenced by {by}: {}; team {team} {until}, if it is not over then",
            clean(&silence.because)
        );
        if root.state == IncidentState::Waiting {
            return vec![("told", format!("nobody, {words}"))];
        }
        let mut lines = addresses::lines(&root.addresses, frame.titles, frame.now, frame.zone);
        lines.push(("quiet", words));
        return lines;
    }
    let window = root.maintenance.as_ref();
    if let Some(window) = window.filter(|window| root.state == IncidentState::Waiting && root.notify_at < window.until)
    {
        let until = times::moment_and_hint(window.until, frame.now, frame.zone);
        let (name, team) = (clean(&window.name), frame.titles.team(&root.owner));
        return vec![(
            "told",
            format!("nobody, for maintenance {name}; team {team} {until}, if it is not over then"),
        )];
    }
    if root.state == IncidentState::Waiting {
        let at = times::hint(root.notify_at, frame.now);
        let team = frame.titles.team(&root.owner);
        return vec![(
            "told",
            format!("nobody yet; team {team} {at}, unless a cause shows first"),
        )];
    }
    addresses::lines(&root.addresses, frame.titles, frame.now, frame.zone)
}

fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let count = names.len();
    let mut shown: Vec<String> = names.take(NAMES_MAX).collect();
    if count > NAMES_MAX {
        shown.push(format!("{} more", count - NAMES_MAX));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::super::board;

    #[test]
    fn what_comes_and_goes_and_is_well_is_not_shown_as_wrong() {
        let mut seen = json!({
            "id": 3, "kind": "failed", "about": "job", "subject": "export", "state": "open", "severity": "critical",
            "since": "2026-11-27T20:02:00Z", "notify_at": "2026-11-27T20:02:00Z", "reason": "exit code 3",
            "flapping": { "since": "2026-11-27T20:02:00Z", "times": 4, "good": 1, "good_at": null,
                          "well_since": "2026-11-27T22:05:00Z", "spells": [] },
        });
        let shown = |incident: &serde_json::Value| {
            let status = json!({
                "at": "2026-11-27T22:17:00Z", "timezone": "UTC", "datasets": [], "jobs": [], "incidents": [incident],
                "undelivered": [], "clock_held_until": null,
            });
            board(&status, &TimeZone::UTC, 100, false)
        };
        let board = shown(&seen);
        assert!(board.contains("! 1 incident comes and goes, well just now"), "{board}");
        assert!(
            board.contains("○ job export comes and goes, well since 22:05"),
            "{board}"
        );
        assert!(board.contains("when wrong  failed: exit code 3"), "{board}");
        seen["flapping"]["well_since"] = json!(null);
        let board = shown(&seen);
        assert!(
            board.contains("✗ 1 incident") && board.contains("✗ job export failed since"),
            "{board}"
        );
    }
}
