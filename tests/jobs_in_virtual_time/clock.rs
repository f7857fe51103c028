//! Set clocks, sleep, zone changes, holidays and jitter.

use super::missed::missed_reasons;
use freshd::model::Outcome;

use super::virtual_world::{Play, World, at, with_ops};
use super::{one_job, world};

const HOURLY: &str = "schedule = \"0 * * * *\"";

#[test]
fn a_clock_set_forward_is_downtime() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    world.set_clock("2026-03-02T14:30");
    world.run_until("2026-03-02T15:30");
    assert_eq!(world.starts("j"), ["10:00:00", "14:30:00", "15:00:00"]);
    assert_eq!(missed_reasons(&world).len(), 3);
    assert!(
        world
            .facts
            .iter()
            .any(|fact| matches!(fact, freshd::model::Fact::ClockStep(step) if step.by_ms == 4 * 3_600_000))
    );
}

#[test]
fn a_clock_set_backward_makes_nothing_fire_again() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T12:30");
    world.set_clock("2026-03-02T09:30");
    world.run_until("2026-03-02T13:30");
    assert_eq!(world.starts("j"), ["10:00:00", "11:00:00", "12:00:00", "13:00:00"]);
}

#[test]
fn a_suspend_is_downtime_and_no_burst_of_late_starts() {
    let mut world = world("schedule = \"*/5 * * * *\"", "2026-03-02T09:58");
    world.run_until("2026-03-02T10:01");
    world.sleep_until("2026-03-02T14:02");
    world.run_until("2026-03-02T14:06");
    assert_eq!(world.starts("j"), ["10:00:00", "14:02:00", "14:05:00"]);
    assert_eq!(missed_reasons(&world).len(), 47);
}

#[test]
fn with_a_clock_earlier_than_the_records_nothing_starts_until_it_catches_up() {
    let mut world = World::start(
        &with_ops(
            "[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\n\
             retry = { attempts = 5, delay = \"2m\" }\n\
             [jobs.hand]\nowner = \"ops\"\ncommand = \"true\"\n",
        ),
        "2026-03-02T09:30",
    );
    world.script("j", |_, now| {
        if now < at("2026-03-02T10:30") {
            Play::fails(1, "")
        } else {
            Play::succeeds()
        }
    });
    world.run_until("2026-03-02T10:00:06");
    world.crash();
    world.set_clock("2026-03-02T09:30");
    world.restart();
    assert!(world.status("j")["clock_held_until"].is_string(), "it says so");
    let found = |world: &World| world.engine.as_ref().expect("it lives").self_test(world.now);
    assert_eq!(found(&world).len(), 1, "and so does whoever watches freshd itself");
    assert!(found(&world)[0].contains("clock"), "{:?}", found(&world));
    world.run("hand");
    world.run_until("2026-03-02T10:00:04");
    assert_eq!(world.starts("j"), ["10:00:00"], "not even a retry");
    assert_eq!(world.starts("hand").len(), 0, "not even by hand");
    let waiting = world.last_run("hand").reason.unwrap();
    assert!(waiting.contains("clock"), "{waiting}");
    assert_eq!(world.open_incidents().len(), 1, "somebody is told");
    world.run_until("2026-03-02T10:00:30");
    assert_eq!(world.starts("hand").len(), 1);
    assert_eq!(world.open_incidents().len(), 0);
    assert_eq!(found(&world), Vec::<String>::new());
    world.run_until("2026-03-02T11:30");
    let outcomes: Vec<_> = world.outcomes("j").into_iter().map(|(due, _)| due).collect();
    assert_eq!(outcomes, ["Mon 10:00", "Mon 11:00"], "each once");
}

#[test]
fn a_clock_a_little_earlier_than_the_records_is_believed() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:02");
    world.crash();
    world.set_clock("2026-03-02T09:58");
    world.restart();
    world.run_until("2026-03-02T11:02");
    assert_eq!(world.starts("j"), ["10:00:00", "11:00:00"]);
}

