//! The map: the flow of data as one picture.

mod layout;

use std::collections::BTreeSet;

pub(super) use layout::{BOX_HEIGHT, BOX_WIDTH, Layout};

use crate::lineage;
pub(super) use crate::lineage::{Stop as Node, StopKind as Kind};
use crate::model::{Owner, Settings};

/// Nodes and connections that are still drawn; a table shows any number.
const NODES_DRAWN_MAX: usize = 600;
const EDGES_DRAWN_MAX: usize = 1_500;

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
        let lineage::Flow { stops: nodes, edges } = lineage::Flow::of(settings);
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
