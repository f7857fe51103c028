//! Attempts that a keeper knows and the store has forgotten, because records were lost, are introduced.

use super::house::*;
use std::fs;

use freshd::model::{AttemptState, Event, ExitStatus, FoundAttempt, Trigger};
use freshd::runner::Records;

/// The next event, which introduces an attempt.
async fn introduced(house: &mut House) -> FoundAttempt {
    match house.event().await {
        Event::AttemptFound(found) => found,
        other => panic!("nobody is introduced: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_goes_on_is_introduced_with_what_it_was_started_for_and_told_to_its_end() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    let mut spec = house.shell(7, "read x < hold; exit 5");
    let due = "2026-11-27T22:00:00Z".parse().unwrap();
    (spec.job, spec.due_at, spec.trigger) = ("export".into(), Some(due), Trigger::Schedule);
    house.keepers().start(spec);
    let pid = house.pid(7).await;
    house.drop_daemon();
    house.open_with(&[], Records::Lost).await;
    let found = introduced(&mut house).await;
    assert_eq!((found.id, found.job.as_str()), (id(7), "export"));
    assert_eq!((found.due_at, found.trigger), (Some(due), Some(Trigger::Schedule)));
    assert_eq!(house.pid(7).await, pid);
    fs::write(hold, "go\n").unwrap();
    assert_eq!(house.exit().await.status, ExitStatus::Code(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_whole_records_nobody_is_introduced() {
    let mut house = House::new().await;
    house.run(house.shell(1, "exit 5")).await;
    house.drop_daemon();
    house.open(&[]).await;
    // The first thing that is told is of a new attempt.
    house.keepers().start(house.shell(2, "true"));
    assert!(matches!(house.event().await, Event::AttemptStarted { id: started, .. } if started == id(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_that_were_told_before_are_told_again_by_the_living_keepers_journal() {
    let mut house = House::new().await;
    for (run, code) in [(1, 5), (2, 0)] {
        let exit = house.run(house.shell(run, &format!("exit {code}"))).await;
        house.keepers().acknowledge(exit.id);
    }
    house.drop_daemon();
    // One of them was going on by the records that are left.
    house
        .open_with(&[stored(2, AttemptState::Started)], Records::Lost)
        .await;
    assert_eq!(introduced(&mut house).await.id, id(1));
    assert_eq!(house.exit().await.status, ExitStatus::Code(5));
    assert_eq!(house.exit().await.status, ExitStatus::Code(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_keeper_started_is_introduced_and_seen_to_its_end() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    house.run(house.shell(1, "exit 5")).await;
    house.keepers().start(house.shell(2, "read x < hold; exit 6"));
    let pid = house.pid(2).await;
    house.drop_daemon();
    house.kill_keepers();
    house.open_with(&[], Records::Lost).await;
    let mut told = (introduced(&mut house).await.id, introduced(&mut house).await.id);
    if told.0 > told.1 {
        told = (told.1, told.0);
    }
    assert_eq!(told, (id(1), id(2)));
    assert_eq!(house.exit().await.status, ExitStatus::Code(5));
    assert_eq!(house.pid(2).await, pid);
    fs::write(hold, "go\n").unwrap();
    // This process was the keeper's parent, so that the status can still be had.
    assert_eq!(house.exit().await.id, id(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_whose_beginning_was_cut_from_the_journal_is_introduced_by_its_log() {
    let mut house = House::new().await;
    let mut spec = house.shell(1, "echo hello; exit 5");
    spec.log = house.dir.join("logs/export/1.1.log");
    house.keepers().start(spec);
    assert_eq!(house.exit().await.id, id(1));
    // Nobody acknowledges that one; the journal is replaced by a shorter one when it is 4 MiB long.
    let text = "head -c 65536 /dev/zero > $FRESHD_REPORT";
    for run in 2..=12 {
        house.keepers().start(house.shell(run, text));
        let exit = house.exit().await;
        house.keepers().acknowledge(exit.id);
    }
    house.drop_daemon();
    house.open_with(&[], Records::Lost).await;
    let found = loop {
        match house.event().await {
            Event::AttemptFound(found) if found.id == id(1) => break found,
            _ => {}
        }
    };
    assert_eq!((found.job.as_str(), found.trigger), ("export", None));
}
