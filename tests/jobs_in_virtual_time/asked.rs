//! What freshd answers to those who ask how jobs are.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, Reply, Request};
use serde_json::json;

use super::virtual_world::{Play, World, with_ops};

fn jobs(names: &[(&str, &str)]) -> String {
    let job = |(name, lines): &(&str, &str)| format!("[jobs.{name}]\nowner = \"ops\"\ncommand = \"true\"\n{lines}\n");
    with_ops(&names.iter().map(job).collect::<String>())
}

#[test]
fn status_has_one_word_for_where_a_job_stands() {
    let text = jobs(&[
        ("good", ""),
        ("bad", ""),
        ("idle", ""),
        ("off", "enabled = false"),
        ("long", ""),
        ("paused", ""),
    ]);
    let mut world = World::start(&text, "2026-03-02T09:30");
    world.script("bad", |_, _| Play::fails(1, ""));
    world.script("long", |_, _| Play::succeeds().taking(Duration::from_mins(50)));
    for job in ["good", "bad", "long", "paused"] {
        world.run(job);
    }
    world.run_until("2026-03-02T09:40");
    world.done(Request::Pause {
        job: "paused".into(),
        because: "stocktaking".to_owned(),
    });
    for (job, state) in [
        ("good", "ok"),
        ("bad", "failing"),
        ("idle", "never_ran"),
        ("off", "disabled"),
        ("long", "running"),
        ("paused", "paused"),
    ] {
        assert_eq!(world.status(job)["jobs"][0]["state"], state, "{job}");
    }
}

#[test]
fn status_lists_each_message_that_was_tried_and_not_taken() {
    let mut world = World::start(&jobs(&[("bad", "")]), "2026-03-02T09:30");
    world.script("bad", |_, _| Play::fails(1, ""));
    world.channel("mail:ops@sea.example", |_, _| DeliveryOutcome::Temporary {
        error: "connection refused".to_owned(),
        retry_after_seconds: None,
    });
    world.run("bad");
    world.run_until("2026-03-02T09:32");
    let undelivered = &world.done(Request::Status { name: None })["undelivered"];
    assert_eq!(undelivered.as_array().map(Vec::len), Some(1));
    let tries = world.tries.len();
    assert!(tries > 1, "{tries}");
    assert_eq!(
        (
            &undelivered[0]["to"],
            &undelivered[0]["tries"],
            &undelivered[0]["error"]
        ),
        (
            &json!("mail:ops@sea.example"),
            &json!(tries),
            &json!("connection refused")
        )
    );
}

#[test]
fn whoever_names_no_job_is_told_of_those_whose_names_hold_it_or_are_held_by_it() {
    let mut world = World::start(
        &jobs(&[("stock-export", ""), ("stock", ""), ("weigh", "")]),
        "2026-03-02T09:30",
    );
    for (name, hint) in [
        ("stock-", "did you mean stock, stock-export?"),
        ("export", "did you mean stock-export?"),
        ("stock-import", "did you mean stock?"),
        ("prices", "`freshd status` lists them"),
    ] {
        let told = Reply::Refused(format!("there is no job {name} in jobs.toml; {hint}"));
        assert_eq!(world.run(name), told);
    }
}
