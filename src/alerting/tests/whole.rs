//! What the messages about one cause say of all that is made from it, from the first to the last.

use super::words::{OWNER, READER, said};
use super::{Friday, at, friday, reading, stands};
use crate::alerting::{Apart, DataSide, PartSide, Reading, Situation, message, to_others};
use crate::freshness::DataState;
use crate::model::{About, Dataset, IncidentId, Message, Name, Purpose, plain_dataset};

fn told(purpose: Purpose, team: &str, situation: &Situation<'_>) -> Message {
    message("n1.x".to_owned(), purpose, &team.into(), situation)
}

/// The stock has three lists made from it.
fn lists() -> Friday {
    let mut story = friday();
    story.made_from_it = vec!["stock", "list-1", "list-2", "list-3"];
    story.readers.clear();
    story
}

/// The same, and it is over.
fn over() -> Friday {
    let mut story = lists();
    story.incident.resolved_at = Some(at("22:40"));
    story
}

fn mended<'a>(story: &'a Friday, names: &[&str]) -> Situation<'a> {
    let mended = names.iter().map(|name| (Name::from(*name), format!("the {name}")));
    Situation {
        mended: mended.collect(),
        ..story.situation()
    }
}

const FRESH: &str = "RESOLVED after 30m: stock is fresh again, as of Fri 2026-11-27 21:00";

#[test]
fn whoever_answers_for_a_cause_reads_at_its_end_what_has_become_of_what_it_broke() {
    let mut story = over();
    for (names, words) in [
        // What was never broken is not good again.
        (&[][..], format!("{FRESH}.")),
        (
            &["list-2"],
            format!("{FRESH}, and so is the list-2, which is made from it."),
        ),
        (
            &["list-1", "list-2"],
            format!("{FRESH}, and so are 2 of the 3 datasets made from it."),
        ),
        (
            &["list-1", "list-2", "list-3"],
            format!("{FRESH}, and so are the 3 datasets made from it."),
        ),
    ] {
        let end = told(Purpose::Recovery, OWNER, &mended(&story, names));
        assert_eq!(end.headline, words);
        assert_eq!(said("Made from it", &end), "3 datasets: list-1, list-2, list-3");
        let to_reader = told(Purpose::Recovery, READER, &mended(&story, names));
        assert_eq!(to_reader.headline, format!("{FRESH}."), "they read of what is theirs");
    }
    // Behind what is no word of data, or a person's.
    let names = ["list-1", "list-2", "list-3"];
    let again = " As promised again: the 3 datasets made from it.";
    story.incident.resolution = Some("kari released stock@8: it is right".to_owned());
    assert_eq!(
        told(Purpose::Recovery, OWNER, &mended(&story, &names)).headline,
        format!("{FRESH}, kari released stock@8: it is right.{again}")
    );
    story.incident.resolution = None;
    story.current = None;
    assert_eq!(
        told(Purpose::Recovery, OWNER, &mended(&story, &names)).headline,
        format!("RESOLVED after 30m: export works again.{again}")
    );
}

#[test]
fn an_end_names_to_its_owner_what_is_not_as_promised_all_the_same() {
    let story = over();
    let list = plain_dataset("list-3");
    let mut situation = mended(&story, &["list-2"]);
    situation.data.push(DataSide {
        dataset: &list,
        standing: stands(DataState::Stale),
        current: None,
    });
    situation.goes_on = [("list-3".into(), crate::alerting::GoesOn::As(IncidentId(9)))].into();
    let apart = Apart {
        called: "Offers".to_owned(),
        state: DataState::Changed,
        incident: Some(IncidentId(11)),
    };
    situation.told_apart = [("list-1".into(), apart)].into();
    let end = told(Purpose::Recovery, OWNER, &situation);
    assert_eq!(
        end.headline,
        format!(
            "{FRESH}, and so is the list-2, which is made from it. Made from it and not as promised: Offers (#11), list-3 (#9)."
        )
    );
    assert_eq!(
        said("Made from it", &end),
        "3 datasets: list-3 (stale, #9), list-1 (not what was published, #11), list-2"
    );
    // What is no incident yet is seen in the line.
    let apart = situation.told_apart.get_mut("list-1").expect("it is told apart");
    (apart.state, apart.incident) = (DataState::Unknown, None);
    let end = told(Purpose::Recovery, OWNER, &situation);
    assert!(
        end.headline.ends_with(" not as promised: list-3 (#9)."),
        "{}",
        end.headline
    );
    assert_eq!(
        said("Made from it", &end),
        "3 datasets: list-3 (stale, #9), list-1 (unknown), list-2"
    );
}

fn side(dataset: &Dataset, state: DataState) -> DataSide<'_> {
    DataSide {
        dataset,
        standing: stands(state),
        current: None,
    }
}

