//! Findings about the whole flow: promises without a way to keep them, data without readers, rings.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::context::{Context, Section};
use super::datasets::DatasetSpots;
use super::history;
use super::jobs::JobSpots;
use super::measures;
use super::neighbours;
use super::parts;
use super::published::Published;
use super::report::Report;
use super::timing::Timing;
use crate::lineage::Lineage;
use crate::model::{
    Among, Dataset, Job, Name, OpenDays, Rule, Schedule, Settings, format_age, format_duration, left_behind,
};
use crate::schedule;

/// Where everything is written.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By job.
    pub(super) jobs: HashMap<Name, JobSpots>,
    /// By dataset.
    pub(super) datasets: HashMap<Name, DatasetSpots>,
}

/// Looks at the flow as a whole. What could not be read is left out, so that one mistake is told once.
pub(super) fn report(context: &Context<'_>, settings: &Settings, places: &Places) {
    let findings = Findings {
        report: context.report,
        settings,
        places,
        lineage: Lineage::new(settings),
        timing: Timing::new(context.environment.now),
        state_dir: context.environment.state_dir.as_deref(),
        root: context.environment.root,
    };
    findings.producers();
    neighbours::rings(context.report, settings, &findings.lineage, places);
    neighbours::report(context.report, settings, &findings.lineage, places);
    for (name, dataset) in &settings.datasets {
        if findings.dataset_is_sound(name) {
            findings.promise(dataset);
            findings.compared(dataset);
        }
        if let (Some((version, left_at)), Some(file), None) =
            (context.environment.published.get(name), &dataset.file, &dataset.probe)
            && left_at != file
            && let Some(spot) = places.datasets.get(name).and_then(|spots| spots.file)
        {
            let (what, remedy) = left_behind(version, left_at, file);
            context.report.warning(spot, what, remedy);
        }
    }
    for job in settings.jobs.values() {
        findings.inputs(job);
    }
    history::report(context.report, settings, places);
    measures::report(context.report, settings, places);
    parts::report(context.report, settings, places);
    let whole = !context.report.has_holes()
        && places.jobs.values().all(|spots| !spots.broken)
        && places.datasets.values().all(|spots| !spots.broken);
    if whole {
        findings.unused(context);
    }
}

struct Findings<'a> {
    report: &'a Report,
    settings: &'a Settings,
    places: &'a Places,
    lineage: Lineage,
    timing: Timing,
    state_dir: Option<&'a Path>,
    root: bool,
}

