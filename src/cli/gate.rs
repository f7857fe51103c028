//! `freshd gate`: may a script rely on a dataset now? With the daemon, and without it from what is recorded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
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
use crate::freshness::{View, standing};
use crate::model::{
    Dataset, DatasetState, Measurement, Name, Observation, Placed, Request, Snapshot, Status, Version, VersionState,
    earlier, elapsed, format_age, format_duration, format_time, later, parse_duration,
};

/// A clock that is earlier than the newest record by more than this is not believed.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// A daemon that takes a question and says nothing costs no more than this: what is recorded is then all there is.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long a look at the published file may read nothing.
const LOOK_PATIENCE: Duration = Duration::from_secs(5);

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
    let known = match asked_in_time(&args.dataset, global) {
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
    let unpromised = (!dataset.keeps_promise() || is_absent(dataset)).then(|| dataset.reason.clone());
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

/// Whether there is a version, and nobody can read it where they look: a promise may hold all the same, when the dataset's
/// file was renamed.
fn is_absent(dataset: &DatasetState) -> bool {
    dataset.version.is_some() && dataset.served.is_none()
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

/// What the daemon says, if it says it in time.
fn asked_in_time(name: &str, global: &Global) -> Result<Known, Unheard> {
    let (name, global) = (name.to_owned(), global.clone());
    within(ANSWER_WITHIN, &Arc::default(), move |_| asked(&name, &global)).unwrap_or(Err(Unheard::Silent))
}

/// Waits for work for as long as it goes on; `None` once nothing of it has been done for so long. The work itself is left
/// behind: this process ends soon, and with it what hangs.
fn within<T: Send + 'static>(
    patience: Duration,
    done: &Arc<AtomicU64>,
    work: impl FnOnce(&AtomicU64) -> T + Send + 'static,
) -> Option<T> {
    let (result, results) = mpsc::sync_channel(1);
    let counted = done.clone();
    std::thread::spawn(move || {
        // Nobody waits any more when it took too long.
        let _ = result.send(work(&counted));
    });
    let mut before = done.load(Ordering::Relaxed);
    loop {
        match results.recv_timeout(patience) {
            Ok(result) => return Some(result),
            Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        let now = done.load(Ordering::Relaxed);
        if now == before {
            return None;
        }
        before = now;
    }
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
    // What is there may be replaced by what is being published: then the records are all that can be relied on.
    let is_publishing = versions().any(|version| version.state == VersionState::Publishing);
    let mut current = current.cloned();
    let looked = current
        .as_mut()
        .filter(|_| !is_publishing)
        .and_then(|current| look(dataset, current, now));
    let promised = snapshot.age_promises.iter().find(|promise| of_it(&promise.dataset));
    let producer = settings
        .jobs
        .values()
        .find(|job| job.produces.as_ref() == Some(&dataset.name));
    let record = producer.and_then(|job| snapshot.jobs.iter().find(|record| record.job == job.name));
    let observation = looked.or(observation);
    let view = View {
        current: current.as_ref(),
        refused,
        slots: &slots,
        observation: observation.as_ref(),
        promised_since: promised.and_then(|promise| promise.since),
        zone: &settings.timezone,
        paused: record.is_some_and(|record| record.pause.is_some()),
        had_its_chance: true,
    };
    let standing = standing(dataset, view, now);
    let version = current.as_ref().map(|current| current.number);
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
        "version": version,
        "served": version.filter(|_| standing.is_served),
    });
    Ok(Known {
        dataset: DatasetState::deserialize(&state).map_err(|error| Failure::not_fine(error.to_string()))?,
        doubt: wrong_clock(&snapshot, now),
        recorded_until: snapshot.life.as_ref().map(|life| life.ended_at.unwrap_or(life.seen_at)),
        is_running: false,
        is_silent: false,
    })
}

