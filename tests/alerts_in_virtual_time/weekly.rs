//! The report on Monday morning, and the proof of every address that nothing else has reached.

use freshd::model::{Message, Notification, ProblemKind, Purpose, Reply, Request};

use super::PEOPLE;
use super::delivery::{OPS, busy_until, no_such_address};
use super::virtual_world::{Play, World, at, local};

const IT: &str = "mail:it@sea.example";

/// A job of `ops` each day at noon, and what is promised of its data.
fn daily(more: &str) -> String {
    format!(
        "{PEOPLE}[datasets.x]\nowner = \"ops\"\nfile = \"x\"\nmax_age = \"26h\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 12 * * *\"\nproduces = \"x\"\n{more}"
    )
}

/// What an address took of one kind: when, and what.
fn taken<'a>(world: &'a World, address: &str, purpose: Purpose) -> Vec<(String, &'a Message)> {
    let of = |sent: &Notification| sent.address.to_string() == address && sent.message.purpose == purpose;
    let sent = world.sent.iter().filter(|(_, sent)| of(sent));
    sent.map(|(at, sent)| (local(*at), &*sent.message)).collect()
}

fn times(world: &World, address: &str, purpose: Purpose) -> Vec<String> {
    taken(world, address, purpose).into_iter().map(|(at, _)| at).collect()
}

#[test]
fn each_team_gets_a_short_report_on_monday_when_all_was_well() {
    let mut world = World::start(&daily(""), "2026-11-24T10:00");
    world.run_until("2026-12-08T10:00");
    assert_eq!(times(&world, OPS, Purpose::Weekly), ["Mon 08:00", "Mon 08:00"]);
    let (_, message) = taken(&world, OPS, Purpose::Weekly)[1];
    let expected = "[freshd] Weekly report: all was well, Mon 2026-11-30 08:00 to Mon 2026-12-07 08:00";
    assert_eq!(message.subject, expected);
    assert_eq!(
        message.headline,
        "ops: all was well. 7 runs, none failed. The only dataset kept what is promised of it."
    );
    let labels: Vec<&str> = message.facts.iter().map(|fact| fact.label.as_str()).collect();
    assert_eq!(labels, ["Runs", "Oldest data", "Next report", "If it is missing"]);
    let (_, of_a) = taken(&world, "mail:a@sea.example", Purpose::Weekly)[1];
    assert_eq!(of_a.headline, "a: all was well. No run was due.");
}

#[test]
fn a_week_in_which_freshd_did_not_run_was_not_well() {
    let mut world = World::start(&daily(""), "2026-11-24T10:00");
    world.run_until("2026-11-27T13:00");
    world.crash();
    world.run_until("2026-12-08T10:00");
    world.restart();
    world.run_until("2026-12-08T11:00");
    let reports = taken(&world, OPS, Purpose::Weekly);
    let (_, message) = reports.last().expect("it is told late");
    assert!(!message.subject.contains("all was well"), "{}", message.subject);
    let words = "freshd itself did not run for 7d";
    assert!(message.headline.contains(words), "{}", message.headline);
    let (_, of_a) = taken(&world, "mail:a@sea.example", Purpose::Weekly)
        .pop()
        .expect("told too");
    assert!(!of_a.headline.contains("all was well"), "{}", of_a.headline);
}

#[test]
fn what_was_missed_counts_for_the_week_in_which_it_was_due_whenever_that_is_recorded() {
    // Due each day at noon: missed are Thursday to Sunday. Monday's is made up for.
    let mut world = World::start(&daily(""), "2026-11-24T10:00");
    world.run_until("2026-12-02T13:00");
    world.crash();
    world.run_until("2026-12-07T13:00");
    world.restart();
    world.run_until("2026-12-14T09:00");
    let reports = taken(&world, OPS, Purpose::Weekly);
    let said = |message: &Message| {
        let runs = message.facts.iter().find(|fact| fact.label == "Runs");
        runs.map(|fact| fact.text.clone()).expect("there were runs")
    };
    let of_week: Vec<String> = reports.iter().map(|(_, message)| said(message)).collect();
    assert_eq!(of_week, ["6 succeeded", "4 missed, 3 succeeded", "7 succeeded"]);
    let headline = &reports[1].1.headline;
    assert!(
        headline.contains("3 runs, none failed; 4 that were due were missed."),
        "{headline}"
    );
    assert!(!headline.contains("not in these numbers"), "{headline}");
}

