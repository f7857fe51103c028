//! `/flow`: the map of systems, jobs and datasets, of many an overview before it, and a table of the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;
use maud::{Markup, html};

use super::flow_overview::overview;
use super::flow_words::{self, lit_at};
use super::words::{
    Tone, View, counted, dataset_link, dataset_tone, job_link, job_tone, job_word, mark, owner, piece, state, text,
    titled,
};
use super::{Place, whole};
use crate::lineage::Lineage;
use crate::model::{Status, moment};
use crate::schedule;
use crate::web::flow::{BOX_HEIGHT, BOX_WIDTH, Flow, Kind, Layout, Node};

/// Characters of a name in a box; the whole name is in its title and in the table.
const NAME_CHARS_MAX: usize = 22;
/// A map that is no wider than this is scaled to fit the window of a laptop.
const FITS_WIDTH_MAX: f64 = 1_500.0;
/// Rows of the table.
const ROWS_MAX: usize = 1_000;
/// Names in one cell.
const NAMES_MAX: usize = 12;

/// What a node is doing: tone and word. A system has no state of its own.
pub(in crate::web) fn node_state<'a>(node: &Node, states: &States<'a>) -> Option<(Tone, &'a str)> {
    match node.kind {
        Kind::Job => states.jobs.get(node.name.as_str()).copied(),
        Kind::Dataset => states.datasets.get(node.name.as_str()).copied(),
        Kind::Source | Kind::Reader | Kind::Team => None,
    }
}

/// States by name.
pub(in crate::web) struct States<'a> {
    jobs: BTreeMap<&'a str, (Tone, &'a str)>,
    datasets: BTreeMap<&'a str, (Tone, &'a str)>,
}

impl<'a> States<'a> {
    pub(in crate::web) fn of(status: &'a Status) -> Self {
        let jobs = status.jobs.iter().map(|job| {
            let tone = if job.is_failing() {
                Tone::Bad
            } else {
                job_tone(&job.state)
            };
            (job.name.as_str(), (tone, job.state.as_str()))
        });
        let datasets = status.datasets.iter().map(|dataset| {
            (
                dataset.name.as_str(),
                (dataset_tone(&dataset.state), dataset.state.as_str()),
            )
        });
        Self {
            jobs: jobs.collect(),
            datasets: datasets.collect(),
        }
    }
}

/// `/flow`, with what feeds the places `chosen` and what they feed lit, or alone as `part`. A system that gives and reads has two.
pub(in crate::web) fn flow(
    view: &View,
    flow: &Flow,
    part: Option<&Flow>,
    lineage: &Lineage,
    status: &Status,
    chosen: &[usize],
) -> Markup {
    let states = States::of(status);
    let (without_owner, unread) = (flow.graph.without_owner(), flow.graph.unread());
    let systems: BTreeSet<&str> = flow
        .graph
        .stops
        .iter()
        .filter(|node| matches!(node.kind, Kind::Source | Kind::Reader))
        .map(|node| node.name.as_str())
        .collect();
    let body = html! {
        h1 { "Flow" }
        p.lead { (counted(systems.len(), "system")) ", " (counted(status.jobs.len(), "job")) ", " (counted(status.datasets.len(), "dataset")) ", " (counted(flow.graph.edges.len(), "connection")) "." }
        // What is asked for comes first.
        @if chosen.is_empty() { (flow_words::wrong_now(view, flow, status, &states)) }
        @if flow.graph.stops.is_empty() { p.dim { "jobs.toml names nothing yet." } }
        @else {
            (legend(flow.graph.edges.iter().any(|edge| flow.graph.is_unseen(*edge))))
            p.past { a href="#table" { "Past the map, to the table" } }
            @if flow.is_large() && chosen.is_empty() { (overview(flow, &states)) }
            div.mapped id="map" {
                @if let Some(part) = part {
                    h2 { "Part of the map" }
                    (drawn(view, part, &states, &chosen_in(part, flow, chosen)))
                } @else if flow.is_large() {
                    details.whole {
                        summary { "All of the map: " (counted(flow.graph.stops.len(), "box").replace("boxs", "boxes")) }
                        (drawn(view, flow, &states, &[]))
                    }
                } @else { (drawn(view, flow, &states, chosen)) }
                @if !chosen.is_empty() { (flow_words::chosen(view, flow, lineage, &states, chosen)) }
            }
            @if !chosen.is_empty() {
                @if flow.is_large() { (overview(flow, &states)) }
                (flow_words::wrong_now(view, flow, status, &states))
            }
        }
        (finding("nobody answers for", &without_owner))
        (finding("nobody reads", &unread))
        (table(view, flow, &states))
    };
    whole(Some(view), Place::Flow, "Flow", &body)
}

