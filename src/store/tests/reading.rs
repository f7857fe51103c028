//! The questions of the windows are answered exactly.

use super::*;
use crate::model::Outcome;
use crate::store::{HistoryFilter, Part, Reader};

/// 600 runs of three jobs, one a second; every tenth failed, every seventh was skipped.
fn months() -> (tempfile::TempDir, Vec<Run>) {
    let dir = tempfile::tempdir().unwrap();
    let runs: Vec<Run> = (1..=600_u64)
        .map(|id| {
            let job = ["a", "b", "c"][usize::try_from(id % 3).unwrap()];
            let run = run(id, job, i64::try_from(id).unwrap() * 3_600);
            let outcome = match id {
                id if id % 10 == 0 => Outcome::Failed,
                id if id % 7 == 0 => Outcome::Skipped,
                _ => Outcome::Succeeded,
            };
            if id > 597 { run } else { ended(&run, outcome) }
        })
        .collect();
    let writer = writer(&dir);
    let facts = runs.iter().cloned().map(Fact::Run).collect();
    writer.commit_blocking(facts).unwrap();
    writer.close().unwrap();
    (dir, runs)
}

#[test]
fn history_tells_what_was_asked_for_newest_first() {
    let (dir, runs) = months();
    let reader = Reader::open(dir.path()).unwrap();
    let outcomes = [
        None,
        Some(Outcome::Succeeded),
        Some(Outcome::Failed),
        Some(Outcome::Skipped),
        Some(Outcome::Lost),
    ];
    for job in [None, Some("a"), Some("unknown")] {
        for since in [None, Some(-5), Some(3_600), Some(400 * 3_600 + 1), Some(9_999_999)] {
            for outcome in outcomes {
                for limit in [0, 5, 1_000] {
                    let filter = HistoryFilter {
                        job: job.map(Name::from),
                        since: since.map(at),
                        outcome,
                        limit,
                    };
                    let expected: Vec<&Run> = runs
                        .iter()
                        .rev()
                        .filter(|run| job.is_none_or(|job| run.job.as_str() == job))
                        .filter(|run| since.is_none_or(|since| run.created_at >= at(since)))
                        .filter(|run| outcome.is_none_or(|_| run.outcome == outcome))
                        .take(usize::try_from(limit).unwrap())
                        .collect();
                    let found = reader.history(&filter).unwrap();
                    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
                }
            }
        }
    }
}

#[test]
fn history_since_an_instant_begins_a_day_before_it_for_clocks_that_were_set_back() {
    let (dir, _) = months();
    let reader = Reader::open(dir.path()).unwrap();
    for (hour, first) in [(600, 576), (25, 0), (100, 76), (1_000, 600)] {
        assert_eq!(reader.first_run_after(at(hour * 3_600)).unwrap(), first);
    }
}

#[test]
fn the_last_run_of_a_job_is_found_and_of_what_is_not_there_nothing() {
    let (dir, runs) = months();
    let reader = Reader::open(dir.path()).unwrap();
    let a = Name::from("a");
    assert_eq!(reader.last_run_of(&a).unwrap(), Some(runs[599].clone()));
    assert_eq!(reader.last_run_of(&Name::from("unknown")).unwrap(), None);
    assert_eq!(reader.run(RunId(601)).unwrap(), None);
}

#[test]
fn the_last_success_of_a_job_is_found_behind_failures_and_only_behind_the_run_that_is_named() {
    let (dir, runs) = months();
    let reader = Reader::open(dir.path()).unwrap();
    for job in ["a", "b", "c", "unknown"] {
        let of_job = || runs.iter().rev().filter(|run| run.job.as_str() == job);
        let success = of_job().find(|run| run.outcome == Some(Outcome::Succeeded));
        let (name, ended_at) = (Name::from(job), success.and_then(|run| run.ended_at));
        assert_eq!(reader.last_success_of(&name, None).unwrap(), ended_at, "{job}");
        let Some(success) = success else { continue };
        let before = RunId(success.id.0 - 1);
        assert_eq!(reader.last_success_of(&name, Some(before)).unwrap(), ended_at);
        assert_eq!(reader.last_success_of(&name, Some(success.id)).unwrap(), None);
    }
}

