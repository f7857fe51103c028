//! `freshd silences`: what is silenced, by whom and why, and with `--all` what was.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::configured;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::names;
use super::numbers;
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::{Column, grid};
use super::times;
use crate::model::{Name, Silence};
use crate::store::Reader;

/// Most silences of one answer.
const LIMIT_MAX: i64 = 100_000;

/// What `silences` is told.
#[derive(Debug, clap::Args)]
pub(super) struct SilencesArgs {
    /// Only those of this job or dataset
    name: Option<String>,

    /// Those that are over too
    #[arg(long)]
    all: bool,

    /// At most so many, the newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = |text: &str| numbers::count(text, LIMIT_MAX))]
    limit: u32,
}

pub(super) fn run(args: &SilencesArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let (now, zone) = (Timestamp::now(), global.zone());
    let reader = global.reader()?;
    let name = args.name.as_deref().map(Name::from);
    let silences = match args.all {
        true => reader.silences(name.as_ref(), args.limit)?,
        false => reader.silences_standing(name.as_ref(), now, args.limit)?,
    };
    if let Some(name) = name.as_ref().filter(|_| silences.is_empty()) {
        is_known(name, &reader, global)?;
    }
    if out.json {
        out.document(&json!({ "silences": silences }))?;
        return Ok(Exit::Fine);
    }
    if silences.is_empty() {
        let what = name
            .as_ref()
            .map_or_else(|| "nothing".to_owned(), |name| clean(name.as_str()));
        let (never, not) = if name.is_some() {
            ("never", " not")
        } else {
            ("ever", "")
        };
        out.line(match args.all {
            true => format!("{what} was {never} silenced"),
            false => format!("{what} is{not} silenced; --all lists what was"),
        })?;
        return Ok(Exit::Fine);
    }
    let columns = [
        Column::cut("name", 20),
        Column::whole("from"),
        Column::whole("until"),
        Column::whole("by"),
        Column::cut("over", 16).spare(1),
        Column::cut("because", 20),
    ];
    let rows: Vec<Vec<String>> = silences.iter().map(|silence| row(silence, now, &zone)).collect();
    for line in grid(&columns, &rows, out::table_width()) {
        out.line(line)?;
    }
    Ok(Exit::Fine)
}

/// Fails when there is no such job or dataset, neither now nor on record. Where jobs.toml cannot be read nobody can tell.
fn is_known(name: &Name, reader: &Reader, global: &Global) -> Result<(), Failure> {
    let Ok(settings) = configured::settings(global) else {
        return Ok(());
    };
    let snapshot = reader.snapshot()?;
    let recorded = snapshot.jobs.iter().map(|record| &record.job);
    let recorded = recorded.chain(snapshot.version_numbers.iter().map(|(dataset, _)| dataset));
    let recorded = recorded.chain(snapshot.silences.iter().map(|silence| &silence.subject));
    let mut known = settings.jobs.keys().chain(settings.datasets.keys()).chain(recorded);
    if known.any(|known| known == name) {
        return Ok(());
    }
    let known = settings.jobs.keys().chain(settings.datasets.keys());
    let place = format!("{} or on record", global.config.display());
    Err(names::unknown(
        "job or dataset",
        name.as_str(),
        &place,
        known.map(Name::as_str),
    ))
}

fn row(silence: &Silence, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let over = match (&silence.ended, silence.stands(now)) {
        (Some(end), _) => format!("{}, {}", times::moment(end.at, now, zone), clean(&end.how)),
        (None, true) => tone(Tone::Warn, "no"),
        (None, false) => "its time was over".to_owned(),
    };
    vec![
        clean(silence.subject.as_str()),
        times::moment(silence.from, now, zone),
        times::moment(silence.until, now, zone),
        clean(&silence.by),
        over,
        clean(&silence.because),
    ]
}
