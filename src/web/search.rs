//! `/api/v1/jobs/NAME/logs`: looks through all that is kept of a job's outputs, in each request a piece of bounded work.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Path as Named, State};
use axum::http::Uri;
use axum::response::Response;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Trouble, document};
use super::api::{Rows, known_job, rows};
use super::desk::Desk;
use super::output::line_document;
use super::reading::query;
use crate::model::{AttemptId, Name, log_path};
use crate::runner::{LogLine, LogSearch, Stream, outputs_of};

/// Bytes of outputs that one request looks at, about.
const LOOKED_AT_BYTES_MAX: u64 = 64 << 20;
/// Bytes of the lines of one answer, about.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What is looked for, and where to go on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Lines that hold this; every line when it is missing.
    q: Option<String>,
    /// Capital and small letters are the same.
    ignore_case: Option<bool>,
    /// Printed since this instant, in RFC 3339.
    #[schemars(with = "Option<crate::model::Instant>")]
    since: Option<Timestamp>,
    /// Printed until this instant.
    #[schemars(with = "Option<crate::model::Instant>")]
    until: Option<Timestamp>,
    /// Of this stream alone.
    stream: Option<StreamWord>,
    /// At most so many lines.
    limit: Option<Rows>,
    /// Where to go on: `next` of the answer before.
    from: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StreamWord {
    Stdout,
    Stderr,
}

/// A place among the outputs of a job: behind so many lines of an attempt's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    id: AttemptId,
    lines: u64,
}

impl Place {
    /// Reads `412.2`, or `412.2:350`.
    fn read(text: &str) -> Result<Self, Trouble> {
        let (id, lines) = text.split_once(':').unwrap_or((text, "0"));
        let place = id.parse().ok().zip(lines.parse().ok());
        place.map(|(id, lines)| Self { id, lines }).ok_or_else(|| {
            Trouble::Query(format!(
                "`{text}` is no place to go on from; write `next` of the last answer"
            ))
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.id, self.lines)
    }
}

/// How much may be looked at and answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) lines: usize,
    pub(super) looked_at_bytes: u64,
    pub(super) answer_bytes: usize,
}

/// What one request found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) lines: Vec<(AttemptId, LogLine)>,
    /// Outputs and bytes that were looked at.
    outputs: u64,
    pub(super) bytes: u64,
    /// Outputs that could not be read.
    pub(super) unreadable: Vec<AttemptId>,
    /// Where to go on; nothing when all was looked at.
    pub(super) next: Option<Place>,
}

pub(super) async fn logs(
    State(desk): State<Arc<Desk>>,
    Named(name): Named<String>,
    uri: Uri,
) -> Result<Response, Trouble> {
    let job = known_job(&desk, &name)?.name.clone();
    let wanted = query::<Wanted>(&uri)?;
    let text = wanted.q.as_deref().unwrap_or_default();
    let search = LogSearch::new(text, wanted.ignore_case.unwrap_or(false)).map_err(Trouble::Query)?;
    let mut search = search.hiding(desk.settings().redactor.clone());
    (search.since, search.until) = (wanted.since, wanted.until);
    search.stream = wanted.stream.map(|word| match word {
        StreamWord::Stdout => Stream::Stdout,
        StreamWord::Stderr => Stream::Stderr,
    });
    let from = wanted.from.as_deref().map(Place::read).transpose()?;
    let bounds = Bounds {
        lines: rows(wanted.limit) as usize,
        looked_at_bytes: LOOKED_AT_BYTES_MAX,
        answer_bytes: ANSWER_BYTES_MAX,
    };
    let state_dir = desk.state_dir();
    let found = desk
        .search(move || look(&state_dir, &job, &search, from, bounds))
        .await?;
    let found = found.map_err(|error| Trouble::unreadable(&error))?;
    let lines: Vec<Value> = found
        .lines
        .iter()
        .map(|(id, line)| line_document(Some(*id), line))
        .collect();
    Ok(document(&json!({
        "lines": lines,
        "searched": { "outputs": found.outputs, "bytes": found.bytes },
        "unreadable": found.unreadable.iter().map(ToString::to_string).collect::<Vec<String>>(),
        "next": found.next.map(|place| place.to_string()),
    })))
}

