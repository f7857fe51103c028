//! A year of the seafood company in which now and then something breaks: how many messages each true problem is.
//!
//!     cargo test --test simulation seafood:: -- --nocapture                   prints them, by kind and by team
//!     FRESHD_SEAFOOD_DAYS=365 cargo test --test simulation seafood:: -- --nocapture
//!
//! What is broken is decided and written down outside of freshd; what people were told is what their addresses took.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use freshd::config::{self, Environment};
use freshd::model::{
    About, Address, AttemptId, AttemptSpec, Dataset, DeliveryOutcome, ExitStatus, Fact, Incident, IncidentId,
    Measurement, Name, Notification, NotificationId, NotificationState, Purpose, Settings, elapsed,
};
use freshd::simulation::{self, Answer, Found, Moment, Outside, Play, Seen, World};
use jiff::Timestamp;

use crate::chance::Chance;
use crate::number_of;

const ORIGIN: &str = "2026-01-05T00:00:00Z";
/// Days without a wish for more; the rest of the year takes its time where nothing is optimised.
const DAYS: u64 = if cfg!(debug_assertions) { 20 } else { 365 };
const HOUR: Duration = Duration::from_hours(1);
/// A problem that is over sooner is told to nobody: `group_wait`, and the time in which freshd notices.
const TOLD_AFTER: Duration = Duration::from_secs(65);

/// Something that goes wrong, in time of the world.
#[derive(Clone, Debug)]
struct Trouble {
    from: Duration,
    until: Duration,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// Every attempt of these jobs fails.
    Fails(Vec<Name>),
    /// No address takes anything whose channel is this.
    Deaf(&'static str),
    /// freshd does not run.
    Down,
}

/// One after the other, with a quiet time between them; sometimes three jobs at once, sometimes while nobody can be
/// reached, or while freshd is down.
fn troubles(settings: &Settings, days: u64) -> Vec<Trouble> {
    let mut chance = Chance::of(2_026, &["seafood"]);
    let jobs: Vec<&Name> = settings.jobs.keys().collect();
    let hours = |chance: &mut Chance| match chance.below(10) {
        0..=3 => chance.between(1, 2),
        4..=6 => chance.between(3, 8),
        7..=8 => chance.between(9, 20),
        _ => chance.between(40, 80),
    };
    let mut troubles = Vec::new();
    let mut at = HOUR * 12;
    let end = HOUR * u32::try_from(24 * days).expect("hours");
    loop {
        let from = at + Duration::from_mins(chance.below(60));
        let until = from + HOUR * u32::try_from(hours(&mut chance)).expect("few");
        at = until + HOUR * u32::try_from(chance.between(6, 72)).expect("few");
        if at > end {
            return troubles;
        }
        let count = if chance.percent(15) { 3 } else { 1 };
        let failing: BTreeSet<Name> = (0..count).map(|_| Name::clone(chance.pick(&jobs))).collect();
        let what = What::Fails(failing.into_iter().collect());
        troubles.push(Trouble { from, until, what });
        let beside = match chance.below(12) {
            0 => What::Down,
            1 => What::Deaf("mail"),
            2 => What::Deaf("slack-ops"),
            _ => continue,
        };
        let from = from + Duration::from_mins(chance.below(90));
        let until = from + HOUR * u32::try_from(chance.between(1, 30)).expect("few");
        at = at.max(until + HOUR * 6);
        troubles.push(Trouble {
            from,
            until,
            what: beside,
        });
    }
}

/// A job whose runs fail one after the other, as seen from outside.
#[derive(Clone, Debug)]
struct Problem {
    job: Name,
    begun: Timestamp,
    ended: Option<Timestamp>,
}

/// The company, and whoever counts.
struct Company {
    settings: Arc<Settings>,
    troubles: Vec<Trouble>,
    problems: Vec<Problem>,
    /// Whose processes live.
    jobs: BTreeMap<AttemptId, Name>,
    incidents: BTreeMap<IncidentId, Incident>,
    /// Whatever explained an incident, at any time.
    causes: BTreeMap<IncidentId, BTreeSet<IncidentId>>,
    /// What an address has taken.
    arrived: BTreeMap<NotificationId, Notification>,
    notifications: BTreeMap<NotificationId, Notification>,
}

impl Company {
    fn is_broken(&self, at: Moment, is_it: impl Fn(&What) -> bool) -> bool {
        let now = |trouble: &&Trouble| (trouble.from..trouble.until).contains(&at.elapsed);
        self.troubles.iter().filter(now).any(|trouble| is_it(&trouble.what))
    }

    fn open_problem(&mut self, job: &Name) -> Option<&mut Problem> {
        self.problems
            .iter_mut()
            .rev()
            .find(|problem| problem.job == *job && problem.ended.is_none())
    }

