//! From files to settings: names first, then what others refer to, then everything else.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use toml::de::DeTable;

use super::calendars::calendar;
use super::channels::{addressed, channel};
use super::commands::Commands;
use super::conditions::People;
use super::context::{Context, Known, Section};
use super::datasets::dataset;
use super::documents::Documents;
use super::environment::Environment;
use super::findings::{self, Places};
use super::general::{alerts, pool};
use super::heartbeat::heartbeat;
use super::history;
use super::jobs::{hex, job};
use super::maintenance::{Written, maintenance, resolve};
use super::parts;
use super::policy::Policies;
use super::reader::{Table, Value};
use super::report::{Report, Spot};
use super::schedules::Schedules;
use super::teams::{fallback, system, team};
use super::web::web;
use crate::model::{AlertRules, HistoryRules, Job, Name, Redactor, Settings};

/// Most jobs of one configuration.
const JOBS_MAX: usize = 10_000;

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// Reads everything; the settings are only sound when no error was reported.
pub(super) fn settings(report: &Report, file: &Path, environment: &Environment) -> Settings {
    let mut known = Known::default();
    let mut sections: Vec<HashSet<Section>> = Vec::new();
    let schedules = Schedules::default();
    let mut timezone = TimeZone::UTC;
    let mut run_as_root = false;
    let mut history = HistoryRules::default();
    let mut documents = Documents::new(report);
    documents.each(
        |_| true,
        |number, document| {
            let root = Table::root(document, number, report);
            if let Some(zone) = root.text("timezone") {
                timezone = schedules.zone(&zone).unwrap_or(TimeZone::UTC);
            }
            run_as_root |= root.flag("run_as_root").unwrap_or(false);
            if let Some(table) = root.table("history") {
                history = history::rules(table);
            }
            sections.push(names(report, &mut known, &root));
            top_level(report, number, &root);
            root.finish();
        },
    );
    let mut context = Context {
        report,
        environment,
        known: &known,
        timezone: timezone.clone(),
        history,
        calendars: BTreeMap::new(),
        channels: BTreeMap::new(),
        addressed: BTreeMap::new(),
        schedules,
        commands: Commands::default(),
        people: People::default(),
        policies: Policies::default(),
        run_as_root,
        secrets: RefCell::default(),
        titles: RefCell::default(),
    };
    let mut settings = Settings {
        file: std::path::absolute(file).unwrap_or_else(|_| PathBuf::from(file)),
        digest: digest(report),
        timezone,
        alerts: AlertRules::default(),
        history,
        fallback: Vec::new(),
        heartbeat: None,
        web: None,
        calendars: BTreeMap::new(),
        channels: BTreeMap::new(),
        teams: BTreeMap::new(),
        systems: BTreeMap::new(),
        datasets: BTreeMap::new(),
        jobs: BTreeMap::new(),
        pools: BTreeMap::new(),
        maintenance: BTreeMap::new(),
        redactor: Redactor::default(),
    };
    let referred = [Section::Calendars, Section::Channels, Section::Pools];
    let has_referred = |number: u32| {
        let defined = &sections[number as usize];
        referred.iter().any(|section| defined.contains(section))
    };
    documents.each(has_referred, |number, document| {
        referred_to(&mut context, &mut settings, number, document);
    });
    settings.calendars = context.calendars.clone();
    settings.channels = context.channels.clone();
    let mut places = Places::default();
    let mut planned = Vec::new();
    documents.each(
        |_| true,
        |number, document| {
            if number == 0 {
                root_only(&context, &mut settings, document);
            }
            referring(&context, &mut settings, &mut places, number, document);
            for (name, table) in entries_besides_jobs(report, &known, Section::Maintenance, number, document) {
                planned.extend(maintenance(&context, &name, table));
            }
        },
    );
    documents.let_go_beside(|| {
        // Names that come one after the other leave a tree half empty as it grows; made of all of them it is full.
        settings.jobs = std::mem::take(&mut settings.jobs).into_iter().collect();
        parts::split(&mut settings);
        if !report.was_accepted() {
            conclude(&context, &mut settings, planned);
            findings::report(&context, &settings, &places);
        }
    });
    settings
}

/// What only all of the sections together tell.
fn conclude(context: &Context<'_>, settings: &mut Settings, planned: Vec<Written>) {
    let auth = settings.web.as_ref().and_then(|web| web.auth.as_ref());
    let has_tokens = auth.is_some_and(|auth| !auth.tokens.is_empty());
    settings.redactor = context.secrets.take().redactor(has_tokens);
    resolve(settings, planned);
    let runs_as_root = |job: &&Arc<Job>| {
        job.policy
            .conditions
            .as_ref()
            .is_none_or(|conditions| conditions.run_as.is_none())
    };
    if context.environment.root
        && context.run_as_root
        && let Some(job) = settings.jobs.values().find(runs_as_root)
    {
        let spot = context.known.spot(Section::Jobs, job.name.as_str());
        context.report.note(
            spot.unwrap_or(Spot::new(0, 0..0)),
            "freshd runs as root, and so will each job without `user`: `run_as_root` allows it",
        );
    }
}

/// Takes in the names that one file defines.
fn names(report: &Report, known: &mut Known, root: &Table<'_>) -> HashSet<Section> {
    let mut sections = HashSet::new();
    for section in Section::ALL {
        let Some(table) = root.table(section.key()) else {
            continue;
        };
        sections.insert(section);
        for (name, spot, value) in table.entries() {
            if section == Section::Datasets {
                parts::define(report, known, name, &value);
            }
            if let Some(first) = known.define(section, name, spot) {
                report.error(
                    spot,
                    format!(
                        "{} `{name}` is defined twice, first in {}",
                        section.singular(),
                        report.place(first)
                    ),
                    "keep one of the two, or give one another name",
                );
            } else if !is_name(name) {
                report.error(
                    spot,
                    format!("`{}` is not a usable name", name.escape_debug()),
                    format!("write at most {NAME_BYTES_MAX} letters, digits, `-`, `_` and `.`"),
                );
            } else if section == Section::Jobs && known.count(section) == JOBS_MAX + 1 {
                report.error(
                    spot,
                    format!("more than {JOBS_MAX} jobs"),
                    "run a second freshd with a state directory of its own",
                );
            }
        }
    }
    sections
}

pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with(['.', '-'])
        && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
}

/// Keys of the root file alone.
fn top_level(report: &Report, number: u32, root: &Table<'_>) {
    for key in [
        "timezone",
        "include",
        "run_as_root",
        "heartbeat",
        "web",
        "alerts",
        "history",
        "fallback",
    ] {
        if let (Some(_), Some(spot), true) = (root.get(key), root.key_spot(key), number > 0) {
            let help = if key == "include" {
                "include that file from the root file; included files include nothing"
            } else {
                "write it into the file that has the `include`"
            };
            report.error(spot, format!("`{key}` belongs into the root file"), help);
        }
    }
    let fallback = root.has("fallback") || report.may_be_defined_in_a_hole("fallback");
    if number == 0 && !fallback {
        report.error(
            Spot::new(0, 0..0),
            "there is no [fallback]: nobody is told when a team cannot be",
            "write [fallback] and notify = [\"CHANNEL:ADDRESS\"] below it",
        );
    }
}

fn entries<'t>(
    report: &'t Report,
    known: &'t Known,
    section: Section,
    number: u32,
    document: &'t DeTable<'t>,
) -> impl Iterator<Item = (Name, Table<'t>)> {
    let root = Table::root(document, number, report);
    let table = root.get(section.key()).filter(Value::is_table);
    let table = table.and_then(|table| table.table(section.key().to_owned()));
    let entries = table.into_iter().flat_map(|table| table.entries());
    entries.filter_map(move |(name, spot, value)| {
        let (shared, first) = known.defined(section, name)?;
        // A second definition was reported, and the first one counts.
        if first != spot {
            return None;
        }
        let table = value.entry(section.key(), name, spot)?;
        Some((shared.clone(), table))
    })
}

/// The same of a section that no job or dataset is made of: none where only those are wanted.
fn entries_besides_jobs<'t>(
    report: &'t Report,
    known: &'t Known,
    section: Section,
    number: u32,
    document: &'t DeTable<'t>,
) -> impl Iterator<Item = (Name, Table<'t>)> {
    let is_wanted = !report.was_accepted();
    let entries = is_wanted.then(|| entries(report, known, section, number, document));
    entries.into_iter().flatten()
}

fn referred_to(context: &mut Context<'_>, settings: &mut Settings, number: u32, document: &DeTable<'_>) {
    let (report, known) = (context.report, context.known);
    let today = context.timezone.to_datetime(context.environment.now).date();
    for (name, table) in entries(report, known, Section::Calendars, number, document) {
        let calendar = calendar(report, &context.timezone, today, &name, table);
        context.calendars.insert(name, Arc::new(calendar));
    }
    for (name, table) in entries_besides_jobs(report, known, Section::Channels, number, document) {
        let found = report.found();
        if let Some(form) = addressed(&table) {
            context.addressed.insert(name.clone(), form);
        }
        match channel(context, &name, table) {
            Some(channel) => drop(context.channels.insert(name, channel)),
            None => report.unusable_channel(name, found),
        }
    }
    for (name, table) in entries(report, known, Section::Pools, number, document) {
        let slots = pool(&name, table);
        settings.pools.insert(name, slots);
    }
}

fn root_only(context: &Context<'_>, settings: &mut Settings, document: &DeTable<'_>) {
    let root = Table::root(document, 0, context.report);
    if let Some(table) = root.table("web").filter(|_| !context.report.was_accepted()) {
        settings.web = web(context, table);
    }
    if let Some(table) = root.table("heartbeat").filter(|_| !context.report.was_accepted()) {
        settings.heartbeat = heartbeat(context, table);
    }
    if let Some(table) = root.table("alerts") {
        settings.alerts = alerts(table);
    }
    if let Some(table) = root.table("fallback").filter(|_| !context.report.was_accepted()) {
        settings.fallback = fallback(context, table);
    }
}

fn referring(context: &Context<'_>, settings: &mut Settings, places: &mut Places, number: u32, document: &DeTable<'_>) {
    let (report, known) = (context.report, context.known);
    for (name, table) in entries_besides_jobs(report, known, Section::Teams, number, document) {
        let team = team(context, &name, table);
        settings.teams.insert(name, team);
    }
    for (name, table) in entries_besides_jobs(report, known, Section::Systems, number, document) {
        let system = system(context, &name, table);
        settings.systems.insert(name, system);
    }
    for (name, table) in entries(report, known, Section::Datasets, number, document) {
        let (dataset, spots) = dataset(context, &name, table);
        places.datasets.insert(name.clone(), spots);
        settings.datasets.insert(name, Arc::new(dataset));
    }
    for (name, table) in entries(report, known, Section::Jobs, number, document) {
        let (job, spots) = job(context, &name, table);
        places.jobs.insert(name.clone(), spots);
        settings.jobs.insert(name, Arc::new(job));
    }
}

/// SHA-256 over all texts, each preceded by its length.
fn digest(report: &Report) -> String {
    let mut hash = Sha256::new();
    for source in report.sources() {
        hash.update(source.text.len().to_le_bytes());
        hash.update(&source.text);
    }
    hex(&hash.finalize())
}
