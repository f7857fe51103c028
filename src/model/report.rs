//! What a job says of its own work: the `key=value` lines of its report file.

/// Most pairs kept of one report; later ones are counted among the malformed.
pub const REPORT_PAIRS_MAX: usize = 256;

/// Most malformed lines shown of one report.
pub const REPORT_MALFORMED_MAX: usize = 20;

/// Longest line of a report that is read; a longer one is malformed.
pub const REPORT_LINE_BYTES_MAX: usize = 4096;

/// How much of a malformed line is shown.
const SHOWN_CHARS_MAX: usize = 200;

/// A report, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order written. A key may come more than once: the last one counts.
    pub pairs: Vec<(String, String)>,
    /// Lines that could not be read, as they were, shortened.
    pub malformed: Vec<String>,
}

/// Reads `key=value` lines. Unknown keys are kept; nothing in a report is ever fatal.
///
/// White space around key and value is not part of them; empty lines are nothing.
pub fn parse_report(text: &str) -> Report {
    let mut report = Report::default();
    let mut unshown = 0_u64;
    for line in text.lines() {
        if line.trim().is_empty() {
            continue;
        }
        match parse_line(line) {
            Some(pair) if report.pairs.len() < REPORT_PAIRS_MAX => report.pairs.push(pair),
            _ if report.malformed.len() < REPORT_MALFORMED_MAX => {
                report.malformed.push(shown(line));
            }
            _ => unshown += 1,
        }
    }
    if unshown > 0 {
        report.malformed.push(format!("and {unshown} more lines"));
    }
    report
}

/// The value that counts for a key: the last one written.
pub fn report_value<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let pair = pairs.iter().rev().find(|(found, _)| found == key);
    pair.map(|(_, value)| value.as_str())
}

fn parse_line(line: &str) -> Option<(String, String)> {
    if line.len() > REPORT_LINE_BYTES_MAX {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    let fine = !key.is_empty() && !key.chars().chain(value.chars()).any(char::is_control);
    fine.then(|| (key.to_owned(), value.to_owned()))
}

fn shown(line: &str) -> String {
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut text: String = line.trim().chars().take(SHOWN_CHARS_MAX).map(printable).collect();
    if line.trim().chars().nth(SHOWN_CHARS_MAX).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_in_order_and_the_last_of_a_key_counts() {
        let report = parse_report("rows=10\r\n\n as_of = 2026-11-20T22:10:00Z \nrows=12\nmy key=a=b\nempty=");
        let pairs: Vec<(&str, &str)> = report
            .pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("rows", "10"),
                ("as_of", "2026-11-20T22:10:00Z"),
                ("rows", "12"),
                ("my key", "a=b"),
                ("empty", ""),
            ]
        );
        assert_eq!(report.malformed, Vec::<String>::new());
        assert_eq!(report_value(&report.pairs, "rows"), Some("12"));
        assert_eq!(report_value(&report.pairs, "bytes"), None);
    }

    #[test]
    fn malformed_lines_are_shown_and_the_others_still_count() {
        let report = parse_report("no equals sign\n=nameless\nrows=1\nbell=\u{7}\n");
        assert_eq!(report.pairs, [("rows".to_owned(), "1".to_owned())]);
        assert_eq!(report.malformed, ["no equals sign", "=nameless", "bell=\u{fffd}"]);
    }

    #[test]
    fn a_report_without_measure_is_cut() {
        let long = "x".repeat(REPORT_LINE_BYTES_MAX);
        let lines: Vec<String> = (0..1_000)
            .map(|number| format!("key{number}={number}\nbroken {number}"))
            .collect();
        let text = format!("key={long}\n{}", lines.join("\n"));
        let report = parse_report(&text);
        assert_eq!(report.pairs.len(), REPORT_PAIRS_MAX);
        assert_eq!(report.malformed.len(), REPORT_MALFORMED_MAX + 1);
        assert!(report.malformed[0].chars().count() <= SHOWN_CHARS_MAX + 1);
        let left = 1 + 1_000 + (1_000 - REPORT_PAIRS_MAX) - REPORT_MALFORMED_MAX;
        assert_eq!(report.malformed.last(), Some(&format!("and {left} more lines")));
    }
}
