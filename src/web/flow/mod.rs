//! The map: systems, jobs and datasets as one graph, from the configuration alone.

mod layout;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Name, Owner, Rule, Settings};
pub(super) use layout::{BOX_HEIGHT, BOX_WIDTH, Layout};

/// Nodes and connections that are still drawn; a table shows any number.
const NODES_DRAWN_MAX: usize = 600;
const EDGES_DRAWN_MAX: usize = 1_500;

/// What a node is. The order is that of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
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

impl Kind {
    /// The word in JSON and on pages.
    pub(super) fn as_str(self) -> &'static str {
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) name: Name,
    pub(super) title: Option<String>,
    pub(super) owner: Owner,
}

impl Node {
    /// Its identity: `dataset:stock`.
    pub(super) fn id(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.name)
    }
}

/// The whole flow of data.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// In the order of kind and name.
    pub(super) nodes: Vec<Node>,
    /// From whom to whom, as places in `nodes`, each once and in order.
    pub(super) edges: Vec<(usize, usize)>,
    /// Where everything lies; `None` for what is too large to draw.
    pub(super) layout: Option<Layout>,
}

impl Flow {
    /// Of a configuration. Says nothing of states.
    pub(super) fn of(settings: &Settings) -> Self {
        let mut graph = Graph {
            settings,
            nodes: BTreeMap::new(),
            edges: BTreeSet::new(),
        };
        graph.read();
        let places: BTreeMap<&(Kind, Name), usize> = graph
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
        let nodes: Vec<Node> = graph.nodes.values().cloned().collect();
        let is_drawn = nodes.len() <= NODES_DRAWN_MAX && edges.len() <= EDGES_DRAWN_MAX;
        let last: Vec<bool> = nodes
            .iter()
            .map(|node| matches!(node.kind, Kind::Reader | Kind::Team))
            .collect();
        let layout = is_drawn.then(|| Layout::of(&last, &edges));
        Self { nodes, edges, layout }
    }

    /// The places of everything that feeds a node or is fed by it, itself included.
    pub(super) fn lit_by(&self, chosen: usize) -> BTreeSet<usize> {
        let mut lit = BTreeSet::from([chosen]);
        for is_upstream in [false, true] {
            let mut ahead = vec![chosen];
            let mut seen = BTreeSet::from([chosen]);
            while let Some(at) = ahead.pop() {
                for (from, to) in &self.edges {
                    let (here, there) = if is_upstream { (to, from) } else { (from, to) };
                    if *here == at && seen.insert(*there) {
                        ahead.push(*there);
                    }
                }
            }
            lit.extend(seen);
        }
        lit
    }

    /// Nodes for which nobody answers.
    pub(super) fn without_owner(&self) -> Vec<&Node> {
        self.nodes.iter().filter(|node| node.owner == Owner::Nobody).collect()
    }

    /// Datasets that nobody reads.
    pub(super) fn unread(&self) -> Vec<&Node> {
        let read: BTreeSet<usize> = self.edges.iter().map(|(from, _)| *from).collect();
        let unread = |(place, node): &(usize, &Node)| node.kind == Kind::Dataset && !read.contains(place);
        self.nodes
            .iter()
            .enumerate()
            .filter(unread)
            .map(|(_, node)| node)
            .collect()
    }
}

struct Graph<'a> {
    settings: &'a Settings,
    nodes: BTreeMap<(Kind, Name), Node>,
    edges: BTreeSet<((Kind, Name), (Kind, Name))>,
}

impl Graph<'_> {
    fn read(&mut self) {
        for job in self.settings.jobs.values() {
            let this = (Kind::Job, job.name.clone());
            self.node(this.clone(), job.title.clone(), job.owner.clone());
            if let Some(system) = &job.from {
                let source = self.system(Kind::Source, system);
                self.edges.insert((source, this.clone()));
            }
            let started_by = match job.schedule.as_ref().map(|schedule| &schedule.rule) {
                Some(Rule::On(datasets)) => datasets.as_slice(),
                _ => &[],
            };
            for need in job.needs.iter().chain(started_by) {
                self.edges.insert(((Kind::Dataset, need.clone()), this.clone()));
            }
            if let Some(made) = &job.produces {
                self.edges.insert((this, (Kind::Dataset, made.clone())));
            }
        }
        let produced: BTreeSet<&Name> = self
            .settings
            .jobs
            .values()
            .filter_map(|job| job.produces.as_ref())
            .collect();
        for dataset in self.settings.datasets.values() {
            let this = (Kind::Dataset, dataset.name.clone());
            self.node(this.clone(), dataset.title.clone(), dataset.owner.clone());
            if let Some(system) = dataset.system.as_ref().filter(|_| !produced.contains(&dataset.name)) {
                let source = self.system(Kind::Source, system);
                self.edges.insert((source, this.clone()));
            }
            for consumer in &dataset.consumers {
                let reader = if self.settings.systems.contains_key(consumer) {
                    self.system(Kind::Reader, consumer)
                } else if self.settings.jobs.contains_key(consumer) {
                    (Kind::Job, consumer.clone())
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

    fn node(&mut self, key: (Kind, Name), title: Option<String>, owner: Owner) {
        let (kind, name) = key.clone();
        self.nodes.entry(key).or_insert(Node {
            kind,
            name,
            title,
            owner,
        });
    }

    fn system(&mut self, kind: Kind, name: &Name) -> (Kind, Name) {
        let key = (kind, name.clone());
        if let Some(system) = self.settings.systems.get(name) {
            self.node(key.clone(), system.title.clone(), system.owner.clone());
        }
        key
    }

    fn team(&mut self, name: &Name) -> (Kind, Name) {
        let key = (Kind::Team, name.clone());
        if let Some(team) = self.settings.teams.get(name) {
            self.node(key.clone(), team.title.clone(), Owner::Team(name.clone()));
        }
        key
    }
}
