//! What processes, addresses and probes do in a world: by chance, but the same for the same thing in each replay.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use freshd::model::{
    Action, AttemptSpec, Dataset, DeliveryOutcome, ExitStatus, Fact, Measurement, Notification, RunState,
};
use freshd::simulation::{Answer, Found, Moment, Outside, Play, Seen};

use crate::chance::Chance;
use crate::faults::Outage;
use crate::judge::Judge;
use crate::stories::Told;

/// The addresses of every company.
pub(crate) const ADDRESSES: [&str; 5] = [
    "mail:ops@sea.example",
    "chat",
    "mail:sales@sea.example",
    "mail:it@sea.example",
    "mail:boss@sea.example",
];

/// Whatever is not the machine, and the judge who watches.
pub(crate) struct Nature {
    seed: u64,
    /// From here on everything goes well, so that what was begun can end.
    pub(crate) calm_from: Duration,
    /// Address, how, until when.
    pub(crate) outages: Vec<(usize, Outage, Duration)>,
    pub(crate) blind_until: Duration,
    /// The job of which every other run fails, until when.
    pub(crate) flaps: Option<(&'static str, Duration)>,
    /// Runs of it so far.
    turns: u64,
    pub(crate) judge: Judge,
    pub(crate) counts: Counts,
    /// What processes and addresses do in a story, where nothing is left to chance.
    pub(crate) told: Option<Told>,
    /// Of a story: the commits, each with the number of its actions.
    pub(crate) commits: Vec<usize>,
    /// Of a story: when anything happened.
    pub(crate) instants: BTreeSet<Duration>,
    /// What happened in words, when somebody wants to read it.
    pub(crate) history: Option<Vec<String>>,
}

/// What a world came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) crashes: u64,
    pub(crate) starts: u64,
    pub(crate) messages: u64,
    pub(crate) decisions: u64,
}

impl Nature {
    pub(crate) fn new(seed: u64, calm_from: Duration, judge: Judge) -> Self {
        Self {
            seed,
            calm_from,
            outages: Vec::new(),
            blind_until: Duration::ZERO,
            flaps: None,
            turns: 0,
            judge,
            counts: Counts::default(),
            told: None,
            commits: Vec::new(),
            instants: BTreeSet::new(),
            history: None,
        }
    }
}

impl Outside for Nature {
    fn play(&mut self, spec: &AttemptSpec, at: Moment) -> Play {
        if let Some(told) = self.told {
            return (told.play)(spec, at);
        }
        let due = spec.env.iter().find(|(key, _)| key == "FRESHD_DUE");
        let due = due.map_or_else(|| spec.id.run.to_string(), |(_, due)| due.clone());
        let number = spec.id.number.to_string();
        let mut chance = Chance::of(self.seed, &["play", spec.job.as_str(), &due, &number]);
        let as_of = at.now.wall;
        let digest = match chance.percent(5) {
            true => "the same again".to_owned(),
            false => format!("{:016x}", chance.next()),
        };
        let mut play = Play {
            takes: Duration::from_millis(chance.between(100, 90_000)),
            dies_with_keeper: chance.percent(50),
            ..Play::writes(&digest, as_of)
        };
        let fate = chance.below(100);
        if self.calm_from <= at.elapsed {
            return play;
        }
        let flaps = self
            .flaps
            .filter(|(job, until)| *job == spec.job.as_str() && at.elapsed < *until);
        if flaps.is_some() {
            self.turns += u64::from(spec.id.number == 1);
            play.takes = Duration::from_secs(1);
            if self.turns % 2 == 1 {
                play.status = ExitStatus::Code(1);
            }
            return play;
        }
        match fate {
            0..=5 => play.status = ExitStatus::Code(1),
            6..=7 => play.status = ExitStatus::Signal(9),
            8..=9 => play.status = ExitStatus::NotStarted("no such file".to_owned()),
            10..=12 => play.takes = Duration::from_hours(40 * 24),
            13..=17 => play.takes = Duration::from_secs(chance.between(600, 30 * 3_600)),
            18..=19 => play.refused = Some("far too small"),
            20 => play.unpublishable = Some("no space left on device"),
            21..=24 => {
                play.judged_after = Duration::from_secs(chance.between(1, 7_200));
                play.published_after = Duration::from_secs(chance.between(1, 7_200));
            }
            25 => play.wrote = None,
            26..=27 => {
                play.unread = u32::try_from(chance.below(10)).expect("few");
                play.unplaced = u32::try_from(chance.below(10)).expect("few");
            }
            _ => {}
        }
        play
    }

