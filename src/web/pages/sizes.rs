//! How large each version was, in rows and in bytes, over what was learned to expect.

use maud::{Markup, html};

use super::chart::{HEIGHT, MARGIN, STEP, axis, bar, number, one, places, sign};
use super::words::{Tone, View, grouped, version_tone};
use crate::model::{CheckResult, Version, format_bytes, moment};

/// Versions of a picture.
pub(super) const VERSIONS_SHOWN: usize = 60;

/// What is told of a version's size.
#[derive(Clone, Copy)]
enum Measure {
    Rows,
    Bytes,
}

impl Measure {
    fn of(self, version: &Version) -> Option<u64> {
        match self {
            Self::Rows => version.rows,
            Self::Bytes => Some(version.bytes),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Rows => "Rows",
            Self::Bytes => "Bytes",
        }
    }

    fn short(self, size: u64) -> String {
        match self {
            Self::Rows => grouped(size),
            Self::Bytes => format_bytes(size),
        }
    }

    fn words(self, size: u64) -> String {
        match self {
            Self::Rows => format!("{} row{}", grouped(size), if size == 1 { "" } else { "s" }),
            Self::Bytes => format_bytes(size),
        }
    }

    /// The check that compares it with the versions before.
    fn check(self) -> &'static str {
        match self {
            Self::Rows => "rows.change",
            Self::Bytes => "bytes.change",
        }
    }
}

/// Versions from the oldest to the newest (given the newest first), each at the same place in every picture.
pub(super) fn sizes(view: &View, versions: &[Version]) -> Markup {
    let shown: Vec<&Version> = versions.iter().take(VERSIONS_SHOWN).rev().collect();
    html! {
        @if shown.len() > 1 {
            @for measure in [Measure::Rows, Measure::Bytes] { (picture(view, measure, &shown)) }
        }
    }
}

/// Whether something was learned to expect of one of them.
pub(super) fn are_expected(versions: &[Version]) -> bool {
    let shown = versions.iter().take(VERSIONS_SHOWN);
    let measured = shown.flat_map(|version| [(version, Measure::Rows), (version, Measure::Bytes)]);
    measured
        .into_iter()
        .any(|(version, measure)| expected(version, measure).is_some())
}

fn picture(view: &View, measure: Measure, versions: &[&Version]) -> Markup {
    let Some(largest) = versions.iter().filter_map(|version| measure.of(version)).max() else {
        return html! {};
    };
    let width = MARGIN + STEP * places(versions.len()) + 4.0;
    let height = |value: f64| HEIGHT - bar(value.clamp(0.0, number(largest)), number(largest));
    let middle = |place: usize| MARGIN + STEP * (places(place) + 0.5);
    let points: Vec<(f64, &Version, Option<u64>)> = versions
        .iter()
        .enumerate()
        .map(|(place, version)| (middle(place), *version, measure.of(version)))
        .collect();
    let largest_words = measure.short(largest);
    let label = format!(
        "{} of the last {} versions, at most {}",
        measure.title().to_lowercase(),
        versions.len(),
        measure.words(largest)
    );
    html! {
        figure {
            figcaption.dim { (measure.title()) }
            svg.chart viewBox=(format!("0 0 {width:.0} {:.0}", HEIGHT + 6.0)) width=(format!("{width:.0}")) role="img" aria-label=(label) {
                (axis((largest > 0).then_some(&largest_words)))
                @for (x, version, _) in &points {
                    @if let Some((low, high)) = expected(version, measure) {
                        @let (top, foot) = (height(high.unwrap_or(f64::INFINITY)), height(low.unwrap_or(0.0)));
                        rect.band x=(one(x - STEP / 2.0)) y=(one(top)) width=(one(STEP)) height=(one((foot - top).max(1.0))) {}
                    }
                }
                // Where a size is not known the line is broken.
                @for known in points.split(|(_, _, size)| size.is_none()) {
                    polyline points=(line(known, height)) {}
                }
                @for (x, version, size) in &points {
                    @if let Some(size) = size { (point(view, measure, version, *size, *x, height(number(*size)))) }
                }
            }
        }
    }
}

fn line(points: &[(f64, &Version, Option<u64>)], height: impl Fn(f64) -> f64) -> String {
    let places = points
        .iter()
        .filter_map(|(x, _, size)| Some(format!("{x:.1},{:.1}", height(number((*size)?)))));
    places.collect::<Vec<String>>().join(" ")
}

