//! `freshd trace`: where a version came from, hop by hop to the sources, and which of them makes it as old as it is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::configured;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::names;
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::facts;
use super::times;
use crate::lineage::{Ancestry, HOPS_MAX, Hop, ancestry, limiting};
use crate::model::{Name, Run, RunId, Settings, Verdict, Version, VersionRef, VersionState};
use crate::store::Reader;

/// Digits of a digest that people compare.
const DIGEST_DIGITS: usize = 12;

/// What `trace` is told.
#[derive(Debug, clap::Args)]
pub(super) struct TraceArgs {
    /// A dataset, as stock, or one version of it, as stock@41
    #[arg(value_name = "DATASET[@VERSION]")]
    version: String,
}

pub(super) fn run(args: &TraceArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let reader = global.reader()?;
    // Owners and systems are those of now; without a sound configuration the rest is told all the same.
    let settings = configured::settings(global).ok();
    let asked = wanted(&args.version, &reader, settings.as_ref())?;
    let Ancestry { hops, is_cut } = ancestry(&asked, |version| reader.bare_version(version))?;
    let runs = runs_of(&hops, &reader)?;
    if out.json {
        let line = |hop: &Hop| hop_json(hop, run_of(hop, &runs), settings.as_ref());
        out.document(&json!({
            "version": asked.to_string(),
            "limited_by": limiting(&hops).map(ToString::to_string),
            "is_cut": is_cut,
            "hops": hops.iter().map(line).collect::<Vec<Value>>(),
        }))?;
        return Ok(Exit::Fine);
    }
    let reading = Reading {
        now: Timestamp::now(),
        zone: global.zone(),
        settings: settings.as_ref(),
        limiting: limiting(&hops),
    };
    let paragraphs: Vec<String> = hops
        .iter()
        .map(|hop| {
            let lines = reading.lines(hop, run_of(hop, &runs));
            reading.head(hop) + &facts(&lines, 2, out::width())
        })
        .collect();
    out.text(&paragraphs.join("\n"))?;
    if is_cut {
        let words = format!("there is more: the way back is told for {HOPS_MAX} versions, the nearest first");
        out.line(tone(Tone::Warn, words))?;
    }
    Ok(Exit::Fine)
}

/// Reads `stock@41`; a dataset alone is its newest published version.
fn wanted(text: &str, reader: &Reader, settings: Option<&Settings>) -> Result<VersionRef, Failure> {
    let (dataset, number) = names::version(text)?;
    let Some(newest) = reader.newest_number(&dataset, None)? else {
        let known: Vec<&str> = settings.map_or_else(Vec::new, |settings| {
            settings.datasets.keys().map(Name::as_str).collect()
        });
        if known.contains(&dataset.as_str()) {
            return Err(Failure::not_fine(format!("{dataset} has no version yet")));
        }
        return Err(names::unknown("dataset", dataset.as_str(), "what is recorded", known));
    };
    let number = match number {
        None => {
            let published = reader.newest_number(&dataset, Some(VersionState::Published))?;
            published.unwrap_or(newest)
        }
        Some(number) => {
            let asked = VersionRef {
                dataset: dataset.clone(),
                number,
            };
            if reader.bare_version(&asked)?.is_none() {
                return Err(Failure::usage(format!(
                    "nothing is recorded of {asked}; the newest is {dataset}@{newest}"
                )));
            }
            number
        }
    };
    Ok(VersionRef { dataset, number })
}

/// The runs that made these versions, as far as they are remembered.
fn runs_of(hops: &[Hop], reader: &Reader) -> Result<BTreeMap<RunId, Run>, Failure> {
    let mut runs = BTreeMap::new();
    for id in hops.iter().filter_map(|hop| hop.found.as_ref()?.run) {
        if let Some(run) = reader.bare_run(id)? {
            runs.insert(id, run);
        }
    }
    Ok(runs)
}

