//! What a message says of others and of what goes on: who knows, what is broken all the same, what is under way.

use super::words::{OWNER, READER, headline, said, tell};
use super::{at, friday, stands};
use crate::alerting::OwnerReach;
use crate::freshness::DataState;
use crate::model::{Owner, Purpose, Run, RunId, RunState, plain_run};

#[test]
fn readers_are_told_that_the_owner_knows_only_where_the_owner_does() {
    let mut story = friday();
    story.standing = stands(DataState::Stale);
    for (reach, words) in [
        (OwnerReach::Told, "Warehouse answers for it and has been told."),
        (OwnerReach::NotYet, "Warehouse answers for it and is being told."),
        (
            OwnerReach::Refused,
            "Warehouse answers for it and could not be told: the fallback stands in.",
        ),
        (OwnerReach::Nobody, "Warehouse answers for it."),
    ] {
        story.owner_reach = reach;
        let headline = headline(Purpose::Impact, READER, &story);
        assert!(headline.ends_with(&format!(" {words}")), "{headline}");
    }
}

#[test]
fn a_recovery_says_first_what_of_a_teams_own_data_is_broken_all_the_same() {
    let mut story = friday();
    story.incident.resolved_at = Some(at("22:40"));
    story.standing = stands(DataState::Stale);
    let over = "Only this is over: RESOLVED after 30m: export works again.";
    assert_eq!(
        headline(Purpose::Recovery, READER, &story),
        format!("PARTLY OVER: stock, which trucks reads, is still stale: 2h old, promised at most 1h. {over}")
    );
    story.dataset.as_mut().unwrap().owner = Owner::Team(OWNER.into());
    assert_eq!(
        headline(Purpose::Recovery, OWNER, &story),
        format!("PARTLY OVER: stock, which you own, is still stale: 2h old, promised at most 1h. {over}")
    );
    // Whose data it is not.
    assert_eq!(
        headline(Purpose::Recovery, "finance", &story),
        "RESOLVED after 30m: export works again."
    );
    story.standing = stands(DataState::Fresh);
    assert_eq!(
        headline(Purpose::Recovery, READER, &story),
        "RESOLVED after 30m: stock is fresh again, as of Fri 2026-11-27 21:00."
    );
}

#[test]
fn a_run_that_is_under_way_is_named_and_not_offered_again() {
    let mut story = friday().stale();
    story.job = friday().job;
    story.going = Some(Run {
        id: RunId(9),
        state: RunState::Running,
        started_at: Some(at("22:50")),
        ..plain_run("export", at("22:45"))
    });
    let message = tell(Purpose::Opening, OWNER, &story);
    assert_eq!(
        said("Under way", &message),
        "run 9 of export, running since Fri 2026-11-27 22:50"
    );
    assert_eq!(
        message.commands,
        ["freshd why stock", "freshd logs export", "freshd ack 1"]
    );
    let going = story.going.as_mut().unwrap();
    (going.state, going.started_at) = (RunState::Waiting, None);
    let message = tell(Purpose::Opening, OWNER, &story);
    assert_eq!(said("Under way", &message), "run 9 of export, waiting");
    story.going = None;
    let message = tell(Purpose::Opening, OWNER, &story);
    assert_eq!(said("Under way", &message), "");
    assert!(message.commands.contains(&"freshd run export --wait".to_owned()));
}

#[test]
fn an_escalation_says_where_nobody_could_be_told_at_all() {
    let mut story = friday().stale();
    for (said, begins) in [
        (None, "WARNING, nobody has answered for 1h 5m: stock is stale"),
        (
            Some(""),
            "WARNING, Warehouse could not be told for 1h 5m: stock is stale",
        ),
        (
            Some("mail:wms: connection refused"),
            "WARNING, Warehouse could not be told for 1h 5m (mail:wms: connection refused): stock is stale",
        ),
    ] {
        story.unheard = said.map(str::to_owned);
        let headline = headline(Purpose::Escalation, OWNER, &story);
        assert!(headline.starts_with(begins), "{headline}");
    }
}
