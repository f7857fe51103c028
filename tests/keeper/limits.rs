//! Many jobs at once, few open files, and the end of a keeper.

use super::house::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;

use freshd::model::{AttemptSpec, AttemptState, Event, ExitStatus};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_jobs_at_once_each_run_once() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    let gate = fs::OpenOptions::new().read(true).write(true).open(&hold).unwrap();
    for run in 1..=300 {
        let text = format!("echo {run} >> evidence; read x < hold; exit {}", run % 200);
        house.keepers().start(house.shell(run, &text));
    }
    for run in 1..=300 {
        house.pid(run).await;
    }
    (&gate).write_all(&b"\n".repeat(300)).unwrap();
    let mut exits = BTreeMap::new();
    for _ in 0..300 {
        let exit = house.exit().await;
        exits.insert(exit.id, exit.status);
    }
    for run in 1..=300 {
        let code = i32::try_from(run % 200).unwrap();
        assert_eq!(exits[&id(run)], ExitStatus::Code(code), "run {run}");
    }
    let evidence = fs::read_to_string(house.dir.join("evidence")).unwrap();
    let mut runs: Vec<u64> = evidence.lines().map(|line| line.parse().unwrap()).collect();
    runs.sort_unstable();
    assert_eq!(runs, (1..=300).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_needs_more_open_files_than_its_jobs_are_given() {
    let mut house = House::empty();
    let hold = house.fifo("hold");
    let gate = fs::OpenOptions::new().read(true).write(true).open(hold).unwrap();
    let mut keeper = house.keeper_by_hand("ulimit -Sn 64");
    house.open(&[]).await;
    for run in 1..=100 {
        let text = "ulimit -Sn; read x < hold; ulimit -Sn";
        house.keepers().start(house.shell(run, text));
    }
    for run in 1..=100 {
        house.pid(run).await;
    }
    (&gate).write_all(&b"\n".repeat(100)).unwrap();
    for _ in 1..=100 {
        let exit = house.exit().await;
        assert_eq!(
            (exit.status, exit.output.tail),
            (ExitStatus::Code(0), "64\n64\n".into())
        );
    }
    house.drop_daemon();
    keeper.kill().unwrap();
    keeper.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_open_files_left_waits_with_the_reason_told_once_each_and_starts_in_order() {
    let mut house = House::empty();
    let hold = house.fifo("hold");
    let gate = fs::OpenOptions::new().read(true).write(true).open(hold).unwrap();
    // Room for two: each may take five, beside 64 of the keeper's own.
    let mut keeper = house.keeper_by_hand("ulimit -n 74");
    house.open(&[]).await;
    let text = |run: u64| format!("echo {run} >> order; read x < hold");
    for run in 1..=2 {
        house.keepers().start(house.shell(run, &text(run)));
        house.pid(run).await;
    }
    // A claim that comes later waits behind those that were refused, however often these are tried.
    for run in 3..=5 {
        house.keepers().start(house.shell(run, &text(run)));
        while house.refused.len() < usize::try_from(run - 2).unwrap() {
            let Event::AttemptRefused { id, why } = house.event().await else {
                panic!("run {run} was not refused");
            };
            house.refused.push((id, why));
        }
    }
    for run in 3..=5 {
        (&gate).write_all(b"\n").unwrap();
        assert_eq!(house.exit().await.status, ExitStatus::Code(0));
        house.pid(run).await;
    }
    (&gate).write_all(b"\n\n").unwrap();
    for _ in 4..=5 {
        assert_eq!(house.exit().await.status, ExitStatus::Code(0));
    }
    let why =
        "no more than 2 attempts run at a time with the limit of open files (74); raise LimitNOFILE or ulimit -Hn";
    let expected: Vec<_> = (3..=5).map(|run| (id(run), why.to_owned())).collect();
    assert_eq!(house.refused, expected, "each once");
    assert_eq!(fs::read_to_string(house.dir.join("order")).unwrap(), "1\n2\n3\n4\n5\n");
    house.drop_daemon();
    keeper.kill().unwrap();
    keeper.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_space_for_its_directories_is_refused_once_and_starts_when_there_is_some() {
    let mut house = House::empty();
    let full = house.dir.join("full");
    fs::create_dir(&full).unwrap();
    let namespaces = if rustix::process::geteuid().is_root() {
        "--mount"
    } else {
        "-Urm"
    };
    let tries = std::process::Command::new("unshare")
        .args([namespaces, "mount", "-t", "tmpfs", "tmpfs"])
        .arg(&full)
        .status();
    assert!(
        tries.is_ok_and(|status| status.success()),
        "this test mounts a small disk of its own, which is not allowed here: run it as root, or where users may have \
         namespaces; in a container, with the right to mount"
    );
    // Room for the directory itself and one file.
    let mount = format!(
        "mount -t tmpfs -o nr_inodes=2 tmpfs {0} && touch {0}/filler",
        full.display()
    );
    let under = format!("exec unshare {namespaces} sh -c '{mount} && exec \"$0\" \"$@\"'");
    let mut keeper = house.keeper_under(&under, 300);
    house.open(&[]).await;
    let output_dir = Some(full.join("output"));
    let spec = house.shell(1, "echo there");
    house.keepers().start(Box::new(AttemptSpec { output_dir, ..*spec }));
    let Event::AttemptRefused { id: refused, why } = house.event().await else {
        panic!("it was not refused");
    };
    assert_eq!(refused, id(1));
    assert!(why.contains("No space left on device"), "{why}");
    // Others are not in its way, nor it in theirs.
    assert_eq!(house.run(house.shell(2, "true")).await.status, ExitStatus::Code(0));
    fs::remove_file(format!("/proc/{}/root{}/filler", keeper.id(), full.display())).unwrap();
    let exit = house.exit().await;
    assert_eq!((exit.id, exit.status), (id(1), ExitStatus::Code(0)));
    assert_eq!(house.refused, [], "however often it was tried");
    house.drop_daemon();
    keeper.kill().unwrap();
    keeper.wait().unwrap();
}

#[test]
fn a_keeper_that_is_left_alone_with_nothing_to_do_leaves_and_nothing_of_it_stays() {
    let house = House::empty();
    let mut keeper = house.keeper_under("exec", 1);
    assert!(wait_for_child(&mut keeper).success());
    assert_eq!(files_of_keeper(&house, 1), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_with_an_end_to_tell_outwaits_one_with_none_and_leaves_when_it_is_told() {
    let mut house = House::empty();
    let mut keeper = house.keeper_under("exec", 2);
    house.open(&[]).await;
    house.keepers().start(house.shell(1, "exit 4"));
    assert_eq!(house.exit().await.status, ExitStatus::Code(4));
    house.drop_daemon();
    let other_house = House::empty();
    wait_for_child(&mut other_house.keeper_under("exec", 2));
    house.open(&[stored(1, AttemptState::Started)]).await;
    assert_eq!(house.exit().await.status, ExitStatus::Code(4));
    house.keepers().acknowledge(id(1));
    house.run(house.shell(2, "true")).await;
    let pid = i32::try_from(keeper.id()).unwrap();
    assert_eq!(house.keeper_pids(), [pid], "it still takes what is new");
    house.drop_daemon();
    assert!(wait_for_child(&mut keeper).success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_keeper_leaves_when_its_last_attempt_has_ended_and_nothing_of_it_stays() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    house.keepers().start(house.shell(1, "read x < hold; exit 2"));
    house.pid(1).await;
    house.keepers.take().unwrap().close().await;
    let old = house.keeper_pids()[0];
    let pidfd = pidfd_open(Pid::from_raw(old).unwrap(), PidfdFlags::empty()).unwrap();
    house.open(&[stored(1, AttemptState::Started)]).await;
    // New attempts go to a new keeper.
    house.run(house.shell(2, "true")).await;
    assert_eq!(house.keeper_pids().len(), 2);
    fs::write(hold, "go\n").unwrap();
    assert_eq!(house.exit().await.status, ExitStatus::Code(2));
    house.keepers().acknowledge(id(1));
    wait_for(&pidfd);
    // The daemon takes the lock of a keeper that is gone for a moment, to be sure of that.
    until(|| files_of_keeper(&house, 1).is_empty());
}

fn files_of_keeper(house: &House, number: u32) -> Vec<String> {
    let entries = fs::read_dir(house.dir.join("keeper")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name.starts_with(&format!("{number}.")));
    names
}
