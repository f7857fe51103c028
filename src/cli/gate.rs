//! `freshd gate`: may a script rely on a dataset now? With the daemon, and without it from what is recorded.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Subject};
use super::configured;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::names;
use super::out::Out;
use super::paint::{clean, painted};
use super::times;
use crate::checks;
use crate::freshness::{Standing, View, of_parts, standing};
use crate::model::{
    Dataset, DatasetState, Measurement, Name, Observation, Placed, Request, Settings, Snapshot, Status, VersionNumber,
    VersionRef, VersionState, earlier, elapsed, format_age, format_duration, format_time, later, parse_duration,
};

/// A clock that is earlier than the newest record by more than this is not believed.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// What `gate` is told.
#[derive(Debug, clap::Args)]
pub(super) struct GateArgs {
    /// The dataset
    dataset: String,

    /// Not older than this, whatever is promised: 90m, 4h, 7d
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    max_age: Option<Duration>,
}

/// What is known of a dataset, and from whom.
struct Known {
    dataset: DatasetState,
    /// Why it cannot be relied on, whatever its state says.
    doubt: Option<String>,
    /// Until when freshd recorded what happens, when it does not run.
    recorded_until: Option<Timestamp>,
    is_running: bool,
    /// It runs, and says nothing.
    is_silent: bool,
}

pub(super) fn run(args: &GateArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let known = match asked(&args.dataset, global) {
        Err(Unheard::NotRunning) => recorded(&args.dataset, global, now)?,
        Err(Unheard::Silent) => Known {
            is_silent: true,
            ..recorded(&args.dataset, global, now)?
        },
        Err(Unheard::Refused(failure)) => return Err(failure),
        Ok(known) => known,
    };
    let dataset = &known.dataset;
    let zone = global.zone();
    let too_old = args.max_age.and_then(|age| {
        let as_of = dataset.effective_as_of?;
        (later(as_of, age) <= now).then(|| {
            let by = dataset.limited_by.as_ref();
            let by = by.map(|by| format!(", limited by {by}")).unwrap_or_default();
            format!(
                "{} old (as of {}{by}), asked for at most {}",
                format_age(elapsed(as_of, now)),
                format_time(as_of, &zone),
                format_duration(age)
            )
        })
    });
    let unpromised = (!dataset.keeps_promise()).then(|| dataset.reason.clone());
    let why_not = known.doubt.clone().or(unpromised).or(too_old);
    let is_fresh = why_not.is_none();
    let mut reason = why_not.unwrap_or_else(|| dataset.reason.clone());
    if !known.is_running {
        let until = known
            .recorded_until
            .map(|until| format!(" since {}", times::moment(until, now, &zone)));
        let silence = if known.is_silent {
            "does not answer"
        } else {
            "is not running"
        };
        reason = format!(
            "{reason}; freshd {silence}{}, and this is what it had recorded",
            until.unwrap_or_default()
        );
    }
    if out.json {
        out.document(&json!({
            "dataset": dataset.name,
            "fresh": is_fresh,
            "state": dataset.state,
            "as_of": dataset.as_of,
            "effective_as_of": dataset.effective_as_of,
            "limited_by": dataset.limited_by,
            "arrived_at": dataset.arrived_at,
            "deadline": dataset.deadline,
            "version": dataset.version,
            "served": dataset.served,
            "owner": dataset.owner,
            "reason": reason,
            "daemon": known.is_running,
            "recorded_until": known.recorded_until,
        }))?;
    }
    // A script's own output is for the script; and whoever relies on records alone is told so.
    if !is_fresh || !known.is_running {
        let verdict = if is_fresh { "fresh" } else { "not fresh" };
        let line = format!("{} is {verdict}: {}", clean(dataset.name.as_str()), clean(&reason));
        anstream::eprintln!("{}", painted(&line, false));
    }
    Ok(if is_fresh { Exit::Fine } else { Exit::NotFresh })
}

/// Why the daemon has not told.
enum Unheard {
    /// Nobody listens.
    NotRunning,
    /// It took the question and gave no answer that can be understood.
    Silent,
    /// The question was wrong.
    Refused(Failure),
}

/// What the daemon says.
fn asked(name: &str, global: &Global) -> Result<Known, Unheard> {
    let of_question = |failure: Failure| match failure.exit {
        Exit::Unreachable => Unheard::Silent,
        _ => Unheard::Refused(failure),
    };
    let mut client = Client::connect(global).map_err(|failure| match failure.exit {
        Exit::Unreachable => Unheard::NotRunning,
        _ => Unheard::Refused(failure),
    })?;
    let request = Request::Status {
        name: Some(Name::from(name)),
    };
    let facts = client.facts(request, Subject::Any(name)).map_err(of_question)?;
    let status = Status::read(&facts).map_err(|_| Unheard::Silent)?;
    let held = status.clock_held_until;
    let doubt = held.map(|until| {
        let until = times::moment(until, Timestamp::now(), &global.zone());
        format!("the clock cannot be believed before {until}; `freshd clock` says why")
    });
    let dataset = status.datasets.into_iter().find(|dataset| dataset.name == name);
    let dataset = dataset.ok_or_else(|| {
        Unheard::Refused(Failure::usage(format!(
            "{} is a job; only a dataset can be fresh",
            clean(name)
        )))
    })?;
    Ok(Known {
        dataset,
        doubt,
        recorded_until: None,
        is_running: true,
        is_silent: false,
    })
}

