//! What the checks refused, to whoever has to mend it: where it lies, and by which rules.

use std::path::PathBuf;

use crate::model::{CheckResult, Verdict, VersionRef};

/// Rules that have a line of their own.
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
    /// A line for each broken rule but the first, which the reason tells: what was expected and what came.
    pub(super) fn further_rules(&self) -> Vec<String> {
        let broken = self.checks.iter().filter(|check| check.verdict == Verdict::Hold);
        let further: Vec<&CheckResult> = broken.skip(1).collect();
        let mut lines: Vec<String> = further.iter().take(RULES_MAX).map(|check| line(check)).collect();
        if further.len() > RULES_MAX {
            let left_out = further.len() - RULES_MAX;
            lines.push(format!("and {left_out} more: freshd why {}", self.version.dataset));
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
