//! Every fact is read back as it was stored, and storing it twice changes nothing.

use proptest::prelude::*;

use super::samples::{
    deliveries, full_attempt, full_incident, full_notification, full_run, full_version, observations, text,
};
use super::*;
use crate::model::{
    AcceptedSettings, AgePromise, CheckOf, ClockStep, Comeback, DownDeliveries, Expectation, Jump, Life, Notification,
    NotificationState, Outcome, Pause, Silence, SilenceEnd, Threaded, WeeklyReport,
};
use crate::store::Reader;

#[test]
fn every_fact_is_read_back_as_it_was_stored_also_when_stored_twice() {
    let dir = tempfile::tempdir().unwrap();
    let paused = JobRecord {
        pause: Some(Box::new(Pause {
            by: "ola".to_owned(),
            because: text("because"),
            since: at(1),
        })),
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
            back: None,
        },
        Life {
            number: 2,
            started_at: at(3),
            seen_at: at(3),
            ended_at: None,
            boot_id: "c".to_owned(),
            version: "0.1.0".to_owned(),
            back: Some(Comeback {
                from: at(2),
                until: at(3),
                gathers_until: at(4),
                deliveries: DownDeliveries {
                    missed: 3,
                    late: 2,
                    unknown: 1,
                },
            }),
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
        reason: Some(text("stands for")),
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
        Fact::Version(Box::new(full_version())),
        Fact::Version(Box::new(version("bare", 1, VersionState::Publishing))),
        Fact::Slot(delivery_slot.clone()),
        Fact::Slot(slot("bare", 200, SlotState::Pending)),
        Fact::Settings(accepted.clone()),
    ]);
    facts.extend(observations().into_iter().map(Fact::Observation));
    let promised = |dataset: &str, since| AgePromise {
        dataset: Name::from(dataset),
        since,
    };
    facts.extend([
        Fact::AgePromise(promised("stock", Some(at(5)))),
        Fact::AgePromise(promised("bare", Some(at(5)))),
        Fact::AgePromise(promised("bare", None)),
    ]);
    let expectation = Expectation {
        dataset: Name::from("stock"),
        because: text("expected because"),
        by: "olav".to_owned(),
        at: at(5),
        until: at(90),
        versions: 3,
        used: vec![VersionNumber(7)],
        jumps: vec![Jump {
            check: CheckOf {
                name: "sum".to_owned(),
                column: Some("qty".to_owned()),
            },
            version: VersionNumber(7),
        }],
    };
    facts.push(Fact::Expectation(expectation.clone()));
    let report = |until| WeeklyReport {
        team: Name::from("warehouse"),
        until: at(until),
    };
    facts.extend([Fact::Weekly(report(3)), Fact::Weekly(report(4))]);
    let silence = |subject: &str, number: u32, ended: Option<SilenceEnd>| Silence {
        subject: Name::from(subject),
        number: number.into(),
        by: "anna".to_owned(),
        because: text("silenced because"),
        from: at(number.into()),
        until: at(90),
        ended,
    };
    let lifted = SilenceEnd {
        at: at(6),
        how: "lifted by bob".to_owned(),
    };
    let silences = [
        silence("stock", 1, Some(lifted)),
        silence("stock", 2, None),
        silence("alpha", 5, None),
    ];
    facts.extend(silences.iter().cloned().map(Fact::Silence));
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
        assert_eq!(reader.slots_of(&stock, 9).unwrap()[0], delivery_slot);
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
        assert_eq!(snapshot.age_promises, [promised("stock", Some(at(5)))]);
        assert_eq!(snapshot.silences, [silences[2].clone(), silences[1].clone()]);
        let newest_first = [silences[2].clone(), silences[1].clone(), silences[0].clone()];
        assert_eq!(reader.silences(None, 9).unwrap(), newest_first);
        assert_eq!(reader.silences(Some(&stock), 1).unwrap(), [silences[1].clone()]);
        assert_eq!(
            reader.silences_standing(Some(&stock), at(6), 9).unwrap(),
            [silences[1].clone()]
        );
        assert_eq!(reader.silences_standing(None, at(6), 9).unwrap(), newest_first[..2]);
        assert_eq!(reader.silences_standing(None, at(6), 1).unwrap(), newest_first[..1]);
        assert_eq!(reader.silences_standing(None, at(90), 9).unwrap(), []);
        assert_eq!(snapshot.expectations, std::slice::from_ref(&expectation));
        assert_eq!(snapshot.notifications, [notification.clone(), test_message.clone()]);
        assert_eq!(snapshot.weekly, [report(4)]);
        assert_eq!(snapshot.threads, [Threaded::of(&notification).unwrap()]);
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
            SlotState::Excused,
            SlotState::Withdrawn,
        ])
        .map(|(due, state)| slot("d", due, state))
        .collect();
    facts.extend(slots.iter().cloned().map(Fact::Slot));
    facts.push(Fact::Version(Box::new(version("d", 1, VersionState::Published))));
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
    writer.commit_blocking(vec![Fact::Version(Box::new(claimed))]).unwrap();
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
