//! What is remembered of an address that takes nothing, and what is said of it meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use freshd::model::{ProblemKind, Purpose, Request, WhyGathered};
use jiff::Timestamp;

use super::delivery::{OPS, busy, mend};
use super::digests::{AN_HOUR_MAX, failing_together, heard, hold, jobs, most_in_an_hour, named, out_of_order, taken};
use super::virtual_world::{Crash, Play, World, at, clock};
use super::{NO_PROOFS, failing, one_job};

/// So many jobs fail at noon, and the others a while later.
fn failing_later(first: usize, count: usize, later: Duration) -> World {
    let mut world = failing_together(count);
    for number in first..count {
        world.script(&format!("j{number}"), move |_, _| Play::fails(1, "").taking(later));
    }
    world
}

/// One of twelve jobs fails before the others, and mail is out of order.
fn one_before_the_others() -> World {
    let mut world = failing_later(1, 12, Duration::from_secs(90));
    out_of_order(&mut world, OPS, "2026-11-23T12:00", "2026-11-23T12:04");
    world
}

/// Before mail works again those jobs run well of which it was tried to tell.
fn until_what_was_tried_is_mended(world: &mut World) {
    world.run_until("2026-11-23T12:03:58");
    let to_ops = world.tries.iter().filter(|(_, tried)| tried.address.to_string() == OPS);
    let tried: BTreeSet<String> = to_ops
        .map(|(_, tried)| tried.message.subject_name.to_string())
        .collect();
    assert_eq!(
        tried.len(),
        2,
        "one, and a second to see whether the first was at fault: {tried:?}"
    );
    for job in tried {
        world.script(&job, |_, _| Play::succeeds());
        // Where freshd is killed by this, nobody is answered.
        let job = job.as_str().into();
        world.ask_and_hear_nothing(Request::Run { job, args: Vec::new() });
    }
}

fn purposes(world: &World) -> Vec<Purpose> {
    heard(world, OPS).into_iter().map(|(_, why)| why).collect()
}

#[test]
fn an_outage_is_known_although_what_was_tried_in_it_is_over() {
    for crashes in [false, true] {
        let mut world = one_before_the_others();
        until_what_was_tried_is_mended(&mut world);
        world.run_until("2026-11-23T12:04:30");
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-23T12:59");
        assert_eq!(
            purposes(&world),
            [Purpose::Opening, Purpose::Digest],
            "crashes: {crashes}"
        );
        let all: BTreeSet<_> = taken(&world, OPS).iter().flat_map(|(_, sent)| named(sent)).collect();
        assert_eq!(all.len(), 12, "each is named");
    }
}

#[test]
fn a_crash_at_any_commit_forgets_no_outage() {
    let night = |world: &mut World| {
        until_what_was_tried_is_mended(world);
        world.run_until("2026-11-23T12:59");
    };
    let mut undisturbed = one_before_the_others();
    night(&mut undisturbed);
    assert!(undisturbed.commits > 40, "{}", undisturbed.commits);
    for side in [Crash::Before, Crash::After, Crash::Acted] {
        for commit in 2..=undisturbed.commits {
            let mut world = one_before_the_others();
            world.crash_at = Some((commit, side));
            night(&mut world);
            let told = purposes(&world);
            assert_eq!(told, [Purpose::Opening, Purpose::Digest], "{side:?} commit {commit}");
        }
    }
}

#[test]
fn a_flood_that_comes_after_an_outage_is_not_called_one() {
    for crashes in [false, true] {
        let mut world = failing_later(9, 40, Duration::from_mins(40));
        out_of_order(&mut world, OPS, "2026-11-23T12:00", "2026-11-23T12:10");
        world.run_until("2026-11-23T12:45");
        let subject = |world: &World| taken(world, OPS).pop().expect("told").1.message.subject.clone();
        let digests = |world: &World| purposes(world).iter().filter(|why| **why == Purpose::Digest).count();
        assert_eq!(digests(&world), 1, "of the outage");
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-23T12:59");
        assert_eq!(digests(&world), 2);
        assert!(
            subject(&world).contains(" problems: ") && !subject(&world).contains("could not be delivered"),
            "crashes: {crashes}: {}",
            subject(&world)
        );
    }
}

fn instant(value: &serde_json::Value) -> Timestamp {
    value.as_str().expect("an instant").parse().expect("an instant")
}

/// How `OPS` stands towards the incident of a job: by a running daemon, and by the records alone, which is the same.
fn how_it_stands(world: &mut World, job: &str) -> freshd::model::AddressState {
    let about = world
        .open_incidents()
        .into_iter()
        .find(|one| one.subject.as_str() == job);
    let state = world
        .reader()
        .addresses_of(&about.expect("an incident"))
        .expect("the store is read");
    let state = state.into_iter().find(|one| one.to == OPS).expect("told there");
    let told = world.status(job)["incidents"][0]["addresses"].clone();
    let told = told.as_array().expect("addresses");
    assert!(told.contains(&serde_json::json!(state)), "{told:?} {state:?}");
    state
}

