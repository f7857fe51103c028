//! `freshd plan`: what an edited jobs.toml would change, before it is taken on.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::board;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::{Column, grid};
use super::times;
use crate::daemon;
use crate::model::{ChangeKind, ChangedKey, Kept, NextDue, Plan, PlannedChange, PlannedPromise};

const AFTER_HELP: &str = "\
It compares the file with the configuration that freshd was started or reloaded with last, and changes nothing. The last
30 days are those of the records: what was delivered then is held against the promises as they are and as they are
planned. Planned work is left out on both sides. A draft elsewhere is read as if it stood where jobs.toml stands: relative
paths and secrets are looked for there. What a secret's file holds is not compared; a reload reads it anew.";

/// What `plan` is told.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct PlanArgs {
    /// The edited file [default: that of --config]
    file: Option<PathBuf>,
}

pub(super) fn run(args: &PlanArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let file = args.file.as_ref().unwrap_or(&global.config);
    let state_dir = global.state_dir()?;
    let now = Timestamp::now();
    let plan =
        daemon::plan(file, &global.config, &state_dir, now).map_err(|error| Failure::not_fine(format!("{error:#}")))?;
    let is_sound = plan.mistakes.is_empty();
    if out.json {
        out.document(&serde_json::to_value(&plan).map_err(|error| Failure::not_fine(error.to_string()))?)?;
    } else {
        if *file != global.config {
            let words = format!("read as if it stood at {}", global.config.display());
            out.line(tone(Tone::Dim, clean(&words)))?;
        }
        print(&plan, now, &times::zone_of(file), out)?;
    }
    if is_sound {
        return Ok(Exit::Fine);
    }
    let file = file.display();
    Err(Failure::usage(format!(
        "{file} would be refused; `freshd check {file}` shows where"
    )))
}

fn print(plan: &Plan, now: Timestamp, zone: &TimeZone, out: &mut Out) -> Result<(), Failure> {
    let file = clean(&plan.file);
    for mistake in &plan.mistakes {
        out.line(tone(Tone::Bad, clean(mistake)))?;
    }
    if !plan.mistakes.is_empty() {
        return Ok(());
    }
    let in_force = match &plan.running {
        Some(running) => {
            let at = times::moment(running.at, now, zone);
            format!("what is in force since {at}, by {}", clean(&running.by))
        }
        None => "nothing: freshd has not run here yet".to_owned(),
    };
    out.line(format!("{} against {in_force}", tone(Tone::Strong, file)))?;
    if plan.changes.is_empty() && plan.promises.is_empty() {
        return Ok(out.line(tone(Tone::Good, "nothing differs"))?);
    }
    for change in &plan.changes {
        entry(change, now, zone, out)?;
    }
    promises(plan, now, zone, out)?;
    let then = match plan.running {
        Some(_) => "nothing is changed yet; `freshd reload` takes it on",
        None => "nothing is changed yet; `freshd serve` takes it on",
    };
    Ok(out.line(tone(Tone::Dim, then))?)
}

fn entry(planned: &PlannedChange, now: Timestamp, zone: &TimeZone, out: &mut Out) -> Result<(), Failure> {
    let change = &planned.change;
    let name = match &change.name {
        Some(name) => format!("{}.{}", change.section, name),
        None => change.section.clone(),
    };
    let head = match change.kind {
        ChangeKind::Added => tone(Tone::Good, format!("+ {}", clean(&name))),
        ChangeKind::Removed => tone(Tone::Bad, format!("- {}", clean(&name))),
        ChangeKind::Changed => tone(Tone::Warn, format!("~ {}", clean(&name))),
    };
    let teams: Vec<String> = planned.teams.iter().map(|team| board::owner(team)).collect();
    let whom = match teams.as_slice() {
        [] => String::new(),
        teams => format!("  for {}", teams.join(", ")),
    };
    out.line(format!("{head}{whom}"))?;
    for key in &change.keys {
        out.line(format!("    {}", said(key, change.kind)))?;
    }
    if let Some(NextDue { before, after }) = planned.next_due {
        let at = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| times::moment(at, now, zone));
        let words = match change.kind {
            ChangeKind::Added => format!("first due {}", at(after)),
            _ => format!("next due {} -> {}", at(before), at(after)),
        };
        out.line(format!("    {words}"))?;
    }
    for note in &planned.notes {
        out.line(format!("    {}", tone(Tone::Dim, note)))?;
    }
    Ok(())
}

/// A key, with what is said of it before and after.
fn said(key: &ChangedKey, kind: ChangeKind) -> String {
    let value = |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".to_owned(), clean);
    let name = if key.key.is_empty() { "is" } else { key.key.as_str() };
    let name = tone(Tone::Dim, clean(name));
    match kind {
        ChangeKind::Added => format!("{name} {}", value(&key.after)),
        ChangeKind::Removed => format!("{name} {}", value(&key.before)),
        ChangeKind::Changed => format!("{name} {} -> {}", value(&key.before), value(&key.after)),
    }
}

fn promises(plan: &Plan, now: Timestamp, zone: &TimeZone, out: &mut Out) -> Result<(), Failure> {
    if plan.promises.is_empty() {
        return Ok(());
    }
    out.line("")?;
    out.line("The last 30 days with these promises:")?;
    let columns = [
        Column::cut("dataset", 12),
        Column::whole("would tell").spare(2),
        Column::whole("in force"),
        Column::whole("planned"),
        Column::whole("last broken, as planned").spare(1),
    ];
    let row = |promise: &PlannedPromise| {
        let last = promise.after.broken_at.first();
        vec![
            clean(&promise.dataset),
            board::owner(&promise.owner),
            promise.before.as_ref().map_or_else(|| "not promised".to_owned(), kept),
            kept(&promise.after),
            last.map_or_else(|| "never".to_owned(), |at| times::moment(*at, now, zone)),
        ]
    };
    let rows: Vec<Vec<String>> = plan.promises.iter().map(row).collect();
    for line in grid(&columns, &rows, out::table_width()) {
        out.line(line)?;
    }
    if plan.promises_left_out > 0 {
        let left = format!("and {} more, which were not looked at", plan.promises_left_out);
        out.line(tone(Tone::Dim, left))?;
    }
    out.line("")?;
    Ok(())
}

/// How a promise went, in words.
fn kept(kept: &Kept) -> String {
    let mut words = Vec::new();
    if kept.due > 0 || kept.stale == 0 {
        words.push(format!("{} due, {} late", kept.due, kept.late));
    }
    if kept.stale > 0 {
        words.push(format!("{} times too old", kept.stale));
    }
    words.join(", ")
}
