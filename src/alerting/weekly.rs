//! The weekly report to a team, and its words; when it and the weekly proof of an address are due.

use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::at_first::behind_what;
use super::reminder::next_working_morning;
use super::titles::{data_called_and_named, with_name};
use super::words::{was_words, what_words};
use crate::model::{
    Calendar, Dataset, Incident, IncidentState, Message, MessageFact, Name, Outcome, Purpose, Severity, elapsed,
    format_age, format_time,
};

/// A shorter time in which freshd did not run is an update, and no news.
const DOWN_MIN: Duration = Duration::from_mins(10);

/// Problems named in one report.
const PROBLEMS_MAX: usize = 20;

/// Weeks around now in which the next and the last due time are looked for: nobody is closed for longer.
const WEEKS_AROUND: i64 = 10;

/// The last report that was due since `known`, up to now; and when the next one is.
///
/// It is due on Mondays at 08:00 in the team's zone, and where a Monday is no working day of the team, on the next that is.
pub fn weekly_times(
    known: Timestamp,
    now: Timestamp,
    zone: &TimeZone,
    calendar: Option<&Calendar>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let today = zone.to_datetime(now).date();
    let monday = today.saturating_sub(i64::from(today.weekday().since(Weekday::Monday)).days());
    let (mut due, mut next) = (None, None);
    for week in -WEEKS_AROUND..=WEEKS_AROUND {
        let day = monday.saturating_add((7 * week).days());
        let Ok(midnight) = zone.to_timestamp(day.at(0, 0, 0, 0)) else {
            continue;
        };
        let at = next_working_morning(midnight, zone, calendar);
        if at <= now && at > known {
            due = Some(at);
        } else if at > now && at > known {
            next = next.or(Some(at));
        }
    }
    (due, next)
}

/// What happened to a team's jobs and data in a week.
#[derive(Clone, Debug, Default)]
pub struct TeamWeek<'a> {
    /// Runs that began, by how they ended, and what was due and never began.
    pub runs: Vec<(Outcome, u64)>,
    /// Of datasets of which something is promised: all, and those whose promise was broken.
    pub promised: Vec<&'a Dataset>,
    /// See above.
    pub broken: Vec<&'a Dataset>,
    /// And those of which nobody can tell whether it was kept: nothing of them was ever seen.
    pub unseen: Vec<&'a Dataset>,
    /// The problems of the week that people were told of, the oldest first, and those that are open, each with the title of
    /// what it is about.
    pub incidents: Vec<(&'a Incident, Option<&'a str>)>,
    /// For how long freshd did not run.
    pub down: Duration,
}

/// Everything a weekly report is made from.
#[derive(Clone, Debug)]
pub struct ToReport<'a> {
    /// When it is decided.
    pub now: Timestamp,
    /// The week that it is about.
    pub from: Timestamp,
    /// See above: the time at which it was due.
    pub until: Timestamp,
    /// When the next one is due.
    pub next: Option<Timestamp>,
    /// The zone in which its readers are told times.
    pub zone: &'a TimeZone,
    /// The team.
    pub team: &'a Name,
    /// The same as people call it.
    pub team_title: String,
    /// What happened; or why that could not be read.
    pub week: Result<TeamWeek<'a>, &'a str>,
    /// Problems of the team that are not over, those of nobody else's.
    pub open: usize,
    /// Datasets of the team that are not as promised now because of a problem of somebody else.
    pub behind_others: usize,
    /// The oldest of the team's data, and of when it is.
    pub oldest: Option<(&'a Dataset, Timestamp)>,
}

