//! Every fact is read back as it was stored, and storing it twice changes nothing.

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::model::{
    AcceptedSettings, Ack, Address, CheckResult, ClockStep, Delivery, DeliveryOutcome, Life, Measurement, Message,
    MessageFact, Notification, NotificationId, NotificationState, Observation, Outcome, Pause, Purpose, Verdict,
    VersionRef,
};
use crate::store::Reader;

fn text(what: &str) -> String {
    format!("{what} \"quoted\" 'æøå' \u{1F41F}\nsecond line\0after a NUL")
}

fn version_ref(number: u64) -> VersionRef {
    VersionRef {
        dataset: Name::from("items"),
        number: VersionNumber(number),
    }
}

fn full_run() -> Run {
    Run {
        trigger: Trigger::CatchUp,
        due_until: Some(at(900)),
        occurrences: 17,
        nominal: vec!["2026-03-29T02:30".to_owned(), text("nominal")],
        state: RunState::Final,
        outcome: Some(Outcome::Rejected),
        reason: Some(text("reason")),
        attempts: u32::MAX,
        seed: u64::MAX - 3,
        started_at: Some(Timestamp::from_microsecond(1_790_000_000_123_456).unwrap()),
        ended_at: Some(at(5)),
        retry_at: Some(at(6)),
        retry_boot_ms: Some(77),
        boot_id: Some("boot".to_owned()),
        exit_code: Some(-1),
        signal: Some(9),
        version: Some(VersionNumber(3)),
        by: Some(text("by")),
        args: vec![String::new(), text("arg")],
        inputs: vec![version_ref(1), version_ref(2)],
        ..run(1, "stock-export", 60)
    }
}

fn full_attempt() -> Attempt {
    Attempt {
        state: AttemptState::Ended,
        started_at: Some(at(1)),
        ended_at: Some(at(2)),
        pid: Some(u32::MAX),
        outcome: Some(Outcome::TimedOut),
        exit_code: Some(i32::MIN),
        signal: Some(15),
        reason: Some(text("reason")),
        usage: Usage {
            user_ms: 1,
            system_ms: 2,
            max_rss_kib: 3,
            leftovers_killed: 4,
        },
        output: Output {
            bytes: 5,
            dropped_bytes: 6,
            tail: text("tail"),
        },
        report: vec![("rows".to_owned(), text("value"))],
        ..attempt(&full_run(), 2)
    }
}

fn full_version() -> Version {
    Version {
        limited_by: Some(version_ref(7)),
        run: Some(RunId(1)),
        attempt: Some(AttemptId {
            run: RunId(1),
            number: 2,
        }),
        inputs: vec![version_ref(7)],
        rows: Some(50),
        bytes: 4_096,
        sha256: "ab".repeat(32),
        unchanged: true,
        checks: vec![CheckResult {
            name: "rows.min".to_owned(),
            column: Some("lot".to_owned()),
            verdict: Verdict::Hold,
            expected: "50".to_owned(),
            actual: "3".to_owned(),
            message: text("message"),
        }],
        reason: Some(text("reason")),
        ..version("stock", 42, VersionState::Quarantined)
    }
}

fn full_incident() -> Incident {
    Incident {
        kind: ProblemKind::ChannelBroken,
        severity: Severity::Critical,
        opened_at: Some(at(3)),
        resolved_at: Some(at(4)),
        cause: Some(IncidentId(99)),
        told: vec![(
            Name::from("warehouse"),
            Address {
                channel: Name::from("mail"),
                to: Some("w@seafood.example".to_owned()),
            },
        )],
        ack: Some(Ack {
            by: "kari".to_owned(),
            at: at(5),
            until: at(6),
        }),
        reminders: 2,
        remind_at: Some(at(7)),
        escalations: 1,
        ..incident(1, "slack-ops", IncidentState::Open)
    }
}

