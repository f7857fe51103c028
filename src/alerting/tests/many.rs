//! The words where an incident concerns many datasets, or a reader by one of them.

use super::words::{OWNER, READER, said, tell};
use super::{Friday, friday, reading, stands};
use crate::alerting::{Apart, DataSide, Reading, Situation, message};
use crate::freshness::DataState;
use crate::model::{AND_MORE, Purpose, plain_dataset};

/// What a list names, whose further rows go on with the first.
fn listed(label: &str, message: &crate::model::Message) -> String {
    let facts = message.facts.iter().skip_while(|fact| fact.label != label);
    let rows = facts.take_while(|fact| [label, AND_MORE].contains(&fact.label.as_str()));
    rows.map(|fact| fact.text.as_str()).collect::<Vec<_>>().join(", ")
}

#[test]
fn of_many_datasets_the_nearest_are_told_in_full_and_all_are_named_in_groups() {
    let mut story = friday();
    story.job.as_mut().unwrap().produces = Some("data-1".into());
    let datasets: Vec<_> = (1..=40)
        .map(|number| plain_dataset(&format!("data-{number}")))
        .collect();
    let mut situation = story.situation();
    situation.data = datasets
        .iter()
        .map(|dataset| DataSide {
            dataset,
            standing: stands(if dataset.name.as_str() == "data-40" {
                DataState::Fresh
            } else {
                DataState::Stale
            }),
            current: None,
        })
        .collect();
    situation.made_from_it = datasets.iter().map(|dataset| dataset.name.clone()).collect();
    let told = message("n1.x".to_owned(), Purpose::Update, &OWNER.into(), &situation);
    let broken = said("Broken", &told);
    assert_eq!(broken.matches(" | ").count(), 3, "three in full");
    assert!(broken.ends_with(" | and 36 more, by name below"), "{broken}");
    assert_eq!(said("Made from it", &told), "39 datasets: 38 stale, 1 at risk");
    let mut own_first = situation.data.clone();
    own_first.rotate_left(1);
    let owners = std::mem::replace(&mut situation.data, own_first);
    let to_reader = message("n1.x".to_owned(), Purpose::Impact, &READER.into(), &situation);
    let broken = said("Broken", &to_reader);
    assert!(
        broken.ends_with(" | and 35 more, by name below"),
        "what the job makes is not below: {broken}"
    );
    situation.data = owners;
    let stale: Vec<String> = (2..=39).map(|number| format!("data-{number}")).collect();
    assert_eq!(said("Stale (38)", &told).replace(" | ", ", "), stale.join(", "));
    assert_eq!(said("At risk (1)", &told), "data-40");
    let long = told.facts.iter().filter(|fact| fact.text.chars().count() > 400);
    assert_eq!(long.count(), 0);
    let at = |label: &str| told.facts.iter().position(|fact| fact.label == label);
    assert!(at("Stale (38)") < at("At risk (1)"), "the worst first");
    assert!(
        at("Owner") < at("Readers see"),
        "who answers stands above what may be long"
    );
    assert!(told.facts.len() < 30, "{}", told.facts.len());

    let many: Vec<_> = (1..=2000)
        .map(|number| plain_dataset(&format!("data-{number}")))
        .collect();
    let whole = situation.data[39].clone();
    situation.data = many
        .iter()
        .map(|dataset| DataSide {
            dataset,
            ..whole.clone()
        })
        .collect();
    let told = message("n1.x".to_owned(), Purpose::Recovery, &OWNER.into(), &situation);
    assert_eq!(
        said("Made from it", &told),
        "1999 datasets, all as promised; 200 of them below, the worst first: freshd impact export names all"
    );
    let named = listed("As promised (1999)", &told);
    assert_eq!(named.split(", ").count(), 200, "it is bounded");
    // What is broken is not left out for what is not.
    situation.data.truncate(300);
    for data in &mut situation.data[100..] {
        data.standing = stands(DataState::Stale);
    }
    let told = message("n1.x".to_owned(), Purpose::Recovery, &OWNER.into(), &situation);
    assert_eq!(
        said("Made from it", &told),
        "299 datasets: 200 stale, 99 as promised; 200 of them below, the worst first: freshd impact export names all"
    );
    let named = listed("Stale (200)", &told);
    assert_eq!(named.split(", ").count(), 200);
    assert_eq!(said("As promised (99)", &told), "");
}

#[test]
fn few_datasets_stand_in_one_line_what_is_broken_first() {
    let mut story = friday();
    story.made_from_it = vec!["stock", "abc", "plan"];
    let plan = plain_dataset("plan");
    let mut situation = story.situation();
    situation.data.push(DataSide {
        dataset: &plan,
        standing: stands(DataState::Stale),
        current: None,
    });
    let told = message("n1.x".to_owned(), Purpose::Update, &OWNER.into(), &situation);
    assert_eq!(said("Made from it", &told), "2 datasets: plan (stale), abc");
}

