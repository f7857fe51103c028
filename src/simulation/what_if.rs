//! A what-if for people: a configuration played for some days, in which all goes well but for what is said to go wrong.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Answer, Found, Moment, Outside, Play, Seen, World};
use crate::model::{
    About, AttemptSpec, AttemptState, Dataset, DeliveryOutcome, Fact, IncidentId, IncidentState, Measurement, Name,
    Notification, Outcome, ProbeTarget, Rule, Run, RunState, Schedule, Settings, SlotState, Version, VersionNumber,
    VersionState, elapsed,
};
use crate::schedule;

/// Jobs that run more often than this are played once an hour: people are told no sooner for it.
pub const OFTEN: Duration = Duration::from_mins(15);
/// How often those are played, and how often data is looked at that no job makes.
const PLAYED_EVERY: Duration = Duration::from_hours(1);
/// How long a process takes.
const TAKES: Duration = Duration::from_secs(1);
/// How often the daemon records that it lives: nobody asks.
const ALIVE_EVERY: Duration = Duration::from_hours(24);

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The configuration.
    pub settings: Arc<Settings>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Runs of which every attempt fails.
    pub failing: Vec<Failing>,
    /// When freshd does not run.
    pub down: Vec<(Timestamp, Timestamp)>,
    /// When each dataset that a job makes was last delivered before it begins.
    pub delivered: BTreeMap<Name, Timestamp>,
}

/// A run of which every attempt fails.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failing {
    /// The job.
    pub job: Name,
    /// The due time.
    pub due_at: Timestamp,
}

/// Something that would happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// When.
    pub at: Timestamp,
    /// `attempt`, `run`, `published`, `message`, `over`, `down`, `up`, `maintenance`, `excused`, or what is wrong: `late`, `stale` and so on.
    pub kind: &'static str,
    /// The job, the dataset, or `freshd`.
    pub subject: String,
    /// In words.
    pub text: String,
    /// Whom a message goes to.
    pub to: Option<String>,
    /// It is as it should be, and more of the same is no news.
    pub is_routine: bool,
}

/// Jobs that are played less often than they run, and the same plan with it.
pub fn thinned(settings: &Settings, failing: &[Failing]) -> (Settings, BTreeSet<Name>) {
    let mut settings = settings.clone();
    // They come on each Monday, whatever happens.
    (settings.alerts.weekly, settings.alerts.canary) = (false, false);
    let named: HashSet<&Name> = failing.iter().map(|failing| &failing.job).collect();
    let runs_often = |schedule: &Schedule| match &schedule.rule {
        Rule::Every { period, .. } => *period < OFTEN,
        Rule::Cron(fields) => fields.minutes.count_ones() * fields.seconds.count_ones() > 4,
        Rule::On(_) => false,
    };
    let mut thinned = BTreeSet::new();
    // Data made once an hour is up to an hour older than it will be.
    let mut older: BTreeSet<Name> = BTreeSet::new();
    for (name, job) in &mut settings.jobs {
        let Some(schedule) = job
            .schedule
            .clone()
            .filter(|rule| runs_often(rule) && !named.contains(name))
        else {
            continue;
        };
        let mut played = Arc::unwrap_or_clone(Arc::clone(job));
        let rule = Rule::Every {
            period: PLAYED_EVERY,
            anchor: Timestamp::UNIX_EPOCH,
        };
        played.schedule = Some(Arc::new(Schedule {
            rule,
            ..Arc::unwrap_or_clone(schedule)
        }));
        older.extend(played.produces.clone());
        *job = Arc::new(played);
        thinned.insert(name.clone());
    }
    let is_probed =
        |settings: &Settings, name: &Name| settings.datasets.get(name).is_some_and(|data| data.probe.is_some());
    for name in settings.jobs.keys().cloned().collect::<Vec<_>>() {
        let Some(job) = settings.jobs.get(&name) else { continue };
        let needs: Box<[Name]> = job
            .needs
            .iter()
            .filter(|need| !is_probed(&settings, need))
            .cloned()
            .collect();
        if needs.len() < job.needs.len() {
            let mut job = Arc::unwrap_or_clone(Arc::clone(job));
            job.needs = needs;
            settings.jobs.insert(name, Arc::new(job));
        }
    }
    loop {
        let made_of_older = settings
            .jobs
            .values()
            .filter(|job| job.needs.iter().any(|need| older.contains(need)));
        let more: Vec<Name> = made_of_older.filter_map(|job| job.produces.clone()).collect();
        let before = older.len();
        older.extend(more);
        if older.len() == before {
            break;
        }
    }
    for (name, dataset) in &mut settings.datasets {
        let mut played = Arc::unwrap_or_clone(Arc::clone(dataset));
        if let Some(probe) = &mut played.probe {
            // Taken as fresh, always, also where people would have to say so.
            if let ProbeTarget::Ping(_) | ProbeTarget::OpenLineage(_) = probe.target {
                probe.target = ProbeTarget::File(name.as_str().into());
            }
            probe.every = PLAYED_EVERY;
            (played.due, played.max_age, played.warn_age) = (None, None, None);
        } else if older.contains(name) {
            played.max_age = played.max_age.map(|age| age + PLAYED_EVERY);
            played.warn_age = played.warn_age.map(|age| age + PLAYED_EVERY);
        } else {
            continue;
        }
        *dataset = Arc::new(played);
    }
    (settings, thinned)
}

