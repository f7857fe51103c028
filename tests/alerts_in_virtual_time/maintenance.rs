//! Windows of planned work: nobody is told while one is open, and at once when it closes over what is still wrong.

use freshd::model::{IncidentState, Purpose, Request};

use super::virtual_world::{Play, World, clock};
use super::{PEOPLE, one_job};

const OPS: &str = "mail:ops@sea.example";

/// Thursday 2026-11-26 from 12:00 to 18:00.
fn window(concerned: &str) -> String {
    format!(
        "[maintenance.move]\nfrom = 2026-11-26T12:00:00\nto = \"2026-11-26T18:00\"\n{concerned}\n\
         author = \"Anna\"\nbecause = \"the servers move\"\n"
    )
}

fn world(concerned: &str, from: &str) -> World {
    World::start(&(one_job("") + &window(concerned)), from)
}

/// What whoever is told when the window closes reads of it.
const WHY_ONLY_NOW: &str = " It was under planned work (move) until Thu 2026-11-26 18:00 by Anna: the servers move.";

/// `j` runs, and fails.
fn fail(world: &mut World, at: &str) {
    world.run_until(at);
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
}

fn told(world: &World) -> Vec<(String, Purpose)> {
    world.told().into_iter().map(|(when, _, why)| (when, why)).collect()
}

fn one(when: &str, why: Purpose) -> (String, Purpose) {
    (when.to_owned(), why)
}

#[test]
fn what_fails_in_a_window_is_told_when_the_window_closes() {
    let mut world = world("jobs = [\"j\"]", "2026-11-26T11:00");
    fail(&mut world, "2026-11-26T13:00");
    world.run_until("2026-11-26T17:59");
    assert_eq!(told(&world), []);
    assert_eq!(
        world.incidents()[0].state,
        IncidentState::Waiting,
        "it is recorded all the same"
    );
    world.run_until("2026-11-26T18:30");
    assert_eq!(told(&world), [one("Thu 18:00", Purpose::Opening)]);
    let message = &world.sent[0].1.message;
    assert!(message.headline.contains(WHY_ONLY_NOW), "{}", message.headline);
    let planned = message.facts.iter().find(|fact| fact.label == "Planned work");
    let planned = planned.map(|fact| fact.text.as_str());
    assert_eq!(
        planned,
        Some("move, until Thu 2026-11-26 18:00, by Anna: the servers move")
    );
}

#[test]
fn what_is_over_before_the_window_closes_is_told_to_nobody() {
    let mut world = world("jobs = [\"j\"]", "2026-11-26T11:00");
    fail(&mut world, "2026-11-26T13:00");
    world.run_until("2026-11-26T14:00");
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until("2026-11-27T12:00");
    assert_eq!(world.incidents()[0].state, IncidentState::Resolved);
    assert_eq!(told(&world), []);
}

#[test]
fn a_window_that_closes_while_freshd_is_down_is_made_up_for_at_the_start() {
    for told_before in [false, true] {
        let mut world = world("jobs = [\"j\"]", "2026-11-26T11:00");
        fail(
            &mut world,
            if told_before {
                "2026-11-26T11:30"
            } else {
                "2026-11-26T13:00"
            },
        );
        world.run_until("2026-11-26T17:00");
        let before = told(&world);
        assert_eq!(before.len(), usize::from(told_before));
        world.crash();
        world.run_until("2026-11-26T19:00");
        world.restart();
        world.run_until("2026-11-26T19:30");
        let why = if told_before {
            Purpose::Reminder
        } else {
            Purpose::Opening
        };
        assert_eq!(told(&world)[before.len()..], [one("Thu 19:00", why)]);
    }
}