/// A dataset that is late, told of by an incident of its own.
fn apart(incident: u64) -> Apart {
    Apart {
        called: "the plan".to_owned(),
        state: DataState::Late,
        incident: Some(crate::model::IncidentId(incident)),
    }
}

#[test]
fn whoever_reads_one_and_answers_for_another_that_is_made_from_it_sees_which_is_its_own() {
    let mut story = friday();
    story.made_from_it = vec!["stock", "abc", "plan"];
    let story = story.stale();
    let mut situation = story.situation();
    situation.owned = ["abc".into(), "plan".into()].into();
    situation.told_apart = [("plan".into(), apart(7))].into();
    let to = |team: &str, purpose, situation: &_| message("n1.x".to_owned(), purpose, &team.into(), situation);
    let mut told = to("transport", Purpose::Impact, &situation);
    assert_eq!(
        said("Made from it", &told),
        "2 datasets: plan (late, #7, you own), abc (you own)"
    );
    crate::alerting::to_others(&mut told, "Transport");
    assert_eq!(said("Made from it", &told), "2 datasets: plan (late, #7), abc");
    // Who answers for the cause has the same of all that it owns, and needs no word of that.
    let told = to(OWNER, Purpose::Opening, &situation);
    assert_eq!(said("Made from it", &told), "2 datasets: plan (late, #7), abc");
    situation.is_meant = false;
    let told = to("transport", Purpose::Impact, &situation);
    assert_eq!(said("Made from it", &told), "2 datasets: plan (late, #7), abc");
}

#[test]
fn a_reader_sees_first_what_it_reads_and_a_broken_one_before_a_whole_one() {
    let mut story = friday();
    story.standing = stands(DataState::Stale);
    let (plan, lots) = (plain_dataset("plan"), plain_dataset("lots"));
    let mut situation = story.situation();
    let side = |dataset, state| DataSide {
        dataset,
        standing: stands(state),
        current: None,
    };
    situation.data.push(side(&lots, DataState::Fresh));
    situation.data.push(side(&plan, DataState::Suspect));
    situation.readers = ["lots", "plan"]
        .map(|dataset| Reading {
            dataset: dataset.into(),
            ..reading("trucks", "transport", Some("23:45"))
        })
        .to_vec();
    let told = |purpose, situation: &Situation<'_>| message("n1.x".to_owned(), purpose, &READER.into(), situation);
    let notice = told(Purpose::Impact, &situation);
    assert_eq!(notice.subject, "[freshd] plan not as promised (#1)");
    assert!(
        notice
            .headline
            .starts_with("WARNING: plan, which trucks reads, is suspect:")
    );
    assert_eq!(notice.commands, ["freshd why plan"]);
    assert!(said("Broken", &notice).starts_with("plan is suspect:"));
    assert_eq!(
        said("Read by", &notice),
        "trucks (you), Fri 2026-11-27 23:45: lots, plan"
    );
    // At the end what is good again comes first.
    let end = told(Purpose::Recovery, &situation);
    assert_eq!(end.subject, "Re: [freshd] lots not as promised (#1)");

    situation.readers[1].at = None;
    situation.readers.push(reading("forecast", "planning", None));
    let notice = told(Purpose::Impact, &situation);
    assert_eq!(said("Also read by", &notice), "trucks (you, plan), forecast (stock)");
}

#[test]
fn a_title_is_a_subject_without_what_mail_needs() {
    for (purpose, subject) in [
        (Purpose::Opening, "[freshd] export failed (#1)"),
        (Purpose::Recovery, "Re: [freshd] export failed (#1)"),
    ] {
        let message = tell(purpose, OWNER, &friday());
        assert_eq!(message.subject, subject);
        assert_eq!(message.stem(), "[freshd] export failed (#1)");
        assert_eq!(message.title(), "export failed (#1)");
        let under = message.under("[freshd] export was lost (#1)").subject;
        assert_eq!(under, subject.replace("failed", "was lost"));
    }
}

#[test]
fn readers_are_named_up_to_a_number_and_counted_beyond() {
    let mut story = friday();
    let named = |story: &Friday| {
        let message = tell(Purpose::Opening, OWNER, story);
        let facts: Vec<_> = message.facts.iter().filter(|fact| fact.label == "Read by").collect();
        (facts.len(), facts.last().unwrap().text.clone())
    };
    let truck = |number: usize| reading(&format!("truck {number}"), "transport", Some("23:45"));
    story.readers = (1..=12).map(truck).collect();
    assert_eq!(named(&story), (12, "truck 12, Fri 2026-11-27 23:45: stock".to_owned()));
    story.readers.push(truck(13));
    assert_eq!(named(&story), (13, "and 1 more".to_owned()));
    // What one of them reads at one time stands in one line.
    let sales = |number: usize| Reading {
        dataset: format!("data-{number}").as_str().into(),
        ..reading("sales", "sales", Some("23:45"))
    };
    story.readers = (1..=8).map(sales).collect();
    let text = "sales, Fri 2026-11-27 23:45: data-1 and 7 more";
    assert_eq!(named(&story), (1, text.to_owned()));
    // Who reads at no known time stands behind them, in few lines.
    story.readers.push(reading("forecast", "transport", None));
    story.readers.push(reading("ledger", "transport", None));
    let message = tell(Purpose::Opening, OWNER, &story);
    assert_eq!(said("Also read by", &message), "forecast, ledger");
}

