//! `[datasets]`: what is promised of each, and where its times are found.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, civil};

use super::checks::{checks, doubted};
use super::context::{Context, Section};
use super::reader::{Table, Text, Value};
use super::report::Spot;
use super::schedules;
use super::{measures, neighbours, parts};
use crate::model::{AsOf, Dataset, Due, Name, OpenDays, ProbeTarget, Severity, format_duration, parse_duration};
use crate::schedule;

const SETTLE_DEFAULT: Duration = Duration::from_secs(2);
const KEEP_VERSIONS_DEFAULT: i64 = 14;
const KEEP_VERSIONS_MAX: i64 = 100_000;

/// Where the parts of a dataset are written, for findings about the whole flow.
#[derive(Clone, Debug)]
pub(super) struct DatasetSpots {
    /// Its name.
    pub(super) name: Spot,
    /// `max_age`.
    pub(super) max_age: Option<Spot>,
    /// `due`.
    pub(super) due: Option<Spot>,
    /// `file`.
    pub(super) file: Option<Spot>,
    /// Datasets of `made_from`.
    pub(super) made_from: Box<[(Name, Spot)]>,
    /// Something in it could not be read: what seems to be missing may be there.
    pub(super) broken: bool,
}

/// Reads one dataset.
pub(super) fn dataset(context: &Context<'_>, name: &Name, table: Table<'_>) -> (Dataset, DatasetSpots) {
    let errors = context.report.errors();
    let file = table.text("file");
    let probe = table.get("probe");
    let max_age = table.get("max_age");
    let warn_age = table.get("warn_age");
    let counted_in = table.text("counted_in");
    let due = table.get("due");
    let (probe, probe_as_of) = match probe {
        Some(value) => measures::probe(context, value, table.path_of("probe")),
        None => (None, None),
    };
    let as_of = table.get("as_of");
    let as_of_zone = table.text("as_of_zone").and_then(|text| context.schedules.zone(&text));
    if let (Some(value), Some(_)) = (as_of, &probe_as_of) {
        value.error("`as_of` is written twice, here and in `probe`", "keep one of the two");
    }
    let mut as_of = as_of
        .and_then(|value| read_as_of(context, value, table.path_of("as_of")))
        .or(probe_as_of)
        .unwrap_or_default();
    match (&mut as_of, as_of_zone) {
        (AsOf::Column { zone, .. }, Some(given)) => *zone = Some(given),
        (AsOf::Pattern { zone, .. }, Some(given)) => *zone = given,
        (_, Some(_)) => context.report.error(
            table.key_spot("as_of_zone").unwrap_or(table.spot),
            "`as_of_zone` has no effect without a column or pattern",
            "write as_of = { column = \"...\" }, or take `as_of_zone` out",
        ),
        (_, None) => {}
    }
    if let (AsOf::Column { .. }, false) = (&as_of, has_format(&table)) {
        context.report.error(
            table.key_spot("as_of").unwrap_or(table.spot),
            "a column cannot be read without a `format`",
            format!("write [datasets.{name}.checks] and format = \"csv\" below it"),
        );
    }
    let file_path = file.map(|text| context.path(&text));
    let watched = match probe.as_ref().map(|probe| &probe.target) {
        Some(ProbeTarget::File(path)) => Some(path.as_path()),
        Some(ProbeTarget::Glob(pattern)) => Some(Path::new(pattern)),
        Some(ProbeTarget::Ping(_) | ProbeTarget::OpenLineage(_)) | None => None,
    };
    let checks = table.table("checks").map(|checks_table| {
        if let Some(doubts) = context.environment.doubts.get(name) {
            doubted(doubts, &checks_table);
        }
        checks(context, checks_table, file_path.as_deref().or(watched))
    });
    let made_from = neighbours::made_from(context, name, &table);
    let dataset = Dataset {
        name: name.clone(),
        title: context.title(Section::Datasets, name, &table),
        owner: context.owner(Section::Datasets, name, &table),
        system: table
            .text("system")
            .and_then(|text| context.refer(Section::Systems, &text)),
        file: file_path,
        probe,
        made_from: made_from.iter().map(|(source, _)| source.clone()).collect(),
        consumers: neighbours::consumers(context, &table),
        due: read_due(context, &table, due),
        max_age: max_age.and_then(positive_duration),
        warn_age: warn_age.and_then(positive_duration),
        counted_in: counted_in.and_then(|text| open_days(context, &text)),
        parts: parts::parts(context, name, &table),
        part_of: None,
        maintenance: Vec::new(),
        as_of,
        checks: checks.unwrap_or_default(),
        settle: table.duration("settle").unwrap_or(SETTLE_DEFAULT),
        must_change: table.flag("must_change").unwrap_or(false),
        may_be_empty: table.flag("may_be_empty").unwrap_or(false),
        requires_as_of: table.flag("requires_as_of").unwrap_or(false),
        keep_versions: table
            .whole("keep_versions", (0, KEEP_VERSIONS_MAX))
            .unwrap_or(KEEP_VERSIONS_DEFAULT)
            .try_into()
            .unwrap_or(0),
        severity: table
            .choice(
                "severity",
                &[("critical", Severity::Critical), ("warning", Severity::Warning)],
            )
            .unwrap_or_default(),
        description: table.words("description"),
        runbook: table.words("runbook"),
    };
    if let (Some(warn_age), Some(value)) = (dataset.warn_age, warn_age) {
        match dataset.max_age {
            Some(max_age) if warn_age >= max_age => value.error(
                "`warn_age` is not earlier than `max_age`",
                "write a shorter duration than `max_age`",
            ),
            None if max_age.is_none() => value.error(
                "`warn_age` has no effect without `max_age`",
                "add `max_age`, or take `warn_age` out",
            ),
            _ => {}
        }
    }
    if let Some(text) = &counted_in {
        match dataset.max_age {
            Some(max_age) if max_age > schedule::OPEN_AGE_MAX => text.error(
                format!(
                    "no `max_age` of more than {} is counted in open time",
                    format_duration(schedule::OPEN_AGE_MAX)
                ),
                "write a shorter `max_age`, or take `counted_in` out",
            ),
            None if max_age.is_none() => text.error(
                "`counted_in` has no effect without `max_age`",
                "add `max_age`, or take `counted_in` out",
            ),
            _ => {}
        }
    }
    if dataset.is_told_of() {
        measures::check_ping(&table);
    }
    if !dataset.parts.is_empty() {
        parts::check_probe(&table, name, &dataset);
    }
    if let (Some(_), true, AsOf::Start, Some(spot)) = (
        &dataset.probe,
        dataset.requires_as_of,
        &dataset.as_of,
        table.key_spot("requires_as_of"),
    ) && !table.has("as_of")
    {
        context.report.error(
            spot,
            "nothing says as of when what the probe finds is",
            "write as_of = { column = \"...\" }, or take `requires_as_of` out",
        );
    }
    let spots = DatasetSpots {
        name: table.spot,
        max_age: max_age.map(|value| value.spot()),
        due: due.map(|value| value.spot()),
        file: file.map(|text| text.spot()),
        made_from: made_from.into_boxed_slice(),
        broken: false,
    };
    table.finish();
    let broken = context.report.errors() > errors || context.report.may_be_in_a_hole(spots.name);
    (dataset, DatasetSpots { broken, ..spots })
}

