//! PURE: who feeds whom: upstream, downstream, cycles, impact.

mod ancestry;
mod flow;
mod rings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

pub use ancestry::{Ancestry, HOPS_MAX, Hop, ancestry, limiting};
pub use flow::{Flow, Stop, StopKind};

use crate::model::{Dataset, Job, Name, Owner, Rule, Schedule, Settings, System};

/// Who feeds whom, as an index over one configuration.
///
/// It shares the jobs and datasets of the settings it was built from and stays valid without them.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// By name. Very many, of which few are asked for: a table of them would take three times as much.
    jobs: Box<[Arc<Job>]>,
    datasets: HashMap<Name, Arc<Dataset>>,
    systems: BTreeMap<Name, System>,
    teams: HashSet<Name>,
    producers: HashMap<Name, Name>,
    readers: HashMap<Name, Vec<Name>>,
    /// Of a dataset, those that systems make from it.
    made_elsewhere: HashMap<Name, Vec<Name>>,
}

/// A stop on the way of data.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// A job.
    Job(Name),
    /// A dataset.
    Dataset(Name),
}

impl Node {
    /// The name of the job or dataset.
    pub fn name(&self) -> &Name {
        match self {
            Self::Job(name) | Self::Dataset(name) => name,
        }
    }
}

/// What kind of thing reads a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReaderKind {
    /// An application.
    System,
    /// People.
    Team,
    /// A job of this configuration.
    Job,
}

/// Somebody who reads a dataset, directly or through what is made from it.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    /// The system, team or job.
    pub consumer: Name,
    /// Which of the three it is.
    pub kind: ReaderKind,
    /// Who answers for it.
    pub owner: Owner,
    /// When it reads: a system's `reads_at`, a job's schedule.
    pub reads_at: Option<&'a Schedule>,
    /// The dataset it reads: the one asked about, or one made from it.
    pub dataset: Name,
    /// Jobs, and systems that make one from the other, between the dataset asked about and the one it reads.
    pub distance: usize,
}

impl Lineage {
    /// Builds the index; linear in the number of jobs and datasets.
    pub fn new(settings: &Settings) -> Self {
        let mut lineage = Self {
            jobs: settings.jobs.values().cloned().collect(),
            datasets: HashMap::with_capacity(settings.datasets.len()),
            systems: settings.systems.clone(),
            teams: settings.teams.keys().cloned().collect(),
            producers: HashMap::new(),
            readers: HashMap::new(),
            made_elsewhere: HashMap::new(),
        };
        for (name, dataset) in &settings.datasets {
            lineage.datasets.insert(name.clone(), dataset.clone());
        }
        for (name, job) in &settings.jobs {
            if let Some(produced) = &job.produces {
                lineage
                    .producers
                    .entry(produced.clone())
                    .or_insert_with(|| name.clone());
            }
            for input in inputs(job) {
                lineage.readers.entry(input.clone()).or_default().push(name.clone());
            }
        }
        // Whoever reads a part is hit by what is wrong with the whole.
        for dataset in settings.datasets.values() {
            let of_parts = dataset.part_names().filter_map(|(_, part)| lineage.readers.get(&part));
            let mut readers: Vec<Name> = of_parts.flatten().cloned().collect();
            readers.sort_unstable();
            readers.dedup();
            if !readers.is_empty() {
                lineage.readers.entry(dataset.name.clone()).or_default().extend(readers);
            }
        }
        lineage.made_elsewhere = made_elsewhere(settings);
        lineage
    }

    fn job(&self, name: &str) -> Option<&Job> {
        let place = self.jobs.binary_search_by(|job| job.name.as_str().cmp(name)).ok()?;
        Some(&self.jobs[place])
    }

    /// The job that produces a dataset; `None` for a source.
    pub fn producer_of(&self, dataset: &str) -> Option<&Name> {
        self.producers.get(dataset)
    }

    /// The datasets a job reads: what it `needs`, then what it is started by.
    pub fn inputs_of_job(&self, job: &str) -> Vec<&Name> {
        self.job(job).map(|job| inputs(job).collect()).unwrap_or_default()
    }

    /// The jobs that read a dataset, by name.
    pub fn jobs_reading(&self, dataset: &str) -> &[Name] {
        self.readers.get(dataset).map_or(&[], Vec::as_slice)
    }

    /// The datasets from which the system that holds a dataset makes it, as jobs.toml says.
    pub fn made_by_system_from(&self, dataset: &str) -> &[Name] {
        self.datasets
            .get(dataset)
            .map_or(&[], |dataset| dataset.made_from.as_slice())
    }

