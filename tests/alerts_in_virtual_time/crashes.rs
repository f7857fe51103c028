//! freshd dies at every single commit of a bad night, and nobody who is told notices.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use freshd::model::{DeliveryOutcome, NotificationState, Purpose};
use jiff::Timestamp;

use super::virtual_world::{Crash, Play, World, at, file};

/// An export that is due at ten in the evening and promised for a quarter past eleven, the report that is made from
/// it, and a price list that comes from elsewhere.
const NIGHT: &str = r#"
timezone = "Europe/Oslo"
[fallback]
notify = ["mail:it@sea.example"]
[channels.mail]
type = "file"
dir = "outbox"
[channels.slack]
type = "file"
dir = "outbox"
[teams.ops]
notify = ["mail:ops@sea.example", "slack"]
escalate = [{ after = "1h", notify = ["mail:boss@sea.example"] }]
[teams.sales]
notify = ["mail:sales@sea.example"]
[teams.finance]
notify = ["mail:finance@sea.example"]
[systems.shop]
owner = "sales"
reads_at = "0 7 * * *"
[pools.erp]
slots = 1

[datasets.stock]
owner = "ops"
file = "stock.csv"
consumers = ["shop"]
due = { at = "0 23 * * *", grace = "15m", early = "2h" }
[datasets.report]
owner = "finance"
file = "report.csv"
max_age = "4h"
[datasets.prices]
owner = "sales"
probe = { file = "prices.csv", every = "2m" }
max_age = "10h"
as_of = "mtime"

[jobs.export]
owner = "ops"
command = "true"
schedule = "0 1,22 * * *"
produces = "stock"
pool = "erp"
retry = { attempts = 4, delay = "1m", factor = 2, max_delay = "15m" }
[jobs.report]
owner = "finance"
command = "true"
on = ["stock"]
produces = "report"
[jobs.billing]
owner = "sales"
command = "true"
schedule = "0 1,22 * * *"
pool = "erp"
retry = { attempts = 2, delay = "1m" }
"#;

/// The night: from before the first attempt until long after the last recovery.
const BEGINS: &str = "2026-11-27T21:59";
const REPAIRED: &str = "2026-11-28T00:59";
const ENDS: &str = "2026-11-28T02:00";

/// A good afternoon, up to the evening on which export and billing fail and no prices come. Slack refuses every message
/// once, sales cannot be reached until after the prices have come, and the boss has moved.
fn evening() -> World {
    let mut world = World::start(NIGHT, "2026-11-27T20:30");
    let is_broken = |now: Timestamp| now > at(BEGINS) && now < at(REPAIRED);
    world.script("export", move |_, now| {
        if is_broken(now) {
            Play::fails(1, "no listener\n")
        } else {
            Play::writes(&now.to_string(), now)
        }
    });
    world.script("billing", move |_, now| {
        let takes = Duration::from_secs(100);
        if is_broken(now) {
            Play::fails(3, "no stock\n").taking(takes)
        } else {
            Play::succeeds().taking(takes)
        }
    });
    world.probe("prices", |now| {
        let came = at("2026-11-28T00:31:30");
        let as_of = if now < came { at("2026-11-27T13:00") } else { came };
        file(&as_of.to_string(), Some(as_of))
    });
    let busy = || DeliveryOutcome::Temporary {
        error: "busy".to_owned(),
        retry_after_seconds: None,
    };
    let mut refused = BTreeSet::new();
    world.channel("slack", move |sent, _| {
        if refused.insert(sent.id) {
            busy()
        } else {
            DeliveryOutcome::Accepted
        }
    });
    world.channel("mail:sales@sea.example", move |_, now| {
        if now < at("2026-11-28T00:40") {
            busy()
        } else {
            DeliveryOutcome::Accepted
        }
    });
    world.channel("mail:boss@sea.example", |_, _| DeliveryOutcome::Permanent {
        error: "550 no such address".to_owned(),
    });
    world.run("export");
    world.run_until(BEGINS);
    assert_eq!(world.told(), [], "all is well so far");
    world
}

