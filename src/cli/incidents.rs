//! `freshd incidents`: what went wrong, and who was told what and when.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::addresses;
use super::board;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::notify;
use super::numbers;
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::{Column, facts, grid};
use super::taken_on;
use super::times;
use super::titles::Titles;
use crate::model::{
    AddressState, Delivery, Incident, IncidentId, IncidentState, Notification, NotificationState, Reach, Severity,
    Shown, drill_words, end_words, incident_line,
};
use crate::store::Reader;

/// Most incidents of one answer.
const LIMIT_MAX: i64 = 100_000;

/// Turns of one that comes and goes that are shown, the newest.
const SPELLS_SHOWN_MAX: usize = 10;

/// What `incidents` is told.
#[derive(Debug, clap::Args)]
pub(super) struct IncidentsArgs {
    /// One incident, with every message about it
    #[arg(value_parser = numbers::incident)]
    id: Option<u64>,

    /// Those that are over too
    #[arg(long, conflicts_with = "id")]
    all: bool,

    /// At most so many, the newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = |text: &str| numbers::count(text, LIMIT_MAX))]
    limit: u32,
}

pub(super) fn run(args: &IncidentsArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let (now, zone) = (Timestamp::now(), global.zone());
    let reader = global.reader()?;
    if let Some(id) = args.id.map(IncidentId) {
        let incident = reader.incident(id)?.ok_or_else(|| {
            Failure::usage(format!(
                "there is no incident {id}; `freshd incidents --all` lists them"
            ))
        })?;
        let told = reader.addresses_of(&incident)?;
        let titles = Titles::of(&global.config);
        return one(
            &incident,
            &reader.notifications_of(id)?,
            (&told, &titles),
            now,
            &zone,
            out,
        );
    }
    let incidents = reader.incidents(!args.all, args.limit)?;
    if out.json {
        let mut documents = Vec::with_capacity(incidents.len());
        for incident in &incidents {
            documents.push(incident_line(incident, &reader.addresses_of(incident)?));
        }
        out.document(&json!({ "incidents": documents }))?;
        return Ok(Exit::Fine);
    }
    if incidents.is_empty() {
        let words = if args.all {
            "nothing ever went wrong"
        } else {
            "no incident is open; --all lists those that are over"
        };
        out.line(tone(Tone::Good, words))?;
        return given_up(&reader, global, out);
    }
    let columns = [
        Column::whole("id"),
        Column::whole("state"),
        Column::cut("what", 20),
        Column::whole("since"),
        Column::whole("over").spare(1),
        Column::cut("taken on", 16).spare(2),
        Column::cut("told", 12).spare(3),
        Column::cut("reason", 20).spare(4),
    ];
    let mut rows = Vec::with_capacity(incidents.len());
    let titles = Titles::of(&global.config);
    for incident in &incidents {
        let told = reader.addresses_of(incident)?;
        rows.push(row(incident, &told, &titles, now, &zone));
    }
    for line in grid(&columns, &rows, out::table_width()) {
        out.line(line)?;
    }
    given_up(&reader, global, out)
}

/// Says at the end if somebody was not told of it, or of its end.
fn given_up(reader: &Reader, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    if let Some(remark) = notify::remark(reader, global)? {
        out.line(remark)?;
    }
    Ok(Exit::Fine)
}