    fn look(&mut self, _dataset: &Dataset, at: Moment) -> (Duration, Found) {
        let mut chance = Chance::of(self.seed, &["look", &at.elapsed.as_millis().to_string()]);
        let after = Duration::from_millis(chance.between(1, 30_000));
        let path = Some(PathBuf::from("/in/list.csv"));
        if at.elapsed < self.blind_until {
            return (after, (Err("permission denied".to_owned()), path));
        }
        let found = Measurement {
            bytes: 10,
            rows: None,
            sha256: String::new(),
            as_of: Some(at.now.wall),
        };
        (after, (Ok(Some(found)), path))
    }

    fn answer(&mut self, notification: &Notification, at: Moment) -> Answer {
        if let Some(told) = self.told {
            return (told.answer)(notification);
        }
        let address = notification.address.to_string();
        let tries = notification.tries.to_string();
        let mut chance = Chance::of(self.seed, &["answer", &notification.message.id, &tries]);
        self.outages.retain(|(_, _, until)| *until > at.elapsed);
        let outage = self.outages.iter().find(|(place, _, _)| ADDRESSES[*place] == address);
        let temporary = |error: &str, retry_after_seconds| DeliveryOutcome::Temporary {
            error: error.to_owned(),
            retry_after_seconds,
        };
        let soon = Duration::from_millis(chance.between(1, 2_000));
        let (after, arrives, outcome) = match outage.filter(|_| at.elapsed < self.calm_from).map(|(_, how, _)| how) {
            None if chance.percent(1) => (Duration::from_secs(30), true, temporary("timed out", None)),
            None => (soon, true, DeliveryOutcome::Accepted),
            Some(Outage::Refuses) => (soon, false, temporary("421 not now", None)),
            Some(Outage::Hangs) => (Duration::from_secs(30), false, temporary("timed out", None)),
            Some(Outage::TakesAndTimesOut) => (Duration::from_secs(30), true, temporary("timed out", None)),
            Some(Outage::RetryAfter) => (soon, false, temporary("429", Some(chance.between(1, 100_000)))),
            Some(Outage::Never) => {
                // Whether it is the message or the address that is at fault; drawn apart, so that all else stays as it is.
                let mut chance = Chance::of(self.seed, &["unsent", &notification.message.id]);
                let never = match chance.percent(50) {
                    true => DeliveryOutcome::Unsent {
                        error: "the mail cannot be built".to_owned(),
                    },
                    false => DeliveryOutcome::Permanent {
                        error: "550 no such mailbox".to_owned(),
                    },
                };
                (soon, false, never)
            }
        };
        Answer {
            after,
            arrives,
            outcome,
        }
    }

    fn saw(&mut self, at: Moment, seen: &Seen<'_>) {
        match seen {
            Seen::Down { .. } | Seen::KeeperDied => self.counts.crashes += 1,
            Seen::Began { .. } => self.counts.starts += 1,
            Seen::Tried(..) => self.counts.messages += 1,
            Seen::Decided { .. } => self.counts.decisions += 1,
            _ => {}
        }
        if self.told.is_some() {
            self.instants.insert(at.elapsed);
            if let Seen::Decided { facts, actions } = seen
                && !facts.is_empty()
            {
                self.commits.push(actions.len());
            }
        }
        if let Some(history) = self.history.as_mut().filter(|_| self.judge.violation.is_none()) {
            history.extend(in_words(at, seen));
        }
        self.judge.saw(at, seen);
    }
}