/// Whether `checks` has a `format`, good or bad.
fn has_format(table: &Table<'_>) -> bool {
    let checks = table.get("checks").filter(Value::is_table);
    checks
        .and_then(|checks| checks.table(String::new()))
        .is_some_and(|checks| checks.has("format"))
}

/// The open days of the calendar that a text names, in the zone of the root file.
fn open_days(context: &Context<'_>, text: &Text<'_>) -> Option<OpenDays> {
    let name = context.refer(Section::Calendars, text)?;
    let calendar = context.calendars.get(&name)?.clone();
    let zone = context.timezone.clone();
    Some(OpenDays { calendar, zone })
}

fn positive_duration(value: Value<'_>) -> Option<Duration> {
    let duration = value.duration()?;
    if duration.is_zero() {
        value.error(
            format!("`{}` must be longer than nothing", value.key),
            "write a duration, as in 26h",
        );
        return None;
    }
    Some(duration)
}

/// `due = "CRON"` or `due = { at = "CRON", grace, warn, early, covers, ... }`; `early` and `covers` also beside it.
fn read_due(context: &Context<'_>, table: &Table<'_>, due: Option<Value<'_>>) -> Option<Due> {
    let beside_early = table.get("early");
    let beside_covers = table.get("covers");
    let Some(due) = due else {
        for value in [beside_early, beside_covers].into_iter().flatten() {
            value.error(
                format!("`{}` has no effect without `due`", value.key),
                format!("add `due`, or take `{}` out", value.key),
            );
        }
        return None;
    };
    if due.as_text().is_some() {
        let schedule = due.text().and_then(|text| schedules::plain(context, &text));
        let early = beside_early.and_then(Value::duration);
        let covers = beside_covers.and_then(read_covers);
        return Some(Due {
            schedule: schedule?,
            grace: Duration::ZERO,
            warn: Duration::ZERO,
            early,
            covers,
        });
    }
    if !due.is_table() {
        due.expected(
            "a cron line or a table",
            "write due = { at = \"0 23 * * FRI\", grace = \"15m\" }",
        );
        return None;
    }
    let inner = due.table(table.path_of("due"))?;
    if !inner.has("at") {
        due.error("`due` does not say when", "write due = { at = \"0 23 * * FRI\" }");
    }
    let schedule = schedules::line(context, &inner, "at");
    let early = inner.get("early");
    let covers = inner.get("covers");
    for (inside, beside) in [(early, beside_early), (covers, beside_covers)] {
        if let (Some(_), Some(beside)) = (inside, beside) {
            beside.error(
                format!("`{}` is written twice, here and in `due`", beside.key),
                "keep one of the two",
            );
        }
    }
    let grace = inner.duration("grace").unwrap_or_default();
    let warn = inner.duration("warn").unwrap_or_default();
    let early = early.or(beside_early).and_then(Value::duration);
    let covers = covers.or(beside_covers).and_then(read_covers);
    inner.finish();
    Some(Due {
        schedule: schedule?,
        grace,
        warn,
        early,
        covers,
    })
}