fn point(view: &View, measure: Measure, version: &Version, size: u64, x: f64, y: f64) -> Markup {
    let tone = version_tone(version.state);
    html! {
        g {
            title { "version " (version.number) ", " (moment(version.arrived_at, view.now, &view.zone)) ": "
                (measure.words(size)) ", " (version.state.as_str())
                @if let Some(check) = check_of(version, measure) { "; expected " (check.expected) } }
            rect.hit x=(one(x - STEP / 2.0)) y="0" width=(one(STEP)) height=(one(HEIGHT)) {}
            @if tone == Tone::Good {
                circle class={ "point " (tone.class()) } cx=(one(x)) cy=(one(y)) r="3" {}
            } @else {
                (sign(tone, x - 5.0, y - 5.0))
            }
        }
    }
}

/// The check that compared a version with those before.
fn check_of(version: &Version, measure: Measure) -> Option<&CheckResult> {
    version.checks.iter().find(|check| check.name == measure.check())
}

/// What was learned to expect of a version: at least, at most.
fn expected(version: &Version, measure: Measure) -> Option<(Option<f64>, Option<f64>)> {
    let words = &check_of(version, measure)?.expected;
    let read = |text: &str| text.trim().parse::<f64>().ok();
    if let Some((low, high)) = words.split_once(" to ") {
        return Some((Some(read(low)?), Some(read(high)?)));
    }
    let low = words.strip_prefix("at least ").and_then(read);
    let high = words.strip_prefix("at most ").and_then(read);
    (low.is_some() || high.is_some()).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;
    use crate::model::{Verdict, VersionState, plain_version};

    fn at(text: &str) -> jiff::Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn what_was_learned_to_expect_lies_behind_the_sizes() {
        let version = |number: u64, expected: &str| Version {
            rows: Some(1_000),
            checks: vec![CheckResult {
                name: "rows.change".to_owned(),
                column: None,
                verdict: Verdict::Pass,
                expected: expected.to_owned(),
                actual: "1000".to_owned(),
                message: String::new(),
            }],
            ..plain_version("stock", number, at("2026-11-27T22:00:00Z"))
        };
        let bands = |words: &str| {
            let picture = sizes(&words::test_view(), &[version(2, words), version(1, "anything")]).into_string();
            (picture.matches("class=\"band\"").count(), picture)
        };
        for (words, count) in [
            ("900 to 1100.5", 1),
            ("at least 900", 1),
            ("at most 2000", 1),
            ("a word to say", 0),
        ] {
            let (found, picture) = bands(words);
            assert_eq!(found, count, "{words}: {picture}");
            assert!(picture.contains(&format!("; expected {words}")), "{picture}");
        }
    }

    #[test]
    fn a_refused_version_is_marked_among_the_sizes() {
        let version = |number: u64, rows: u64, state: VersionState| Version {
            rows: Some(rows),
            state,
            ..plain_version("stock", number, at("2026-11-27T22:00:00Z"))
        };
        let good = version(1, 1_000, VersionState::Published);
        let refused = version(2, 10, VersionState::Quarantined);
        assert_eq!(
            sizes(&words::test_view(), std::slice::from_ref(&good)).into_string(),
            ""
        );
        let picture = sizes(&words::test_view(), &[refused, good]).into_string();
        assert!(picture.contains("1\u{202f}000 rows, published"), "{picture}");
        assert!(
            picture.contains("10 rows, quarantined") && picture.contains(Tone::Bad.shape()),
            "{picture}"
        );
    }

    #[test]
    fn rows_and_bytes_are_pictures_of_their_own_and_a_gap_is_where_rows_are_not_known() {
        let version = |number: u64, rows: Option<u64>, bytes: u64| Version {
            rows,
            bytes,
            ..plain_version("stock", number, at("2026-11-27T22:00:00Z"))
        };
        let shown = |versions: &[Version]| sizes(&words::test_view(), versions).into_string();
        let both = shown(&[
            version(4, Some(0), 2_048),
            version(3, None, 2_048),
            version(2, Some(0), 4_096),
            version(1, Some(0), 0),
        ]);
        assert_eq!(both.matches("<figure").count(), 2, "{both}");
        let (rows, bytes) = both.split_at(both.rfind("<figure").expect("two of them"));
        assert_eq!(
            (rows.matches("<polyline").count(), bytes.matches("<polyline").count()),
            (2, 1)
        );
        assert_eq!(
            (rows.matches("<circle").count(), bytes.matches("<circle").count()),
            (3, 4)
        );
        assert!(rows.contains("rows of the last 4 versions, at most 0 rows"), "{rows}");
        assert_eq!(
            rows.matches(">0</text>").count(),
            1,
            "nothing is the largest and the smallest: {rows}"
        );
        assert!(bytes.contains(&format!(">{}</text>", format_bytes(4_096))), "{bytes}");
        let without = shown(&[version(2, None, 10), version(1, None, 20)]);
        assert_eq!(without.matches("<figure").count(), 1, "{without}");
    }
}
