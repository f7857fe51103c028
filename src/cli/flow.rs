//! `freshd flow`: the whole flow of data, its owners and states, as text or for a program that draws.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::ValueEnum;

use super::client::{Client, Subject};
use super::configured;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use crate::lineage::{Flow, Stop, StopKind};
use crate::model::Request;

/// What `flow` is told.
#[derive(Debug, clap::Args)]
pub(super) struct FlowArgs {
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each stop, with what it hands on to
    Text,
    /// A flowchart for Mermaid
    Mermaid,
    /// A graph for Graphviz
    Dot,
    /// As /api/v1/flow answers
    Json,
}

/// States by kind and name, as the daemon tells them.
type States = BTreeMap<(StopKind, String), String>;

pub(super) fn run(args: &FlowArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let flow = Flow::of(&configured::settings(global)?);
    // Without a daemon there is no state, and the flow is the same.
    let states = states(global).unwrap_or_default();
    match args.format {
        _ if out.json => out.document(&flow.to_json(|stop| state(stop, &states)))?,
        Format::Json => out.document(&flow.to_json(|stop| state(stop, &states)))?,
        Format::Text => out.text(&text(&flow, &states))?,
        Format::Mermaid => out.text(&mermaid(&flow, &states))?,
        Format::Dot => out.text(&dot(&flow, &states))?,
    }
    Ok(Exit::Fine)
}

fn states(global: &Global) -> Result<States, Failure> {
    let status = Client::connect(global)?.facts(Request::Status { name: None }, Subject::None)?;
    let of = |list: &str, kind: StopKind| {
        let entries = status[list].as_array().cloned().unwrap_or_default();
        entries.into_iter().filter_map(move |entry| {
            let (name, state) = (entry["name"].as_str()?, entry["state"].as_str()?);
            Some(((kind, name.to_owned()), state.to_owned()))
        })
    };
    Ok(of("jobs", StopKind::Job)
        .chain(of("datasets", StopKind::Dataset))
        .collect())
}

fn state<'a>(stop: &Stop, states: &'a States) -> Option<&'a str> {
    states.get(&(stop.kind, stop.name.to_string())).map(String::as_str)
}

fn text(flow: &Flow, states: &States) -> String {
    let mut text = String::new();
    for (place, stop) in flow.stops.iter().enumerate() {
        let to = flow.edges.iter().filter(|(from, _)| *from == place);
        let named = |edge: &(usize, usize)| {
            let by = if flow.is_unseen(*edge) { " (by its system)" } else { "" };
            format!("{}{by}", clean(&flow.stops[edge.1].id()))
        };
        let to: Vec<String> = to.map(named).collect();
        let to = if to.is_empty() {
            String::new()
        } else {
            format!(" -> {}", to.join(", "))
        };
        let state = state(stop, states)
            .map(|state| format!(", {}", clean(state).replace('_', " ")))
            .unwrap_or_default();
        let about = tone(Tone::Dim, format!(" ({}{state})", clean(stop.owner.as_str())));
        let _ = writeln!(text, "{}{about}{to}", clean(&stop.id()));
    }
    text
}

fn mermaid(flow: &Flow, states: &States) -> String {
    let mut text = String::from("flowchart LR\n");
    for (place, stop) in flow.stops.iter().enumerate() {
        let (open, close) = match stop.kind {
            StopKind::Source | StopKind::Reader => ("[(", ")]"),
            StopKind::Job => ("(", ")"),
            StopKind::Dataset => ("[", "]"),
            StopKind::Team => ("([", "])"),
        };
        // Its labels know entities and no escapes.
        let label = label(stop, states)
            .replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('<', "&lt;")
            .replace('\n', "<br>");
        let _ = writeln!(text, "    n{place}{open}\"{label}\"{close}");
    }
    for edge @ (from, to) in &flow.edges {
        let line = if flow.is_unseen(*edge) { "-.->" } else { "-->" };
        let _ = writeln!(text, "    n{from} {line} n{to}");
    }
    text
}

fn dot(flow: &Flow, states: &States) -> String {
    let mut text = String::from("digraph flow {\n    rankdir=LR\n");
    for (place, stop) in flow.stops.iter().enumerate() {
        let shape = match stop.kind {
            StopKind::Source | StopKind::Reader => "cylinder",
            StopKind::Job => "ellipse",
            StopKind::Dataset => "box",
            StopKind::Team => "house",
        };
        let label = label(stop, states)
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        let _ = writeln!(text, "    n{place} [shape={shape} label=\"{label}\"]");
    }
    for edge @ (from, to) in &flow.edges {
        let style = if flow.is_unseen(*edge) { " [style=dotted]" } else { "" };
        let _ = writeln!(text, "    n{from} -> n{to}{style}");
    }
    text.push_str("}\n");
    text
}

/// Title, owner and state, a line each.
fn label(stop: &Stop, states: &States) -> String {
    let title = stop.title.as_deref().unwrap_or(stop.name.as_str());
    let state = state(stop, states)
        .map(|state| format!("\n{}", state.replace('_', " ")))
        .unwrap_or_default();
    format!("{}\n{}{state}", clean(title), clean(stop.owner.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Owner;

    #[test]
    fn a_title_cannot_break_out_of_its_label() {
        let stop = Stop {
            kind: StopKind::Dataset,
            name: "stock".into(),
            title: Some("Stock \"per lot\" <b> \\".to_owned()),
            owner: Owner::Nobody,
            reads_at: None,
        };
        let flow = Flow {
            stops: vec![stop],
            edges: Vec::new(),
        };
        let states = States::from([((StopKind::Dataset, "stock".to_owned()), "due_soon".to_owned())]);
        assert_eq!(
            mermaid(&flow, &states),
            "flowchart LR\n    n0[\"Stock &quot;per lot&quot; &lt;b> \\<br>nobody<br>due soon\"]\n"
        );
        assert_eq!(
            dot(&flow, &states),
            "digraph flow {\n    rankdir=LR\n    n0 [shape=box label=\"Stock \\\"per lot\\\" <b> \\\\\\nnobody\\ndue soon\"]\n}\n"
        );
    }
}
