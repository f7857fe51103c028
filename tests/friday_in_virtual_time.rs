//! The Friday on which the stock export fails, with its true dates, through the real engine and store.

mod virtual_world;

use freshd::model::{Fact, Outcome, Purpose, Reply, Request, RunState, Severity};
use virtual_world::{Play, World, at};

const COMPANY: &str = r#"
timezone = "Europe/Oslo"

# What comes on Mondays besides is for other tests.
[alerts]
weekly = false
canary = false

[fallback]
notify = ["mail:it@seafood.example"]

[channels.mail]
type = "file"
dir = "outbox"

[channels.slack]
type = "file"
dir = "outbox"

[teams.warehouse]
notify = ["mail:warehouse@seafood.example", "slack"]
[teams.sales]
notify = ["mail:sales@seafood.example"]
[teams.logistics]
notify = ["mail:logistics@seafood.example"]
[teams.finance]
notify = ["mail:finance@seafood.example"]
[teams.planning]
notify = ["mail:planning@seafood.example"]

[systems.wms]
title = "Warehouse system"
owner = "warehouse"
[systems.sales]
title = "Sales desk"
owner = "sales"
reads_at = "0 7 * * MON-FRI"
[systems.transport]
title = "Transport portal"
owner = "logistics"
reads_at = "30 7 * * MON-FRI"
[systems.finance]
title = "Finance"
owner = "finance"
reads_at = "0 9 * * MON"
[systems.forecast]
title = "Forecast"
owner = "planning"
reads_at = "0 10 * * MON"

[datasets.stock]
title = "Stock per lot"
owner = "warehouse"
file = "exports/stock.csv"
consumers = ["sales", "transport", "finance", "forecast"]
due = { at = "0 23 * * FRI", grace = "15m", warn = "5m" }
max_age = "7d 2h"

[jobs.stock-export]
title = "Friday stock export"
owner = "warehouse"
from = "wms"
command = "true"
schedule = "0 22 * * FRI"
produces = "stock"
timeout = "10m"
retry = { attempts = 4, delay = "1m", factor = 2, max_delay = "15m" }
"#;

/// What was sent, in order: when (local), to whom, why.
fn told(world: &World) -> Vec<(String, String, Purpose)> {
    let mut told: Vec<_> = world
        .sent
        .iter()
        .map(|(when, sent)| {
            let local = jiff::tz::TimeZone::get("Europe/Oslo").unwrap().to_datetime(*when);
            (
                local.strftime("%a %H:%M").to_string(),
                sent.address.to_string(),
                sent.message.purpose,
            )
        })
        .collect();
    told.sort();
    told
}

/// A good Friday, then one on which every attempt fails.
fn bad_friday() -> World {
    let mut world = World::start(COMPANY, "2026-11-20T12:00");
    world.script("stock-export", |_, now| {
        if now < at("2026-11-27T00:00") || now > at("2026-11-30T00:00") {
            Play::writes(&now.to_string(), now)
        } else {
            Play::fails(1, "connecting to wms\nORA-12541: no listener\n")
        }
    });
    world.run_until("2026-11-27T21:59");
    assert_eq!(told(&world), [], "a good Friday tells nobody");
    world
}

#[test]
fn the_owner_is_told_once_when_the_export_has_finally_failed() {
    let mut world = bad_friday();
    world.run_until("2026-11-27T23:00");
    let attempts = world
        .started
        .iter()
        .filter(|(_, _, when)| *when > at("2026-11-27T00:00"))
        .count();
    assert_eq!(attempts, 4, "it is retried");
    let told = told(&world);
    let addresses: Vec<_> = told.iter().map(|(_, to, why)| (to.as_str(), *why)).collect();
    assert_eq!(
        addresses,
        [
            ("mail:warehouse@seafood.example", Purpose::Opening),
            ("slack", Purpose::Opening)
        ],
        "one mail and one Slack message, to the owner alone"
    );
    let message = &world.sent[0].1.message;
    assert_eq!(message.severity, Severity::Warning);
    let text = format!("{} {:?} {:?}", message.headline, message.facts, message.output);
    for word in [
        "Friday stock export",
        "4 attempts",
        "exit code 1",
        "ORA-12541",
        "2026-11-27 23:15",
        "Sales desk",
        "Mon 2026-11-30 07:00",
    ] {
        assert!(text.contains(word), "no {word} in {text}");
    }
}

#[test]
fn at_the_deadline_the_owner_gets_one_update_and_each_reader_one_notice() {
    let mut world = bad_friday();
    world.run_until("2026-11-27T23:14:59");
    let before = world.sent.len();
    world.run_until("2026-11-27T23:15:01");
    let news: Vec<_> = world.sent[before..].iter().map(|(_, sent)| sent).collect();
    let mut told: Vec<_> = news
        .iter()
        .map(|sent| (sent.address.to_string(), sent.message.purpose))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            ("mail:finance@seafood.example".to_owned(), Purpose::Impact),
            ("mail:logistics@seafood.example".to_owned(), Purpose::Impact),
            ("mail:planning@seafood.example".to_owned(), Purpose::Impact),
            ("mail:sales@seafood.example".to_owned(), Purpose::Impact),
            ("mail:warehouse@seafood.example".to_owned(), Purpose::Update),
            ("slack".to_owned(), Purpose::Update),
        ]
    );
    let opening = &world.sent[0].1.message;
    for update in news.iter().filter(|sent| sent.message.purpose == Purpose::Update) {
        assert_eq!(update.message.thread, opening.thread, "in the same thread");
        assert_eq!(update.message.subject, format!("Re: {}", opening.subject));
        assert_eq!(update.message.severity, Severity::Critical);
    }
}