#[test]
fn more_than_a_thousand_that_were_missed_are_shared_out_between_the_weeks() {
    let text = daily("[jobs.often]\nowner = \"a\"\ncommand = \"true\"\nevery = \"1m\"\ncatch_up = \"none\"\n");
    let mut world = World::start(&text, "2026-12-05T07:00");
    world.run_until("2026-12-06T08:00:30");
    world.crash();
    // A day and a night of the week before, and as much of this one.
    world.run_until("2026-12-08T08:00:30");
    world.restart();
    world.run_until("2026-12-08T09:00");
    let (_, message) = taken(&world, "mail:a@sea.example", Purpose::Weekly)
        .pop()
        .expect("late");
    let runs = message.facts.iter().find(|fact| fact.label == "Runs").expect("some");
    assert!(runs.text.starts_with("1439 missed, "), "{}", runs.text);
}

#[test]
fn data_that_was_never_seen_has_kept_no_promise() {
    let text = daily("[datasets.y]\nowner = \"ops\"\nfile = \"y\"\nmax_age = \"60d\"\n");
    let mut world = World::start(&text, "2026-11-24T10:00");
    world.run_until("2026-12-08T10:00");
    let (_, message) = taken(&world, OPS, Purpose::Weekly)[1];
    assert!(message.subject.contains(": nothing is open, "), "{}", message.subject);
    assert!(
        message
            .headline
            .ends_with("1 of 2 datasets kept what is promised of it; 1 was never seen."),
        "{}",
        message.headline
    );
    let unseen = message.facts.iter().find(|fact| fact.label == "Never seen");
    assert_eq!(unseen.map(|fact| fact.text.as_str()), Some("y"));
}

