//! An output that is final is packed, and reads as it did before.

use std::fs;
use std::path::PathBuf;

use freshd::model::RunId;

use super::{HEAD, house, lines, logs, texts};
use crate::freshd_process::House;

const JOBS: &str = r#"
[jobs.counts]
owner = "it"
command = "seq 1 5000; echo small >&2"

[jobs.little]
owner = "it"
command = "echo little"

[jobs.floods]
owner = "it"
command = "seq 1 200000"
log_limit = "64 KiB"
"#;

fn log(house: &House, job: &str, run: RunId, ending: &str) -> PathBuf {
    house.state_dir().join(format!("logs/{job}/{run}.1.log{ending}"))
}

fn until_packed(house: &House, job: &str, run: RunId) {
    let (plain, packed) = (log(house, job, run, ""), log(house, job, run, ".zst"));
    house.until_stored("the output is packed", |_| !plain.exists() && packed.exists());
}

#[test]
fn an_output_is_packed_when_it_is_final_and_shown_as_before() {
    let house = house(JOBS);
    let mut daemon = house.daemon();
    let run = daemon.run("counts");
    daemon.finished(run, &house);
    let little = daemon.run("little");
    daemon.finished(little, &house);
    until_packed(&house, "counts", run);
    let numbers: Vec<String> = (1..=5_000).map(|number| number.to_string()).collect();
    assert_eq!(texts(&lines(&house, &["counts", "--stdout"])), numbers);
    assert_eq!(texts(&lines(&house, &["counts", "--stderr"])), ["small"]);
    assert!(
        fs::metadata(log(&house, "counts", run, ".zst"))
            .expect("it is there")
            .len()
            < 24_000
    );
    assert!(log(&house, "little", little, "").exists());
    assert!(daemon.terminate().success());
}

#[test]
fn what_a_crash_left_unpacked_is_packed_at_the_next_start_and_what_goes_on_is_not() {
    let house = house(&format!(
        "{JOBS}\n[jobs.goes-on]\nowner = \"it\"\ncommand = \"seq 1 5000; read -r word < HOUSE/go\"\n"
    ));
    let mut go = house.pipe("go");
    let mut daemon = house.daemon();
    let going = daemon.run("goes-on");
    let run = daemon.run("floods");
    daemon.finished(run, &house);
    until_packed(&house, "floods", run);
    assert!(daemon.terminate().success());
    let shown = lines(&house, &["floods"]);
    assert!(shown.iter().any(|line| line["kind"] == "gap"));
    // As if it had been killed when the packed one was half written, and when it just had its name.
    let packed = log(&house, "floods", run, ".zst");
    let bytes = fs::read(&packed).expect("it is there");
    let text = zstd::decode_all(bytes.as_slice()).expect("Zstandard");
    let text = String::from_utf8(text).expect("text");
    let parts: Vec<&str> = text.split("\n# freshd ").collect();
    assert_eq!(parts.len(), 3, "the first part and two of the ring");
    for is_named in [false, true] {
        fs::write(log(&house, "floods", run, ""), format!("{}\n", parts[0])).expect("written");
        for part in &parts[1..] {
            let number = part.strip_prefix("segment=").and_then(|rest| rest.split(' ').next());
            let number: u64 = number.expect("a number").parse().expect("a number");
            let tail = log(&house, "floods", run, &format!(".tail{}", number % 2));
            fs::write(tail, format!("# freshd {}\n", part.trim_end_matches('\n'))).expect("written");
        }
        if !is_named {
            fs::write(log(&house, "floods", run, ".zst.new"), &bytes[..100]).expect("written");
            fs::remove_file(&packed).expect("removed");
        }
        assert_eq!(lines(&house, &["floods"]), shown);
        let mut daemon = house.daemon();
        until_packed(&house, "floods", run);
        assert!(!log(&house, "floods", run, ".tail0").exists() && !log(&house, "floods", run, ".zst.new").exists());
        assert_eq!(lines(&house, &["floods"]), shown);
        assert!(log(&house, "goes-on", going, "").exists(), "it goes on");
        assert!(daemon.terminate().success());
    }
    go.say("end");
}

#[test]
fn packed_outputs_count_with_the_bytes_that_they_take_and_go_with_their_runs() {
    let house = House::with(&format!("{HEAD}{JOBS}\n[history]\nlogs = \"1 MiB\"\n"));
    let mut daemon = house.daemon();
    let runs: Vec<RunId> = (0..20)
        .map(|_| {
            let run = daemon.run("floods");
            daemon.finished(run, &house);
            until_packed(&house, "floods", run);
            run
        })
        .collect();
    // 20 times 128 KiB were printed, and what is left of it is far below 1 MiB.
    let prune = || {
        let (code, said) = house.freshd(&["prune", "--json"]);
        assert_eq!(code, Some(0));
        serde_json::from_str::<serde_json::Value>(&said).expect("JSON")["files"].clone()
    };
    assert_eq!(prune(), 0);
    house.configure(&format!("{HEAD}{JOBS}\n[history]\nruns = 5\n"));
    let reloaded = house.freshd(&["reload"]);
    assert_eq!(reloaded.0, Some(0), "{reloaded:?}");
    assert_eq!(prune(), 15);
    assert!(!log(&house, "floods", runs[0], ".zst").exists());
    assert!(log(&house, "floods", runs[19], ".zst").exists());
    assert!(daemon.terminate().success());
    assert!(logs(&house, &["floods"]).output().expect("it runs").status.success());
}
