//! Who was told of what was told with its causes: the daemon and the records say the same, whatever has become of those.

use freshd::model::{About, Incident};
use serde_json::json;

use super::delivery::{OPS, no_such_address};
use super::failures_told::{in_status, on_record};
use super::virtual_world::{Play, World};
use super::{NO_PROOFS, PEOPLE, one_job};

/// `x` of `c` is made from `d1` and `d2`; all are made at noon, and too old after 40, 30 and 50 minutes.
const JOBS: &str = r#"
[datasets.d1]
owner = "a"
file = "d1"
max_age = "30m"
[jobs.j1]
owner = "a"
command = "true"
produces = "d1"
[datasets.d2]
owner = "b"
file = "d2"
max_age = "50m"
consumers = ["e"]
[jobs.j2]
owner = "b"
command = "true"
produces = "d2"
[datasets.x]
owner = "c"
file = "x"
max_age = "40m"
consumers = ["e"]
[jobs.k]
owner = "c"
command = "true"
needs = ["d1", "d2"]
produces = "x"
"#;

fn about(world: &World, name: &str) -> Incident {
    let mut all = world.incidents().into_iter();
    let found = all.find(|one| one.about == About::Dataset && one.subject.as_str() == name);
    found.expect("an incident")
}

#[test]
fn what_was_told_with_a_cause_that_is_over_was_told_also_where_another_explains_it_now() {
    let mut world = World::start(&format!("{PEOPLE}{NO_PROOFS}{JOBS}"), "2026-11-26T12:00");
    for job in ["j1", "j2", "k"] {
        world.script(job, |_, now| Play::writes("once", now));
    }
    for job in ["j1", "j2"] {
        world.run(job);
    }
    world.run_until("2026-11-26T12:01");
    world.run("k");
    world.run_until("2026-11-26T12:55");
    let (d1, d2) = (about(&world, "d1"), about(&world, "d2"));
    assert_eq!(about(&world, "x").cause, Some(d1.id));
    world.script("j1", |_, now| Play::writes("twice", now));
    world.run("j1");
    world.run_until("2026-11-26T13:10");
    let x = about(&world, "x");
    assert!(about(&world, "d1").resolved_at.is_some() && x.cause == Some(d2.id));
    let of_x = on_record(&world, &x);
    let told: Vec<(&str, &str)> = of_x.iter().map(|one| (one.team.as_str(), one.to.as_str())).collect();
    assert_eq!(
        told,
        [("e", "mail:e@sea.example")],
        "by what was sent about the first cause"
    );
    for is_new_life in [false, true] {
        if is_new_life {
            world.crash();
            world.restart();
        }
        let status = in_status(&mut world, "x");
        assert_eq!(status["addresses"], json!(of_x));
        assert_eq!(status["told"], json!(["e by mail:e@sea.example"]));
    }
    // And so when all of it is over.
    for job in ["j2", "k"] {
        world.script(job, |_, now| Play::writes("twice", now));
        world.run(job);
        world.run_until(if job == "k" {
            "2026-11-26T13:20"
        } else {
            "2026-11-26T13:11"
        });
    }
    assert!(about(&world, "x").resolved_at.is_some());
    assert_eq!(on_record(&world, &about(&world, "x")), of_x);
}

#[test]
fn the_fallback_that_was_told_in_place_of_a_team_is_not_that_team() {
    let mut world = World::start(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, _| no_such_address());
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    let incident = world.incidents().remove(0);
    let expected = json!([
        "the fallback for ops by mail:it@sea.example",
        "the fallback for ops by pager"
    ]);
    for what in ["told", "over a restart", "and when the team is called otherwise"] {
        match what {
            "over a restart" => {
                world.crash();
                world.restart();
            }
            "and when the team is called otherwise" => {
                let text = one_job("").replace("[teams.ops]", "[teams.sea]");
                world.reload(&text.replace("owner = \"ops\"", "owner = \"sea\""));
            }
            _ => {}
        }
        let status = in_status(&mut world, "j");
        let known = json!(on_record(
            &world,
            &world.reader().incident(incident.id).expect("read").expect("known")
        ));
        assert_eq!(status["addresses"], known, "{what}");
        let told = status["told"].as_array().expect("texts").iter();
        let told: Vec<_> = told
            .filter(|one| one.as_str().is_some_and(|one| one.contains(" ops ")))
            .collect();
        assert_eq!(json!(told), expected, "{what}");
    }
}