/// Looks through the outputs of a job, the newest run first and each in its own order, from a place on.
pub(super) fn look(
    state_dir: &Path,
    job: &Name,
    search: &LogSearch,
    from: Option<Place>,
    bounds: Bounds,
) -> io::Result<Found> {
    let mut found = Found::default();
    let mut answer_bytes = 0;
    for id in outputs_of(state_dir, job)? {
        // What is newer was looked at, or has come since.
        if from.is_some_and(|from| id > from.id) {
            continue;
        }
        let from_line = from.filter(|from| from.id == id).map_or(0, |from| from.lines);
        let left = bounds.looked_at_bytes.saturating_sub(found.bytes);
        if left == 0 || found.lines.len() >= bounds.lines || answer_bytes >= bounds.answer_bytes {
            found.next = Some(Place { id, lines: 0 });
            break;
        }
        let lines = &mut found.lines;
        let passed = search.go_through(&log_path(state_dir, job, id), from_line, left, |line| {
            answer_bytes += line.text.len();
            lines.push((id, line));
            if lines.len() >= bounds.lines || answer_bytes >= bounds.answer_bytes {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        match passed {
            Ok(passed) => {
                found.outputs += 1;
                found.bytes += passed.bytes;
                if !passed.is_whole {
                    found.next = Some(Place {
                        id,
                        lines: passed.lines,
                    });
                    break;
                }
            }
            // Removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // One that is damaged does not hide the others.
            Err(_) => found.unreadable.push(id),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Three runs of five lines each.
    fn three_runs() -> (tempfile::TempDir, Name) {
        let (dir, job) = (tempfile::tempdir().unwrap(), Name::from("stock"));
        for run in 1..=3 {
            let id: AttemptId = format!("{run}.1").parse().unwrap();
            let path = log_path(dir.path(), &job, id);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let line = |number| format!("2026-11-0{run}T12:00:0{number}Z run {run} line {number}\n");
            fs::write(path, (1..=5).map(line).collect::<String>()).unwrap();
        }
        (dir, job)
    }

    fn texts(found: &Found) -> Vec<String> {
        let text = |(id, line): &(AttemptId, LogLine)| format!("{id} {}", String::from_utf8_lossy(&line.text));
        found.lines.iter().map(text).collect()
    }

    const BOUNDS: Bounds = Bounds {
        lines: 100,
        looked_at_bytes: 1 << 20,
        answer_bytes: 1 << 20,
    };

    #[test]
    fn the_newest_run_comes_first_and_each_in_its_own_order() {
        let (dir, job) = three_runs();
        let search = LogSearch::new("LINE 4", true).unwrap();
        let found = look(dir.path(), &job, &search, None, BOUNDS).unwrap();
        assert_eq!(
            texts(&found),
            ["3.1 run 3 line 4", "2.1 run 2 line 4", "1.1 run 1 line 4"]
        );
        assert_eq!((found.outputs, found.bytes, found.next), (3, 15 * 13, None));
    }

    #[test]
    fn small_pieces_show_the_same_lines_as_one_large_one_whatever_bounds_them() {
        let (dir, job) = three_runs();
        let search = LogSearch::new("line", false).unwrap();
        let whole = texts(&look(dir.path(), &job, &search, None, BOUNDS).unwrap());
        assert_eq!(whole.len(), 15);
        for bounds in [
            Bounds { lines: 2, ..BOUNDS },
            Bounds { lines: 5, ..BOUNDS },
            Bounds {
                answer_bytes: 20,
                ..BOUNDS
            },
            Bounds {
                looked_at_bytes: 1,
                ..BOUNDS
            },
            Bounds {
                looked_at_bytes: 65,
                ..BOUNDS
            },
        ] {
            let (mut pieces, mut from) = (Vec::new(), None);
            loop {
                let found = look(dir.path(), &job, &search, from, bounds).unwrap();
                assert!(found.bytes < bounds.looked_at_bytes + 13);
                pieces.extend(texts(&found));
                let Some(next) = found.next else { break };
                assert_eq!(Place::read(&next.to_string()).ok(), Some(next));
                from = Some(next);
            }
            assert_eq!(pieces, whole, "{bounds:?}");
        }
    }

    #[test]
    fn an_output_that_cannot_be_read_is_named_and_hides_no_other() {
        let (dir, job) = three_runs();
        fs::write(log_path(dir.path(), &job, "2.1".parse().unwrap()), [0; 500]).unwrap();
        let search = LogSearch::new("line 4", false).unwrap();
        let found = look(dir.path(), &job, &search, None, BOUNDS).unwrap();
        assert_eq!(texts(&found), ["3.1 run 3 line 4", "1.1 run 1 line 4"]);
        assert_eq!(found.unreadable, ["2.1".parse().unwrap()]);
    }
}
