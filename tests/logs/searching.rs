//! `freshd logs --grep` and `/api/v1/jobs/NAME/logs` find the same lines, packed or not.

use super::{house, lines, logs, texts};

const JOBS: &str = r#"
[jobs.loads]
owner = "it"
command = "jobs/loads.sh"

[jobs.other]
owner = "it"
command = "echo Lot 7"
"#;

const LOADS: &str = r#"
echo "run $FRESHD_RUN_ID begins"
seq -f "lot %g" 1 1000
echo "Lot 7 is missing in run $FRESHD_RUN_ID" >&2
"#;

#[test]
fn a_text_is_found_in_all_runs_of_its_job_the_newest_first() {
    let house = house(JOBS);
    house.script("jobs/loads.sh", LOADS);
    let mut daemon = house.daemon();
    let other = daemon.run("other");
    daemon.finished(other, &house);
    let runs: Vec<u64> = (0..3)
        .map(|_| {
            let run = daemon.run("loads");
            daemon.finished(run, &house);
            run.0
        })
        .collect();
    let found = lines(&house, &["loads", "--grep", "Lot 7"]);
    let missing: Vec<String> = runs
        .iter()
        .rev()
        .map(|run| format!("Lot 7 is missing in run {run}"))
        .collect();
    assert_eq!(texts(&found), missing);
    for (line, run) in found.iter().zip(runs.iter().rev()) {
        assert_eq!((&line["run"], &line["attempt"]), (&(*run).into(), &1.into()));
        assert_eq!((&line["stream"], &line["kind"]), (&"stderr".into(), &"line".into()));
        assert!(line["at"].is_string());
    }
    let count = |words: &[&str]| lines(&house, &[&["loads"], words].concat()).len();
    // lot 7, 70 to 79, 700 to 799, and the one on stderr.
    assert_eq!(count(&["--grep", "LOT 7", "--ignore-case"]), 3 * 112);
    assert_eq!(count(&["--grep", "LOT 7", "-i", "--stderr"]), 3);
    assert_eq!(count(&["--grep", "LOT 7", "-i", "--limit", "200"]), 200);
    assert_eq!(count(&["--grep", "lot 7", "--since", "2999-01-01"]), 0);
    assert_eq!(count(&["--grep", "lot 7", "--until", "2001-01-01"]), 0);
    let (begin, end) = (
        found[2]["at"].as_str().expect("a time"),
        found[1]["at"].as_str().expect("a time"),
    );
    let between = lines(&house, &["loads", "--grep", "begins", "--since", begin, "--until", end]);
    assert_eq!(texts(&between), [format!("run {} begins", runs[1])]);
    assert_eq!(lines(&house, &[&runs[0].to_string(), "--grep", "missing"]).len(), 1);
    let said = logs(&house, &["loads", "--grep", "nowhere"]).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&said.stdout), "no line of that kind is kept\n");
    let said = logs(&house, &["loads", "--grep", "missing", "--limit", "1"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let (attempt, rest) = said.split_once("  ").expect("a line");
    assert_eq!(attempt, format!("{}.1", runs[2]));
    assert!(rest.trim_end().ends_with("! Lot 7 is missing in run 4"), "{said}");
    assert!(daemon.terminate().success());
}
