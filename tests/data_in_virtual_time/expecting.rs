//! A known jump is accepted on the record; then what has jumped learns anew. What was refused teaches nothing.

use freshd::model::{
    Action, Comparison, Decision, Event, Outcome, Reply, Request, Status, Verdict, Version, VersionNumber, VersionState,
};

use super::virtual_world::{Play, World, with_ops};

/// `p` makes `d` each morning, and rules compare its rows and bytes.
fn daily(from: &str) -> World {
    let text = with_ops(
        "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\n\
         checks = { format = \"csv\", rows = { change = \"-30%..+50%\", level = \"hold\" }, bytes = { change = \"auto\" } }\n\
         [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\nschedule = \"0 6 * * *\"\n",
    );
    World::start(&text, from)
}

fn expects(world: &mut World, versions: u32, for_s: u64) -> Reply {
    world.ask(Request::Expect {
        dataset: "d".into(),
        because: "price list 2027".to_owned(),
        versions,
        for_s,
        by: Some("olav".to_owned()),
    })
}

fn is_held_since_rows_differ(world: &mut World) {
    world.script("p", |_, at| {
        Play::writes(&at.to_string(), at).odd("rows.change", Verdict::Hold)
    });
}

fn last(world: &World) -> Version {
    world.versions("d").pop().expect("a version")
}

/// What the last candidate was compared with.
fn compared(world: &World) -> &Comparison {
    let judged = world.asked.iter().rev().find_map(|action| match action {
        Action::Judge(judging) => Some(&judging.comparison),
        _ => None,
    });
    judged.expect("a candidate")
}

fn numbers(comparison: &Comparison) -> Vec<u64> {
    comparison.versions.iter().map(|past| past.number.0).collect()
}

#[test]
fn an_expected_jump_is_published_once_and_says_who_expected_it() {
    let mut world = daily("2026-03-01T12:00");
    is_held_since_rows_differ(&mut world);
    world.run_until("2026-03-02T07:00");
    assert_eq!(last(&world).state, VersionState::Quarantined);
    assert!(matches!(expects(&mut world, 1, 7 * 86_400), Reply::Done(_)));
    world.crash();
    world.restart();
    world.run_until("2026-03-03T07:00");
    let version = last(&world);
    assert_eq!(version.state, VersionState::Published);
    assert_eq!(version.checks[0].verdict, Verdict::Pass);
    let message = &version.checks[0].message;
    assert_eq!(message, "expected: price list 2027 (olav (anna)); 200 rows came");
    let expected = version.provenance.expected.expect("it goes with the version");
    assert_eq!(expected.checks[0].name, "rows.change");
    let run = world.last_run("p");
    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert_eq!(
        run.reason.as_deref(),
        Some("passed as expected: price list 2027 (olav (anna))")
    );
    let passed = world.status("d")["datasets"][0]["as_expected"].clone();
    assert_eq!(passed["because"], "price list 2027");
    world.run_until("2026-03-04T07:00");
    let version = last(&world);
    assert_eq!(version.state, VersionState::Quarantined, "it is used up");
    assert_eq!(version.provenance.expected, None);
}

#[test]
fn what_would_have_passed_anyway_is_no_doing_of_who_expected_something() {
    let mut world = daily("2026-03-01T12:00");
    assert!(matches!(expects(&mut world, 1, 7 * 86_400), Reply::Done(_)));
    world.run_until("2026-03-02T07:00");
    assert!(last(&world).provenance.expected.is_some(), "it used that up");
    assert_eq!(world.last_run("p").reason, None);
    assert!(world.status("d")["datasets"][0]["as_expected"].is_null());
}

/// What `status` says is expected of `d`, and until when.
fn told(world: &mut World) -> Option<(String, String)> {
    let Reply::Done(facts) = world.ask(Request::Status { name: None }) else {
        panic!("status is refused");
    };
    let status = Status::read(&facts).expect("a status");
    let expected = status.datasets[0].expected.as_ref();
    expected.map(|expected| (expected.words(), expected.until.to_string()))
}

#[test]
fn what_stands_is_told_with_its_reason_and_its_end_until_it_is_used_up() {
    let mut world = daily("2026-03-01T12:00");
    assert_eq!(told(&mut world), None);
    assert!(matches!(expects(&mut world, 1, 7 * 86_400), Reply::Done(_)));
    for restarts in [false, true] {
        if restarts {
            world.crash();
            world.restart();
        }
        let (words, until) = told(&mut world).expect("it stands");
        assert_eq!(words, "price list 2027 (olav (anna)), 1 more version");
        assert!(until.starts_with("2026-03-08T11:00:0"), "{until}");
    }
    world.run_until("2026-03-02T07:00");
    assert_eq!(told(&mut world), None);
}