#[test]
fn an_address_that_takes_nothing_is_said_to_be_tried_as_often_as_it_was_and_when_it_is_next() {
    let mut world = one_before_the_others();
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-23T13:00");
    let tries = world.tries.iter().filter(|(_, tried)| tried.address.to_string() == OPS);
    let tries: Vec<Timestamp> = tries.map(|(at, _)| *at).collect();
    let status = world.done(Request::Status { name: None });
    let undelivered = status["undelivered"].as_array().expect("a list");
    let to_ops: Vec<_> = undelivered.iter().filter(|one| one["to"] == OPS).collect();
    assert_eq!(to_ops.len(), 1, "{to_ops:?}");
    assert_eq!(to_ops[0]["tries"], tries.len());
    assert_eq!(to_ops[0]["behind"], 11);
    let next = instant(&to_ops[0]["next_try_at"]);
    // One that was tried, and one that never was.
    for job in ["j0", "j7"] {
        let state = how_it_stands(&mut world, job);
        assert_eq!(
            (state.tries as usize, state.next_try_at),
            (tries.len(), Some(next)),
            "{job}"
        );
    }
    world.run_until("2026-11-23T14:30");
    let tries = world.tries.iter().filter(|(_, tried)| tried.address.to_string() == OPS);
    let after = tries.map(|(at, _)| *at).find(|tried| *tried > at("2026-11-23T13:00"));
    assert_eq!(after, Some(next), "and so it was");
}

#[test]
fn what_waits_for_a_digest_is_said_to_wait_for_that() {
    let mut world = failing_later(30, 32, Duration::from_mins(18));
    world.run_until("2026-11-23T12:20:30");
    let state = how_it_stands(&mut world, "j31");
    let next = state.next_try_at.expect("it waits");
    assert_eq!((state.tries, state.error), (0, None));
    world.run_until("2026-11-23T12:59");
    let told = taken(&world, OPS).pop().expect("told").0;
    assert_eq!(told, next);
}

#[test]
fn what_came_in_a_flood_and_waited_by_an_outage_says_so() {
    for (until, why) in [
        ("2026-11-23T14:00", WhyGathered::Outage),
        ("2026-11-23T12:02", WhyGathered::Flood),
    ] {
        let mut world = failing_together(60);
        out_of_order(&mut world, OPS, "2026-11-23T12:00", until);
        world.run_until("2026-11-23T16:00");
        let taken = taken(&world, OPS);
        let digests: Vec<_> = taken.iter().filter_map(|(_, sent)| sent.message.gathered).collect();
        assert!(
            !digests.is_empty() && digests.iter().all(|gathered| *gathered == why),
            "{until}: {digests:?}"
        );
    }
}

/// Jobs that fail in three days of outage: some two thousand alerts. That ten thousand end like one is told of digests.
const FAILING: usize = 400;

/// Mail to `OPS` is out of order for three days in which so many jobs have failed.
fn three_days(text: &str, meanwhile: impl Fn(&mut World)) -> World {
    let mut world = World::start(text, "2026-11-23T11:59");
    for number in 0..FAILING {
        world.script(&format!("j{number}"), |_, _| Play::fails(1, ""));
    }
    out_of_order(&mut world, OPS, "2026-11-23T12:00", "2026-11-26T11:00");
    meanwhile(&mut world);
    world.run_until("2026-11-27T07:59");
    hold(&world, OPS, "three days");
    let told: BTreeSet<_> = taken(&world, OPS).iter().flat_map(|(_, sent)| named(sent)).collect();
    let failed = world
        .incidents()
        .into_iter()
        .filter(|one| one.kind == ProblemKind::Failed);
    let failed: BTreeSet<_> = failed.map(|one| one.id).collect();
    assert_eq!(failed.len(), FAILING);
    assert!(failed.is_subset(&told), "each is named");
    let messages = taken(&world, OPS).len();
    assert!(
        messages <= FAILING / 50 + 6,
        "{messages} messages, of which each digest names fifty or more"
    );
    world
}

