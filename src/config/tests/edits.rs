//! Random edits of the example: never a panic, never a secret, never an answer without its reason.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::accepted::{EXAMPLE, example};
use super::*;

/// One edit of a text.
#[derive(Clone, Debug)]
enum Edit {
    Delete(usize, usize),
    Insert(usize, String),
    Duplicate(usize, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let piece = prop_oneof![
        "[\\[\\]{}=\"'#,.\\\\\n a-z0-9*é]{1,3}",
        prop::sample::select(vec![
            "\"\"\"",
            "'''",
            "[jobs.x]\n",
            "[",
            "= ",
            "\u{0}",
            "\r\n",
            "-1",
            "1979-05-27",
            "nan",
            "\\u0000"
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        (any::<usize>(), 1..20usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (any::<usize>(), piece).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (any::<usize>(), 1..60usize, any::<usize>()).prop_map(|(from, length, to)| Edit::Duplicate(from, length, to)),
    ]
}

fn apply(text: &mut Vec<char>, edit: &Edit) {
    let range = |at: usize, length: usize, text: &[char]| {
        let start = at % (text.len() + 1);
        start..(start + length).min(text.len())
    };
    match edit {
        Edit::Delete(at, length) => {
            text.drain(range(*at, *length, text));
        }
        Edit::Insert(at, piece) => {
            let at = at % (text.len() + 1);
            text.splice(at..at, piece.chars());
        }
        Edit::Duplicate(from, length, to) => {
            let piece: Vec<char> = text[range(*from, *length, text)].to_vec();
            let to = to % (text.len() + 1);
            text.splice(to..to, piece);
        }
    }
}

#[test]
fn an_edited_file_never_panics_and_is_refused_with_a_reason_or_accepted() {
    let place = example();
    // A secret that somebody wrote in place must not come out either.
    let text = EXAMPLE.replace("{ file = \"secrets/smtp\" }", "\"written-in-place\"");
    assert!(
        place.load_text(EXAMPLE).settings.is_some(),
        "every edit would be refused"
    );
    let config = Config {
        cases: 150,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&prop::collection::vec(edit(), 1..4), |edits| {
            for base in [EXAMPLE, text.as_str()] {
                let mut edited: Vec<char> = base.chars().collect();
                for edit in &edits {
                    apply(&mut edited, edit);
                }
                let loaded = place.load_text(&edited.into_iter().collect::<String>());
                let refused = loaded.problems.iter().any(|problem| problem.level == Level::Error);
                prop_assert_eq!(refused, loaded.settings.is_none());
                let shown = format!("{}{:?}", place.rendered(&loaded), loaded.problems);
                for secret in ["-on-disk", "slack-credential", "hook-in-variable"] {
                    prop_assert!(!shown.contains(secret), "{}", shown);
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_secret_written_in_place_stays_hidden_through_any_single_cut() {
    let place = example();
    let text = EXAMPLE.replace("{ file = \"secrets/smtp\" }", "\"canary\"");
    let start = text.find("[channels.mail]").unwrap();
    let end = text.find("[channels.slack-ops]").unwrap();
    for cut in (start..end).filter(|at| text.is_char_boundary(*at)) {
        let without = format!("{}{}", &text[..cut], &text[cut + 1..]);
        if !without.contains("canary") {
            continue;
        }
        let loaded = place.load_text(&without);
        let shown = place.rendered(&loaded);
        assert!(loaded.settings.is_none());
        assert!(!shown.contains("canary"), "{shown}");
    }
}
