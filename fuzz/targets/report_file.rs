//! A report file: whatever a job writes there is read without harm, and what is shown of it is bounded and printable.

#![no_main]

use freshd::model::{REPORT_LINE_BYTES_MAX, REPORT_MALFORMED_MAX, REPORT_PAIRS_MAX, parse_report, report_value};
use libfuzzer_sys::fuzz_target;

/// What is shown of a line nobody can read.
const SHOWN_BYTES_MAX: usize = 4 * 201;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let report = parse_report(&text);
    assert!(report.pairs.len() <= REPORT_PAIRS_MAX);
    assert!(report.malformed.len() <= REPORT_MALFORMED_MAX + 1);
    let is_printable = |text: &str| !text.contains(char::is_control);
    for line in &report.malformed {
        assert!(is_printable(line) && line.len() <= SHOWN_BYTES_MAX, "{line:?}");
    }
    for (key, value) in &report.pairs {
        assert!(!key.is_empty() && key.len() + value.len() < REPORT_LINE_BYTES_MAX);
        assert!(is_printable(key) && is_printable(value), "{key:?} {value:?}");
        assert_eq!((key.trim(), value.trim()), (key.as_str(), value.as_str()));
        assert!(!key.contains('='));
    }
    // Each line that says something is a pair, shown, or counted.
    let said = text.lines().filter(|line| !line.trim().is_empty()).count();
    let counted = report.malformed.last().and_then(|line| {
        let number = line.strip_prefix("and ")?.strip_suffix(" more lines")?;
        number
            .parse::<usize>()
            .ok()
            .filter(|_| report.malformed.len() > REPORT_MALFORMED_MAX)
    });
    let shown = report.malformed.len() - usize::from(counted.is_some());
    assert_eq!(report.pairs.len() + shown + counted.unwrap_or(0), said);

    // Written down again, it says the same.
    let again: String = report
        .pairs
        .iter()
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect();
    assert_eq!(parse_report(&again).pairs, report.pairs);
    for (key, _) in &report.pairs {
        let last = report.pairs.iter().rfind(|(found, _)| found == key);
        assert_eq!(report_value(&report.pairs, key), last.map(|(_, value)| value.as_str()));
    }
});
