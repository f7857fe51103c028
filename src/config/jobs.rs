//! `[jobs]`: what is started, when, and what is done when it goes wrong.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::commands;
use super::context::{Context, Section};
use super::policy;
use super::reader::Table;
use super::report::Spot;
use super::schedules;
use crate::model::{Command, Job, Name, Rule, Schedule};
use crate::schedule;

/// Where the parts of a job are written, for findings about the whole flow.
#[derive(Clone, Debug)]
pub(super) struct JobSpots {
    /// Its name.
    pub(super) name: Spot,
    /// `produces`.
    pub(super) produces: Option<Spot>,
    /// `history`.
    pub(super) history: Option<Spot>,
    /// Each dataset of `needs` and `on`.
    pub(super) inputs: Box<[(Name, Spot)]>,
    /// Something in it could not be read: what seems to be missing may be there.
    pub(super) broken: bool,
}

/// Reads one job.
pub(super) fn job(context: &Context<'_>, name: &Name, table: Table<'_>) -> (Job, JobSpots) {
    let report = context.report;
    let errors = report.errors();
    table.unsupported(&["host"]);
    let command = table.get("command");
    if command.is_none() {
        table.missing(
            "command",
            format!("job `{name}` has no command"),
            "write command = \"transfers/export.sh\"",
        );
    }
    let command = command.and_then(|value| commands::command(context, value));
    if context.environment.root && !context.run_as_root && !table.has("user") && !report.was_accepted() {
        table.missing(
            "user",
            format!("freshd runs as root, and job `{name}` does not say as whom it runs"),
            "write user = \"NAME\", or run_as_root = true at the top of the root file",
        );
    }
    let when = schedules::job_schedule(context, &table);
    if when.spot.is_none() && !report.may_be_in_a_hole(table.spot) {
        report.note(
            table.spot,
            format!("job `{name}` runs by hand only: it has no `schedule`, `every` or `on`"),
        );
    }
    let jitter = table.duration("jitter").unwrap_or_default();
    let mut inputs: Vec<(Name, Spot)> = Vec::new();
    let mut needs: Vec<Name> = Vec::new();
    for text in table.texts("needs") {
        if let Some(dataset) = context.refer(Section::Datasets, &text) {
            inputs.push((dataset.clone(), text.spot()));
            if !needs.contains(&dataset) {
                needs.push(dataset);
            }
        }
    }
    if let Some(schedule) = &when.schedule
        && let Rule::On(datasets) = &schedule.rule
    {
        inputs.extend(datasets.iter().cloned().zip(when.on.iter().copied()));
    }
    let produces = table.text("produces");
    let command = command.unwrap_or(Command::Argv(Vec::new()));
    let digest = digest(&command, when.schedule.as_ref());
    let job = Job {
        name: name.clone(),
        title: context.title(Section::Jobs, name, &table).map(Into::into),
        owner: context.owner(Section::Jobs, name, &table),
        from: table
            .text("from")
            .and_then(|text| context.refer(Section::Systems, &text)),
        command,
        schedule: when.schedule.map(|schedule| context.schedules.shared(schedule)),
        start_offset: if jitter.is_zero() {
            Duration::ZERO
        } else {
            schedule::start_offset(name.as_str(), jitter)
        },
        needs: needs.into(),
        produces: produces.and_then(|text| context.refer(Section::Datasets, &text)),
        policy: policy::policy(context, &table, !inputs.is_empty()),
        enabled: table.flag("enabled").unwrap_or(true),
        tags: table.texts("tags").iter().map(|text| text.text.to_owned()).collect(),
        runbook: table.words("runbook").map(Into::into),
        digest,
    };
    let spots = JobSpots {
        name: table.spot,
        produces: produces.map(|text| text.spot()),
        history: table.key_spot("history"),
        inputs: inputs.into_boxed_slice(),
        broken: false,
    };
    table.finish();
    let broken = report.errors() > errors || report.may_be_in_a_hole(spots.name);
    (job, JobSpots { broken, ..spots })
}

/// Digest of what makes it this job: its command, its schedule, its zone.
fn digest(command: &Command, schedule: Option<&Schedule>) -> Arc<str> {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    match command {
        Command::Shell(text) => add(text),
        Command::Argv(words) => {
            add("argv");
            for word in words {
                add(word);
            }
        }
    }
    if let Some(schedule) = schedule {
        add(&schedule.text);
        add(schedule.zone.iana_name().unwrap_or(""));
    }
    hex(&hash.finalize()).into()
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}
