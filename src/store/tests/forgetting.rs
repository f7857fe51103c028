//! What is forgotten is gone, and nothing else; readers are told, and the file becomes small again.

use super::*;
use crate::model::{
    AcceptedSettings, Forgotten, Gone, HistoryLimit, HistoryLimits, Limit, LogsForgotten, Outcome, RunsForgotten,
    SearchFrom, VersionRef,
};
use crate::store::{DATABASE_FILE, Reader};

fn forgotten(forgotten: Forgotten) -> Vec<Fact> {
    vec![Fact::Forgotten(Box::new(forgotten))]
}

/// The newest two runs of each job, of any age.
fn limits() -> HistoryLimits {
    HistoryLimits {
        each: Limit {
            before: Timestamp::MIN,
            runs: 2,
            log_bytes: 0,
        },
        jobs: std::collections::BTreeMap::new(),
        keep_versions: std::collections::BTreeMap::new(),
        all_log_bytes: 0,
    }
}

fn succeeded(id: u64, job: &str, due: i64) -> Vec<Fact> {
    life_of_a_run(id, job, due).concat()
}

#[test]
fn a_run_goes_with_its_attempts_and_its_versions_and_its_due_time_stays_behind_the_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    for id in 1..=5 {
        writer
            .commit_blocking(succeeded(id, "export", 60 * id.cast_signed()))
            .unwrap();
        let version = Version {
            run: Some(RunId(id)),
            ..version("stock", id, VersionState::Published)
        };
        writer.commit_blocking(vec![Fact::Version(Box::new(version))]).unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    let found = reader.aged(&limits(), SearchFrom::START, 100).unwrap();
    let ids: Vec<u64> = found.runs.iter().map(|run| run.id.0).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(found.next, Some(SearchFrom::Texts));
    writer
        .commit_blocking(forgotten(Forgotten {
            runs: found.runs.iter().map(|run| run.id).collect(),
            ..Forgotten::nothing(at(1_000))
        }))
        .unwrap();
    for id in 1..=5 {
        let stays = id > 3;
        assert_eq!(reader.run(RunId(id)).unwrap().is_some(), stays);
        let number = VersionNumber(id);
        let dataset = Name::from("stock");
        assert_eq!(
            reader.version(&VersionRef { dataset, number }).unwrap().is_some(),
            stays
        );
    }
    let attempts: i64 = reader_count(&dir, "SELECT count(*) FROM attempts");
    assert_eq!(attempts, 2);
    let back = writer.commit_blocking(vec![Fact::Job(job("export", 60)), Fact::Run(run(6, "export", 60))]);
    assert!(back.is_err(), "the cursor knows that it was decided about");
}

#[test]
fn what_still_tells_something_is_refused_whoever_asks() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let going = run(1, "long", 60);
    writer.commit_blocking(vec![Fact::Run(going.clone())]).unwrap();
    writer.commit_blocking(succeeded(2, "export", 120)).unwrap();
    writer
        .commit_blocking(vec![
            Fact::Slot(slot("stock", 60, SlotState::Pending)),
            Fact::Incident(incident(1, "export", IncidentState::Open)),
            Fact::Incident(incident(2, "long", IncidentState::Resolved)),
        ])
        .unwrap();
    let all = Forgotten {
        runs: vec![RunId(1), RunId(2)],
        slots: vec![(Name::from("stock"), at(60))],
        incidents: vec![IncidentId(1), IncidentId(2)],
        ..Forgotten::nothing(at(1_000))
    };
    writer.commit_blocking(forgotten(all)).unwrap();
    for (table, rows) in [("runs", 2), ("slots", 1), ("incidents", 2)] {
        assert_eq!(
            reader_count(&dir, &format!("SELECT count(*) FROM {table}")),
            rows,
            "{table}"
        );
    }
}

