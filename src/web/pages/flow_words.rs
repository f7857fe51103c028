//! What stands above the map in words: what is wrong now and who reads it next; and of one node, what feeds it, what it feeds,
//! who answers and who reads it when.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;
use maud::{Markup, html};

use super::flow::{States, called, link, node_state, title};
use super::words::{Tone, View, counted, job_word, mark, owner, state, text, time_and_distance};
use crate::lineage::{Lineage, Reader, ReaderKind};
use crate::model::{OpenIncident, Status};
use crate::schedule;
use crate::web::flow::{Flow, Kind, Node};
use crate::web::pages::piece;

/// What is wrong, above the map; the rest unfolds.
const WRONG_MAX: usize = 8;
/// What is wrong in all.
const WRONG_UNFOLDED_MAX: usize = 300;
/// Names in one row.
const NAMES_MAX: usize = 30;
/// Readers that are told with their times.
const READERS_MAX: usize = 5;

/// Whether a node is wrong, or nobody can tell.
fn is_wrong(node: &Node, states: &States<'_>) -> bool {
    matches!(node_state(node, states), Some((Tone::Bad | Tone::Unknown, _)))
}

/// The places of all that is wrong, and of all that it feeds.
pub(super) fn hit_by_what_is_wrong(flow: &Flow, states: &States<'_>) -> BTreeSet<usize> {
    hit_by(flow, |node| is_wrong(node, states))
}

/// The places of some nodes, and of all that they feed.
fn hit_by(flow: &Flow, is_meant: impl Fn(&Node) -> bool) -> BTreeSet<usize> {
    let stops = flow.graph.stops.iter().enumerate();
    let meant = stops.filter(|(_, node)| is_meant(node));
    flow.reach(&meant.map(|(place, _)| place).collect::<Vec<usize>>(), false)
}

/// The address under which the map lights a node.
pub(super) fn lit_at(node: &Node) -> String {
    format!("/flow?of={}#map", piece(&node.id()))
}

/// What is wrong now: how much of it, what, and who reads it next.
pub(super) fn wrong_now(view: &View, flow: &Flow, status: &Status, states: &States<'_>) -> Markup {
    let tone = |node: &Node| node_state(node, states).map_or(Tone::Quiet, |(tone, _)| tone);
    let mut wrong: Vec<&Node> = flow.graph.stops.iter().filter(|node| is_wrong(node, states)).collect();
    wrong.sort_by_key(|node| tone(node));
    let (bad, unknown) = wrong.split_at(wrong.partition_point(|node| tone(node) == Tone::Bad));
    let worst = if bad.is_empty() { Tone::Unknown } else { Tone::Bad };
    let words = [("Wrong now: ", bad), ("unknown: ", unknown)]
        .into_iter()
        .filter(|(_, nodes)| !nodes.is_empty())
        .map(|(what, nodes)| format!("{what}{}", kinds(nodes)));
    let words = words.collect::<Vec<String>>().join("; ");
    let readers = readers_of_what_is_wrong(view, flow, status, states);
    html! {
        section.wrong aria-labelledby="wrong" {
            @if wrong.is_empty() {
                h2 id="wrong" { (state(Tone::Good, "nothing on the map is wrong")) }
            } @else {
                h2 id="wrong" { (mark(worst)) " " (words) }
                ul.plain.names {
                    @for node in wrong.iter().take(WRONG_MAX) { (wrong_one(node, status, states)) }
                }
                @let more = wrong.len().saturating_sub(WRONG_MAX);
                @if more > 0 {
                    details {
                        summary { "and " (more) " more" }
                        ul.plain.names {
                            @for node in wrong.iter().skip(WRONG_MAX).take(WRONG_UNFOLDED_MAX) { (wrong_one(node, status, states)) }
                            @let rest = more.saturating_sub(WRONG_UNFOLDED_MAX);
                            @if rest > 0 { li { "and " (rest) " more, in the table below" } }
                        }
                    }
                }
                @if !readers.is_empty() {
                    p { "Next to read it: "
                        @for (place, (at, who)) in readers.timed.iter().take(READERS_MAX).enumerate() {
                            @if place > 0 { ", " } (view.named(who)) " " (time_and_distance(view, *at))
                        }
                        (left_out(readers.timed.len()))
                        @if !readers.timed.is_empty() && !readers.untimed.is_empty() { "; " }
                        @for (place, who) in readers.untimed.iter().take(READERS_MAX).enumerate() {
                            @if place > 0 { ", " } @else { "at no known time: " } (view.named(who))
                        }
                        (left_out(readers.untimed.len()))
                    "." }
                }
            }
        }
    }
}

