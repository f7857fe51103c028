//! Who is said to read what, and how much of it is whose.

use std::collections::BTreeSet;

use super::words::{OWNER, READER, said};
use super::{Friday, at, friday, reading, stands};
use crate::alerting::{DataSide, Reading, Situation, message, to_others};
use crate::freshness::DataState;
use crate::model::{About, Dataset, Message, Name, Purpose, plain_dataset};

/// Somebody reads a dataset that people call otherwise.
fn reads(who: &str, team: &str, dataset: &str, called: &str, clock: Option<&str>) -> Reading {
    Reading {
        dataset: dataset.into(),
        called: called.to_owned(),
        ..reading(who, team, clock)
    }
}

fn told(purpose: Purpose, team: &str, situation: &Situation<'_>) -> Message {
    message("n1.x".to_owned(), purpose, &team.into(), situation)
}

/// The stock is stale, the ledger reads its valuation before the sales desk reads the stock itself.
fn before() -> Friday {
    let mut story = friday();
    story.made_from_it = vec!["stock", "valuation", "offers"];
    story.standing = stands(DataState::Stale);
    story.readers = vec![
        reads("Ledger", "finance", "valuation", "Stock valuation", Some("23:30")),
        reads("Sales desk", "sales", "stock", "Stock per lot", Some("23:45")),
    ];
    story
}

#[test]
fn who_reads_something_else_that_is_made_from_it_is_not_said_to_read_it() {
    let mut story = before();
    let ends = |story: &Friday, purpose: Purpose, words: &str| {
        let headline = told(purpose, OWNER, &story.situation()).headline;
        assert!(headline.ends_with(words), "{purpose:?}: {headline}");
    };
    let both = ". Sales desk reads it first, Fri 2026-11-27 23:45; Ledger reads Stock valuation, which is made from it, \
                already Fri 2026-11-27 23:30.";
    for purpose in [
        Purpose::Opening,
        Purpose::Update,
        Purpose::Reminder,
        Purpose::Escalation,
    ] {
        ends(&story, purpose, both);
    }
    // Before anything breaks, too.
    story.standing = stands(DataState::Fresh);
    ends(&story, Purpose::Opening, both);
    story.readers[1].at = None;
    let other = ". Ledger reads Stock valuation, which is made from it, next Fri 2026-11-27 23:30.";
    ends(&story, Purpose::Opening, other);
    story.readers[1].at = Some(at("23:30"));
    ends(
        &story,
        Purpose::Opening,
        ". Sales desk reads it first, Fri 2026-11-27 23:30.",
    );
    // The same of a dataset that is stale by itself, which nothing makes.
    let mut story = before().stale();
    story.incident.about = About::Dataset;
    ends(&story, Purpose::Opening, both);
}

#[test]
fn what_two_have_from_the_same_cause_is_not_said_to_be_made_one_from_the_other() {
    let mut story = before();
    story.readers[1] = reads("Sales desk", "sales", "offers", "Offer list", Some("23:45"));
    let offers = plain_dataset("offers");
    let mut situation = story.situation();
    situation.data = vec![DataSide {
        dataset: &offers,
        standing: stands(DataState::Stale),
        current: None,
    }];
    let update = told(Purpose::Update, OWNER, &situation);
    assert!(
        update.headline.ends_with(
            ". Sales desk reads it first, Fri 2026-11-27 23:45; Ledger reads Stock valuation, which is made from the \
             same, already Fri 2026-11-27 23:30."
        ),
        "{}",
        update.headline
    );
    // And what it is made from itself bears no such word.
    situation.readers[0] = reads("Ledger", "finance", "stock", "Stock per lot", Some("23:30"));
    let update = told(Purpose::Update, OWNER, &situation);
    assert!(
        update
            .headline
            .ends_with("; Ledger reads Stock per lot, already Fri 2026-11-27 23:30."),
        "{}",
        update.headline
    );
}

const SHOPS: [&str; 8] = [
    "shop-1", "shop-2", "shop-3", "shop-4", "shop-5", "shop-6", "shop-7", "shop-8",
];

/// The stock is stale, and eight price lists are made from it: two are the readers' own, and their trucks read these.
fn shops(read: &[&str]) -> Friday {
    let mut story = friday();
    story.standing = stands(DataState::Stale);
    story.made_from_it = std::iter::once("stock").chain(SHOPS).collect();
    let trucks = read.iter();
    let trucks = trucks.map(|name| reads("trucks", READER, name, name, Some("23:45")));
    let job = Reading {
        is_job: true,
        ..reading("prices to shop 1", READER, None)
    };
    story.readers = trucks.chain([job]).collect();
    story
}

#[test]
fn how_many_of_much_are_the_readers_own_and_how_many_it_reads_stands_in_the_first_sentences() {
    let says = |owned: &[&str], read: &[&str], is_meant: bool| {
        let story = shops(read);
        let situation = Situation {
            owned: owned.iter().map(|name| Name::from(*name)).collect::<BTreeSet<_>>(),
            is_meant,
            ..story.situation()
        };
        told(Purpose::Impact, READER, &situation)
    };
    let begins = "WARNING: stock, which prices to shop 1 reads, is stale: 2h old, promised at most 1h.";
    let next = " trucks reads shop-3, which is made from it, next Fri 2026-11-27 23:45.";
    let ends = " Warehouse answers for it and has been told.";
    for (owned, read, words) in [
        (
            &SHOPS[..2],
            &SHOPS[2..5],
            " 2 datasets which you own and 3 more which trucks reads are made from it.",
        ),
        (&[], &SHOPS[2..3], " 1 dataset which trucks reads is made from it."),
        // What they own and read counts once.
        (
            &SHOPS[..4],
            &SHOPS[2..7],
            " 4 datasets which you own and 3 more which trucks reads are made from it.",
        ),
        (&SHOPS[..4], &SHOPS[2..4], " 4 datasets which you own are made from it."),
        (
            &SHOPS[..1],
            &SHOPS[2..3],
            " 1 dataset which you own and 1 more which trucks reads are made from it.",
        ),
    ] {
        let notice = says(owned, read, true);
        assert_eq!(notice.headline, format!("{begins}{words}{next}{ends}"));
    }
    let mut notice = says(&SHOPS[..2], &[], true);
    let own = " 2 datasets which you own are made from it.";
    assert_eq!(notice.headline, format!("{begins}{own}{ends}"));
    // Who reads it in their stead reads whose they are, whenever that comes about.
    let instead = says(&SHOPS[..2], &[], false);
    let own = " 2 datasets which Finance owns are made from it.";
    assert_eq!(instead.headline, format!("{begins}{own}{ends}"));
    to_others(&mut notice, "Finance");
    assert_eq!(notice.headline, instead.headline);
    assert_eq!(says(&[], &[], true).headline, format!("{begins}{ends}"));
}

