//! The real daemon as root, with jobs of other users: what they deliver is published, and nothing else gets out or in.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use freshd::model::Outcome;

use crate::freshd_process::House;

const JOBS: &str = r#"
timezone = "UTC"

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
notify = ["outbox"]

[datasets.stock]
owner = "it"
file = "exports/stock.csv"

[jobs.export]
owner = "it"
user = "nobody"
umask = "022"
command = "id -un; echo L1 > \"$FRESHD_OUTPUT\"; ls -l $FRESHD_OUTPUT"
produces = "stock"

[jobs.report]
owner = "it"
user = "daemon"
needs = ["stock"]
command = "id -un; cat \"$FRESHD_INPUT_STOCK\"; echo $HOME $USER $LOGNAME $SHELL"
"#;

#[test]
fn a_version_of_another_user_is_published_as_a_file_of_freshd_and_pinned_for_a_third() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let house = House::with(JOBS);
    let mut daemon = house.daemon();
    let id = daemon.run("export");
    let (run, attempts) = daemon.finished(id, &house);
    assert_eq!(run.outcome, Some(Outcome::Succeeded), "{attempts:?}");
    assert!(attempts[0].output.tail.starts_with("nobody\n"), "{attempts:?}");
    let published = fs::metadata(house.path("exports/stock.csv")).unwrap();
    assert_eq!((published.uid(), published.mode() & 0o7777), (0, 0o644));
    assert_eq!(house.read("exports/stock.csv"), "L1\n");
    let id = daemon.run("report");
    let (run, attempts) = daemon.finished(id, &house);
    assert_eq!(run.outcome, Some(Outcome::Succeeded), "{attempts:?}");
    assert_eq!(
        attempts[0].output.tail,
        "daemon\nL1\n/usr/sbin daemon daemon /usr/sbin/nologin\n"
    );
    assert!(daemon.terminate().success(), "{}", daemon.log());
    let left: Vec<_> = fs::read_dir(house.state_dir().join("run"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let left: Vec<_> = left
        .iter()
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let state = fs::metadata(house.state_dir()).unwrap();
    assert_eq!(state.permissions().mode() & 0o7, 0, "others cannot enter");
}

#[test]
fn readers_are_let_in_by_the_group_of_the_job_and_nobody_may_write_who_is_not_named() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let house = House::with(&JOBS.replace("umask = \"022\"", "group = \"games\"\numask = \"027\""));
    let mut daemon = house.daemon();
    let games = std::process::Command::new("getent")
        .args(["group", "games"])
        .output()
        .unwrap();
    let games: u32 = String::from_utf8(games.stdout)
        .unwrap()
        .split(':')
        .nth(2)
        .unwrap()
        .parse()
        .unwrap();
    let published = || {
        let id = daemon.run("export");
        let (run, attempts) = daemon.finished(id, &house);
        assert_eq!(run.outcome, Some(Outcome::Succeeded), "{attempts:?}");
        let file = fs::metadata(house.path("exports/stock.csv")).unwrap();
        (file.uid(), file.gid(), file.mode() & 0o7777)
    };
    assert_eq!(published(), (0, games, 0o640));
    assert_eq!(published(), (0, games, 0o640), "as the version before");
    assert!(daemon.terminate().success(), "{}", daemon.log());

    let house = House::with(&JOBS.replace("ls -l $FRESHD_OUTPUT", "chmod 4666 $FRESHD_OUTPUT"));
    let mut daemon = house.daemon();
    let id = daemon.run("export");
    assert_eq!(daemon.finished(id, &house).0.outcome, Some(Outcome::Succeeded));
    let file = fs::metadata(house.path("exports/stock.csv")).unwrap();
    assert_eq!(file.mode() & 0o7777, 0o664, "not for everybody to write to");
    fs::set_permissions(house.path("exports/stock.csv"), fs::Permissions::from_mode(0o666)).unwrap();
    let id = daemon.run("export");
    assert_eq!(daemon.finished(id, &house).0.outcome, Some(Outcome::Succeeded));
    let file = fs::metadata(house.path("exports/stock.csv")).unwrap();
    assert_eq!(file.mode() & 0o7777, 0o666, "what was given to it by hand stays");
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn a_link_in_place_of_the_output_publishes_nothing_of_what_it_leads_to() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let house = House::new();
    let secret = house.write("secret", "of root\n");
    let link = format!("ln -s {} \\\"$FRESHD_OUTPUT\\\"", secret.display());
    house.configure(&JOBS.replace("echo L1 > \\\"$FRESHD_OUTPUT\\\"", &link));
    let mut daemon = house.daemon();
    let id = daemon.run("export");
    let (run, attempts) = daemon.finished(id, &house);
    assert_ne!(run.outcome, Some(Outcome::Succeeded), "{attempts:?}");
    assert_eq!(house.read("exports/stock.csv"), "");
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn a_place_of_the_jobs_user_is_published_into_and_no_link_there_leads_freshd_elsewhere() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let house = House::new();
    let turned =
        "if [ -e HOUSE/turn ]; then mv HOUSE/exports/in HOUSE/exports/was; ln -s HOUSE/of-root HOUSE/exports/in; fi";
    let jobs = JOBS.replace("exports/stock.csv", "exports/in/stock.csv");
    let jobs = jobs.replace("id -un; echo L1 >", &format!("{turned}; echo $FRESHD_RUN_ID >"));
    house.configure(&jobs);
    fs::create_dir(house.path("of-root")).unwrap();
    fs::create_dir(house.path("exports")).unwrap();
    std::os::unix::fs::chown(house.path("exports"), Some(65_534), Some(65_534)).unwrap();
    let mut daemon = house.daemon();
    let id = daemon.run("export");
    let (run, attempts) = daemon.finished(id, &house);
    assert_eq!(run.outcome, Some(Outcome::Succeeded), "{attempts:?}");
    assert_eq!(house.read("exports/in/stock.csv"), format!("{id}\n"));
    assert_eq!(fs::metadata(house.path("exports/in/stock.csv")).unwrap().uid(), 0);

    house.write("turn", "");
    let id = daemon.run("export");
    let (run, attempts) = daemon.finished(id, &house);
    assert_ne!(run.outcome, Some(Outcome::Succeeded), "{attempts:?}");
    let why = run.reason.unwrap();
    assert!(why.contains("name the place that it leads to"), "{why}");
    assert!(house.path("exports/in").is_symlink());
    assert_eq!(fs::read_dir(house.path("of-root")).unwrap().count(), 0);
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn as_root_a_job_that_does_not_say_as_whom_it_runs_is_refused_by_the_daemon_too() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let house = House::with(&JOBS.replace("user = \"daemon\"\n", ""));
    let refused = house.serve().output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("job `report` does not say as whom it runs"), "{said}");
}
