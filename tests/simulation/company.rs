//! Companies by chance: jobs, data and teams as a description that the judge understands, and as the jobs.toml of it.

use std::path::Path;
use std::sync::Arc;

use freshd::config::{self, Environment};
use freshd::model::{Overlap, Settings};
use jiff::Timestamp;

use crate::chance::Chance;
use crate::due::Rule;

/// Where every world begins.
pub(crate) const ORIGIN: &str = "2026-01-05T00:00:00Z";

/// Names that jobs bear, and the datasets they produce.
pub(crate) const NAMES: [&str; 6] = ["alpha", "bravo", "coral", "delta", "eider", "fjord"];

/// The datasets of those jobs, in the same order.
const DATASETS: [&str; 6] = [
    "alpha-data",
    "bravo-data",
    "coral-data",
    "delta-data",
    "eider-data",
    "fjord-data",
];

/// Missed occurrences that are made up for at once, at most.
pub(crate) const CATCH_UP_LIMIT: usize = 5;

/// What a company looks like.
#[derive(Clone, Debug)]
pub(crate) struct Company {
    pub(crate) jobs: Vec<JobPlan>,
    /// A dataset that no job makes, looked at so often.
    pub(crate) probed_every_hours: Option<u64>,
    pub(crate) group_wait_seconds: u64,
    pub(crate) escalates: bool,
    pub(crate) pool_slots: u64,
    pub(crate) keeps: Option<Keeps>,
}

/// How much of the past is kept of each job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keeps {
    pub(crate) days: u64,
    pub(crate) runs: u64,
}

/// What a job looks like.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "keys of jobs.toml that are true or false")]
pub(crate) struct JobPlan {
    pub(crate) name: &'static str,
    pub(crate) rule: Rule,
    pub(crate) enabled: bool,
    pub(crate) overlap: Overlap,
    pub(crate) catch_up: &'static str,
    pub(crate) attempts: u64,
    pub(crate) timeout_minutes: u64,
    pub(crate) idempotent: bool,
    pub(crate) in_pool: bool,
    /// Started by the dataset of this job as well as reading it: it has no schedule of its own then.
    pub(crate) reads: Option<&'static str>,
    pub(crate) on_input: bool,
    pub(crate) promise: Promise,
}

/// What is promised of the dataset that a job produces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// It produces nothing.
    NoData,
    /// Never older than so many hours.
    Age(u64),
    /// Delivered by the time of this rule, with so many minutes of grace.
    Due(Rule, u64),
}

impl Company {
    pub(crate) fn by_chance(seed: u64) -> Self {
        let mut chance = Chance::of(seed, &["company"]);
        let count = usize::try_from(chance.between(1, 5)).expect("few");
        let mut company = Self {
            jobs: Vec::new(),
            probed_every_hours: chance.percent(30).then(|| chance.between(6, 48)),
            group_wait_seconds: chance.pick(&[0, 60, 60, 300]),
            escalates: chance.percent(50),
            pool_slots: chance.between(1, 2),
            keeps: Keeps::by_chance(seed),
        };
        for name in &NAMES[..count] {
            let job = JobPlan::by_chance(name, &company.jobs, &mut chance);
            company.jobs.push(job);
        }
        company
    }

    /// The same company some months later: a job changed, was removed, came or came back.
    pub(crate) fn edited(&self, seed: u64, edit: u64) -> Self {
        let mut chance = Chance::of(seed, &["edit", &edit.to_string()]);
        let mut company = self.clone();
        let place = usize::try_from(chance.below(company.jobs.len() as u64)).expect("few");
        match chance.below(7) {
            0 if company.jobs.len() > 1 => {
                company.jobs.remove(place);
            }
            1 => {
                if let Some(name) = NAMES
                    .iter()
                    .find(|name| company.jobs.iter().all(|job| job.name != **name))
                {
                    let job = JobPlan::by_chance(name, &company.jobs, &mut chance);
                    company.jobs.push(job);
                }
            }
            2 => company.jobs[place].enabled = !company.jobs[place].enabled,
            3 => company.jobs[place].overlap = overlap_by_chance(&mut chance),
            4 => company.group_wait_seconds = chance.pick(&[0, 60, 300]),
            5 => company.pool_slots = chance.between(1, 3),
            _ => {
                let job = &mut company.jobs[place];
                job.rule = Rule::by_chance(&mut chance);
                job.promise = promise_by_chance(&job.rule, &mut chance);
            }
        }
        company
    }