#[test]
fn what_was_told_before_rests_in_the_window_and_its_owner_is_told_when_it_closes() {
    let chain = "escalate = [{ after = \"2h\", notify = [\"mail:a@sea.example\"] }]\n";
    let text = one_job("") + &window("jobs = [\"j\"]");
    let text = text.replacen(
        &format!("notify = [\"{OPS}\"]\n"),
        &format!("notify = [\"{OPS}\"]\n{chain}"),
        1,
    );
    let mut world = World::start(&text, "2026-11-26T11:00");
    fail(&mut world, "2026-11-26T11:30");
    world.run_until("2026-11-26T20:00");
    let to_owner: Vec<_> = world.told().into_iter().filter(|(_, to, _)| to == OPS).collect();
    let to_owner: Vec<_> = to_owner.into_iter().map(|(when, _, why)| (when, why)).collect();
    assert_eq!(
        to_owner,
        [one("Thu 11:31", Purpose::Opening), one("Thu 18:00", Purpose::Reminder)]
    );
    let reminder = world
        .sent
        .iter()
        .find(|(_, sent)| sent.message.purpose == Purpose::Reminder);
    let words = &reminder.expect("the owner is told").1.message.headline;
    assert!(words.contains(WHY_ONLY_NOW), "{words}");
    assert_eq!(world.told_to("mail:a@sea.example"), [Purpose::Escalation]);
    // Half an hour of the two had passed when the window opened.
    let sent = world
        .sent
        .iter()
        .find(|(_, sent)| sent.message.purpose == Purpose::Escalation);
    let (at, escalation) = sent.expect("somebody is called");
    assert_eq!(&clock(*at)[..5], "19:31");
    let words = &escalation.message.headline;
    assert!(words.starts_with("WARNING, nobody has answered for 2h: "), "{words}");
}

#[test]
fn what_is_quiet_for_a_while_counts_as_unanswered_without_that_while_in_a_new_life_too() {
    let chain = "escalate = [{ after = \"1h\", notify = [\"mail:boss@sea.example\"] }]\n";
    let text = one_job("").replacen(
        &format!("notify = [\"{OPS}\"]\n"),
        &format!("notify = [\"{OPS}\"]\n{chain}"),
        1,
    );
    for crashes in [false, true] {
        let mut world = World::start(&text, "2026-11-26T11:00");
        fail(&mut world, "2026-11-26T11:29");
        world.run_until("2026-11-26T12:00");
        world.done(Request::Silence {
            name: "j".into(),
            because: "the servers move".to_owned(),
            for_s: 2 * 3_600,
        });
        world.run_until("2026-11-26T12:30");
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T13:00");
        world.done(Request::Unsilence { name: "j".into() });
        world.run_until("2026-11-26T15:00");
        let called = world
            .sent
            .iter()
            .filter(|(_, sent)| sent.message.purpose == Purpose::Escalation);
        let called: Vec<String> = called.map(|(at, _)| clock(*at)[..5].to_owned()).collect();
        // The fallback follows as long after it.
        assert_eq!(called, ["13:30", "14:30", "14:30"], "crashes: {crashes}");
    }
}

#[test]
fn whoever_is_called_as_it_grows_worse_reads_both_in_one_message() {
    // The job is told of at 12:01:05, and what it makes is too old at 13:00.
    let chain = "escalate = [{ after = \"3535s\", notify = [\"mail:boss@sea.example\"] }]\n";
    let text = one_job("produces = \"d\"").replacen(
        &format!("notify = [\"{OPS}\"]\n"),
        &format!("notify = [\"{OPS}\"]\n{chain}"),
        1,
    ) + "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"2h\"\n";
    let mut world = World::start(&text, "2026-11-26T11:00");
    world.script("j", |_, now| Play::writes("a", now));
    world.run("j");
    fail(&mut world, "2026-11-26T12:00");
    world.run_until("2026-11-26T13:00:30");
    let to_boss = world
        .sent
        .iter()
        .filter(|(_, sent)| sent.address.to_string() == "mail:boss@sea.example");
    let to_boss: Vec<_> = to_boss.map(|(at, sent)| (clock(*at), &sent.message)).collect();
    assert_eq!(to_boss.len(), 1, "{to_boss:?}");
    let (at, message) = &to_boss[0];
    assert_eq!((&at[..5], message.purpose), ("13:00", Purpose::Escalation));
    assert!(
        message.headline.starts_with("CRITICAL, nobody has answered "),
        "{}",
        message.headline
    );
    assert!(message.headline.contains("d is stale"), "{}", message.headline);
}

#[test]
fn the_end_of_what_was_told_is_told_in_a_window_too() {
    let mut world = world("jobs = [\"j\"]", "2026-11-26T11:00");
    fail(&mut world, "2026-11-26T11:30");
    world.run_until("2026-11-26T14:00");
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until("2026-11-26T20:00");
    assert_eq!(
        told(&world),
        [one("Thu 11:31", Purpose::Opening), one("Thu 14:00", Purpose::Recovery)]
    );
}

