//! A search proposes what is beyond `[history]` in the store's own words; what decisions still need is never forgotten.

use std::time::Duration;

use freshd::model::{
    Action, Aged, AgedRun, Decision, DeliveryOutcome, Event, Fact, Forgotten, HistoryLimit, IncidentId, IncidentState,
    Name, NotificationId, NotificationState, RunId, RunsForgotten, VersionNumber, VersionRef,
};
use jiff::Timestamp;

use super::virtual_world::{Play, World, at, with_ops};

const OPS: &str = "mail:ops@sea.example";

/// Runs of every kind: their place is their number.
const JOBS: [&str; 12] = ["p", "long", "p", "p", "p", "j", "j", "a", "a", "b", "b", "open"];

fn company(comment: &str) -> String {
    let mut text = format!(
        "# {comment}\n[teams.dev]\nnotify = [\"mail:dev@sea.example\"]\n\
         [datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\nkeep_versions = 5\ndue = {{ at = \"0 12 * * *\" }}\n\
         [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         [jobs.long]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"d\"]\ntimeout = \"none\"\n\
         [jobs.later]\nowner = \"dev\"\ncommand = \"true\"\n\
         [jobs.closed]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0,25 14 * * *\"\n"
    );
    for job in ["j", "a", "b", "open"] {
        text += &format!("[jobs.{job}]\nowner = \"ops\"\ncommand = \"true\"\n");
    }
    with_ops(&text)
}

/// A day on which something of every kind is needed still, and something is not.
fn day() -> World {
    let mut world = World::start(&company("before"), "2026-03-02T08:00");
    world.crash();
    world.restart();
    world.reload(&company("of the long run"));
    world.script("long", |_, _| Play::succeeds().taking(Duration::from_hours(100)));
    world.script("p", |spec, now| match spec.id.run.0 {
        5 => Play::writes("few", now).refused("3 rows, at least 50"),
        _ => Play::writes(&now.to_string(), now),
    });
    for (job, fails) in [("a", 8), ("b", 10), ("open", 12), ("later", 14)] {
        world.script(job, move |spec, _| match spec.id.run.0 == fails {
            true => Play::fails(1, ""),
            false => Play::succeeds(),
        });
    }
    // What is told of `b` in the end does not arrive.
    let breaks = at("2026-03-02T08:49:30");
    world.channel(OPS, move |_, now| match now < breaks {
        true => DeliveryOutcome::Accepted,
        false => DeliveryOutcome::Temporary {
            error: "try again".to_owned(),
            retry_after_seconds: None,
        },
    });
    for (place, job) in JOBS.iter().enumerate() {
        world.run(job);
        world.run_until_instant(at("2026-03-02T08:05") + Duration::from_mins(5 * place as u64));
    }
    world.reload(&company("after"));
    world.done(freshd::model::Request::Pause {
        job: "closed".into(),
        because: "stocktaking".to_owned(),
    });
    // The copy of version 1 cannot be put in place again: its number is used all the same.
    let last = VersionRef {
        dataset: "d".into(),
        number: VersionNumber(5),
    };
    world.outside.unpublishable.push(last);
    world.handle(Event::Decided {
        id: 4_711,
        by: "anna".to_owned(),
        because: "the prices were wrong".to_owned(),
        decision: Decision::Restore,
        learn: false,
        version: Ok(Box::new(world.versions("d").remove(0))),
    });
    world.run_until("2026-03-02T14:10");
    for at in ["2026-03-02T14:15", "2026-03-02T14:20"] {
        world.run("later");
        world.run_until(at);
    }
    world.run_until("2026-03-02T14:30");
    world
}

/// What is forgotten of what a search proposes.
fn forgets(world: &mut World, aged: Aged) -> Forgotten {
    world.prune();
    world.handle(Event::Aged(Ok(Box::new(aged))));
    let last = world.facts.last().cloned();
    match last {
        Some(Fact::Forgotten(forgotten)) => *forgotten,
        other => panic!("nothing was forgotten: {other:?}"),
    }
}

fn run(id: u64, job: &str, ended_at: Timestamp) -> AgedRun {
    AgedRun {
        id: RunId(id),
        job: job.into(),
        attempts: 1,
        ended_at,
        versions: Vec::new(),
        limit: HistoryLimit::Keep,
    }
}

fn version(dataset: &str, number: u64) -> VersionRef {
    VersionRef {
        dataset: dataset.into(),
        number: VersionNumber(number),
    }
}

#[test]
fn of_all_runs_and_versions_those_that_nothing_needs_are_forgotten() {
    let mut world = day();
    let runs = world.ledger.runs.values().map(|run| {
        let versions = world.versions("d").into_iter().filter(|made| made.run == Some(run.id));
        AgedRun {
            versions: versions.map(|made| made.reference()).collect(),
            ..self::run(run.id.0, run.job.as_str(), run.created_at)
        }
    });
    let runs: Vec<AgedRun> = runs.collect();
    assert_eq!(runs.len(), 16);
    let versions = (1..=6).map(|number| version("d", number));
    let aged = Aged {
        runs,
        versions: versions.chain([version("gone", 9)]).collect(),
        ..Aged::default()
    };
    let forgotten = forgets(&mut world, aged);
    // Of `p`: 1 made what `long` reads, 4 what is current, 5 was refused and the last. Of each other job the
    // last stays that tells how the job is, and 16 for its number.
    let gone: Vec<u64> = forgotten.runs.iter().map(|run| run.0).collect();
    assert_eq!(gone, [3, 6, 8, 10, 13, 14]);
    assert_eq!(forgotten.versions, [version("d", 2), version("gone", 9)]);
}

