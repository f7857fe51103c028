//! `freshd silences`: what is silenced, by whom and why, and with `--all` what was.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::{Column, grid};
use super::times;
use crate::model::{Name, Silence};

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
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=LIMIT_MAX))]
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
    if out.json {
        out.document(&json!({ "silences": silences }))?;
        return Ok(Exit::Fine);
    }
    if silences.is_empty() {
        out.line(match args.all {
            true => "nothing was ever silenced",
            false => "nothing is silenced; --all lists what was",
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
    for line in grid(&columns, &rows, out::width()) {
        out.line(line)?;
    }
    Ok(Exit::Fine)
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
