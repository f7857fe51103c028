//! The incidents of a digest in groups: what is open by how bad it is, then what is rehearsed, then what is over.

use super::{FACT_CHARS_MAX, clean};
use crate::model::{DigestLine, Message, Severity};

/// Lines that belong together, below what they are.
pub(super) struct Group {
    /// What they are, and how many: `Open, critical (3)`.
    pub(super) title: String,
    /// Whether they are over: then nobody has to do anything about them.
    pub(super) is_over: bool,
    /// One for each incident, in the order of the digest.
    pub(super) lines: Vec<String>,
}

impl Group {
    /// The lines where there is room for many: what is over stands in one piece, each incident by its number.
    pub(super) fn in_pieces(&self) -> Vec<String> {
        match self.is_over {
            true => vec![self.lines.join("; ")],
            false => self.lines.clone(),
        }
    }
}

/// The groups that have a line, the worst first; none of a message that is no digest.
pub(super) fn groups(message: &Message) -> Vec<Group> {
    let open = |line: &DigestLine, severity| !line.is_over && !line.is_drill() && line.severity == severity;
    let group = |what: &str, is_over, belongs: &dyn Fn(&DigestLine) -> bool| {
        let lines = message.incidents.iter().filter(|line| belongs(line));
        let lines: Vec<String> = lines.map(|line| clean::line(&line.text, FACT_CHARS_MAX)).collect();
        Group {
            title: format!("{what} ({})", lines.len()),
            is_over,
            lines,
        }
    };
    let all = [
        group("Open, critical", false, &|line| open(line, Severity::Critical)),
        group("Open, warning", false, &|line| open(line, Severity::Warning)),
        group("Rehearsed", false, &|line| !line.is_over && line.is_drill()),
        group("Over", true, &|line| line.is_over),
    ];
    all.into_iter().filter(|group| !group.lines.is_empty()).collect()
}
