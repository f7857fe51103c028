//! The command line as scripts meet it: exit codes, JSON, and words for whoever uses it wrongly.

#[path = "cli/check.rs"]
mod check;
#[path = "cli/gate.rs"]
mod gate;
#[path = "cli/learn.rs"]
mod learn;
#[path = "cli/password.rs"]
mod password;
#[path = "cli/trace.rs"]
mod trace;
#[path = "cli/verify.rs"]
mod verify;

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const FINE: &str = r#"
timezone = "Europe/Oslo"
run_as_root = true
[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir  = "outbox"

[teams.warehouse]
notify = ["outbox"]

[systems.wms]
owner = "warehouse"

[calendars.norway]
weekend  = ["Sat", "Sun"]
holidays = ["2026-12-25", "2999-12-25"]

[datasets.stock]
owner     = "warehouse"
file      = "exports/stock.csv"
consumers = ["wms"]
max_age   = "26h"

[jobs.stock-export]
owner    = "warehouse"
command  = "/bin/true"
schedule = "30 2 * * *"
produces = "stock"

[jobs.stock-load]
owner   = "warehouse"
command = "/bin/true"
on      = ["stock"]
needs   = ["stock"]

[jobs.report]
owner    = "warehouse"
command  = "/bin/true"
schedule = "0 6 * * *"
calendar = "norway"
"#;

struct Place {
    dir: TempDir,
}

impl Place {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("jobs.toml"), config).unwrap();
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_freshd"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for name in [
            "STATE_DIRECTORY",
            "FRESHD_STATE",
            "FRESHD_CONFIG",
            "FRESHD_LOG",
            "NO_COLOR",
            "CLICOLOR_FORCE",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a verb that must end with `code`; its standard output and standard error.
    fn ends(&self, code: i32, args: &[&str]) -> (String, String) {
        let output = self.run(args);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{stdout}\n{stderr}");
        (stdout, stderr)
    }

    fn json(&self, code: i32, args: &[&str]) -> Value {
        let (stdout, stderr) = self.ends(code, args);
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"))
    }
}

#[test]
fn a_good_configuration_is_told_in_one_line() {
    let place = Place::new(FINE);
    let (stdout, stderr) = place.ends(0, &["check"]);
    assert_eq!(
        stdout.lines().last(),
        Some("jobs.toml is fine: 3 jobs, 1 dataset, 1 system")
    );
    assert_eq!(stderr, "");
    assert_eq!(place.json(0, &["check", "--json"])["ok"], true);
}