/// What the records say by the clock of now, and what lies where readers look.
fn recorded(name: &str, global: &Global, now: Timestamp) -> Result<Known, Failure> {
    let settings = configured::settings(global)?;
    let Some(dataset) = settings.datasets.get(name) else {
        let known = settings.datasets.keys().map(Name::as_str);
        let place = global.config.display().to_string();
        return Err(names::unknown("dataset", name, &place, known));
    };
    let snapshot = global.reader()?.snapshot()?;
    let (standing, number) = recorded_standing(dataset, &settings, &snapshot, now);
    let served = number.filter(|_| standing.is_served);
    let state = json!({
        "name": dataset.name,
        "title": dataset.title,
        "state": standing.state,
        "as_of": standing.as_of,
        "effective_as_of": standing.effective_as_of,
        "limited_by": standing.limited_by.map(|by| by.to_string()),
        "arrived_at": standing.arrived_at,
        "deadline": standing.deadline,
        "owner": dataset.owner.as_str(),
        "reason": standing.reason,
        "version": number,
        "served": served,
    });
    Ok(Known {
        dataset: DatasetState::deserialize(&state).map_err(|error| Failure::not_fine(error.to_string()))?,
        doubt: wrong_clock(&snapshot, now),
        recorded_until: snapshot.life.as_ref().map(|life| life.ended_at.unwrap_or(life.seen_at)),
        is_running: false,
        is_silent: false,
    })
}

/// How a dataset stands by the records, with the number of its newest version; of one that comes in parts, as they stand.
fn recorded_standing(
    dataset: &Dataset,
    settings: &Settings,
    snapshot: &Snapshot,
    now: Timestamp,
) -> (Standing, Option<VersionNumber>) {
    if !dataset.parts.is_empty() {
        let parts = dataset.part_names().filter_map(|(short, name)| {
            let part = settings.datasets.get(&name)?;
            Some((short.clone(), recorded_standing(part, settings, snapshot, now).0))
        });
        return (of_parts(&parts.collect::<Vec<_>>()), None);
    }
    let of_it = |other: &Name| *other == dataset.name;
    let versions = || snapshot.versions.iter().filter(|version| of_it(&version.dataset));
    let newest = |state| {
        versions()
            .filter(move |version| version.state == state)
            .max_by_key(|version| version.number)
    };
    let current = newest(VersionState::Published);
    let refused = newest(VersionState::Quarantined)
        .filter(|refused| !refused.is_restored())
        .filter(|refused| current.is_none_or(|current| current.number < refused.number));
    let slots: Vec<_> = snapshot
        .slots
        .iter()
        .filter(|slot| of_it(&slot.dataset))
        .cloned()
        .collect();
    let observation = snapshot.observations.iter().find(|seen| of_it(&seen.dataset)).cloned();
    let looked = current
        .filter(|current| current.run.is_some())
        .zip(dataset.file.clone())
        .filter(|_| dataset.probe.is_none())
        .map(|(current, file)| {
            let placed = Placed {
                version: VersionRef {
                    dataset: dataset.name.clone(),
                    number: current.number,
                },
                file: file.clone(),
                bytes: current.bytes,
                sha256: current.sha256.clone(),
                stamp: current.stamp,
                before: None,
            };
            let found = checks::sight(&placed, &AtomicU64::new(0)).map(|lying| {
                lying.map(|(stamp, sha256)| Measurement {
                    bytes: stamp.bytes,
                    sha256,
                    ..Measurement::default()
                })
            });
            Observation {
                dataset: dataset.name.clone(),
                at: now,
                found,
                path: Some(file),
            }
        });
    let promised = snapshot.age_promises.iter().find(|promise| of_it(&promise.dataset));
    let producer = settings
        .jobs
        .values()
        .find(|job| job.produces.as_ref() == Some(&dataset.name));
    let record = producer.and_then(|job| snapshot.jobs.iter().find(|record| record.job == job.name));
    let observation = looked.or(observation);
    let view = View {
        current,
        refused,
        slots: &slots,
        observation: observation.as_ref(),
        promised_since: promised.and_then(|promise| promise.since),
        zone: &settings.timezone,
        paused: record.is_some_and(|record| record.pause.is_some()),
        had_its_chance: true,
    };
    (standing(dataset, view, now), current.map(|current| current.number))
}

/// Why the clock of now says nothing about age.
fn wrong_clock(snapshot: &Snapshot, now: Timestamp) -> Option<String> {
    let newest = snapshot.newest_record_at?;
    (now < earlier(newest, CLOCK_TOLERANCE))
        .then(|| format!("the clock says {now}, which is earlier than what was recorded at {newest}"))
}
