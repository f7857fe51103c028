//! The words when freshd itself is gone: written by whoever finds that, and sent without its records.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{
    About, Message, MessageFact, Name, ProblemKind, Purpose, SUBJECT_MARK, Severity, format_time, zone_words,
};

/// Everything such a message is made from.
#[derive(Clone, Copy, Debug)]
pub struct Gone<'a> {
    /// When it is written.
    pub now: Timestamp,
    /// The zone of the configuration; UTC where that has mistakes, of which the zone may be one.
    pub zone: &'a TimeZone,
    /// The unit of the service manager that has failed.
    pub unit: &'a str,
    /// The machine.
    pub hostname: &'a str,
    /// The configuration, by a path that leads to it from everywhere.
    pub config: &'a str,
    /// The state directory on which a freshd answers all the same: it was started again meanwhile.
    pub back_on: Option<&'a str>,
    /// The first mistake in it, if there is one, and how many there are.
    pub mistakes: Option<(&'a str, usize)>,
}

/// Writes the message to those who are told when nobody else can be.
pub fn gone(id: String, gone: &Gone<'_>) -> Message {
    let Gone {
        zone,
        unit,
        hostname,
        config,
        ..
    } = *gone;
    let mut facts = Vec::new();
    let mut fact = |label: &str, text: String| {
        facts.push(MessageFact {
            label: label.to_owned(),
            text,
        });
    };
    fact("Machine", hostname.to_owned());
    fact(
        "Noticed",
        format!("{} {}", format_time(gone.now, zone), zone_words(zone, gone.now)),
    );
    match gone.mistakes {
        Some((first, 1)) => fact("Refused", format!("{config} has a mistake: {first}")),
        Some((first, count)) => fact("Refused", format!("{config} has {count} mistakes, the first: {first}")),
        None => fact("Configuration", format!("{config} has no mistakes")),
    }
    match gone.back_on {
        Some(state_dir) => fact(
            "But now",
            format!("a freshd answers on {state_dir}; `freshd status` shows what it missed meanwhile"),
        ),
        None => fact(
            "Meanwhile",
            "no job is started, no promise is watched and nobody is told of anything".to_owned(),
        ),
    }
    let (severity, headline) = match gone.back_on {
        Some(_) => (
            Severity::Warning,
            format!("WARNING: {unit} has failed on {hostname}, and a freshd answers there again."),
        ),
        None => (
            Severity::Critical,
            format!("CRITICAL: {unit} has failed on {hostname}, and is not started again by itself."),
        ),
    };
    let mut commands = vec![
        format!("freshd --config {config} check"),
        format!("systemctl status {unit}"),
        format!("journalctl -u {unit} -n 50"),
    ];
    if gone.back_on.is_none() {
        commands.push(format!("systemctl restart {unit}"));
    }
    Message {
        thread: format!("{id}-thread"),
        incident: None,
        purpose: Purpose::Opening,
        severity,
        kind: Some(ProblemKind::Freshd),
        about: Some(About::Freshd),
        subject_name: Name::from(unit),
        since: Some(gone.now),
        subject: format!("{SUBJECT_MARK}{unit} has failed on {hostname}"),
        headline,
        facts,
        incidents: Vec::new(),
        gathered: None,
        stands_in_for: None,
        team_title: None,
        resent_at: None,
        kind_since: None,
        output: Vec::new(),
        commands,
        team: Name::from("fallback"),
        owner: "fallback".to_owned(),
        at: gone.now,
        zone: Some(zone_words(zone, gone.now)),
        trace: None,
        id,
    }
}
