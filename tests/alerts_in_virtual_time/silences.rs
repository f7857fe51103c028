//! Silences: nobody is told of what a person has silenced, and at once of what is still wrong when that ends.

use freshd::model::{Fact, IncidentState, Message, Purpose, Reply, Request};

use super::virtual_world::{Play, World, at};
use super::{NO_PROOFS, PEOPLE, one_job};

const OPS: &str = "mail:ops@sea.example";
const HOUR: u64 = 3_600;

fn silences(world: &mut World, name: &str, for_s: u64) -> Reply {
    world.ask(Request::Silence {
        name: name.into(),
        because: "the servers move".to_owned(),
        for_s,
    })
}

fn silenced(world: &mut World, name: &str, for_s: u64) -> serde_json::Value {
    match silences(world, name, for_s) {
        Reply::Done(facts) => facts,
        Reply::Refused(why) => panic!("refused: {why}"),
    }
}

fn lift(world: &mut World, name: &str) -> Reply {
    world.ask(Request::Unsilence { name: name.into() })
}

fn refusal(reply: Reply) -> String {
    match reply {
        Reply::Refused(why) => why,
        Reply::Done(facts) => panic!("done: {facts}"),
    }
}

/// `j` runs, and fails.
fn fail(world: &mut World) {
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
}

fn mend(world: &mut World) {
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
}

fn told(world: &World) -> Vec<(String, Purpose)> {
    world.told().into_iter().map(|(when, _, why)| (when, why)).collect()
}

fn one(when: &str, why: Purpose) -> (String, Purpose) {
    (when.to_owned(), why)
}

fn last_message(world: &World) -> &Message {
    &world.sent.last().expect("a message").1.message
}

fn fact<'message>(message: &'message Message, label: &str) -> Option<&'message str> {
    let fact = message.facts.iter().find(|fact| fact.label == label)?;
    Some(&fact.text)
}

#[test]
fn what_fails_while_it_is_silenced_is_recorded_and_told_when_that_is_over_with_who_and_why() {
    let mut world = World::start(&one_job(""), "2026-11-26T12:00");
    silenced(&mut world, "j", 2 * HOUR);
    world.run_until("2026-11-26T12:30");
    fail(&mut world);
    world.run_until("2026-11-26T13:59");
    assert_eq!(told(&world), []);
    assert_eq!(world.incidents()[0].state, IncidentState::Waiting);
    world.run_until("2026-11-26T14:30");
    assert_eq!(told(&world), [one("Thu 14:00", Purpose::Opening)]);
    let message = last_message(&world);
    let why = "It was silenced until Thu 2026-11-26 14:00 by anna: the servers move.";
    assert!(message.headline.ends_with(why), "{}", message.headline);
    assert_eq!(fact(message, "Since"), Some("Thu 2026-11-26 12:30"));
    let span = "j, Thu 2026-11-26 12:00 to Thu 2026-11-26 14:00, by anna: the servers move";
    assert_eq!(fact(message, "Silenced"), Some(span));
}

#[test]
fn what_is_over_before_the_silence_is_told_to_nobody() {
    let mut world = World::start(&one_job(""), "2026-11-26T12:00");
    silenced(&mut world, "j", 2 * HOUR);
    fail(&mut world);
    world.run_until("2026-11-26T13:00");
    mend(&mut world);
    world.run_until("2026-11-27T12:00");
    assert_eq!(world.incidents()[0].state, IncidentState::Resolved);
    assert_eq!(told(&world), []);
}

#[test]
fn what_was_told_before_rests_and_its_end_is_told_all_the_same() {
    let chain = "escalate = [{ after = \"90m\", notify = [\"mail:a@sea.example\"] }]\n";
    let ops = format!("notify = [\"{OPS}\"]\n");
    let text = one_job("").replacen(&ops, &format!("{ops}{chain}"), 1);
    let mut world = World::start(&text, "2026-11-26T12:00");
    fail(&mut world);
    world.run_until("2026-11-26T12:30");
    silenced(&mut world, "j", 4 * HOUR);
    world.run_until("2026-11-26T16:00");
    assert_eq!(
        told(&world),
        [one("Thu 12:01", Purpose::Opening)],
        "neither reminder nor escalation"
    );
    mend(&mut world);
    world.run_until("2026-11-26T20:00");
    assert_eq!(told(&world)[1..], [one("Thu 16:00", Purpose::Recovery)]);
}

