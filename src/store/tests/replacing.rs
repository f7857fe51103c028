//! A fact told again replaces the whole row.

use super::samples::{full_attempt, full_incident, full_notification, full_run, full_version, observations};
use super::*;
use crate::model::{Address, Comeback, DownDeliveries, Life, Notification, NotificationState, Pause};
use crate::store::Reader;

#[test]
fn a_fact_told_again_replaces_the_whole_row() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let paused = JobRecord {
        digest: "d2".into(),
        pause: Some(Box::new(Pause {
            by: "ola".to_owned(),
            because: "season".to_owned(),
            since: at(1),
        })),
        ..job("stock", 2)
    };
    let met = Slot {
        opens_at: at(1),
        warn_at: at(2),
        deadline: at(3),
        covers: Some(at(4)),
        state: SlotState::Met,
        version: Some(VersionNumber(5)),
        decided_at: Some(at(6)),
        reason: Some("because".to_owned()),
        ..slot("stock", 100, SlotState::Pending)
    };
    let open_notification = Notification {
        address: Address {
            channel: Name::from("mail"),
            to: Some("a@b".to_owned()),
        },
        state: NotificationState::Dead,
        tries: 0,
        next_try_at: at(1),
        created_at: at(2),
        ended_at: None,
        last_error: None,
        digest: None,
        ..full_notification(1, None)
    };
    let life = |number| Life {
        number,
        started_at: at(1),
        seen_at: at(2),
        ended_at: Some(at(3)),
        boot_id: "b".to_owned(),
        version: "1".to_owned(),
        back: None,
    };
    let other_life = Life {
        started_at: at(4),
        seen_at: at(5),
        ended_at: None,
        boot_id: "c".to_owned(),
        version: "2".to_owned(),
        back: Some(Comeback {
            from: at(3),
            until: at(4),
            gathers_until: at(6),
            deliveries: DownDeliveries {
                missed: 3,
                late: 2,
                unknown: 1,
            },
        }),
        number: 1,
    };
    let before = vec![
        Fact::Job(job("stock", 1)),
        Fact::Run(run(1, "stock-export", 60)),
        Fact::Attempt(attempt(&run(1, "stock-export", 60), 2)),
        Fact::Version(Box::new(version("stock", 42, VersionState::Published))),
        Fact::Slot(slot("stock", 100, SlotState::Pending)),
        Fact::Incident(incident(1, "stock", IncidentState::Waiting)),
        Fact::Notification(open_notification),
        Fact::Life(life(1)),
    ];
    let version = Version {
        arrived_at: at(20),
        as_of: at(21),
        effective_as_of: at(22),
        ..full_version()
    };
    let incident = Incident {
        since: at(20),
        notify_at: at(21),
        reason: "other".to_owned(),
        ..full_incident()
    };
    let run = Run {
        created_at: at(20),
        settings_digest: "other".to_owned(),
        ..full_run()
    };
    let attempt = Attempt {
        job: Name::from("renamed"),
        claimed_at: at(20),
        boot_id: "other".to_owned(),
        ..full_attempt()
    };
    let after = vec![
        Fact::Job(paused.clone()),
        Fact::Run(run.clone()),
        Fact::Attempt(attempt.clone()),
        Fact::Version(Box::new(version.clone())),
        Fact::Slot(met.clone()),
        Fact::Incident(incident.clone()),
        Fact::Notification(full_notification(1, None)),
        Fact::Life(other_life.clone()),
    ];
    writer.commit_blocking(before).unwrap();
    writer.commit_blocking(after).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let stock = Name::from("stock");
    assert_eq!(reader.job(&stock).unwrap(), Some(paused));
    assert_eq!(reader.run(RunId(1)).unwrap(), Some((run, vec![attempt])));
    assert_eq!(reader.versions_of(&stock, 9).unwrap(), [version]);
    assert_eq!(reader.slots_of(&stock, 9).unwrap(), [met]);
    assert_eq!(reader.incidents(false, 9).unwrap(), [incident]);
    assert_eq!(reader.lives(9).unwrap(), [other_life]);
    let snapshot = reader.snapshot().unwrap();
    assert_eq!(snapshot.notifications, [full_notification(1, None)]);

    let mut told = observations();
    told.extend(observations().into_iter().rev());
    for mut observation in told {
        observation.dataset = stock.clone();
        let fact = Fact::Observation(observation.clone());
        writer.commit_blocking(vec![fact]).unwrap();
        assert_eq!(reader.snapshot().unwrap().observations, [observation]);
    }
}