fn full_notification(id: u64, incident: Option<IncidentId>) -> Notification {
    Notification {
        id: NotificationId(id),
        incident,
        address: Address {
            channel: Name::from("slack-ops"),
            to: None,
        },
        message: Message {
            id: "m1".to_owned(),
            thread: "t1".to_owned(),
            incident,
            purpose: Purpose::Opening,
            severity: Severity::Critical,
            kind: Some(ProblemKind::Late),
            subject_name: Name::from("stock"),
            subject: text("subject"),
            headline: text("headline"),
            facts: vec![MessageFact {
                label: "Since".to_owned(),
                text: text("since"),
            }],
            output: vec![text("output")],
            commands: vec!["freshd why stock".to_owned()],
            team: Name::from("warehouse"),
            owner: "warehouse".to_owned(),
            at: at(8),
        },
        state: NotificationState::Pending,
        tries: 3,
        next_try_at: at(9),
        created_at: at(8),
        ended_at: Some(at(10)),
        last_error: Some(text("error")),
    }
}

fn observations() -> Vec<Observation> {
    let observation = |dataset: &str, found, path| Observation {
        dataset: Name::from(dataset),
        at: at(11),
        found,
        path,
    };
    vec![
        observation(
            "a",
            Ok(Some(Measurement {
                bytes: 1,
                rows: Some(2),
                sha256: String::new(),
                as_of: Some(at(3)),
            })),
            Some(PathBuf::from("exports/fisk å.csv")),
        ),
        observation("b", Ok(Some(Measurement::default())), None),
        observation("c", Ok(None), Some(PathBuf::from("gone"))),
        observation(
            "d",
            Err(text("permission denied")),
            Some(PathBuf::from(std::ffi::OsString::from_vec(vec![b'/', 0xFF, b'x']))),
        ),
    ]
}

fn deliveries() -> Vec<Delivery> {
    [
        DeliveryOutcome::Temporary {
            error: text("later"),
            retry_after_seconds: Some(30),
        },
        DeliveryOutcome::Temporary {
            error: String::new(),
            retry_after_seconds: None,
        },
        DeliveryOutcome::Permanent { error: text("never") },
        DeliveryOutcome::Accepted,
    ]
    .into_iter()
    .zip(1..)
    .map(|(outcome, number)| Delivery {
        notification: NotificationId(1),
        number,
        at: at(12),
        outcome,
    })
    .collect()
}