/// What lies where readers look; nothing for data that freshd puts nowhere. A version that was moved along with its
/// dataset's file is where it was moved to.
fn look(dataset: &Dataset, current: &mut Version, now: Timestamp) -> Option<Observation> {
    let file = dataset.file.clone().filter(|_| dataset.probe.is_none())?;
    current.run?;
    let placed = Placed {
        version: current.reference(),
        file: file.clone(),
        bytes: current.bytes,
        sha256: current.sha256.clone(),
        stamp: current.stamp.filter(|_| current.left_at(dataset).is_none()),
        before: None,
    };
    let looked = within(LOOK_PATIENCE, &Arc::default(), move |read| checks::sight(&placed, read));
    let found = looked.unwrap_or_else(|| {
        let time = format_duration(LOOK_PATIENCE);
        Err(format!(
            "{} did not answer within {time}; is a share gone?",
            file.display()
        ))
    });
    if matches!(&found, Ok(Some((_, sha256))) if *sha256 == current.sha256) {
        current.file = Some(file.clone());
    }
    let found = found.map(|lying| {
        lying.map(|(stamp, sha256)| Measurement {
            bytes: stamp.bytes,
            sha256,
            ..Measurement::default()
        })
    });
    Some(Observation {
        dataset: dataset.name.clone(),
        at: now,
        found,
        path: Some(file),
    })
}

/// Why the clock of now says nothing about age.
fn wrong_clock(snapshot: &Snapshot, now: Timestamp) -> Option<String> {
    let newest = snapshot.newest_record_at?;
    (now < earlier(newest, CLOCK_TOLERANCE))
        .then(|| format!("the clock says {now}, which is earlier than what was recorded at {newest}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{Fact, RunId, kept_name, plain_version};
    use crate::store::Store;

    const JOBS_TOML: &str = "\
run_as_root = true
[fallback]
notify = [\"out\"]
[channels.out]
type = \"file\"
dir = \"outbox\"
[datasets.stock]
owner = \"nobody\"
file = \"FILE\"
max_age = \"26h\"
[jobs.export]
owner = \"nobody\"
command = \"/bin/true\"
produces = \"stock\"
";

    /// What the gate says without a daemon when these versions are recorded, of which nothing lies anywhere, and the
    /// dataset's file is this one.
    fn said(place: &Path, file: &str, versions: &[(u64, VersionState)]) -> DatasetState {
        std::fs::write(place.join("jobs.toml"), JOBS_TOML.replace("FILE", file)).expect("a configuration");
        let global = Global {
            config: place.join("jobs.toml"),
            state: Some(place.join("state")),
            json: false,
        };
        let now = Timestamp::now();
        let recorded_as = |(number, state): &(u64, VersionState)| {
            let put_to = std::path::absolute(place).expect("a directory").join("stock.csv");
            Fact::Version(Version {
                state: *state,
                run: Some(RunId(*number)),
                sha256: "ab".repeat(32),
                kept_as: Some(kept_name(&put_to)),
                file: Some(put_to),
                ..plain_version("stock", *number, now)
            })
        };
        let store = Store::open(&place.join("state")).expect("a store");
        let writer = store.into_writer().expect("a writer");
        let facts = versions.iter().map(recorded_as).collect();
        writer.commit_blocking(facts).expect("they are stored");
        writer.close().expect("it ends");
        let known = recorded("stock", &global, now);
        known.unwrap_or_else(|failure| panic!("{}", failure.message)).dataset
    }

    #[test]
    fn what_is_being_published_may_take_the_place_of_what_lies_there() {
        let place = tempfile::tempdir().expect("a directory");
        let removed = said(place.path(), "stock.csv", &[(1, VersionState::Published)]);
        assert_eq!(removed.state, "changed", "{}", removed.reason);
        let under_way = said(place.path(), "stock.csv", &[(2, VersionState::Publishing)]);
        assert_eq!(under_way.state, "fresh", "{}", under_way.reason);
        assert_eq!(under_way.served, Some(1));
    }

    #[test]
    fn nothing_can_be_read_where_nothing_was_put_yet() {
        let place = tempfile::tempdir().expect("a directory");
        let renamed = said(place.path(), "lots.csv", &[(1, VersionState::Published)]);
        assert_eq!((renamed.state.as_str(), renamed.served), ("fresh", None));
        assert!(is_absent(&renamed));
        assert!(
            renamed.reason.contains("lots.csv yet: version 1 lies at "),
            "{}",
            renamed.reason
        );
    }

    #[test]
    fn what_hangs_is_left_behind() {
        let (_open, never) = mpsc::channel::<()>();
        let hangs = within(Duration::ZERO, &Arc::default(), move |_| never.recv().is_err());
        assert_eq!(hangs, None);
        let answer = within(Duration::from_mins(1), &Arc::default(), |_| 7);
        assert_eq!(answer, Some(7));
    }
}
