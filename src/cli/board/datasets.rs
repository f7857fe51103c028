//! The board's datasets: state, age and promise of each, and who answers for it.

use super::{Frame, ROWS_MAX};
use crate::cli::paint::{Tone, clean, tone};
use crate::cli::table::{Column, grid};
use crate::cli::times;
use crate::model::{DatasetState, Status, elapsed, format_age, natural};

/// A row for each dataset, those with broken promises first.
pub(super) fn block(status: &Status, frame: Frame<'_>) -> String {
    let mut datasets: Vec<&DatasetState> = status.datasets.iter().collect();
    datasets.sort_by(|a, b| {
        let by_state = rank(&a.state).cmp(&rank(&b.state));
        by_state.then_with(|| natural(&a.name, &b.name))
    });
    let left_out = datasets.len().saturating_sub(ROWS_MAX);
    datasets.truncate(ROWS_MAX);
    if datasets.is_empty() {
        return String::new();
    }
    let columns = [
        Column::whole(""),
        Column::cut("dataset", 32),
        Column::whole("as of"),
        Column::whole("age"),
        Column::pinched("due by", 12),
        Column::whole("owner"),
        Column::whole("title").spare(1),
    ];
    let rows: Vec<Vec<String>> = datasets.iter().map(|dataset| row(dataset, frame)).collect();
    let told = |dataset: &DatasetState| {
        status
            .incidents
            .iter()
            .any(|incident| incident.about == "dataset" && incident.subject == dataset.name)
    };
    let remarks: Vec<Option<String>> = datasets
        .iter()
        .map(|dataset| {
            // What an incident says above need not be said again; that nothing was ever seen stands in the row.
            let is_plain = dataset.state == "fresh" || dataset.reason == "never seen";
            let reason = (!is_plain && !told(dataset)).then(|| clean(&dataset.reason));
            let expected = dataset.expected.as_ref().map(|expected| {
                let until = times::moment(expected.until, frame.now, frame.zone);
                format!("expected: {}, until {until}", clean(&expected.words()))
            });
            let by_hand = dataset.by_hand.as_ref().map(|by_hand| clean(&by_hand.words()));
            let passed = dataset.as_expected.as_ref();
            let passed = passed.map(|passed| format!("passed as expected: {}", clean(&passed.words())));
            let remarks = [reason, by_hand, passed, expected];
            let remarks: Vec<String> = remarks.into_iter().flatten().collect();
            (!remarks.is_empty()).then(|| remarks.join("; "))
        })
        .collect();
    super::table(
        &grid(&columns, &rows, frame.room.tables),
        &remarks,
        left_out,
        "datasets",
        frame,
    )
}

/// A state with its symbol, in its tone.
pub(in crate::cli) fn state_words(state: &str) -> String {
    let (mark, tint) = match state {
        "fresh" => ("✓", Tone::Good),
        "due_soon" | "held" => ("!", Tone::Warn),
        "paused" => ("‖", Tone::Dim),
        "unknown" => ("?", Tone::Warn),
        _ => ("✗", Tone::Bad),
    };
    tone(tint, format!("{mark} {}", clean(state).replace('_', " ")))
}

fn row(dataset: &DatasetState, frame: Frame<'_>) -> Vec<String> {
    let as_of = dataset.effective_as_of;
    let deadline = match dataset.deadline {
        Some(at) => format!(
            "{} ({})",
            times::moment(at, frame.now, frame.zone),
            times::hint(at, frame.now)
        ),
        None => "-".to_owned(),
    };
    vec![
        state_words(&dataset.state),
        clean(&dataset.name),
        as_of.map_or_else(
            || tone(Tone::Dim, not_seen(dataset, frame)),
            |at| times::moment(at, frame.now, frame.zone),
        ),
        as_of.map_or_else(
            || "-".to_owned(),
            |at| format_age(times::rounded(elapsed(at, frame.now))),
        ),
        deadline,
        owner_words(&dataset.owner),
        dataset.title.as_deref().map(clean).unwrap_or_default(),
    ]
}

/// Why there is no time as of when it is.
fn not_seen(dataset: &DatasetState, frame: Frame<'_>) -> String {
    let first = dataset.first_run.map(|first| first.words(frame.now, frame.zone));
    first.unwrap_or_else(|| "never seen".to_owned())
}

/// The owner; `nobody` is never overlooked.
pub(in crate::cli) fn owner_words(owner: &str) -> String {
    if owner == "nobody" {
        tone(Tone::Bad, "nobody")
    } else {
        clean(owner)
    }
}

/// The owner as messages and pages call it, with its name, which is what to type.
pub(in crate::cli) fn titled_owner(owner: &str, title: Option<&str>) -> String {
    match title.filter(|title| *title != owner) {
        Some(title) => format!("{} ({})", clean(title), owner_words(owner)),
        None => owner_words(owner),
    }
}

fn rank(state: &str) -> u8 {
    match state {
        "late" | "stale" | "changed" | "suspect" => 0,
        "unknown" => 1,
        "held" | "due_soon" => 2,
        _ => 3,
    }
}
