//! What an edited jobs.toml would change: read beside the configuration in force and the recorded past, and nothing is
//! touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};

use crate::config::{self, Environment, Level};
use crate::freshness::{self, Broken, Replayed};
use crate::lineage::Lineage;
use crate::model::{
    About, Change, ChangeKind, ChangedKey, Dataset, Due, InForce, Job, Kept, Name, NextDue, Owner, Plan, PlannedChange,
    PlannedPromise, Schedule, Settings, format_time,
};
use crate::schedule;
use crate::store::Reader;

/// How far back deliveries are played.
const REPLAYED: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Versions of a dataset that are played, at most: a month of one a minute, and the one before them.
const VERSIONS_MAX: u32 = 45_000;
/// Datasets that are played, at most.
const PROMISES_MAX: usize = 200;
/// Open incidents that are looked through.
const INCIDENTS_MAX: u32 = 10_000;
/// What planned work concerns, by name.
const CONCERNED_MAX: usize = 8;
/// Times at which a promise broke that are named.
const BROKEN_MAX: usize = 10;

/// Compares the configuration in `file` with the one that was accepted last, as if it stood at `stands_at`, where the
/// configuration of freshd is.
///
/// # Errors
/// Fails when the file or freshd's records cannot be read.
pub fn plan(file: &Path, stands_at: &Path, state_dir: &Path, now: Timestamp) -> anyhow::Result<Plan> {
    std::fs::File::open(file).with_context(|| format!("read {}", file.display()))?;
    let environment = Environment::of_process().with_state_dir(state_dir);
    let loaded = config::load_draft(file, stands_at, &environment);
    let reader = Reader::open(state_dir).context("read freshd's records")?;
    let running = reader.accepted_last().context("read the configuration in force")?;
    let plan = Plan {
        file: file.display().to_string(),
        running: running.as_ref().map(|running| InForce {
            at: running.at,
            by: running.by.clone(),
        }),
        ..Plan::default()
    };
    let Some(planned) = loaded.settings else {
        let errors = loaded.problems.iter().filter(|problem| problem.level == Level::Error);
        let words = errors.map(|problem| {
            let place = format!("{}:{}: {}", problem.file, problem.line, problem.message);
            match &problem.help {
                Some(help) => format!("{place}; {help}"),
                None => place,
            }
        });
        return Ok(Plan {
            mistakes: words.collect(),
            ..plan
        });
    };
    let before_files = running.as_ref().map_or(&[][..], |running| running.files.as_slice());
    let changes = config::changes(before_files, &loaded.files).context("compare the files")?;
    // What an older freshd accepted and this one does not understand is compared by its text alone.
    let recalled = running
        .as_ref()
        .and_then(|running| config::recall(stands_at, &running.files, &environment).ok());
    let sides = Sides {
        before: recalled.as_ref(),
        after: &planned,
        now,
    };
    let (promises, left_out) = sides.promises(&reader)?;
    Ok(Plan {
        changes: sides.consequences(changes, &reader)?,
        since: Some(sides.since()),
        promises,
        promises_left_out: left_out,
        ..plan
    })
}

/// What is in force, and what is planned.
struct Sides<'s> {
    before: Option<&'s Settings>,
    after: &'s Settings,
    now: Timestamp,
}