    /// The datasets that systems make from a dataset, as jobs.toml says.
    pub fn made_by_systems_of(&self, dataset: &str) -> &[Name] {
        self.made_elsewhere.get(dataset).map_or(&[], Vec::as_slice)
    }

    /// Everything a dataset is made from, nearest first: its producer and what its system makes it from, the inputs of
    /// that job, and so on.
    pub fn upstream(&self, dataset: &str) -> Vec<Node> {
        let mut seen = HashSet::from([Node::Dataset(dataset.into())]);
        let mut queue = VecDeque::from([Node::Dataset(dataset.into())]);
        let mut found = Vec::new();
        while let Some(node) = queue.pop_front() {
            let next: Vec<Node> = match &node {
                Node::Dataset(name) => {
                    let producer = self.producer_of(name.as_str()).cloned().map(Node::Job);
                    let elsewhere = self.made_by_system_from(name.as_str()).iter().cloned();
                    producer.into_iter().chain(elsewhere.map(Node::Dataset)).collect()
                }
                Node::Job(name) => self
                    .inputs_of_job(name.as_str())
                    .into_iter()
                    .map(|input| Node::Dataset(input.clone()))
                    .collect(),
            };
            for node in next {
                if seen.insert(node.clone()) {
                    found.push(node.clone());
                    queue.push_back(node);
                }
            }
        }
        found
    }