fn row(incident: &Incident, told: &[AddressState], titles: &Titles, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let mut teams: Vec<String> = Vec::new();
    for one in told {
        let name = one.reader(&titles.team(one.team.as_str()));
        let of_team = || {
            told.iter()
                .filter(|other| (&other.team, other.in_stead) == (&one.team, one.in_stead))
        };
        let team = if of_team().any(|one| one.state == Reach::Told) {
            name
        } else if of_team().any(|one| one.state == Reach::NotYet) {
            format!("{name} not yet")
        } else {
            format!("{name} given up")
        };
        if !teams.contains(&team) {
            teams.push(team);
        }
    }
    let over = incident.resolved_at.map(|at| {
        format!(
            "{}, after {}",
            times::moment(at, now, zone),
            times::took(incident.since, at)
        )
    });
    let taken_on = match incident.resolved_at {
        Some(_) => incident.ack.as_ref().map(|ack| clean(&ack.by)),
        None => incident.taken_on(now).map(|ack| {
            let until = times::moment(ack.until, now, zone);
            format!("{} until {until}", clean(&ack.by))
        }),
    };
    let shown = shown(incident);
    let since = if shown.is_well { shown.since } else { incident.since };
    vec![
        incident.id.to_string(),
        tone(tint(incident), incident.state_word()),
        what(incident, &shown),
        times::moment(since, now, zone),
        over.unwrap_or_default(),
        taken_on.unwrap_or_default(),
        teams.join(", "),
        clean(&shown.why),
    ]
}

fn one(
    incident: &Incident,
    messages: &[(Notification, Vec<Delivery>)],
    (told_by, titles): (&[AddressState], &Titles),
    now: Timestamp,
    zone: &TimeZone,
    out: &mut Out,
) -> Result<Exit, Failure> {
    if out.json {
        let messages: Vec<Value> = messages
            .iter()
            .map(|(message, tries)| json!({ "notification": message, "deliveries": tries }))
            .collect();
        out.document(&json!({ "incident": incident_line(incident, told_by), "messages": messages }))?;
        return Ok(Exit::Fine);
    }
    let told = |at: Timestamp| times::moment_and_hint(at, now, zone);
    let state = tone(tint(incident), incident.state_word());
    let shown = shown(incident);
    let (because, grave, since) = match shown.is_well {
        true => ("when wrong", "when wrong ", format!(" since {}", told(shown.since))),
        false => ("because", "", String::new()),
    };
    out.line(format!(
        "incident {}: {}{since} · {state} · {grave}{}",
        incident.id,
        what(incident, &shown),
        incident.severity.as_str()
    ))?;
    let mut lines = vec![(because, clean(&shown.why)), ("since", incident.since_words(told))];
    if let Some(at) = incident.ends_by() {
        lines.push(("over", end_words(&times::moment(at, now, zone))));
    }
    if let Some(cause) = incident.cause {
        lines.push(("explained by", format!("incident {cause}")));
    }
    if let Some(at) = incident.opened_at {
        lines.push(("opened", told(at)));
    }
    if let Some(drill) = &incident.drill {
        lines.push((
            "drill",
            format!("ordered by {}, until {}", clean(&drill.by), told(drill.until)),
        ));
        lines.push(("result", clean(&drill_words(incident))));
    }
    if let Some(flapping) = &incident.flapping {
        lines.push(("turns", flapping.words(told)));
        for spell in flapping.spells.iter().rev().take(SPELLS_SHOWN_MAX) {
            let (from, to) = (times::moment(spell.from, now, zone), times::moment(spell.to, now, zone));
            lines.push(("", format!("well from {from} to {to}")));
        }
    }
    lines.extend(taken_on::lines(incident, now, zone));
    for step in incident.escalated.iter().filter_map(|step| step.words(told)) {
        lines.push(("escalated", clean(&step)));
    }
    if let Some(at) = incident.remind_at.filter(|_| incident.state == IncidentState::Open) {
        lines.push(("reminder", told(at)));
    }
    if let Some(at) = incident.resolved_at {
        let by_hand = incident.resolution.as_deref();
        let by_hand = by_hand.map_or_else(String::new, |words| format!(": {}", clean(words)));
        lines.push(("over", told(at) + &by_hand));
    }
    let is_waiting = incident.state == IncidentState::Waiting;
    if told_by.is_empty() && (is_waiting || messages.is_empty()) {
        lines.push(("told", "nobody".to_owned()));
    } else {
        lines.extend(addresses::lines(told_by, titles, now, zone));
    }
    out.text(&facts(&lines, 2, out::width()))?;
    if messages.is_empty() {
        return Ok(Exit::Fine);
    }
    out.line("")?;
    let columns = [
        Column::whole("id"),
        Column::whole("decided"),
        Column::whole("message"),
        Column::whole("team"),
        Column::cut("to", 20),
        Column::whole("state"),
        Column::cut("", 16).spare(1),
    ];
    let rows: Vec<Vec<String>> = messages
        .iter()
        .map(|(message, tries)| message_row(message, tries, now, zone))
        .collect();
    for line in grid(&columns, &rows, out::table_width()) {
        out.line(line)?;
    }
    Ok(Exit::Fine)
}

