//! freshd under a real systemd: installed, restarted, killed, hung, misconfigured.

use super::machine::{Machine, SECRET};

const JOBS: &str = r#"
timezone = "UTC"

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "/var/lib/freshd/outbox"

[teams.it]
notify = ["outbox"]

[jobs.waits]
owner = "it"
command = "echo begun > /srv/begun; read -r word < /srv/go; exit 7"

[jobs.surroundings]
owner = "it"
command = "env; id -un; ls /proc/self/fd"
"#;

/// Ends a daemon that hangs soon.
const IMPATIENT: &str = "[Service]\nWatchdogSec=2\n";

#[track_caller]
fn start(machine: &Machine) {
    machine.must(&["systemctl", "enable", "--now", "freshd"]);
    assert_eq!(machine.property("ActiveState"), "active");
}

#[test]
fn installed_as_the_manual_says_it_runs_as_its_own_user_in_a_directory_of_its_own() {
    let machine = Machine::with(JOBS, "");
    start(&machine);
    assert_eq!(machine.property("StatusText"), "supervising");
    let pid = machine.property("MainPID");
    let user = machine.must(&["ps", "-o", "user=", "-p", &pid]);
    assert_eq!(user.trim(), "freshd");
    let state = machine.must(&["stat", "-c", "%U %a", "/var/lib/freshd"]);
    assert_eq!(state, "freshd 700\n");
    assert_eq!(machine.freshd(&["status"]).0, Some(0), "{}", machine.journal());
    machine.must(&["systemctl", "stop", "freshd"]);
    assert_eq!(machine.property("Result"), "success");
}

#[test]
fn a_restart_a_kill_and_a_stop_of_the_service_leave_a_running_job_alone_and_its_exit_code_is_true() {
    let machine = Machine::with(JOBS, "");
    start(&machine);
    let run = machine.begin("waits");
    machine.must(&["systemctl", "restart", "freshd"]);
    let restarted = machine.property("MainPID");
    machine.must(&["systemctl", "kill", "--kill-who=main", "--signal=KILL", "freshd"]);
    machine.until("systemd has started it again", || {
        machine.property("ActiveState") == "active" && machine.property("MainPID") != restarted
    });
    assert_eq!(machine.property("NRestarts"), "1");
    machine.must(&["systemctl", "stop", "freshd"]);
    machine.go_on();
    machine.must(&["systemctl", "start", "freshd"]);
    let record = machine.finished(run);
    assert_eq!(
        (&record["outcome"], &record["exit_code"]),
        (&"failed".into(), &7.into())
    );
    assert_eq!(record["attempts"], 1);
}

#[test]
fn a_job_has_a_cgroup_of_its_own_that_outlives_a_restart_and_goes_with_its_end() {
    let machine = Machine::with(JOBS, "");
    start(&machine);
    machine.journal_says("each attempt gets a cgroup of its own");
    let leaves = || {
        machine.must(&[
            "sh",
            "-c",
            "ls -d /sys/fs/cgroup/system.slice/freshd.service/freshd-* 2> /dev/null || :",
        ])
    };
    let run = machine.begin("waits");
    let leaf = leaves();
    assert!(leaf.trim_end().ends_with(&format!("-{run}.1")), "{leaf}");
    machine.must(&["systemctl", "restart", "freshd"]);
    assert_eq!(leaves(), leaf);
    machine.go_on();
    assert_eq!(machine.finished(run)["exit_code"], 7);
    assert_eq!(leaves(), "");
}

#[test]
fn a_daemon_that_hangs_is_ended_by_the_watchdog_and_its_job_goes_on_under_the_next() {
    let machine = Machine::with(JOBS, IMPATIENT);
    start(&machine);
    let run = machine.begin("waits");
    machine.must(&["systemctl", "kill", "--kill-who=main", "--signal=STOP", "freshd"]);
    machine.journal_says("Watchdog timeout");
    machine.until("systemd has started it again", || {
        machine.property("NRestarts") == "1" && machine.property("ActiveState") == "active"
    });
    machine.go_on();
    assert_eq!(machine.finished(run)["exit_code"], 7);
}

#[test]
fn a_refused_configuration_keeps_the_old_one_at_a_reload_and_is_told_as_an_emergency_at_a_start() {
    let machine = Machine::with(JOBS, "");
    start(&machine);
    machine.write("/etc/freshd/jobs.toml", &JOBS.replace("owner", "onwer"));
    machine.must(&["systemctl", "reload", "freshd"]);
    machine.journal_says("was not reloaded");
    assert_eq!(machine.property("ActiveState"), "active");
    assert!(!machine.run(&["systemctl", "restart", "freshd"]).status.success());
    assert_eq!(machine.property("ActiveState"), "failed", "it is not tried again");
    assert_eq!(machine.property("ExecMainStatus"), "2");
    let told = machine.journal_says("is not started again");
    assert!(told.starts_with("freshd.service has failed"), "{told}");
    machine.until("the fallback has been told", || {
        let written = machine.run(&["sh", "-c", "cat /var/lib/freshd/outbox/*.eml"]);
        let written = String::from_utf8_lossy(&written.stdout).into_owned();
        written.contains("Subject: [freshd] freshd.service has failed on") && written.contains("onwer")
    });
    machine.write("/etc/freshd/jobs.toml", JOBS);
    start(&machine);
}

#[test]
fn a_reload_that_is_accepted_is_in_force() {
    let machine = Machine::with(JOBS, "");
    start(&machine);
    machine.write(
        "/etc/freshd/jobs.toml",
        &JOBS.replace("[jobs.surroundings]", "[jobs.newcomer]"),
    );
    machine.must(&["systemctl", "reload", "freshd"]);
    machine.journal_says("jobs.toml reloaded");
    assert_eq!(machine.freshd(&["run", "newcomer", "--wait"]).0, Some(0));
}

#[test]
fn a_credential_reaches_the_daemon_and_a_job_sees_nothing_of_what_systemd_gave_to_it() {
    let hook =
        "\n[channels.hook]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\nsecret = { credential = \"hook\" }\n";
    let jobs = JOBS.replace(
        "[teams.it]\nnotify = [\"outbox\"]",
        &format!("{hook}[teams.it]\nnotify = [\"outbox\", \"hook\"]"),
    );
    let machine = Machine::with(&jobs, "[Service]\nLoadCredential=hook:/etc/freshd/secrets/hook\n");
    start(&machine);
    let (code, said) = machine.freshd(&["run", "surroundings", "--wait"]);
    assert_eq!(code, Some(0), "{said}\n{}", machine.journal());
    let (_, printed) = machine.freshd(&["logs", "surroundings"]);
    assert!(printed.contains("freshd"), "{printed}");
    for leaked in [
        SECRET,
        "CREDENTIALS_DIRECTORY",
        "NOTIFY_SOCKET",
        "WATCHDOG",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "LISTEN_",
    ] {
        assert!(!printed.contains(leaked), "{leaked} in {printed}");
    }
    let everything = machine.must(&[
        "sh",
        "-c",
        "grep -rlF \"$1\" /var/lib/freshd /run/log/journal || true",
        "sh",
        SECRET,
    ]);
    assert_eq!(everything, "", "the secret lies about");
}