#[test]
fn what_few_are_made_from_it_is_seen_below() {
    let mut story = shops(&SHOPS[2..5]);
    story.made_from_it.truncate(6);
    let situation = Situation {
        owned: [Name::from("shop-1")].into(),
        ..story.situation()
    };
    let headline = told(Purpose::Impact, READER, &situation).headline;
    assert!(!headline.contains("which you own"), "{headline}");
}

#[test]
fn a_list_in_several_rows_bears_its_number_once() {
    let mut story = shops(&[]);
    let names: Vec<String> = (1..=60).map(|number| format!("a-price-list-{number:02}")).collect();
    story.made_from_it = names.iter().map(|name| &*name.clone().leak()).collect();
    let message = told(Purpose::Opening, OWNER, &story.situation());
    let labels: Vec<&str> = message.facts.iter().map(|fact| fact.label.as_str()).collect();
    let first = labels
        .iter()
        .position(|label| *label == "At risk (60)")
        .expect("a list");
    assert_eq!(labels[first..first + 3], ["At risk (60)", "and", "and"]);
    assert_eq!(labels.iter().filter(|label| label.contains("(60)")).count(), 1);
    let listed: Vec<&str> = message.facts[first..first + 3]
        .iter()
        .map(|fact| fact.text.as_str())
        .collect();
    assert_eq!(listed.join(", "), names.join(", "));
}

/// So many jobs that read the stock at no known time, some of them the warehouse's.
fn jobs(own: usize, others: usize) -> Vec<Reading> {
    let job = |team: &str, number| Reading {
        is_job: true,
        ..reading(&format!("{team}'s job {number}"), team, None)
    };
    let others = (1..=others).map(|number| job("sales", number));
    others.chain((1..=own).map(|number| job(OWNER, number))).collect()
}

#[test]
fn many_jobs_that_read_it_are_counted_and_who_else_reads_it_is_named() {
    let tills = |dataset: &str| reads("Tills", "shop", dataset, dataset, None);
    for (own, others, words) in [
        (0, 7, "7 jobs, Tills (shop-1)"),
        (7, 0, "7 jobs (you), Tills (shop-1)"),
        (1, 6, "1 job (you), 6 other jobs, Tills (shop-1)"),
        (
            2,
            1,
            "wms's job 1 (you), wms's job 2 (you), sales's job 1, Tills (shop-1)",
        ),
    ] {
        let mut story = friday();
        story.readers = jobs(own, others);
        story.readers.push(tills("shop-1"));
        let mut message = told(Purpose::Opening, OWNER, &story.situation());
        assert_eq!(said("Also read by", &message), words, "{own} and {others}");
        to_others(&mut message, "Warehouse");
        assert!(!said("Also read by", &message).contains("you"), "{:?}", message.facts);
    }
}

#[test]
fn first_sentences_call_data_by_title_and_a_line_has_the_name_as_well() {
    let titled = |name: &str, title: &str| Dataset {
        title: Some(title.to_owned()),
        ..plain_dataset(name)
    };
    let datasets = [
        titled("stock", "Stock per lot"),
        titled("webstock", "Stock in the shop"),
    ];
    let mut story = friday();
    story.readers = ["stock", "webstock"]
        .map(|name| reads("trucks", READER, name, name, Some("23:45")))
        .to_vec();
    let mut situation = story.situation();
    let side = |dataset, state| DataSide {
        dataset,
        standing: stands(state),
        current: None,
    };
    situation.data = datasets.iter().map(|one| side(one, DataState::Stale)).collect();
    let notice = told(Purpose::Impact, READER, &situation);
    assert_eq!(
        notice.headline,
        "WARNING: Stock per lot, which trucks reads, is stale: 2h old, promised at most 1h. trucks reads it next \
         Fri 2026-11-27 23:45. Warehouse answers for it and has been told. Not as promised either: Stock in the shop."
    );
    situation.goes_on = [(
        "webstock".into(),
        crate::alerting::GoesOn::As(crate::model::IncidentId(7)),
    )]
    .into();
    let partly = told(Purpose::Recovery, READER, &situation);
    assert!(
        partly
            .headline
            .contains(" Not as promised either: Stock in the shop (#7)."),
        "{}",
        partly.headline
    );
    assert_eq!(
        said("Still broken", &partly),
        "Stock in the shop (webstock, #7), Stock per lot (stock)"
    );
    for data in &mut situation.data {
        data.standing = stands(DataState::Fresh);
        data.current = story.current.as_ref();
    }
    situation.goes_on.clear();
    let end = told(Purpose::Recovery, READER, &situation);
    assert!(
        end.headline.ends_with(" As promised, too: Stock in the shop."),
        "{}",
        end.headline
    );
}