#[test]
fn the_weekend_brings_reminders_to_the_owner_only() {
    let mut world = bad_friday();
    world.run_until("2026-11-27T23:16");
    let before = world.sent.len();
    world.run_until("2026-11-30T08:30");
    let reminders: Vec<_> = told(&world)
        .into_iter()
        .filter(|(_, to, why)| *why == Purpose::Reminder && to.starts_with("mail:"))
        .map(|(when, to, _)| (when, to))
        .collect();
    let owner = "mail:warehouse@seafood.example".to_owned();
    let at_hours: Vec<_> = reminders.iter().map(|(when, _)| &when[..6]).collect();
    assert!(reminders.iter().all(|(_, to)| *to == owner), "{reminders:?}");
    assert_eq!(at_hours, ["Fri 23", "Mon 08", "Sat 02"]);
    assert!(
        world.sent[before..]
            .iter()
            .all(|(_, sent)| sent.message.purpose == Purpose::Reminder)
    );
}

#[test]
fn a_repair_on_monday_is_told_to_everyone_who_was_told_and_in_the_same_threads() {
    let mut world = bad_friday();
    world.run_until("2026-11-30T06:45");
    let Reply::Done(run) = world.ask(Request::Run {
        job: "stock-export".into(),
        args: Vec::new(),
    }) else {
        panic!("a manual run is taken");
    };
    assert!(run["run"].is_u64());
    let before = world.sent.len();
    world.run_until("2026-11-30T06:46");
    let recoveries: Vec<_> = world.sent[before..].iter().map(|(_, sent)| sent).collect();
    assert!(
        recoveries.iter().all(|sent| sent.message.purpose == Purpose::Recovery),
        "{recoveries:?}"
    );
    let thread_of = |to: &str, why: fn(Purpose) -> bool| {
        let first = world
            .sent
            .iter()
            .find(|(_, sent)| sent.address.to_string() == to && why(sent.message.purpose));
        first.map(|(_, sent)| sent.message.thread.clone())
    };
    for to in [
        "mail:warehouse@seafood.example",
        "slack",
        "mail:sales@seafood.example",
        "mail:logistics@seafood.example",
        "mail:finance@seafood.example",
        "mail:planning@seafood.example",
    ] {
        let first = thread_of(to, |why| why != Purpose::Recovery);
        assert_eq!(thread_of(to, |why| why == Purpose::Recovery), first, "{to}");
        assert!(first.is_some(), "{to}");
    }
    assert_eq!(recoveries.len(), 6);
    world.run_until("2026-12-04T21:00");
    assert_eq!(world.sent.len(), before + 6, "and then there is silence");
}

#[test]
fn a_restart_at_any_moment_of_the_weekend_changes_nothing_that_people_see() {
    let mut whole = bad_friday();
    whole.run_until("2026-11-30T09:00");
    for crash_at in [
        "2026-11-27T22:00:01",
        "2026-11-27T22:03",
        "2026-11-27T23:14:59",
        "2026-11-27T23:15:00",
        "2026-11-29T12:00",
    ] {
        let mut world = bad_friday();
        world.run_until(crash_at);
        world.crash();
        world.restart();
        world.run_until("2026-11-30T09:00");
        assert_eq!(told(&world), told(&whole), "after a crash at {crash_at}");
        assert_eq!(world.started, whole.started, "after a crash at {crash_at}");
    }
}

#[test]
fn downtime_over_the_deadline_is_noticed_within_five_seconds_of_the_start() {
    let mut world = bad_friday();
    world.run_until("2026-11-27T22:30");
    world.crash();
    world.run_until("2026-11-28T03:00");
    world.restart();
    world.run_until("2026-11-28T03:00:05");
    let impact = told(&world)
        .into_iter()
        .filter(|(_, _, why)| *why == Purpose::Impact)
        .count();
    assert_eq!(impact, 4);
}

#[test]
fn every_occurrence_ends_in_exactly_one_recorded_outcome() {
    let mut world = bad_friday();
    world.run_until("2026-12-12T00:00");
    let mut last = std::collections::BTreeMap::new();
    for fact in &world.facts {
        if let Fact::Run(run) = fact {
            last.insert(run.id, run.clone());
        }
    }
    let due: Vec<_> = last
        .values()
        .filter_map(|run| Some((run.due_at?, run.state, run.outcome)))
        .collect();
    let expected = [
        ("2026-11-20T22:00", Outcome::Succeeded),
        ("2026-11-27T22:00", Outcome::Failed),
        ("2026-12-04T22:00", Outcome::Succeeded),
        ("2026-12-11T22:00", Outcome::Succeeded),
    ];
    let expected: Vec<_> = expected
        .map(|(due, outcome)| (at(due), RunState::Final, Some(outcome)))
        .into();
    assert_eq!(due, expected);
}
