//! Where the boxes of a map lie: in layers from left to right, by the longest way to each, in an order with few crossings.
//!
//! A connection over several layers has a lane of its own through each layer between, so that no line runs through a box.
//! The same graph always gives the same picture.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

/// Size of a box.
pub(in crate::web) const BOX_WIDTH: f64 = 184.0;
pub(in crate::web) const BOX_HEIGHT: f64 = 38.0;
/// Space between two layers, in which the lines bend.
const LAYER_GAP: f64 = 44.0;
/// Space between two things of a layer.
const ROW_GAP: f64 = 10.0;
/// Height of a lane.
const LANE_HEIGHT: f64 = 4.0;
/// Space around the whole.
const PADDING: f64 = 14.0;
/// How often the order is improved, and then the heights.
const ORDER_SWEEPS: usize = 12;
const HEIGHT_SWEEPS: usize = 10;

/// Positions of everything.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::web) struct Layout {
    pub(in crate::web) width: f64,
    pub(in crate::web) height: f64,
    /// Of each node: the left edge and the middle of its height.
    pub(in crate::web) boxes: Vec<(f64, f64)>,
    /// Of each connection: left edge and height of the box it leaves, of the lanes it takes, of the box it comes to.
    /// Empty for one that would run backwards: a sound configuration has none.
    pub(in crate::web) lines: Vec<Vec<(f64, f64)>>,
}

/// What lies in a layer: a box, or the lane of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Box,
    Lane,
}

struct Layers {
    things: Vec<Thing>,
    /// Of each thing.
    layer: Vec<usize>,
    /// Things of each layer, from top to bottom.
    order: Vec<Vec<usize>>,
    /// Neighbours of each thing one layer before, and one layer behind.
    before: Vec<Vec<usize>>,
    behind: Vec<Vec<usize>>,
}

impl Layout {
    /// Of nodes, with those that are to stand in the last layer marked, and connections between them.
    pub(in crate::web) fn of(last: &[bool], edges: &[(usize, usize)]) -> Self {
        let (mut layers, chains) = Layers::of(last, edges);
        layers.sort();
        let y = layers.heights();
        let x = |thing: usize| PADDING + places(layers.layer[thing]) * (BOX_WIDTH + LAYER_GAP);
        let at = |thing: usize| (x(thing), y[thing]);
        let bottom = y.iter().fold(0.0, |bottom: f64, y| bottom.max(*y));
        Self {
            width: places(layers.order.len()) * (BOX_WIDTH + LAYER_GAP) - LAYER_GAP + 2.0 * PADDING,
            height: bottom + BOX_HEIGHT / 2.0 + PADDING,
            boxes: (0..last.len()).map(at).collect(),
            lines: chains
                .iter()
                .map(|chain| chain.iter().map(|thing| at(*thing)).collect())
                .collect(),
        }
    }
}

/// The longest way to each node, in connections; those marked stand together at the end.
fn depths(last: &[bool], edges: &[(usize, usize)]) -> Vec<usize> {
    let count = last.len();
    let mut waits_for = vec![0_usize; count];
    for (_, to) in edges {
        waits_for[*to] += 1;
    }
    let mut depth = vec![0_usize; count];
    let mut is_done = vec![false; count];
    let mut ready: VecDeque<usize> = (0..count).filter(|node| waits_for[*node] == 0).collect();
    for _ in 0..count {
        // In a ring nobody is ready: the first of it begins.
        let next = ready.pop_front().or_else(|| (0..count).find(|node| !is_done[*node]));
        let Some(node) = next else { break };
        is_done[node] = true;
        for (_, to) in edges.iter().filter(|(from, to)| *from == node && !is_done[*to]) {
            depth[*to] = depth[*to].max(depth[node] + 1);
            waits_for[*to] -= 1;
            if waits_for[*to] == 0 {
                ready.push_back(*to);
            }
        }
    }
    let deepest = (0..count)
        .filter(|node| !last[*node])
        .map(|node| depth[node] + 1)
        .max()
        .unwrap_or(0);
    for node in (0..count).filter(|node| last[*node]) {
        depth[node] = deepest;
    }
    depth
}

impl Layers {
    /// The layers, and the chain of things that each connection runs through.
    fn of(last: &[bool], edges: &[(usize, usize)]) -> (Self, Vec<Vec<usize>>) {
        let layer = depths(last, edges);
        let mut layers = Self {
            things: vec![Thing::Box; last.len()],
            order: vec![Vec::new(); layer.iter().max().map_or(0, |deepest| deepest + 1)],
            before: vec![Vec::new(); last.len()],
            behind: vec![Vec::new(); last.len()],
            layer,
        };
        for node in 0..last.len() {
            layers.order[layers.layer[node]].push(node);
        }
        let chains = edges.iter().map(|(from, to)| layers.chain(*from, *to)).collect();
        (layers, chains)
    }

