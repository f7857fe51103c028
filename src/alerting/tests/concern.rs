//! In what an incident concerns whoever reads of it, in a digest and as an impact.

use super::super::{Concern, DataSide, Own, Situation, concern, message, to_others};
use super::{Friday, at, friday, stands};
use crate::freshness::DataState;
use crate::model::{
    About, Incident, IncidentId, Message, Name, Owner, ProblemKind, Purpose, plain_dataset, plain_incident,
};

/// What the digest of a team says, of a message of that purpose; the job `forecast` of sales has failed because of it.
fn told(friday: &Friday, purpose: Purpose, team: &str) -> Concern {
    told_after_downtime(friday, purpose, team, &|_| None)
}

/// The same where promises are broken because freshd did not run.
fn told_after_downtime(
    friday: &Friday,
    purpose: Purpose,
    team: &str,
    while_down: &dyn Fn(&Name) -> Option<String>,
) -> Concern {
    let team = Name::from(team);
    let situation = friday.situation();
    let message: Message = message("m.1".to_owned(), purpose, &team, &situation);
    let forecast = Incident {
        id: IncidentId(2),
        ..plain_incident("forecast", at("22:30"))
    };
    let stock = Incident {
        id: IncidentId(3),
        kind: ProblemKind::Stale,
        about: About::Dataset,
        ..plain_incident("stock", at("22:45"))
    };
    let (sales, warehouse) = (Owner::Team("sales".into()), Owner::Team("warehouse".into()));
    let effects = [(&forecast, &sales), (&stock, &warehouse)];
    concern(&message, &situation, &effects, while_down)
}

#[test]
fn what_freshd_missed_is_told_of_the_first_dataset_and_only_what_is_read_is_asked_for() {
    let mut friday = friday();
    friday.standing = super::stands(DataState::Stale);
    let asked = std::cell::Cell::new(0);
    let missed = |name: &Name| {
        asked.set(asked.get() + 1);
        Some(format!("the run that makes {name} was missed"))
    };
    let of_job = told_after_downtime(&friday, Purpose::Impact, "sales", &missed);
    assert_eq!(
        of_job.while_down.as_deref(),
        Some("the run that makes stock was missed")
    );
    assert_eq!(asked.get(), 1);
}

const RUN: &str = "freshd run export --wait";

fn own_of(about: About, name: &str, words: &str, since: &str) -> Own {
    Own {
        about,
        name: Name::from(name),
        words: words.to_owned(),
        with_others: (about == About::Dataset).then(|| words.to_owned()),
        since: at(since),
    }
}

fn trucks() -> (String, jiff::Timestamp) {
    ("trucks reads stock".to_owned(), at("23:45"))
}

#[test]
fn each_is_told_of_its_own() {
    let mut friday = friday();
    friday.standing = super::stands(DataState::Stale);
    let owner = told(&friday, Purpose::Opening, "wms");
    assert_eq!(
        owner,
        Concern {
            why: Some("exit code 1".to_owned()),
            own: None,
            extent: Some("stock is stale".to_owned()),
            next: Some(trucks()),
            commands: vec![
                "freshd why export".to_owned(),
                "freshd logs export".to_owned(),
                RUN.to_owned()
            ],
            ..Concern::default()
        },
        "the cause is its own"
    );
    let reader = told(&friday, Purpose::Impact, "transport");
    let own = Some(own_of(About::Dataset, "stock", "stock is stale", "22:45"));
    assert_eq!(
        reader,
        Concern {
            own,
            next: Some(trucks()),
            ..Concern::default()
        },
        "since its data is stale"
    );
    let of_job = told(&friday, Purpose::Impact, "sales");
    let own = Some(own_of(About::Job, "forecast", "job forecast failed", "22:30"));
    assert_eq!(
        of_job,
        Concern {
            own,
            ..Concern::default()
        }
    );
}

#[test]
fn what_was_stale_before_its_job_failed_began_alike_for_owner_and_reader() {
    let mut friday = friday();
    friday.standing = super::stands(DataState::Stale);
    friday.standing.since = Some(at("20:00"));
    let situation = friday.situation();
    let told = |purpose: Purpose, team: &str| {
        let message: Message = message("m.1".to_owned(), purpose, &Name::from(team), &situation);
        concern(&message, &situation, &[], &|_| None)
    };
    let extent = told(Purpose::Opening, "wms").extent;
    assert_eq!(extent.as_deref(), Some("stock is stale, since Fri 2026-11-27 20:00"));
    let of_reader = told(Purpose::Impact, "transport").own.map(|own| own.since);
    assert_eq!(of_reader, Some(at("20:00")));
}

#[test]
fn whoever_stands_in_and_whose_data_is_well_again_is_told_of_the_cause() {
    let mut friday = friday();
    friday.standing = super::stands(DataState::Stale);
    let of_cause = Concern {
        own: None,
        extent: Some("stock is stale".to_owned()),
        next: Some(trucks()),
        ..Concern::default()
    };
    assert_eq!(told(&friday, Purpose::Impact, "fallback"), of_cause);
    friday.standing = super::stands(DataState::Fresh);
    let nothing_is_broken = Concern {
        extent: None,
        ..of_cause
    };
    assert_eq!(told(&friday, Purpose::Impact, "transport"), nothing_is_broken);
}

