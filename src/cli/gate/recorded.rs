//! What the gate knows without a daemon: the records, and a look at what lies where readers look.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::Known;
use crate::checks;
use crate::cli::configured;
use crate::cli::exit::Failure;
use crate::cli::global::Global;
use crate::cli::names;
use crate::freshness::{Resting, Standing, View, dataset_json, of_parts, standing};
use crate::model::{
    Dataset, DatasetState, Measurement, Name, Observation, Placed, Settings, Snapshot, Version, VersionState, earlier,
    format_duration,
};

/// A clock that is earlier than the newest record by more than this is not believed.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// How long a look at the published file may read nothing.
const LOOK_PATIENCE: Duration = Duration::from_secs(5);

/// What the records say by the clock of now, and what lies where readers look.
pub(super) fn recorded(name: &str, global: &Global, now: Timestamp) -> Result<Known, Failure> {
    let settings = configured::settings(global)?;
    let Some(dataset) = settings.datasets.get(name) else {
        let known = settings.datasets.keys().map(Name::as_str);
        let place = global.config.display().to_string();
        return Err(names::unknown("dataset", name, &place, known));
    };
    let snapshot = global.reader()?.snapshot()?;
    let (standing, current) = recorded_standing(dataset, &settings, &snapshot, now);
    let state = dataset_json(dataset, standing, current.as_ref());
    Ok(Known {
        dataset: DatasetState::deserialize(&state).map_err(|error| Failure::not_fine(error.to_string()))?,
        doubt: wrong_clock(&snapshot, now),
        recorded_until: snapshot.life.as_ref().map(|life| life.ended_at.unwrap_or(life.seen_at)),
        is_running: false,
        is_silent: false,
    })
}

/// How a dataset stands by the records, with its newest version; of one that comes in parts, as they stand.
fn recorded_standing(
    dataset: &Dataset,
    settings: &Settings,
    snapshot: &Snapshot,
    now: Timestamp,
) -> (Standing, Option<Version>) {
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
    let pause = record.and_then(|record| record.pause.as_deref());
    let resting = Resting::of(producer.is_none_or(|job| job.enabled), pause);
    let view = View {
        current: current.as_ref(),
        refused,
        slots: &slots,
        observation: observation.as_ref(),
        producer: producer.map(|job| &job.name),
        promised_since: promised.and_then(|promise| promise.since),
        zone: &settings.timezone,
        tells_age: true,
        resting,
        had_its_chance: true,
    };
    (standing(dataset, view, now), current)
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
        written_at: None,
    })
}

/// Why the clock of now says nothing about age.
fn wrong_clock(snapshot: &Snapshot, now: Timestamp) -> Option<String> {
    let newest = snapshot.newest_record_at?;
    (now < earlier(newest, CLOCK_TOLERANCE))
        .then(|| format!("the clock says {now}, which is earlier than what was recorded at {newest}"))
}

/// Waits for work for as long as it goes on; `None` once nothing of it has been done for so long. The work itself is left
/// behind: this process ends soon, and with it what hangs.
pub(super) fn within<T: Send + 'static>(
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

    /// The digest of the content `x`, which is that of every version here.
    const OF_X: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

    /// What the gate says without a daemon when these versions are recorded, of which it puts nothing anywhere, and the
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
            Fact::Version(Box::new(Version {
                state: *state,
                run: Some(RunId(*number)),
                sha256: OF_X.to_owned(),
                kept_as: Some(kept_name(&put_to)),
                file: Some(put_to),
                ..plain_version("stock", *number, now)
            }))
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
        assert_eq!((renamed.state.as_str(), renamed.served), ("changed", None));
        let reason = &renamed.reason;
        assert!(reason.contains("stock.csv, nothing at "), "{reason}");
        assert!(
            reason.contains("lots.csv; `freshd run export` puts a new version there"),
            "{reason}"
        );
    }

    #[test]
    fn whoever_renames_the_file_itself_too_has_moved_the_version() {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::write(place.path().join("lots.csv"), "x").expect("the moved file");
        let moved = said(place.path(), "lots.csv", &[(1, VersionState::Published)]);
        assert_eq!(
            (moved.state.as_str(), moved.served),
            ("fresh", Some(1)),
            "{}",
            moved.reason
        );
        std::fs::write(place.path().join("lots.csv"), "y").expect("another file");
        let other = said(place.path(), "lots.csv", &[(1, VersionState::Published)]);
        assert_eq!((other.state.as_str(), other.served), ("changed", None));
        let reason = &other.reason;
        assert!(
            reason.contains("something that freshd did not publish lies at "),
            "{reason}"
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
