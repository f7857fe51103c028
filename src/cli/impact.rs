//! `freshd impact`: what depends on a job, dataset or system, who answers for it, and who reads first.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::configured;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::names;
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::{Column, grid};
use super::times;
use crate::lineage::{Lineage, Reader, ReaderKind};
use crate::model::{Name, Settings};
use crate::schedule;

/// What `impact` is told.
#[derive(Debug, clap::Args)]
pub(super) struct ImpactArgs {
    /// A job, dataset or system
    name: String,
}

/// Somebody who is hit, with the instant at which it next reads.
struct Hit<'a> {
    reader: Reader<'a>,
    at: Option<Timestamp>,
}

pub(super) fn run(args: &ImpactArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let settings = configured::settings(global)?;
    let name = args.name.as_str();
    let kinds = kinds(name, &settings);
    if kinds.is_empty() {
        let known = settings
            .jobs
            .keys()
            .chain(settings.datasets.keys())
            .chain(settings.systems.keys());
        let place = global.config.display().to_string();
        return Err(names::unknown(
            "job, dataset or system",
            name,
            &place,
            known.map(Name::as_str),
        ));
    }
    let lineage = Lineage::new(&settings);
    let now = Timestamp::now();
    let mut hits: Vec<Hit<'_>> = lineage
        .impact_of_any(name)
        .into_iter()
        .map(|reader| Hit {
            at: reader
                .reads_at
                .and_then(|rule| schedule::next_open(rule, now))
                .map(|next| next.at),
            reader,
        })
        .collect();
    hits.sort_by(|a, b| {
        let first = |hit: &Hit<'_>| (hit.at.is_none(), hit.at, hit.reader.distance);
        first(a)
            .cmp(&first(b))
            .then_with(|| a.reader.consumer.cmp(&b.reader.consumer))
    });
    if out.json {
        let line = |hit: &Hit<'_>| {
            json!({
                "name": hit.reader.consumer,
                "kind": kind_word(hit.reader.kind),
                "title": title(&hit.reader, &settings),
                "owner": hit.reader.owner.as_str(),
                "reads": hit.reader.dataset,
                "reads_at": hit.at,
                "distance": hit.reader.distance,
            })
        };
        out.document(&json!({
            "name": name,
            "is": kinds,
            "readers": hits.iter().map(line).collect::<Vec<Value>>(),
        }))?;
        return Ok(Exit::Fine);
    }
    let shown = clean(name);
    if hits.is_empty() {
        out.line(format!("nobody reads {shown}, or anything that is made from it"))?;
        return Ok(Exit::Fine);
    }
    let is = kinds.join(" and ");
    out.line(format!(
        "{is} {}: who is hit, the first to read first",
        tone(Tone::Strong, &shown)
    ))?;
    let columns = [
        Column::whole("reads next"),
        Column::whole("").spare(2),
        Column::cut("who", 20),
        Column::whole("owner"),
        Column::cut("reads", 12),
        Column::whole("steps").spare(1),
    ];
    let zone = global.zone();
    let rows: Vec<Vec<String>> = hits
        .iter()
        .map(|hit| {
            let reader = &hit.reader;
            vec![
                hit.at
                    .map_or_else(|| "at no known time".to_owned(), |at| times::moment(at, now, &zone)),
                hit.at.map(|at| times::hint(at, now)).unwrap_or_default(),
                format!("{} {}", kind_word(reader.kind), clean(&title(reader, &settings))),
                super::board::owner(reader.owner.as_str()),
                clean(reader.dataset.as_str()),
                reader.distance.to_string(),
            ]
        })
        .collect();
    for line in grid(&columns, &rows, out::table_width()) {
        out.line(line)?;
    }
    Ok(Exit::Fine)
}

/// What bears that name: a job and a dataset may share one.
fn kinds(name: &str, settings: &Settings) -> Vec<&'static str> {
    let kinds = [
        ("job", settings.jobs.contains_key(name)),
        ("dataset", settings.datasets.contains_key(name)),
        ("system", settings.systems.contains_key(name)),
    ];
    kinds.into_iter().filter(|(_, is)| *is).map(|(kind, _)| kind).collect()
}

fn kind_word(kind: ReaderKind) -> &'static str {
    match kind {
        ReaderKind::System => "system",
        ReaderKind::Team => "team",
        ReaderKind::Job => "job",
    }
}

fn title(reader: &Reader<'_>, settings: &Settings) -> String {
    let name = &reader.consumer;
    let title = match reader.kind {
        ReaderKind::System => settings.systems.get(name).and_then(|system| system.title.clone()),
        ReaderKind::Team => settings.teams.get(name).and_then(|team| team.title.clone()),
        ReaderKind::Job => settings
            .jobs
            .get(name)
            .and_then(|job| job.title.as_deref().map(Into::into)),
    };
    title.map_or_else(|| name.to_string(), |title| format!("{title} ({name})"))
}