#[test]
fn the_owner_is_reminded_at_once_when_a_silence_ends_by_its_time_or_by_hand() {
    for is_lifted in [false, true] {
        let mut world = World::start(&one_job(""), "2026-11-26T12:00");
        fail(&mut world);
        world.run_until("2026-11-26T12:10");
        silenced(&mut world, "j", 6 * HOUR);
        world.run_until("2026-11-26T14:00");
        if is_lifted {
            assert!(matches!(lift(&mut world, "j"), Reply::Done(_)));
        }
        world.run_until("2026-11-26T18:30");
        let when = if is_lifted { "Thu 14:00" } else { "Thu 18:10" };
        let all = told(&world);
        assert_eq!(
            all[..2],
            [one("Thu 12:01", Purpose::Opening), one(when, Purpose::Reminder)]
        );
        let reminder = world
            .sent
            .iter()
            .find(|(_, sent)| sent.message.purpose == Purpose::Reminder);
        let headline = &reminder.expect("a reminder").1.message.headline;
        assert!(
            headline.contains("It was silenced until") && headline.contains("by anna"),
            "{headline}"
        );
        // Then reminders go on as they would have.
        let next = is_lifted.then(|| one("Thu 16:01", Purpose::Reminder));
        assert_eq!(all[2..], next.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn whoever_has_taken_it_on_is_not_reminded_when_a_silence_ends() {
    let mut world = World::start(&one_job(""), "2026-11-26T12:00");
    fail(&mut world);
    world.run_until("2026-11-26T12:10");
    let incident = world.incidents()[0].id;
    world.done(Request::ack(incident));
    silenced(&mut world, "j", HOUR);
    world.run_until("2026-11-26T20:00");
    assert_eq!(told(&world), [one("Thu 12:01", Purpose::Opening)]);
}

#[test]
fn a_silence_survives_a_crash_and_its_end_is_made_up_for_at_the_start() {
    for told_before in [false, true] {
        let mut world = World::start(&one_job(""), "2026-11-26T12:00");
        if told_before {
            fail(&mut world);
            world.run_until("2026-11-26T12:10");
        }
        silenced(&mut world, "j", 4 * HOUR);
        if !told_before {
            fail(&mut world);
        }
        world.crash();
        world.run_until("2026-11-26T13:00");
        world.restart();
        world.run_until("2026-11-26T14:00");
        assert_eq!(told(&world).len(), usize::from(told_before));
        world.crash();
        world.run_until("2026-11-26T19:00");
        world.restart();
        world.run_until("2026-11-26T19:30");
        let why = if told_before {
            Purpose::Reminder
        } else {
            Purpose::Opening
        };
        assert_eq!(told(&world).pop(), Some(one("Thu 19:00", why)));
    }
}

#[test]
fn a_silence_is_replaced_by_another_and_both_are_on_record() {
    let mut world = World::start(&one_job(""), "2026-11-26T12:00");
    silenced(&mut world, "j", 2 * HOUR);
    fail(&mut world);
    world.run_until("2026-11-26T13:00");
    let second = silenced(&mut world, "j", 4 * HOUR);
    assert_eq!(second["replaces"]["until"], at("2026-11-26T14:00").to_string());
    world.run_until("2026-11-26T16:59");
    assert_eq!(told(&world), []);
    // A shorter one counts as well.
    silenced(&mut world, "j", HOUR);
    world.run_until("2026-11-26T17:30");
    silenced(&mut world, "j", 600);
    world.run_until("2026-11-26T17:45");
    assert_eq!(told(&world), [one("Thu 17:40", Purpose::Opening)]);
    let all = world.reader().silences(Some(&"j".into()), 9).expect("they are read");
    let ends: Vec<_> = all
        .iter()
        .map(|silence| silence.ended.as_ref().map(|end| end.how.as_str()))
        .collect();
    let replaced = Some("replaced by anna");
    assert_eq!(ends, [None, replaced, replaced, replaced]);
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_do() {
    let mut world = World::start(&one_job(""), "2026-11-26T12:00");
    let why = refusal(silences(&mut world, "nothing", HOUR));
    assert!(why.contains("no job or dataset nothing"), "{why}");
    let why = refusal(silences(&mut world, "j", 31 * 24 * HOUR));
    assert!(why.contains("from 1m to 30d, not 31d"), "{why}");
    let why = refusal(silences(&mut world, "j", 59));
    assert!(why.contains("from 1m"), "{why}");
    let why = refusal(world.ask(Request::Silence {
        name: "j".into(),
        because: " ".to_owned(),
        for_s: HOUR,
    }));
    assert!(why.contains("needs a reason"), "{why}");
    let why = refusal(lift(&mut world, "j"));
    assert!(why.contains("j is not silenced"), "{why}");
    let is_silence = |fact: &Fact| matches!(fact, Fact::Silence(_));
    assert!(!world.facts.iter().any(is_silence), "nothing of it is recorded");
}

/// `j` makes `d`, from which `k` makes `e`; teams of their own answer for each.
fn chain() -> World {
    let text = format!(
        "{PEOPLE}[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"3h\"\n\
         [datasets.e]\nowner = \"b\"\nfile = \"e\"\nconsumers = [\"c\"]\nmax_age = \"3h\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         [jobs.k]\nowner = \"ops\"\ncommand = \"true\"\non = [\"d\"]\nproduces = \"e\"\n"
    );
    let mut world = World::start(&text, "2026-11-26T10:00");
    for job in ["j", "k"] {
        world.script(job, |_, now| Play::writes("a", now));
    }
    world.run("j");
    world.run_until("2026-11-26T10:30");
    world
}

#[test]
fn those_downstream_are_told_of_their_own_data_though_its_cause_is_silenced() {
    let mut world = chain();
    let facts = silenced(&mut world, "d", 20 * HOUR);
    assert_eq!(facts["concerns"], serde_json::json!(["dataset"]));
    assert_eq!(facts["still_told"][0]["name"], "j");
    world.run_until("2026-11-26T13:30");
    let to: Vec<String> = world.told().into_iter().map(|(_, to, _)| to).collect();
    assert_eq!(
        to,
        ["mail:b@sea.example", "mail:c@sea.example"],
        "e is stale, and d is, too"
    );
    lift(&mut world, "d");
    world.run_until("2026-11-26T13:35");
    assert_eq!(world.told_to("mail:a@sea.example"), [Purpose::Opening]);
}

#[test]
fn what_is_silenced_on_the_way_hides_no_cause_behind_it() {
    let mut world = chain();
    silenced(&mut world, "d", 20 * HOUR);
    fail(&mut world);
    world.run_until("2026-11-26T13:30");
    for to in ["mail:b@sea.example", "mail:c@sea.example"] {
        assert_eq!(world.told_to(to), [Purpose::Impact], "{to}: of e, with its cause");
    }
    assert_eq!(fact(last_message(&world), "What"), Some("j failed"));
    assert_eq!(world.told_to("mail:a@sea.example"), [], "d is silenced");
    assert_eq!(world.told_to(OPS).last(), Some(&Purpose::Update));
}

#[test]
fn what_a_silence_kept_from_those_whom_an_effect_concerns_is_told_them_when_it_ends() {
    let mut world = chain();
    silenced(&mut world, "e", 8 * HOUR);
    fail(&mut world);
    world.run_until("2026-11-26T18:00");
    assert_eq!(world.told_to("mail:c@sea.example"), []);
    world.run_until("2026-11-26T18:35");
    assert_eq!(world.told_to("mail:b@sea.example"), [Purpose::Impact]);
    assert_eq!(world.told_to("mail:c@sea.example"), [Purpose::Impact]);
}

#[test]
fn a_silence_goes_with_its_name_and_does_not_come_back_with_it() {
    let mut world = World::start(&one_job(""), "2026-11-26T12:00");
    silenced(&mut world, "j", 24 * HOUR);
    world.run_until("2026-11-26T12:10");
    world.reload(PEOPLE);
    let all = world.reader().silences(None, 9).expect("they are read");
    let end = all[0].ended.as_ref().expect("it ended");
    assert_eq!(end.how, "it is no longer in jobs.toml");
    world.run_until("2026-11-26T12:20");
    world.reload(&one_job(""));
    fail(&mut world);
    world.run_until("2026-11-26T12:30");
    assert_eq!(told(&world), [one("Thu 12:21", Purpose::Opening)]);
}

#[test]
fn many_silences_that_end_at_once_over_many_problems_end_in_a_digest() {
    let mut text = PEOPLE.to_owned();
    for number in 0..40 {
        text += &format!("[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\n");
    }
    let mut world = World::start(&text, "2026-11-26T12:00");
    for number in 0..40 {
        let name = format!("j{number}");
        silenced(&mut world, &name, HOUR);
        world.script(&name, |_, _| Play::fails(1, ""));
        world.run(&name);
    }
    world.run_until("2026-11-26T12:59");
    assert_eq!(told(&world), []);
    world.run_until("2026-11-26T14:00");
    let told = world.told_to(OPS);
    let openings = told.iter().filter(|why| **why == Purpose::Opening).count();
    let digests = told.iter().filter(|why| **why == Purpose::Digest).count();
    assert!(openings == 20 && (1..=4).contains(&digests), "{told:?}");
}

#[test]
fn a_silence_lasts_as_long_as_was_asked_for_though_the_clock_was_wrong() {
    // The clock passes Mondays on its way.
    let mut world = World::start(&format!("{}{NO_PROOFS}", one_job("")), "2026-11-26T12:00");
    world.set_clock("2026-12-20T12:00");
    silenced(&mut world, "j", 2 * HOUR);
    world.run_until("2026-12-20T12:30");
    world.set_clock("2026-11-26T13:00");
    assert!(matches!(world.confirm_clock(), Reply::Done(_)));
    fail(&mut world);
    world.run_until("2026-11-26T14:59");
    assert_eq!(world.told_to(OPS), []);
    world.run_until("2026-11-26T15:30");
    assert_eq!(told(&world).pop(), Some(one("Thu 15:00", Purpose::Opening)));
}

#[test]
fn a_silence_that_ended_by_a_wrong_clock_keeps_nobody_from_being_called() {
    let chain = "escalate = [{ after = \"4h\", notify = [\"mail:boss@sea.example\"] }]\n";
    let text = format!("{}{NO_PROOFS}", one_job("")).replacen(
        &format!("notify = [\"{OPS}\"]\n"),
        &format!("notify = [\"{OPS}\"]\n{chain}"),
        1,
    );
    let mut world = World::start(&text, "2026-11-26T11:59");
    fail(&mut world);
    world.run_until("2026-11-26T12:10");
    silenced(&mut world, "j", 2 * HOUR);
    world.set_clock("2026-12-20T12:00");
    world.run_until("2026-12-20T12:01");
    world.set_clock("2026-11-26T12:30");
    assert!(matches!(world.confirm_clock(), Reply::Done(_)));
    world.run_until("2026-11-26T20:00");
    assert_eq!(world.told_to("mail:boss@sea.example"), [Purpose::Escalation]);
}

#[test]
fn what_is_shown_says_who_silenced_it_and_until_when() {
    let mut world = World::start(&one_job(""), "2026-11-26T12:00");
    silenced(&mut world, "j", 2 * HOUR);
    fail(&mut world);
    world.run_until("2026-11-26T12:10");
    let status = world.status("j");
    for silence in [
        &status["silences"][0],
        &status["jobs"][0]["silence"],
        &status["incidents"][0]["silence"],
    ] {
        assert_eq!(
            (&silence["by"], &silence["because"]),
            (&"anna".into(), &"the servers move".into())
        );
        assert_eq!(silence["until"], at("2026-11-26T14:00").to_string());
    }
    let board = freshd::cli::board(&status, &jiff::tz::TimeZone::UTC, 200, false);
    assert!(board.contains("j is silenced until"), "{board}");
    assert!(
        board.contains("nobody, silenced by anna: the servers move; team ops"),
        "{board}"
    );
    world.run_until("2026-11-26T14:10");
    let status = world.status("j");
    assert_eq!(status["silences"], serde_json::json!([]));
    assert!(status["jobs"][0]["silence"].is_null());
}