    /// Whether somebody has taken a message that tells of a problem.
    fn is_told(&self, problem: &Problem) -> bool {
        let until = problem.ended.unwrap_or(Timestamp::MAX);
        let of_job = self.incidents.values().filter(|incident| {
            incident.about == About::Job
                && incident.subject == problem.job
                && incident.since <= until
                && incident.resolved_at.is_none_or(|at| at >= problem.begun)
        });
        let ids: BTreeSet<IncidentId> = of_job
            .flat_map(|incident| {
                self.causes
                    .get(&incident.id)
                    .into_iter()
                    .flatten()
                    .copied()
                    .chain([incident.id])
            })
            .collect();
        let names = |one: &Notification| {
            let lines = one.message.incidents.iter().map(|line| line.incident);
            lines.chain(one.incident).any(|incident| ids.contains(&incident))
        };
        self.arrived.values().any(names)
    }
}

impl Outside for Company {
    fn play(&mut self, spec: &AttemptSpec, at: Moment) -> Play {
        self.jobs.insert(spec.id, spec.job.clone());
        let fails = self.is_broken(at, |what| matches!(what, What::Fails(jobs) if jobs.contains(&spec.job)));
        match fails {
            true => Play::fails(1, "no route to host\n"),
            false => Play::writes(&spec.id.to_string(), at.now.wall).taking(Duration::from_secs(2)),
        }
    }

    fn look(&mut self, _dataset: &Dataset, at: Moment) -> (Duration, Found) {
        let found = Measurement {
            bytes: 1,
            rows: None,
            sha256: at.now.wall.to_string(),
            as_of: Some(at.now.wall),
        };
        (Duration::ZERO, (Ok(Some(found)), Some(PathBuf::from("/drop"))))
    }

    fn answer(&mut self, notification: &Notification, at: Moment) -> Answer {
        let channel = notification.address.channel.as_str();
        let is_deaf = self.is_broken(at, |what| matches!(what, What::Deaf(deaf) if *deaf == channel));
        if !is_deaf {
            self.arrived.insert(notification.id, notification.clone());
        }
        Answer {
            after: Duration::from_millis(200),
            arrives: !is_deaf,
            outcome: match is_deaf {
                true => DeliveryOutcome::Temporary {
                    error: "connection refused".to_owned(),
                    retry_after_seconds: None,
                },
                false => DeliveryOutcome::Accepted,
            },
        }
    }

    fn saw(&mut self, at: Moment, seen: &Seen<'_>) {
        match seen {
            Seen::Contradiction(what) => panic!("{what}"),
            Seen::Decided { facts, .. } => {
                for fact in *facts {
                    match fact {
                        Fact::Incident(incident) => {
                            self.causes.entry(incident.id).or_default().extend(incident.cause);
                            self.incidents.insert(incident.id, incident.clone());
                        }
                        Fact::Notification(notification) => {
                            self.notifications.insert(notification.id, notification.clone());
                        }
                        _ => {}
                    }
                }
            }
            Seen::Ended { id, status, .. } => self.ended(*id, status, at),
            _ => {}
        }
    }
}

impl Company {
    /// The last attempt of a run failed, or one was good.
    fn ended(&mut self, id: AttemptId, status: &ExitStatus, at: Moment) {
        let Some(job) = self.jobs.remove(&id) else { return };
        let tries = self.settings.jobs.get(&job).map_or(1, |job| job.policy.retry.attempts);
        let now = at.now.wall;
        match status {
            ExitStatus::Code(0) => {
                if let Some(problem) = self.open_problem(&job) {
                    problem.ended = Some(now);
                }
            }
            _ if id.number >= tries && self.open_problem(&job).is_none() => {
                self.problems.push(Problem {
                    job,
                    begun: now,
                    ended: None,
                });
            }
            _ => {}
        }
    }
}

fn company() -> Arc<Settings> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs.toml");
    let environment = Environment {
        now: ORIGIN.parse().expect("a time"),
        root: false,
        ..Environment::of_process()
    };
    let loaded = config::load(&file, &environment);
    let settings = loaded.settings.expect("the company's jobs.toml is fine");
    Arc::new(simulation::thinned(&settings, &[]).0)
}

/// Plays it.
fn play(days: u64) -> Company {
    let settings = company();
    let troubles = troubles(&settings, days);
    let downs: Vec<Trouble> = troubles
        .iter()
        .filter(|it| matches!(it.what, What::Down))
        .cloned()
        .collect();
    let company = Company {
        settings: Arc::clone(&settings),
        troubles,
        problems: Vec::new(),
        jobs: BTreeMap::new(),
        incidents: BTreeMap::new(),
        causes: BTreeMap::new(),
        arrived: BTreeMap::new(),
        notifications: BTreeMap::new(),
    };
    let mut world = World::new(company, settings, ORIGIN.parse().expect("a time"), 7);
    world.alive_every = HOUR;
    world.start();
    for down in downs {
        world.run_until(down.from);
        world.stop();
        world.run_until(down.until);
        world.start();
    }
    world.run_until(HOUR * u32::try_from(24 * days).expect("hours"));
    world.outside
}