#[test]
fn the_newest_number_of_each_kind_stays_for_the_next_to_be_counted_from() {
    let mut world = day();
    let (incidents, notifications) = (&world.ledger.incidents, &world.ledger.notifications);
    let (last_incident, _) = incidents.last_key_value().expect("incidents");
    let (last_notification, last) = notifications.last_key_value().expect("notifications");
    assert_eq!(incidents[last_incident].state, IncidentState::Resolved);
    assert_eq!(last.state, NotificationState::Delivered);
    let aged = Aged {
        // The day before is no longer needed, and makes something be forgotten at all.
        lives: vec![1],
        runs: vec![run(16, "closed", world.now.wall)],
        incidents: vec![*last_incident],
        notifications: vec![*last_notification],
        ..Aged::default()
    };
    let nothing = Forgotten {
        lives: vec![1],
        ..Forgotten::nothing(world.now.wall)
    };
    assert_eq!(forgets(&mut world, aged), nothing);
}

#[test]
fn incidents_and_messages_stay_until_whoever_was_told_has_heard_of_the_end() {
    let mut world = day();
    let about = |job: &str| -> Vec<IncidentId> {
        let incidents = world.incidents().into_iter();
        let about = incidents.filter(|incident| incident.subject.as_str() == job);
        about.map(|incident| incident.id).collect()
    };
    let ([told], [unheard], [open]) = (&about("a")[..], &about("b")[..], &about("open")[..]) else {
        panic!("{:?}", world.incidents());
    };
    let (told, unheard, open) = (*told, *unheard, *open);
    let messages = world.ledger.notifications.values();
    let of = |id: IncidentId| {
        let about = messages.clone().filter(move |message| message.incident == Some(id));
        about.map(|message| message.id).collect::<Vec<NotificationId>>()
    };
    let (delivered, pending) = (of(told), *of(unheard).last().expect("a recovery"));
    let aged = Aged {
        incidents: vec![told, unheard, open],
        notifications: [delivered.clone(), vec![pending]].concat(),
        ..Aged::default()
    };
    let forgotten = forgets(&mut world, aged);
    assert_eq!(forgotten.incidents, [told]);
    assert_eq!(forgotten.notifications, delivered);
}

#[test]
fn slots_stay_while_they_are_open_and_until_the_next_one_is_decided() {
    let mut world = day();
    world.run_until("2026-03-05T13:00");
    let due = |day: u8| at(&format!("2026-03-{day:02}T12:00"));
    let proposed = (1..=12).map(|day| (Name::from("d"), due(day)));
    let aged = Aged {
        slots: proposed.chain([("gone".into(), due(5))]).collect(),
        ..Aged::default()
    };
    let open: Vec<Timestamp> = world
        .slots("d")
        .into_iter()
        .filter(|slot| slot.decided_at.is_none() || slot.due_at >= due(5))
        .map(|slot| slot.due_at)
        .collect();
    let forgotten = forgets(&mut world, aged);
    let gone = |dataset: &str| {
        let of = forgotten.slots.iter().filter(|(name, _)| name.as_str() == dataset);
        of.map(|(_, due_at)| *due_at).collect::<Vec<_>>()
    };
    assert_eq!(gone("gone"), [due(5)]);
    assert!(gone("d").contains(&due(1)));
    assert!(open.len() > 1, "{open:?}");
    assert!(
        gone("d").iter().all(|due_at| !open.contains(due_at)),
        "{open:?} {:?}",
        gone("d")
    );
}

#[test]
fn this_life_and_the_configurations_of_what_goes_on_stay() {
    let mut world = day();
    let accepted: Vec<(String, Timestamp)> = world
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Settings(accepted) => Some((accepted.digest.clone(), accepted.at)),
            _ => None,
        })
        .collect();
    let [before, of_the_long_run, after] = &accepted[..] else {
        panic!("{accepted:?}");
    };
    let (before, after) = (before.clone(), after.clone());
    let aged = Aged {
        lives: vec![1, 2, 3],
        acceptances: vec![before.clone(), of_the_long_run.clone()],
        texts: vec![after.0, world.host().boot_id, "boot-0".to_owned()],
        ..Aged::default()
    };
    let expected = Forgotten {
        lives: vec![1],
        acceptances: vec![before],
        texts: vec!["boot-0".to_owned()],
        ..Forgotten::nothing(world.now.wall)
    };
    assert_eq!(forgets(&mut world, aged), expected);
}

#[test]
fn readers_are_told_until_when_the_runs_of_each_job_are_gone_in_whatever_order_they_ended() {
    let mut world = day();
    let hour = |hour: u8| at(&format!("2026-03-02T{hour:02}:00"));
    let too_many = |run: AgedRun| AgedRun {
        limit: HistoryLimit::Runs,
        ..run
    };
    let aged = Aged {
        runs: vec![
            // The first ended with the second, and after the third.
            run(3, "p", hour(9)),
            too_many(run(6, "p", hour(9))),
            run(8, "p", hour(8)),
            AgedRun {
                attempts: 0,
                ..run(10, "j", hour(7))
            },
        ],
        ..Aged::default()
    };
    let forgotten = forgets(&mut world, aged);
    let until = |job: &str, until: Timestamp, limit: HistoryLimit| RunsForgotten {
        job: job.into(),
        until,
        limit,
    };
    let expected = [
        until("p", hour(9), HistoryLimit::Runs),
        until("j", hour(7), HistoryLimit::Keep),
    ];
    assert_eq!(forgotten.runs_of, expected);
    let removed = world.asked.iter().rev().find_map(|action| match action {
        Action::Remove(leftovers) => Some(leftovers.clone()),
        _ => None,
    });
    // What never had a process has no output.
    let outputs = removed.expect("files are removed").outputs;
    let runs: Vec<u64> = outputs.iter().map(|(_, run, _)| run.0).collect();
    assert_eq!(runs, [3, 6, 8]);
}
