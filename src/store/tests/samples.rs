//! One fact of each kind with every field set.

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::model::{
    About, Ack, Address, ByHand, CheckResult, ColumnProfile, Delivery, DeliveryOutcome, Finite, Flapping, HandKind,
    Lesson, Measurement, Message, MessageFact, Notification, NotificationId, NotificationState, Numbers, Observation,
    Outcome, Profile, Provenance, Purpose, Released, Script, Spell, Stamp, Verdict, VersionRef,
};

pub(super) fn text(what: &str) -> String {
    format!("{what} \"quoted\" 'æøå' \u{1F41F}\nsecond line\0after a NUL")
}

pub(super) fn version_ref(number: u64) -> VersionRef {
    VersionRef {
        dataset: Name::from("items"),
        number: VersionNumber(number),
    }
}

pub(super) fn full_run() -> Run {
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
        released: Some(Box::new(Released {
            by: text("released by"),
            because: text("because"),
            at: at(7),
        })),
        args: vec![String::new(), text("arg")],
        inputs: vec![version_ref(1), version_ref(2)],
        trace: Some("0af7651916cd43dd8448eb211c80319c".into()),
        failed_before: Some(Box::new(crate::model::FailedBefore { runs: 3, since: at(1) })),
        ..run(1, "stock-export", 60)
    }
}

pub(super) fn full_attempt() -> Attempt {
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

/// With numbers that have no short decimal.
pub(super) fn lesson(weekday: i8) -> Lesson {
    let finite = |number: f64| Finite::new(number).expect("finite");
    let numbers = Numbers {
        min: finite(0.1 + 0.2),
        max: finite(1e300 / 3.0),
        sum: finite(-2.0 / 3.0),
        median: finite(5e-324),
    };
    let column = ColumnProfile {
        filled: 3,
        empty: 1,
        numbers: Some(numbers),
        codes: Some(vec![text("code")]),
    };
    let columns = [("lot".to_owned(), column)].into();
    Lesson {
        weekday,
        profile: Arc::new(Profile { columns, left_out: 3 }),
    }
}

pub(super) fn full_version() -> Version {
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
        stamp: Some(Stamp {
            bytes: u64::MAX,
            modified_ns: i64::MIN,
            inode: 7,
        }),
        file: Some(PathBuf::from(std::ffi::OsString::from_vec(
            b"/srv/\xff/stock.csv".to_vec(),
        ))),
        kept_as: Some(text("kept")),
        provenance: Provenance {
            trace: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
            settings: Some("5f7c".repeat(16)),
            script: Some(Script {
                path: "/srv/transfers/export.sh".into(),
                sha256: Some("cd".repeat(32)),
            }),
            expected: None,
            by_hand: Some(ByHand {
                kind: HandKind::Restored(version_ref(7)),
                by: text("by"),
                because: text("because"),
                at: at(3),
            }),
        },
        lesson: Some(lesson(5)),
        ..version("stock", 42, VersionState::Quarantined)
    }
}

pub(super) fn full_incident() -> Incident {
    Incident {
        kind: ProblemKind::ChannelBroken,
        severity: Severity::Critical,
        kind_since: Some(at(2)),
        first_kind: Some(ProblemKind::Late),
        broken_since: Some(at(1)),
        opened_at: Some(at(3)),
        handed_over: Some(crate::model::HandedOver {
            to: Name::from(text("team").as_str()),
            at: at(4),
            from: Some(Name::from("before")),
        }),
        resolved_at: Some(at(4)),
        resolution: Some(text("resolution")),
        cause: Some(IncidentId(99)),
        told: vec![(
            Name::from("warehouse"),
            Address {
                channel: Name::from("mail"),
                to: Some("w@seafood.example".to_owned()),
            },
        )],
        rested: crate::model::Rested {
            total_ms: 90_000,
            since: Some(at(2)),
        },
        told_with: vec![crate::model::ToldWith {
            cause: IncidentId(98),
            from: at(1),
            until: Some(at(2)),
        }],
        ack: Some(Ack {
            by: "kari".to_owned(),
            at: at(5),
            until: at(6),
            note: Some("looking at the share".to_owned()),
        }),
        earlier_acks: vec![Ack {
            by: "ola".to_owned(),
            at: at(3),
            until: at(4),
            note: None,
        }],
        links_used: Some(NotificationId(3)),
        reminders: 2,
        remind_at: Some(at(7)),
        escalations: 1,
        flapping: Some(Flapping {
            since: at(2),
            times: 4,
            well_since: Some(at(8)),
            good: 1,
            good_at: Some(at(7)),
            spells: vec![Spell { from: at(3), to: at(4) }],
        }),
        ..incident(1, "slack-ops", IncidentState::Open)
    }
}

pub(super) fn full_notification(id: u64, incident: Option<IncidentId>) -> Notification {
    Notification {
        id: NotificationId(id),
        incident,
        address: Address {
            channel: Name::from("slack-ops"),
            to: None,
        },
        message: Arc::new(Message {
            id: "m1".to_owned(),
            thread: "t1".to_owned(),
            incident,
            purpose: Purpose::Opening,
            severity: Severity::Critical,
            kind: Some(ProblemKind::Late),
            about: Some(About::Dataset),
            subject_name: Name::from("stock"),
            since: Some(at(7)),
            subject: text("subject"),
            headline: text("headline"),
            facts: vec![MessageFact {
                label: "Since".to_owned(),
                text: text("since"),
            }],
            incidents: Vec::new(),
            gathered: None,
            stands_in_for: None,
            team_title: None,
            resent_at: None,
            kind_since: None,
            output: vec![text("output")],
            commands: vec!["freshd why stock".to_owned()],
            team: Name::from("warehouse"),
            owner: "warehouse".to_owned(),
            at: at(8),
            zone: Some("Europe/Oslo (UTC+1)".to_owned()),
            trace: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
        }),
        state: NotificationState::Pending,
        tries: 3,
        next_try_at: at(9),
        created_at: at(8),
        ended_at: Some(at(10)),
        last_error: Some(text("error")),
        receipt: Some(text("receipt")),
        digest: Some(NotificationId(77)),
    }
}

pub(super) fn observations() -> Vec<Observation> {
    let observation = |dataset: &str, found, path| Observation {
        dataset: Name::from(dataset),
        at: at(11),
        found,
        path,
        written_at: None,
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

pub(super) fn deliveries() -> Vec<Delivery> {
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
        DeliveryOutcome::Unsent { error: text("nowhere") },
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
