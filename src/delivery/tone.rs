//! How a message looks at a glance: a word, a sign and a colour by purpose and severity.

use jiff::tz::TimeZone;

use crate::model::{Message, MessageFact, Purpose, Severity, WHAT, format_time};

/// The look of one message. The word always stands beside sign and colour, never colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tone {
    /// What kind of message it is.
    pub(super) word: &'static str,
    /// Slack's name of the sign.
    pub(super) emoji: &'static str,
    /// Of bars and badges, `#rrggbb`, readable under white text.
    pub(super) colour: &'static str,
}

impl Tone {
    /// The look of this message.
    pub(super) fn of(message: &Message) -> Self {
        if message.is_drill() {
            return Self::of_drill(message);
        }
        let (word, emoji) = match message.purpose {
            _ if message.acknowledged().is_some() => ("Acknowledged", ":eyes:"),
            Purpose::Opening => match message.severity {
                Severity::Critical => ("Problem", ":red_circle:"),
                Severity::Warning => ("Warning", ":warning:"),
            },
            Purpose::Update => ("Update", ":small_red_triangle:"),
            Purpose::Impact if message.stands_in_for.is_some() => ("Affects others", ":ocean:"),
            Purpose::Impact => ("Affects you", ":ocean:"),
            Purpose::Reminder => ("Still open", ":bell:"),
            Purpose::Escalation => ("Escalated", ":rotating_light:"),
            Purpose::Recovery => {
                let emoji = match () {
                    () if message.is_end_of_then() => ":red_circle:",
                    () if message.is_partly_over() => ":large_yellow_circle:",
                    () if message.is_closed() => ":white_large_square:",
                    () => ":white_check_mark:",
                };
                (message.end_word().unwrap_or_default(), emoji)
            }
            Purpose::Digest => ("In one", ":package:"),
            Purpose::Weekly => ("Weekly report", ":calendar:"),
            Purpose::Canary => ("Proof", ":baby_chick:"),
            Purpose::Test => ("Test", ":wrench:"),
        };
        let colour = match (message.purpose, message.severity) {
            _ if message.is_partly_over() || message.is_end_of_then() => "#9a5b00",
            _ if message.is_closed() => "#57606a",
            _ if message.is_over() => "#1a7f37",
            (Purpose::Weekly | Purpose::Canary | Purpose::Test, _) => "#57606a",
            (_, Severity::Critical) => "#b42318",
            (_, Severity::Warning) => "#9a5b00",
        };
        Self { word, emoji, colour }
    }

    /// What is rehearsed looks like nothing that is wrong.
    fn of_drill(message: &Message) -> Self {
        let word = match message.purpose {
            Purpose::Recovery => message.end_word().unwrap_or_default(),
            Purpose::Reminder => "Rehearsal goes on",
            Purpose::Escalation => "Rehearsal comes to you",
            _ => "Rehearsal",
        };
        Self {
            word,
            emoji: ":performing_arts:",
            colour: "#6639ba",
        }
    }
}

/// What stands before whatever of a message is read alone beside its title and its first sentence, which say it
/// themselves: nothing, unless it is a rehearsal.
pub(super) fn mark(message: &Message) -> &'static str {
    if message.is_drill() { MARK } else { "" }
}

/// The first sentence behind a title, which says already that it is a rehearsal.
pub(super) fn behind_title(message: &Message) -> &str {
    message
        .headline
        .strip_prefix(mark(message))
        .unwrap_or(&message.headline)
}

const MARK: &str = "[DRILL] ";

/// A message's title where no mail program shows the thread that it belongs to: `Resolved: export failed (#7)`.
pub(super) fn title(message: &Message) -> String {
    match message.purpose {
        // These say it themselves.
        Purpose::Digest | Purpose::Weekly | Purpose::Test | Purpose::Canary => message.title().to_owned(),
        _ if message.is_drill() => {
            let title = message.title().trim_start_matches(MARK);
            format!("{MARK}{}: {title}", Tone::of(message).word)
        }
        _ => {
            let who = message.acknowledged().map_or_else(String::new, |who| format!(" {who}"));
            format!("{}{who}: {}", Tone::of(message).word, message.title())
        }
    }
}

/// Whether a line says no more than the title above it: what is wrong with what. The name behind what people call it stands
/// in what there is to type.
pub(super) fn is_in_title(message: &Message, fact: &MessageFact) -> bool {
    let number = message.incident.map_or_else(String::new, |id| format!(" (#{id})"));
    let title = message.title();
    let title = title.strip_suffix(number.as_str()).unwrap_or(title);
    fact.label == WHAT && fact.text.replacen(&format!(" ({})", message.subject_name), "", 1) == title
}

/// Where the message belongs, when it was written, since it may come late, and in what zone its times are, in one line:
/// `incident 17, critical, owner Warehouse, for team Sales, written Fri 2026-11-27 22:16, times are Europe/Oslo (UTC+1)`,
/// or `incident 17, critical, for its owner Warehouse`.
pub(super) fn origin(message: &Message) -> String {
    let mut parts = Vec::new();
    if let Some(incident) = message.incident {
        parts.push(format!("incident {incident}"));
    }
    if !message.is_over() && !message.purpose.is_proof() && !message.is_drill() {
        parts.push(message.severity.as_str().to_owned());
    }
    let team = message.team_title.as_deref().unwrap_or(message.team.as_str());
    // What tells of several, or of none, has no one owner.
    if message.incident.is_none() || message.owner.is_empty() {
        parts.push(format!("for team {team}"));
    } else if [team, message.team.as_str()].contains(&message.owner.as_str()) {
        parts.push(format!("for its owner {team}"));
    } else {
        parts.push(format!("owner {}, for team {team}", message.owner));
    }
    if let Some(words) = &message.zone {
        // Named as `zone_words` does: first the zone, then its offset.
        let zone = words.split(' ').next().and_then(|name| TimeZone::get(name).ok());
        parts.extend(zone.map(|zone| format!("written {}", format_time(message.at, &zone))));
        parts.push(format!("times are {words}"));
    }
    super::clean::line(&parts.join(", "), super::FACT_CHARS_MAX)
}