fn run_of<'a>(hop: &Hop, runs: &'a BTreeMap<RunId, Run>) -> Option<&'a Run> {
    runs.get(&hop.found.as_ref()?.run?)
}

/// One hop for programs.
fn hop_json(hop: &Hop, run: Option<&Run>, settings: Option<&Settings>) -> Value {
    let mut line = json!({
        "version": hop.version.to_string(),
        "distance": hop.distance,
        "is_known": hop.found.is_some(),
        "owner": owner_of(&hop.version.dataset, settings),
        "system": system_of(&hop.version.dataset, settings),
        "made_from": made_from(&hop.version.dataset, settings),
    });
    let Some(version) = &hop.found else { return line };
    let facts = json!({
        "state": version.state,
        "as_of": version.as_of,
        "effective_as_of": version.effective_as_of,
        "limited_by": version.limited_by.as_ref().map(ToString::to_string),
        "arrived_at": version.arrived_at,
        "inputs": version.inputs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "run": version.run,
        "attempt": version.attempt.map(|attempt| attempt.number),
        "job": run.map(|run| &run.job),
        "due_at": run.and_then(|run| run.due_at),
        "started_at": run.and_then(|run| run.started_at),
        "rows": version.rows,
        "bytes": version.bytes,
        "sha256": version.sha256,
        "unchanged": version.unchanged,
        "checks": version.checks,
        "trace": version.provenance.trace,
        "settings": version.provenance.settings,
        "script": version.provenance.script,
        "by_hand": version.provenance.by_hand,
        "expected": version.provenance.expected,
    });
    if let (Some(line), Value::Object(facts)) = (line.as_object_mut(), facts) {
        line.extend(facts);
    }
    line
}

fn owner_of<'a>(dataset: &Name, settings: Option<&'a Settings>) -> Option<&'a str> {
    Some(settings?.datasets.get(dataset)?.owner.as_str())
}

/// The datasets from which a system makes a dataset.
fn made_from<'a>(dataset: &Name, settings: Option<&'a Settings>) -> &'a [Name] {
    let dataset = settings.and_then(|settings| settings.datasets.get(dataset));
    dataset.map_or(&[], |dataset| dataset.made_from.as_slice())
}

/// The system that the data of a dataset comes from: its own, or the one that its job reads.
fn system_of<'a>(dataset: &Name, settings: Option<&'a Settings>) -> Option<&'a Name> {
    let settings = settings?;
    let own = settings.datasets.get(dataset)?.system.as_ref();
    own.or_else(|| {
        let mut jobs = settings.jobs.values();
        jobs.find(|job| job.produces.as_ref() == Some(dataset))?.from.as_ref()
    })
}

/// What the words need to know.
struct Reading<'a> {
    now: Timestamp,
    zone: TimeZone,
    settings: Option<&'a Settings>,
    limiting: Option<&'a VersionRef>,
}

