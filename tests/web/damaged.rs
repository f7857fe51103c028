//! An output that cannot be read takes nothing else with it, and nobody who only looks is told where it lies.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use freshd::model::RunId;

use crate::asking::Site;
use crate::freshd_process::House;
use crate::freshd_process::daemon::Daemon;
use crate::{harmless, with_team};

const JOB: &str = r#"
[jobs.counts]
owner = "it"
command = "seq 1 40000; exit 3"
schedule = "0 22 * * FRI"
"#;

/// A freshd on which a job has failed whose output is packed, with the incident of it.
fn with_packed() -> (House, Daemon, Site, RunId, PathBuf) {
    let house = House::with(&with_team(JOB));
    let daemon = house.daemon();
    let run = daemon.run("counts");
    daemon.finished(run, &house);
    let packed = house.state_dir().join(format!("logs/counts/{run}.1.log.zst"));
    house.until_stored("an incident, and the output is packed", |reader| {
        packed.exists()
            && !packed.with_extension("").exists()
            && !reader.incidents(true, 1).expect("incidents").is_empty()
    });
    let site = Site::of(&daemon);
    (house, daemon, site, run, packed)
}

#[test]
fn a_damaged_output_is_said_where_it_stands_and_the_rest_of_the_page_is_as_ever() {
    let (_house, daemon, site, run, packed) = with_packed();
    let bytes = fs::read(&packed).expect("it is there");
    fs::write(&packed, &bytes[..bytes.len() / 2]).expect("cut");
    let run_page = format!("/runs/{run}");
    for (path, besides) in [
        ("/jobs/counts", "id=\"next\""),
        (&*run_page, "id=\"attempts\""),
        ("/incidents/1", "id=\"messages\""),
    ] {
        let page = site.get(path);
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let said = "The output of attempt 1 cannot be read: it is damaged";
        assert!(page.body.contains(said), "{path}: {}", page.body);
        assert!(page.body.contains(besides), "{path}: {}", page.body);
        harmless(path, &page);
    }
    daemon.logs(&["an output cannot be read"]);
    assert_eq!(
        daemon.log().matches("an output cannot be read").count(),
        1,
        "{}",
        daemon.log()
    );
}

#[test]
fn whoever_looks_is_not_told_where_outputs_lie_and_the_log_is() {
    let (house, daemon, site, run, packed) = with_packed();
    fs::remove_file(&packed).expect("removed");
    symlink(house.path("elsewhere"), &packed).expect("a link");
    let state_dir = house.state_dir().display().to_string();
    for (path, status) in [
        (format!("/runs/{run}"), 200),
        (format!("/runs/{run}/log"), 503),
        (format!("/api/v1/runs/{run}/log"), 503),
    ] {
        let answer = site.get(&path);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(!answer.body.contains(&state_dir), "{path}: {}", answer.body);
        assert!(answer.body.contains("is a link"), "{path}: {}", answer.body);
    }
    daemon.logs(&["an output cannot be read", &state_dir]);
}
