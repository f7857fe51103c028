//! `freshd restore-db`: by hand, only while nobody writes, and cut short anywhere.

use std::fs;
use std::process::Command;

use super::Going;

/// `freshd restore-db` with these words: its exit code and what it said on either stream.
fn restore(going: &Going, words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(super::freshd_process::EXE)
        .args(["restore-db", "--state"])
        .arg(going.house.state_dir())
        .args(words)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn a_running_daemon_keeps_its_records_and_a_stopped_one_goes_on_from_the_backup() {
    let (going, mut daemon) = Going::begin();
    let (code, said) = restore(&going, &["--yes"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("already runs") && said.contains("stop it first"),
        "{said}"
    );
    assert!(daemon.terminate().success(), "{}", daemon.log());
    fs::write(going.house.path("wrong.db"), "no database").unwrap();
    let wrong = going.house.path("wrong.db");
    // Without a terminal there is nobody who could be asked.
    let (code, said) = restore(&going, &[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("say --yes"), "{said}");
    let (code, said) = restore(&going, &["--yes", wrong.to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(said.contains("nothing was changed"), "{said}");
    let (code, said) = restore(&going, &["--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("daily-") && said.contains("freshd.db.replaced-"),
        "{said}"
    );
    going.goes_on("by hand");
}

#[test]
fn a_restoration_that_was_cut_short_after_any_step_is_finished_by_the_next_start() {
    // The database comes last, its log goes first: these are put back in turn.
    for undone in 1..=3 {
        let (going, daemon) = Going::begin();
        daemon.kill();
        let (code, said) = restore(&going, &["--yes", "--json"]);
        assert_eq!(code, Some(0), "{said}");
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        let aside = said["set_aside"].as_str().unwrap().to_owned();
        let back = |from: String, to: &str| fs::rename(going.state(&from), going.state(to)).unwrap();
        back("freshd.db".to_owned(), "freshd.db.restoring");
        if undone >= 2 {
            back(aside.clone(), "freshd.db");
        }
        if undone >= 3 {
            back(format!("{aside}-wal"), "freshd.db-wal");
        }
        let old = fs::read(going.state(if undone >= 2 { "freshd.db" } else { &aside })).unwrap();
        let house = going.goes_on(&format!("with {undone} steps undone"));
        let state = house.state_dir();
        assert_eq!(fs::read(state.join(&aside)).unwrap(), old);
        assert!(state.join(format!("{aside}-wal")).exists());
    }
}