impl Reading<'_> {
    fn told(&self, at: Timestamp) -> String {
        format!(
            "{} ({})",
            times::moment(at, self.now, &self.zone),
            times::hint(at, self.now)
        )
    }

    fn head(&self, hop: &Hop) -> String {
        let name = tone(Tone::Strong, clean(&hop.version.to_string()));
        let way = match hop.distance {
            0 => String::new(),
            1 => ", one step back".to_owned(),
            more => format!(", {more} steps back"),
        };
        let limits = match self.limiting {
            Some(limiting) if *limiting == hop.version => tone(Tone::Warn, ": the oldest of all, which limits the age"),
            _ => String::new(),
        };
        format!("{name}{}{limits}\n", tone(Tone::Dim, way))
    }

    fn lines(&self, hop: &Hop, run: Option<&Run>) -> Vec<(&'static str, String)> {
        let Some(version) = &hop.found else {
            return vec![(
                "because",
                "nothing is recorded of it any more: [history] says for how long".to_owned(),
            )];
        };
        let mut lines = vec![("as of", self.told(version.as_of))];
        if let Some(by) = &version.limited_by {
            let as_of = self.told(version.effective_as_of);
            lines.push((
                "no newer than",
                format!("{as_of}, limited by {}", clean(&by.to_string())),
            ));
        }
        let verb = match version.state {
            VersionState::Quarantined => "refused",
            VersionState::Publishing | VersionState::Published => "accepted",
        };
        lines.push((verb, self.told(version.arrived_at)));
        if let Some(reason) = &version.reason {
            lines.push(("because", clean(reason)));
        }
        if let Some(by_hand) = &version.provenance.by_hand {
            lines.push(("by hand", clean(&by_hand.words())));
        }
        if let Some(expected) = version.passed_as_expected() {
            lines.push(("as expected", clean(&expected.words())));
        }
        if let Some(made) = made_by(version, run) {
            lines.push(("made by", made));
        }
        if let Some(script) = &version.provenance.script {
            let digest = script.sha256.as_deref().map_or_else(
                || "changed since it began".to_owned(),
                |digest| format!("sha256 {}", short(digest)),
            );
            lines.push((
                "script",
                format!("{} ({digest})", clean(&script.path.display().to_string())),
            ));
        }
        if let Some(digest) = &version.provenance.settings {
            lines.push(("jobs.toml", format!("sha256 {}", short(digest))));
        }
        lines.push(("checks", checks(version)));
        // Of what is asked about each check; of what it was made from, those that did not simply pass.
        let is_asked_about = hop.distance == 0;
        for check in &version.checks {
            let (name, found) = (clean(&check.name), clean(&check.actual));
            match check.verdict {
                Verdict::Pass if !is_asked_about => {}
                Verdict::Pass => lines.push(("", format!("{name}: {}; found {found}", clean(&check.expected)))),
                Verdict::Warn | Verdict::Hold => lines.push(("", format!("{name}: {}", clean(&check.message)))),
            }
        }
        let inputs: Vec<String> = version.inputs.iter().map(|input| clean(&input.to_string())).collect();
        let dataset = &version.dataset;
        lines.push(match (inputs.is_empty(), system_of(dataset, self.settings)) {
            (false, None) => ("made from", inputs.join(", ")),
            (false, Some(system)) => (
                "made from",
                format!("{}, and system {}", inputs.join(", "), clean(system.as_str())),
            ),
            (true, Some(system)) => ("source", format!("system {}", clean(system.as_str()))),
            (true, None) => (
                "source",
                "itself: no version of another dataset went into it".to_owned(),
            ),
        });
        let elsewhere = made_from(dataset, self.settings);
        if !elsewhere.is_empty() {
            let names: Vec<String> = elsewhere.iter().map(|source| clean(source.as_str())).collect();
            let words = format!("{}, by its system: of which version nobody sees", names.join(", "));
            lines.push(("and from", words));
        }
        if let Some(owner) = owner_of(dataset, self.settings) {
            lines.push(("owner", clean(owner)));
        }
        if let Some(trace) = &version.provenance.trace {
            lines.push(("trace", clean(trace)));
        }
        lines
    }
}

fn made_by(version: &Version, run: Option<&Run>) -> Option<String> {
    let id = version.run?;
    let attempt = version
        .attempt
        .map_or_else(|| id.to_string(), |attempt| attempt.to_string());
    Some(match run {
        Some(run) => format!(
            "run {attempt} of {} ({})",
            clean(run.job.as_str()),
            run.trigger.as_str()
        ),
        None => format!("run {attempt}, which is forgotten"),
    })
}

fn checks(version: &Version) -> String {
    let count = |verdict| version.checks.iter().filter(|check| check.verdict == verdict).count();
    let parts = [
        (Verdict::Pass, "passed"),
        (Verdict::Warn, "warned"),
        (Verdict::Hold, "refused it"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(verdict, word)| (count(verdict), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

fn short(digest: &str) -> String {
    clean(&digest.chars().take(DIGEST_DIGITS).collect::<String>())
}