/// The places of what is chosen within a part of the map.
fn chosen_in(part: &Flow, flow: &Flow, chosen: &[usize]) -> Vec<usize> {
    let ids: Vec<String> = chosen.iter().map(|place| flow.graph.stops[*place].id()).collect();
    let stops = part.graph.stops.iter().enumerate();
    let chosen = stops.filter(|(_, node)| ids.contains(&node.id()));
    chosen.map(|(place, _)| place).collect()
}

fn drawn(view: &View, flow: &Flow, states: &States<'_>, chosen: &[usize]) -> Markup {
    html! {
        @match &flow.layout {
            Some(layout) => {
                p.legend id="lit" {}
                div.frame tabindex="0" role="region" aria-label="map" { (map(view, flow, layout, states, chosen)) }
            }
            None => p { "This is too large to draw; the table has all of it." },
        }
    }
}

fn finding(what: &str, nodes: &[&Node]) -> Markup {
    html! {
        @if !nodes.is_empty() {
            p { (mark(Tone::Warn)) " " (nodes.len()) " that " (what) ": " (names(nodes.iter().map(|node| (*node, false)))) "." }
        }
    }
}

/// Some nodes, each with whether it is at the other end of what a system makes in a way that nobody sees: what the map dots.
fn names<'a>(nodes: impl ExactSizeIterator<Item = (&'a Node, bool)>) -> Markup {
    let count = nodes.len();
    html! {
        @for (place, (node, is_unseen)) in nodes.take(NAMES_MAX).enumerate() {
            @if place > 0 { ", " }
            (link(node))
            @if is_unseen { span.dim { " by its system" } }
        }
        @let more = count.saturating_sub(NAMES_MAX);
        @if more > 0 { " and " (more) " more" }
    }
}

pub(super) fn link(node: &Node) -> Markup {
    match node.kind {
        Kind::Job => job_link(node.name.as_str()),
        Kind::Dataset => dataset_link(node.name.as_str()),
        Kind::Source | Kind::Reader | Kind::Team => titled(node.name.as_str(), node.title.as_deref()),
    }
}

/// What a box is called: a system or team by its title.
pub(super) fn called(node: &Node) -> &str {
    match node.kind {
        Kind::Job | Kind::Dataset => node.name.as_str(),
        Kind::Source | Kind::Reader | Kind::Team => node.title.as_deref().unwrap_or(node.name.as_str()),
    }
}

/// The title of a job or dataset, behind its name.
pub(super) fn title(node: &Node) -> Markup {
    let title = node
        .title
        .as_ref()
        .filter(|_| matches!(node.kind, Kind::Job | Kind::Dataset));
    html! { @if let Some(title) = title { span.title { (text(title)) } } }
}

fn legend(has_unseen: bool) -> Markup {
    html! {
        p.legend {
            (state(Tone::Good, "as promised")) (state(Tone::Busy, "going on")) (state(Tone::Warn, "needs an eye"))
            (state(Tone::Bad, "wrong")) (state(Tone::Unknown, "unknown")) (state(Tone::NotYet, "not yet")) (state(Tone::Quiet, "set aside"))
            @if has_unseen { span { "dotted: a system makes one from the other" } }
        }
    }
}