#[test]
fn every_true_problem_of_a_year_is_told_and_few_messages_are_enough() {
    let days = number_of("FRESHD_SEAFOOD_DAYS").unwrap_or(DAYS);
    let company = play(days);
    let lasted = |problem: &&Problem| {
        problem
            .ended
            .is_none_or(|ended| elapsed(problem.begun, ended) > TOLD_AFTER)
    };
    let problems: Vec<&Problem> = company.problems.iter().filter(lasted).collect();
    let untold: Vec<_> = problems.iter().filter(|problem| !company.is_told(problem)).collect();
    let about_jobs = |one: &&Notification| {
        one.message.about != Some(About::Freshd) && !matches!(one.message.purpose, Purpose::Weekly | Purpose::Canary)
    };
    let arrived: Vec<&Notification> = company.arrived.values().filter(about_jobs).collect();
    let opened = company
        .incidents
        .values()
        .filter(|incident| incident.opened_at.is_some());
    let opened: Vec<&Incident> = opened.filter(|incident| incident.about != About::Freshd).collect();
    print(days, problems.len(), &opened, &arrived, untold.len());
    assert!(
        problems.len() > usize::try_from(days / 10).expect("few"),
        "{}",
        problems.len()
    );
    assert!(untold.is_empty(), "nobody was told of {untold:?}");
    // One cause, one alert.
    assert!(
        opened.len() <= problems.len(),
        "{} incidents were told, and there were {} problems: {:#?}",
        opened.len(),
        problems.len(),
        opened
            .iter()
            .map(|one| (one.id, &one.subject, one.kind, one.since, one.opened_at))
            .collect::<Vec<_>>()
    );
    for incident in opened {
        few_enough(&company, incident);
    }
    let lost = company
        .notifications
        .values()
        .filter(|one| one.state == NotificationState::Dead);
    assert_eq!(lost.count(), 0, "no trouble lasts for three days");
}

/// Each address hears of a problem once, and once that it is over. Only its owner, and whoever stands in or was escalated
/// to, hears more: that it turned critical, and the reminders that the rules name.
fn few_enough(company: &Company, incident: &Incident) {
    // What was never sent, since a later message says it as well, was told to nobody.
    let is_told = |one: &&Notification| one.incident == Some(incident.id) && one.state != NotificationState::Collapsed;
    let told: Vec<&Notification> = company.notifications.values().filter(is_told).collect();
    // Whoever stood in for a team may also be the last step of its chain.
    let mut by_address: BTreeMap<(&Name, &Name, &Address), BTreeMap<Purpose, usize>> = BTreeMap::new();
    for one in told {
        let to = (one.told_for(), &one.message.team, &one.address);
        *by_address
            .entry(to)
            .or_default()
            .entry(one.message.purpose)
            .or_default() += 1;
    }
    let lasted = incident.resolved_at.map_or(Duration::ZERO, |ended| {
        elapsed(incident.opened_at.unwrap_or(ended), ended)
    });
    // After one and four hours, and then at most one a day.
    let reminders = 2 + usize::try_from(lasted.as_secs() / 86_400).expect("days") + 1;
    // And that the job which makes it has failed, where the data was told of before.
    let makes_it = |job: &Name| {
        let made = company.settings.jobs.get(job).and_then(|job| job.produces.as_ref());
        incident.about == About::Dataset && made == Some(&incident.subject)
    };
    let with_it = |one: &&Incident| one.told_with.iter().any(|with| with.cause == incident.id);
    let failures = company.incidents.values().filter(with_it);
    let failures = failures
        .filter(|one| one.about == About::Job && makes_it(&one.subject))
        .count();
    for ((team, _, address), counts) in by_address {
        let count = |purpose| counts.get(&purpose).copied().unwrap_or(0);
        let firsts = count(Purpose::Opening) + count(Purpose::Impact) + count(Purpose::Escalation);
        let what = format!("{team} was told by {address} {counts:?} of {incident:?}");
        assert!(firsts <= 1, "{what}");
        assert!(count(Purpose::Update) <= 1 + failures, "{what}");
        assert!(count(Purpose::Reminder) <= reminders, "{what}");
        assert!(count(Purpose::Recovery) <= firsts.max(1), "{what}");
    }
}

fn print(days: u64, problems: usize, opened: &[&Incident], arrived: &[&Notification], untold: usize) {
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_team: BTreeMap<&str, usize> = BTreeMap::new();
    for one in arrived {
        *by_kind.entry(one.message.purpose.as_str()).or_default() += 1;
        *by_team.entry(one.message.team.as_str()).or_default() += 1;
    }
    let told = opened.len();
    println!(
        "{days} days: {problems} true problems, {told} incidents told, {} messages, {untold} problems of which nobody was told",
        arrived.len()
    );
    let each = |count: usize| {
        let hundredths = 100 * count / problems.max(1);
        format!("{count} ({}.{:02} a problem)", hundredths / 100, hundredths % 100)
    };
    for (kind, count) in by_kind {
        println!("  {kind:<12} {}", each(count));
    }
    for (team, count) in by_team {
        println!("  for {team:<12} {}", each(count));
    }
}
