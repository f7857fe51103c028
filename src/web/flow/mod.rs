//! The map: the flow of data as one picture.

mod layout;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use layout::{BOX_HEIGHT, BOX_WIDTH, Layout};

use crate::lineage;
pub(super) use crate::lineage::{Stop as Node, StopKind as Kind};
use crate::model::Settings;

/// Nodes and connections that are still drawn; a table shows any number.
const NODES_DRAWN_MAX: usize = 600;
const EDGES_DRAWN_MAX: usize = 1_500;
/// A map that is higher than this is not seen at a glance: an overview stands before it.
const GLANCE_HEIGHT_MAX: f64 = 1_400.0;

/// The whole flow of data.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// What is connected with what.
    pub(super) graph: lineage::Flow,
    /// Where everything lies; `None` for what is too large to draw.
    pub(super) layout: Option<Layout>,
    /// Of each place, those that feed it, and those that it feeds.
    fed_by: Vec<Vec<usize>>,
    feeds: Vec<Vec<usize>>,
}

impl Flow {
    /// Of a configuration. Says nothing of states.
    pub(super) fn of(settings: &Settings) -> Self {
        Self::laid_out(lineage::Flow::of(settings))
    }

    fn laid_out(graph: lineage::Flow) -> Self {
        let (nodes, edges) = (&graph.stops, &graph.edges);
        let is_drawn = nodes.len() <= NODES_DRAWN_MAX && edges.len() <= EDGES_DRAWN_MAX;
        let last: Vec<bool> = nodes
            .iter()
            .map(|node| matches!(node.kind, Kind::Reader | Kind::Team))
            .collect();
        let layout = is_drawn.then(|| Layout::of(&last, edges));
        let (mut fed_by, mut feeds) = (vec![Vec::new(); nodes.len()], vec![Vec::new(); nodes.len()]);
        for (from, to) in edges {
            fed_by[*to].push(*from);
            feeds[*from].push(*to);
        }
        Self {
            graph,
            layout,
            fed_by,
            feeds,
        }
    }

    /// Whether it is more than anybody sees at a glance.
    pub(super) fn is_large(&self) -> bool {
        self.layout
            .as_ref()
            .is_none_or(|layout| layout.height > GLANCE_HEIGHT_MAX)
    }

    /// The part that has these places and the connections between them, laid out as a map of its own.
    pub(super) fn part(&self, places: &BTreeSet<usize>) -> Self {
        let new: BTreeMap<usize, usize> = places.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        let edges = self.graph.edges.iter();
        let edges = edges.filter_map(|(from, to)| Some((*new.get(from)?, *new.get(to)?)));
        Self::laid_out(lineage::Flow {
            edges: edges.collect(),
            stops: places.iter().map(|place| self.graph.stops[*place].clone()).collect(),
        })
    }

    /// The places of everything that feeds some nodes, or of all that they feed; they themselves included.
    pub(super) fn reach(&self, from: &[usize], is_upstream: bool) -> BTreeSet<usize> {
        let mut ahead = from.to_vec();
        let mut seen: BTreeSet<usize> = from.iter().copied().collect();
        while let Some(at) = ahead.pop() {
            let beside = if is_upstream { &self.fed_by } else { &self.feeds };
            ahead.extend(beside[at].iter().filter(|next| seen.insert(**next)));
        }
        seen
    }

    /// The places of everything that feeds some nodes or is fed by them, they themselves included.
    pub(super) fn lit_by(&self, chosen: &[usize]) -> BTreeSet<usize> {
        let mut lit = self.reach(chosen, true);
        lit.extend(self.reach(chosen, false));
        lit
    }

    /// The places of what is called so, none where nothing is. By its identity it is one node; by its name the first that
    /// bears it, and a system is all of it: where it gives and where it reads.
    pub(super) fn places_of(&self, called: &str) -> Vec<usize> {
        let position = |is_meant: &dyn Fn(&Node) -> bool| self.graph.stops.iter().position(is_meant);
        let Some(named) = position(&|node| node.name.as_str() == called) else {
            return position(&|node| node.id() == called).into_iter().collect();
        };
        let other = self
            .other_end(named)
            .filter(|_| self.graph.stops[named].kind == Kind::Source);
        std::iter::once(named).chain(other).collect()
    }

    /// Of a system that both gives and reads, the place where it does the other.
    pub(super) fn other_end(&self, place: usize) -> Option<usize> {
        let node = &self.graph.stops[place];
        let other = match node.kind {
            Kind::Source => Kind::Reader,
            Kind::Reader => Kind::Source,
            Kind::Job | Kind::Dataset | Kind::Team => return None,
        };
        let mut stops = self.graph.stops.iter();
        stops.position(|stop| stop.kind == other && stop.name == node.name)
    }
}
