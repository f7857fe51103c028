//! Runs that a person asks for: what their process is called with, and who hears of it.

use freshd::model::{Request, Trigger};

use super::virtual_world::{Play, World, with_ops};

/// The words with which each attempt of job `j` was started.
fn argv(command: &str, args: &[&str]) -> Vec<Vec<String>> {
    let retry = "retry = { attempts = 2, delay = \"1s\" }";
    let job = format!("[jobs.j]\nowner = \"ops\"\ncommand = {command}\n{retry}\n");
    let mut world = World::start(&with_ops(&job), "2026-03-02T09:30");
    world.script("j", |spec, _| match spec.id.number {
        1 => Play::fails(1, ""),
        _ => Play::succeeds(),
    });
    world.done(Request::Run {
        job: "j".into(),
        args: args.iter().map(ToString::to_string).collect(),
    });
    world.run_until("2026-03-02T09:40");
    assert_eq!(world.last_run("j").trigger, Trigger::Manual);
    world
        .started
        .iter()
        .map(|(_, id, _)| world.specs[id].argv.clone())
        .collect()
}

#[test]
fn what_is_given_by_hand_reaches_each_attempt_as_words_and_never_as_text_of_the_shell() {
    let shell = ["/bin/sh", "-c", "true"];
    assert_eq!(argv("\"true\"", &[]), [shell; 2]);
    let given = ["--all", "; rm -r /"];
    let with_words = ["/bin/sh", "-c", "true \"$@\"", "j", "--all", "; rm -r /"];
    assert_eq!(argv("\"true\"", &given), [with_words; 2]);
    let program = "[\"true\", \"stock\"]";
    assert_eq!(argv(program, &given), [["true", "stock", "--all", "; rm -r /"]; 2]);
}

#[test]
fn status_names_the_addresses_that_hear_of_a_job() {
    let job = "[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\n";
    let mut world = World::start(&with_ops(job), "2026-03-02T09:30");
    let why = world.done(Request::Why { name: "j".into() });
    assert_eq!(why["job"]["tells"], serde_json::json!(["mail:ops@sea.example"]));
}

#[test]
fn a_run_by_hand_says_who_asked_for_it() {
    let mut world = super::world("", "2026-03-02T10:00");
    world.run("j");
    assert_eq!(world.last_run("j").by.as_deref(), Some("anna"));
}