#[test]
fn a_mistake_ends_with_2_and_is_shown_with_line_and_remedy() {
    let place = Place::new(&FINE.replace("schedule = \"30 2 * * *\"", "schedul = \"30 2 * * *\""));
    let (stdout, _) = place.ends(2, &["check"]);
    assert!(stdout.contains("jobs.toml:"), "{stdout}");
    assert!(stdout.contains("schedule"), "{stdout}");
    assert!(!stdout.contains('\u{1b}'), "colours outside a terminal: {stdout}");
    let json = place.json(2, &["--json", "check", "jobs.toml"]);
    assert_eq!(json["ok"], false);
    let problems = json["problems"].as_array().unwrap();
    let problem = problems.iter().find(|problem| problem["level"] == "error").unwrap();
    for key in ["level", "file", "line", "column", "message", "help"] {
        assert!(!problem[key].is_null(), "{key} of {problem}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let place = Place::new(FINE);
    let (stdout, _) = place.ends(2, &["check", "missing.toml"]);
    assert!(stdout.contains("missing.toml"), "{stdout}");
}

#[test]
fn serve_refuses_a_configuration_with_mistakes_before_it_touches_anything() {
    let place = Place::new("[jobs.a]\n");
    for args in [&["serve"][..], &[]] {
        let (stdout, stderr) = place.ends(2, args);
        assert_eq!(stdout, "");
        assert!(stderr.contains("jobs.toml has"), "{stderr}");
        assert!(!place.path().join(".freshd").exists());
    }
}

#[test]
fn serve_says_what_is_wrong_with_its_log_filter() {
    let place = Place::new(FINE);
    let output = place
        .command(&["serve"])
        .env("FRESHD_LOG", "freshd=loud")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("FRESHD_LOG is `freshd=loud`"));
}

#[test]
fn a_state_directory_that_cannot_be_made_ends_with_1() {
    let place = Place::new(FINE);
    let (_, stderr) = place.ends(1, &["--state", "jobs.toml/state", "serve"]);
    assert!(stderr.contains("error:") && stderr.contains("--state"), "{stderr}");
}

#[test]
fn whoever_asks_a_freshd_that_does_not_run_is_told_where_it_was_looked_for() {
    let place = Place::new(FINE);
    let asking: [&[&str]; 9] = [
        &["status"],
        &["status", "--json"],
        &["run", "stock-export", "--wait"],
        &["cancel", "1"],
        &["pause", "stock-export", "--because", "moved"],
        &["resume", "stock-export"],
        &["why", "stock"],
        &["ack", "1"],
        &["reload"],
    ];
    for args in asking {
        let (stdout, stderr) = place.ends(3, args);
        assert_eq!(stdout, "");
        let dir = place.path().join(".freshd");
        assert!(stderr.contains(dir.to_str().unwrap()), "{args:?}: {stderr}");
        assert!(stderr.contains("freshd --config jobs.toml serve"), "{args:?}: {stderr}");
    }
    for args in [
        &["history"][..],
        &["show", "1"],
        &["logs", "stock-export"],
        &["incidents"],
    ] {
        let (_, stderr) = place.ends(3, args);
        assert!(stderr.contains("there is no freshd.db in"), "{args:?}: {stderr}");
    }
}

#[test]
fn the_state_directory_is_the_options_then_systemds_then_beside_the_configuration() {
    let place = Place::new(FINE);
    let told = |args: &[&str], systemd: Option<&str>| {
        let mut command = place.command(args);
        if let Some(dirs) = systemd {
            command.env("STATE_DIRECTORY", dirs);
        }
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    assert!(told(&["status"], None).contains("/.freshd;"));
    assert!(told(&["status"], Some("/var/lib/freshd:/var/lib/other")).contains("on /var/lib/freshd;"));
    assert!(told(&["--state", "/srv/x", "status"], Some("/var/lib/freshd")).contains("on /srv/x;"));
}

#[test]
fn wrong_usage_ends_with_2() {
    let place = Place::new(FINE);
    let wrong: [&[&str]; 8] = [
        &["starve"],
        &["pause", "stock-export"],
        &["pause", "stock-export", "--because", " "],
        &["cancel", "stock-export"],
        &["next", "--count", "0"],
        &["next", "--expr", "* * * *"],
        &["next", "--expr", "0 0 31 2 *"],
        &["history", "--outcome", "succeded"],
    ];
    for args in wrong {
        let (stdout, stderr) = place.ends(2, args);
        assert_eq!(stdout, "", "{args:?}");
        assert!(stderr.starts_with("error:"), "{args:?}: {stderr}");
    }
    let (_, stderr) = place.ends(2, &["history", "--outcome", "succeded"]);
    assert!(stderr.contains("did you mean succeeded?"), "{stderr}");
}

#[test]
fn an_unknown_job_is_told_with_the_nearest_known_one() {
    let place = Place::new(FINE);
    let (_, stderr) = place.ends(2, &["next", "stok-export"]);
    assert_eq!(
        stderr,
        "error: there is no job `stok-export` in jobs.toml; did you mean `stock-export`?\n"
    );
}

#[test]
fn the_nights_of_a_clock_change_are_told_with_their_reason() {
    let place = Place::new(FINE);
    let json = place.json(
        0,
        &[
            "next",
            "stock-export",
            "--after",
            "2027-03-27T12:00",
            "--count",
            "2",
            "--json",
        ],
    );
    let occurrences = json["occurrences"].as_array().unwrap();
    assert_eq!(occurrences.len(), 2);
    assert_eq!(occurrences[0]["job"], "stock-export");
    assert_eq!(occurrences[0]["at"], "2027-03-28T01:00:00Z");
    assert_eq!(occurrences[0]["nominal"][0], "2027-03-28T02:30:00");
    assert!(occurrences[0]["note"].as_str().unwrap().contains("does not exist"));
    assert_eq!(occurrences[1]["at"], "2027-03-29T00:30:00Z");
    assert!(occurrences[1]["note"].is_null());
    let (stdout, _) = place.ends(
        0,
        &["next", "stock-export", "--after", "2027-03-27T12:00", "--count", "1"],
    );
    assert!(stdout.contains("Sun 2027-03-28 03:00 +02:00"), "{stdout}");
    assert!(stdout.contains("02:30 does not exist on 2027-03-28"), "{stdout}");
}

#[test]
fn a_holiday_is_shown_as_a_day_on_which_nothing_runs() {
    let place = Place::new(FINE);
    let (stdout, _) = place.ends(0, &["next", "report", "--after", "2026-12-24T12:00", "--count", "1"]);
    assert!(stdout.contains("Fri 2026-12-25 06:00 +01:00"), "{stdout}");
    assert!(stdout.contains("does not run"), "{stdout}");
}

#[test]
fn the_jobs_of_a_file_are_merged_by_time() {
    let place = Place::new(FINE);
    let json = place.json(
        0,
        &["next", "--after", "2026-12-01T00:00:00Z", "--count", "3", "--json"],
    );
    let jobs: Vec<&str> = json["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["job"].as_str().unwrap())
        .collect();
    assert_eq!(jobs, ["stock-export", "report", "stock-export"]);
    let (stdout, _) = place.ends(0, &["next", "stock-load"]);
    assert_eq!(stdout, "stock-load starts when a new version of stock is published\n");
}

#[test]
fn a_cron_line_is_tried_out_without_a_configuration() {
    let place = Place::new("");
    fs::remove_file(place.path().join("jobs.toml")).unwrap();
    let args = [
        "next",
        "--expr",
        "0 9 * * MON",
        "--timezone",
        "Asia/Tokyo",
        "--after",
        "2026-11-27T12:00",
        "--count",
        "1",
    ];
    let (stdout, _) = place.ends(0, &args);
    assert!(stdout.contains("Mon 2026-11-30 09:00 +09:00"), "{stdout}");
    let (_, stderr) = place.ends(2, &["next", "--expr", "0 0 9 * * MON"]);
    assert!(stderr.contains("--seconds"), "{stderr}");
    let (_, stderr) = place.ends(2, &["next", "--expr", "0 9 * * MON", "--timezone", "Oslo"]);
    assert!(stderr.contains("no time zone `Oslo`"), "{stderr}");
}

#[test]
fn a_reader_that_has_read_enough_is_not_an_error() {
    let place = Place::new(FINE);
    let mut child = place
        .command(&["next", "--count", "10000", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_typed_wrong_is_repeated_as_one_short_line() {
    let place = Place::new(FINE);
    let page = format!("wrong\nerror: disk failed\u{202e}{}", "x".repeat(5_000));
    let flag = format!("--{page}");
    for args in [
        &[&*page][..],
        &["status", &flag],
        &["check", "jobs.toml", &page],
        &["next", "--count", &page],
    ] {
        let (_, stderr) = place.ends(2, args);
        assert!(stderr.contains("wrong ⏎ error: disk failed\u{fffd}x"), "{stderr}");
        assert!(stderr.len() < 600 && !stderr.contains('\u{202e}'), "{stderr}");
        assert!(!stderr.contains("\nerror: disk"), "{stderr}");
    }
    let (_, stderr) = place.ends(2, &["statsu"]);
    assert!(stderr.contains("a similar subcommand exists: 'status'"), "{stderr}");
}

#[test]
fn the_first_look_names_every_verb_and_the_exit_codes() {
    let place = Place::new(FINE);
    let (stdout, _) = place.ends(0, &["--help"]);
    for verb in [
        "serve", "check", "status", "next", "run", "cancel", "pause", "resume", "history", "show", "logs", "why",
        "verify",
    ] {
        assert!(stdout.contains(&format!("\n  {verb} ")), "{verb}: {stdout}");
    }
    assert!(stdout.contains("3  freshd is not reachable"), "{stdout}");
    assert!(!stdout.contains("keeper"), "{stdout}");
}
