//! Digests: why it is so, of what nobody can mend without that, and nothing said twice.

use super::super::{Concern, DataSide};
use super::digest::{digest_of, gathered, waiting};
use super::{at, friday, stands};
use crate::freshness::DataState;
use crate::model::{
    About, Dataset, Flapping, Incident, Message, MessageFact, Notification, Owner, ProblemKind, Purpose, Severity,
    WHAT, WhyGathered, plain_dataset, well_for_now,
};

#[test]
fn each_address_that_cannot_be_reached_says_why_and_how_to_try_it_out() {
    let broken = |number: u64| {
        let (one, incident) = waiting(number, Severity::Critical, "20:00");
        let incident = Incident {
            about: About::Freshd,
            kind: ProblemKind::ChannelBroken,
            subject: format!("mail:{number}@sea.example").as_str().into(),
            ..incident
        };
        (one, Some(incident))
    };
    let proof = |number: u64| format!("freshd notify test --team t{number} --channel mail");
    let concern = |_: &Notification, incident: &Incident| Concern {
        why: Some("550 5.1.1 No such user".to_owned()),
        commands: vec![
            format!("freshd incidents {}", incident.id),
            proof(incident.id.0),
            "freshd notify dead".to_owned(),
        ],
        ..Concern::default()
    };
    let all: Vec<_> = (1..=7).map(broken).collect();
    let message = digest_of(&all, WhyGathered::Together, &concern);
    assert_eq!(
        message.incidents[1].text,
        "#2 mail:2@sea.example cannot be reached, critical, since Fri 2026-11-27 20:00: 550 5.1.1 No such user"
    );
    let proofs: Vec<String> = (1..=5).map(proof).collect();
    let typed: Vec<&String> = message.commands.iter().collect();
    assert_eq!(*typed[0], "freshd incidents 1");
    assert_eq!(typed[1..6], proofs.iter().collect::<Vec<_>>());
    assert_eq!(*typed[6], "freshd notify dead");
    assert!(
        typed[7..].iter().all(|command| !command.contains("notify")),
        "{typed:?}"
    );
}

#[test]
fn what_comes_and_goes_says_what_it_is_when_it_is_wrong() {
    let line = |flapping: Flapping| {
        let (one, incident) = waiting(1, Severity::Warning, "20:00");
        let incident = Incident {
            flapping: Some(flapping),
            ..incident
        };
        let concern = |_: &Notification, _: &Incident| Concern {
            why: Some("exit code 255".to_owned()),
            ..Concern::default()
        };
        let message = digest_of(&[(one, Some(incident))], WhyGathered::Flood, &concern);
        message.incidents[0].text.clone()
    };
    let well = well_for_now(at("22:50"));
    assert_eq!(
        line(Flapping {
            well_since: None,
            ..well.clone()
        }),
        "#1 job-1 is flapping, warning, since Fri 2026-11-27 20:00; wrong at Fri 2026-11-27 23:00: it failed: exit code 255"
    );
    let words = line(well);
    let end = "; well since Fri 2026-11-27 22:50: when wrong, it failed: exit code 255";
    assert!(words.ends_with(end), "{words}");
}

/// One that is over.
fn over(number: u64, subject: &str, change: &dyn Fn(&mut Message)) -> (Notification, Option<Incident>) {
    let (mut one, _) = waiting(number, Severity::Critical, "20:00");
    let mut message = Message::clone(&one.message);
    message.purpose = Purpose::Recovery;
    message.subject = format!("[freshd] {subject} (#{number})");
    change(&mut message);
    one.message = message.into();
    (one, None)
}

#[test]
fn what_was_wrong_several_times_is_named_once_with_how_often() {
    let of = |number, name| over(number, &format!("{name} failed"), &|_| ());
    let twice = gathered(&[of(1, "copy"), of(2, "copy")], WhyGathered::Flood);
    assert_eq!(twice.subject, "[freshd] 2 problems, all over: copy failed twice");
    let more = [
        of(1, "copy"),
        of(2, "sort"),
        of(3, "copy"),
        of(4, "send"),
        of(5, "copy"),
    ];
    assert_eq!(
        gathered(&more, WhyGathered::Flood).subject,
        "[freshd] 5 problems, all over: copy failed 3 times; sort failed; and 1 more"
    );
}

#[test]
fn what_is_over_names_its_cause_as_people_call_it() {
    let end = over(1, "Offer list not as promised", &|message| {
        message.thread = "t-impact".to_owned();
        message.subject_name = "stock-export".into();
        message.facts = vec![MessageFact {
            label: WHAT.to_owned(),
            text: "Stock export (stock-export) failed".to_owned(),
        }];
    });
    let message = gathered(&[end], WhyGathered::Flood);
    assert_eq!(
        message.incidents[0].text,
        "#1 Offer list not as promised, because Stock export failed"
    );
}

#[test]
fn what_is_named_as_the_cause_is_no_further_extent() {
    let friday = friday().stale();
    let mut situation = friday.situation();
    let incident = Incident {
        about: About::Dataset,
        ..friday.incident.clone()
    };
    situation.incident = &incident;
    let [plan, sheet] = ["plan", "sheet"].map(|name| Dataset {
        owner: Owner::Team("transport".into()),
        ..plain_dataset(name)
    });
    for dataset in [&plan, &sheet] {
        situation.data.push(DataSide {
            dataset,
            standing: stands(DataState::Stale),
            current: None,
        });
    }
    let extent = super::super::impact::extent_of_own(&"transport".into(), &"plan".into(), &situation);
    assert_eq!(extent.as_deref(), Some("sheet is stale"));
}

#[test]
fn what_was_as_promised_all_the_while_is_not_called_fresh_again() {
    let friday = friday();
    let ended = |kind, first_kind| {
        let incident = Incident {
            about: About::Dataset,
            subject: "stock".into(),
            kind,
            first_kind,
            resolved_at: Some(at("23:00")),
            ..friday.incident.clone()
        };
        let mut situation = friday.situation();
        situation.incident = &incident;
        let message = super::super::message("m.1".to_owned(), Purpose::Recovery, &"wms".into(), &situation);
        message.headline
    };
    let headline = ended(ProblemKind::Failed, None);
    assert!(headline.contains(": stock has arrived, as of "), "{headline}");
    for (kind, first) in [
        (ProblemKind::Late, None),
        (ProblemKind::Failed, Some(ProblemKind::Stale)),
    ] {
        let headline = ended(kind, first);
        assert!(headline.contains(": stock is fresh again, as of "), "{headline}");
    }
}

#[test]
fn of_what_nobody_owns_the_fallback_is_told_as_the_fallback() {
    let friday = friday();
    let mut situation = friday.situation();
    situation.is_owned = false;
    situation.owner = "fallback".to_owned();
    let owner = |team: &str, purpose| {
        let message = super::super::message("m.1".to_owned(), purpose, &team.into(), &situation);
        let mut facts = message.facts.into_iter();
        let owner = facts.find(|fact| fact.label == "Owner").expect("a line").text;
        (owner, message.headline)
    };
    assert_eq!(owner("wms", Purpose::Opening).0, "nobody (you are the fallback)");
    let (line, headline) = owner("transport", Purpose::Impact);
    assert_eq!(line, "nobody (the fallback is told)");
    assert!(
        headline.contains(" Nobody answers for it: the fallback is told."),
        "{headline}"
    );
}