    /// Without one of its jobs, for a smaller world that still fails.
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut company = self.clone();
        company.jobs.retain(|job| job.name != name);
        company
    }

    pub(crate) fn job(&self, name: &str) -> Option<&JobPlan> {
        self.jobs.iter().find(|job| job.name == name)
    }

    /// Who produces a dataset: it is called as its job, with `-data` behind it.
    pub(crate) fn producer(&self, dataset: &str) -> Option<&JobPlan> {
        let name = dataset.strip_suffix("-data")?;
        self.job(name).filter(|job| job.promise != Promise::NoData)
    }

    /// The jobs.toml of it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "timezone = \"Europe/Oslo\"\n\
             [alerts]\ngroup_wait = \"{}s\"\n\
             [fallback]\nnotify = [\"mail:it@sea.example\"]\n\
             [channels.mail]\ntype = \"file\"\ndir = \"outbox\"\n\
             [channels.chat]\ntype = \"file\"\ndir = \"outbox\"\n\
             [teams.ops]\nnotify = [\"mail:ops@sea.example\", \"chat\"]\n{}\
             [teams.sales]\nnotify = [\"mail:sales@sea.example\"]\n\
             [systems.desk]\nowner = \"sales\"\n\
             [pools.narrow]\nslots = {}\n",
            self.group_wait_seconds,
            if self.escalates {
                "escalate = [{ after = \"2h\", notify = [\"mail:boss@sea.example\"] }]\n"
            } else {
                ""
            },
            self.pool_slots,
        );
        if let Some(Keeps { days, runs }) = self.keeps {
            text += &format!("[history]\nkeep = \"{days}d\"\nruns = {runs}\n");
        }
        if let Some(hours) = self.probed_every_hours {
            text += &format!(
                "[datasets.list]\nowner = \"ops\"\nconsumers = [\"desk\"]\n\
                 probe = {{ file = \"/in/list.csv\", as_of = \"mtime\", every = \"{hours}h\" }}\nmax_age = \"{}h\"\n",
                3 * hours
            );
        }
        for job in &self.jobs {
            text += &self.job_text(job);
        }
        text
    }

    fn job_text(&self, job: &JobPlan) -> String {
        let name = job.name;
        let mut text = String::new();
        let promise = match &job.promise {
            Promise::NoData => None,
            Promise::Age(hours) => Some(format!("max_age = \"{hours}h\"")),
            Promise::Due(rule, grace) => Some(format!("due = {{ at = \"{}\", grace = \"{grace}m\" }}", rule.cron())),
        };
        if let Some(promise) = &promise {
            let made_from = self
                .made_from(job)
                .map(|source| format!("made_from = [\"{source}-data\"]\n"));
            text += &format!(
                "[datasets.{name}-data]\nowner = \"ops\"\nconsumers = [\"desk\"]\nfile = \"out/{name}.csv\"\n{}\
                 as_of = {{ column = \"at\" }}\nchecks = {{ format = \"csv\" }}\n{promise}\n",
                made_from.unwrap_or_default()
            );
        }
        let overlap = match job.overlap() {
            Overlap::Skip => "skip",
            Overlap::Queue => "queue",
            Overlap::Replace => "replace",
            Overlap::Allow => "allow",
        };
        text += &format!(
            "[jobs.{name}]\nowner = \"ops\"\ncommand = \"true\"\nenabled = {}\noverlap = \"{overlap}\"\n\
             catch_up = \"{}\"\nretry = {{ attempts = {}, delay = \"5m\" }}\ntimeout = \"{}m\"\nidempotent = {}\n",
            job.enabled, job.catch_up, job.attempts, job.timeout_minutes, job.idempotent,
        );
        if job.catch_up == "all" {
            text += &format!("catch_up_limit = {CATCH_UP_LIMIT}\n");
        }
        let input = job
            .reads
            .filter(|reads| self.producer(&format!("{reads}-data")).is_some());
        match input.filter(|_| job.on_input) {
            Some(input) => text += &format!("on = [\"{input}-data\"]\n"),
            None => text += &job.rule.text(),
        }
        if let Some(input) = input {
            // When a run is due is judged without a look at what it reads.
            text += &format!("needs = [\"{input}-data\"]\non_stale = \"run\"\n");
        }
        if promise.is_some() {
            text += &format!("produces = \"{name}-data\"\n");
        }
        if job.in_pool {
            text += "pool = \"narrow\"\n";
        }
        text
    }

    /// Whose data a system makes that of a job from which reads nothing and tries more than once.
    fn made_from(&self, job: &JobPlan) -> Option<&'static str> {
        let earlier = self.jobs.iter().map(|other| other.name).filter(|name| *name < job.name);
        let mut sources = earlier.filter(|name| self.producer(&format!("{name}-data")).is_some());
        sources.next().filter(|_| job.reads.is_none() && job.attempts > 1)
    }

    /// Whether a job has times of its own, and which.
    pub(crate) fn rule_of(&self, job: &JobPlan) -> Option<Rule> {
        let input = job
            .reads
            .filter(|reads| self.producer(&format!("{reads}-data")).is_some());
        let is_triggered = job.on_input && input.is_some();
        (job.enabled && !is_triggered).then(|| job.rule.clone())
    }

    /// The same as freshd reads it.
    pub(crate) fn settings(&self, dir: &Path) -> Arc<Settings> {
        let file = dir.join("jobs.toml");
        std::fs::write(&file, self.text()).expect("jobs.toml is written");
        let environment = Environment {
            now: ORIGIN.parse::<Timestamp>().expect("a time"),
            root: false,
            ..Environment::of_process()
        };
        let loaded = config::load(&file, &environment);
        let problems = config::render(&loaded.problems, false);
        Arc::new(
            loaded
                .settings
                .unwrap_or_else(|| panic!("the configuration is fine:\n{problems}\n{}", self.text())),
        )
    }
}