/// So many stale datasets that the trucks of a reader read, and others that nobody of it does.
fn stale(own: usize, others: usize) -> (Vec<crate::model::Dataset>, Vec<Reading>) {
    let own: Vec<_> = (1..=own).map(|number| format!("own-{number}")).collect();
    let readers = own.iter().map(|name| Reading {
        dataset: name.as_str().into(),
        ..reading("trucks", READER, None)
    });
    let readers = readers.collect();
    let others = (1..=others).map(|number| format!("other-{number}"));
    let names = others.chain(own);
    (names.map(|name| plain_dataset(&name)).collect(), readers)
}

fn sides(datasets: &[crate::model::Dataset]) -> Vec<DataSide<'_>> {
    let side = |dataset| DataSide {
        dataset,
        standing: stands(DataState::Stale),
        current: None,
    };
    datasets.iter().map(side).collect()
}

#[test]
fn an_end_names_three_of_what_is_still_broken_and_counts_the_rest() {
    let story = friday();
    let end = |own, others| {
        let (datasets, readers) = stale(own, others);
        let mut situation = story.situation();
        situation.data.extend(sides(&datasets));
        situation.readers = readers;
        message("n1.x".to_owned(), Purpose::Recovery, &READER.into(), &situation)
    };
    let one = end(1, 0);
    assert!(
        one.headline.starts_with(
            "PARTLY OVER: own-1, which trucks reads, is still stale: 2h old, promised at most 1h. Only this is over: "
        ),
        "{}",
        one.headline
    );
    assert_eq!(said("Still broken", &one), "own-1");
    let five = end(5, 1);
    assert!(
        five.headline.starts_with(
            "PARTLY OVER: own-1, which trucks reads, is still stale: 2h old, promised at most 1h. \
             Not as promised either: own-2, own-3 and 2 more. Only this is over: RESOLVED after "
        ),
        "{}",
        five.headline
    );
    assert_eq!(said("Still broken", &five), "own-1, own-2, own-3 and 2 more");
    assert!(five.is_partly_over());
    assert!(!end(0, 2).is_partly_over(), "what is broken is others'");
}

#[test]
fn an_end_names_what_else_of_the_readers_own_is_good_again() {
    let story = friday();
    let (datasets, readers) = stale(3, 0);
    let mut situation = story.situation();
    situation.data = sides(&datasets);
    for side in &mut situation.data {
        side.standing = stands(DataState::Fresh);
    }
    situation.readers = readers;
    let end = message("n1.x".to_owned(), Purpose::Recovery, &READER.into(), &situation);
    assert!(
        end.headline.ends_with(". As promised, too: own-2, own-3."),
        "{}",
        end.headline
    );
}

#[test]
fn a_notice_tells_the_readers_own_data_in_full_and_few_of_the_other_readers() {
    let story = friday();
    let (datasets, mut readers) = stale(2, 3);
    readers.extend((1..=9).map(|number| reading(&format!("desk {number}"), "planning", None)));
    let mut situation = story.situation();
    situation.data = sides(&datasets);
    situation.readers = readers;
    let notice = |purpose| message("n1.x".to_owned(), purpose, &READER.into(), &situation);
    let broken = said("Broken", &notice(Purpose::Impact));
    assert!(
        broken.starts_with("own-1 is stale") && broken.contains(" | own-2 is stale"),
        "{broken}"
    );
    let also = said("Also read by", &notice(Purpose::Impact));
    assert_eq!(
        also.replace(" | ", ", "),
        "trucks (you, own-1, own-2), desk 1 (stock), desk 2 (stock), desk 3 (stock), desk 4 (stock), desk 5 (stock) and 4 more"
    );
}

#[test]
fn who_reads_many_of_them_is_named_once_with_the_first() {
    let story = friday();
    let (datasets, readers) = stale(40, 0);
    let mut situation = story.situation();
    situation.data = sides(&datasets);
    situation.readers = readers;
    let opening = message("n1.x".to_owned(), Purpose::Opening, &OWNER.into(), &situation);
    assert_eq!(said("Also read by", &opening), "trucks (own-1 and 39 more)");
}