#[test]
fn it_is_over_in_time_and_can_be_taken_back() {
    let mut world = daily("2026-03-01T12:00");
    is_held_since_rows_differ(&mut world);
    assert!(matches!(expects(&mut world, 3, 3_600), Reply::Done(_)));
    world.run_until("2026-03-02T07:00");
    assert_eq!(last(&world).state, VersionState::Quarantined);
    assert!(matches!(expects(&mut world, 3, 7 * 86_400), Reply::Done(_)));
    assert_eq!(
        world.status("d")["datasets"][0]["expected"]["because"],
        "price list 2027"
    );
    let Reply::Done(taken_back) = expects(&mut world, 0, 0) else {
        panic!("it stands")
    };
    assert_eq!(taken_back["versions"], 0);
    assert_eq!(taken_back["until"], world.now.wall.to_string());
    assert!(world.status("d")["datasets"][0]["expected"].is_null());
    world.run_until("2026-03-03T07:00");
    assert_eq!(last(&world).state, VersionState::Quarantined);
    assert!(matches!(expects(&mut world, 0, 0), Reply::Refused(_)), "nothing stands");
}

#[test]
fn a_hard_limit_still_holds_and_uses_nothing_up() {
    let mut world = daily("2026-03-01T12:00");
    world.script("p", |_, at| {
        Play::writes(&at.to_string(), at)
            .refused("3 rows, at least 50")
            .odd("rows.change", Verdict::Hold)
    });
    assert!(matches!(expects(&mut world, 1, 7 * 86_400), Reply::Done(_)));
    world.run_until("2026-03-02T07:00");
    let version = last(&world);
    assert_eq!(version.state, VersionState::Quarantined);
    assert_eq!(version.reason.as_deref(), Some("3 rows, at least 50"));
    is_held_since_rows_differ(&mut world);
    world.run_until("2026-03-03T07:00");
    assert_eq!(last(&world).state, VersionState::Published);
}

#[test]
fn what_has_jumped_learns_from_the_jump_on_and_the_rest_goes_on() {
    let mut world = daily("2026-03-01T12:00");
    world.run_until("2026-03-27T12:00");
    is_held_since_rows_differ(&mut world);
    assert!(matches!(expects(&mut world, 1, 7 * 86_400), Reply::Done(_)));
    world.run_until("2026-03-28T12:00");
    world.script("p", |_, at| Play::writes(&at.to_string(), at));
    world.crash();
    world.restart();
    world.run_until("2026-04-04T12:00");
    let comparison = compared(&world);
    assert_eq!(numbers(comparison), [6, 13, 20, 27]);
    let rows = comparison.of_check("rows.change", None);
    assert_eq!(numbers(&rows), [27]);
    assert_eq!(
        rows.progress_words(),
        "learning 1/4 Saturdays since the expected change in version 27"
    );
    let bytes = comparison.of_check("bytes.change", None);
    assert_eq!(numbers(&bytes), [6, 13, 20, 27], "nothing of it has jumped");
}

#[test]
fn an_expected_version_that_is_restored_uses_nothing_up() {
    let mut world = daily("2026-03-01T12:00");
    world.run_until("2026-03-02T12:00");
    is_held_since_rows_differ(&mut world);
    assert!(matches!(expects(&mut world, 3, 7 * 86_400), Reply::Done(_)));
    world.run_until("2026-03-03T07:00");
    let jumped = last(&world);
    assert_eq!(jumped.state, VersionState::Published);
    world.handle(Event::Decided {
        id: 4_711,
        by: "anna".to_owned(),
        because: "the file was damaged".to_owned(),
        decision: Decision::Restore,
        learn: false,
        version: Ok(Box::new(jumped)),
    });
    world.run_until("2026-03-03T08:00");
    assert!(last(&world).is_restored());
    assert_eq!(last(&world).provenance.expected, None);
    let used = world.status("d")["datasets"][0]["expected"]["used"].clone();
    assert_eq!(used, serde_json::json!([2]));
}

#[test]
fn nothing_can_be_expected_where_nothing_is_compared() {
    let mut world = super::world("max_age = \"26h\"", "2026-03-01T12:00");
    let Reply::Refused(why) = expects(&mut world, 1, 86_400) else {
        panic!("it was accepted");
    };
    assert!(why.starts_with("no check of d compares with versions before"), "{why}");
}