fn left_out(readers: usize) -> Markup {
    let more = readers.saturating_sub(READERS_MAX);
    html! { @if more > 0 { " and " (more) " more" } }
}

fn wrong_one(node: &Node, status: &Status, states: &States<'_>) -> Markup {
    html! {
        li {
            @if let Some((tone, word)) = node_state(node, states) { (state(tone, job_word(word))) " " }
            a.name href=(lit_at(node)) { (text(node.name.as_str())) }
            @if let Some(incident) = incident_of(node, status) { " " a.number href={ "/incidents/" (incident.id) } { "incident " (incident.id) } }
        }
    }
}

/// Who reads what is wrong.
struct Readers<'a> {
    /// Those who say when, the next one first.
    timed: BTreeSet<(Timestamp, &'a str)>,
    /// Those of whom nobody knows when.
    untimed: BTreeSet<&'a str>,
}

impl Readers<'_> {
    fn is_empty(&self) -> bool {
        self.timed.is_empty() && self.untimed.is_empty()
    }
}

/// Who reads what is wrong, and when: whoever the map shows to be hit, and all that incidents name. Where something is
/// wrong, whoever reads what is merely unknown is not among them.
fn readers_of_what_is_wrong<'a>(view: &View, flow: &'a Flow, status: &'a Status, states: &States<'_>) -> Readers<'a> {
    let stops = &flow.graph.stops;
    let is = |node: &Node, wanted: Tone| node_state(node, states).is_some_and(|(tone, _)| tone == wanted);
    let worst = match stops.iter().any(|node| is(node, Tone::Bad)) {
        true => Tone::Bad,
        false => Tone::Unknown,
    };
    let hit = hit_by(flow, |node| is(node, worst)).into_iter();
    let hit = hit
        .map(|place| &stops[place])
        .filter(|node| matches!(node.kind, Kind::Reader | Kind::Team));
    let hit = hit.map(|node| {
        let next = node.reads_at.as_ref().and_then(|rule| schedule::next(rule, view.now));
        (
            next.map(|next| next.at),
            node.title.as_deref().unwrap_or(node.name.as_str()),
        )
    });
    let is_lesser = |incident: &OpenIncident| {
        let mut lesser = stops.iter().filter(|node| is_node_of(node, incident));
        lesser.any(|node| worst == Tone::Bad && is(node, Tone::Unknown))
    };
    let named = status.causes().filter(|incident| !is_lesser(incident));
    let named = named.flat_map(|incident| &incident.readers);
    let named = named.map(|reading| (reading.at, reading.who.as_str()));
    let all: Vec<(Option<Timestamp>, &str)> = named.chain(hit).collect();
    let timed: BTreeSet<(Timestamp, &str)> = all.iter().filter_map(|(at, who)| Some(((*at)?, *who))).collect();
    let has_time = |who: &str| timed.iter().any(|(_, other)| *other == who);
    let untimed = all.iter().map(|(_, who)| *who).filter(|who| !has_time(who)).collect();
    Readers { timed, untimed }
}

/// `1 job and 2 datasets`.
fn kinds(nodes: &[&Node]) -> String {
    let of = |kind: Kind| nodes.iter().filter(|node| node.kind == kind).count();
    let counts = [(of(Kind::Job), "job"), (of(Kind::Dataset), "dataset")].into_iter();
    let counts = counts
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(count, what));
    counts.collect::<Vec<String>>().join(" and ")
}

fn incident_of<'a>(node: &Node, status: &'a Status) -> Option<&'a OpenIncident> {
    status.incidents.iter().find(|incident| is_node_of(node, incident))
}

fn is_node_of(node: &Node, incident: &OpenIncident) -> bool {
    let about = match node.kind {
        Kind::Job => "job",
        Kind::Dataset => "dataset",
        Kind::Source | Kind::Reader | Kind::Team => return false,
    };
    incident.about == about && incident.subject == node.name.as_str()
}