#[test]
fn a_dst_gap_makes_one_run_that_carries_all_the_nominal_times_it_stands_for() {
    let mut world = world("schedule = \"0,30 2 * * *\"", "2026-03-28T12:00");
    world.run_until("2026-03-29T12:00");
    assert_eq!(world.starts("j"), ["03:00:00"], "at the first instant after the gap");
    assert_eq!(
        world.last_run("j").nominal,
        ["2026-03-29T02:00:00", "2026-03-29T02:30:00"]
    );
}

#[test]
fn in_a_dst_overlap_an_appointment_runs_once_and_a_cadence_in_both_passes() {
    let mut appointment = world("schedule = \"30 2 * * *\"", "2026-10-24T12:00");
    appointment.run_until("2026-10-25T12:00");
    assert_eq!(appointment.starts("j").len(), 1);
    let mut cadence = world("schedule = \"30 * * * *\"", "2026-10-25T01:00");
    cadence.run_until("2026-10-25T04:00");
    assert_eq!(cadence.starts("j"), ["01:30:00", "02:30:00", "02:30:00", "03:30:00"]);
}

#[test]
fn a_holiday_is_recorded_as_skipped_with_its_reason() {
    let calendar = "[calendars.no]\nweekend = [\"Sat\", \"Sun\"]\nholidays = [\"2026-05-01\"]\n";
    let job = "schedule = \"0 6 * * *\"\ncalendar = \"no\"\n";
    let text = format!("{}{calendar}", one_job(job));
    let mut world = World::start(&text, "2026-04-30T12:00");
    world.run_until("2026-05-04T12:00");
    let outcomes = world.outcomes("j");
    let skipped = |due: &str| (due.to_owned(), Some(Outcome::Skipped));
    assert_eq!(
        outcomes[..3],
        [skipped("Fri 06:00"), skipped("Sat 06:00"), skipped("Sun 06:00")]
    );
    assert_eq!(outcomes[3], ("Mon 06:00".to_owned(), Some(Outcome::Succeeded)));
    assert!(
        world.runs("j")[0].reason.as_ref().unwrap().contains("2026-05-01"),
        "{:?}",
        world.runs("j")[0].reason
    );
}

#[test]
fn jitter_moves_the_start_by_the_same_amount_each_time_and_leaves_the_due_time() {
    let mut world = world("schedule = \"0 * * * *\"\njitter = \"5m\"", "2026-03-02T09:30");
    let offset = world.settings.jobs["j"].start_offset;
    world.run_until("2026-03-02T12:30");
    let late: Vec<_> = world
        .started
        .iter()
        .zip(world.runs("j"))
        .map(|((_, _, started), run)| started.duration_since(run.due_at.unwrap()))
        .collect();
    assert_eq!(late, vec![jiff::SignedDuration::try_from(offset).unwrap(); 3]);
    assert!(!offset.is_zero());
    assert_eq!(world.outcomes("j")[0].0, "Mon 10:00");
}

#[test]
fn a_restart_between_due_time_and_jittered_start_loses_and_repeats_nothing() {
    let mut world = world("schedule = \"0 * * * *\"\njitter = \"5m\"", "2026-03-02T09:30");
    world.run_until("2026-03-02T10:00:00");
    world.crash();
    world.restart();
    world.run_until("2026-03-02T10:30");
    assert_eq!(world.starts("j").len(), 1);
    assert_eq!(world.outcomes("j").len(), 1);
}

#[test]
fn a_job_that_is_switched_on_again_never_catches_up() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    world.reload(&one_job(&format!("{HOURLY}\nenabled = false")));
    world.run_until("2026-03-02T13:30");
    assert_eq!(world.starts("j"), ["10:00:00"]);
    world.reload(&one_job(HOURLY));
    world.run_until("2026-03-02T14:30");
    assert_eq!(world.starts("j"), ["10:00:00", "14:00:00"]);
    assert_eq!(missed_reasons(&world), Vec::<String>::new());
}

#[test]
fn a_job_that_was_removed_and_comes_back_never_catches_up() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    world.reload(&with_ops(""));
    world.run_until("2026-03-02T13:30");
    world.reload(&one_job(HOURLY));
    world.run_until("2026-03-02T14:30");
    assert_eq!(world.starts("j"), ["10:00:00", "14:00:00"]);
    assert_eq!(missed_reasons(&world), Vec::<String>::new());
}
