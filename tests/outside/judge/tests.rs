//! The judge is quiet about a quiet world, and complains about each kind of harm that is planted in it.

use std::collections::BTreeMap;

use freshd::model::{Attempt, AttemptId, Incident, Notification, NotificationState, Outcome, Run, RunId, Version};
use serde_json::json;

use super::super::evidence;
use super::super::fleet::{Kind, kinds};
use super::super::sinks::{Arrivals, Arrived};
use super::*;

/// Due at 10 s, and written down by the jobs themselves: one that succeeds, one that fails, one that writes a dataset,
/// and one that reads it.
const EVIDENCE: &str = "\
start quick.0 1970-01-01T00:00:10Z 1 1 101 1000 plain
end quick.0 1970-01-01T00:00:10Z 1 1 101 2000 0
start fails.0 1970-01-01T00:00:10Z 2 1 102 1000 plain
end fails.0 1970-01-01T00:00:10Z 2 1 102 2000 3
start writes.0 1970-01-01T00:00:10Z 3 1 103 1000 writes
wrote writes.0 1970-01-01T00:00:10Z 3 1 103 1500 whole
end writes.0 1970-01-01T00:00:10Z 3 1 103 2000 0
start reads.0 - 4 1 104 3000 reads
end reads.0 - 4 1 104 4000 0
";
const FILE: &str = "row,of,run,attempt\n1,1,3,1\n";
const AT: &str = "1970-01-01T00:00:10.2Z";

fn run(id: u64, job: &str, outcome: &str, code: i32) -> (RunId, (Run, Vec<Attempt>)) {
    let due_at = (job != "reads.0").then_some("1970-01-01T00:00:10Z");
    let trigger = if due_at.is_some() { "schedule" } else { "input" };
    let run = json!({
        "id": id, "job": job, "trigger": trigger, "due_at": due_at, "due_until": null, "occurrences": 1, "nominal": [],
        "state": "final", "outcome": outcome, "reason": null, "attempts": 1, "seed": 0, "created_at": AT, "started_at": AT,
        "ended_at": AT, "retry_at": null, "retry_boot_ms": null, "boot_id": null, "exit_code": code, "signal": null,
        "version": null, "by": null, "args": [], "inputs": [], "settings_digest": "",
    });
    let attempt = json!({
        "id": { "run": id, "number": 1 }, "job": job, "state": "ended", "claimed_at": AT, "boot_id": "", "started_at": AT,
        "ended_at": AT, "pid": 100 + id, "outcome": outcome, "exit_code": code, "signal": null, "reason": null,
        "usage": { "user_ms": 0, "system_ms": 0, "max_rss_kib": 0, "leftovers_killed": 0 },
        "output": { "bytes": 0, "dropped_bytes": 0, "tail": "" }, "report": [],
    });
    let run: Run = serde_json::from_value(run).expect("a run");
    (
        run.id,
        (run, vec![serde_json::from_value(attempt).expect("an attempt")]),
    )
}

fn version() -> Version {
    let version = json!({
        "dataset": "data-0", "number": 1, "state": "published", "arrived_at": AT, "as_of": AT, "effective_as_of": AT,
        "limited_by": null, "run": 3, "attempt": { "run": 3, "number": 1 }, "inputs": [], "rows": 1, "bytes": 30,
        "sha256": data::sha256(FILE.as_bytes()), "unchanged": false, "checks": [], "reason": null,
    });
    serde_json::from_value(version).expect("a version")
}