fn message_row(message: &Notification, tries: &[Delivery], now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let tint = match message.state {
        NotificationState::Delivered => Tone::Good,
        NotificationState::Pending => Tone::Warn,
        NotificationState::Dead => Tone::Bad,
        NotificationState::Collapsed => Tone::Dim,
    };
    let error = tries
        .iter()
        .rev()
        .find_map(|delivery| delivery.outcome.error())
        .map(clean);
    let count = match (message.digest, tries.len()) {
        (Some(digest), _) => format!(" in digest {digest}"),
        (None, 0 | 1) => String::new(),
        (None, tries) => format!(" after {tries} tries"),
    };
    let error = error.or_else(|| message.digest.and(message.last_error.as_deref()).map(clean));
    let is_held_up = message.state == NotificationState::Pending && message.next_try_at > now;
    let next = is_held_up.then(|| times::moment(message.next_try_at, now, zone));
    let remark = match (error, next) {
        (Some(error), Some(next)) => format!("{error}; again at {next}"),
        (None, Some(next)) => format!("waits for {}, next at {next}", clean(&message.address.to_string())),
        (error, None) => error.unwrap_or_default(),
    };
    vec![
        message.id.to_string(),
        times::moment_with_seconds(message.created_at, now, zone),
        message.message.purpose.as_str().to_owned(),
        clean(message.message.team.as_str()),
        clean(&message.address.to_string()),
        tone(tint, format!("{}{count}", message.state.as_str())),
        remark,
    ]
}

fn shown(incident: &Incident) -> Shown {
    incident.shown(board::kind_words(incident.kind.as_str(), incident.subject.as_str()))
}

fn what(incident: &Incident, shown: &Shown) -> String {
    if incident.drill.is_some() {
        let (about, subject) = (incident.about.as_str(), clean(incident.subject.as_str()));
        return format!("[DRILL] {about} {subject}");
    }
    format!(
        "{} {} {}",
        incident.about.as_str(),
        clean(incident.subject.as_str()),
        shown.how
    )
}

fn tint(incident: &Incident) -> Tone {
    match (incident.state, incident.severity) {
        (IncidentState::Resolved, _) => Tone::Good,
        // It is not wrong as people see it now.
        _ if incident.well_since().is_some() => Tone::Warn,
        (IncidentState::Waiting | IncidentState::Attached, _) | (IncidentState::Open, Severity::Warning) => Tone::Warn,
        (IncidentState::Open, Severity::Critical) => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Flapping, plain_incident};

    #[test]
    fn what_comes_and_goes_and_is_well_is_not_listed_as_wrong() {
        let at = |clock: &str| -> Timestamp { format!("2026-11-27T{clock}:00Z").parse().expect("a time") };
        let mut turns = plain_incident("export", at("20:00"));
        let line = |incident: &Incident| {
            let row = row(incident, &[], &Titles::default(), at("21:00"), &TimeZone::UTC);
            [row[2].clone(), row[3].clone(), row[7].clone()]
        };
        assert_eq!(line(&turns), ["job export failed", "20:00", "exit code 1"]);
        turns.flapping = Some(Flapping {
            since: at("20:00"),
            times: 4,
            well_since: Some(at("20:50")),
            good: 1,
            good_at: None,
            spells: Vec::new(),
        });
        let well = ["job export comes and goes, well", "20:50", "failed: exit code 1"];
        assert_eq!(line(&turns), well);
        turns.resolved_at = Some(at("20:55"));
        assert_eq!(line(&turns)[0], "job export failed");
    }
}
