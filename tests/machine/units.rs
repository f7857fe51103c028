//! The units in systemd/, held against systemd's own judgement. Needs systemd-analyze.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const UNITS: [&str; 3] = [
    "freshd.service",
    "freshd-failure@.service",
    "freshd-failure-notice@.service",
];

/// The exposure, from 0 to 10, that a change of the unit must not pass.
const EXPOSURE_TENTHS_MAX: &str = "30";

fn unit(name: &str) -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    repository.join("systemd").join(name)
}

/// The units in a directory of their own, starting the binary that was just built, after `change`.
fn copies(change: impl Fn(&str) -> String) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in UNITS {
        let text = fs::read_to_string(unit(name)).unwrap();
        let text = text.replace("/usr/bin/freshd", env!("CARGO_BIN_EXE_freshd"));
        fs::write(dir.path().join(name), change(&text)).unwrap();
    }
    dir
}

fn systemd_analyze(arguments: &[&str], dir: &Path, units: &[&str]) -> Output {
    let mut command = Command::new("systemd-analyze");
    command
        .args(arguments)
        .args(units.iter().map(|name| dir.join(name)))
        // The colon stands for the directories that systemd searches anyway.
        .env("SYSTEMD_UNIT_PATH", format!("{}:", dir.display()))
        .env("SYSTEMD_COLORS", "0");
    match command.output() {
        Ok(output) => output,
        Err(error) => panic!("this test needs systemd-analyze (Debian: systemd): {error}"),
    }
}

fn said(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let dir = copies(str::to_owned);
    let output = systemd_analyze(&["verify"], dir.path(), &UNITS);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output), "");
}

#[test]
fn systemd_would_say_so_if_a_key_were_misspelt_or_the_binary_absent() {
    for (right, wrong, complaint) in [
        ("WatchdogSec=", "WatchdogSecs=", "'WatchdogSecs'"),
        ("ExecStart=/", "ExecStart=/nowhere/", "is not executable"),
    ] {
        let dir = copies(|text| text.replace(right, wrong));
        let output = systemd_analyze(&["verify"], dir.path(), &UNITS[..1]);
        assert!(said(&output).contains(complaint), "{}", said(&output));
    }
}

#[test]
fn the_units_are_as_closed_as_their_comment_says() {
    let threshold = format!("--threshold={EXPOSURE_TENTHS_MAX}");
    let arguments = ["security", "--no-pager", "--offline=true", &threshold];
    let dir = copies(str::to_owned);
    for name in UNITS {
        let output = systemd_analyze(&arguments, dir.path(), &[name]);
        assert!(output.status.success(), "{name}: {}", said(&output));
    }

    let version = Command::new("systemd-analyze").arg("--version").output();
    let version = said(&version.unwrap());
    // Each systemd weighs differently, so the figure holds for the version that the comment names.
    if version.starts_with("systemd 252 ") {
        let judged = said(&systemd_analyze(&arguments, dir.path(), &UNITS[..1]));
        let (_, figure) = judged.rsplit_once("freshd.service: ").expect("a figure");
        let figure = figure.split(' ').next().unwrap();
        let text = fs::read_to_string(unit(UNITS[0])).unwrap();
        let noted = format!("(systemd 252): exposure {figure},");
        assert!(text.contains(&noted), "the comment should say `{noted}`");
    }
}

#[test]
fn running_jobs_lose_neither_their_processes_nor_their_files_when_the_daemon_restarts() {
    let text = fs::read_to_string(unit(UNITS[0])).unwrap();
    for line in [
        "KillMode=process",
        "Delegate=yes",
        "OOMPolicy=continue",
        "PrivateTmp=no",
        "RemoveIPC=no",
        "ProtectControlGroups=no",
    ] {
        assert!(text.lines().any(|written| written == line), "{line}");
    }
    assert!(!text.contains("DynamicUser"), "its /var/lib would move");
}
