//! The whole flow of data as one graph: systems, jobs, datasets, and who reads them, from the configuration alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::model::{Name, Owner, Rule, Schedule, Settings};

/// What a node is. The order is that of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopKind {
    /// A system that jobs read from, or whose data is only watched.
    Source,
    /// A job.
    Job,
    /// A dataset.
    Dataset,
    /// A system that reads: the same one may be a source too.
    Reader,
    /// A team that reads.
    Team,
}

impl StopKind {
    /// The word in JSON and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Job => "job",
            Self::Dataset => "dataset",
            Self::Reader => "reader",
            Self::Team => "team",
        }
    }
}

/// One box.
#[derive(Clone, Debug)]
pub struct Stop {
    /// What it is.
    pub kind: StopKind,
    /// Its name in jobs.toml.
    pub name: Name,
    /// For people.
    pub title: Option<String>,
    /// Who answers for it.
    pub owner: Owner,
    /// When it reads, of a system that does.
    pub reads_at: Option<Schedule>,
}

impl Stop {
    /// Its identity: `dataset:stock`.
    pub fn id(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.name)
    }
}

/// Everything that data passes on its way, and the connections between.
#[derive(Clone, Debug)]
pub struct Flow {
    /// In the order of kind and name.
    pub stops: Vec<Stop>,
    /// From whom to whom, as places in `stops`, each once and in order. From dataset to dataset: a system makes one from the
    /// other, in a way that freshd does not see.
    pub edges: Vec<(usize, usize)>,
}

impl Flow {
    /// Of a configuration. Says nothing of states.
    pub fn of(settings: &Settings) -> Self {
        let mut graph = Graph {
            settings,
            nodes: BTreeMap::new(),
            edges: BTreeSet::new(),
        };
        graph.read();
        let places: BTreeMap<&(StopKind, Name), usize> = graph
            .nodes
            .keys()
            .enumerate()
            .map(|(place, key)| (key, place))
            .collect();
        let edges: Vec<(usize, usize)> = graph
            .edges
            .iter()
            .map(|(from, to)| (places[from], places[to]))
            .collect();
        let stops: Vec<Stop> = graph.nodes.values().cloned().collect();
        Self { stops, edges }
    }

    /// Stops for which nobody answers. A system that is a source and reads too is one of them, as the source.
    pub fn without_owner(&self) -> Vec<&Stop> {
        let is_source = |name: &Name| {
            self.stops
                .iter()
                .any(|stop| stop.kind == StopKind::Source && stop.name == *name)
        };
        self.stops
            .iter()
            .filter(|stop| stop.owner == Owner::Nobody)
            .filter(|stop| stop.kind != StopKind::Reader || !is_source(&stop.name))
            .collect()
    }

    /// Whether a system makes one end of a connection from the other, in a way that freshd does not see.
    pub fn is_unseen(&self, (from, to): (usize, usize)) -> bool {
        let is_dataset = |place: usize| self.stops[place].kind == StopKind::Dataset;
        is_dataset(from) && is_dataset(to)
    }

    /// Datasets that nobody reads.
    pub fn unread(&self) -> Vec<&Stop> {
        let read: BTreeSet<usize> = self.edges.iter().map(|(from, _)| *from).collect();
        let unread = |(place, stop): &(usize, &Stop)| stop.kind == StopKind::Dataset && !read.contains(place);
        self.stops
            .iter()
            .enumerate()
            .filter(unread)
            .map(|(_, stop)| stop)
            .collect()
    }