    fn chain(&mut self, from: usize, to: usize) -> Vec<usize> {
        let mut chain = Vec::new();
        if self.layer[from] < self.layer[to] {
            chain.push(from);
            for between in self.layer[from] + 1..self.layer[to] {
                let lane = self.things.len();
                self.things.push(Thing::Lane);
                self.layer.push(between);
                self.order[between].push(lane);
                self.before.push(Vec::new());
                self.behind.push(Vec::new());
                chain.push(lane);
            }
            chain.push(to);
        }
        for step in chain.windows(2) {
            self.behind[step[0]].push(step[1]);
            self.before[step[1]].push(step[0]);
        }
        chain
    }

    /// Brings everything near to its neighbours, to and fro, and keeps the order with the fewest crossings.
    fn sort(&mut self) {
        let mut best = (self.crossings(), self.order.clone());
        for sweep in 0..ORDER_SWEEPS {
            let place = self.places_in_layer();
            let mut place = place;
            let count = self.order.len();
            let forth = sweep % 2 == 0;
            for step in 0..count {
                let layer = if forth { step } else { count - 1 - step };
                let neighbours = if forth { &self.before } else { &self.behind };
                let mut keyed: Vec<(f64, usize, usize)> = self.order[layer]
                    .iter()
                    .map(|thing| {
                        let near = neighbours[*thing].iter().map(|neighbour| place[*neighbour]);
                        (
                            mean(near).unwrap_or(place[*thing]),
                            self.order_in(layer, *thing),
                            *thing,
                        )
                    })
                    .collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                self.order[layer] = keyed.into_iter().map(|(_, _, thing)| thing).collect();
                for (index, thing) in self.order[layer].iter().enumerate() {
                    place[*thing] = places(index);
                }
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.order.clone());
            }
        }
        self.order = best.1;
    }

    fn order_in(&self, layer: usize, thing: usize) -> usize {
        self.order[layer].iter().position(|known| *known == thing).unwrap_or(0)
    }

    fn places_in_layer(&self) -> Vec<f64> {
        let mut place = vec![0.0; self.things.len()];
        for layer in &self.order {
            for (index, thing) in layer.iter().enumerate() {
                place[*thing] = places(index);
            }
        }
        place
    }

    /// How often two lines cross.
    fn crossings(&self) -> usize {
        let place = self.places_in_layer();
        let mut crossings = 0;
        for layer in &self.order {
            let lines: Vec<(f64, f64)> = layer
                .iter()
                .flat_map(|from| self.behind[*from].iter().map(|to| (place[*from], place[*to])))
                .collect();
            for (index, a) in lines.iter().enumerate() {
                crossings += lines[index + 1..]
                    .iter()
                    .filter(|b| (a.0 - b.0) * (a.1 - b.1) < 0.0)
                    .count();
            }
        }
        crossings
    }

    /// The middle of each thing: as near to its neighbours as the order and the space between allow.
    fn heights(&self) -> Vec<f64> {
        let half = |thing: usize| match self.things[thing] {
            Thing::Box => BOX_HEIGHT / 2.0,
            Thing::Lane => LANE_HEIGHT / 2.0,
        };
        let mut y = vec![0.0; self.things.len()];
        for layer in &self.order {
            let mut bottom = 0.0;
            for thing in layer {
                y[*thing] = bottom + half(*thing);
                bottom += 2.0 * half(*thing) + ROW_GAP;
            }
        }
        for sweep in 0..HEIGHT_SWEEPS {
            let neighbours = if sweep % 2 == 0 { &self.before } else { &self.behind };
            for layer in &self.order {
                // Where each would like to be, less what lies above it in any case.
                let mut above = 0.0;
                let mut offsets = Vec::with_capacity(layer.len());
                let mut wishes = Vec::with_capacity(layer.len());
                for (index, thing) in layer.iter().enumerate() {
                    if index > 0 {
                        above += half(layer[index - 1]) + ROW_GAP + half(*thing);
                    }
                    let near = neighbours[*thing].iter().map(|neighbour| y[*neighbour]);
                    offsets.push(above);
                    wishes.push(mean(near).unwrap_or(y[*thing]) - above);
                }
                for ((thing, offset), level) in layer.iter().zip(offsets).zip(rising(&wishes)) {
                    y[*thing] = level + offset;
                }
            }
        }
        let top = (0..y.len())
            .map(|thing| y[thing] - half(thing))
            .fold(f64::INFINITY, f64::min);
        y.iter().map(|y| y - top + PADDING).collect()
    }
}

/// The nearest values that never fall, in the sense of least squares (pool adjacent violators).
fn rising(wishes: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::with_capacity(wishes.len());
    for wish in wishes {
        let mut pool = (*wish, 1);
        while let Some((sum, count)) = pools.last().copied()
            && sum / places(count) > pool.0 / places(pool.1)
        {
            pool = (pool.0 + sum, pool.1 + count);
            pools.pop();
        }
        pools.push(pool);
    }
    let level = |(sum, count): (f64, usize)| std::iter::repeat_n(sum / places(count), count);
    pools.into_iter().flat_map(level).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / places(count))
}

#[expect(clippy::cast_precision_loss, reason = "a map has few nodes")]
fn places(count: usize) -> f64 {
    count as f64
}