/// A duration counted back from the due time: `-1d`; `0s` is the due time itself.
fn read_covers(value: Value<'_>) -> Option<SignedDuration> {
    let text = value.text()?;
    let (back, duration) = match text.text.trim().strip_prefix('-') {
        Some(rest) => (true, parse_duration(rest)),
        None => (false, parse_duration(text.text)),
    };
    let duration = match duration {
        Ok(duration) => SignedDuration::try_from(duration).ok()?,
        Err(error) => {
            let (message, _) = error.rsplit_once("; ").unwrap_or((&error, ""));
            text.error(message, "write how far back the data must reach, as in \"-1d\"");
            return None;
        }
    };
    if !back && !duration.is_zero() {
        text.error(
            "`covers` asks for data from after the due time",
            format!("write \"-{}\", counted back from the due time", text.text.trim()),
        );
        return None;
    }
    Some(-duration)
}

/// `"start"`, `"mtime"`, a pattern, `{ column, zone }` or `{ pattern, zone }`.
fn read_as_of(context: &Context<'_>, value: Value<'_>, path: String) -> Option<AsOf> {
    let help = "write \"mtime\", { column = \"...\" } or { pattern = \"stock-%Y-%m-%d.csv\" }";
    if value.as_text().is_some() {
        let text = value.text()?;
        return match text.text {
            "start" => Some(AsOf::Start),
            _ => text_as_of(context, &text, help),
        };
    }
    if !value.is_table() {
        value.expected("a text or a table", help);
        return None;
    }
    let table = value.table(path)?;
    let column = table.text("column");
    let pattern = table.text("pattern");
    let zone = table.text("zone").and_then(|text| context.schedules.zone(&text));
    let as_of = match (column, pattern) {
        (Some(column), None) => Some(AsOf::Column {
            column: column.text.to_owned(),
            zone,
        }),
        (None, Some(pattern)) => checked_pattern(&pattern).then(|| AsOf::Pattern {
            pattern: pattern.text.to_owned(),
            zone: zone.unwrap_or_else(|| context.timezone.clone()),
        }),
        (Some(_), Some(_)) => {
            value.error("`as_of` has both a column and a pattern", "keep one of the two");
            None
        }
        (None, None) => {
            if !table.has("column") && !table.has("pattern") {
                value.error("`as_of` does not say where the time is found", help);
            }
            None
        }
    };
    table.finish();
    as_of
}

/// `"mtime"` or a pattern, as datasets and probes write it.
pub(super) fn text_as_of(context: &Context<'_>, text: &Text<'_>, help: &str) -> Option<AsOf> {
    if text.text == "mtime" {
        return Some(AsOf::Mtime);
    }
    if !text.text.contains('%') {
        text.error(format!("`{}` is not a value of `as_of`", text.text), help);
        return None;
    }
    checked_pattern(text).then(|| AsOf::Pattern {
        pattern: text.text.to_owned(),
        zone: context.timezone.clone(),
    })
}

/// Tries a pattern out: a name made by it must yield its date again.
fn checked_pattern(text: &Text<'_>) -> bool {
    let sample = civil::date(2024, 11, 23).at(22, 57, 41, 0);
    let sample = sample.in_tz("UTC");
    let read_back = sample.ok().and_then(|sample| {
        let name = jiff::fmt::strtime::format(text.text, &sample).ok()?;
        let parsed = jiff::fmt::strtime::parse(text.text, name).ok()?;
        parsed.to_date().ok()
    });
    let good = read_back == Some(civil::date(2024, 11, 23));
    if !good {
        text.error(
            format!("no date can be read by the pattern `{}`", text.text),
            "write year, month and day as %Y, %m and %d, as in stock-%Y-%m-%d.csv",
        );
    }
    good
}
