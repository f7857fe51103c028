//! `freshd simulate` as people and scripts meet it, on the repository's own company.

use std::process::{Command, Stdio};

use serde_json::Value;

const FRIDAY: [&str; 6] = [
    "--from",
    "2026-11-27T12:00",
    "--days",
    "3",
    "--fail",
    "stock-export@2026-11-27T22:00",
];

/// Runs `freshd simulate` on jobs.toml; what it prints, and what it complains about.
fn simulate(code: i32, args: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_freshd"))
        .arg("simulate")
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("FRESHD_CONFIG")
        .stdin(Stdio::null())
        .output()
        .expect("freshd runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

fn lines(args: &[&str]) -> Vec<Value> {
    let (stdout, _) = simulate(0, &[args, &["--json"]].concat());
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// When messages of a purpose went to an address, in UTC to the minute.
fn told(lines: &[Value], purpose: &str, to: &str) -> Vec<String> {
    let messages = lines.iter().filter(|line| {
        line["kind"] == "message"
            && line["to"] == to
            && line["text"].as_str().is_some_and(|text| text.starts_with(purpose))
    });
    messages
        .map(|line| line["at"].as_str().expect("a time")[..16].to_owned())
        .collect()
}

#[test]
fn the_friday_on_which_the_export_fails_is_told_as_it_would_be() {
    let lines = lines(&FRIDAY);
    let attempts = lines
        .iter()
        .filter(|line| line["kind"] == "attempt" && line["subject"] == "stock-export");
    assert_eq!(attempts.count(), 4);
    let failed = lines
        .iter()
        .position(|line| line["kind"] == "run" && line["subject"] == "stock-export");
    let opening = lines.iter().position(|line| line["kind"] == "message");
    assert!(failed < opening, "the owner is told after the fourth attempt");
    let owner = "mail:warehouse@seafood.example";
    assert_eq!(told(&lines, "opening", owner).len(), 1);
    assert_eq!(told(&lines, "update", owner), ["2026-11-27T22:15"]);
    for reader in ["sales", "logistics", "finance", "data"] {
        let to = format!("mail:{reader}@seafood.example");
        assert_eq!(told(&lines, "impact", &to), ["2026-11-27T22:15"], "{reader}");
    }
    assert_eq!(
        told(&lines, "reminder", owner).last().map(String::as_str),
        Some("2026-11-30T07:00")
    );
    let late: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "late").collect();
    assert_eq!(late.len(), 1);
    assert_eq!(
        (&late[0]["subject"], &late[0]["at"]),
        (&"stock".into(), &"2026-11-27T22:15:00Z".into())
    );
    for line in &lines {
        let keys: Vec<&String> = line.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["at", "kind", "subject", "text", "to"]);
    }
}

#[test]
fn the_last_line_answers_whether_anybody_would_have_been_told() {
    let (stdout, _) = simulate(0, &FRIDAY);
    let last = stdout.lines().last().expect("a line");
    assert!(last.starts_with("WOULD HAVE BEEN TOLD"), "{last}");
    assert!(last.contains("mail:warehouse@seafood.example"), "{last}");
    let (stdout, _) = simulate(0, &["--from", "2026-11-27T12:00", "--days", "3"]);
    let last = stdout.lines().last().expect("a line");
    assert!(last.starts_with("NOBODY WOULD HAVE BEEN TOLD"), "{last}");
}

#[test]
fn a_freshd_that_is_down_over_the_deadline_tells_at_its_start() {
    let lines = lines(&[
        "--from",
        "2026-11-27T12:00",
        "--days",
        "1",
        "--fail",
        "stock-export@2026-11-27T22:00:00",
        "--down",
        "2026-11-27T22:30..23:45",
    ]);
    let at = |kind: &str| {
        lines
            .iter()
            .find(|line| line["kind"] == kind)
            .map(|line| line["at"].clone())
    };
    assert_eq!(at("down"), Some("2026-11-27T21:30:00Z".into()));
    assert_eq!(at("up"), Some("2026-11-27T22:45:00Z".into()));
    assert_eq!(at("late"), Some("2026-11-27T22:45:00Z".into()));
}

#[test]
fn a_wrong_job_or_time_is_refused_with_the_nearest_right_one() {
    let (_, stderr) = simulate(2, &["--fail", "stock-exprot@2026-11-27T22:00"]);
    assert!(stderr.contains("did you mean `stock-export`?"), "{stderr}");
    let from = ["--from", "2026-11-27T12:00"];
    let (_, stderr) = simulate(2, &[&from[..], &["--fail", "stock-export@2026-11-27T21:00"]].concat());
    assert!(
        stderr.contains("around then it is due Fri 2026-11-20T22:00:00 and Fri 2026-11-27T22:00:00"),
        "{stderr}"
    );
    let (_, stderr) = simulate(2, &[&from[..], &["--fail", "orders-load@2026-11-27T21:00"]].concat());
    assert!(
        stderr.contains("it starts when a new version of orders is published"),
        "{stderr}"
    );
    let (_, stderr) = simulate(2, &[&from[..], &["--fail", "stock-export@2027-01-01T22:00"]].concat());
    assert!(stderr.contains("not within what is played"), "{stderr}");
    let (_, stderr) = simulate(2, &["--down", "2026-11-28T05:00..02:00"]);
    assert!(stderr.contains("it ends before it begins"), "{stderr}");
}

#[test]
fn what_only_a_disabled_job_makes_is_played_as_the_daemon_would_tell_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("jobs.toml");
    let text = "run_as_root = true\n[fallback]\nnotify = [\"f\"]\n[channels.f]\ntype = \"file\"\ndir = \"outbox\"\n\
                [teams.ops]\nnotify = [\"f\"]\n\
                [datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\nmax_age = \"3h\"\n\
                [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"@hourly\"\nenabled = false\nproduces = \"d\"\n";
    std::fs::write(&file, text).expect("written");
    let file = file.to_str().expect("UTF-8");
    let lines = lines(&["--config", file, "--from", "2026-11-27T12:00", "--days", "1"]);
    let unknown = lines.iter().find(|line| line["subject"] == "d").expect("a problem");
    assert_eq!(unknown["kind"], "unknown");
    assert_eq!(unknown["at"], "2026-11-27T15:00:00Z");
    assert_eq!(told(&lines, "opening", "f"), ["2026-11-27T15:01"]);
}

#[test]
fn planned_work_is_told_with_what_it_excuses() {
    let lines = lines(&["--from", "2026-12-12T12:00", "--days", "1"]);
    let planned: Vec<_> = lines
        .iter()
        .filter(|line| line["kind"] == "maintenance")
        .map(|line| (line["at"].as_str().unwrap(), line["text"].as_str().unwrap()))
        .collect();
    let words = "maintenance wms-patching (Solveig: the warehouse system is patched on each second Sunday of a month)";
    let (begins, over) = (format!("{words} begins"), format!("{words} is over"));
    assert_eq!(
        planned,
        [
            ("2026-12-13T01:00:00Z", begins.as_str()),
            ("2026-12-13T03:00:00Z", over.as_str())
        ]
    );
}