fn told(id: u64, purpose: &str) -> (Notification, Vec<Delivery>) {
    let notification = json!({
        "id": id, "incident": 1, "address": { "channel": "hook", "to": null }, "state": "delivered", "tries": 1,
        "next_try_at": AT, "created_at": AT, "ended_at": AT, "last_error": null,
        "message": {
            "id": format!("s.{id}"), "thread": "t", "incident": 1, "purpose": purpose, "severity": "warning", "kind": "failed",
            "subject_name": "fails.0", "subject": "", "headline": "", "facts": [], "output": [], "commands": [],
            "team": "hook", "owner": "hook", "at": AT,
        },
    });
    let delivery = json!({ "notification": id, "number": 1, "at": AT, "outcome": "Accepted" });
    (
        serde_json::from_value(notification).expect("a notification"),
        vec![serde_json::from_value(delivery).expect("a delivery")],
    )
}

fn incident() -> Incident {
    let incident = json!({
        "id": 1, "kind": "failed", "about": "job", "subject": "fails.0", "state": "resolved", "severity": "warning",
        "since": AT, "notify_at": AT, "opened_at": AT, "resolved_at": AT, "cause": null, "reason": "", "told": [],
        "ack": null, "reminders": 0, "remind_at": null, "escalations": 0,
    });
    serde_json::from_value(incident).expect("an incident")
}

fn arrived(order: usize) -> Arrived {
    Arrived {
        to: "hook".to_owned(),
        digests: vec![1],
        accepted: 1,
        is_refused: false,
        named: BTreeSet::new(),
        order,
    }
}

fn quiet() -> Case {
    let kinds = kinds()
        .into_iter()
        .filter(|kind| ["quick", "fails", "writes", "reads"].contains(&kind.name));
    let one = |kind| Kind { count: 1, ..kind };
    let at = |text: &str| text.parse().expect("an instant");
    let mut runs = BTreeMap::from([
        run(1, "quick.0", "succeeded", 0),
        run(2, "fails.0", "failed", 3),
        run(3, "writes.0", "succeeded", 0),
        run(4, "reads.0", "succeeded", 0),
    ]);
    let version = version();
    runs.get_mut(&RunId(3)).expect("it").0.version = Some(version.number);
    runs.get_mut(&RunId(4)).expect("it").0.inputs = vec![freshd::model::VersionRef {
        dataset: version.dataset.clone(),
        number: version.number,
    }];
    Case {
        kinds: kinds.map(one).collect(),
        windows: vec![Window {
            on_from: at("1970-01-01T00:00:09.1Z"),
            on_by: at("1970-01-01T00:00:09.2Z"),
            off_from: at("1970-01-01T00:00:10.8Z"),
            off_by: at("1970-01-01T00:00:10.9Z"),
            keeper_kills: 0,
            was_full: false,
        }],
        evidence: evidence::parse(EVIDENCE),
        seen: Seen {
            reads: 1,
            writers: [(0, version.attempt.expect("it"))].into(),
            torn: Vec::new(),
        },
        mails: Arrivals::new(),
        hooks: [("s.1".to_owned(), arrived(0)), ("s.2".to_owned(), arrived(1))].into(),
        outbox: BTreeMap::new(),
        asked: Vec::new(),
        published: vec![Published {
            file: Some(FILE.into()),
            sidecar: Some(json!({ "version": 1, "sha256": data::sha256(FILE.as_bytes()) })),
        }],
        survivors: Vec::new(),
        records: Records {
            runs,
            digests: BTreeMap::new(),
            incidents: vec![(incident(), vec![told(1, "opening"), told(2, "recovery")])],
            versions: vec![vec![version]],
        },
        is_told: true,
    }
}

/// The promises that the judge misses when this is planted.
fn misses(plant: impl FnOnce(&mut Case)) -> BTreeSet<&'static str> {
    let mut case = quiet();
    plant(&mut case);
    case.judge().into_iter().map(|complaint| complaint.check).collect()
}

fn attempt_of(case: &mut Case, run: u64) -> &mut Attempt {
    &mut case.records.runs.get_mut(&RunId(run)).expect("a run").1[0]
}

