//! What the checks refused, to whoever has to mend it: where it lies, and by which rules.

use std::path::PathBuf;

use crate::model::{CheckResult, Verdict, VersionRef};

/// The label of the line about the first rule that refuses data, which the reason tells as well.
const BROKEN_RULE: &str = "Broken rule";

/// The label of a line about another.
const BROKEN_TOO: &str = "Broken too";

/// Further rules that have a line of their own.
const RULES_MAX: usize = 12;

/// Characters of such a line.
const RULE_CHARS_MAX: usize = 300;

/// What the checks refused of what the last run of a job made.
#[derive(Clone, Debug)]
pub struct Refused<'a> {
    /// Its number.
    pub version: VersionRef,
    /// Where it lies in the state directory.
    pub lies: PathBuf,
    /// What each check said of it.
    pub checks: &'a [CheckResult],
}

impl Refused<'_> {
    /// A line for each broken rule, where there are several: what was expected and what came. The first is told by the
    /// reason as well, but without it the others are no list.
    pub(super) fn rules(&self) -> Vec<(&'static str, String)> {
        let broken = self.checks.iter().filter(|check| check.verdict == Verdict::Hold);
        let broken: Vec<&CheckResult> = broken.collect();
        let [first, further @ ..] = broken.as_slice() else {
            return Vec::new();
        };
        if further.is_empty() {
            return Vec::new();
        }
        let shown = further.iter().take(RULES_MAX).map(|check| (BROKEN_TOO, line(check)));
        let mut lines: Vec<_> = std::iter::once((BROKEN_RULE, line(first))).chain(shown).collect();
        if further.len() > RULES_MAX {
            let left_out = further.len() - RULES_MAX;
            lines.push((
                BROKEN_TOO,
                format!("and {left_out} more: freshd why {}", self.version.dataset),
            ));
        }
        lines
    }
}

fn line(check: &CheckResult) -> String {
    let line = format!("{}: {}", check.name, check.message);
    match line.char_indices().nth(RULE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
