//! `freshd backup`: what it says, what it refuses, and that it needs no daemon.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use freshd_process::House;

use super::{COMPANY, WAITS, freshd_process};

fn house() -> House {
    let house = House::with(COMPANY);
    house.script("waits.sh", WAITS);
    let mut daemon = house.daemon();
    let export = daemon.run("export");
    daemon.finished(export, &house);
    assert!(daemon.terminate().success(), "{}", daemon.log());
    house
}

/// What a verb that fails says.
fn refusal(house: &House, words: &[&str]) -> (Option<i32>, String) {
    let mut command = house.serve();
    let serve: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    command = std::process::Command::new(command.get_program());
    command.args(&serve[..serve.len() - 1]).args(words);
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_backup_is_taken_without_a_daemon_and_says_what_it_holds() {
    let house = house();
    let target = house.path("copy.db");
    let path = target.to_str().unwrap();
    let (code, said) = house.freshd(&["backup", path, "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let file = fs::metadata(&target).unwrap();
    assert_eq!(said["bytes"], file.len());
    assert_eq!(said["runs"], house.runs().len());
    assert_eq!(said["file"], path);
    assert!(said["newest_record_at"].is_string());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    let (_, said) = house.freshd(&["backup", path, "--replace"]);
    assert!(said.contains("newest record") && said.contains(path), "{said}");
}

#[test]
fn what_stands_in_the_way_of_a_backup_is_named_and_stays() {
    let house = house();
    fs::write(house.path("mine"), "mine").unwrap();
    let mine = house.path("mine");
    let (code, said) = refusal(&house, &["backup", mine.to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(said.contains("exists") && said.contains("--replace"), "{said}");
    assert_eq!(house.read("mine"), "mine");
    let (code, said) = refusal(&house, &["backup", house.path("").to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(said.contains("is a directory"), "{said}");
    let (code, said) = refusal(&house, &["backup", house.path("no/such.db").to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("no backup was taken") && said.contains("no/such.db"),
        "{said}"
    );
}
