//! What `freshd check` says of checks that would have refused what was accepted: from records, and from kept copies where
//! these do not tell.

use std::fs;
use std::sync::Arc;

use freshd::model::{
    CheckResult, ColumnProfile, Fact, Finite, Lesson, Name, Numbers, Profile, Provenance, RunId, Verdict, Version,
    VersionNumber, VersionState,
};
use freshd::store::Store;

use super::{FINE, Place};

/// Accepted as `stock.csv`; of its numbers in `qty` this is remembered.
fn version(number: u64, (min, max): (f64, f64)) -> Version {
    let at = "2026-11-20T21:00:00Z".parse().expect("a time");
    let finite = |number| Finite::new(number).expect("a number");
    let numbers = Numbers {
        min: finite(min),
        max: finite(max),
        sum: finite(max),
        median: finite(min),
    };
    let qty = ColumnProfile {
        filled: 30,
        numbers: Some(numbers),
        ..ColumnProfile::default()
    };
    let profile = Profile {
        columns: [("qty".to_owned(), qty)].into(),
        left_out: 0,
    };
    Version {
        dataset: Name::from("stock"),
        number: VersionNumber(number),
        state: VersionState::Published,
        arrived_at: at,
        as_of: at,
        effective_as_of: at,
        limited_by: None,
        run: Some(RunId(number)),
        attempt: None,
        inputs: Vec::new(),
        rows: Some(30),
        bytes: 100,
        sha256: "ab".repeat(32),
        unchanged: false,
        checks: Vec::new(),
        reason: None,
        stamp: None,
        file: None,
        kept_as: Some("stock.csv".to_owned()),
        provenance: Provenance::default(),
        lesson: Some(Lesson {
            weekday: 5,
            profile: Arc::new(profile),
        }),
    }
}

fn passed(name: &str, column: &str, expected: &str) -> CheckResult {
    CheckResult {
        name: name.to_owned(),
        column: Some(column.to_owned()),
        verdict: Verdict::Pass,
        expected: expected.to_owned(),
        actual: expected.to_owned(),
        message: String::new(),
    }
}

/// A configuration with these rules, where these versions were accepted; of the last one a copy is kept.
fn place(rules: &str, versions: Vec<Version>, copy: Option<&str>) -> Place {
    let checks = format!("[datasets.stock.checks]\nformat = \"csv\"\ndelimiter = \";\"\n{rules}\n");
    let place = Place::new(&(FINE.to_owned() + &checks));
    let state = place.path().join("state");
    let last = versions.last().expect("a version").number;
    let writer = Store::open(&state).expect("a store").into_writer().expect("a writer");
    let facts = versions
        .into_iter()
        .map(|version| Fact::Version(Box::new(version)))
        .collect();
    writer.commit_blocking(facts).expect("they are stored");
    writer.close().expect("it ends");
    if let Some(copy) = copy {
        let dir = state.join(format!("versions/stock/{last}"));
        fs::create_dir_all(&dir).expect("a directory");
        fs::write(dir.join("stock.csv"), copy).expect("a copy");
    }
    place
}

/// What is said of it; it is fine all the same.
fn said(place: &Place) -> String {
    place.ends(0, &["check", "--state", "state"]).0
}

const LOTS: &str = "lot;qty\nL0417;12\nX1;40\n";

#[test]
fn a_column_that_the_last_version_did_not_have_is_told_with_its_line_and_the_nearest() {
    let rules = "columns.qtty = { required = true }\ncolumns.lot = { required = true }";
    let place = place(rules, vec![version(41, (12.0, 40.0))], Some(LOTS));
    let said = said(&place);
    assert!(
        said.contains("warning: stock@41 would have been refused: there is no column `qtty`; the header has `qty`"),
        "{said}"
    );
    assert!(said.contains("columns.qtty = { required = true }"), "{said}");
    assert!(said.contains("correct its name"), "{said}");
    assert_eq!(said.matches("would have been refused").count(), 1, "{said}");
    assert!(said.contains("is fine"), "{said}");
}

#[test]
fn a_range_is_held_against_the_numbers_that_are_remembered_of_the_last_five_versions() {
    let rules = "columns.qty = { type = \"integer\", range = \"0..100\" }";
    let versions = |last: (f64, f64)| {
        let mut versions: Vec<Version> = (35..41).map(|number| version(number, (1.0, 500.0))).collect();
        versions.extend([version(41, last)]);
        for version in &mut versions {
            version.checks.push(passed("type", "qty", "integer"));
        }
        versions
    };
    // Nothing is kept that could be read.
    let told = said(&place(rules, versions((3.0, 270.0)), None));
    let words = "stock@41 and 4 more of the last 5 versions would have been refused: \
        column `qty` had 3 to 270, which does not lie in 0..100";
    assert!(told.contains(words), "{told}");
    let told = said(&place(rules, versions((3.0, 27.0)), None));
    assert!(
        told.contains("stock@40 and 3 more of the last 5 versions would have been refused"),
        "{told}"
    );
    let judged_by_it = versions((3.0, 27.0)).into_iter().map(|mut version| {
        version.checks.push(passed("range", "qty", "in 0..100"));
        version
    });
    let told = said(&place(rules, judged_by_it.collect(), None));
    assert!(!told.contains("refused"), "{told}");
    let warns = rules.replace("0..100\"", "0..100\", level = \"warn\"");
    let told = said(&place(&warns, versions((3.0, 270.0)), None));
    assert!(!told.contains("refused"), "{told}");
}

#[test]
fn what_the_records_do_not_tell_is_looked_for_in_the_kept_copy_of_the_last_version() {
    let rules = "columns.lot = { matches = \"^L[0-9]{4}$\" }";
    let told = said(&place(rules, vec![version(41, (12.0, 40.0))], Some(LOTS)));
    assert!(
        told.contains("stock@41 would have been refused: column `lot` must be like `^L[0-9]{4}$`")
            && told.contains("X1"),
        "{told}"
    );
    // It was judged by the very rule then: there is nothing to look for.
    let mut judged = version(41, (12.0, 40.0));
    judged.checks.push(passed("matches", "lot", "like `^L[0-9]{4}$`"));
    let told = said(&place(rules, vec![judged], Some(LOTS)));
    assert!(!told.contains("refused"), "{told}");
}

#[test]
fn without_anything_stored_nothing_is_said_and_nothing_is_made() {
    let rules = "[datasets.stock.checks]\nformat = \"csv\"\ncolumns.qtty = { required = true }\n";
    let place = Place::new(&(FINE.to_owned() + rules));
    let said = said(&place);
    assert!(said.contains("is fine") && !said.contains("refused"), "{said}");
    assert!(!place.path().join("state").exists());
}
