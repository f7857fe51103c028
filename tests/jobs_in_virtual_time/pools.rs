//! Limits across jobs: who waits, why, and in which order.

use std::time::Duration;

use freshd::model::{Outcome, Request, RunState};

use super::virtual_world::{Play, World, with_ops};

/// Five jobs that take two minutes each, through a pool of `slots`.
fn five(slots: u32) -> String {
    let mut text = format!("[pools.erp]\nslots = {slots}\n");
    for name in ["a", "b", "c", "d", "e"] {
        text += &format!("[jobs.{name}]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"\n");
    }
    with_ops(&text)
}

fn begun(slots: u32) -> World {
    let mut world = World::start(&five(slots), "2026-03-02T10:00");
    for name in ["a", "b", "c", "d", "e"] {
        world.script(name, |_, _| Play::succeeds().taking(Duration::from_mins(2)));
        world.run(name);
        world.run_until_instant(freshd::model::later(world.now.wall, Duration::from_secs(1)));
    }
    world
}

fn order(world: &World) -> Vec<&str> {
    world.started.iter().map(|(job, _, _)| job.as_str()).collect()
}

#[test]
fn a_pool_limits_concurrency_across_jobs_first_come_first_served() {
    let mut world = begun(2);
    assert_eq!(world.alive.len(), 2);
    let waiting = world.last_run("c").reason.unwrap();
    assert_eq!(waiting, "waits for one of 2 slots of pool erp, used by runs 1, 2");
    for minute in 1..7 {
        world.run_until(&format!("2026-03-02T10:0{minute}"));
        assert!(world.alive.len() <= 2);
    }
    assert_eq!(order(&world), ["a", "b", "c", "d", "e"]);
    assert_eq!(world.starts("e"), ["10:04:00"]);
}

#[test]
fn the_order_survives_a_restart() {
    let mut world = begun(1);
    world.crash();
    world.restart();
    world.run_until("2026-03-02T10:12");
    assert_eq!(order(&world), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_cancelled_run_leaves_the_queue() {
    let mut world = begun(1);
    let run = world.last_run("b").id;
    world.done(Request::Cancel { run });
    assert_eq!(world.last_run("b").outcome, Some(Outcome::Cancelled));
    world.run_until("2026-03-02T10:12");
    assert_eq!(order(&world), ["a", "c", "d", "e"]);
}

#[test]
fn a_pool_that_grows_starts_those_who_wait_at_once() {
    let mut world = begun(1);
    world.reload(&five(3));
    assert_eq!(world.alive.len(), 3);
    assert_eq!(order(&world), ["a", "b", "c"]);
}

#[test]
fn a_pool_that_shrinks_keeps_the_order() {
    let mut world = begun(3);
    world.reload(&five(1));
    world.run_until("2026-03-02T10:12");
    assert_eq!(order(&world), ["a", "b", "c", "d", "e"]);
    assert_eq!(
        world.starts("e")[0],
        "10:04:02",
        "one by one, once there are no more than one"
    );
}

#[test]
fn whoever_stood_in_a_line_of_thousands_that_a_reload_ends_starts_in_small_commits_and_in_order() {
    const JOBS: usize = 5_000;
    let company = |slots: usize| {
        let mut text = format!("[pools.erp]\nslots = {slots}\n");
        for number in 0..JOBS {
            text += &format!(
                "[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"\nschedule = \"0 10 * * *\"\n\
                 timeout = \"2h\"\n"
            );
        }
        with_ops(&text)
    };
    let mut world = World::start(&company(1), "2026-03-02T09:59");
    for number in 0..JOBS {
        world.script(&format!("j{number}"), |_, _| {
            Play::succeeds().taking(Duration::from_hours(1))
        });
    }
    world.run_until("2026-03-02T10:05");
    assert_eq!(world.alive.len(), 1);
    let before = world.commits;
    // The ledger lets no commit pass that is larger than promised.
    world.reload(&company(10_000));
    world.run_until("2026-03-02T10:06");
    assert_eq!(world.alive.len(), JOBS);
    assert!(world.commits - before > 1, "in one commit");
    let started: Vec<u64> = world.started.iter().map(|(_, id, _)| id.run.0).collect();
    assert!(started.is_sorted(), "in the order of coming");
}

#[test]
fn who_waits_in_the_line_of_another_pool_since_a_reload_keeps_his_place_and_leaves_the_old_line() {
    let text = |pool_of_c: &str| {
        let of = |pool: &str| format!("[jobs.c]\nowner = \"ops\"\ncommand = \"true\"\npool = \"{pool}\"");
        five(1).replace(&of("erp"), &of(pool_of_c))
            + "[pools.wms]\nslots = 1\n[jobs.f]\nowner = \"ops\"\ncommand = \"true\"\npool = \"wms\"\n"
    };
    let mut world = World::start(&text("wms"), "2026-03-02T10:00");
    for name in ["a", "b", "c", "d", "e", "f"] {
        world.script(name, |_, _| Play::succeeds().taking(Duration::from_mins(2)));
    }
    for name in ["a", "f", "b", "c", "d"] {
        world.run(name);
    }
    world.reload(&text("erp"));
    world.run("e");
    world.run_until("2026-03-02T10:14");
    assert_eq!(order(&world), ["a", "f", "b", "c", "d", "e"]);
    world.run("f");
    assert_eq!(order(&world).last(), Some(&"f"), "nobody stands before it");
}

#[test]
fn a_job_taken_out_of_its_pool_waits_no_longer() {
    let mut world = begun(1);
    world.reload(&five(1).replace(
        "[jobs.c]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"",
        "[jobs.c]\nowner = \"ops\"\ncommand = \"true\"",
    ));
    assert_eq!(order(&world), ["a", "c"]);
    world.run_until("2026-03-02T10:12");
    assert_eq!(order(&world), ["a", "c", "b", "d", "e"]);
}

#[test]
fn a_run_backing_off_leaves_its_slot_to_others() {
    let text = five(1).replace(
        "[jobs.a]\nowner = \"ops\"\ncommand = \"true\"",
        "[jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nretry = { attempts = 2, delay = \"1s\" }",
    );
    let mut world = World::start(&text, "2026-03-02T10:00");
    world.script("a", |spec, _| {
        if spec.id.number == 1 {
            Play::fails(1, "")
        } else {
            Play::succeeds()
        }
    });
    world.script("b", |_, _| Play::succeeds().taking(Duration::from_mins(2)));
    world.run("a");
    world.run("b");
    world.run_until("2026-03-02T10:01");
    assert_eq!(order(&world), ["a", "b"]);
    assert_eq!(world.last_run("a").state, RunState::Waiting);
    world.run_until("2026-03-02T10:03");
    assert_eq!(order(&world), ["a", "b", "a"]);
    assert_eq!(world.last_run("a").attempts, 2);
}

#[test]
fn runs_of_one_job_that_may_overlap_share_a_pool_also_after_a_restart() {
    let text = with_ops(
        "[pools.erp]\nslots = 2\n[jobs.a]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"\noverlap = \"allow\"\n",
    );
    let mut world = World::start(&text, "2026-03-02T10:00");
    world.script("a", |_, _| Play::succeeds().taking(Duration::from_mins(2)));
    for _ in 0..6 {
        world.run("a");
    }
    world.run_until("2026-03-02T10:01");
    world.crash();
    world.restart();
    world.run_until("2026-03-02T10:05:30");
    assert_eq!(world.alive.len(), 2, "both slots are used");
    world.run_until("2026-03-02T10:07");
    assert_eq!(
        world
            .runs("a")
            .iter()
            .filter(|run| run.outcome == Some(Outcome::Succeeded))
            .count(),
        6
    );
}

#[test]
fn a_line_of_thousands_for_whom_it_is_too_late_is_given_up_in_small_commits() {
    const JOBS: usize = 5_000;
    let company = |slots: usize| {
        let mut text = format!(
            "[pools.erp]\nslots = {slots}\n\
             [jobs.long]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"\nschedule = \"0 10 * * *\"\n"
        );
        for number in 0..JOBS {
            text += &format!(
                "[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"\nschedule = \"0 10 * * *\"\n\
                 alert = \"breach\"\nretry = {{ attempts = 2, delay = \"1m\" }}\ngive_up_after = \"10m\"\n"
            );
        }
        with_ops(&text)
    };
    let mut world = World::start(&company(10_000), "2026-03-02T09:59");
    world.script("long", |_, _| Play::succeeds().taking(Duration::from_mins(30)));
    for number in 0..JOBS {
        world.script(&format!("j{number}"), |_, _| Play::fails(1, ""));
    }
    world.run_until("2026-03-02T10:00:03");
    assert_eq!(world.alive.len(), JOBS + 1);
    world.reload(&company(1));
    world.run_until("2026-03-02T10:29");
    assert_eq!(world.last_run("j0").state, RunState::Waiting);
    let before = (world.commits, world.facts.len());
    world.run_until("2026-03-02T10:31");
    for number in 0..JOBS {
        let run = world.last_run(&format!("j{number}"));
        assert_eq!(run.outcome, Some(Outcome::Failed), "j{number}");
        assert_eq!(run.reason.as_deref(), Some("exit code 1; give_up_after is reached"));
    }
    let facts = world.facts.len() - before.1;
    assert!(facts >= JOBS, "{facts}");
    assert!(world.commits - before.0 > 1, "in more than one step");
}

#[test]
fn a_run_that_waits_says_so_to_the_asker_and_one_that_starts_does_not() {
    let mut world = World::start(&five(1), "2026-03-02T10:00");
    let request = |job: &str| Request::Run {
        job: job.into(),
        args: Vec::new(),
    };
    assert!(world.done(request("a"))["waits"].is_null());
    assert_eq!(
        world.done(request("b"))["waits"],
        "waits for one of 1 slots of pool erp, used by runs 1"
    );
}

#[test]
fn a_run_that_goes_on_waiting_after_a_restart_is_stored_once() {
    let mut world = begun(1);
    let stored = |world: &World| {
        let runs = world
            .facts
            .iter()
            .filter(|fact| matches!(fact, freshd::model::Fact::Run(run) if run.id.0 == 2));
        runs.count()
    };
    let before = stored(&world);
    world.crash();
    world.restart();
    assert_eq!(stored(&world), before);
}

#[test]
fn patience_with_tries_is_not_patience_with_a_line() {
    let text = five(1).replace(
        "[jobs.b]\n",
        "[jobs.b]\ngive_up_after = \"1h\"\nretry = { attempts = 2, delay = \"1m\" }\n",
    );
    let text = text.replace("[jobs.a]\n", "[jobs.a]\ntimeout = \"none\"\n");
    let mut world = World::start(&text, "2026-03-02T10:00");
    world.script("a", |_, _| Play::succeeds().taking(Duration::from_hours(2)));
    world.run("a");
    world.run("b");
    world.run_until("2026-03-02T13:00");
    assert_eq!(world.last_run("b").outcome, Some(Outcome::Succeeded));
}

#[test]
fn a_slot_that_is_freed_while_the_clock_is_not_believed_is_taken_when_it_is() {
    let mut world = begun(1);
    world.set_clock("2026-03-02T09:30");
    world.run_until("2026-03-02T09:35");
    assert_eq!(world.alive.len(), 0, "the first has ended, and nobody may start");
    world.run_until("2026-03-02T10:30");
    assert_eq!(order(&world), ["a", "b", "c", "d", "e"]);
}