fn map(view: &View, flow: &Flow, layout: &Layout, states: &States<'_>, chosen: &[usize]) -> Markup {
    let lit = flow.lit_by(chosen);
    let is_lit = |place: usize| lit.contains(&place);
    let tone = |node: &Node| node_state(node, states).map(|(tone, _)| tone);
    let lit_class = if chosen.is_empty() { "" } else { " lit" };
    // A small map is scaled to the window; a large one would be too small to read.
    let fits_class = if layout.width <= FITS_WIDTH_MAX { " fits" } else { "" };
    let hit = flow_words::hit_by_what_is_wrong(flow, states);
    html! {
        svg class={ "map" (lit_class) (fits_class) } viewBox=(format!("0 0 {:.0} {:.0}", layout.width, layout.height)) width=(format!("{:.0}", layout.width)) role="group" aria-label="the flow of data, from left to right" {
            @for ((from, to), line) in flow.graph.edges.iter().zip(&layout.lines) {
                @let (source, target) = (&flow.graph.stops[*from], &flow.graph.stops[*to]);
                @let bad = if tone(source) == Some(Tone::Bad) { " bad" } else { "" };
                @let on = if is_lit(*from) && is_lit(*to) { " on" } else { "" };
                @let unseen = if flow.graph.is_unseen((*from, *to)) { " unseen" } else { "" };
                path class={ "edge" (unseen) (bad) (on) } data-from=(source.id()) data-to=(target.id()) d=(path(line)) {}
            }
            @for (place, (node, (x, y))) in flow.graph.stops.iter().zip(&layout.boxes).enumerate() {
                @let on = if is_lit(place) { " on" } else { "" };
                @let is_chosen = if chosen.contains(&place) { " chosen" } else { "" };
                @let kind = match node.kind { Kind::Job => "job", Kind::Dataset => "dataset", _ => "system" };
                @let tint = tone(node).map_or(if hit.contains(&place) { "hit" } else { "" }, Tone::class);
                @let reads_at = node.reads_at.as_ref().and_then(|rule| schedule::next(rule, view.now)).map(|next| next.at);
                @let reads = reads_at.map(|at| moment(at, view.now, &view.zone));
                a class={ "node " (kind) " " (tint) (on) (is_chosen) } data-id=(node.id()) data-name=(text(called(node))) data-page=[page_of(node)] data-owner=(text(view.team(node.owner.as_str()))) data-reads=[reads.as_deref()] data-reads-at=[reads_at.map(Timestamp::as_second)] href=(page_of(node).filter(|_| chosen.contains(&place)).unwrap_or_else(|| lit_at(node))) {
                    title { (words(view, node, states)) }
                    rect.box x=(one(*x)) y=(one(y - BOX_HEIGHT / 2.0)) width=(one(BOX_WIDTH)) height=(one(BOX_HEIGHT)) rx=(if kind == "dataset" { "3" } else if kind == "job" { "10" } else { "0" }) {}
                    @if let Some(tone) = tone(node) {
                        path class={ "mark " (tone.class()) } transform=(format!("translate({:.1} {:.1}) scale(.85)", x + 9.0, y - 7.0)) d=(tone.shape()) {}
                    }
                    @let left = x + if tone(node).is_some() { 30.0 } else { 10.0 };
                    text x=(one(left)) y=(one(y - 1.0)) { (cut(called(node))) }
                    text.kind x=(one(left)) y=(one(y + 12.0)) { (below(node, states)) @if let Some(at) = &reads { ", " (at) } }
                }
            }
        }
    }
}

/// The page of a job or dataset, where a click leads once it is lit; a system has none.
fn page_of(node: &Node) -> Option<String> {
    let name = piece(node.name.as_str());
    match node.kind {
        Kind::Job => Some(format!("/jobs/{name}")),
        Kind::Dataset => Some(format!("/datasets/{name}")),
        Kind::Source | Kind::Reader | Kind::Team => None,
    }
}

/// The small line of a box: what it is, and its state as a word.
fn below(node: &Node, states: &States<'_>) -> String {
    let kind = kind_word(node.kind);
    match node_state(node, states) {
        Some((_, word)) => format!("{kind}, {}", text(&job_word(word).replace('_', " "))),
        None => kind.to_owned(),
    }
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Source => "system",
        Kind::Job => "job",
        Kind::Dataset => "dataset",
        Kind::Reader => "reads",
        Kind::Team => "team, reads",
    }
}