/// One message as it arrived: its id, why, its words, and when it came first.
type Told = (String, Purpose, String, Timestamp);

/// What arrived at each address in each thread, in the order of first arrival.
fn threads(world: &World) -> BTreeMap<(String, String), Vec<Told>> {
    let mut threads = BTreeMap::<_, Vec<Told>>::new();
    for (when, sent) in &world.sent {
        let message = &sent.message;
        let thread = threads
            .entry((sent.address.to_string(), message.thread.clone()))
            .or_default();
        if thread.iter().all(|(id, ..)| *id != message.id) {
            let words = format!("{} {}", message.subject, message.headline);
            thread.push((message.id.clone(), message.purpose, words, *when));
        }
    }
    threads
}

/// What stays open: only that the boss cannot be reached.
fn open(world: &World) -> Vec<String> {
    let open = world.open_incidents().into_iter();
    open.map(|incident| incident.subject.to_string()).collect()
}

/// Every message, and no other, in the same words and the same order in each thread, and not a moment later.
/// It may come earlier: a try whose answer was lost is made again at once.
fn hold_against(undisturbed: &World, world: &World, crash: &str) {
    let (expected, arrived) = (threads(undisturbed), threads(world));
    assert_eq!(
        expected.keys().collect::<Vec<_>>(),
        arrived.keys().collect::<Vec<_>>(),
        "{crash}: other addresses or threads"
    );
    for (thread, expected) in &expected {
        let arrived = &arrived[thread];
        let what = |told: &[Told]| -> Vec<_> {
            told.iter()
                .map(|(id, why, words, _)| (id.clone(), *why, words.clone()))
                .collect()
        };
        assert_eq!(what(expected), what(arrived), "{crash}: {thread:?} is told otherwise");
        for ((_, why, _, before), (_, _, _, now)) in expected.iter().zip(arrived) {
            assert!(
                now <= before,
                "{crash}: {why:?} to {thread:?} at {now}, not at {before}"
            );
        }
        if arrived[0].1 == Purpose::Recovery {
            let collapsed = world.ledger.notifications.values().any(|other| {
                other.state == NotificationState::Collapsed
                    && (other.address.to_string(), other.message.thread.clone()) == *thread
            });
            assert!(collapsed, "{crash}: {thread:?} hears of an end and of no beginning");
        }
    }
    let mut notifications = world.ledger.notifications.values();
    assert!(notifications.all(|told| told.state != NotificationState::Pending));
    assert_eq!(open(world), open(undisturbed), "{crash}");
}

fn die_at_every_commit(side: Crash) {
    let mut undisturbed = evening();
    let before = undisturbed.commits;
    undisturbed.run_until(ENDS);
    let told: BTreeSet<_> = threads(&undisturbed)
        .into_values()
        .flatten()
        .map(|told| told.1)
        .collect();
    let all = [
        Purpose::Opening,
        Purpose::Update,
        Purpose::Impact,
        Purpose::Escalation,
        Purpose::Reminder,
        Purpose::Recovery,
    ];
    assert!(all.iter().all(|why| told.contains(why)), "{told:?}");
    assert_eq!(open(&undisturbed), ["mail:boss@sea.example"]);
    hold_against(&undisturbed, &undisturbed, "no crash");
    let commits = before + 1..=undisturbed.commits;
    assert!(commits.clone().count() > 70, "{commits:?}");
    for commit in commits {
        let mut world = evening();
        world.crash_at = Some((commit, side));
        world.run_until(ENDS);
        assert_eq!(world.crash_at, None, "it died");
        hold_against(&undisturbed, &world, &format!("{side:?} commit {commit}"));
    }
}

#[test]
fn nobody_notices_at_which_decision_freshd_died_before_it_was_stored() {
    die_at_every_commit(Crash::Before);
}

#[test]
fn nobody_notices_after_which_commit_freshd_died_before_it_acted() {
    die_at_every_commit(Crash::After);
}

#[test]
fn nobody_notices_after_which_actions_freshd_died_before_it_heard_what_came_of_them() {
    die_at_every_commit(Crash::Acted);
}
