//! A team is told times in its own zone: whatever a message says, its foot names the zone of.

use freshd::model::{LineageWord, Notification, PingKind, Purpose, Request};
use jiff::Timestamp;

use super::delivery::busy;
use super::virtual_world::{Play, World, at};
use super::{NO_PROOFS, PEOPLE};

const YORK: &str = "mail:york@sea.example";
const FAR: &str = "mail:far@sea.example";

/// Two teams in New York, in a file whose times are those of Oslo: one owns data that is due at noon there, and data that is
/// made elsewhere; the other reads them.
fn abroad() -> World {
    abroad_with("")
}

fn abroad_with(more: &str) -> World {
    let teams = ["york", "far"].map(|team| {
        format!("[teams.{team}]\nnotify = [\"mail:{team}@sea.example\"]\ntimezone = \"America/New_York\"\n")
    });
    let text = format!(
        "{PEOPLE}{NO_PROOFS}{more}{}\
         [jobs.j]\nowner = \"york\"\ncommand = \"true\"\nproduces = \"d\"\nalert = \"breach\"\n\
         [jobs.r]\nowner = \"far\"\ncommand = \"true\"\nneeds = [\"d\", \"made\"]\n\
         [datasets.d]\nowner = \"york\"\nfile = \"d\"\ndue = {{ at = \"0 12 * * *\", grace = \"10m\", early = \"30m\" }}\n\
         [datasets.made]\nowner = \"york\"\nprobe = {{ openlineage = \"shop/made\" }}\n",
        teams.concat()
    );
    let mut world = World::start(&text, "2026-11-26T10:00");
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.done(ended(PingKind::Success, "2026-11-26T10:00"));
    world.run_until("2026-11-26T11:00");
    world
}

fn ended(kind: PingKind, at_time: &str) -> Request {
    Request::Lineage(LineageWord {
        kind,
        run: at_time.replace(':', "-"),
        at: at(at_time),
        makes: vec!["made".into()],
        reads: Vec::new(),
        text: "spark/daily".to_owned(),
    })
}

/// Sentences and lines of a message that hold a time, with those times.
fn timed(notification: &Notification) -> Vec<(&str, Vec<&str>)> {
    let message = &notification.message;
    let texts = std::iter::once(message.headline.as_str()).chain(message.facts.iter().map(|fact| fact.text.as_str()));
    texts
        .filter_map(|text| {
            let days = text.match_indices("2026-11-2").filter(|(start, _)| *start >= 4);
            let times: Vec<&str> = days.filter_map(|(start, _)| text.get(start - 4..start + 16)).collect();
            (!times.is_empty()).then_some((text, times))
        })
        .collect()
}

/// Whether a time is one at which something happened or was due, as it is in New York: between 02:00 and 11:00.
fn is_of_new_york(time: &str) -> bool {
    ("02:00".."11:00").contains(&&time[15..])
}

#[track_caller]
fn are_in_its_zone(sent: &[(Timestamp, Notification)], address: &str) -> Vec<(Purpose, String)> {
    let to_it = sent
        .iter()
        .map(|(_, sent)| sent)
        .filter(|sent| sent.address.to_string() == address);
    let mut quoted = Vec::new();
    for notification in to_it {
        let zone = notification.message.zone.as_deref();
        assert_eq!(
            zone,
            Some("America/New_York (UTC-5)"),
            "{}",
            notification.message.headline
        );
        for (text, times) in timed(notification) {
            if text.contains(" (in Europe/Oslo)") {
                quoted.push((notification.message.purpose, text.to_owned()));
                continue;
            }
            for time in times {
                assert!(is_of_new_york(time), "{time} in {text:?}");
            }
        }
    }
    quoted
}

#[test]
fn what_is_wrong_with_data_is_said_to_each_team_in_the_zone_that_its_message_names() {
    let mut world = abroad();
    world.script("j", |_, _| Play::fails(1, ""));
    world.run_until("2026-11-26T12:20");
    world.done(ended(PingKind::Fail, "2026-11-26T12:19"));
    world.run_until("2026-11-26T14:00");
    let told: Vec<_> = world.told_to(YORK).into_iter().chain(world.told_to(FAR)).collect();
    for purpose in [Purpose::Opening, Purpose::Impact, Purpose::Reminder] {
        assert!(told.contains(&purpose), "{told:?}");
    }
    let mut texts = world
        .sent
        .iter()
        .flat_map(|(_, sent)| timed(sent))
        .map(|(text, _)| text);
    assert!(
        texts.any(|text| text.contains("the delivery due Thu 2026-11-26 06:00 with 10m grace has not come")),
        "{:?}",
        world
            .sent
            .iter()
            .map(|(_, sent)| &sent.message.headline)
            .collect::<Vec<_>>()
    );
    for address in [YORK, FAR] {
        assert_eq!(are_in_its_zone(&world.sent, address), []);
    }
    // What it was is on record in the zone of jobs.toml, and said to be so.
    world.script("j", |_, now| Play::writes("y", now));
    world.run("j");
    world.done(ended(PingKind::Success, "2026-11-26T14:00"));
    world.run_until("2026-11-26T14:20");
    let quoted = are_in_its_zone(&world.sent, YORK);
    assert!(!quoted.is_empty(), "it is over, and was so");
    for (purpose, text) in quoted {
        assert!(
            purpose == Purpose::Recovery && text.contains("2026-11-26 12:"),
            "{purpose:?}: {text}"
        );
    }
}

#[test]
fn whoever_stands_in_for_a_team_is_told_times_in_their_own_zone() {
    let it = "[teams.it]\nnotify = [\"mail:it@sea.example\"]\ntimezone = \"Asia/Tokyo\"\n";
    let zones = [
        // The zone of the file is that of whoever is no team.
        ("", "Europe/Oslo (UTC+1)", "12:", "10:00".."16:00"),
        (it, "Asia/Tokyo (UTC+9)", "20:", "18:00".."24:00"),
    ];
    for (team, zone, since, hours) in zones {
        let mut world = abroad_with(team);
        world.channel(YORK, |_, now| busy(now));
        world.run_until("2026-11-26T12:20");
        world.done(ended(PingKind::Fail, "2026-11-26T12:19"));
        world.run_until("2026-11-26T15:30");
        let sent = world.sent.iter().map(|(_, sent)| sent);
        let stood_in = sent.filter(|sent| sent.told_for().as_str() == "york" && sent.address.to_string() != YORK);
        let stood_in: Vec<_> = stood_in
            .filter(|sent| sent.address.to_string() == "mail:it@sea.example")
            .collect();
        let first = stood_in.first().expect("the fallback stands in");
        let instead = &first.message.facts[0];
        let since = format!("reached since Thu 2026-11-26 {since}");
        assert!(
            instead.label == "Instead of" && instead.text.contains(&since),
            "{instead:?}"
        );
        for sent in stood_in {
            assert_eq!(sent.message.zone.as_deref(), Some(zone), "{}", sent.message.headline);
            for (text, times) in timed(sent) {
                for time in times {
                    assert!(hours.contains(&&time[15..]), "{time} in {text:?}, told in {zone}");
                }
            }
        }
    }
}