#[test]
fn limits_keep_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let mut facts = Vec::new();
    for number in 1..=9 {
        facts.push(Fact::Version(Box::new(version(
            "stock",
            number,
            VersionState::Published,
        ))));
        facts.push(Fact::Slot(slot(
            "stock",
            i64::try_from(number).unwrap(),
            SlotState::Met,
        )));
        let state = if number % 2 == 0 {
            IncidentState::Resolved
        } else {
            IncidentState::Open
        };
        let mut one = incident(number, &format!("s{number}"), state);
        one.resolved_at = (one.state == IncidentState::Resolved).then(|| at(number.cast_signed() + 10));
        if number == 5 {
            (one.state, one.cause) = (IncidentState::Attached, Some(IncidentId(3)));
        }
        facts.push(Fact::Incident(one));
    }
    writer.commit_blocking(facts).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let stock = Name::from("stock");
    let versions = reader.versions_of(&stock, 2).unwrap();
    assert_eq!(
        versions.iter().map(|version| version.number.0).collect::<Vec<_>>(),
        [9, 8]
    );
    let slots = reader.slots_of(&stock, 2).unwrap();
    assert_eq!(slots.iter().map(|slot| slot.due_at).collect::<Vec<_>>(), [at(9), at(8)]);
    let ids = |open_only| -> Vec<u64> {
        let found = reader.incidents(open_only, 3).unwrap();
        found.iter().map(|incident| incident.id.0).collect()
    };
    assert_eq!(ids(true), [9, 7, 5]);
    assert_eq!(ids(false), [9, 8, 7]);
    let part = |part, before: Option<u64>| -> Vec<u64> {
        let found = reader.incidents_of(part, before.map(IncidentId), 3).unwrap();
        found.iter().map(|incident| incident.id.0).collect()
    };
    assert_eq!(part(Part::Causes, None), [9, 7, 3]);
    assert_eq!(part(Part::Causes, Some(7)), [3, 1]);
    assert_eq!(part(Part::Over, Some(8)), [6, 4, 2]);
    assert_eq!(part(Part::Explained, None), [5]);
    let counted = [Part::Causes, Part::Explained, Part::Over].map(|part| reader.incidents_counted(part).unwrap());
    assert_eq!(counted, [4, 1, 4]);
    assert_eq!(reader.explains_most().unwrap(), Some((IncidentId(3), 1)));
    assert_eq!(reader.effects_counted(IncidentId(3)).unwrap(), 1);
}

#[test]
fn a_copy_taken_while_the_daemon_writes_holds_everything_and_can_be_opened() {
    let (dir, runs) = months();
    let writer = writer(&dir);
    let restored = tempfile::tempdir().unwrap();
    let target = restored.path().join(crate::store::DATABASE_FILE);
    Reader::open(dir.path()).unwrap().backup_to(&target, false).unwrap();
    drop(writer);
    let reader = Reader::open(restored.path()).unwrap();
    assert_eq!(reader.damage().unwrap(), None);
    assert_eq!(reader.run(RunId(300)).unwrap().unwrap().0, runs[299]);
    assert_eq!(
        Store::open(restored.path()).unwrap().load().unwrap(),
        Store::open(dir.path()).unwrap().load().unwrap()
    );
}

/// Locks that this process has on a file, as the kernel tells of each descriptor. Its list of all locks leaves some out
/// while others come and go.
fn locks_on(file: &std::path::Path) -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let of_file = descriptors.filter(|descriptor| std::fs::read_link(descriptor).is_ok_and(|target| target == file));
    let told = of_file.map(|descriptor| {
        let number = descriptor.file_name().unwrap().to_owned();
        std::fs::read_to_string(std::path::Path::new("/proc/self/fdinfo").join(number)).unwrap_or_default()
    });
    told.map(|told| told.lines().filter(|line| line.starts_with("lock:")).count())
        .sum()
}

#[tokio::test]
async fn whoever_reads_beside_the_writer_takes_no_lock_away_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer.commit(vec![Fact::Job(job("export", 1))]).await.unwrap();
    let files = ["freshd.db", "freshd.db-shm"].map(|name| dir.path().join(name));
    let held = || files.each_ref().map(|file| locks_on(file));
    // One of each for as long as it has the database open, and others while it does something.
    let has_both = |held: [usize; 2]| assert!(held.iter().all(|count| *count > 0), "{held:?}");
    has_both(held());
    let reader = Reader::open(dir.path()).unwrap();
    reader.snapshot().unwrap();
    reader.damage().unwrap();
    reader.wants_daily_backup(dir.path(), at(1)).unwrap();
    reader.backup_daily(dir.path(), at(1)).unwrap();
    drop(reader);
    // Without them the next to open the database removes its log.
    has_both(held());
}

#[test]
fn of_accepted_versions_those_since_an_instant_and_the_one_before_are_read_and_no_older_one() {
    let dir = tempfile::tempdir().unwrap();
    let arrived = |number: u64| Version {
        arrived_at: at(i64::try_from(number).unwrap() * 10),
        ..version("stock", number, VersionState::Published)
    };
    let writer = writer(&dir);
    let facts = (1..=9).map(|number| Fact::Version(arrived(number).into())).collect();
    writer.commit_blocking(facts).unwrap();
    writer.close().unwrap();
    // What lies further back is not so much as looked at.
    let connection = rusqlite::Connection::open(dir.path().join("freshd.db")).unwrap();
    let spoilt = "UPDATE versions SET file = x'ff', inputs = 'no list' WHERE number < 4";
    assert_eq!(connection.execute(spoilt, []).unwrap(), 3);
    let reader = Reader::open(dir.path()).unwrap();
    let stock = Name::from("stock");
    let since = |second: i64, limit: u32| -> Vec<u64> {
        let read = reader.accepted_since(&stock, at(second), limit).unwrap();
        read.iter().map(|version| version.number.0).collect()
    };
    assert_eq!(since(70, 99), [9, 8, 7, 6]);
    assert_eq!(since(71, 99), [9, 8, 7]);
    assert_eq!(since(99, 99), [9]);
    assert_eq!(since(45, 99), [9, 8, 7, 6, 5, 4]);
    assert_eq!(since(45, 2), [9, 8]);
}
