//! Refused candidates: where they lie, with their reasons, and how many.

use super::place::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use freshd::checks::{QUARANTINED_MAX, publish, quarantine};
use freshd::model::REASONS_FILE;
use freshd::model::*;

#[test]
fn a_refused_candidate_lies_in_quarantine_with_its_reasons() {
    for place in [Place::new(), Place::across_devices()] {
        publish(&place.publishing(1, place.staged(1), OLD)).expect("the first version");
        let mut new = place.publishing(2, place.staged(2), NEW);
        new.version.reason = Some("expected at least 50 rows, and 2 came".to_owned());
        for again in ["once", "twice"] {
            let path = quarantine(&new).expect(again);
            assert_eq!(path, place.state.path().join("quarantine/stock/2"));
            assert_eq!(names(&path), [REASONS_FILE, "stock.csv"]);
            let content = fs::read_to_string(path.join("stock.csv")).ok();
            assert_eq!(content.as_deref(), Some(NEW));
            let text = fs::read(path.join(REASONS_FILE)).expect("reasons");
            let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
            assert_eq!(value["reason"], "expected at least 50 rows, and 2 came");
            assert_eq!(value["file"], "stock.csv");
            assert_eq!(value["version"], 2);
        }
        assert_eq!(place.seen(), (Some(OLD.to_owned()), Some(1)));
        assert_eq!(place.names(), ["stock.csv", "stock.csv.freshd.json"]);
    }
}

#[test]
fn quarantine_takes_whatever_the_job_left() {
    let place = Place::new();
    let mut new = place.publishing(1, place.staged(1), NEW);
    fs::remove_file(&new.staged).expect("nothing is left");
    let path = quarantine(&new).expect("only reasons");
    assert_eq!(names(&path), [REASONS_FILE]);

    // The exports and the state must share a file system to move these.
    new.version.number = VersionNumber(2);
    symlink("/etc/passwd", &new.staged).expect("a link");
    let path = quarantine(&new).expect("the link itself");
    let link = fs::read_link(path.join("stock.csv")).expect("still a link");
    assert_eq!(link, Path::new("/etc/passwd"));

    new.version.number = VersionNumber(3);
    fs::create_dir_all(new.staged.join("inner")).expect("a directory");
    let path = quarantine(&new).expect("the directory itself");
    assert!(path.join("stock.csv/inner").is_dir());
}

#[test]
fn quarantine_keeps_the_newest_and_stays_bounded() {
    let place = Place::new();
    let count = QUARANTINED_MAX as u64 + 3;
    for number in 1..=count {
        let new = place.publishing(number, place.staged(number), NEW);
        quarantine(&new).expect("a refused candidate");
    }
    let mut left: Vec<u64> = names(&place.state.path().join("quarantine/stock"))
        .iter()
        .map(|name| name.parse().expect("a number"))
        .collect();
    left.sort_unstable();
    assert_eq!(left, (4..=count).collect::<Vec<_>>());
}

#[test]
fn nothing_is_kept_behind_a_link() {
    for linked in ["quarantine", "quarantine/stock", "quarantine/stock/1"] {
        let place = Place::new();
        let elsewhere = tempfile::tempdir().expect("another directory");
        let link = place.state.path().join(linked);
        fs::create_dir_all(link.parent().expect("a parent")).expect("what is above it");
        symlink(elsewhere.path(), &link).expect("a link");
        let new = place.publishing(1, place.staged(1), NEW);
        let error = quarantine(&new).expect_err("a link").to_string();
        assert!(error.contains("is a link"), "{error}");
        assert_eq!(names(elsewhere.path()), Vec::<String>::new());
        assert!(new.staged.is_file(), "the candidate stays where the job left it");
    }
}
