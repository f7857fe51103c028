//! The map of many systems at a glance: how many datasets go from which to which, each way as bad as the worst on it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::flow::{States, called, node_state};
use super::flow_words::lit_at;
use super::words::{Tone, counted, text};
use crate::web::flow::{Flow, Kind, Node};

/// Systems on each side; those that are well are left out first.
const SIDE_MAX: usize = 60;
/// Size of a box, and space between two of them.
const BOX_WIDTH: f64 = 380.0;
const BOX_HEIGHT: f64 = 24.0;
const STEP: f64 = 28.0;
/// Where the boxes on the right begin, and how wide all of it is.
const RIGHT: f64 = 780.0;
const WIDTH: f64 = RIGHT + BOX_WIDTH + 2.0 * PADDING;
const PADDING: f64 = 10.0;
/// Characters of a name in a box.
const NAME_CHARS_MAX: usize = 22;

/// Datasets, and how many of them are not as promised.
#[derive(Clone, Copy)]
struct Counts {
    all: usize,
    wrong: usize,
    unknown: usize,
}

impl Counts {
    /// `5 datasets, 2 wrong`.
    fn words(self) -> String {
        let troubles = [(self.wrong, "wrong"), (self.unknown, "unknown")].into_iter();
        let troubles = troubles.filter(|(count, _)| *count > 0);
        let words: Vec<String> = troubles.map(|(count, what)| format!(", {count} {what}")).collect();
        format!("{}{}", counted(self.all, "dataset"), words.concat())
    }
}

/// A system or team with what it gives or gets.
struct Side<'f> {
    node: &'f Node,
    place: usize,
    counts: Counts,
    /// The worst of what it gives or gets.
    tone: Tone,
    /// What it gets is made from something that is wrong.
    is_hit: bool,
}

/// Datasets that come from one side to the other.
struct Way {
    from: usize,
    to: usize,
    counts: Counts,
    tone: Tone,
}

/// Whoever gives on the left, whoever reads on the right; places are of these lists.
struct Overview<'f> {
    from: Vec<Side<'f>>,
    to: Vec<Side<'f>>,
    ways: Vec<Way>,
    left_out: usize,
}

/// All of it as a picture; nothing where no system gives, or none reads.
pub(super) fn overview(flow: &Flow, states: &States<'_>) -> Markup {
    let overview = Overview::of(flow, states);
    if overview.from.is_empty() || overview.to.is_empty() {
        return html! {};
    }
    let rows = overview.from.len().max(overview.to.len());
    let height = STEP * places(rows) + 2.0 * PADDING;
    html! {
        section aria-labelledby="systems" {
            h2 id="systems" { "From system to system" }
            div.frame tabindex="0" role="region" aria-label="systems" {
                svg.map.overview viewBox=(format!("0 0 {WIDTH:.0} {height:.0}")) width=(format!("{WIDTH:.0}")) role="group" aria-label="from system to system" {
                    @for way in &overview.ways { (line(&overview, way, rows)) }
                    @for (row, side) in overview.from.iter().enumerate() { (side_box(side, PADDING, y(row, overview.from.len(), rows), "datasets")) }
                    @for (row, side) in overview.to.iter().enumerate() { (side_box(side, PADDING + RIGHT, y(row, overview.to.len(), rows), "reads")) }
                }
            }
            p.dim { "Each line stands for the datasets that come from one to the other, and is as bad as the worst on its way. A box leads to the map of what it feeds or reads." }
            @if overview.left_out > 0 { p.dim { "and " (counted(overview.left_out, "system")) " more, in the table below." } }
        }
    }
}

fn line(overview: &Overview<'_>, way: &Way, rows: usize) -> Markup {
    let (from, to) = (&overview.from[way.from], &overview.to[way.to]);
    let (left, right) = (PADDING + BOX_WIDTH, PADDING + RIGHT);
    let from_y = y(way.from, overview.from.len(), rows) + BOX_HEIGHT / 2.0;
    let to_y = y(way.to, overview.to.len(), rows) + BOX_HEIGHT / 2.0;
    let middle = f64::midpoint(left, right);
    let path = format!("M{left:.1} {from_y:.1}C{middle:.1} {from_y:.1} {middle:.1} {to_y:.1} {right:.1} {to_y:.1}");
    let tint = if way.tone <= Tone::Unknown {
        way.tone.class()
    } else {
        ""
    };
    let words = format!(
        "{} to {}: {}",
        text(called(from.node)),
        text(called(to.node)),
        way.counts.words()
    );
    html! {
        path class={ "edge " (tint) } data-from=(from.node.id()) data-to=(to.node.id()) d=(path) { title { (words) } }
    }
}