    /// `{nodes, edges, without_owner, unread}` for programs; each stop with the state that whoever knows it tells.
    pub fn to_json<'a>(&self, state: impl Fn(&Stop) -> Option<&'a str>) -> Value {
        let node = |stop: &Stop| {
            json!({
                "id": stop.id(),
                "kind": stop.kind.as_str(),
                "name": stop.name,
                "title": stop.title,
                "owner": stop.owner.as_str(),
                "state": state(stop),
            })
        };
        let edge = |edge: &(usize, usize)| {
            let (from, to) = edge;
            json!({ "from": self.stops[*from].id(), "to": self.stops[*to].id(), "unseen": self.is_unseen(*edge) })
        };
        let ids = |stops: Vec<&Stop>| stops.iter().map(|stop| stop.id()).collect::<Vec<String>>();
        json!({
            "nodes": self.stops.iter().map(node).collect::<Vec<Value>>(),
            "edges": self.edges.iter().map(edge).collect::<Vec<Value>>(),
            "without_owner": ids(self.without_owner()),
            "unread": ids(self.unread()),
        })
    }
}

struct Graph<'a> {
    settings: &'a Settings,
    nodes: BTreeMap<(StopKind, Name), Stop>,
    edges: BTreeSet<((StopKind, Name), (StopKind, Name))>,
}

impl Graph<'_> {
    fn read(&mut self) {
        for job in self.settings.jobs.values() {
            let this = (StopKind::Job, job.name.clone());
            self.node(this.clone(), job.title.as_deref().map(Into::into), job.owner.clone());
            if let Some(system) = &job.from {
                let source = self.system(StopKind::Source, system);
                self.edges.insert((source, this.clone()));
            }
            let started_by = match job.schedule.as_ref().map(|schedule| &schedule.rule) {
                Some(Rule::On(datasets)) => datasets.as_slice(),
                _ => &[],
            };
            for need in job.needs.iter().chain(started_by) {
                self.edges.insert(((StopKind::Dataset, need.clone()), this.clone()));
            }
            if let Some(made) = &job.produces {
                self.edges.insert((this, (StopKind::Dataset, made.clone())));
            }
        }
        let produced: BTreeSet<&Name> = self
            .settings
            .jobs
            .values()
            .filter_map(|job| job.produces.as_ref())
            .collect();
        for dataset in self.settings.datasets.values() {
            let this = (StopKind::Dataset, dataset.name.clone());
            self.node(this.clone(), dataset.title.clone(), dataset.owner.clone());
            if let Some(system) = dataset.system.as_ref().filter(|_| !produced.contains(&dataset.name)) {
                let source = self.system(StopKind::Source, system);
                self.edges.insert((source, this.clone()));
            }
            for source in &dataset.made_from {
                self.edges.insert(((StopKind::Dataset, source.clone()), this.clone()));
            }
            for consumer in &dataset.consumers {
                let reader = if self.settings.systems.contains_key(consumer) {
                    self.system(StopKind::Reader, consumer)
                } else if self.settings.jobs.contains_key(consumer) {
                    (StopKind::Job, consumer.clone())
                } else {
                    self.team(consumer)
                };
                self.edges.insert((this.clone(), reader));
            }
        }
        // What a configuration does not define is no node, and so no end of a connection.
        let nodes = &self.nodes;
        self.edges
            .retain(|(from, to)| from != to && nodes.contains_key(from) && nodes.contains_key(to));
    }

    fn node(&mut self, key: (StopKind, Name), title: Option<String>, owner: Owner) {
        let (kind, name) = key.clone();
        self.nodes.entry(key).or_insert(Stop {
            kind,
            name,
            title,
            owner,
            reads_at: None,
        });
    }

    fn system(&mut self, kind: StopKind, name: &Name) -> (StopKind, Name) {
        let key = (kind, name.clone());
        if let Some(system) = self.settings.systems.get(name) {
            self.node(key.clone(), system.title.clone(), system.owner.clone());
            if let Some(stop) = self.nodes.get_mut(&key).filter(|_| kind == StopKind::Reader) {
                stop.reads_at.clone_from(&system.reads_at);
            }
        }
        key
    }

    fn team(&mut self, name: &Name) -> (StopKind, Name) {
        let key = (StopKind::Team, name.clone());
        if let Some(team) = self.settings.teams.get(name) {
            self.node(key.clone(), team.title.clone(), Owner::Team(name.clone()));
        }
        key
    }
}
