//! Rings: groups of jobs and datasets that feed one another, each shown by its shortest way around.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::model::Name;

use super::{Lineage, Node};

/// One ring for each group of makers that can reach one another, in the order of their first one's name: a job that makes a
/// dataset, or a dataset that its system makes from others.
pub(super) fn rings(lineage: &Lineage) -> Vec<Vec<Node>> {
    // Whoever makes nothing feeds nobody.
    let jobs = lineage.jobs.iter().filter(|job| job.produces.is_some());
    let jobs = jobs.map(|job| Node::Job(job.name.clone()));
    let elsewhere = lineage.datasets.values();
    let elsewhere = elsewhere.filter(|dataset| !dataset.made_from.is_empty() && dataset.part_of.is_none());
    let mut makers: Vec<Node> = jobs
        .chain(elsewhere.map(|dataset| Node::Dataset(dataset.name.clone())))
        .collect();
    makers.sort();
    let numbers: HashMap<&Node, usize> = makers.iter().enumerate().map(|(number, node)| (node, number)).collect();
    let makers_of = |dataset: &Name| {
        let producer = lineage.producer_of(dataset.as_str()).cloned().map(Node::Job);
        // A part is made with the whole.
        let whole = lineage
            .datasets
            .get(dataset)
            .and_then(|dataset| dataset.part_of.as_ref());
        let system = Node::Dataset(whole.unwrap_or(dataset).clone());
        let both = producer.into_iter().chain([system]);
        both.filter_map(|node| numbers.get(&node).copied())
            .collect::<Vec<usize>>()
    };
    // feeders[n]: the makers of what maker n reads.
    let feeders: Vec<Vec<usize>> = makers
        .iter()
        .map(|maker| match maker {
            Node::Job(job) => lineage
                .inputs_of_job(job.as_str())
                .into_iter()
                .flat_map(makers_of)
                .collect(),
            Node::Dataset(dataset) => {
                let sources = lineage.made_by_system_from(dataset.as_str()).iter();
                sources.flat_map(makers_of).collect()
            }
        })
        .collect();
    let mut rings: Vec<Vec<usize>> = groups(&feeders)
        .into_iter()
        .filter_map(|group| shortest_ring(&group, &feeders))
        .collect();
    rings.sort();
    rings
        .into_iter()
        .map(|ring| {
            ring.into_iter()
                .flat_map(|number| step(lineage, &makers[number]))
                .collect()
        })
        .collect()
}

/// What a maker makes, and the maker where it is a job.
fn step(lineage: &Lineage, maker: &Node) -> Vec<Node> {
    match maker {
        Node::Dataset(_) => vec![maker.clone()],
        Node::Job(job) => {
            let output = lineage.job(job.as_str()).and_then(|job| job.produces.clone());
            output.map(Node::Dataset).into_iter().chain([maker.clone()]).collect()
        }
    }
}

/// Strongly connected components, by Tarjan's algorithm with a stack of its own: a chain of
/// 10,000 jobs must not use up the thread's.
fn groups(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let mut order = vec![UNSEEN; edges.len()];
    let mut low = vec![0; edges.len()];
    let mut open = vec![false; edges.len()];
    let mut stack = Vec::new();
    let mut groups = Vec::new();
    let mut count = 0;
    for root in 0..edges.len() {
        if order[root] != UNSEEN {
            continue;
        }
        let mut calls = vec![(root, 0)];
        while let Some((node, edge)) = calls.pop() {
            if edge == 0 {
                order[node] = count;
                low[node] = count;
                count += 1;
                stack.push(node);
                open[node] = true;
            }
            if let Some(&next) = edges[node].get(edge) {
                calls.push((node, edge + 1));
                if order[next] == UNSEEN {
                    calls.push((next, 0));
                } else if open[next] {
                    low[node] = low[node].min(order[next]);
                }
                continue;
            }
            if low[node] == order[node] {
                let start = stack.iter().rposition(|other| *other == node).unwrap_or(0);
                let group = stack.split_off(start);
                for member in &group {
                    open[*member] = false;
                }
                groups.push(group);
            }
            if let Some((caller, _)) = calls.last() {
                low[*caller] = low[*caller].min(low[node]);
            }
        }
    }
    groups
}

/// The shortest way from the first job of a group back to it, against the flow of the data.
fn shortest_ring(group: &[usize], edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let start = *group.iter().min()?;
    let members: HashSet<usize> = group.iter().copied().collect();
    let mut came_from: HashMap<usize, usize> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &next in edges[node].iter().filter(|next| members.contains(next)) {
            if next == start {
                let mut ring = vec![node];
                while let Some(&earlier) = came_from.get(ring.last()?) {
                    ring.push(earlier);
                }
                ring.reverse();
                return Some(ring);
            }
            came_from.entry(next).or_insert_with(|| {
                queue.push_back(next);
                node
            });
        }
    }
    None
}