#[test]
fn every_fact_is_read_back_as_it_was_stored_also_when_stored_twice() {
    let dir = tempfile::tempdir().unwrap();
    let paused = JobRecord {
        pause: Some(Pause {
            by: "ola".to_owned(),
            because: text("because"),
            since: at(1),
        }),
        ..job("paused", 1)
    };
    let lives = [
        Life {
            number: 1,
            started_at: at(0),
            seen_at: at(1),
            ended_at: Some(at(2)),
            boot_id: "b".to_owned(),
            version: "0.1.0".to_owned(),
        },
        Life {
            number: 2,
            started_at: at(3),
            seen_at: at(3),
            ended_at: None,
            boot_id: "c".to_owned(),
            version: "0.1.0".to_owned(),
        },
    ];
    let steps = [
        ClockStep {
            at: at(50),
            by_ms: -3_600_000,
        },
        ClockStep { at: at(20), by_ms: 1 },
    ];
    let accepted = AcceptedSettings {
        digest: "s".repeat(64),
        files: vec![("jobs.toml".to_owned(), text("files"))],
        at: at(13),
        by: "root".to_owned(),
    };
    let delivery_slot = Slot {
        covers: Some(at(1)),
        version: Some(VersionNumber(42)),
        decided_at: Some(at(2)),
        ..slot("stock", 100, SlotState::Recovered)
    };
    let notification = full_notification(1, Some(IncidentId(1)));
    let test_message = full_notification(2, None);

    // Rows that refer to others come first here: the store puts them in order.
    let mut facts: Vec<Fact> = deliveries().into_iter().map(Fact::Delivery).collect();
    facts.extend([
        Fact::Notification(notification.clone()),
        Fact::Notification(test_message.clone()),
        Fact::Incident(full_incident()),
        Fact::Attempt(full_attempt()),
        Fact::Run(full_run()),
        Fact::Run(run(2, "bare", 60)),
        Fact::Attempt(attempt(&run(2, "bare", 60), 1)),
        Fact::Job(paused.clone()),
        Fact::Job(job("bare", 2)),
        Fact::Version(full_version()),
        Fact::Version(version("bare", 1, VersionState::Publishing)),
        Fact::Slot(delivery_slot.clone()),
        Fact::Slot(slot("bare", 200, SlotState::Pending)),
        Fact::Settings(accepted.clone()),
    ]);
    facts.extend(observations().into_iter().map(Fact::Observation));
    facts.extend(lives.iter().cloned().map(Fact::Life));
    facts.extend(steps.iter().cloned().map(Fact::ClockStep));

    let mut told = Vec::new();
    for _ in 0..2 {
        let writer = writer(&dir);
        writer.commit_blocking(facts.clone()).unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        assert_eq!(reader.run(RunId(1)).unwrap(), Some((full_run(), vec![full_attempt()])));
        let bare = run(2, "bare", 60);
        assert_eq!(
            reader.run(RunId(2)).unwrap(),
            Some((bare.clone(), vec![attempt(&bare, 1)]))
        );
        let stock = Name::from("stock");
        assert_eq!(reader.versions_of(&stock, 9).unwrap(), [full_version()]);
        assert_eq!(reader.slots_of(&stock, 9).unwrap(), [delivery_slot.clone()]);
        assert_eq!(reader.incidents(false, 9).unwrap(), [full_incident()]);
        assert_eq!(
            reader.notifications_of(IncidentId(1)).unwrap(),
            [(notification.clone(), deliveries())]
        );
        assert_eq!(reader.lives(9).unwrap(), [lives[1].clone(), lives[0].clone()]);
        assert_eq!(reader.clock_steps(9).unwrap(), [steps[1].clone(), steps[0].clone()]);
        assert_eq!(reader.settings_text(&accepted.digest).unwrap(), Some(accepted.clone()));

        let snapshot = reader.snapshot().unwrap();
        assert_eq!(snapshot.jobs, [job("bare", 2), paused.clone()]);
        assert_eq!(snapshot.observations, observations());
        assert_eq!(snapshot.notifications, [notification.clone(), test_message.clone()]);
        assert_eq!(snapshot.incidents, [full_incident()]);
        assert_eq!(snapshot.life, Some(lives[1].clone()));
        told.push(snapshot);
        writer.close().unwrap();
    }
    assert_eq!(told[0], told[1]);
}