impl Findings<'_> {
    /// Columns that are compared with those of a dataset whose file cannot be read.
    fn compared(&self, dataset: &Dataset) {
        for rule in &dataset.checks.columns {
            let Some(Among::Column { dataset: other, .. }) = &rule.among else {
                continue;
            };
            let known = self.settings.datasets.get(other);
            let (Some(known), Some(spots)) = (known, self.places.datasets.get(&dataset.name)) else {
                continue;
            };
            let lacks = match (&known.file, &known.checks.reading.format) {
                (None, _) => "`file`",
                (Some(_), None) => "`format` among its checks",
                (Some(_), Some(_)) => continue,
            };
            if self.dataset_is_sound(other) {
                let (name, column) = (&dataset.name, &rule.column);
                self.report.error(
                    spots.name,
                    format!("column `{column}` of `{name}` is compared with dataset `{other}`, which has no {lacks}"),
                    "give it one, or write the values that are allowed as a list",
                );
            }
        }
    }

    /// Datasets that two jobs produce, that have no file, or that share one.
    fn producers(&self) {
        let mut producers: BTreeMap<&Name, Vec<(&Name, &JobSpots)>> = BTreeMap::new();
        for job in self.settings.jobs.values() {
            if let (Some(dataset), Some(spots)) = (&job.produces, self.places.jobs.get(&job.name)) {
                producers.entry(dataset).or_default().push((&job.name, spots));
            }
        }
        let mut published = Published::new(self.report, self.settings, self.state_dir, self.root);
        for (dataset, jobs) in &mut producers {
            jobs.sort_by_key(|(_, spots)| spots.produces);
            let [(first, first_spots), others @ ..] = jobs.as_slice() else {
                continue;
            };
            for (other, spots) in others {
                let first_place = first_spots.produces.unwrap_or(first_spots.name);
                self.report.error(
                    spots.produces.unwrap_or(spots.name),
                    format!(
                        "dataset `{dataset}` is produced twice: by job `{other}`, and by job `{first}` in {}",
                        self.report.place(first_place)
                    ),
                    "let one job produce it, or give the other a dataset of its own",
                );
            }
            let (Some(settings), Some(spots)) =
                (self.settings.datasets.get(*dataset), self.places.datasets.get(*dataset))
            else {
                continue;
            };
            match &settings.file {
                Some(file) => published.look(dataset, first, file, spots.file.unwrap_or(spots.name)),
                None if !settings.parts.is_empty() => {}
                None if !spots.broken => self.report.error(
                    spots.name,
                    format!("dataset `{dataset}` has no file, but job `{first}` produces it"),
                    "write file = \"exports/NAME.csv\": where its readers find it",
                ),
                None => {}
            }
            if settings.probe.is_some() && !spots.broken {
                self.report.warning(
                    spots.name,
                    format!("dataset `{dataset}` has a probe, but job `{first}` produces it"),
                    "take the probe out: freshd knows what its own jobs produce",
                );
            }
        }
    }

    /// Promises that the producer's schedule cannot keep.
    fn promise(&self, dataset: &Dataset) {
        self.idle_producer(dataset);
        let Some(producer) = self.scheduled_producer(dataset) else {
            return;
        };
        let (Some(schedule), Some(spots)) = (&producer.schedule, self.places.datasets.get(&dataset.name)) else {
            return;
        };
        if let Some(max_age) = dataset.max_age
            && let Some(gap) = self
                .timing
                .gap_longer_than(schedule, max_age, dataset.counted_in.as_ref())
        {
            let counted_in = dataset.counted_in.as_ref();
            let open = counted_in.map_or_else(String::new, OpenDays::words);
            let apart = format!("{}{open}", format_age(schedule::age(counted_in, gap.from, gap.to)));
            self.report.warning(
                spots.max_age.unwrap_or(spots.name),
                format!(
                    "`{}` cannot stay younger than {}{open}: job `{}` runs {} and next {}, {apart} apart",
                    dataset.name,
                    format_duration(max_age),
                    producer.name,
                    moment(gap.from, &schedule.zone),
                    moment(gap.to, &schedule.zone),
                ),
                format!("run the job more often, or promise more than {apart}"),
            );
        }
        if let Some(due) = &dataset.due
            && let Some(at) = self.timing.delivery_without_run(due, schedule)
        {
            self.report.warning(
                spots.due.unwrap_or(spots.name),
                format!(
                    "`{}` cannot be there in time: no run of job `{}` (`{}`) is in time for the delivery due {}",
                    dataset.name,
                    producer.name,
                    schedule.text,
                    moment(at, &due.schedule.zone),
                ),
                "let the job run between two deliveries, and before the deadline",
            );
        }
    }

    /// A promise whose producer never runs by itself.
    fn idle_producer(&self, dataset: &Dataset) {
        if dataset.max_age.is_none() && dataset.due.is_none() {
            return;
        }
        let name = self.lineage.producer_of(dataset.name.as_str());
        let job = name.and_then(|name| self.settings.jobs.get(name));
        let is_sound = |job: &&Arc<Job>| self.places.jobs.get(&job.name).is_some_and(|spots| !spots.broken);
        let (Some(job), Some(spots)) = (job.filter(is_sound), self.places.datasets.get(&dataset.name)) else {
            return;
        };
        let (why, instead) = match (job.enabled, &job.schedule) {
            (false, _) => ("is disabled", "enable the job"),
            (true, None) => ("has no schedule", "give the job a schedule"),
            (true, Some(_)) => return,
        };
        self.report.warning(
            spots.max_age.or(spots.due).unwrap_or(spots.name),
            format!(
                "`{}` is promised, but job `{}`, which produces it, {why}",
                dataset.name, job.name
            ),
            format!("{instead}, or promise nothing"),
        );
    }

    /// Inputs that come after the job that needs them.
    fn inputs(&self, job: &Job) {
        let Some(spots) = self.places.jobs.get(&job.name).filter(|spots| !spots.broken) else {
            return;
        };
        let Some(reader) = job.schedule.as_ref().filter(|schedule| is_cron(schedule)) else {
            return;
        };
        for (input, spot) in &spots.inputs {
            let Some(dataset) = self.settings.datasets.get(input) else {
                continue;
            };
            if !self.dataset_is_sound(input) {
                continue;
            }
            let producer = self.scheduled_producer(dataset);
            let (when, started) = match (&dataset.due, producer) {
                (Some(due), _) => (Some(&due.schedule), false),
                (None, producer) => (producer.and_then(|job| job.schedule.as_deref()), true),
            };
            let Some(when) = when.filter(|when| is_cron(when)) else {
                continue;
            };
            if let Some(late) = self.timing.reads_too_early(reader, when, started) {
                let what = if started { "is made from" } else { "is due" };
                self.report.warning(
                    *spot,
                    format!(
                        "`{input}` {what} {}, after job `{}` has run {}",
                        moment(late.due_at, &when.zone),
                        job.name,
                        moment(late.read_at, &reader.zone),
                    ),
                    format!("run the job later, or write on = [\"{input}\"] instead of its schedule"),
                );
            }
        }
    }

    /// Things that nothing leads to or comes from.
    fn unused(&self, context: &Context<'_>) {
        for (name, dataset) in &self.settings.datasets {
            let Some(spots) = self.places.datasets.get(name) else {
                continue;
            };
            let producer = self.lineage.producer_of(name.as_str());
            if !dataset.parts.is_empty() {
                continue;
            }
            if producer.is_none() && dataset.probe.is_none() {
                self.report.warning(
                    spots.name,
                    format!("nobody can tell how fresh `{name}` is: no job produces it and no probe looks at it"),
                    "write probe = { file = \"...\", every = \"1m\" }, or produces = ... at a job",
                );
                continue;
            }
            if dataset.due.is_none() && dataset.max_age.is_none() {
                self.report.note(
                    spots.name,
                    format!("dataset `{name}` promises nothing: it has neither `max_age` nor `due`"),
                );
            }
            let read = !dataset.consumers.is_empty()
                || !self.lineage.jobs_reading(name.as_str()).is_empty()
                || !self.lineage.made_by_systems_of(name.as_str()).is_empty();
            if let (Some(job), false) = (producer, read) {
                let place = self.places.jobs.get(job).and_then(|spots| spots.produces);
                self.report.warning(
                    place.unwrap_or(spots.name),
                    format!("nobody reads `{name}`, which job `{job}` produces"),
                    format!("name its readers: consumers = [...] in [datasets.{name}]"),
                );
            }
        }
        for (name, system) in &self.settings.systems {
            let consumes = self
                .settings
                .datasets
                .values()
                .any(|dataset| dataset.consumers.contains(name));
            if let (Some(_), false, Some(spot)) = (
                &system.reads_at,
                consumes,
                context.known.spot(Section::Systems, name.as_str()),
            ) {
                self.report.warning(
                    spot,
                    format!("system `{name}` has `reads_at`, but no dataset names it as a consumer"),
                    format!("write consumers = [\"{name}\"] at what it reads"),
                );
            }
        }
    }

    /// The sound job that produces a dataset by the clock.
    fn scheduled_producer(&self, dataset: &Dataset) -> Option<&Job> {
        let name = self.lineage.producer_of(dataset.name.as_str())?;
        let job = self.settings.jobs.get(name)?;
        let sound = self.places.jobs.get(name).is_some_and(|spots| !spots.broken);
        let by_clock = job
            .schedule
            .as_ref()
            .is_some_and(|schedule| !matches!(schedule.rule, Rule::On(_)));
        (sound && by_clock && job.enabled).then_some(job)
    }

    fn dataset_is_sound(&self, name: &Name) -> bool {
        self.places.datasets.get(name).is_some_and(|spots| !spots.broken)
    }
}

fn is_cron(schedule: &Schedule) -> bool {
    matches!(schedule.rule, Rule::Cron(_))
}

/// An instant for people: `Fri 2026-11-27 22:00`.
fn moment(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%a %Y-%m-%d %H:%M").to_string()
}