/// Plays a plan; what would happen, in order of time.
pub fn simulate(plan: &Plan) -> Vec<Done> {
    let (settings, _) = thinned(&plan.settings, &plan.failing);
    let zone = settings.timezone.clone();
    let settings = Arc::new(settings);
    let outside = WhatIf {
        failing: plan.failing.iter().cloned().collect(),
        settings: Arc::clone(&settings),
        zone,
        known: HashSet::new(),
        excused: HashSet::new(),
        done: Vec::new(),
    };
    let mut world = World::new(outside, Arc::clone(&settings), plan.from, 0);
    world.alive_every = ALIVE_EVERY;
    world.remember(delivered(plan, &settings));
    let begins = world.moment().elapsed;
    let place = |at: Timestamp| begins + elapsed(plan.from, at);
    let mut down = plan.down.clone();
    down.sort();
    if down.first().is_none_or(|(from, _)| *from > plan.from) {
        world.start();
    }
    for (from, until) in down {
        let (from, until) = (from.max(plan.from), until.min(plan.until));
        world.run_until(place(from).max(world.moment().elapsed));
        if world.is_up() {
            world.stop();
        }
        world.outside.say(from, "down", "freshd", "does not run".to_owned());
        world.run_until(place(until).max(world.moment().elapsed));
        if until < plan.until {
            world.outside.say(until, "up", "freshd", "runs again".to_owned());
            world.start();
        }
    }
    world.run_until(place(plan.until).max(world.moment().elapsed));
    world.outside.windows(plan.from, plan.until);
    world.outside.done
}

/// What readers have when it begins.
fn delivered(plan: &Plan, settings: &Settings) -> Vec<Fact> {
    let versions = settings.datasets.values().filter(|dataset| dataset.probe.is_none());
    versions
        .filter_map(|dataset| {
            let at = *plan.delivered.get(&dataset.name)?;
            let version = Version::arrived(dataset.name.clone(), VersionNumber(1), at);
            Some(Fact::Version(Box::new(version)))
        })
        .collect()
}

/// All goes well but for the runs that fail; and whoever watches writes down what people would want to know.
struct WhatIf {
    failing: HashSet<Failing>,
    settings: Arc<Settings>,
    zone: TimeZone,
    /// Incidents that were told of.
    known: HashSet<IncidentId>,
    /// Deliveries that were said to be excused.
    excused: HashSet<(Name, Timestamp)>,
    done: Vec<Done>,
}

impl Outside for WhatIf {
    fn play(&mut self, spec: &AttemptSpec, at: Moment) -> Play {
        let due = spec.env.iter().find(|(key, _)| key == "FRESHD_DUE");
        let due_at = due.and_then(|(_, due)| due.parse().ok());
        let fails = due_at.is_some_and(|due_at| {
            self.failing.contains(&Failing {
                job: spec.job.clone(),
                due_at,
            })
        });
        let play = match fails {
            true => Play::fails(1, "made to fail by freshd simulate\n"),
            false => Play::writes(&spec.id.to_string(), at.now.wall),
        };
        play.taking(TAKES)
    }

    fn look(&mut self, _dataset: &Dataset, at: Moment) -> (Duration, Found) {
        let found = Measurement {
            bytes: 1,
            rows: None,
            sha256: at.now.wall.to_string(),
            as_of: Some(at.now.wall),
        };
        (Duration::ZERO, (Ok(Some(found)), Some(PathBuf::from("/"))))
    }

