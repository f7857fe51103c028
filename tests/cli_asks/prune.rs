//! What is beyond `[history]`: `freshd prune` says so and removes it, and the history says that it is gone.

use std::fs;
use std::time::{Duration, SystemTime};

use super::freshd_process::House;
use super::{JOBS, ends, json};

/// Makes a file with a directory, as old as a week.
fn old(house: &House, name: &str) -> std::path::PathBuf {
    let path = house.state_dir().join(name);
    let dir = path.parent().expect("a directory");
    fs::create_dir_all(dir).expect("a directory");
    fs::write(&path, "left over").expect("a file");
    for path in [&path, &dir.to_path_buf()] {
        let opened = fs::File::open(path).expect("it is there");
        let week = SystemTime::now() - Duration::from_hours(24 * 7);
        opened.set_modified(week).expect("its time is set");
    }
    path
}

#[test]
fn runs_beyond_the_limits_go_with_their_output_and_the_history_says_so() {
    let house = House::with(&format!("{JOBS}history = {{ runs = 1 }}\n"));
    let mut daemon = house.daemon();
    house.write("go", "");
    let mut runs = Vec::new();
    for _ in 0..3 {
        let run = daemon.run("waits");
        daemon.finished(run, &house);
        runs.push(run);
    }
    let log = |run: &freshd::model::RunId| house.state_dir().join(format!("logs/waits/{run}.1.log"));
    assert!(runs.iter().all(|run| log(run).exists()));
    // Nothing names these: the job has no such run, no run has such a directory any more.
    let last = daemon.run("fine");
    daemon.finished(last, &house);
    let orphans = [
        old(&house, &format!("logs/gone/{}.1.log", runs[0])),
        old(&house, &format!("run/{}.7/left", runs[0])),
    ];
    let spared = [
        old(&house, "logs/gone/4711.1.log"),
        old(&house, "logs/gone/notes.txt"),
        old(&house, "versions/unknown/3/stock.csv"),
    ];

    let would = json(&house, 0, &["prune", "--dry-run", "--json"]);
    assert_eq!((would["runs"].clone(), would["attempts"].clone()), (2.into(), 2.into()));
    assert_eq!(
        would["files"], 5,
        "two outputs, one that nothing names, a directory and what is in it"
    );
    assert!(runs.iter().all(|run| log(run).exists()), "it was dry");
    assert!(orphans.iter().all(|path| path.exists()), "it was dry");

    let went = json(&house, 0, &["prune", "--json"]);
    for key in ["runs", "attempts", "files", "bytes"] {
        assert_eq!(went[key], would[key], "{key}");
    }
    assert_eq!(
        runs.iter().map(|run| log(run).exists()).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert!(orphans.iter().all(|path| !path.exists()), "{orphans:?}");
    assert!(spared.iter().all(|path| path.exists()), "{spared:?}");
    let (text, _) = ends(&house, 0, &["history", "waits"]);
    assert!(text.contains("were removed: [history] runs"), "{text}");
    let (text, _) = ends(&house, 0, &["history", "fine"]);
    assert!(!text.contains("removed"), "{text}");
    let (text, _) = ends(&house, 0, &["prune"]);
    assert_eq!(text, "nothing was beyond [history]\n");
    assert!(daemon.terminate().success());
    ends(&house, 3, &["prune"]);
    ends(&house, 0, &["prune", "--dry-run"]);
}

#[test]
fn output_of_which_there_is_too_much_goes_before_its_run_and_logs_say_so() {
    let jobs = JOBS.replace("echo well", "head -c 700000 /dev/urandom | base64");
    let house = House::with(&format!("{jobs}\n[history]\nlogs = \"1 MiB\"\n"));
    let mut daemon = house.daemon();
    let runs: Vec<_> = (0..2)
        .map(|_| {
            let run = daemon.run("fine");
            daemon.finished(run, &house);
            run.to_string()
        })
        .collect();
    let went = json(&house, 0, &["prune", "--json"]);
    // Two files are one output that was being packed just then.
    assert_eq!(went["runs"], 0);
    assert!([1, 2].contains(&went["files"].as_u64().expect("a number")), "{went}");
    let (text, _) = ends(&house, 0, &["logs", &runs[0]]);
    assert!(
        text.contains("which were removed") && text.contains("[history] logs"),
        "{text}"
    );
    let (text, _) = ends(&house, 0, &["logs", &runs[1]]);
    assert!(text.len() > 700_000);
    // Somebody else removed it; or it went, and a backup brought back a record that knows nothing of that.
    fs::remove_dir_all(house.state_dir().join("logs/fine")).expect("it was there");
    let (text, _) = ends(&house, 0, &["logs", &runs[1]]);
    assert!(text.contains("bytes, which are no longer kept"), "{text}");
    assert!(daemon.terminate().success());
}