#[test]
fn how_much_is_affected_is_told_of_a_cause_and_to_others_of_what_is_their_own() {
    let mut story = friday();
    story.made_from_it = vec!["stock", "forecast", "plan", "orders"];
    let extent = |story: &Friday, made: &[(&str, &str, DataState)], purpose, team: &str| {
        let made: Vec<_> = made
            .iter()
            .map(|(name, owner, state)| {
                let mut dataset = plain_dataset(name);
                dataset.owner = Owner::Team((*owner).into());
                (dataset, stands(*state))
            })
            .collect();
        let mut situation = story.situation();
        situation.data.extend(made.iter().map(|(dataset, standing)| DataSide {
            dataset,
            standing: standing.clone(),
            current: None,
        }));
        let message = message("m.1".to_owned(), purpose, &team.into(), &situation);
        concern(&message, &situation, &[], &|_| None).extent
    };
    let opening = Purpose::Opening;
    let says = |extent: Option<String>, words: &str| assert_eq!(extent.as_deref(), Some(words));
    // Before anything breaks: what the job makes is no news.
    says(extent(&story, &[], opening, "wms"), "3 datasets are made from it");
    story.standing = stands(DataState::Stale);
    let forecast = ("forecast", "sales", DataState::Stale);
    let late = ("forecast", "sales", DataState::Late);
    let plan = ("plan", "sales", DataState::Stale);
    let orders = ("orders", "shop", DataState::Unknown);
    says(
        extent(&story, &[], opening, "wms"),
        "stock is stale, 3 more are made from it",
    );
    says(
        extent(&story, &[forecast, plan], opening, "wms"),
        "stock and 2 more are stale, 1 more is made from it",
    );
    says(
        extent(&story, &[late, plan], opening, "wms"),
        "stock and 2 more are not as promised, 1 more is made from it",
    );
    let all = [forecast, plan, orders];
    says(
        extent(&story, &all, opening, "wms"),
        "stock and 3 more are not as promised",
    );
    // Whoever owns two of them reads of the first in the words of the line.
    says(extent(&story, &all, Purpose::Impact, "sales"), "plan is stale");
    assert_eq!(extent(&story, &all, Purpose::Impact, "shop"), None);
    // What an incident is about stands in its line already.
    story.incident.about = About::Dataset;
    let story = story.stale();
    says(
        extent(&story, &[forecast, plan], opening, "wms"),
        "forecast and 1 more are stale, 1 more is made from it",
    );
}

#[test]
fn whoever_owns_what_is_made_from_the_cause_is_told_of_that_and_not_that_the_cause_is_its_own() {
    let mut story = friday();
    story.standing = stands(DataState::Stale);
    let mut made = plain_dataset("consignments");
    made.owner = Owner::Team("logistics".into());
    let mut situation = story.situation();
    situation.data.push(DataSide {
        dataset: &made,
        standing: stands(DataState::Stale),
        current: None,
    });
    let told = message("n1.x".to_owned(), Purpose::Impact, &"logistics".into(), &situation);
    assert!(
        told.headline
            .starts_with("WARNING: consignments, which you own, is stale:"),
        "{}",
        told.headline
    );
}

#[test]
fn only_those_who_read_or_own_it_are_told_that_it_is_they() {
    let mut story = friday();
    story.standing = stands(DataState::Stale);
    story.readers.push(super::reading("desk", "sales", None));
    story.dataset.as_mut().unwrap().owner = Owner::Team("finance".into());
    let told = |team: &str, purpose: Purpose, is_meant: bool| {
        let situation = Situation {
            is_meant,
            ..story.situation()
        };
        message("n1.x".to_owned(), purpose, &team.into(), &situation)
    };
    for (team, purpose, words, instead) in [
        (
            "transport",
            Purpose::Impact,
            "trucks (you), Fri 2026-11-27 23:45: stock",
            "trucks, Fri 2026-11-27 23:45: stock",
        ),
        ("sales", Purpose::Impact, "desk (you)", "desk"),
        (
            "finance",
            Purpose::Impact,
            "stock, which you own, is",
            "stock, which Finance owns, is",
        ),
        (
            "finance",
            Purpose::Recovery,
            "stock, which you own, is",
            "stock, which Finance owns, is",
        ),
    ] {
        let says = |message: &Message, words: &str| {
            let is_headline = words.contains("which") && message.headline.contains(words);
            is_headline || message.facts.iter().any(|fact| fact.text == words)
        };
        let (meant, other) = (told(team, purpose, true), told(team, purpose, false));
        assert!(says(&meant, words) && !says(&meant, instead), "{team}: {meant:?}");
        assert!(says(&other, instead) && !says(&other, words), "{team}: {other:?}");
        // What was written to them is the same once it goes to somebody else.
        let mut redirected = meant;
        to_others(&mut redirected, "Finance");
        assert_eq!(redirected, other);
    }
}
