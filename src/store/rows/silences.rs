//! Rows of `silences`.

use rusqlite::{Result, Row, Statement, params};

use crate::model::{Silence, SilenceEnd};
use crate::store::column::{Cells, count, us, us_maybe};

/// Silences of one subject that are kept.
const SILENCES_KEPT_MAX: u32 = 1_000;

/// Stores a silence.
pub(in crate::store) const SILENCE_UPSERT: &str = "
INSERT INTO silences (subject, number, by, because, from_us, until_us, ended_at_us, ended_how)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (subject, number) DO UPDATE SET
    by = excluded.by,
    because = excluded.because,
    from_us = excluded.from_us,
    until_us = excluded.until_us,
    ended_at_us = excluded.ended_at_us,
    ended_how = excluded.ended_how";

/// Removes those of a subject that are older than its newest ?2, of which the last is number ?3.
pub(in crate::store) const SILENCES_FORGET: &str = "DELETE FROM silences WHERE subject = ?1 AND number <= ?3 - ?2";

/// What `read_silence` expects.
pub(in crate::store) const SILENCE_COLUMNS: &str =
    "subject, number, by, because, from_us, until_us, ended_at_us, ended_how";

/// Reads the last silence of each subject: walks from subject to subject within the key.
pub(in crate::store) fn last_of_each() -> String {
    format!(
        "WITH RECURSIVE known (name) AS (
            SELECT min(subject) FROM silences
            UNION ALL
            SELECT (SELECT min(subject) FROM silences WHERE subject > known.name) FROM known WHERE name IS NOT NULL
        )
        SELECT {SILENCE_COLUMNS} FROM known CROSS JOIN silences
        ON subject = name AND number = (SELECT max(number) FROM silences WHERE subject = name)
        ORDER BY subject"
    )
}

/// Stores `silence` by `SILENCE_UPSERT`.
pub(in crate::store) fn store_silence(statement: &mut Statement, silence: &Silence) -> Result<usize> {
    let end = silence.ended.as_ref();
    statement.execute(params![
        silence.subject.as_str(),
        count(silence.number),
        silence.by,
        silence.because,
        us(silence.from),
        us(silence.until),
        us_maybe(end.map(|end| end.at)),
        end.map(|end| &end.how),
    ])
}

/// Keeps the newest by `SILENCES_FORGET`.
pub(in crate::store) fn forget_older(statement: &mut Statement, last: &Silence) -> Result<()> {
    let kept = params![last.subject.as_str(), SILENCES_KEPT_MAX, count(last.number)];
    statement.execute(kept).map(drop)
}

/// Reads `SILENCE_COLUMNS`.
pub(in crate::store) fn read_silence(row: &Row) -> Result<Silence> {
    let mut cells = Cells::of(row);
    Ok(Silence {
        subject: cells.name()?,
        number: cells.count()?,
        by: cells.get()?,
        because: cells.get()?,
        from: cells.time()?,
        until: cells.time()?,
        ended: match (cells.time_maybe()?, cells.get::<Option<String>>()?) {
            (Some(at), Some(how)) => Some(SilenceEnd { at, how }),
            _ => None,
        },
    })
}