/// One line for each thing that a reader of a history wants to know.
fn in_words(at: Moment, seen: &Seen<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |text: String| {
        let elapsed = at.elapsed.as_secs();
        lines.push(format!("{elapsed:>10} {} {text}", at.now.wall));
    };
    match seen {
        Seen::Up { life, settings } => say(format!("UP life {life}, settings {}", &settings.digest[..8])),
        Seen::Down { power } => say(format!("DOWN{}", if *power { ", the machine too" } else { "" })),
        Seen::Reloads(settings) => say(format!("reloads {}", &settings.digest[..8])),
        Seen::ClockSet(by_ms) => say(format!("clock set by {by_ms} ms")),
        Seen::Decided { facts, .. } => facts.iter().filter_map(fact_in_words).for_each(&mut say),
        Seen::Written | Seen::Published(..) => {}
        Seen::Slept => say("slept until now".to_owned()),
        Seen::Synced => say("  synced".to_owned()),
        Seen::Contradiction(what) => say(format!("CONTRADICTION {what}")),
        Seen::DiskFull(is_full) => say(format!("disk full: {is_full}")),
        Seen::Performs(action) => match action {
            Action::Start(spec) => say(format!("  -> start {} {}", spec.job, spec.id)),
            Action::Stop { id, reason } => say(format!("  -> stop {id} {reason:?}")),
            Action::Reply { reply, .. } => say(format!("  -> {reply:?}")),
            _ => {}
        },
        Seen::Began { spec, play } => say(format!(
            "PROCESS {} of {} begins, takes {:?}, {:?}",
            spec.id, spec.job, play.takes, play.status
        )),
        Seen::NotStarted(id) => say(format!("PROCESS {id} cannot be started")),
        Seen::Ended { id, status, stop } => say(format!("PROCESS {id} ends, {status:?} {stop:?}")),
        Seen::KeeperDied => say("KEEPER dies".to_owned()),
        Seen::Tried(notification, answer) => say(format!(
            "MESSAGE {} {:?} of incident {:?} to {}: {:?}",
            notification.id, notification.message.purpose, notification.incident, notification.address, answer.outcome
        )),
    }
    lines
}

fn fact_in_words(fact: &Fact) -> Option<String> {
    let mut text = String::new();
    let written = match fact {
        Fact::Job(record) => write!(
            text,
            "  job {} cursor {} pause {:?}",
            record.job,
            record.cursor,
            record.pause.is_some()
        ),
        Fact::Run(run) => {
            let due = run.due_at.map_or_else(String::new, |due| format!(" due {due}"));
            let until = run
                .due_until
                .map_or_else(String::new, |until| format!(" until {until}"));
            let state = match (run.state, run.outcome) {
                (RunState::Final, Some(outcome)) => outcome.as_str(),
                (state, _) => state.as_str(),
            };
            let reason = run.reason.as_deref().unwrap_or_default();
            write!(
                text,
                "  run {} of {}{due}{until} {}: {state}, {reason}",
                run.id,
                run.job,
                run.trigger.as_str()
            )
        }
        Fact::Attempt(attempt) => write!(
            text,
            "  attempt {} {:?} {:?}",
            attempt.id, attempt.state, attempt.outcome
        ),
        Fact::Version(version) => write!(
            text,
            "  version {}@{} {:?} as of {} effective {}",
            version.dataset, version.number, version.state, version.as_of, version.effective_as_of
        ),
        Fact::Slot(slot) => write!(
            text,
            "  slot of {} due {} {:?} by {:?}",
            slot.dataset, slot.due_at, slot.state, slot.version
        ),
        Fact::Incident(incident) => write!(
            text,
            "  incident {} {} {}: {:?} since {}, {}",
            incident.id,
            incident.kind.as_str(),
            incident.subject,
            incident.state,
            incident.since,
            incident.reason
        ),
        Fact::Notification(notification) => write!(
            text,
            "  notification {} {:?} of incident {:?} to {}: {:?}, {} tries, next {}",
            notification.id,
            notification.message.purpose,
            notification.incident,
            notification.address,
            notification.state,
            notification.tries,
            notification.next_try_at
        ),
        _ => return None,
    };
    written.ok().map(|()| text)
}