impl Keeps {
    /// As it is when jobs.toml says nothing. The longest worlds last a little longer.
    pub(crate) const UNWRITTEN: Self = Self {
        days: 400,
        runs: 10_000,
    };

    pub(crate) fn by_chance(seed: u64) -> Option<Self> {
        let mut chance = Chance::of(seed, &["keeps"]);
        chance.percent(70).then(|| Self {
            days: chance.pick(&[1, 1, 3, 30]),
            runs: chance.pick(&[1, 1, 5, 50, 10_000]),
        })
    }
}

impl JobPlan {
    /// The dataset that it produces, if it does.
    pub(crate) fn dataset(&self) -> &'static str {
        let place = NAMES.iter().position(|name| *name == self.name);
        place.map_or("", |place| DATASETS[place])
    }

    /// What it does when it is due while it runs. What publishes something cannot run beside itself.
    pub(crate) fn overlap(&self) -> Overlap {
        match (self.overlap, &self.promise) {
            (overlap, Promise::NoData) => overlap,
            (Overlap::Allow, _) => Overlap::Queue,
            (overlap, _) => overlap,
        }
    }

    fn by_chance(name: &'static str, others: &[Self], chance: &mut Chance) -> Self {
        let rule = Rule::by_chance(chance);
        let sources: Vec<&'static str> = others
            .iter()
            .filter(|other| other.promise != Promise::NoData && other.name < name)
            .map(|other| other.name)
            .collect();
        let reads = (!sources.is_empty() && chance.percent(40)).then(|| chance.pick(&sources));
        Self {
            name,
            promise: promise_by_chance(&rule, chance),
            rule,
            enabled: !chance.percent(3),
            overlap: overlap_by_chance(chance),
            catch_up: chance.pick(&["latest", "latest", "all", "none"]),
            attempts: chance.pick(&[1, 2, 4]),
            timeout_minutes: chance.pick(&[30, 60, 600]),
            idempotent: chance.percent(30),
            in_pool: chance.percent(40),
            reads,
            on_input: chance.percent(50),
        }
    }
}

fn overlap_by_chance(chance: &mut Chance) -> Overlap {
    chance.pick(&[Overlap::Skip, Overlap::Queue, Overlap::Replace, Overlap::Allow])
}

fn promise_by_chance(rule: &Rule, chance: &mut Chance) -> Promise {
    match chance.below(3) {
        0 => Promise::NoData,
        1 => Promise::Age(rule.period_hours() + chance.between(1, 12)),
        _ => match rule.an_hour_later() {
            Some(due) => Promise::Due(due, chance.between(0, 30)),
            None => Promise::Age(2 * rule.period_hours()),
        },
    }
}