#[test]
fn the_first_sentence_says_how_much_of_what_is_made_from_it_is_broken() {
    let datasets = ["list-1", "list-2", "list-3"].map(plain_dataset);
    let stale = DataState::Stale;
    for (states, of_job, of_data) in [
        (&[][..], "stock is stale.", ""),
        (
            &[stale],
            "stock and list-1, which is made from it, are stale.",
            " So is list-1, which is made from it.",
        ),
        (
            &[stale, stale],
            "stock and 2 of the 3 datasets made from it are stale.",
            " So are 2 of the 3 datasets made from it.",
        ),
        (
            &[stale, stale, stale],
            "stock and the 3 datasets made from it are stale.",
            " So are the 3 datasets made from it.",
        ),
        (
            &[stale, DataState::Late],
            "stock is stale. Not as promised either: 2 of the 3 datasets made from it.",
            " Not as promised either: 2 of the 3 datasets made from it.",
        ),
    ] {
        let with_them = |story: &Friday, purpose: Purpose| {
            let mut situation = story.situation();
            let broken = datasets.iter().zip(states);
            situation
                .data
                .extend(broken.map(|(dataset, state)| side(dataset, *state)));
            told(purpose, OWNER, &situation).headline
        };
        let mut story = lists();
        story.standing = stands(stale);
        assert_eq!(
            with_them(&story, Purpose::Escalation),
            format!("WARNING, nobody has answered for 1h 5m: export failed: exit code 1. {of_job}")
        );
        let mut story = lists().stale();
        story.incident.about = About::Dataset;
        assert_eq!(
            with_them(&story, Purpose::Reminder),
            format!("WARNING, still open after 1h 5m: stock is stale: 2h old, promised at most 1h.{of_data}")
        );
    }
    // Where what it makes is as promised, what is not is named.
    let story = lists();
    let mut situation = story.situation();
    situation
        .data
        .extend(datasets.iter().map(|dataset| side(dataset, stale)));
    let update = told(Purpose::Update, OWNER, &situation).headline;
    assert!(
        update.contains(" Not as promised either: list-2, list-3. The cause: export failed."),
        "{update}"
    );
}

#[test]
fn of_many_jobs_that_read_it_a_reader_hears_how_many_are_its_own() {
    let job = |who: &str, team: &str, clock| Reading {
        is_job: true,
        ..reading(who, team, clock)
    };
    let notice = |readers: Vec<Reading>, is_meant: bool| {
        let mut story = friday();
        story.standing = stands(DataState::Stale);
        story.readers = readers;
        let situation = Situation {
            is_meant,
            ..story.situation()
        };
        told(Purpose::Impact, READER, &situation)
    };
    for (readers, words) in [
        (vec![job("prices 1", READER, None)], "prices 1 reads"),
        (
            vec![
                job("prices 1", READER, None),
                job("other", "sales", None),
                job("prices 2", READER, None),
            ],
            "2 of your jobs read, prices 1 among them",
        ),
        (
            vec![job("prices 1", READER, Some("23:45")), job("prices 2", READER, None)],
            "2 of your jobs read, prices 1 first",
        ),
        // A system says more than how many jobs there are.
        (
            vec![
                reading("trucks", READER, Some("23:45")),
                job("prices 1", READER, None),
                job("prices 2", READER, None),
            ],
            "trucks reads",
        ),
    ] {
        let mut meant = notice(readers.clone(), true);
        let begins = format!("WARNING: stock, which {words}, is stale: ");
        assert!(meant.headline.starts_with(&begins), "{}", meant.headline);
        to_others(&mut meant, "Finance");
        assert_eq!(meant, notice(readers, false));
    }
}

#[test]
fn a_reader_hears_when_what_is_made_from_it_and_concerns_them_breaks_next() {
    let story = lists().stale();
    let list = plain_dataset("list-2");
    let next = |later, purpose| {
        let mut situation = story.situation();
        situation.breaks_next = Some((side(&list, DataState::Fresh), later));
        said("Goes stale", &told(purpose, READER, &situation))
    };
    assert_eq!(next(0, Purpose::Impact), "list-2, Fri 2026-11-27 23:30");
    assert_eq!(
        next(2, Purpose::Impact),
        "list-2, Fri 2026-11-27 23:30, the first of 3 that concern Finance"
    );
    assert_eq!(next(2, Purpose::Recovery), "");
}

#[test]
fn of_data_in_parts_the_bad_part_is_named_first_and_the_whole_is_as_old_as_it() {
    let mut story = friday().stale();
    story.current = None;
    story.dataset.as_mut().expect("a dataset").parts = ["alesund", "bergen", "tromso"].map(Name::from).to_vec();
    let mut situation = story.situation();
    let lines = |situation: &Situation<'_>| {
        let told = told(Purpose::Opening, OWNER, situation);
        ["Data as of", "Readers see", "Parts"].map(|label| said(label, &told))
    };
    let part = |name: &str, state, clock: Option<&str>| PartSide {
        name: name.into(),
        state,
        as_of: clock.map(at),
    };
    let parts = vec![
        part("alesund", DataState::Fresh, Some("21:30")),
        part("bergen", DataState::Stale, Some("20:00")),
        part("tromso", DataState::DueSoon, Some("21:20")),
    ];
    situation.parts = [("stock".into(), parts.clone())].into();
    assert_eq!(
        lines(&situation),
        [
            "Fri 2026-11-27 20:00, that of its oldest part, bergen: stock",
            "the last version of each part of stock, the newest arrived Fri 2026-11-27 21:00",
            "bergen stale; alesund, tromso fresh",
        ]
    );
    situation.data[0].standing.is_served = false;
    assert_eq!(
        lines(&situation)[1],
        "not the last version of each part of stock, of which the newest arrived Fri 2026-11-27 21:00"
    );
    situation.data[0].standing.arrived_at = None;
    let unknown = |number: usize| part(&format!("part-{number}"), DataState::Unknown, None);
    situation.parts = [("stock".into(), (1..=22).map(unknown).collect())].into();
    let [as_of, seen, parts] = lines(&situation);
    assert_eq!(
        (as_of.as_str(), seen.as_str()),
        ("", "no version of any part of stock yet")
    );
    assert!(parts.ends_with("part-19, part-20 and 2 more unknown"), "{parts}");
}