#[test]
fn versions_that_can_be_restored_keep_the_runs_that_made_them() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    for id in 1..=6 {
        writer
            .commit_blocking(succeeded(id, "export", 60 * id.cast_signed()))
            .unwrap();
        let version = Version {
            run: Some(RunId(id)),
            ..version("stock", id, VersionState::Published)
        };
        writer.commit_blocking(vec![Fact::Version(Box::new(version))]).unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    let found = |keep| {
        let mut limits = limits();
        limits.keep_versions.insert(Name::from("stock"), keep);
        let found = reader.aged(&limits, SearchFrom::START, 100).unwrap();
        found.runs.iter().map(|run| run.id.0).collect::<Vec<u64>>()
    };
    assert_eq!(found(1), [1, 2, 3, 4]);
    assert_eq!(found(3), [1, 2]);
    // A run that goes on was given the first one.
    let reading = Run {
        inputs: vec![VersionRef {
            dataset: Name::from("stock"),
            number: VersionNumber(1),
        }],
        ..run(7, "report", 600)
    };
    writer.commit_blocking(vec![Fact::Run(reading)]).unwrap();
    assert_eq!(found(3), [2]);
}

#[test]
fn readers_are_told_what_is_gone_and_why() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let gone = |until, limit| RunsForgotten {
        job: Name::from("export"),
        until: at(until),
        limit,
    };
    for (until, limit) in [
        (60, HistoryLimit::Keep),
        (120, HistoryLimit::Runs),
        (90, HistoryLimit::Keep),
    ] {
        let told = Forgotten {
            runs_of: vec![gone(until, limit)],
            ..Forgotten::nothing(at(1_000))
        };
        writer.commit_blocking(forgotten(told)).unwrap();
    }
    let logs = LogsForgotten {
        job: Name::from("export"),
        until: RunId(7),
        limit: HistoryLimit::LogsTotal,
    };
    let told = Forgotten {
        logs_of: vec![logs],
        ..Forgotten::nothing(at(2_000))
    };
    writer.commit_blocking(forgotten(told)).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(
        reader.gone_of(&Name::from("export")).unwrap(),
        Gone {
            runs: Some((at(120), HistoryLimit::Runs)),
            logs: Some((RunId(7), at(2_000), HistoryLimit::LogsTotal)),
        }
    );
    assert_eq!(reader.gone().unwrap(), Some((at(120), HistoryLimit::Runs)));
    assert_eq!(reader.gone_of(&Name::from("other")).unwrap(), Gone::default());
}

#[test]
fn the_text_of_a_configuration_goes_with_its_last_acceptance() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let accepted = |digest: &str, second| AcceptedSettings {
        digest: digest.to_owned(),
        files: vec![("jobs.toml".to_owned(), digest.to_owned())],
        at: at(second),
        by: "anna".to_owned(),
    };
    for (digest, second) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
        let fact = Fact::Settings(accepted(digest, second));
        writer.commit_blocking(vec![fact]).unwrap();
    }
    let beyond = [("a", 1), ("b", 2), ("c", 4)];
    let all = Forgotten {
        acceptances: beyond.map(|(digest, second)| (digest.to_owned(), at(second))).to_vec(),
        ..Forgotten::nothing(at(1_000))
    };
    writer.commit_blocking(forgotten(all)).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let text = |digest| reader.settings_text(digest).unwrap().map(|stored| stored.at);
    assert_eq!((text("a"), text("b"), text("c")), (Some(at(3)), None, Some(at(4))));
}

