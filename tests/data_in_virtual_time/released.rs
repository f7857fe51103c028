//! What was refused and a person has released is no trouble any more, wherever somebody looks; what happened stays on record.

use freshd::model::{Decision, Fact, IncidentState, Outcome, Purpose, Request, Status, run_line};
use freshd::store::HistoryFilter;

use super::by_hand::{decides, refused_world};
use super::virtual_world::{Play, World};

const OPS: &str = "mail:ops@sea.example";
const WORDS: &str = "released by anna: the plant in Tromsø is closed";

fn status(world: &mut World) -> Status {
    Status::read(&world.done(Request::Status { name: None })).expect("a status")
}

#[test]
fn a_release_ends_the_trouble_of_job_and_dataset_at_once() {
    let mut world = refused_world();
    let before = status(&mut world);
    assert!(before.jobs[0].is_failing() && !before.is_fine());
    decides(&mut world, Decision::Release, 2);
    for restarts in [false, true] {
        if restarts {
            world.crash();
            world.restart();
        }
        let now = status(&mut world);
        assert_eq!(now.jobs[0].state, "ok");
        assert!(!now.jobs[0].is_failing());
        assert!(now.is_fine(), "exit 0, and /metrics says the same");
        let last = now.jobs[0].last.as_ref().expect("a run");
        assert_eq!(last.outcome, Some(Outcome::Rejected), "what happened stays");
        assert_eq!(
            last.released.as_ref().map(|released| released.by.as_str()),
            Some("anna")
        );
        assert_eq!(world.state_of("d").0, "fresh");
    }
}

#[test]
fn who_released_it_and_why_stands_with_the_run_the_incident_and_in_the_message_of_its_end() {
    let mut world = refused_world();
    decides(&mut world, Decision::Release, 2);
    let filter = HistoryFilter {
        job: None,
        since: None,
        outcome: None,
        limit: 1,
    };
    let runs = world.reader().history(&filter).expect("the store is read");
    let line = run_line(&runs[0]);
    assert_eq!(line["outcome"], "rejected");
    assert_eq!(line["released"]["by"], "anna");
    assert_eq!(line["released"]["because"], "the plant in Tromsø is closed");
    assert!(
        line["released"]["at"]
            .as_str()
            .is_some_and(|at| at.starts_with("2026-03-02T08:30:0"))
    );
    let ended = world.incidents();
    let ended = ended
        .iter()
        .find(|incident| incident.kind.as_str() == "rejected")
        .expect("it was told");
    assert_eq!(ended.state, IncidentState::Resolved);
    assert_eq!(ended.resolution.as_deref(), Some(WORDS));
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
    let message = &world.sent.last().expect("a message").1.message;
    assert!(message.headline.contains(WORDS), "{}", message.headline);
    let by_hand = message.facts.iter().find(|fact| fact.label == "Ended by");
    assert_eq!(by_hand.map(|fact| fact.text.as_str()), Some(WORDS));
}

#[test]
fn a_problem_that_ends_by_itself_is_nobodys_doing() {
    let mut world = refused_world();
    decides(&mut world, Decision::Release, 2);
    world.script("p", |_, now| Play::writes("few", now).refused("2 rows, at least 50"));
    world.run("p");
    world.run_until("2026-03-02T10:00");
    world.script("p", |_, now| Play::writes("enough", now));
    world.run("p");
    world.run_until("2026-03-02T10:10");
    let ended = world.incidents();
    let resolutions: Vec<_> = ended.iter().map(|incident| incident.resolution.as_deref()).collect();
    assert_eq!(resolutions, [Some(WORDS), None]);
}

#[test]
fn a_version_that_is_restored_after_a_release_opens_nothing_again() {
    let mut world = refused_world();
    decides(&mut world, Decision::Release, 2);
    world.run_until("2026-03-02T10:00");
    decides(&mut world, Decision::Restore, 1);
    world.run_until("2026-03-02T10:10");
    assert_eq!(world.open_incidents().len(), 0);
    assert!(status(&mut world).is_fine());
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
}

#[test]
fn nobody_is_advised_to_release_what_a_newer_version_has_overtaken() {
    let mut world = refused_world();
    let release = "freshd release d@2 --because TEXT";
    let advises = |world: &World| {
        let message = &world.sent.last().expect("a message").1.message;
        message.commands.iter().any(|command| command == release)
    };
    assert!(advises(&world));
    let why = |world: &mut World| world.done(Request::Why { name: "d".into() })["dataset"].clone();
    assert_eq!(why(&mut world)["refused"]["number"], 2);
    decides(&mut world, Decision::Restore, 1);
    assert!(why(&mut world)["refused"].is_null() && why(&mut world)["quarantine"].is_null());
    world.run_until("2026-03-02T11:00");
    assert_eq!(
        world.told_to(OPS),
        [Purpose::Opening, Purpose::Reminder],
        "the job is still failing"
    );
    assert!(!advises(&world));
}

#[test]
fn the_release_of_what_an_earlier_run_made_stands_with_that_run_and_the_last_one_is_what_it_was() {
    let mut world = refused_world();
    let refused = world.last_run("p").id;
    world.script("p", |_, _| Play::fails(1, "no"));
    world.run("p");
    world.run_until("2026-03-02T09:40");
    decides(&mut world, Decision::Release, 2);
    let (earlier, _) = world
        .reader()
        .run(refused)
        .expect("the store is read")
        .expect("it is known");
    assert_eq!(
        earlier.released.map(|released| released.words()).as_deref(),
        Some(WORDS)
    );
    assert_eq!(world.last_run("p").released, None);
    assert!(status(&mut world).jobs[0].is_failing(), "it has failed since");
    let facts = world.facts.iter().filter(|fact| matches!(fact, Fact::Released(..)));
    assert_eq!(facts.count(), 1);
}

#[test]
fn a_run_that_tries_again_after_its_first_output_was_released_is_judged_by_what_it_ends_with() {
    let mut world = super::world(
        "max_age = \"26h\"\n[jobs.q]\nowner = \"ops\"\ncommand = \"true\"",
        "2026-03-02T08:00",
    );
    let again =
        super::made("max_age = \"26h\"").replace("produces", "retry = { attempts = 2, delay = \"1h\" }\nproduces");
    world.reload(&again);
    world.script("p", |_, now| Play::writes("few", now).refused("3 rows, at least 50"));
    world.run("p");
    world.run_until("2026-03-02T08:10");
    decides(&mut world, Decision::Release, 1);
    let run = world.last_run("p");
    assert!(run.outcome.is_none() && run.released.is_some());
    world.script("p", |_, _| Play::fails(1, "no"));
    world.run_until("2026-03-02T09:30");
    let run = world.last_run("p");
    assert_eq!((run.outcome, run.released), (Some(Outcome::Failed), None));
    assert!(status(&mut world).jobs[0].is_failing());
}

#[test]
fn a_promise_that_was_late_and_is_met_by_a_release_says_whose_doing_that_was() {
    let mut world = super::world("due = { at = \"0 9 * * *\" }", "2026-03-02T08:00");
    world.script("p", |_, now| Play::writes("few", now).refused("3 rows, at least 50"));
    world.run_until("2026-03-02T09:05");
    world.run("p");
    world.run_until("2026-03-02T09:10");
    decides(&mut world, Decision::Release, 1);
    world.run_until("2026-03-02T09:20");
    let ended = world.incidents();
    let late = ended
        .iter()
        .find(|incident| incident.subject.as_str() == "d")
        .expect("it was late");
    assert_eq!(
        (late.state, late.resolution.as_deref()),
        (IncidentState::Resolved, Some(WORDS))
    );
}
