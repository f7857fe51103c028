//! How far back a trace is told: beyond that it says that there is more.

use freshd::model::{CheckOf, Expected, Fact, Name, Provenance, Version, VersionNumber, VersionRef, VersionState};
use freshd::store::Store;

use super::{FINE, Place};

/// As many versions as a trace tells.
const HOPS: u64 = freshd::lineage::HOPS_MAX as u64;

fn stock(number: u64) -> VersionRef {
    VersionRef {
        dataset: Name::from("stock"),
        number: VersionNumber(number),
    }
}

/// Made from the one before it.
fn version(number: u64) -> Version {
    let at = "2026-11-20T21:00:00Z".parse().expect("a time");
    Version {
        dataset: Name::from("stock"),
        number: VersionNumber(number),
        state: VersionState::Published,
        arrived_at: at,
        as_of: at,
        effective_as_of: at,
        limited_by: None,
        run: None,
        attempt: None,
        inputs: (number > 1).then(|| stock(number - 1)).into_iter().collect(),
        rows: None,
        bytes: 1,
        sha256: "ab".repeat(32),
        unchanged: false,
        checks: Vec::new(),
        reason: None,
        stamp: None,
        file: None,
        kept_as: None,
        provenance: Provenance::default(),
        lesson: None,
    }
}

/// What a person expected of it.
fn expected(checks: &[&str]) -> Expected {
    let check = |name: &&str| CheckOf {
        name: (*name).to_owned(),
        column: None,
    };
    Expected {
        by: "olav".to_owned(),
        because: "price list 2027".to_owned(),
        at: "2026-11-20T20:00:00Z".parse().expect("a time"),
        checks: checks.iter().map(check).collect(),
    }
}

#[test]
fn a_trace_says_what_passed_only_because_somebody_expected_it() {
    for (checks, says) in [(&["rows.change"][..], true), (&[], false)] {
        let place = Place::new(FINE);
        let store = Store::open(&place.path().join("state")).expect("a store");
        let writer = store.into_writer().expect("a writer");
        let mut jumped = version(1);
        jumped.provenance.expected = Some(expected(checks));
        writer
            .commit_blocking(vec![Fact::Version(Box::new(jumped))])
            .expect("it is stored");
        writer.close().expect("it ends");
        let (said, _) = place.ends(0, &["trace", "stock", "--state", "state"]);
        assert_eq!(says, said.contains("as expected"), "{said}");
        assert_eq!(says, said.contains("price list 2027 (olav)"), "{said}");
        let traced = place.json(0, &["trace", "stock", "--state", "state", "--json"]);
        assert_eq!(traced["hops"][0]["expected"]["because"], "price list 2027");
    }
}

#[test]
fn a_trace_names_what_a_system_made_it_from_and_goes_no_further() {
    let data = "[datasets.lots]\nowner = \"warehouse\"\nprobe = { file = \"lots.csv\", every = \"1m\" }\n";
    let made = FINE.replace("max_age   = \"26h\"", "max_age   = \"26h\"\nmade_from = [\"lots\"]");
    let place = Place::new(&format!("{made}{data}"));
    let store = Store::open(&place.path().join("state")).expect("a store");
    let writer = store.into_writer().expect("a writer");
    writer
        .commit_blocking(vec![Fact::Version(Box::new(version(1)))])
        .expect("it is stored");
    writer.close().expect("it ends");
    let (said, _) = place.ends(0, &["trace", "stock", "--state", "state"]);
    assert!(
        said.contains("lots, by its system: of which version nobody sees"),
        "{said}"
    );
    let traced = place.json(0, &["trace", "stock", "--state", "state", "--json"]);
    assert_eq!(traced["hops"].as_array().map(Vec::len), Some(1));
    assert_eq!(traced["hops"][0]["made_from"], serde_json::json!(["lots"]));
    let hit = place.json(0, &["impact", "lots", "--json"]);
    let readers = hit["readers"].as_array().expect("readers").iter();
    let readers: Vec<&str> = readers.filter_map(|reader| reader["name"].as_str()).collect();
    assert!(readers.contains(&"wms") && readers.contains(&"stock-load"), "{hit}");
}

#[test]
fn a_trace_that_is_cut_says_so_to_people_and_to_programs() {
    let place = Place::new(FINE);
    let store = Store::open(&place.path().join("state")).expect("a store");
    let writer = store.into_writer().expect("a writer");
    let versions = (1..=HOPS + 1).map(|number| Fact::Version(Box::new(version(number))));
    writer.commit_blocking(versions.collect()).expect("they are stored");
    writer.close().expect("it ends");
    let (whole, cut) = (stock(HOPS).to_string(), stock(HOPS + 1).to_string());
    let traced = place.json(0, &["trace", &cut, "--state", "state", "--json"]);
    assert_eq!(traced["is_cut"], true);
    assert_eq!(traced["hops"].as_array().map(Vec::len), Some(10_000));
    let more = "there is more: the way back is told for 10000 versions, the nearest first";
    for (asked, is_cut) in [(&cut, true), (&whole, false)] {
        let (said, _) = place.ends(0, &["trace", asked, "--state", "state"]);
        let last = said.lines().last().expect("a line");
        assert_eq!(last == more, is_cut, "{asked}: {last}");
    }
}
