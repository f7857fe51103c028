//! What lies beside a dataset: who reads it, what its system makes it from; and the findings about both ways around.

use std::fmt::Write as _;

use super::context::{Context, Section};
use super::findings::Places;
use super::reader::Table;
use super::report::{Report, Spot};
use crate::lineage::{Lineage, Node};
use crate::model::{Name, Settings};

/// Longest ring that is told in full.
const RING_TOLD_MAX: usize = 12;

/// Systems, teams or jobs.
pub(super) fn consumers(context: &Context<'_>, table: &Table<'_>) -> Vec<Name> {
    const KINDS: [Section; 3] = [Section::Systems, Section::Teams, Section::Jobs];
    let mut names: Vec<Name> = Vec::new();
    for text in table.texts("consumers") {
        let known = KINDS.iter().find_map(|section| context.known.find(*section, text.text));
        match known {
            Some(name) if names.contains(name) => context.report.warning(
                text.spot(),
                format!("consumer `{name}` is named twice"),
                "keep one of the two",
            ),
            Some(name) => names.push(name.clone()),
            None if context.report.may_be_defined_in_a_hole(text.text) => {}
            None => text.error(
                format!("unknown consumer `{}`", text.text),
                context.help_for_unknown(&KINDS, text.text),
            ),
        }
    }
    names
}

/// The datasets from which the system of another makes it, each with its place.
pub(super) fn made_from(context: &Context<'_>, name: &Name, table: &Table<'_>) -> Vec<(Name, Spot)> {
    let mut sources: Vec<(Name, Spot)> = Vec::new();
    for text in table.texts("made_from") {
        let Some(source) = context.refer(Section::Datasets, &text) else {
            continue;
        };
        if source == *name {
            text.error(
                format!("`{name}` is made from itself"),
                "name the datasets that its system reads to make it",
            );
        } else if sources.iter().any(|(known, _)| *known == source) {
            context
                .report
                .warning(text.spot(), format!("`{source}` is named twice"), "keep one of the two");
        } else {
            sources.push((source, text.spot()));
        }
    }
    sources
}

/// Sources that a job already brings: what it reads is known without.
pub(super) fn report(report: &Report, settings: &Settings, lineage: &Lineage, places: &Places) {
    for dataset in settings.datasets.values() {
        let (Some(job), Some(spots)) = (
            lineage.producer_of(dataset.name.as_str()),
            places.datasets.get(&dataset.name),
        ) else {
            continue;
        };
        let inputs = lineage.inputs_of_job(job.as_str());
        for (source, spot) in spots.made_from.iter().filter(|(source, _)| inputs.contains(&source)) {
            report.warning(
                *spot,
                format!("job `{job}` makes `{}` from `{source}`: that is known", dataset.name),
                "take it out of `made_from`, which says what freshd does not see",
            );
        }
    }
}

/// One step of a ring: what is made, and by which job; by its system without one.
struct Step<'r> {
    made: &'r Name,
    by: Option<&'r Name>,
}

impl Step<'_> {
    /// How this needs what the next step makes; of that, what it names.
    fn words(&self, needed: &Name) -> String {
        match self.by {
            Some(job) => format!("job `{job}` needs `{needed}`"),
            None => format!("`{}` is made from `{needed}`", self.made),
        }
    }
}

/// Jobs and datasets that feed one another.
pub(super) fn rings(report: &Report, settings: &Settings, lineage: &Lineage, places: &Places) {
    for ring in lineage.cycles() {
        let mut steps = steps(&ring);
        // It is told from what the file says of a system, which is likelier wrong than what a script reads.
        let first = steps.iter().position(|step| step.by.is_none());
        steps.rotate_left(first.unwrap_or(0));
        let named: Vec<&Name> = (0..steps.len())
            .map(|at| named_by(settings, lineage, &steps[at], steps[(at + 1) % steps.len()].made))
            .collect();
        let (Some(begin), Some(needed)) = (steps.first(), named.first()) else {
            continue;
        };
        let mut way = begin.words(needed);
        for (step, needed) in steps.iter().zip(&named).skip(1).take(RING_TOLD_MAX) {
            let _ = match step.by {
                Some(job) => write!(way, ", made by job `{job}`, which needs `{needed}`"),
                None => write!(way, ", which is made from `{needed}`"),
            };
        }
        if steps.len() > RING_TOLD_MAX + 1 {
            way.push_str(", and so on");
        }
        let spot = match begin.by {
            Some(job) => places.jobs.get(job).map(|spots| (spots.name, spots.inputs.as_ref())),
            None => {
                let spots = places.datasets.get(begin.made);
                spots.map(|spots| (spots.name, spots.made_from.as_ref()))
            }
        };
        let Some((name, sources)) = spot else {
            continue;
        };
        let spot = sources.iter().find(|(source, _)| source == *needed);
        let (what, help) = match first {
            None => (
                "jobs feed one another in a ring",
                "take one `needs` out of the ring: none of these jobs could ever have fresh input",
            ),
            Some(_) => (
                "data is made from itself in a ring",
                "take one `made_from` or `needs` out of the ring: each of these would explain what is wrong with all",
            ),
        };
        report.error(spot.map_or(name, |(_, spot)| *spot), format!("{what}: {way}"), help);
    }
}

fn steps(ring: &[Node]) -> Vec<Step<'_>> {
    let made = ring.iter().enumerate().filter_map(|(at, node)| match node {
        Node::Dataset(made) => Some((at, made)),
        Node::Job(_) => None,
    });
    let steps = made.map(|(at, made)| Step {
        made,
        by: match ring.get(at + 1) {
            Some(Node::Job(job)) => Some(job),
            Some(Node::Dataset(_)) | None => None,
        },
    });
    steps.collect()
}

/// What a step names of the next: that, or a part of it.
fn named_by<'r>(settings: &Settings, lineage: &'r Lineage, step: &Step<'r>, next: &'r Name) -> &'r Name {
    let sources: Vec<&Name> = match step.by {
        Some(job) => lineage.inputs_of_job(job.as_str()),
        None => lineage.made_by_system_from(step.made.as_str()).iter().collect(),
    };
    let whole_of = |name: &Name| settings.datasets.get(name).and_then(|part| part.part_of.as_ref());
    let of_next = |name: &&Name| *name == next || whole_of(name) == Some(next);
    sources.into_iter().find(of_next).unwrap_or(next)
}