/// Writes the report.
pub fn weekly(id: String, report: &ToReport<'_>) -> Message {
    let zone = report.zone;
    let (from, until) = (format_time(report.from, zone), format_time(report.until, zone));
    let mut facts = Facts::default();
    let mut words = Vec::new();
    let mut is_well = report.open == 0 && report.behind_others == 0;
    match &report.week {
        Ok(week) => {
            let was_down = week.down >= DOWN_MIN;
            let is_kept = week.broken.is_empty() && week.unseen.is_empty();
            is_well = is_well && week.incidents.is_empty() && is_kept && !was_down && missed(week) == 0;
            if was_down {
                words.push(format!(
                    "freshd itself did not run for {} of it: what was due then was missed, or made up for later.",
                    format_age(week.down)
                ));
            }
            words.extend([runs_words(week, &mut facts), promises_words(week, &mut facts)]);
            problems(week, zone, &mut facts);
        }
        Err(why) => {
            is_well = false;
            facts.say(
                "Not known",
                format!("what happened in this week could not be read: {why}"),
            );
        }
    }
    if let Some((dataset, as_of)) = report.oldest {
        let name = data_called_and_named(dataset);
        let age = format_age(elapsed(as_of, report.now));
        facts.say(
            "Oldest data",
            format!("{name}, as of {}, {age} old", format_time(as_of, zone)),
        );
    }
    if let Some(next) = report.next {
        facts.say("Next report", format_time(next, zone));
    }
    let missing = "freshd does not run, or nothing reaches you here: ask whoever operates it to type `freshd status`";
    facts.say("If it is missing", missing.to_owned());
    let open = match report.open {
        0 => None,
        1 => Some("1 problem is open".to_owned()),
        open => Some(format!("{open} problems are open")),
    };
    let behind = match report.behind_others {
        0 => None,
        1 => Some("1 dataset is not as promised because of others".to_owned()),
        behind => Some(format!("{behind} datasets are not as promised because of others")),
    };
    let outcome = match (open, behind) {
        (Some(open), Some(behind)) => format!("{open}, {behind}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) if is_well => "all was well".to_owned(),
        (None, None) => "nothing is open".to_owned(),
    };
    let headline = format!("{}: {outcome}. {}", report.team_title, words.join(" "));
    Message {
        subject: format!("[freshd] Weekly report: {outcome}, {from} to {until}"),
        headline: headline.trim_end().to_owned(),
        facts: facts.0,
        commands: vec!["freshd status".to_owned(), "freshd incidents".to_owned()],
        ..of_freshd(id, Purpose::Weekly, report.team, &report.team_title, report.now)
    }
}

fn runs_words(week: &TeamWeek<'_>, facts: &mut Facts) -> String {
    let all: u64 = week.runs.iter().map(|(_, count)| count).sum();
    let failed = week.runs.iter().filter(|(outcome, _)| outcome.is_failure());
    let failed: u64 = failed.map(|(_, count)| count).sum();
    if all == 0 {
        return "No run was due.".to_owned();
    }
    let refused = counted(week, Outcome::Rejected);
    let failed = failed - refused;
    let missed = missed(week);
    let skipped = counted(week, Outcome::Skipped);
    let of = |(outcome, count): &(Outcome, u64)| format!("{count} {}", outcome.as_str().replace('_', " "));
    let each: Vec<String> = week.runs.iter().map(of).collect();
    facts.say("Runs", each.join(", "));
    let began = match (all - missed - skipped, failed, refused) {
        (0, ..) => "No run began".to_owned(),
        (1, 0, 0) => "1 run, which did not fail".to_owned(),
        (1, 0, _) => "1 run, of which the data was refused".to_owned(),
        (1, ..) => "1 run, which failed".to_owned(),
        (began, 0, 0) => format!("{began} runs, none failed"),
        (began, failed, 0) => format!("{began} runs, {failed} failed"),
        (began, 0, refused) => format!("{began} runs, none failed, and the data of {refused} was refused"),
        (began, failed, refused) => format!("{began} runs, {failed} failed, and the data of {refused} was refused"),
    };
    match missed {
        0 => format!("{began}."),
        1 => format!("{began}; 1 that was due was missed."),
        missed => format!("{began}; {missed} that were due were missed."),
    }
}

fn counted(week: &TeamWeek<'_>, wanted: Outcome) -> u64 {
    let of = week.runs.iter().filter(|(outcome, _)| *outcome == wanted);
    of.map(|(_, count)| count).sum()
}

fn missed(week: &TeamWeek<'_>) -> u64 {
    counted(week, Outcome::Missed)
}

fn promises_words(week: &TeamWeek<'_>, facts: &mut Facts) -> String {
    let all = week.promised.len();
    let kept = all - week.broken.len() - week.unseen.len();
    if all == 0 {
        return String::new();
    }
    if !week.broken.is_empty() {
        facts.say("Broken promises", names(&week.broken));
    }
    if !week.unseen.is_empty() {
        facts.say("Never seen", names(&week.unseen));
    }
    let kept = match (kept, all) {
        (0, _) => "No dataset kept what is promised of it".to_owned(),
        (1, 1) => "The only dataset kept what is promised of it".to_owned(),
        (kept, all) if kept == all => format!("All {all} datasets kept what is promised of them"),
        (1, all) => format!("1 of {all} datasets kept what is promised of it"),
        (kept, all) => format!("{kept} of {all} datasets kept what is promised of them"),
    };
    let unseen = match week.unseen.len() {
        0 => String::new(),
        1 => "; 1 was never seen".to_owned(),
        unseen => format!("; {unseen} were never seen"),
    };
    format!("{kept}{unseen}.")
}

/// The first of them by title and name, and how many more there are.
fn names(all: &[&Dataset]) -> String {
    let named = all.iter().take(PROBLEMS_MAX);
    let named: Vec<String> = named.map(|dataset| data_called_and_named(dataset)).collect();
    match all.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn problems(week: &TeamWeek<'_>, zone: &TimeZone, facts: &mut Facts) {
    // What is open is not left out for what is over.
    let mut incidents = week.incidents.clone();
    incidents.sort_by_key(|(incident, _)| incident.state == IncidentState::Resolved);
    for (incident, title) in incidents.iter().take(PROBLEMS_MAX) {
        let since = incident.since_words(|at| format_time(at, zone));
        let lasted = match incident.resolved_at {
            Some(ended) => format!("since {since}, for {}", format_age(elapsed(incident.since, ended))),
            None => format!("still open since {since}"),
        };
        let is_open = incident.state != IncidentState::Resolved;
        let what = match is_open {
            true => what_words(incident).to_owned(),
            false => was_words(incident),
        };
        let called = with_name(*title, incident.subject.as_str());
        let text = format!("#{} {called} {what}{}, {lasted}", incident.id, behind_what(incident));
        facts.say(if is_open { "Open" } else { "Over" }, text);
    }
    if week.incidents.len() > PROBLEMS_MAX {
        facts.say("Over", format!("and {} more", week.incidents.len() - PROBLEMS_MAX));
    }
}

/// A message about nothing that is wrong. All of one kind to one team are one thread.
pub(super) fn of_freshd(id: String, purpose: Purpose, team: &Name, team_title: &str, at: Timestamp) -> Message {
    let stem = id.split('.').next().unwrap_or(&id);
    Message {
        thread: format!("{stem}.{}-{team}", purpose.as_str()),
        incident: None,
        purpose,
        severity: Severity::Warning,
        kind: None,
        about: None,
        since: None,
        subject_name: team.clone(),
        subject: String::new(),
        headline: String::new(),
        facts: Vec::new(),
        incidents: Vec::new(),
        gathered: None,
        stands_in_for: None,
        team_title: None,
        resent_at: None,
        kind_since: None,
        output: Vec::new(),
        commands: Vec::new(),
        team: team.clone(),
        owner: team_title.to_owned(),
        at,
        zone: None,
        trace: None,
        id,
    }
}

/// The labelled lines of such a message.
#[derive(Default)]
pub(super) struct Facts(pub(super) Vec<MessageFact>);

impl Facts {
    pub(super) fn say(&mut self, label: &str, text: String) {
        self.0.push(MessageFact {
            label: label.to_owned(),
            text,
        });
    }
}

/// How long a report is about.
pub const WEEK: Duration = Duration::from_hours(7 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// Due, and next, as local times of Oslo; `-` where there is none.
    fn times(known: &str, now: &str, calendar: Option<&Calendar>) -> [String; 2] {
        let oslo = TimeZone::get("Europe/Oslo").expect("zone data");
        let (due, next) = weekly_times(at(known), at(now), &oslo, calendar);
        let local = |at: Timestamp| oslo.to_datetime(at).strftime("%a %m-%d %H:%M").to_string();
        [due, next].map(|at| at.map_or_else(|| "-".to_owned(), local))
    }

    #[test]
    fn it_is_due_on_monday_morning_once() {
        let known = "2026-11-25T12:00:00+01:00";
        assert_eq!(
            times(known, "2026-11-30T07:59:59+01:00", None),
            ["-", "Mon 11-30 08:00"]
        );
        let due = ["Mon 11-30 08:00", "Mon 12-07 08:00"];
        assert_eq!(times(known, "2026-11-30T08:00:00+01:00", None), due);
        assert_eq!(
            times(known, "2026-12-03T09:00:00+01:00", None),
            due,
            "late, after a downtime"
        );
        let known = "2026-11-30T08:00:00+01:00";
        assert_eq!(
            times(known, "2026-11-30T08:00:00+01:00", None),
            ["-", "Mon 12-07 08:00"]
        );
        // The clock is set back: it is not due again.
        assert_eq!(
            times(known, "2026-11-30T07:00:00+01:00", None),
            ["-", "Mon 12-07 08:00"]
        );
    }

    #[test]
    fn several_weeks_of_downtime_are_one_report() {
        let known = "2026-11-02T08:00:00+01:00";
        let now = "2026-11-25T12:00:00+01:00";
        assert_eq!(times(known, now, None), ["Mon 11-23 08:00", "Mon 11-30 08:00"]);
    }

    #[test]
    fn a_monday_off_is_made_up_for_on_the_next_working_day_whatever_the_clocks_do() {
        let easter_monday = jiff::civil::date(2026, 4, 6);
        let calendar = Calendar {
            name: "norway".into(),
            weekend: 0b100_0001,
            holidays: [(easter_monday, "Easter".into())].into(),
        };
        let known = "2026-03-23T08:00:00+01:00";
        let next = times(known, "2026-03-28T12:00:00+01:00", Some(&calendar))[1].clone();
        assert_eq!(next, "Mon 03-30 08:00", "summer time has begun");
        let next = times(
            "2026-03-30T08:00:00+02:00",
            "2026-03-31T12:00:00+02:00",
            Some(&calendar),
        )[1]
        .clone();
        assert_eq!(next, "Tue 04-07 08:00");
    }
}
