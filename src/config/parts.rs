//! `parts` of a dataset that is watched: each becomes a dataset of its own, and the whole stands as the worst of them.

use std::path::PathBuf;
use std::sync::Arc;

use super::context::{Context, Known, Section};
use super::findings::Places;
use super::load::is_name;
use super::reader::{Table, Value};
use super::report::Report;
use crate::model::{Dataset, Name, ProbeTarget, Settings};

/// Stands for the part in the path of a `probe`.
const PLACEHOLDER: &str = "{part}";

/// Most parts of one dataset.
const PARTS_MAX: usize = 1_000;

/// The name of the dataset that a part is.
fn name_of(whole: &str, part: &str) -> String {
    format!("{whole}.{part}")
}

/// A part's name stands in paths, so that it is a name of its own as well as with that of the whole.
fn is_part_name(whole: &str, part: &str) -> bool {
    is_name(part) && is_name(&name_of(whole, part))
}

/// Takes in the names of the datasets that the parts of one are, so that others can refer to them.
pub(super) fn define(report: &Report, known: &mut Known, whole: &str, value: &Value<'_>) {
    let Some(table) = Some(value)
        .filter(|value| value.is_table())
        .and_then(|value| value.table(String::new()))
    else {
        return;
    };
    // What is wrong with the list itself is told when the dataset is read.
    let Some(list) = table.get("parts").filter(Value::is_list).and_then(Value::list) else {
        return;
    };
    let mut seen: Vec<&str> = Vec::new();
    for part in list.into_iter().take(PARTS_MAX) {
        let Some(text) = part
            .as_text()
            .filter(|text| is_part_name(whole, text) && !seen.contains(text))
        else {
            continue;
        };
        seen.push(text);
        let name = name_of(whole, text);
        if let Some(first) = known.define(Section::Datasets, &name, part.spot()) {
            report.error(
                part.spot(),
                format!("dataset `{name}` is defined twice, first in {}", report.place(first)),
                "give the part or the other dataset another name",
            );
        }
    }
}

/// Reads the list; the short names of the parts.
pub(super) fn parts(context: &Context<'_>, name: &Name, table: &Table<'_>) -> Vec<Name> {
    let Some(value) = table.get("parts") else {
        return Vec::new();
    };
    let texts = value.texts();
    if texts.is_empty() && value.is_list() {
        value.error("`parts` names none", "write parts = [\"alesund\", \"tromso\"]");
    }
    if texts.len() > PARTS_MAX {
        value.error(format!("more than {PARTS_MAX} parts"), "make several datasets of them");
    }
    let mut parts: Vec<Name> = Vec::new();
    for text in texts.iter().take(PARTS_MAX) {
        if !is_part_name(name.as_str(), text.text) {
            text.error(
                format!("`{}` is not a usable name of a part", text.text.escape_debug()),
                "begin with a letter or digit, write letters, digits, `-`, `_` and `.`, at most 100 bytes with the name of the dataset",
            );
        } else if parts.iter().any(|part| part.as_str() == text.text) {
            text.error(format!("part `{}` is named twice", text.text), "keep one of the two");
        } else {
            parts.push(text.text.into());
        }
    }
    for key in ["file", "keep_versions"] {
        if let Some(spot) = table.key_spot(key) {
            context.report.error(
                spot,
                format!("`{key}` has no effect on a dataset in parts: freshd only watches them"),
                format!("write probe = {{ file = \"exports/{name}-{PLACEHOLDER}.csv\", every = \"1m\" }}, and take `{key}` out"),
            );
        }
    }
    parts
}

/// Refuses a probe that cannot tell the parts apart.
pub(super) fn check_probe(table: &Table<'_>, name: &Name, dataset: &Dataset) {
    let path = match dataset.probe.as_ref().map(|probe| &probe.target) {
        Some(ProbeTarget::File(path)) => path.to_string_lossy().into_owned(),
        Some(ProbeTarget::Glob(pattern) | ProbeTarget::OpenLineage(pattern)) => pattern.clone(),
        None if table.has("probe") => return,
        Some(ProbeTarget::Ping(_)) | None => String::new(),
    };
    if !path.contains(PLACEHOLDER) {
        table.report().error(
            table
                .key_spot("probe")
                .or(table.key_spot("parts"))
                .unwrap_or(table.spot),
            format!("nothing says where each part of `{name}` is found"),
            format!("write probe = {{ file = \"exports/{name}-{PLACEHOLDER}.csv\", every = \"1m\" }}"),
        );
    }
}

/// Makes a dataset of each part; what is promised of the whole is promised of each of them.
pub(super) fn split(settings: &mut Settings) {
    let wholes: Vec<Arc<Dataset>> = settings
        .datasets
        .values()
        .filter(|dataset| !dataset.parts.is_empty())
        .cloned()
        .collect();
    for whole in wholes {
        for part in &whole.parts {
            let mut dataset = (*whole).clone();
            dataset.name = Name::from(name_of(whole.name.as_str(), part.as_str()));
            dataset.title = whole.title.as_ref().map(|title| format!("{title}, {part}"));
            dataset.parts = Vec::new();
            dataset.part_of = Some(whole.name.clone());
            dataset.consumers = Vec::new();
            if let Some(probe) = &mut dataset.probe {
                let filled = |path: &str| path.replace(PLACEHOLDER, part.as_str());
                probe.target = match &probe.target {
                    ProbeTarget::File(path) => ProbeTarget::File(PathBuf::from(filled(&path.to_string_lossy()))),
                    ProbeTarget::Glob(pattern) => ProbeTarget::Glob(filled(pattern)),
                    ProbeTarget::Ping(key) => ProbeTarget::Ping(key.clone()),
                    ProbeTarget::OpenLineage(name) => ProbeTarget::OpenLineage(filled(name)),
                };
            }
            settings.datasets.insert(dataset.name.clone(), Arc::new(dataset));
        }
        if let Some(whole) = settings.datasets.get_mut(&whole.name) {
            let whole = Arc::make_mut(whole);
            (whole.probe, whole.due) = (None, None);
            (whole.max_age, whole.warn_age, whole.counted_in) = (None, None, None);
        }
    }
}

/// Jobs that read a whole, of which they can only read parts, or that make one.
pub(super) fn report(report: &Report, settings: &Settings, places: &Places) {
    let in_parts = |name: &Name| settings.datasets.get(name).filter(|dataset| !dataset.parts.is_empty());
    for job in settings.jobs.values() {
        let Some(spots) = places.jobs.get(&job.name) else {
            continue;
        };
        for (input, spot) in &spots.inputs {
            let names = in_parts(input).into_iter().flat_map(|whole| whole.part_names());
            let names: Vec<String> = names.map(|(_, name)| format!("\"{name}\"")).collect();
            if !names.is_empty() {
                report.error(
                    *spot,
                    format!(
                        "`{input}` comes in parts, and job `{}` does not say which it reads",
                        job.name
                    ),
                    format!("name them: {}", names.join(", ")),
                );
            }
        }
        if let Some(whole) = job.produces.as_ref().and_then(in_parts) {
            report.error(
                spots.produces.unwrap_or(spots.name),
                format!(
                    "`{}` comes in parts, which freshd only watches; job `{}` cannot produce it",
                    whole.name, job.name
                ),
                "give each part a dataset and a job of its own, or take `parts` out",
            );
        }
    }
}
