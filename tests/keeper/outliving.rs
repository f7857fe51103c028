//! The keeper outlives the daemon, and its journal outlives the keeper.

use super::house::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use freshd::model::{AttemptState, Event, ExitStatus, StopReason};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_sent_again_is_not_started_again() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    let spec = house.shell(1, "echo started >> evidence; read x < hold; exit 5");
    for _ in 0..3 {
        house.keepers().start(spec.clone());
    }
    house.pid(1).await;
    house.drop_daemon();
    house.open(&[stored(1, AttemptState::Claimed)]).await;
    house.keepers().start(spec.clone());
    house.pid(1).await;
    fs::write(hold, "go\n").unwrap();
    assert_eq!(house.exit().await.status, ExitStatus::Code(5));
    house.keepers().start(spec);
    house.keepers().acknowledge(id(1));
    house.run(house.shell(2, "true")).await;
    let evidence = fs::read_to_string(house.dir.join("evidence")).unwrap();
    assert_eq!(evidence, "started\n");
}

#[test]
fn the_keeper_itself_starts_an_attempt_once_and_repeats_its_end_on_each_connection() {
    let house = House::empty();
    let mut keeper = house.keeper_by_hand("true");
    let connect = || {
        let stream = UnixStream::connect(house.dir.join("keeper/1.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let send = |mut stream: &UnixStream, message: serde_json::Value| {
        let json = serde_json::to_vec(&message).unwrap();
        let length = u32::try_from(json.len()).unwrap();
        stream.write_all(&length.to_le_bytes()).unwrap();
        stream.write_all(&json).unwrap();
    };
    let receive = |mut stream: &UnixStream, key: &str| loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut json = vec![0; u32::from_le_bytes(length) as usize];
        stream.read_exact(&mut json).unwrap();
        let message: serde_json::Value = serde_json::from_slice(&json).unwrap();
        if let Some(value) = message.get(key) {
            return value.clone();
        }
    };
    let spec = house.shell(1, "echo started >> evidence; exit 5");
    let start = serde_json::json!({ "start": spec });
    let first = connect();
    for _ in 0..3 {
        send(&first, start.clone());
    }
    assert_eq!(receive(&first, "exited")["status"]["code"], 5);
    send(&first, start.clone());
    assert_eq!(receive(&first, "exited")["status"]["code"], 5);
    let second = connect();
    assert_eq!(receive(&second, "known")["attempts"][0]["state"], "ended");
    assert_eq!(receive(&second, "exited")["status"]["code"], 5);
    send(&second, start);
    send(&second, serde_json::json!({ "acknowledge": [spec.id] }));
    send(&second, serde_json::json!("list"));
    assert_eq!(receive(&second, "known")["attempts"].as_array().unwrap().len(), 0);
    assert_eq!(fs::read_to_string(house.dir.join("evidence")).unwrap(), "started\n");
    // The first connection ended when the second came.
    assert_eq!((&first).read(&mut [0; 1]).unwrap_or(0), 0);
    send(&second, serde_json::json!("retire"));
    assert!(keeper.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_while_the_daemon_is_dead_keeps_its_exit_status() {
    let mut house = House::new().await;
    let ready = house.fifo("ready");
    let hold = house.fifo("hold");
    let text = "echo > ready; read x < hold; echo out; exit 42";
    house.keepers().start(house.shell(1, text));
    fs::read(ready).unwrap();
    let pid = i32::try_from(house.pid(1).await).unwrap();
    let pidfd = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap();
    house.drop_daemon();
    fs::write(hold, "go\n").unwrap();
    wait_for(&pidfd);
    let keeper = house.keeper_pids();
    house
        .open(&[stored(1, AttemptState::Started), stored(2, AttemptState::Claimed)])
        .await;
    let mut told = BTreeMap::new();
    while told.len() < 2 {
        match house.event().await {
            Event::AttemptEnded(exit) => {
                assert_eq!((exit.status, exit.output.tail), (ExitStatus::Code(42), "out\n".into()));
                told.insert("ended", exit.id);
            }
            Event::AttemptNeverStarted(id) => {
                told.insert("never", id);
            }
            // The keeper may see the end only now.
            Event::AttemptStarted { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, BTreeMap::from([("ended", id(1)), ("never", id(2))]));
    assert_eq!(house.keeper_pids(), keeper, "the living keeper goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_keeper_is_killed_its_jobs_live_on_and_new_ones_get_a_new_keeper() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    house
        .keepers()
        .start(house.shell(1, "(setsid sleep 1000 &); read x < hold; exit 6"));
    let pid = house.pid(1).await;
    house.kill_keepers();
    let exit = house.run(house.shell(2, "exit 7")).await;
    assert_eq!(exit.status, ExitStatus::Code(7));
    assert!(fs::metadata(format!("/proc/{pid}")).is_ok());
    fs::write(hold, "go\n").unwrap();
    let exit = house.exit().await;
    // This process is the subreaper, so the status came here. Elsewhere it would be unknown, never guessed.
    assert_eq!((exit.id, exit.status), (id(1), ExitStatus::Code(6)));
    assert_eq!(exit.pid, pid);
    assert!(exit.usage.leftovers_killed >= 1);
    assert_eq!(house.job_pids(), [0; 0]);
    let journal = house.dir.join("keeper/1.journal");
    assert!(journal.exists(), "the end is not stored yet");
    house.keepers().acknowledge(id(1));
    house.run(house.shell(3, "true")).await;
    assert!(!journal.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_keepers_journal_answers_for_what_it_started_and_for_what_it_did_not() {
    let mut house = House::new().await;
    let hold = house.fifo("hold");
    house.keepers().start(house.shell(1, "exit 8"));
    assert_eq!(house.exit().await.status, ExitStatus::Code(8));
    let mut spec = house.shell(2, "read x < hold; exit 9");
    spec.timeout = Some(Duration::from_millis(400));
    house.keepers().start(spec);
    house.pid(2).await;
    house.drop_daemon();
    house.kill_keepers();
    // A record that was being written when the machine stopped.
    let journal = house.dir.join("keeper/1.journal");
    let torn = frame(&started_elsewhere(3));
    let mut bytes = fs::read(&journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    bytes.truncate(end);
    bytes.extend_from_slice(&torn[..torn.len() - 3]);
    fs::write(&journal, bytes).unwrap();
    house
        .open(&[1, 2, 3].map(|run| stored(run, AttemptState::Claimed)))
        .await;
    let mut exits = BTreeMap::new();
    let mut never = Vec::new();
    while exits.len() < 2 || never.is_empty() {
        match house.event().await {
            Event::AttemptStarted { id: started, .. } => assert_eq!(started, id(2)),
            Event::AttemptEnded(exit) => {
                exits.insert(exit.id, (exit.status, exit.stop));
            }
            Event::AttemptNeverStarted(id) => never.push(id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(exits[&id(1)], (ExitStatus::Code(8), None));
    // Its timeout passed while no keeper was there.
    assert_eq!(exits[&id(2)], (ExitStatus::Signal(15), Some(StopReason::Timeout)));
    assert_eq!(never, [id(3)]);
    drop(hold);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_before_a_reboot_is_lost_and_what_a_damaged_journal_hides_is_not_guessed() {
    let mut house = House::empty();
    let dir = house.dir.join("keeper");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("4.journal"), frame(&started_elsewhere(1))).unwrap();
    house.open(&[stored(1, AttemptState::Claimed)]).await;
    let exit = house.exit().await;
    let ExitStatus::Unknown(why) = exit.status else {
        panic!("{:?}", exit.status)
    };
    assert_eq!(why, "the machine was rebooted while it ran");
    house.drop_daemon();
    house.kill_keepers();

    let mut house = House::empty();
    let dir = house.dir.join("keeper");
    fs::create_dir(&dir).unwrap();
    let mut bytes = frame(&started_elsewhere(2));
    bytes[20] ^= 1;
    bytes.extend(frame(&started_elsewhere(3)));
    fs::write(dir.join("4.journal"), bytes).unwrap();
    house.open(&[stored(2, AttemptState::Claimed)]).await;
    let exit = house.exit().await;
    assert!(matches!(exit.status, ExitStatus::Unknown(_)), "{exit:?}");
    let [damage] = &*house.damages else {
        panic!("{:?}", house.damages)
    };
    assert!(damage.contains("the journal of keeper 4 is damaged"), "{damage}");
    house.drop_daemon();

    let mut house = House::empty();
    house.open(&[stored(9, AttemptState::Started)]).await;
    let exit = house.exit().await;
    assert!(matches!(exit.status, ExitStatus::Unknown(_)), "{exit:?}");
}

fn started_elsewhere(run: u64) -> serde_json::Value {
    serde_json::json!({"started": {
        "id": {"run": run, "number": 1}, "at": "2026-01-01T00:00:00Z", "boot_id": "another boot",
        "timeout_boot_ms": null, "kill_after_ms": 100, "keep_leftovers": false, "report": "/no/such/report"
    }})
}

fn frame(record: &serde_json::Value) -> Vec<u8> {
    let json = serde_json::to_vec(record).unwrap();
    let mut bytes = u32::try_from(json.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(crc32fast::hash(&json).to_le_bytes());
    bytes.extend(json);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_while_its_keeper_does_not_answer_is_ended_when_it_does() {
    let mut house = House::new().await;
    house.keepers().start(house.shell(1, "exec sleep 600"));
    house.pid(1).await;
    house.drop_daemon();
    let keeper = Pid::from_raw(house.keeper_pids()[0]).unwrap();
    kill_process(keeper, Signal::STOP).unwrap();
    // Begins without it after a while.
    house.open(&[stored(1, AttemptState::Started)]).await;
    house.keepers().stop(id(1), StopReason::Cancelled);
    house.run(house.shell(2, "true")).await;
    kill_process(keeper, Signal::CONT).unwrap();
    assert_eq!(house.exit().await.stop, Some(StopReason::Cancelled));
}