    /// Everybody who reads a dataset or anything made from it, nearest first.
    ///
    /// A consumer that reads several of these datasets is named once, for the nearest.
    pub fn impact(&self, dataset: &str) -> Vec<Reader<'_>> {
        let Some((dataset, _)) = self.datasets.get_key_value(dataset) else {
            return Vec::new();
        };
        let mut downstream = self.downstream(dataset);
        downstream.insert(0, (dataset.clone(), 0));
        let mut seen: HashSet<(ReaderKind, Name)> = HashSet::new();
        let mut readers = Vec::new();
        for (name, distance) in downstream {
            let read_it = self.readers_at(&name, distance);
            readers.extend(read_it.filter(|reader| seen.insert((reader.kind, reader.consumer.clone()))));
        }
        readers
    }

    /// Whoever reads a dataset itself.
    pub fn readers_of<'a>(&'a self, dataset: &'a Name) -> impl Iterator<Item = Reader<'a>> + use<'a> {
        self.readers_at(dataset, 0)
    }

    fn readers_at<'a, 'b>(&'a self, name: &'b Name, distance: usize) -> impl Iterator<Item = Reader<'a>> + use<'a, 'b> {
        let known = self.datasets.get(name.as_str());
        let consumers = known.map_or(&[][..], |dataset| &dataset.consumers).iter();
        let named = consumers.filter_map(move |consumer| self.reader(consumer, name, distance));
        let jobs = known.map_or(&[][..], |_| self.jobs_reading(name.as_str())).iter();
        named.chain(jobs.filter_map(move |job| self.job_reader(job, name, distance)))
    }

    /// The same of what a job makes.
    pub fn impact_of_job(&self, job: &str) -> Vec<Reader<'_>> {
        let output = self.job(job).and_then(|job| job.produces.as_ref());
        output.map_or_else(Vec::new, |output| self.impact(output.as_str()))
    }

    /// Everybody who reads what comes from a job, dataset or system of that name, the nearest first. The jobs that read a
    /// system are hit before all others.
    pub fn impact_of_any(&self, name: &str) -> Vec<Reader<'_>> {
        let mut found = self.impact(name);
        found.extend(self.impact_of_job(name));
        let is_from = |system: Option<&Name>| system.is_some_and(|system| system.as_str() == name);
        for job in self.jobs.iter().filter(|job| is_from(job.from.as_ref())) {
            found.extend(self.job_reader(&job.name, &name.into(), 0));
            let behind = self.impact_of_job(job.name.as_str()).into_iter();
            found.extend(behind.map(|reader| Reader {
                distance: reader.distance + 1,
                ..reader
            }));
        }
        let datasets = self
            .datasets
            .values()
            .filter(|dataset| is_from(dataset.system.as_ref()));
        let mut datasets: Vec<&Name> = datasets.map(|dataset| &dataset.name).collect();
        datasets.sort();
        found.extend(datasets.into_iter().flat_map(|dataset| self.impact(dataset.as_str())));
        found.sort_by_key(|reader| reader.distance);
        let mut seen = HashSet::new();
        found.retain(|reader| seen.insert((reader.kind, reader.consumer.clone())));
        found
    }

    /// Every dataset that is made from what a dataset holds, nearest first.
    pub fn made_from(&self, dataset: &str) -> Vec<Name> {
        let known = self.datasets.get_key_value(dataset);
        let downstream = known.map_or_else(Vec::new, |(dataset, _)| self.downstream(dataset));
        downstream.into_iter().map(|(dataset, _)| dataset).collect()
    }

    /// What a job makes, and every dataset that is made from that, nearest first. A dataset of the job's own name that
    /// another makes is none of it.
    pub fn made_by(&self, job: &str) -> Vec<Name> {
        let output = self.job(job).and_then(|job| job.produces.as_ref());
        let behind = output.map_or_else(Vec::new, |output| self.made_from(output.as_str()));
        output.cloned().into_iter().chain(behind).collect()
    }

    /// One ring for each group of jobs and datasets that feed one another: dataset, job that makes it, dataset that job
    /// reads, and so on; the last job reads the first dataset. A dataset that its system makes from the next one is
    /// followed by that, with no job between. Empty for a sound configuration.
    pub fn cycles(&self) -> Vec<Vec<Node>> {
        rings::rings(self)
    }

    /// What is made from a dataset, and in how many steps, nearest first.
    fn downstream(&self, dataset: &Name) -> Vec<(Name, usize)> {
        let mut seen: HashSet<Name> = HashSet::from([dataset.clone()]);
        let mut queue: VecDeque<(Name, usize)> = VecDeque::from([(dataset.clone(), 0)]);
        let mut found = Vec::new();
        while let Some((dataset, distance)) = queue.pop_front() {
            let jobs = self.jobs_reading(dataset.as_str()).iter();
            let made = jobs.filter_map(|job| self.job(job.as_str())?.produces.as_ref());
            for output in made.chain(self.made_by_systems_of(dataset.as_str())) {
                if seen.insert(output.clone()) {
                    found.push((output.clone(), distance + 1));
                    queue.push_back((output.clone(), distance + 1));
                }
            }
        }
        found
    }

    fn reader(&self, consumer: &Name, dataset: &Name, distance: usize) -> Option<Reader<'_>> {
        if let Some(system) = self.systems.get(consumer) {
            return Some(Reader {
                consumer: consumer.clone(),
                kind: ReaderKind::System,
                owner: system.owner.clone(),
                reads_at: system.reads_at.as_ref(),
                dataset: dataset.clone(),
                distance,
            });
        }
        self.job_reader(consumer, dataset, distance).or_else(|| {
            self.teams.contains(consumer).then(|| Reader {
                consumer: consumer.clone(),
                kind: ReaderKind::Team,
                owner: Owner::Team(consumer.clone()),
                reads_at: None,
                dataset: dataset.clone(),
                distance,
            })
        })
    }

    fn job_reader(&self, job: &Name, dataset: &Name, distance: usize) -> Option<Reader<'_>> {
        let job = self.job(job.as_str())?;
        Some(Reader {
            consumer: job.name.clone(),
            kind: ReaderKind::Job,
            owner: job.owner.clone(),
            reads_at: job.schedule.as_deref(),
            dataset: dataset.clone(),
            distance,
        })
    }
}

/// Of each dataset those that systems make from it, by name. What is made from a part is made from the whole, too; what comes
/// in parts is named as a whole.
fn made_elsewhere(settings: &Settings) -> HashMap<Name, Vec<Name>> {
    let mut made: HashMap<Name, Vec<Name>> = HashMap::new();
    let wholes = settings.datasets.values().filter(|dataset| dataset.part_of.is_none());
    for dataset in wholes {
        for source in &dataset.made_from {
            let whole = settings.datasets.get(source).and_then(|source| source.part_of.as_ref());
            for source in whole.into_iter().chain([source]) {
                made.entry(source.clone()).or_default().push(dataset.name.clone());
            }
        }
    }
    for names in made.values_mut() {
        names.sort_unstable();
        names.dedup();
    }
    made
}

/// What a job reads, each once: `needs`, then the datasets of its `on`.
fn inputs(job: &Job) -> impl Iterator<Item = &Name> {
    let started_by = match job.schedule.as_ref().map(|schedule| &schedule.rule) {
        Some(Rule::On(datasets)) => datasets.as_slice(),
        _ => &[],
    };
    let all = move || job.needs.iter().chain(started_by);
    all()
        .enumerate()
        .filter(move |(place, name)| !all().take(*place).any(|earlier| earlier == *name))
        .map(|(_, name)| name)
}