fn side_box(side: &Side<'_>, x: f64, y: f64, class: &str) -> Markup {
    let node = side.node;
    let is_wrong = side.tone <= Tone::Unknown;
    let tint = match (is_wrong, side.is_hit) {
        (true, _) => side.tone.class(),
        (false, true) => "hit",
        (false, false) => "",
    };
    let name: String = text(called(node));
    let shown = if name.chars().count() > NAME_CHARS_MAX {
        format!("{}…", name.chars().take(NAME_CHARS_MAX - 1).collect::<String>())
    } else {
        name.clone()
    };
    let counts = side.counts;
    let own = if called(node) == node.name.as_str() {
        String::new()
    } else {
        format!(" ({})", text(node.name.as_str()))
    };
    let hit = if side.is_hit && !is_wrong {
        ", made from what is wrong"
    } else {
        ""
    };
    let verb = if class == "reads" { "reads " } else { "gives " };
    html! {
        a class={ "node system " (tint) } data-id=(node.id()) data-name=(name) data-owner=(text(node.owner.as_str())) href=(lit_at(node)) {
            title { (name) (own) ": " (verb) (counts.words()) (hit) "; " (text(node.owner.as_str())) " answers" }
            rect.box x=(one(x)) y=(one(y)) width=(one(BOX_WIDTH)) height=(one(BOX_HEIGHT)) rx="2" {}
            @if is_wrong {
                path class={ "mark " (side.tone.class()) } transform=(format!("translate({:.1} {:.1}) scale(.85)", x + 8.0, y + 5.0)) d=(side.tone.shape()) {}
            }
            text x=(one(x + if is_wrong { 28.0 } else { 10.0 })) y=(one(y + 16.0)) { (shown) }
            text.kind x=(one(x + BOX_WIDTH - 8.0)) y=(one(y + 16.0)) text-anchor="end" { (counts.words()) }
        }
    }
}

/// The top of a box: the shorter side stands in the middle.
fn y(row: usize, of: usize, rows: usize) -> f64 {
    PADDING + STEP * (places(row) + (places(rows) - places(of)) / 2.0)
}

impl<'f> Overview<'f> {
    fn of(flow: &'f Flow, states: &States<'_>) -> Self {
        let graph = Graph::of(flow, states);
        let (from, one) = few(graph.givers());
        let (to, other) = few(graph.readers());
        let mut ways = Vec::new();
        let upstream: Vec<Vec<bool>> = to.iter().map(|side| graph.reach(side.place, true)).collect();
        for (from_row, giver) in from.iter().enumerate() {
            let downstream = graph.reach(giver.place, false);
            for (to_row, reader) in to.iter().enumerate() {
                let read = graph.before[reader.place].iter().copied();
                let read: Vec<usize> = read.filter(|dataset| downstream[*dataset]).collect();
                if read.is_empty() {
                    continue;
                }
                let on_way = (0..downstream.len()).filter(|place| downstream[*place] && upstream[to_row][*place]);
                ways.push(Way {
                    from: from_row,
                    to: to_row,
                    counts: graph.counts(&read),
                    tone: graph.worst(on_way),
                });
            }
        }
        let mut overview = Self {
            from,
            to,
            ways,
            left_out: one + other,
        };
        overview.untangle();
        // What is wrong is drawn last, above all else.
        overview.ways.sort_by_key(|way| std::cmp::Reverse(way.tone));
        overview
    }

    /// Readers stand near to whoever feeds them; else all keeps its place, whatever its state.
    fn untangle(&mut self) {
        let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for way in &self.ways {
            let (sum, count) = sums.entry(way.to).or_default();
            *sum += places(way.from) / places(self.from.len()).max(1.0);
            *count += 1.0;
        }
        let mut order: Vec<(f64, usize)> = (0..self.to.len())
            .map(|row| (sums.get(&row).map_or(1.0, |(sum, count)| sum / count), row))
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let rows: BTreeMap<usize, usize> = order.iter().enumerate().map(|(new, (_, old))| (*old, new)).collect();
        let mut sides: Vec<Option<Side<'f>>> = self.to.drain(..).map(Some).collect();
        self.to = order.iter().filter_map(|(_, old)| sides[*old].take()).collect();
        for way in &mut self.ways {
            way.to = rows[&way.to];
        }
    }
}