#[test]
fn texts_that_nothing_names_go_once_they_are_many_and_may_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let under = |id: u64, settings: u64, boot: u64| {
        let run = Run {
            settings_digest: format!("settings {settings}"),
            boot_id: Some(format!("retry {boot}")),
            ..ended(&run(id, "export", id.cast_signed()), Outcome::Succeeded)
        };
        let attempt = Attempt {
            boot_id: format!("boot {boot}"),
            ..attempt(&run, 1)
        };
        vec![Fact::Run(run), Fact::Attempt(attempt)]
    };
    let texts = || reader_count(&dir, "SELECT count(*) FROM texts");
    let reader = Reader::open(dir.path()).unwrap();
    let left = || reader.aged(&limits(), SearchFrom::Texts, 100).unwrap().texts;
    let all = (1..=166).flat_map(|id| under(id, id, id)).collect::<Vec<_>>();
    writer.commit_blocking(all).unwrap();
    let accepted = AcceptedSettings {
        digest: "settings 1".to_owned(),
        files: Vec::new(),
        at: at(1),
        by: "anna".to_owned(),
    };
    writer.commit_blocking(vec![Fact::Settings(accepted)]).unwrap();
    // The writer has these in mind.
    writer.commit_blocking(under(156, 156, 156)).unwrap();
    let runs = Forgotten {
        runs: (1..=156).map(RunId).collect(),
        ..Forgotten::nothing(at(1_000))
    };
    writer.commit_blocking(forgotten(runs)).unwrap();
    assert_eq!(
        (texts(), left().len()),
        (498, 0),
        "not so many that all runs are looked at"
    );
    writer.commit_blocking(under(167, 167, 167)).unwrap();
    let named = ["settings 1", "settings 157", "boot 157", "retry 157"];
    let gone = left();
    assert_eq!(gone.len(), 3 * 156 - 1);
    assert!(!gone.iter().any(|text| named.contains(&text.as_str())), "{gone:?}");
    // Whoever asks: what is accepted keeps its text.
    let all = Forgotten {
        texts: gone.iter().cloned().chain(["settings 1".to_owned()]).collect(),
        ..Forgotten::nothing(at(2_000))
    };
    writer.commit_blocking(forgotten(all)).unwrap();
    assert_eq!(texts(), 501 - (3 * 156 - 1));
    writer.commit_blocking(under(168, 156, 156)).unwrap();
    for id in (157..=167).chain([168]) {
        let (run, attempts) = reader.run(RunId(id)).unwrap().unwrap();
        let number = if id == 168 { 156 } else { id };
        assert_eq!(run.settings_digest, format!("settings {number}"));
        assert_eq!(attempts[0].boot_id, format!("boot {number}"));
    }
}

#[test]
fn the_file_becomes_smaller_when_most_of_it_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    for id in 0..8_000 {
        let mut run = ended(&run(id + 1, "export", id.cast_signed()), Outcome::Succeeded);
        run.reason = Some("x".repeat(2_000));
        drop(writer.commit(vec![Fact::Run(run)]));
    }
    writer.commit_blocking(vec![Fact::Job(job("export", 0))]).unwrap();
    writer.close().unwrap();
    let bytes = || std::fs::metadata(dir.path().join(DATABASE_FILE)).unwrap().len();
    let before = bytes();
    let writer = Store::open(dir.path()).unwrap().into_writer().unwrap();
    for piece in (1..7_900).collect::<Vec<u64>>().chunks(500) {
        let runs = piece.iter().copied().map(RunId).collect();
        let piece = Forgotten {
            runs,
            ..Forgotten::nothing(at(10_000))
        };
        writer.commit_blocking(forgotten(piece)).unwrap();
    }
    // Free pages are given back while nothing else is to be done.
    let free = || reader_count(&dir, "SELECT freelist_count FROM pragma_freelist_count");
    for _ in 0..20_000 {
        if free() < 1_024 {
            break;
        }
        writer.commit_blocking(vec![Fact::Job(job("export", 0))]).unwrap();
    }
    writer.close().unwrap();
    assert!(bytes() < before / 2, "{} of {before}", bytes());
    assert_eq!(Reader::open(dir.path()).unwrap().damage().unwrap(), None);
}

/// The answer to a question in one number.
fn reader_count(dir: &tempfile::TempDir, sql: &str) -> i64 {
    let connection = rusqlite::Connection::open(dir.path().join(DATABASE_FILE)).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}