#[test]
fn the_words_of_the_schema_are_all_the_words_there_are() {
    use NotificationState as N;
    use ProblemKind as K;
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let mut facts = Vec::new();
    let triggers = [
        Trigger::Schedule,
        Trigger::CatchUp,
        Trigger::RetryByHand,
        Trigger::Input,
        Trigger::Manual,
    ];
    let outcomes = [
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::TimedOut,
        Outcome::Killed,
        Outcome::Cancelled,
        Outcome::Rejected,
        Outcome::SpawnFailed,
        Outcome::Lost,
        Outcome::Missed,
        Outcome::Skipped,
    ];
    let states = [
        RunState::Waiting,
        RunState::Running,
        RunState::BackingOff,
        RunState::Judging,
    ];
    let mut runs = Vec::new();
    for trigger in triggers {
        let state_or_outcome = states
            .map(|state| (state, None))
            .into_iter()
            .chain(outcomes.map(|outcome| (RunState::Final, Some(outcome))));
        for (state, outcome) in state_or_outcome {
            let id = runs.len() as u64 + 1;
            runs.push(Run {
                trigger,
                state,
                outcome,
                ..run(id, "j", i64::try_from(id).unwrap())
            });
        }
    }
    facts.extend(runs.iter().cloned().map(Fact::Run));
    for (number, outcome) in (1..).zip(outcomes) {
        facts.push(Fact::Attempt(Attempt {
            outcome: Some(outcome),
            ..attempt(&runs[0], number)
        }));
    }
    let kinds = [
        K::Stale,
        K::Late,
        K::Unknown,
        K::Failed,
        K::Rejected,
        K::Suspect,
        K::Lost,
        K::Stuck,
        K::ChannelBroken,
        K::Freshd,
    ];
    let incident_states = [
        IncidentState::Waiting,
        IncidentState::Attached,
        IncidentState::Open,
        IncidentState::Resolved,
    ];
    let incidents: Vec<Incident> = (1..)
        .zip(kinds)
        .map(|(id, kind)| Incident {
            kind,
            ..incident(
                id,
                "x",
                incident_states[usize::try_from(id).unwrap() % incident_states.len()],
            )
        })
        .collect();
    facts.extend(incidents.iter().cloned().map(Fact::Incident));
    for (id, state) in (1..).zip([N::Pending, N::Delivered, N::Dead, N::Collapsed]) {
        facts.push(Fact::Notification(Notification {
            state,
            ..full_notification(id, Some(IncidentId(1)))
        }));
    }
    let slots: Vec<Slot> = (0..)
        .zip([
            SlotState::Pending,
            SlotState::Met,
            SlotState::Late,
            SlotState::Missed,
            SlotState::Recovered,
        ])
        .map(|(due, state)| slot("d", due, state))
        .collect();
    facts.extend(slots.iter().cloned().map(Fact::Slot));
    facts.push(Fact::Version(version("d", 1, VersionState::Published)));
    writer.commit_blocking(facts).unwrap();

    let reader = Reader::open(dir.path()).unwrap();
    let mut found = reader
        .history(&crate::store::HistoryFilter {
            limit: 1_000,
            ..Default::default()
        })
        .unwrap();
    found.reverse();
    assert_eq!(found, runs);
    let (_, attempts) = reader.run(RunId(1)).unwrap().unwrap();
    assert_eq!(
        attempts
            .iter()
            .filter_map(|attempt| attempt.outcome)
            .collect::<Vec<_>>(),
        outcomes
    );
    let mut found = reader.incidents(false, 99).unwrap();
    found.reverse();
    assert_eq!(found, incidents);
    let mut found = reader.slots_of(&Name::from("d"), 99).unwrap();
    found.reverse();
    assert_eq!(found, slots);
    assert_eq!(reader.notifications_of(IncidentId(1)).unwrap().len(), 4);
}

#[test]
fn a_size_beyond_what_sqlite_can_count_is_kept_as_the_largest_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let claimed = Version {
        rows: Some(u64::MAX),
        ..version("stock", 1, VersionState::Published)
    };
    writer.commit_blocking(vec![Fact::Version(claimed)]).unwrap();
    let found = Reader::open(dir.path())
        .unwrap()
        .versions_of(&Name::from("stock"), 1)
        .unwrap();
    assert_eq!(found[0].rows, Some(i64::MAX.cast_unsigned()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn texts_numbers_and_instants_of_any_kind_are_read_back(
        words in proptest::collection::vec(any::<String>(), 6),
        seed in any::<u64>(),
        us in -377_705_023_201_000_000_i64..253_402_207_200_000_000,
        code in any::<Option<i32>>(),
        occurrences in 0..=i64::MAX.cast_unsigned(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir);
        let instant = Timestamp::from_microsecond(us).unwrap();
        let told = Run {
            job: Name::from(words[0].as_str()),
            reason: Some(words[1].clone()),
            by: Some(words[2].clone()),
            args: words.clone(),
            settings_digest: words[3].clone(),
            boot_id: Some(words[4].clone()),
            seed,
            due_at: Some(instant),
            created_at: instant,
            exit_code: code,
            occurrences,
            ..run(1, "j", 0)
        };
        writer.commit_blocking(vec![Fact::Run(told.clone())]).unwrap();
        let found = Reader::open(dir.path()).unwrap().last_run_of(&told.job).unwrap();
        prop_assert_eq!(found, Some(told));
    }
}