/// Of one node, or of a system all of it: what it is, what feeds it, what it feeds, who answers for that, and who reads it next.
pub(super) fn chosen(view: &View, flow: &Flow, lineage: &Lineage, states: &States<'_>, places: &[usize]) -> Markup {
    let Some(first) = places.first() else {
        return html! {};
    };
    let node = &flow.graph.stops[*first];
    let is_half = flow.other_end(*first).is_some_and(|other| !places.contains(&other));
    let (upstream, downstream) = (flow.reach(places, true), flow.reach(places, false));
    let all: BTreeSet<&str> = upstream
        .iter()
        .chain(&downstream)
        .map(|place| flow.graph.stops[*place].owner.as_str())
        .collect();
    html! {
        section.chosen aria-labelledby="chosen" {
            h2 id="chosen" { (link(node)) (title(node)) @if let Some((tone, word)) = node_state(node, states) { " " (state(tone, job_word(word))) } }
            dl {
                dt { "Answers" } dd { (owner(view, node.owner.as_str())) }
                dt { "Fed by" } dd { (listed(flow, states, &upstream, places, "nothing that is known here")) }
                dt { "Feeds" } dd { (listed(flow, states, &downstream, places, "nothing")) }
                dt { "All answer" } dd { @for (index, name) in all.iter().enumerate() { @if index > 0 { ", " } (owner(view, name)) } }
                dt { "Reads next" } dd { (next_readers(view, lineage, node)) }
            }
            p {
                @match node.kind {
                    Kind::Job => { a href={ "/jobs/" (piece(node.name.as_str())) } { "Its page" } " · " },
                    Kind::Dataset => { a href={ "/datasets/" (piece(node.name.as_str())) } { "Its page" } " · " },
                    Kind::Source | Kind::Reader | Kind::Team => {},
                }
                @if is_half { a href={ "/flow?of=" (piece(node.name.as_str())) "#map" } { "All that it gives and reads" } " · " }
                a href="/flow#map" { "All of the map" }
            }
        }
    }
}

fn listed(flow: &Flow, states: &States<'_>, places: &BTreeSet<usize>, without: &[usize], none: &str) -> Markup {
    let nodes: Vec<&Node> = places
        .iter()
        .filter(|place| !without.contains(place))
        .map(|place| &flow.graph.stops[*place])
        .collect();
    html! {
        @if nodes.is_empty() { span.dim { (none) } }
        @for (index, node) in nodes.iter().take(NAMES_MAX).enumerate() {
            @if index > 0 { ", " }
            a.name href=(lit_at(node)) { (text(called(node))) }
            @if let Some((tone, word)) = node_state(node, states).filter(|_| is_wrong(node, states)) { " " (state(tone, job_word(word))) }
        }
        @let more = nodes.len().saturating_sub(NAMES_MAX);
        @if more > 0 { " and " (more) " more" }
    }
}

fn next_readers(view: &View, lineage: &Lineage, node: &Node) -> Markup {
    let readers = lineage.impact_of_any(node.name.as_str());
    let mut readers: Vec<(Option<Timestamp>, Reader<'_>)> = readers
        .into_iter()
        .filter(|reader| reader.kind != ReaderKind::Job)
        .map(|reader| (next_reading(&reader, view.now), reader))
        .collect();
    readers.sort_by(|(a, one), (b, other)| (a.is_none(), a, &one.consumer).cmp(&(b.is_none(), b, &other.consumer)));
    html! {
        @if readers.is_empty() { span.dim { "nobody" } }
        ul.plain {
            @for (at, reader) in readers.iter().take(NAMES_MAX) {
                li {
                    (view.named(reader.consumer.as_str())) " " span.dim { (text(reader.dataset.as_str())) }
                    @if let Some(at) = at { " " (time_and_distance(view, *at)) } @else { span.dim { " at a time that jobs.toml does not say" } }
                    ", " (owner(view, reader.owner.as_str())) " answers"
                }
            }
            @let more = readers.len().saturating_sub(NAMES_MAX);
            @if more > 0 { li { "and " (more) " more" } }
        }
    }
}

fn next_reading(reader: &Reader<'_>, now: Timestamp) -> Option<Timestamp> {
    Some(schedule::next(reader.reads_at?, now)?.at)
}