/// `j` makes `d`, from which `k` makes `e`; teams of their own answer for each.
fn chain_text(concerned: &str) -> String {
    format!(
        "{PEOPLE}[datasets.d]\nowner = \"a\"\nfile = \"d\"\n\
         [datasets.e]\nowner = \"b\"\nfile = \"e\"\nconsumers = [\"c\"]\nmax_age = \"3h\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         [jobs.k]\nowner = \"ops\"\ncommand = \"true\"\non = [\"d\"]\nproduces = \"e\"\n{}",
        window(concerned)
    )
}

fn chain(concerned: &str) -> World {
    let mut world = World::start(&chain_text(concerned), "2026-11-26T10:00");
    for job in ["j", "k"] {
        world.script(job, |_, now| Play::writes("a", now));
    }
    world.run("j");
    world
}

#[test]
fn what_is_outside_a_window_is_told_though_its_cause_lies_inside() {
    let mut world = chain("jobs = [\"j\"]");
    fail(&mut world, "2026-11-26T12:30");
    world.run_until("2026-11-26T13:30");
    let to: Vec<String> = world.told().into_iter().map(|(_, to, _)| to).collect();
    assert_eq!(
        to,
        ["mail:b@sea.example", "mail:c@sea.example"],
        "e is stale since 13:00"
    );
    world.run_until("2026-11-26T18:30");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
}

#[test]
fn what_grows_worse_in_a_window_is_told_to_all_it_concerns_when_that_closes() {
    let mut world = chain("jobs = [\"j\"]\ndatasets = [\"e\"]");
    fail(&mut world, "2026-11-26T11:30");
    world.run_until("2026-11-26T17:59");
    assert_eq!(told(&world), [one("Thu 11:31", Purpose::Opening)]);
    world.run_until("2026-11-26T18:30");
    let all = [Purpose::Opening, Purpose::Update];
    assert_eq!(world.told_to(OPS), all, "no reminder beside it");
    for (to, why) in [
        (OPS, Purpose::Update),
        ("mail:b@sea.example", Purpose::Impact),
        ("mail:c@sea.example", Purpose::Impact),
    ] {
        let told = world.told_to(to);
        assert_eq!(told.iter().filter(|told| **told == why).count(), 1, "{to}: {told:?}");
    }
}

#[test]
fn what_grew_worse_in_a_window_is_told_as_soon_as_that_no_longer_concerns_it() {
    let mut world = chain("jobs = [\"j\"]\ndatasets = [\"e\"]");
    fail(&mut world, "2026-11-26T11:30");
    world.run_until("2026-11-26T14:00");
    assert_eq!(world.told_to("mail:c@sea.example"), []);
    world.reload(&chain_text("jobs = [\"j\"]"));
    world.run_until("2026-11-26T14:30");
    assert_eq!(world.told_to("mail:c@sea.example"), [Purpose::Impact]);
}

#[test]
fn a_window_that_is_no_longer_planned_holds_nothing_back() {
    let mut world = world("jobs = [\"j\"]", "2026-11-26T11:00");
    fail(&mut world, "2026-11-26T13:00");
    world.run_until("2026-11-26T14:00");
    world.reload(&one_job(""));
    world.run_until("2026-11-26T14:30");
    assert_eq!(told(&world), [one("Thu 14:00", Purpose::Opening)]);
}

#[test]
fn who_was_told_before_a_window_is_told_again_when_it_closes_however_late_the_next_reminder_is() {
    let mut world = World::start(
        &(one_job("") + &window("jobs = [\"j\"]").replace("18:00", "12:10")),
        "2026-11-26T11:00",
    );
    fail(&mut world, "2026-11-26T11:50");
    world.run_until("2026-11-26T12:30");
    assert_eq!(
        told(&world),
        [one("Thu 11:51", Purpose::Opening), one("Thu 12:10", Purpose::Reminder)]
    );
}