impl Sides<'_> {
    fn since(&self) -> Timestamp {
        self.now.checked_sub(REPLAYED).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn settings(&self) -> impl Iterator<Item = &Settings> {
        self.before.into_iter().chain([self.after])
    }

    fn consequences(&self, changes: Vec<Change>, reader: &Reader) -> anyhow::Result<Vec<PlannedChange>> {
        let lineages: Vec<Lineage> = self.settings().map(Lineage::new).collect();
        let planned = changes.into_iter().map(|change| {
            let mut notes = self.notes(&change);
            notes.extend(self.ends(&change, reader).context("read what stands")?);
            Ok(PlannedChange {
                teams: self.teams(&change, &lineages),
                next_due: self.next_due(&change),
                notes,
                change,
            })
        });
        planned.collect()
    }

    /// What people have begun or been told of a name that goes, and that goes with it.
    fn ends(&self, change: &Change, reader: &Reader) -> Result<Vec<String>, crate::store::ReadError> {
        let is_named = matches!(change.section.as_str(), "jobs" | "datasets");
        let name = change.name.as_deref().map(Name::from);
        let Some(name) = name.filter(|_| is_named && change.kind == ChangeKind::Removed) else {
            return Ok(Vec::new());
        };
        let about = if change.section == "jobs" {
            About::Job
        } else {
            About::Dataset
        };
        let open = reader.incidents(true, INCIDENTS_MAX)?.into_iter();
        let open = open.filter(|incident| incident.subject == name && incident.about == about);
        let mut ends: Vec<String> = open
            .map(|incident| format!("incident #{} ends with it", incident.id))
            .collect();
        let is_left = self.after.jobs.contains_key(&name) || self.after.datasets.contains_key(&name);
        if !is_left && let Some(silence) = reader.silences_standing(Some(&name), self.now, 1)?.first() {
            ends.push(format!(
                "its silence by {} ends with it: {}",
                silence.by, silence.because
            ));
        }
        if about == About::Job
            && let Some(pause) = reader.job(&name)?.and_then(|record| record.pause)
        {
            // As long as its record is kept.
            ends.push(format!(
                "it is paused by {}, and still is should it come back: {}",
                pause.by, pause.because
            ));
        }
        Ok(ends)
    }

    /// Who answers for an entry, and who reads what comes of it: before or after.
    fn teams(&self, change: &Change, lineages: &[Lineage]) -> Vec<String> {
        let mut teams: BTreeSet<String> = BTreeSet::new();
        let Some(name) = change.name.as_deref() else {
            return Vec::new();
        };
        for (settings, lineage) in self.settings().zip(lineages) {
            let owner = match change.section.as_str() {
                "jobs" => settings.jobs.get(name).map(|job| &job.owner),
                "datasets" => {
                    teams.extend(sources(settings, name).map(|source| source.owner.as_str().to_owned()));
                    settings.datasets.get(name).map(|dataset| &dataset.owner)
                }
                "systems" => settings.systems.get(name).map(|system| &system.owner),
                "maintenance" => {
                    teams.extend(concerned(settings, name).map(|owner| owner.as_str().to_owned()));
                    None
                }
                "teams" => {
                    teams.extend(settings.teams.contains_key(name).then(|| name.to_owned()));
                    None
                }
                _ => None,
            };
            teams.extend(owner.map(|owner| owner.as_str().to_owned()));
            if matches!(change.section.as_str(), "jobs" | "datasets" | "systems") {
                let readers = lineage.impact_of_any(name).into_iter();
                teams.extend(readers.map(|reader| reader.owner.as_str().to_owned()));
            }
        }
        teams.into_iter().collect()
    }

    fn job(&self, change: &Change) -> (Option<&Job>, Option<&Job>) {
        let name = change.name.as_deref().filter(|_| change.section == "jobs");
        let before = self
            .before
            .zip(name)
            .and_then(|(settings, name)| settings.jobs.get(name));
        let after = name.and_then(|name| self.after.jobs.get(name));
        (before.map(AsRef::as_ref), after.map(AsRef::as_ref))
    }

    fn next_due(&self, change: &Change) -> Option<NextDue> {
        let (before, after) = self.job(change);
        let next = |job: Option<&Job>| {
            let job = job.filter(|job| job.enabled)?;
            schedule::next_open(job.schedule.as_deref()?, self.now).map(|next| next.at)
        };
        let due = NextDue {
            before: next(before),
            after: next(after),
        };
        (due.before != due.after).then_some(due)
    }

    fn notes(&self, change: &Change) -> Vec<String> {
        let mut notes = Vec::new();
        let (before, after) = self.job(change);
        match (before, after) {
            (Some(before), Some(after)) if before.digest != after.digest => {
                notes.push("what it missed before is not made up for, since it is another job now".to_owned());
            }
            (Some(_), None) => notes.push("a run that goes on goes on to its end".to_owned()),
            _ => {}
        }
        notes.extend(self.planned_work(change));
        let is_new_check = |key: &ChangedKey| key.key.starts_with("checks.") && key.after.is_some();
        if change.section == "datasets" && change.keys.iter().any(is_new_check) {
            notes.push(
                "what comes next must pass these checks; `freshd check` holds them against what was accepted"
                    .to_owned(),
            );
        }
        if change.section == "web" && change.keys.iter().any(|key| key.key == "listen") {
            notes.push("takes effect at the next restart".to_owned());
        }
        notes.extend(self.explained_by(change));
        if change.kind == ChangeKind::Removed && change.section == "datasets" {
            notes.push("nobody watches it any more".to_owned());
        }
        notes
    }

    /// Of a dataset of which another is to be known: what is told with what from then on, and what is not any more.
    fn explained_by(&self, change: &Change) -> Vec<String> {
        let key = change.keys.iter().find(|key| key.key == "made_from");
        let (Some(name), true) = (change.name.as_deref(), change.section == "datasets" && key.is_some()) else {
            return Vec::new();
        };
        let named = |settings: Option<&Settings>| -> BTreeSet<Name> {
            let sources = settings.into_iter().flat_map(|settings| sources(settings, name));
            sources.map(|source| source.name.clone()).collect()
        };
        let (before, after) = (named(self.before), named(Some(self.after)));
        let listed = |names: Vec<&Name>| names.into_iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
        let (new, gone) = (
            listed(after.difference(&before).collect()),
            listed(before.difference(&after).collect()),
        );
        let mut notes = Vec::new();
        if !new.is_empty() {
            notes.push(format!(
                "while {new} is not as promised, so that {name} is not either, both are one incident"
            ));
        }
        if !gone.is_empty() && change.kind != ChangeKind::Removed {
            notes.push(format!(
                "what is wrong with {gone} explains nothing that is wrong with {name} any more"
            ));
        }
        notes
    }

    /// Of planned work that is added or changed: what it keeps quiet, and when next.
    fn planned_work(&self, change: &Change) -> Option<String> {
        let name = change.name.as_deref().filter(|_| change.section == "maintenance")?;
        let planned = self.after.maintenance.get(name)?;
        let named = |names: &BTreeSet<Name>| names.iter().map(ToString::to_string).collect::<Vec<String>>();
        let concerned: Vec<String> = named(&planned.jobs)
            .into_iter()
            .chain(named(&planned.datasets))
            .collect();
        let more = concerned.len().saturating_sub(CONCERNED_MAX);
        let mut of = concerned[..concerned.len() - more].join(", ");
        if more > 0 {
            of.push_str(&format!(" and {more} more"));
        }
        let open = schedule::window_at(&planned.windows, self.now);
        let next = open.or_else(|| schedule::window_after(&planned.windows, self.now));
        let zone = &self.after.timezone;
        Some(match next {
            Some(window) => format!(
                "nobody is told of {of} from {} until {}",
                format_time(window.from, zone),
                format_time(window.to, zone)
            ),
            None => format!("nobody would have been told of {of}, but its time is over: it keeps nothing quiet"),
        })
    }

    /// The promises that differ, played; and how many were not.
    fn promises(&self, reader: &Reader) -> anyhow::Result<(Vec<PlannedPromise>, usize)> {
        let none = BTreeMap::new();
        let before = self.before.map_or(&none, |settings| &settings.datasets);
        let differing = self.after.datasets.values().filter(|dataset| {
            let promises = dataset.due.is_some() || dataset.max_age.is_some();
            match before.get(&dataset.name) {
                Some(before) => promise(before) != promise(dataset),
                None => promises,
            }
        });
        let mut differing: Vec<_> = differing.collect();
        let left_out = differing.len().saturating_sub(PROMISES_MAX);
        differing.truncate(PROMISES_MAX);
        let played = differing.into_iter().map(|dataset| {
            let mut versions = reader.accepted_since(&dataset.name, self.since(), VERSIONS_MAX)?;
            versions.reverse();
            let play = |dataset: &Dataset| {
                kept(&freshness::replay(
                    &unplanned(dataset),
                    &versions,
                    self.since(),
                    self.now,
                ))
            };
            Ok(PlannedPromise {
                dataset: dataset.name.to_string(),
                owner: dataset.owner.as_str().to_owned(),
                before: before.get(&dataset.name).map(|dataset| play(dataset)),
                after: play(dataset),
            })
        });
        let played: Result<_, crate::store::ReadError> = played.collect();
        Ok((played.context("read what was delivered")?, left_out))
    }
}