#[test]
fn a_proof_does_not_say_that_nothing_is_wrong_while_something_is() {
    let mut world = World::start(&daily(""), "2026-11-24T10:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run_until("2026-11-30T10:00");
    let (_, message) = taken(&world, IT, Purpose::Canary)[0];
    assert_eq!(
        message.headline,
        "This is the weekly proof that mail:it@sea.example reaches you. 1 problem is not over: \
         `freshd status` shows it."
    );
}

#[test]
fn a_report_tells_what_failed_how_long_it_took_and_what_is_open() {
    let mut world = World::start(&daily(""), "2026-11-24T10:00");
    world.script("j", |_, now| {
        let day = |text: &str| at(&format!("{text}T11:00"));
        let fails = (day("2026-12-01")..day("2026-12-03")).contains(&now) || now > day("2026-12-06");
        match fails {
            true => Play::fails(1, "no route to host"),
            false => Play::writes(&now.to_string(), now),
        }
    });
    world.run_until("2026-12-07T09:00");
    let (_, message) = taken(&world, OPS, Purpose::Weekly)[1];
    assert!(message.subject.contains(": 1 problem is open, "), "{}", message.subject);
    assert_eq!(
        message.headline,
        "ops: 1 problem is open. 7 runs, 3 failed. No dataset kept what is promised of it."
    );
    let said = |label: &str| {
        let facts = message.facts.iter().filter(|fact| fact.label == label);
        facts.map(|fact| fact.text.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(said("Runs"), ["3 failed, 4 succeeded"]);
    assert_eq!(said("Broken promises"), ["x"]);
    assert_eq!(said("Over"), ["#1 j failed, since Tue 2026-12-01 12:00, for 2d"]);
    assert_eq!(said("Open"), ["#3 j failed, still open since Sun 2026-12-06 12:00"]);
    assert_eq!(said("Oldest data"), ["x, as of Sat 2026-12-05 12:00, 1d 20h old"]);
}

#[test]
fn a_downtime_over_monday_morning_makes_one_report_that_comes_late() {
    let mut world = World::start(&daily(""), "2026-11-24T10:00");
    world.run_until("2026-11-29T20:00");
    world.crash();
    world.run_until("2026-12-09T15:00");
    world.restart();
    world.run_until("2026-12-09T20:00");
    assert_eq!(times(&world, OPS, Purpose::Weekly).len(), 1);
    let (_, message) = taken(&world, OPS, Purpose::Weekly)[0];
    assert!(
        message.subject.contains("to Mon 2026-12-07 08:00"),
        "{}",
        message.subject
    );
    // Nobody has been told of it yet; what is counted is named all the same.
    assert!(
        message.headline.contains(": 1 problem is open. "),
        "{}",
        message.headline
    );
    let open = message.facts.iter().filter(|fact| fact.label == "Open");
    assert_eq!(open.count(), 1, "{:?}", message.facts);
    world.crash();
    world.restart();
    world.run_until("2026-12-13T20:00");
    assert_eq!(times(&world, OPS, Purpose::Weekly).len(), 1, "once");
}

#[test]
fn a_crash_at_any_commit_of_a_monday_morning_neither_loses_nor_repeats_a_report() {
    use super::virtual_world::Crash;
    let begin = || {
        let mut world = World::start(&daily(""), "2026-11-30T07:59");
        world.run_until("2026-11-30T07:59:30");
        world
    };
    let mut undisturbed = begin();
    let before = undisturbed.commits;
    undisturbed.run_until("2026-11-30T08:30");
    assert!(undisturbed.commits > before, "it is decided");
    for side in [Crash::Before, Crash::After, Crash::Acted] {
        for commit in before + 1..=undisturbed.commits {
            let mut world = begin();
            world.crash_at = Some((commit, side));
            world.run_until("2026-11-30T08:30");
            let told = world.told_to(OPS);
            assert_eq!(told, [Purpose::Weekly], "{side:?} {commit}");
        }
    }
}

#[test]
fn a_clock_that_is_set_back_makes_no_second_report() {
    let mut world = World::start(&daily(""), "2026-11-29T10:00");
    world.run_until("2026-11-30T08:01");
    world.set_clock("2026-11-30T07:58");
    world.run_until("2026-11-30T20:00");
    assert_eq!(times(&world, OPS, Purpose::Weekly).len(), 1);
}

#[test]
fn an_address_that_nothing_has_reached_for_a_week_gets_a_proof() {
    let mut world = World::start(&daily(""), "2026-11-24T10:00");
    world.run_until("2026-12-08T10:00");
    // The teams have their reports, the fallback has nothing else.
    assert_eq!(times(&world, IT, Purpose::Canary), ["Mon 08:00", "Mon 08:00"]);
    assert_eq!(times(&world, OPS, Purpose::Canary), [""; 0]);
    let (_, message) = taken(&world, IT, Purpose::Canary)[0];
    assert_eq!(
        message.headline,
        "This is the weekly proof that mail:it@sea.example reaches you. Nothing is wrong."
    );
    let next = message.facts.iter().find(|fact| fact.label == "Next proof");
    assert_eq!(next.map(|fact| fact.text.as_str()), Some("Mon 2026-12-07 08:00"));
}

#[test]
fn an_address_that_gets_a_report_needs_no_proof_whichever_of_them_is_due_first() {
    for zone in ["America/New_York", "Asia/Tokyo"] {
        let text = daily("").replace("[teams.ops]", &format!("[teams.ops]\ntimezone = \"{zone}\""));
        let mut world = World::start(&text, "2026-11-24T10:00");
        world.run_until("2026-11-27T13:00");
        world.crash();
        world.run_until("2026-12-08T10:00");
        world.restart();
        world.run_until("2026-12-08T11:00");
        let told = [Purpose::Weekly, Purpose::Canary].map(|why| times(&world, OPS, why).len());
        assert_eq!(told, [1, 0], "{zone}: the report is the proof");
        assert_eq!(times(&world, IT, Purpose::Canary).len(), 1, "{zone}: whoever gets none");
    }
}

#[test]
fn an_address_that_something_has_reached_needs_no_proof() {
    let text = daily("").replace("owner = \"ops\"\ncommand", "owner = \"nobody\"\ncommand");
    let mut world = World::start(&text, "2026-11-24T10:00");
    world.script("j", |_, now| match now < at("2026-11-27T11:00") {
        true => Play::fails(1, ""),
        false => Play::writes(&now.to_string(), now),
    });
    world.run_until("2026-12-08T10:00");
    assert_eq!(times(&world, IT, Purpose::Canary), ["Mon 08:00"]);
    let (_, message) = taken(&world, IT, Purpose::Canary)[0];
    assert!(
        message.facts.iter().any(|fact| fact.text == "Mon 2026-12-14 08:00"),
        "{:?}",
        message.facts
    );
}

#[test]
fn a_proof_that_cannot_be_delivered_is_a_problem_of_the_address() {
    let mut world = World::start(&daily(""), "2026-11-24T10:00");
    world.channel(IT, |_, _| no_such_address());
    world.run_until("2026-11-30T08:10");
    let broken: Vec<_> = world.open_incidents();
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert_eq!(
        (broken[0].kind, broken[0].subject.as_str()),
        (ProblemKind::ChannelBroken, IT)
    );
    assert_eq!(
        world.told_to("pager"),
        [Purpose::Canary, Purpose::Opening],
        "the other fallback hears of it"
    );
}

#[test]
fn neither_is_sent_where_it_is_switched_off_or_would_alarm_somebody() {
    let quiet = daily("[alerts]\nweekly = false\ncanary = false\n");
    let mut world = World::start(&quiet, "2026-11-24T10:00");
    world.run_until("2026-12-08T10:00");
    assert_eq!(world.told(), []);
    // Switched on again, it begins with the next Monday.
    world.reload(&daily(""));
    world.run_until("2026-12-10T10:00");
    assert_eq!(world.told(), []);
    let alarms = daily("").replace(
        "[channels.pager]\ntype = \"file\"\ndir = \"outbox\"",
        "[channels.pager]\ntype = \"alertmanager\"\nurl = \"http://localhost:9093\"",
    );
    let mut world = World::start(&alarms, "2026-11-24T10:00");
    world.run_until("2026-12-08T10:00");
    assert_eq!(world.told_to("pager"), []);
}

#[test]
fn reports_that_wait_for_an_address_go_each_by_itself_beside_a_digest() {
    let mut text = daily("[alerts]\nreminders = []\n");
    for number in 0..8 {
        text += &format!("[jobs.k{number}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"30 7 * * MON\"\n");
    }
    let mut world = World::start(&text, "2026-11-29T10:00");
    for number in 0..8 {
        world.script(&format!("k{number}"), |_, _| Play::fails(1, ""));
    }
    busy_until(&mut world, "2026-11-30T09:00");
    world.run_until("2026-11-30T14:00");
    let mut told = world.told_to(OPS);
    told.sort();
    told.dedup();
    assert!(
        told.contains(&Purpose::Digest) && told.contains(&Purpose::Weekly),
        "{told:?}"
    );
    assert_eq!(times(&world, OPS, Purpose::Weekly).len(), 1);
}

#[test]
fn a_rehearsal_breaks_no_promise_and_nothing_is_open_for_it() {
    let mut world = World::start(&daily(""), "2026-12-01T10:00");
    world.run_until("2026-12-02T13:00");
    let drill = |world: &mut World, name: &str| {
        let answer = world.ask(Request::Drill {
            name: name.into(),
            for_s: 24 * 60 * 60,
        });
        assert!(matches!(answer, Reply::Done(_)), "{answer:?}");
    };
    drill(&mut world, "x");
    // One that goes on while the report is written.
    world.run_until("2026-12-06T13:00");
    drill(&mut world, "x");
    world.run_until("2026-12-07T10:00");
    let (_, message) = taken(&world, OPS, Purpose::Weekly).pop().expect("a report");
    assert!(message.subject.contains(": all was well, "), "{}", message.subject);
    assert!(
        message
            .headline
            .ends_with("The only dataset kept what is promised of it."),
        "{}",
        message.headline
    );
}
