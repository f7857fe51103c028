//! Who knows of an incident: told, not yet, given up, as `status`, `why` and `incidents` say it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::paint::{Tone, clean, tone};
use super::times;
use super::titles::Titles;
use crate::model::{AddressState, Reach};

/// The lines for those that were told, for each that was not yet, and for each that was given up; none for nobody.
pub(super) fn lines(
    addresses: &[AddressState],
    titles: &Titles,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<(&'static str, String)> {
    let moment = |at: Option<Timestamp>| at.map(|at| times::moment(at, now, zone));
    let told: Vec<&AddressState> = of_state(addresses, Reach::Told).collect();
    let mut readers: Vec<(String, Vec<String>)> = Vec::new();
    for one in &told {
        let at = moment(one.at).map_or_else(String::new, |at| format!(" {at}"));
        let by = format!("{}{at}", clean(&one.to));
        let reader = one.reader(&titles.team(one.team.as_str()));
        match readers.iter_mut().find(|(known, _)| *known == reader) {
            Some((_, known)) => known.push(by),
            None => readers.push((reader, vec![by])),
        }
    }
    let readers: Vec<String> = readers
        .iter()
        .map(|(reader, by)| format!("{reader} by {}", by.join(" and ")))
        .collect();
    // One mail server that is gone says the same of each of its addresses: once is enough, line below line.
    let mut above: Option<&str> = None;
    let waits = of_state(addresses, Reach::NotYet).next().is_some();
    let nobody = || tone(Tone::Bad, if waits { "nobody yet" } else { "nobody" });
    let mut lines = vec![(
        "told",
        if readers.is_empty() {
            nobody()
        } else {
            readers.join(", ")
        },
    )];
    for one in of_state(addresses, Reach::NotYet) {
        let since = moment(one.at).map_or_else(String::new, |at| format!(", waiting since {at}"));
        lines.push((
            "not yet",
            format!("{}{since}{}", who(one, titles), because(one, &mut above, now, zone)),
        ));
    }
    for one in of_state(addresses, Reach::GivenUp) {
        let at = moment(one.at).map_or_else(String::new, |at| format!(", {at}"));
        lines.push((
            "given up",
            format!("{}{at}{}", who(one, titles), because(one, &mut above, now, zone)),
        ));
    }
    for one in told.iter().filter(|one| one.error.is_some()) {
        let since = moment(one.waiting_since).map_or_else(String::new, |at| format!(" since {at}"));
        lines.push((
            "not all",
            format!(
                "{}: the newest could not be told{since}{}",
                who(one, titles),
                because(one, &mut above, now, zone)
            ),
        ));
    }
    lines
}

fn of_state(addresses: &[AddressState], state: Reach) -> impl Iterator<Item = &AddressState> {
    addresses.iter().filter(move |one| one.state == state)
}

fn who(one: &AddressState, titles: &Titles) -> String {
    format!("{} by {}", one.reader(&titles.team(one.team.as_str())), clean(&one.to))
}

/// How often it was tried, when next, and what came of it, where the line above does not end alike.
fn because<'a>(one: &'a AddressState, above: &mut Option<&'a str>, now: Timestamp, zone: &TimeZone) -> String {
    let tries = match one.tries {
        0 => String::new(),
        1 => ", tried once".to_owned(),
        tries => format!(", tried {tries} times"),
    };
    let error = one.error.as_deref();
    let is_said = std::mem::replace(above, error) == error;
    let error = match error {
        None => String::new(),
        Some(_) if is_said => ": the same as above".to_owned(),
        Some(error) => format!(": {}", clean(error)),
    };
    let next = match one.next_try_at {
        Some(at) if at > now => format!(", next at {}", times::moment(at, now, zone)),
        Some(_) | None => String::new(),
    };
    format!("{tries}{next}{error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_line_above_answered_too_is_said_once() {
        let waits = |team: &str, error: &str| AddressState {
            team: team.into(),
            to: format!("mail:{team}@sea.example"),
            in_stead: false,
            state: Reach::NotYet,
            at: None,
            waiting_since: None,
            tries: 3,
            next_try_at: None,
            error: Some(error.to_owned()),
        };
        let gone = "connection refused";
        let addresses = [
            waits("a", gone),
            waits("b", gone),
            waits("c", "421 busy"),
            waits("d", gone),
        ];
        let lines = lines(&addresses, &Titles::default(), Timestamp::UNIX_EPOCH, &TimeZone::UTC);
        let said: Vec<&str> = lines[1..]
            .iter()
            .map(|(_, line)| line.rsplit(": ").next().unwrap_or(""))
            .collect();
        assert_eq!(said, [gone, "the same as above", "421 busy", gone]);
    }
}