fn end_both(case: &mut Case, run: u64, outcome: Outcome, code: Option<i32>, reason: Option<&str>) {
    let (run, attempts) = case.records.runs.get_mut(&RunId(run)).expect("a run");
    (run.outcome, run.exit_code, run.reason) = (Some(outcome), code, reason.map(str::to_owned));
    let attempt = &mut attempts[0];
    (attempt.outcome, attempt.exit_code, attempt.reason) = (Some(outcome), code, reason.map(str::to_owned));
}

fn id(run: u64) -> AttemptId {
    AttemptId {
        run: RunId(run),
        number: 1,
    }
}

fn add(case: &mut Case, evidence: &str) {
    case.evidence = evidence::parse(&format!("{EVIDENCE}{evidence}"));
}

#[test]
fn a_quiet_world_gives_no_reason_to_complain() {
    assert_eq!(quiet().judge(), []);
}

#[test]
fn what_ran_twice_is_seen() {
    let again = "start quick.0 1970-01-01T00:00:10Z 1 1 201 3000 plain\n";
    assert_eq!(misses(|case| add(case, again)), ["an attempt runs once"].into());
    let other_run = "start quick.0 1970-01-01T00:00:10Z 9 1 201 3000 plain\n";
    let missed = misses(|case| add(case, other_run));
    assert_eq!(missed, ["an occurrence runs once", "what ran is recorded"].into());
}

#[test]
fn what_ran_beside_itself_is_seen() {
    let beside = "start quick.0 1970-01-01T00:00:11Z 9 1 201 1500 plain\n";
    assert!(misses(|case| add(case, beside)).contains("no job runs beside itself"));
}

#[test]
fn an_end_that_was_guessed_is_seen() {
    let untrue = BTreeSet::from(["an outcome is true"]);
    assert_eq!(
        misses(|case| end_both(case, 2, Outcome::Succeeded, Some(0), None)),
        untrue
    );
    assert_eq!(misses(|case| end_both(case, 2, Outcome::Failed, Some(4), None)), untrue);
    let lost = misses(|case| end_both(case, 2, Outcome::Lost, None, Some("no trace")));
    assert_eq!(lost, untrue, "no keeper was killed");
    let lost = misses(|case| {
        case.windows[0].keeper_kills = 1;
        end_both(case, 2, Outcome::Lost, None, Some("no trace"));
    });
    assert_eq!(lost, BTreeSet::new());
    let unpublished = |was_full| {
        misses(|case| {
            case.windows[0].was_full = was_full;
            end_both(case, 3, Outcome::Failed, Some(0), Some("no space"));
        })
    };
    assert!(unpublished(false).contains("an outcome is true"));
    assert!(!unpublished(true).contains("an outcome is true"));
    let never_ran = misses(|case| {
        case.evidence.remove(&id(1));
    });
    assert_eq!(never_ran, untrue);
    let other = misses(|case| attempt_of(case, 1).outcome = Some(Outcome::Rejected));
    assert!(other.contains("a run ends as its last attempt"));
}

#[test]
fn a_loss_without_a_word_is_seen() {
    let lost = misses(|case| {
        case.evidence.remove(&id(1));
        case.records.runs.remove(&RunId(1));
    });
    assert_eq!(lost, ["no occurrence is left out"].into());
    let unrecorded = misses(|case| {
        case.records.runs.remove(&RunId(1));
    });
    assert_eq!(unrecorded, ["no occurrence is left out", "what ran is recorded"].into());
    assert_eq!(
        misses(|case| case.asked.push(RunId(77))),
        ["what was answered is recorded"].into()
    );
}

#[test]
fn half_a_file_and_a_wrong_one_are_seen() {
    let torn = misses(|case| case.seen.torn.push("half".to_owned()));
    assert_eq!(torn, ["a published file is whole"].into());
    let refused = misses(|case| {
        case.seen.writers.insert((0, id(8)));
    });
    assert_eq!(refused, ["only accepted files are published"].into());
    let other = misses(|case| case.published[0].file = Some(b"row,of,run,attempt\n1,1,8,1\n".into()));
    assert_eq!(other, ["the newest version is in place"].into());
    let unread = misses(|case| case.records.runs.get_mut(&RunId(4)).expect("it").0.inputs.clear());
    assert_eq!(unread, ["a new version starts its readers"].into());
}