/// Five Fridays, of which the second was refused and then released.
fn released(learn: bool) -> Vec<u64> {
    let mut world = daily("2026-03-01T12:00");
    world.run_until("2026-03-12T12:00");
    is_held_since_rows_differ(&mut world);
    world.run_until("2026-03-13T12:00");
    world.script("p", |_, at| Play::writes(&at.to_string(), at));
    let version = last(&world);
    assert_eq!(
        (version.number, version.state),
        (VersionNumber(12), VersionState::Quarantined)
    );
    world.handle(Event::Decided {
        id: 4_711,
        by: "anna".to_owned(),
        because: "the plant is closed".to_owned(),
        decision: Decision::Release,
        learn,
        version: Ok(Box::new(version)),
    });
    world.run_until("2026-03-13T13:00");
    let Reply::Done(why) = world.ask(Request::Why { name: "d".into() }) else {
        panic!("why");
    };
    let left_out = &why["dataset"]["left_out"];
    assert_eq!(left_out.as_u64(), (!learn).then_some(12), "{left_out}");
    world.crash();
    world.restart();
    world.run_until("2026-04-03T12:00");
    numbers(compared(&world))
}

#[test]
fn a_released_version_teaches_nothing_unless_the_release_says_so() {
    assert_eq!(released(false), [5, 19, 26]);
    assert_eq!(released(true), [5, 12, 19, 26]);
}

#[test]
fn a_version_uses_up_only_what_was_expected_when_it_was_accepted() {
    let mut world = daily("2026-03-01T12:00");
    is_held_since_rows_differ(&mut world);
    expects(&mut world, 1, 7 * 86_400);
    world.outside.disk_is_full_until = Some(super::virtual_world::at("2026-03-02T06:01"));
    world.run_until("2026-03-02T06:00:30");
    assert_eq!(last(&world).state, VersionState::Publishing);
    expects(&mut world, 1, 7 * 86_400);
    world.run_until("2026-03-02T07:00");
    assert_eq!(last(&world).state, VersionState::Published);
    world.run_until("2026-03-03T07:00");
    assert_eq!(
        last(&world).state,
        VersionState::Published,
        "what is expected now still stood"
    );
    world.run_until("2026-03-04T07:00");
    assert_eq!(last(&world).state, VersionState::Quarantined);
}

#[test]
fn one_expected_version_lets_one_pass_also_of_two_that_are_judged_at_the_same_time() {
    for restarts in [false, true] {
        let mut world = daily("2026-03-01T12:00");
        is_held_since_rows_differ(&mut world);
        assert!(matches!(expects(&mut world, 1, 7 * 86_400), Reply::Done(_)));
        // The first is accepted, and cannot be put in place for a while.
        world.outside.disk_is_full_until = Some(super::virtual_world::at("2026-03-01T12:00:40"));
        world.run("p");
        world.run_until("2026-03-01T12:00:20");
        if restarts {
            world.crash();
            world.restart();
        }
        // Another job makes the dataset since, while the run of the one before goes on.
        let text = with_ops(
            "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\n\
             checks = { format = \"csv\", rows = { change = \"-30%..+50%\", level = \"hold\" } }\n\
             [jobs.p2]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n",
        );
        world.reload(&text);
        world.script("p2", |_, at| {
            Play::writes(&at.to_string(), at).odd("rows.change", Verdict::Hold)
        });
        world.run("p2");
        world.run_until("2026-03-01T12:30");
        let states: Vec<VersionState> = world.versions("d").iter().map(|version| version.state).collect();
        assert_eq!(states, [VersionState::Published, VersionState::Quarantined]);
    }
}

#[test]
fn what_is_expected_can_be_taken_back_when_its_checks_or_its_dataset_are_gone() {
    for gone in [
        "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\n[jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n",
        "",
    ] {
        let mut world = daily("2026-03-01T12:00");
        assert!(matches!(expects(&mut world, 1, 7 * 86_400), Reply::Done(_)));
        world.reload(&with_ops(gone));
        let Reply::Done(taken_back) = expects(&mut world, 0, 0) else {
            panic!("it stands");
        };
        assert_eq!(taken_back["versions"], 0);
        let Reply::Refused(why) = expects(&mut world, 0, 0) else {
            panic!("it was taken back");
        };
        let words = if gone.is_empty() {
            "there is no dataset d"
        } else {
            "nothing is expected of d"
        };
        assert!(why.starts_with(words), "{why}");
    }
}