fn words(view: &View, node: &Node, states: &States<'_>) -> String {
    let title = node
        .title
        .as_deref()
        .map_or_else(String::new, |title| format!(", {}", text(title)));
    format!(
        "{}{title}: {}; {} answers",
        text(node.name.as_str()),
        below(node, states),
        text(view.team(node.owner.as_str()))
    )
}

fn cut(name: &str) -> String {
    let name = text(name);
    if name.chars().count() <= NAME_CHARS_MAX {
        return name;
    }
    let kept: String = name.chars().take(NAME_CHARS_MAX - 1).collect();
    format!("{kept}…")
}

/// A line through its lanes: straight where boxes stand beside it, bent between the layers.
fn path(line: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (index, step) in line.windows(2).enumerate() {
        let ((x, y), (to_x, to_y)) = (step[0], step[1]);
        let start = x + BOX_WIDTH;
        if index == 0 {
            let _ = write!(path, "M{start:.1} {y:.1}");
        } else {
            let _ = write!(path, "H{start:.1}");
        }
        let middle = f64::midpoint(start, to_x);
        let _ = write!(path, "C{middle:.1} {y:.1} {middle:.1} {to_y:.1} {to_x:.1} {to_y:.1}");
    }
    path
}

fn one(value: f64) -> String {
    format!("{value:.1}")
}

fn table(view: &View, flow: &Flow, states: &States<'_>) -> Markup {
    let mut from: Vec<Vec<(&Node, bool)>> = vec![Vec::new(); flow.graph.stops.len()];
    let mut to = from.clone();
    for edge @ (source, target) in &flow.graph.edges {
        let is_unseen = flow.graph.is_unseen(*edge);
        to[*source].push((&flow.graph.stops[*target], is_unseen));
        from[*target].push((&flow.graph.stops[*source], is_unseen));
    }
    html! {
        h2 id="table" tabindex="-1" { "The same as a table" }
        // A long one is unfolded by whoever wants it, so that the page has an end.
        details.rows open[!flow.is_large()] {
        summary { (counted(flow.graph.stops.len(), "row")) }
        div.wide { table {
            thead { tr { th scope="col" { "What" } th scope="col" { "Name" } th scope="col" { "State" } th scope="col" { "Answers" } th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "Map" } } }
            tbody {
                @for (place, node) in flow.graph.stops.iter().enumerate().take(ROWS_MAX) {
                    tr {
                        td { (kind_word(node.kind)) }
                        td { (link(node)) (title(node)) }
                        td { @if let Some((tone, word)) = node_state(node, states) { (state(tone, job_word(word))) } }
                        td { (owner(view, node.owner.as_str())) }
                        td.many { (names(from[place].iter().copied())) }
                        td.many { (names(to[place].iter().copied())) @if node.kind == Kind::Dataset && to[place].is_empty() { (state(Tone::Warn, "nobody")) } }
                        td { a href=(lit_at(node)) aria-label={ "light " (text(node.name.as_str())) " on the map" } { "light" } }
                    }
                }
            }
        } }
        @let more = flow.graph.stops.len().saturating_sub(ROWS_MAX);
        @if more > 0 { p.dim { "and " (more) " more; " a href="/api/v1/flow" { "all of them as JSON" } "." } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_bends_between_the_layers_and_is_straight_beside_boxes() {
        assert_eq!(
            path(&[(0.0, 10.0), (260.0, 50.0), (520.0, 20.0)]),
            "M184.0 10.0C222.0 10.0 222.0 50.0 260.0 50.0H444.0C482.0 50.0 482.0 20.0 520.0 20.0"
        );
        assert_eq!(path(&[]), "");
    }

    #[test]
    fn a_long_name_is_cut_visibly() {
        assert_eq!(cut("a-name-of-exactly-22-c"), "a-name-of-exactly-22-c");
        assert_eq!(cut("a-name-of-exactly-23-ch"), "a-name-of-exactly-23-…");
    }
}