/// The datasets from which the system of another makes it.
fn sources<'s>(settings: &'s Settings, name: &str) -> impl Iterator<Item = &'s Arc<Dataset>> {
    let made_from = settings.datasets.get(name).into_iter();
    let made_from = made_from.flat_map(|dataset| &dataset.made_from);
    made_from.filter_map(|source| settings.datasets.get(source))
}

/// Who answers for what planned work concerns.
fn concerned<'s>(settings: &'s Settings, name: &str) -> impl Iterator<Item = &'s Owner> {
    let planned = settings.maintenance.get(name).into_iter();
    planned.flat_map(|planned| {
        let jobs = planned.jobs.iter().filter_map(|job| settings.jobs.get(job));
        let datasets = planned
            .datasets
            .iter()
            .filter_map(|dataset| settings.datasets.get(dataset));
        jobs.map(|job| &job.owner).chain(datasets.map(|dataset| &dataset.owner))
    })
}

/// What a promise says, to be compared: as text, and with what its calendar closes.
fn promise(dataset: &Dataset) -> String {
    let rule = |rule: &Schedule| {
        format!(
            "{:?} {:?} {:?} {:?}",
            rule.rule, rule.zone, rule.calendar, rule.on_holiday
        )
    };
    let due = dataset.due.as_ref().map(|due: &Due| {
        let rule = rule(&due.schedule);
        format!("{rule} {:?} {:?} {:?}", due.grace, due.early, due.covers)
    });
    format!(
        "{due:?} {:?} {:?} {}",
        dataset.max_age, dataset.counted_in, dataset.must_change
    )
}

/// The dataset without planned work: that of a past that is over excuses nothing in a comparison.
fn unplanned(dataset: &Dataset) -> Dataset {
    Dataset {
        maintenance: Vec::new(),
        ..dataset.clone()
    }
}

fn kept(replayed: &Replayed) -> Kept {
    let broken = replayed.late.iter().chain(&replayed.stale);
    let mut broken_at: Vec<Timestamp> = broken.map(|Broken { from, .. }| *from).collect();
    broken_at.sort_unstable_by(|a, b| b.cmp(a));
    broken_at.dedup();
    broken_at.truncate(BROKEN_MAX);
    Kept {
        due: replayed.due,
        late: replayed.late.len(),
        stale: replayed.stale.len(),
        broken_at,
    }
}