/// At most so many of one side as they stood, those that are wrong before all others; and how many are left out.
fn few(sides: Vec<Side<'_>>) -> (Vec<Side<'_>>, usize) {
    let left_out = sides.len().saturating_sub(SIDE_MAX);
    let mut ranked: Vec<(usize, Side<'_>)> = sides.into_iter().enumerate().collect();
    ranked.sort_by_key(|(place, side)| (side.tone, !side.is_hit, *place));
    ranked.truncate(SIDE_MAX);
    ranked.sort_by_key(|(place, _)| *place);
    (ranked.into_iter().map(|(_, side)| side).collect(), left_out)
}

/// The flow with its states, and with its connections by their ends.
struct Graph<'f> {
    flow: &'f Flow,
    tones: Vec<Tone>,
    before: Vec<Vec<usize>>,
    behind: Vec<Vec<usize>>,
    /// What is wrong, and all that is made from it.
    hit: Vec<bool>,
}

impl<'f> Graph<'f> {
    fn of(flow: &'f Flow, states: &States<'_>) -> Self {
        let stops = &flow.graph.stops;
        let mut graph = Self {
            flow,
            tones: stops
                .iter()
                .map(|node| node_state(node, states).map_or(Tone::Quiet, |(tone, _)| tone))
                .collect(),
            before: vec![Vec::new(); stops.len()],
            behind: vec![Vec::new(); stops.len()],
            hit: Vec::new(),
        };
        for (from, to) in &flow.graph.edges {
            graph.behind[*from].push(*to);
            graph.before[*to].push(*from);
        }
        let wrong = (0..stops.len()).filter(|place| graph.tones[*place] <= Tone::Unknown);
        graph.hit = graph.reach_all(wrong.collect(), false);
        graph
    }

    fn reach(&self, from: usize, is_upstream: bool) -> Vec<bool> {
        self.reach_all(vec![from], is_upstream)
    }

    fn reach_all(&self, mut ahead: Vec<usize>, is_upstream: bool) -> Vec<bool> {
        let next = if is_upstream { &self.before } else { &self.behind };
        let mut seen = vec![false; next.len()];
        for place in &ahead {
            seen[*place] = true;
        }
        while let Some(at) = ahead.pop() {
            for place in &next[at] {
                if !std::mem::replace(&mut seen[*place], true) {
                    ahead.push(*place);
                }
            }
        }
        seen
    }

    fn worst(&self, places: impl Iterator<Item = usize>) -> Tone {
        places.map(|place| self.tones[place]).min().unwrap_or(Tone::Quiet)
    }

    fn counts(&self, datasets: &[usize]) -> Counts {
        let of = |tone: Tone| datasets.iter().filter(|place| self.tones[**place] == tone).count();
        Counts {
            all: datasets.len(),
            wrong: of(Tone::Bad),
            unknown: of(Tone::Unknown),
        }
    }

    fn places_of(&self, kinds: &'static [Kind]) -> impl Iterator<Item = usize> {
        let stops = self.flow.graph.stops.iter().enumerate();
        stops
            .filter(|(_, node)| kinds.contains(&node.kind))
            .map(|(place, _)| place)
    }

    fn side(&self, place: usize, datasets: &[usize], concerned: impl Iterator<Item = usize>) -> Side<'f> {
        Side {
            node: &self.flow.graph.stops[place],
            place,
            counts: self.counts(datasets),
            tone: self.worst(concerned),
            is_hit: self.hit[place],
        }
    }

    /// Systems with the datasets that are taken from them: those watched there, and those that their jobs make.
    fn givers(&self) -> Vec<Side<'f>> {
        let giver = |place: usize| {
            let first = self.behind[place].clone();
            let is_dataset = |place: &usize| self.flow.graph.stops[*place].kind == Kind::Dataset;
            let made = first
                .iter()
                .filter(|place| !is_dataset(place))
                .flat_map(|job| &self.behind[*job]);
            let mut datasets: Vec<usize> = first
                .iter()
                .chain(made)
                .copied()
                .filter(|place| is_dataset(place))
                .collect();
            datasets.sort_unstable();
            datasets.dedup();
            let concerned = first.into_iter().chain(datasets.clone());
            Side {
                is_hit: false,
                ..self.side(place, &datasets, concerned)
            }
        };
        self.places_of(&[Kind::Source]).map(giver).collect()
    }

    /// Systems and teams with the datasets that they read.
    fn readers(&self) -> Vec<Side<'f>> {
        let reader = |place: usize| self.side(place, &self.before[place], self.before[place].iter().copied());
        self.places_of(&[Kind::Reader, Kind::Team]).map(reader).collect()
    }
}

fn one(value: f64) -> String {
    format!("{value:.1}")
}

#[expect(clippy::cast_precision_loss, reason = "a picture has few places")]
fn places(count: usize) -> f64 {
    count as f64
}
