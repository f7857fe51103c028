//! jobs.toml is edited while a job goes on and no daemon lives: the run keeps what it was started with.

use freshd::model::Outcome;

use crate::freshd_process::House;

/// A job that ends with 3, and a dataset with a check; its channel has a secret.
const BEFORE: &str = r#"
timezone = "UTC"
run_as_root = true
[fallback]
notify = ["hook"]

[channels.hook]
type = "webhook"
url = "http://127.0.0.1:9/"
secret = { file = "secret" }

[calendars.closed]
ical = "closed.ics"

[teams.warehouse]
notify = ["hook"]

[datasets.stock]
owner = "warehouse"
file = "exports/stock.csv"
[datasets.stock.checks]
format = "csv"
rows = { min = 2 }

[jobs.export]
owner = "warehouse"
command = "jobs/export.sh"
produces = "stock"
success_codes = [3]
"#;

const EXPORT: &str = r#"
echo begun > HOUSE/begun
read -r word < HOUSE/go
printf 'lot\n1\n2\n' > "$FRESHD_OUTPUT"
exit 3
"#;

/// Other codes, another file and a check that refuses what comes; the secret and the calendar are gone.
fn after() -> String {
    let edited = BEFORE
        .replace("success_codes = [3]", "success_codes = [0]")
        .replace("exports/stock.csv", "elsewhere/stock.csv")
        .replace("min = 2", "min = 1000")
        .replace("secret = { file = \"secret\" }\n", "")
        .replace("[calendars.closed]\nical = \"closed.ics\"\n", "");
    assert!(!edited.contains("closed.ics") && !edited.contains("secret"));
    edited
}

#[test]
fn a_run_keeps_its_codes_checks_and_target_over_a_restart_with_another_configuration() {
    let house = House::with(BEFORE);
    house.write("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    house.write("closed.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    house.script("jobs/export.sh", EXPORT);
    let (mut begun, mut go) = (house.pipe("begun"), house.pipe("go"));
    let daemon = house.daemon();
    let run = daemon.run("export");
    assert_eq!(begun.line(), "begun");
    daemon.kill();
    house.configure(&after());
    for gone in ["secret", "closed.ics"] {
        std::fs::remove_file(house.path(gone)).expect("it was there");
    }
    let daemon = house.daemon();
    // A reload after the restart does not reach it either.
    house.configure(&after().replace("rows = { min = 1000 }", "rows = { min = 2000 }"));
    let reloaded = daemon.ask(&freshd::daemon::Ask::Reload);
    assert!(matches!(reloaded, freshd::model::Reply::Done(_)), "{reloaded:?}");
    go.say("go");
    let (run, attempts) = daemon.finished(run, &house);
    assert_eq!(
        (run.outcome, run.exit_code),
        (Some(Outcome::Succeeded), Some(3)),
        "{run:?} {attempts:?}"
    );
    assert_eq!(house.read("exports/stock.csv"), "lot\n1\n2\n");
    assert_eq!(house.read("elsewhere/stock.csv"), "");
    assert!(!daemon.log().contains("cannot be read again"), "{}", daemon.log());
}

#[test]
fn what_a_run_was_started_with_and_cannot_be_read_again_is_said_in_the_log() {
    let house = House::with(&BEFORE.replace("ical = \"closed.ics\"", "weekend = [\"Sun\"]"));
    house.write("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    house.script("jobs/export.sh", EXPORT);
    let (mut begun, mut go) = (house.pipe("begun"), house.pipe("go"));
    let daemon = house.daemon();
    let run = daemon.run("export");
    assert_eq!(begun.line(), "begun");
    daemon.kill();
    // As a later freshd might have written it.
    let database = rusqlite::Connection::open(house.state_dir().join("freshd.db")).expect("the database");
    let changed = database.execute(
        "UPDATE settings SET files = replace(files, 'success_codes', 'codes')",
        [],
    );
    assert_eq!(changed, Ok(1));
    drop(database);
    house.configure(&BEFORE.replace("ical = \"closed.ics\"", "weekend = [\"Sat\"]"));
    let daemon = house.daemon();
    daemon.logs(&[
        "what running jobs were started with cannot be read again",
        "unknown key `codes`",
    ]);
    go.say("go");
    assert_eq!(daemon.finished(run, &house).0.outcome, Some(Outcome::Succeeded));
}
