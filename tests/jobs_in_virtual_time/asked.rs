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

#[test]
fn whoever_waits_for_a_run_is_told_how_it_ended() {
    let mut world = World::start(&jobs(&[("good", "")]), "2026-03-02T09:30");
    world.run("good");
    let run = world.last_run("good").id;
    world.handle(freshd::model::Event::Requested {
        id: 4_711,
        by: "anna".to_owned(),
        request: Request::Wait { run },
    });
    let id = *world.alive.keys().next().expect("it goes on");
    let spec = world.engine.as_ref().expect("it runs").spec_of(id);
    assert_eq!(spec.as_ref(), world.specs.get(&id), "what it was started with");
    world.run_until("2026-03-02T09:32");
    let Some(Reply::Done(told)) = world.replies.pop() else {
        panic!("an answer");
    };
    assert_eq!((&told["job"], &told["outcome"]), (&json!("good"), &json!("succeeded")));
}

#[test]
fn a_job_of_another_user_is_told_of_his_home_and_writes_into_a_directory_of_its_own() {
    use freshd::model::RunAs;
    use std::sync::Arc;
    let text = with_ops(
        "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\nnice = 5\n",
    );
    let mut world = World::prepare(&text, "2026-03-02T09:30");
    // Who that is would be asked of the machine, and granted to root alone.
    let job = Arc::make_mut(&mut world.settings).jobs.get_mut("j").expect("the job");
    let policy = Arc::make_mut(&mut Arc::make_mut(job).policy);
    let conditions = Arc::make_mut(policy.conditions.as_mut().expect("it is nice"));
    conditions.run_as = Some(RunAs {
        user: "erp".to_owned(),
        uid: 990,
        gid: 990,
        groups: vec![990],
        home: "/var/lib/erp".to_owned(),
        shell: "/bin/sh".to_owned(),
    });
    world.restart();
    world.run("j");
    let spec = world.specs.values().next().expect("it was started");
    let set = |name: &str| {
        spec.env
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!((set("HOME"), set("USER")), (Some("/var/lib/erp"), Some("erp")));
    let output = set("FRESHD_OUTPUT").expect("a place");
    assert!(output.starts_with(spec.run_dir.to_str().expect("text")), "{output}");
}

#[test]
fn a_secret_that_is_pasted_with_its_line_break_is_hidden() {
    let text = jobs(&[("j", "env = { API_KEY = \"first-half-0123\\nsecond-half-4567\" }")]);
    let mut world = World::start(&text, "2026-03-02T09:30");
    world.done(Request::Pause {
        job: "j".into(),
        because: "until first-half-0123\nsecond-half-4567\nis changed".to_owned(),
    });
    let said = world.status("j").to_string();
    assert!(said.contains("until [hidden] is changed"), "{said}");
}