#[test]
fn whom_a_problem_comes_to_concern_in_a_window_is_told_when_that_closes() {
    let text = format!(
        "{PEOPLE}[datasets.x]\nowner = \"a\"\nfile = \"x\"\nconsumers = [\"b\"]\n\
         due = {{ at = \"50 11 * * *\", grace = \"40m\" }}\n\
         [jobs.j]\nowner = \"a\"\ncommand = \"true\"\nproduces = \"x\"\nalert = \"breach\"\n{}",
        window("datasets = [\"x\"]")
    );
    let mut world = super::failing(&text, "2026-11-26T11:30");
    world.run_until("2026-11-26T12:45");
    assert_eq!(world.told_to("mail:a@sea.example"), [Purpose::Opening]);
    assert_eq!(world.told_to("mail:b@sea.example"), [], "it is late in the window");
    world.run_until("2026-11-26T18:05");
    assert_eq!(world.told_to("mail:b@sea.example"), [Purpose::Impact]);
}

#[test]
fn what_a_window_put_off_is_told_once_and_at_once_when_that_is_given_up() {
    let mut world = world("jobs = [\"j\"]", "2026-11-26T11:00");
    fail(&mut world, "2026-11-26T11:30");
    world.run_until("2026-11-26T14:00");
    world.reload(&one_job(""));
    world.run_until("2026-11-26T15:00");
    let at_once = [one("Thu 11:31", Purpose::Opening), one("Thu 14:00", Purpose::Reminder)];
    assert_eq!(told(&world), at_once);
    // Nothing is said again at what would have been its end; the next is due four hours after the opening.
    world.run_until("2026-11-26T20:00");
    assert_eq!(told(&world)[2..], [one("Thu 15:31", Purpose::Reminder)]);
}

#[test]
fn what_a_window_put_off_that_was_given_up_while_freshd_was_down_is_told_when_it_would_have_closed() {
    let mut world = world("jobs = [\"j\"]", "2026-11-26T11:00");
    fail(&mut world, "2026-11-26T11:30");
    world.run_until("2026-11-26T14:00");
    world.crash();
    world.edit(&one_job(""));
    world.restart();
    world.run_until("2026-11-26T20:00");
    assert_eq!(
        told(&world),
        [one("Thu 11:31", Purpose::Opening), one("Thu 18:00", Purpose::Reminder)]
    );
}

#[test]
fn whom_an_effect_concerns_is_told_when_the_last_window_is_given_up() {
    for restarts in [false, true] {
        // Attached before as of unknown age, `e` is late in the window; that is the same sentence for ever, so that nothing
        // else draws attention to it.
        let text = chain_text("jobs = [\"j\"]\ndatasets = [\"e\"]");
        let text = text.replace("max_age = \"3h\"", "due = { at = \"55 11 * * *\", grace = \"35m\" }");
        let mut world = World::start(&text, "2026-11-26T10:00");
        fail(&mut world, "2026-11-26T11:30");
        world.run_until("2026-11-26T11:40");
        world.script("k", |_, _| Play::fails(1, ""));
        world.run("k");
        world.run_until("2026-11-26T11:59");
        let attached = world.incidents();
        let attached = attached.iter().find(|incident| incident.subject.as_str() == "e");
        assert_eq!(attached.map(|effect| effect.state), Some(IncidentState::Attached));
        world.run_until("2026-11-26T14:00");
        assert_eq!(world.state_of("e").0, "late");
        assert_eq!(world.told_to("mail:c@sea.example"), []);
        let (without, _) = text.split_once("[maintenance").expect("a window");
        if restarts {
            world.crash();
            world.edit(without);
            world.restart();
        } else {
            world.reload(without);
        }
        world.run_until("2026-11-26T14:30");
        assert_eq!(world.told_to("mail:c@sea.example"), [Purpose::Impact], "{restarts}");
    }
}

#[test]
fn what_has_just_begun_waits_no_longer_for_a_window_that_is_given_up() {
    let mut world = world("jobs = [\"j\"]", "2026-11-26T11:00");
    fail(&mut world, "2026-11-26T13:00");
    world.run_until("2026-11-26T13:00:20");
    world.crash();
    world.restart();
    world.reload(&one_job(""));
    world.run_until("2026-11-26T13:30");
    assert_eq!(told(&world), [one("Thu 13:01", Purpose::Opening)]);
}
