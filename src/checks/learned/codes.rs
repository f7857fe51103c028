//! Codes: which never came before, and which of those that always came do not come any more.

use std::collections::BTreeSet;

use super::usual::percent;
use super::{Learned, Seen};
use crate::checks::columns::of_code;
use crate::model::{CODES_MAX, COMPARED_MIN, Share};
use crate::probe;

/// How many codes a message shows.
const SHOWN_MAX: usize = 3;

impl Learned<'_> {
    pub(super) fn codes(&mut self, column: &Seen<'_>) {
        let name = column.rule.column.as_str();
        let level = column.rule.level.of_habit();
        let rules = [
            ("codes.new", &column.rule.codes_new),
            ("codes.vanished", &column.rule.codes_vanished),
        ];
        let now = column.now.codes.as_ref();
        for (check, allowed) in rules {
            let Some(allowed) = allowed else { continue };
            let Some(now) = now else {
                let message = format!(
                    "column `{name}` has more than {CODES_MAX} different values, or very long ones, so they are not compared"
                );
                self.add(check, Some(name), level, false, &allowed.text, "not known", message);
                continue;
            };
            let comparison = self.comparison.of_check(check, Some(name));
            let versions = comparison.versions.iter();
            let known: Vec<BTreeSet<&str>> = versions
                .filter_map(|past| past.lesson.profile.columns.get(name)?.codes.as_ref())
                .map(|codes| codes.iter().map(String::as_str).collect())
                .collect();
            if comparison.is_learning() || known.len() < COMPARED_MIN {
                let progress = comparison.progress();
                let message = format!(
                    "{check} of column `{name}` is not compared yet: {}",
                    comparison.progress_words()
                );
                self.add(check, Some(name), level, true, &progress, &progress, message);
                continue;
            }
            if check == "codes.new" {
                self.new_codes(column, allowed, now, &known);
            } else {
                self.vanished_codes(column, allowed, now, &known);
            }
        }
    }

    fn new_codes(&mut self, column: &Seen<'_>, allowed: &Share, now: &[String], known: &[BTreeSet<&str>]) {
        let name = column.rule.column.as_str();
        let is_known = |code: &str| known.iter().any(|codes| codes.contains(code));
        let mut new: Vec<(u64, &str)> = now
            .iter()
            .filter(|code| !is_known(code))
            .map(|code| (column.sketch.line_of(code).unwrap_or(0), code.as_str()))
            .collect();
        new.sort_unstable();
        let part = part(new.len(), now.len());
        let is_fine = part <= allowed.part;
        let were = if now.len() == 1 { "code was" } else { "codes were" };
        let mut message = format!(
            "column `{name}`: {} of {} {were} never seen before, in none {}",
            new.len(),
            now.len(),
            self.compared("codes.new", Some(name))
        );
        if !is_fine {
            let shown = new.iter().take(SHOWN_MAX);
            let mut lines: Vec<String> = shown
                .map(|(line, code)| format!("{} {line} `{}`", self.row_word, probe::shortened(code)))
                .collect();
            if new.len() > SHOWN_MAX {
                lines.push("...".to_owned());
            }
            message.push_str(": ");
            message.push_str(&lines.join(", "));
            let cause = new.iter().find_map(|(_, code)| of_code(code, &is_known));
            let cause = cause.or_else(|| (part > 0.5).then(|| "the codes of another system?".to_owned()));
            if let Some(cause) = cause {
                message.push_str("; ");
                message.push_str(&cause);
            }
        }
        let expected = format!("at most {} new", allowed.text);
        let level = column.rule.level.of_habit();
        self.add(
            "codes.new",
            Some(name),
            level,
            is_fine,
            &expected,
            &percent(part),
            message,
        );
    }

    fn vanished_codes(&mut self, column: &Seen<'_>, allowed: &Share, now: &[String], known: &[BTreeSet<&str>]) {
        let name = column.rule.column.as_str();
        let Some((first, others)) = known.split_first() else {
            return;
        };
        let always: Vec<&str> = first
            .iter()
            .filter(|code| others.iter().all(|codes| codes.contains(**code)))
            .copied()
            .collect();
        let present: BTreeSet<&str> = now.iter().map(String::as_str).collect();
        let gone: Vec<&str> = always
            .iter()
            .filter(|code| !present.contains(**code))
            .copied()
            .collect();
        let part = part(gone.len(), always.len());
        let is_fine = part <= allowed.part;
        let codes = if always.len() == 1 { "code" } else { "codes" };
        let mut message = format!(
            "column `{name}`: {} of {} {codes} that always came, in each {}, {} missing",
            gone.len(),
            always.len(),
            self.compared("codes.vanished", Some(name)),
            if gone.len() == 1 { "is" } else { "are" }
        );
        if !is_fine {
            let mut shown: Vec<String> = gone
                .iter()
                .take(SHOWN_MAX)
                .map(|code| format!("`{}`", probe::shortened(code)))
                .collect();
            if gone.len() > SHOWN_MAX {
                shown.push("...".to_owned());
            }
            message.push_str(": ");
            message.push_str(&shown.join(", "));
        }
        let expected = format!("at most {} gone", allowed.text);
        let level = column.rule.level.of_habit();
        self.add(
            "codes.vanished",
            Some(name),
            level,
            is_fine,
            &expected,
            &percent(part),
            message,
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are at most a thousand codes")]
fn part(count: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}