    fn answer(&mut self, _notification: &Notification, _at: Moment) -> Answer {
        Answer {
            after: Duration::ZERO,
            arrives: true,
            outcome: DeliveryOutcome::Accepted,
        }
    }

    fn saw(&mut self, at: Moment, seen: &Seen<'_>) {
        let now = at.now.wall;
        match seen {
            Seen::Decided { facts, .. } => facts.iter().for_each(|fact| self.fact(now, fact)),
            Seen::Tried(notification, _) => {
                let message = &notification.message;
                self.done.push(Done {
                    at: now,
                    kind: "message",
                    subject: message.subject_name.to_string(),
                    text: format!("{}: {}", message.purpose.as_str(), message.subject),
                    to: Some(notification.address.to_string()),
                    is_routine: false,
                });
            }
            _ => {}
        }
    }
}

impl WhatIf {
    fn say(&mut self, at: Timestamp, kind: &'static str, subject: &str, text: String) {
        self.done.push(Done {
            at,
            kind,
            subject: subject.to_owned(),
            text,
            to: None,
            is_routine: false,
        });
    }

    /// Says when windows of maintenance open and close, each in its place.
    fn windows(&mut self, from: Timestamp, until: Timestamp) {
        let settings = Arc::clone(&self.settings);
        for maintenance in settings.maintenance.values() {
            let mut open = schedule::window_at(&maintenance.windows, from);
            let mut at = from;
            while let Some(window) = open.or_else(|| schedule::window_after(&maintenance.windows, at)) {
                if window.from > until {
                    break;
                }
                let what = maintenance.words();
                self.say(window.from.max(from), "maintenance", "freshd", format!("{what} begins"));
                if window.to <= until {
                    self.say(window.to, "maintenance", "freshd", format!("{what} is over"));
                }
                (open, at) = (None, window.from);
            }
        }
        self.done.sort_by_key(|done| done.at);
    }

    fn fact(&mut self, now: Timestamp, fact: &Fact) {
        match fact {
            Fact::Attempt(attempt)
                if attempt.state == AttemptState::Ended && attempt.outcome.is_some_and(Outcome::is_failure) =>
            {
                let of = self
                    .settings
                    .jobs
                    .get(&attempt.job)
                    .map_or(1, |job| job.policy.retry.attempts);
                let reason = attempt.reason.clone().unwrap_or_default();
                let text = format!("attempt {} of {of} fails: {reason}", attempt.id.number);
                self.say(now, "attempt", attempt.job.as_str(), text);
            }
            Fact::Run(run) => self.run(now, run),
            Fact::Version(version) if version.state == VersionState::Published && version.run.is_some() => {
                self.say(
                    now,
                    "published",
                    version.dataset.as_str(),
                    format!("version {}", version.number),
                );
                if let Some(done) = self.done.last_mut() {
                    done.is_routine = true;
                }
            }
            Fact::Slot(slot)
                if slot.state == SlotState::Excused && self.excused.insert((slot.dataset.clone(), slot.due_at)) =>
            {
                let due = crate::model::format_time(slot.due_at, &self.zone);
                let reason = slot.reason.as_deref().unwrap_or_default();
                let text = format!("the delivery due {due} is excused: {reason}");
                self.say(now, "excused", slot.dataset.as_str(), text);
            }
            Fact::Incident(incident) if incident.about != About::Job => {
                let subject = incident.subject.as_str().to_owned();
                if incident.state == IncidentState::Resolved {
                    let text = format!("no longer {}", incident.kind.as_str().replace('_', " "));
                    self.say(now, "over", &subject, text);
                } else if self.known.insert(incident.id) {
                    self.say(now, incident.kind.as_str(), &subject, incident.reason.clone());
                }
            }
            _ => {}
        }
    }

    fn run(&mut self, now: Timestamp, run: &Run) {
        let Some(outcome) = run.outcome.filter(|_| run.state == RunState::Final) else {
            return;
        };
        let due = run.due_at.map_or_else(String::new, |due| {
            format!(", due {}", crate::model::format_time(due, &self.zone))
        });
        let attempts = match run.attempts {
            0 => String::new(),
            1 => " at the first attempt".to_owned(),
            attempts => format!(" after {attempts} attempts"),
        };
        let reason = run
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        let word = outcome.as_str().replace('_', " ");
        let text = format!("{word}{attempts}{reason}{due}");
        self.say(now, "run", run.job.as_str(), text);
        if let Some(done) = self.done.last_mut() {
            done.is_routine = outcome == Outcome::Succeeded && run.attempts == 1;
        }
    }
}
