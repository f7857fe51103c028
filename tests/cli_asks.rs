//! The command line beside a running freshd: what it answers, and with which exit code it ends.

#[path = "cli_asks/clock.rs"]
mod clock;
#[path = "cli_asks/demo.rs"]
mod demo;
mod freshd_process;
#[path = "cli_asks/prune.rs"]
mod prune;
#[path = "cli_asks/quiet.rs"]
mod quiet;
#[path = "cli_asks/resend.rs"]
mod resend;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use freshd::model::Name;
use freshd_process::{EXE, House};
use serde_json::Value;

const JOBS: &str = r#"
timezone = "Europe/Oslo"
run_as_root = true
[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
notify = ["outbox"]

[jobs.fine]
owner = "it"
command = "echo well"

[jobs.broken]
owner = "it"
command = "echo no listener; exit 7"

[jobs.waits]
owner = "it"
command = "echo first; read -r word < HOUSE/go; echo second $word"
"#;

fn freshd(house: &House, args: &[&str]) -> Command {
    let mut command = Command::new(EXE);
    command.arg("--config").arg(house.path("jobs.toml"));
    command.arg("--state").arg(house.state_dir());
    command.args(args).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Standard output of a verb that must end with `code`, and its standard error.
#[track_caller]
fn ends(house: &House, code: i32, args: &[&str]) -> (String, String) {
    let output = freshd(house, args).output().expect("it starts");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{stdout}\n{stderr}");
    (stdout.into_owned(), stderr.into_owned())
}

#[track_caller]
fn json(house: &House, code: i32, args: &[&str]) -> Value {
    let (stdout, _) = ends(house, code, args);
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// Starts a verb and reads its first line.
fn begun(mut command: Command) -> (Child, impl Iterator<Item = String>, String) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output"))
        .lines()
        .map_while(Result::ok);
    let first = lines.next().expect("a first line");
    (child, lines, first)
}

#[test]
fn a_run_that_is_waited_for_ends_with_its_outcome() {
    let house = House::with(JOBS);
    let _daemon = house.daemon();
    let (stdout, _) = ends(&house, 0, &["run", "fine", "--wait"]);
    assert!(
        stdout.starts_with("run 1 of fine begins\nrun 1 succeeded after "),
        "{stdout}"
    );
    let (stdout, _) = ends(&house, 1, &["run", "broken", "--wait"]);
    assert!(
        stdout.contains("run 2 failed after") && stdout.contains(": exit code 7"),
        "{stdout}"
    );
    let ended = json(
        &house,
        1,
        &["--json", "run", "broken", "--wait", "--", "one", "two words"],
    );
    assert_eq!(
        (&ended["run"], &ended["outcome"], &ended["exit_code"]),
        (&3.into(), &"failed".into(), &7.into())
    );
    let shown = json(&house, 0, &["show", "3", "--json"]);
    assert_eq!(shown["run"]["args"], serde_json::json!(["one", "two words"]));
    assert_eq!(shown["attempts"][0]["output"]["tail"], "no listener\n");
}

#[test]
fn whoever_waits_is_told_when_freshd_goes_away() {
    let house = House::with(JOBS);
    let mut go = house.pipe("go");
    let mut daemon = house.daemon();
    let (child, _lines, first) = begun(freshd(&house, &["run", "waits", "--wait"]));
    assert_eq!(first, "run 1 of waits begins");
    assert!(daemon.terminate().success());
    let output = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("run 1 goes on without it") && stderr.contains("freshd show 1"),
        "{stderr}"
    );
    go.say("at last");
}

#[test]
fn status_is_fine_until_a_job_fails_and_has_the_shape_that_scripts_rely_on() {
    let house = House::with(JOBS);
    let _daemon = house.daemon();
    let status = json(&house, 0, &["status", "--json"]);
    assert_eq!(
        (&status["datasets"], &status["incidents"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    assert_eq!(status["jobs"][1]["name"], "fine");
    ends(&house, 0, &["run", "fine", "--wait"]);
    ends(&house, 1, &["run", "broken", "--wait"]);
    let status = json(&house, 1, &["status", "--json"]);
    let broken = &status["jobs"][0];
    assert_eq!(
        (&broken["name"], &broken["state"], &broken["owner"]),
        (&"broken".into(), &"failing".into(), &"it".into())
    );
    assert_eq!(
        (&broken["last"]["run"], &broken["last"]["outcome"]),
        (&2.into(), &"failed".into())
    );
    assert!(
        broken["last"]["ended_at"].is_string() && broken["next_due"].is_null(),
        "{broken}"
    );
    assert_eq!(status["incidents"][0]["subject"], "broken");
    let (board, _) = ends(&house, 1, &["status"]);
    assert!(board.contains("job broken failed since"), "{board}");
    assert!(board.contains("no listener"), "{board}");
    ends(&house, 0, &["status", "fine"]);
    let (why, _) = ends(&house, 0, &["why", "broken"]);
    assert!(
        why.contains("job broken ✗ failing") && why.contains("exit code 7"),
        "{why}"
    );
}

#[test]
fn no_table_is_cut_that_is_printed_into_a_file_or_for_another_program() {
    let name = format!("broken-{}", "transfer-".repeat(10));
    let house = House::with(&JOBS.replace("[jobs.broken]", &format!("[jobs.{name}]")));
    let _daemon = house.daemon();
    ends(&house, 1, &["run", &name, "--wait"]);
    let (history, _) = ends(&house, 0, &["history"]);
    let row: Vec<&str> = history.lines().nth(1).expect("a run").split_whitespace().collect();
    assert_eq!(row[..2], ["1", &name], "{history}");
    assert!(
        history.contains(" manual ") && history.trim_end().ends_with("exit code 7"),
        "{history}"
    );
    let (incidents, _) = ends(&house, 0, &["incidents"]);
    assert!(
        incidents.contains(&format!("job {name} failed")) && incidents.contains("reason"),
        "{incidents}"
    );
    let (board, _) = ends(&house, 1, &["status"]);
    assert!(
        board
            .lines()
            .any(|line| line.contains(&format!(" {name} ")) && line.contains(" it")),
        "{board}"
    );
    for text in [history, incidents, board] {
        assert!(!text.contains('…'), "{text}");
    }
}

#[test]
fn unknown_names_end_with_2_and_the_nearest_known_one() {
    let house = House::with(JOBS);
    let _daemon = house.daemon();
    ends(&house, 0, &["run", "fine", "--wait"]);
    for args in [
        &["run", "fien"][..],
        &["status", "fien"],
        &["why", "fien"],
        &["pause", "fien", "--because", "x"],
        &["history", "fien"],
        &["logs", "fien"],
    ] {
        let (_, stderr) = ends(&house, 2, args);
        assert!(
            stderr.contains("`fien`") && stderr.contains("did you mean `fine`?"),
            "{args:?}: {stderr}"
        );
    }
    let (_, stderr) = ends(&house, 2, &["show", "beta"]);
    assert!(stderr.contains("`beta` is no run's number"), "{stderr}");
    let (_, stderr) = ends(&house, 2, &["show", "99"]);
    assert!(stderr.contains("there is no run 99; the newest is 1"), "{stderr}");
    let (_, stderr) = ends(&house, 2, &["notify", "test", "--team", "itt"]);
    assert!(stderr.contains("did you mean `it`?"), "{stderr}");
}

#[test]
fn the_output_of_a_job_is_followed_until_its_run_is_over() {
    let house = House::with(JOBS);
    let mut go = house.pipe("go");
    let daemon = house.daemon();
    let run = daemon.run("waits");
    let (mut child, mut lines, first) = begun(freshd(&house, &["logs", &run.to_string(), "-f"]));
    assert!(first.ends_with("  first"), "{first}");
    go.say("word");
    let second = lines.next().expect("a second line");
    assert!(second.ends_with("  second word"), "{second}");
    assert_eq!(lines.next(), None);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let (stdout, _) = ends(&house, 0, &["logs", "waits", "--json"]);
    let texts: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        texts
            .iter()
            .map(|line| line["text"].as_str().expect("a text"))
            .collect::<Vec<_>>(),
        ["first", "second word"]
    );
}

#[test]
fn history_is_a_line_for_each_run_and_is_narrowed_by_job_outcome_and_time() {
    let house = House::with(JOBS);
    let mut daemon = house.daemon();
    for job in ["fine", "broken", "fine"] {
        let run = daemon.run(job);
        daemon.finished(run, &house);
    }
    assert!(daemon.terminate().success());
    let lines = |args: &[&str]| -> Vec<Value> {
        let (stdout, _) = ends(&house, 0, &[&["history", "--json"], args].concat());
        stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    };
    let all = lines(&[]);
    assert_eq!(
        all.iter()
            .map(|line| line["run"].as_u64().expect("a number"))
            .collect::<Vec<_>>(),
        [3, 2, 1]
    );
    for key in [
        "run",
        "job",
        "due_at",
        "trigger",
        "outcome",
        "attempts",
        "started_at",
        "ended_at",
        "exit_code",
        "signal",
        "reason",
        "version",
    ] {
        assert!(all[0].get(key).is_some(), "{key}");
    }
    assert_eq!(lines(&["fine", "--limit", "1"])[0]["run"], 3);
    assert_eq!(lines(&["--outcome", "failed", "--since", "1h"])[0]["job"], "broken");
    assert_eq!(lines(&["--since", "2999-01-01"]), [Value::Null; 0]);
    let (stdout, _) = ends(&house, 0, &["history", "broken"]);
    assert!(
        stdout.contains("✗ failed") && stdout.contains("exit code 7"),
        "{stdout}"
    );
}

#[test]
fn what_is_asked_for_is_done_on_the_record() {
    let house = House::with(JOBS);
    let _go = house.pipe("go");
    let daemon = house.daemon();
    ends(&house, 0, &["pause", "fine", "--because", "stocktaking"]);
    let (board, _) = ends(&house, 0, &["status"]);
    assert!(board.contains("paused") && board.contains("stocktaking"), "{board}");
    ends(&house, 0, &["resume", "fine"]);
    ends(&house, 1, &["resume", "fine"]);
    let run = daemon.run("waits").to_string();
    ends(&house, 0, &["cancel", &run]);
    house.until_stored("the run is over", |reader| {
        let last = reader.last_run_of(&Name::from("waits")).expect("the store can be read");
        last.is_some_and(|run| run.outcome.is_some())
    });
    ends(&house, 1, &["cancel", &run]);
    ends(&house, 1, &["ack", "7"]);
    assert_eq!(
        json(&house, 0, &["incidents", "--json"])["incidents"],
        serde_json::json!([])
    );
    let (stdout, _) = ends(&house, 0, &["notify", "test", "--team", "it"]);
    assert!(stdout.contains("outbox has taken the message"), "{stdout}");
}

#[test]
fn a_channel_is_proven_by_itself_and_says_why_it_fails() {
    let house = House::with(&format!(
        "{JOBS}[channels.siren]\ntype = \"command\"\ncommand = [\"./siren.sh\"]\n[teams.ops]\nnotify = [\"siren:deck\"]\n"
    ));
    house.script(
        "siren.sh",
        "echo \"$FRESHD_PURPOSE to $FRESHD_TO\"; exec test -e HOUSE/armed\n",
    );
    let daemon = house.daemon();
    let (stdout, _) = ends(&house, 1, &["notify", "test", "--channel", "siren"]);
    assert_eq!(
        stdout,
        "✗ siren:deck has not: the command ended with exit code 1: test to deck\n",
        "{}",
        daemon.log()
    );
    house.write("armed", "");
    let (stdout, _) = ends(&house, 0, &["notify", "test", "--channel", "siren"]);
    assert_eq!(stdout, "✓ siren:deck has taken the message\n");
}

#[test]
fn a_reload_takes_the_whole_file_or_shows_its_mistakes_and_ends_with_2() {
    let house = House::with(JOBS);
    let _daemon = house.daemon();
    house.configure(&JOBS.replace("[jobs.fine]", "[jobs.renamed]"));
    ends(&house, 0, &["reload"]);
    ends(&house, 0, &["run", "renamed", "--wait"]);
    house.configure("timezone = \"Mars\"\n");
    let (_, stderr) = ends(&house, 2, &["reload"]);
    assert!(stderr.contains("unknown time zone `Mars`"), "{stderr}");
    ends(&house, 0, &["run", "renamed", "--wait"]);
}
