//! Every check of a version, with what should be and what was found: what did not pass first.

use maud::{Markup, html};

use super::dataset::DatasetPage;
use super::words::{Tone, View, counted, state, text, time, time_with_seconds};
use crate::model::{CheckResult, Verdict, Version, VersionState};

/// Checks of one version that are shown.
const CHECKS_MAX: usize = 100;

/// The checks of the newest version, and of the one that readers see where that is another.
pub(super) fn checks(view: &View, page: &DatasetPage) -> Markup {
    let newest = page.versions.first();
    let seen = page.versions.iter().find(|version| {
        Some(version.number.0) == page.state.version && newest.is_some_and(|newest| newest.number != version.number)
    });
    let shown: Vec<&Version> = [newest, seen]
        .into_iter()
        .flatten()
        .filter(|version| !version.checks.is_empty())
        .collect();
    html! {
        @if !shown.is_empty() {
            section aria-labelledby="checks" {
                h2 id="checks" { "Checks" }
                @for version in shown { (of_version(view, version)) }
            }
        }
    }
}

fn of_version(view: &View, version: &Version) -> Markup {
    let mut checks: Vec<&CheckResult> = version.checks.iter().collect();
    checks.sort_by_key(|check| answer(check.verdict).0);
    let left_out = checks.len().saturating_sub(CHECKS_MAX);
    html! {
        h3 { "Version " (version.number) ", " (was(version.state)) " " (time(view, version.arrived_at)) ": " (summary(&version.checks)) }
        div.wide tabindex="0" role="region" aria-label={ "the checks of version " (version.number) } { table {
            thead { tr { th scope="col" { "Answer" } th scope="col" { "Check" } th scope="col" { "Should be" } th scope="col" { "Found" } th scope="col" { "Remark" } } }
            tbody {
                @for check in checks.into_iter().take(CHECKS_MAX) {
                    @let (tone, word) = answer(check.verdict);
                    tr {
                        td { (state(tone, word)) }
                        td { code { (text(&check.name)) } @if let Some(column) = &check.column { span.title { "column " code { (text(column)) } } } }
                        td.found { (measured(view, &check.expected)) }
                        td.found { (measured(view, &check.actual)) }
                        td.remark { @if check.verdict != Verdict::Pass { (text(&check.message)) } }
                    }
                }
            }
        } }
        @if left_out > 0 { p.dim { "and " (counted(left_out, "check")) " more; " code { "freshd trace --json " (text(&version.reference().to_string())) } " has all of them." } }
    }
}

/// What a check should find or has found: an instant as the page tells all of them, all else as it is.
fn measured(view: &View, found: &str) -> Markup {
    match found.parse() {
        Ok(at) => time_with_seconds(view, at),
        Err(_) => html! { (text(found)) },
    }
}

/// `11 passed, 1 warned`.
fn summary(checks: &[CheckResult]) -> String {
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let counts = [Verdict::Hold, Verdict::Warn, Verdict::Pass].map(|verdict| (count(verdict), answer(verdict).1));
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    words.join(", ")
}

/// How an answer shows, the worst first.
fn answer(verdict: Verdict) -> (Tone, &'static str) {
    match verdict {
        Verdict::Hold => (Tone::Bad, "refused"),
        Verdict::Warn => (Tone::Warn, "warned"),
        Verdict::Pass => (Tone::Good, "passed"),
    }
}

fn was(state: VersionState) -> &'static str {
    match state {
        VersionState::Quarantined => "refused",
        VersionState::Publishing | VersionState::Published => "accepted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Name;
    use crate::model::VersionNumber;
    use crate::web::pages::words::test_view;

    fn check(name: &str, verdict: Verdict, expected: &str, actual: &str) -> CheckResult {
        CheckResult {
            name: name.to_owned(),
            column: None,
            verdict,
            expected: expected.to_owned(),
            actual: actual.to_owned(),
            message: format!("<b>{name}</b>"),
        }
    }

    #[test]
    fn what_passed_is_shown_with_its_measure_behind_what_did_not() {
        let version = Version {
            checks: vec![
                check("rows.min", Verdict::Pass, "at least 50", "1234"),
                check("median", Verdict::Warn, "90 to 110", "120"),
                check("format", Verdict::Pass, "CSV", "CSV"),
                check("as_of", Verdict::Pass, "not in the future", "2026-11-27T10:29:00Z"),
            ],
            ..Version::arrived(Name::from("stock"), VersionNumber(7), test_view().now)
        };
        let shown = of_version(&test_view(), &version).into_string();
        assert!(shown.contains("Version 7, accepted"), "{shown}");
        assert!(shown.contains("1 warned, 3 passed"), "{shown}");
        let (odd, good) = (shown.find(">median<"), shown.find(">rows.min<"));
        assert!(odd.is_some() && odd < good, "{shown}");
        assert!(shown.contains(">11:29:00</time>"), "in the zone of the page: {shown}");
        assert!(shown.contains("at least 50") && shown.contains("1234"), "{shown}");
        assert!(
            shown.contains("&lt;b&gt;median") && !shown.contains("&lt;b&gt;rows.min"),
            "{shown}"
        );
    }
}