#[test]
fn what_was_told_wrong_or_not_at_all_is_seen() {
    let unheard = misses(|case| case.records.incidents.clear());
    assert_eq!(unheard, ["a failure is a problem", "what arrives is on record"].into());
    let later = |heard_before: Option<&str>| {
        let later = || "1970-01-01T00:00:10.3Z".parse().expect("an instant");
        misses(|case| {
            let problem = &mut case.records.incidents[0].0;
            (problem.since, problem.resolved_at) = (later(), Some(later()));
            let failed = &mut case.records.runs.get_mut(&RunId(2)).expect("it").0;
            failed.failed_before = heard_before.map(|at| {
                let since = at.parse().expect("an instant");
                Box::new(freshd::model::FailedBefore { runs: 1, since })
            });
        })
    };
    assert_eq!(later(None), ["a failure is a problem"].into());
    assert_eq!(later(Some("1970-01-01T00:00:10.2Z")), ["a failure is a problem"].into());
    let heard_of_another_first = later(Some("1970-01-01T00:00:10.3Z"));
    assert_eq!(heard_of_another_first, BTreeSet::new());
    let lost = misses(|case| {
        case.hooks.remove("s.1");
    });
    assert_eq!(lost, ["what is called delivered has arrived"].into());
    let first = misses(|case| case.hooks.extend([("s.3".to_owned(), arrived(2))]));
    assert_eq!(first, ["what arrives is on record"].into());
    let twice = misses(|case| case.hooks.get_mut("s.1").expect("it").digests.push(2));
    assert_eq!(twice, ["a message is written once"].into());
    let turned = misses(|case| case.hooks.get_mut("s.1").expect("it").order = 5);
    assert_eq!(turned, ["messages about one incident keep their order"].into());
    let silent = misses(|case| {
        case.records.incidents[0].1.pop();
        case.hooks.remove("s.2");
    });
    assert_eq!(silent, ["whoever was told hears of the end"].into());
    let waits = misses(|case| case.records.incidents[0].1[1].0.state = NotificationState::Pending);
    assert_eq!(waits, ["a message ends"].into());
    let dead = misses(|case| case.records.incidents[0].1[1].0.state = NotificationState::Dead);
    assert_eq!(dead, ["only what was refused is dead"].into());
}

/// Both messages of the incident are in a digest, which came.
fn in_a_digest(case: &mut Case) {
    let (mut digest, tries) = told(3, "digest");
    digest.incident = None;
    case.records.digests = [(digest.id, (digest.clone(), tries))].into();
    for (notification, tries) in &mut case.records.incidents[0].1 {
        (notification.digest, notification.tries) = (Some(digest.id), 0);
        tries.clear();
    }
    let named = BTreeSet::from([1]);
    case.hooks = [("s.3".to_owned(), Arrived { named, ..arrived(0) })].into();
}

#[test]
fn a_digest_that_does_not_tell_what_it_stands_for_is_seen() {
    assert_eq!(misses(in_a_digest), BTreeSet::new());
    let missed = BTreeSet::from(["what is called delivered has arrived"]);
    let silent = misses(|case| {
        in_a_digest(case);
        case.hooks.get_mut("s.3").expect("it").named.clear();
    });
    assert_eq!(silent, missed);
    let lost = misses(|case| {
        in_a_digest(case);
        case.hooks.clear();
    });
    assert_eq!(lost, missed);
}

#[test]
fn who_lives_on_is_seen() {
    let lives = misses(|case| case.survivors.push("101 witness".to_owned()));
    assert_eq!(lives, ["nothing outlives its run"].into());
}
