//! Messages about freshd itself and its channels.

use jiff::tz::TimeZone;

use super::words::{OWNER, READER, headline, said, tell};
use super::{at, friday};
use crate::alerting::{Gone, gone};
use crate::model::{DISK, KEEPER_JOURNAL, ProblemKind, Purpose};

#[test]
fn a_problem_of_freshd_itself_has_commands_of_its_own() {
    let about = |subject: &str, kind| {
        let mut story = friday();
        (story.job, story.dataset, story.is_configured) = (None, None, true);
        (story.incident.kind, story.incident.subject) = (kind, subject.into());
        story
    };
    let commands = |subject: &str, kind, purpose, team| tell(purpose, team, &about(subject, kind)).commands;
    let freshd = ProblemKind::Freshd;
    for (subject, kind, opening, recovery) in [
        (DISK, freshd, &["freshd status", "freshd ack 1"][..], "freshd status"),
        (
            "clock",
            freshd,
            &["freshd clock", "freshd clock confirm --because TEXT", "freshd ack 1"],
            "freshd clock",
        ),
        (
            KEEPER_JOURNAL,
            freshd,
            &["freshd incidents 1", "freshd history --outcome lost", "freshd ack 1"],
            "freshd incidents 1",
        ),
        (
            "keeper-3",
            freshd,
            &[
                "freshd incidents 1",
                "ps -o pid,stat,wchan:20,args -C freshd",
                "freshd ack 1",
            ],
            "freshd incidents 1",
        ),
        (
            "backup",
            freshd,
            &["freshd incidents 1", "freshd backup", "freshd ack 1"],
            "freshd incidents 1",
        ),
        (
            "mail:a@b.example",
            ProblemKind::ChannelBroken,
            &[
                "freshd incidents 1",
                "freshd notify test --team ops --channel mail",
                "freshd notify dead",
                "freshd ack 1",
            ],
            "freshd incidents 1, freshd notify dead",
        ),
    ] {
        assert_eq!(commands(subject, kind, Purpose::Opening, OWNER), opening);
        assert_eq!(
            commands(subject, kind, Purpose::Recovery, OWNER),
            recovery.split(", ").collect::<Vec<_>>()
        );
    }
    assert_eq!(commands(DISK, freshd, Purpose::Reminder, READER), ["freshd status"]);
    let broken = about("mail:a@b.example", ProblemKind::ChannelBroken);
    assert_eq!(
        headline(Purpose::Opening, OWNER, &broken),
        "WARNING: no message reaches mail:a@b.example of Warehouse: exit code 1."
    );
    assert!(headline(Purpose::Recovery, OWNER, &broken).ends_with(": messages reach mail:a@b.example again."));
    let mut story = about("export", ProblemKind::Failed);
    story.is_configured = false;
    assert_eq!(tell(Purpose::Opening, OWNER, &story).commands, ["freshd incidents 1"]);
}

#[test]
fn a_full_disk_is_told_in_its_own_words() {
    let mut story = friday();
    (story.job, story.dataset) = (None, None);
    (story.incident.kind, story.incident.subject) = (ProblemKind::Freshd, DISK.into());
    let message = tell(Purpose::Opening, OWNER, &story);
    assert_eq!(message.headline, "WARNING: exit code 1.");
    assert_eq!(message.subject, format!("[freshd] {DISK} is full (#1)"));
    assert!(headline(Purpose::Recovery, OWNER, &story).contains("the disk has room again"));
    // A job may have the name of the disk.
    story.incident.kind = ProblemKind::Failed;
    assert_eq!(
        headline(Purpose::Opening, OWNER, &story),
        format!("WARNING: {DISK}: exit code 1.")
    );
}

#[test]
fn that_freshd_has_failed_says_when_that_was_noticed() {
    let told_in = |zone: &TimeZone| {
        gone(
            "1.gone".to_owned(),
            &Gone {
                now: at("22:16"),
                zone,
                unit: "freshd.service",
                hostname: "wh-01",
                config: "/etc/freshd/jobs.toml",
                back_on: None,
                mistakes: None,
            },
        )
    };
    let told = told_in(&TimeZone::UTC);
    assert_eq!(said("Noticed", &told), "Fri 2026-11-27 22:16 UTC");
    assert_eq!(told.zone.as_deref(), Some("UTC"));
    let told = told_in(&TimeZone::get("Europe/Oslo").expect("a zone"));
    assert_eq!(said("Noticed", &told), "Fri 2026-11-27 23:16 Europe/Oslo (UTC+1)");
    assert_eq!(told.zone.as_deref(), Some("Europe/Oslo (UTC+1)"));
}