#[test]
fn three_days_of_outage_end_alike_when_freshd_restarts_in_them_and_half_of_it_is_mended() {
    let world = three_days(&jobs(FAILING), |world| {
        world.run_until("2026-11-23T18:00");
        world.crash();
        world.restart();
        world.run_until("2026-11-24T12:00");
        for number in (0..FAILING).step_by(2) {
            world.script(&format!("j{number}"), |_, _| Play::succeeds());
            world.run(&format!("j{number}"));
        }
        world.run_until("2026-11-25T09:00");
        world.crash();
        world.pass(Duration::from_hours(2));
        world.restart();
        world.run_until("2026-11-26T11:20");
        world.crash();
        world.restart();
    });
    let digests: Vec<_> = taken(&world, OPS).into_iter().map(|(_, sent)| sent).collect();
    let lines = digests.iter().flat_map(|sent| &sent.message.incidents);
    let over: BTreeSet<_> = lines.filter(|line| line.is_over).map(|line| line.incident).collect();
    let singly = digests.iter().filter(|sent| sent.message.purpose == Purpose::Recovery);
    assert_eq!(over.len() + singly.count(), FAILING / 2, "what is over is told as over");
}

#[test]
fn three_days_of_outage_of_one_address_leave_the_other_of_its_team_with_digests() {
    let text = jobs(FAILING)
        .replace("[teams.ops]\nnotify = [", "[teams.ops]\nnotify = [\"slack\", ")
        .replace(
            "[channels.pager]",
            "[channels.slack]\ntype = \"file\"\ndir = \"outbox\"\n[channels.pager]",
        );
    let world = three_days(&text, |_| {});
    let all = taken(&world, "slack");
    let told: BTreeSet<_> = all.iter().flat_map(|(_, sent)| named(sent)).collect();
    assert_eq!(told.len(), FAILING, "each is named");
    let times: Vec<_> = all.iter().map(|(at, _)| *at).collect();
    assert!(
        most_in_an_hour(&times) <= 20 + AN_HOUR_MAX,
        "{}",
        most_in_an_hour(&times)
    );
}

#[test]
fn an_address_that_is_gone_is_forgotten_and_is_like_any_other_when_it_comes_back() {
    let text = one_job("") + NO_PROOFS;
    let elsewhere = text.replace("mail:ops@sea.example", "mail:new@sea.example");
    // Before, or after what waits there is given up; or while freshd is down.
    for (gone_at, is_down) in [
        ("2026-11-26T12:30", false),
        ("2026-11-29T13:30", false),
        ("2026-11-29T13:30", true),
    ] {
        let mut world = failing(&text, "2026-11-26T12:00");
        world.channel(OPS, |_, now| busy(now));
        world.run_until("2026-11-26T12:10");
        mend(&mut world, "2026-11-26T12:20");
        world.run_until(gone_at);
        let failed = world
            .ledger
            .row_of(OPS)
            .and_then(|row| row.outage.as_ref())
            .map(|outage| outage.failed);
        assert!(failed >= Some(4), "{failed:?}");
        if is_down {
            world.crash();
            world.edit(&elsewhere);
            world.restart();
            world.channel(OPS, |_, now| busy(now));
        } else {
            world.reload(&elsewhere);
        }
        world.run_until("2026-11-29T13:31");
        assert_eq!(world.ledger.row_of(OPS), None, "{gone_at}, down: {is_down}");
        world.crash();
        world.edit(&text);
        world.restart();
        world.channel(OPS, |_, now| busy(now));
        world.script("j", |_, _| Play::fails(1, ""));
        world.run("j");
        world.run_until("2026-11-29T13:32:20");
        let to_ops = world.tries.iter().filter(|(_, tried)| tried.address.to_string() == OPS);
        let since = to_ops.filter(|(tried_at, _)| *tried_at > at("2026-11-29T13:31"));
        let tried: Vec<_> = since.map(|(at, _)| clock(*at)).collect();
        assert_eq!(tried, ["13:32:05", "13:32:10"], "{gone_at}, down: {is_down}");
    }
}

#[test]
fn who_took_nothing_for_hours_gets_what_it_was_not_told_and_no_reminder_of_it_beside() {
    let chain =
        "notify = [\"mail:ops@sea.example\"]\nescalate = [{ after = \"2h\", notify = [\"mail:chief@sea.example\"] }]";
    let text = one_job("").replace("notify = [\"mail:ops@sea.example\"]", chain);
    let mut world = failing(&text, "2026-11-26T12:00");
    super::delivery::busy_until(&mut world, "2026-11-26T18:00");
    world.run_until("2026-11-26T19:30");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    assert_eq!(
        world.told_to("mail:chief@sea.example"),
        [Purpose::Escalation, Purpose::Reminder]
    );
    let stands_in = [Purpose::Opening, Purpose::Reminder, Purpose::Reminder];
    assert_eq!(
        world.told_to("mail:it@sea.example"),
        stands_in,
        "who was told is reminded"
    );
    world.run_until("2026-11-27T08:10");
    assert_eq!(
        world.told_to(OPS),
        [Purpose::Opening, Purpose::Reminder],
        "of the next working day"
    );
}
