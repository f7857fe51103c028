//! Who knows of an incident: told, not yet, given up, as `status`, `why` and `incidents` say it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::paint::{Tone, clean, tone};
use super::times;
use crate::model::{AddressState, Reach};

/// The lines for those that were told, for each that was not yet, and for each that was given up; none for nobody.
pub(super) fn lines(addresses: &[AddressState], now: Timestamp, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let moment = |at: Option<Timestamp>| at.map(|at| times::moment(at, now, zone));
    let told: Vec<&AddressState> = of_state(addresses, Reach::Told).collect();
    let mut teams: Vec<(&str, Vec<String>)> = Vec::new();
    for one in &told {
        let at = moment(one.at).map_or_else(String::new, |at| format!(" {at}"));
        let by = format!("{}{at}", clean(&one.to));
        match teams.iter_mut().find(|(team, _)| *team == one.team.as_str()) {
            Some((_, known)) => known.push(by),
            None => teams.push((one.team.as_str(), vec![by])),
        }
    }
    let teams: Vec<String> = teams
        .iter()
        .map(|(team, by)| format!("{} by {}", clean(team), by.join(" and ")))
        .collect();
    let waits = of_state(addresses, Reach::NotYet).next().is_some();
    let nobody = || tone(Tone::Bad, if waits { "nobody yet" } else { "nobody" });
    let mut lines = vec![("told", if teams.is_empty() { nobody() } else { teams.join(", ") })];
    for one in of_state(addresses, Reach::NotYet) {
        let since = moment(one.at).map_or_else(String::new, |at| format!(", waiting since {at}"));
        lines.push(("not yet", format!("{}{since}{}", who(one), because(one, now, zone))));
    }
    for one in of_state(addresses, Reach::GivenUp) {
        let at = moment(one.at).map_or_else(String::new, |at| format!(", {at}"));
        lines.push(("given up", format!("{}{at}{}", who(one), because(one, now, zone))));
    }
    for one in told.iter().filter(|one| one.error.is_some()) {
        let since = moment(one.waiting_since).map_or_else(String::new, |at| format!(" since {at}"));
        lines.push((
            "not all",
            format!(
                "{}: the newest could not be told{since}{}",
                who(one),
                because(one, now, zone)
            ),
        ));
    }
    lines
}

fn of_state(addresses: &[AddressState], state: Reach) -> impl Iterator<Item = &AddressState> {
    addresses.iter().filter(move |one| one.state == state)
}

fn who(one: &AddressState) -> String {
    format!("{} by {}", clean(one.team.as_str()), clean(&one.to))
}

fn because(one: &AddressState, now: Timestamp, zone: &TimeZone) -> String {
    let tries = match one.tries {
        0 => String::new(),
        1 => ", tried once".to_owned(),
        tries => format!(", tried {tries} times"),
    };
    let error = one
        .error
        .as_deref()
        .map_or_else(String::new, |error| format!(": {}", clean(error)));
    let next = match one.next_try_at {
        Some(at) if at > now => format!(", next at {}", times::moment(at, now, zone)),
        Some(_) | None => String::new(),
    };
    format!("{tries}{next}{error}")
}
