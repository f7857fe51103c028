//! Watches a world and keeps books of its own: whatever breaks a promise of freshd is a violation.
//!
//! The judge knows what happened outside (processes, messages, clocks), what was decided, and what of it became durable.
//! It computes due times, ages and deadlines by itself, and uses nothing of the engine but its plain data.

mod able;
mod attached;
mod bounds;
mod ending;
mod forgotten;
mod ledger;
mod messages;
mod occurrences;
#[path = "../../virtual_world/overtaking.rs"]
mod overtaking;
mod processes;
mod promises;
mod quiet;

use std::collections::HashMap;
use std::time::Duration;

use freshd::model::{About, Action, AttemptState, Fact, Notification, newest_record};
use freshd::simulation::{Moment, Seen};
use jiff::{SignedDuration, Timestamp};

use crate::company::Company;
use able::Able;
use attached::Attached;
pub(crate) use ledger::Ledger;
use messages::Messages;
use occurrences::Occurrences;
use processes::Processes;
use promises::Promises;
use quiet::Quiet;

/// Facts of one step, at most: a long downtime is told in ranges, and in several steps.
const FACTS_MAX: usize = 8_192;
/// How long freshd may take to notice something while it is up.
pub(crate) const NOTICED_WITHIN: Duration = Duration::from_secs(2);
/// The same when it was down.
const NOTICED_AFTER_START_WITHIN: Duration = Duration::from_secs(5);
/// A clock that is earlier than the newest record by more than this is not believed, with a second to spare.
const NOT_BELIEVED: SignedDuration = SignedDuration::from_secs(5 * 60 + 1);
const HELD: &str = "held clock";

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which promise.
    pub(crate) rule: &'static str,
    pub(crate) what: String,
}

pub(crate) type Judged = Result<(), Violation>;

/// Fails under the name of a rule, unless something holds.
pub(crate) fn hold(holds: bool, rule: &'static str, what: impl FnOnce() -> String) -> Judged {
    if holds {
        Ok(())
    } else {
        Err(Violation { rule, what: what() })
    }
}

/// The judge of one world.
pub(crate) struct Judge {
    companies: HashMap<String, Company>,
    /// The first violation, and when.
    pub(crate) violation: Option<(Duration, Violation)>,
    pub(crate) ledger: Ledger,
    /// Decided and not yet durable, with the wall time of the decision.
    decided: Option<(Vec<Fact>, Timestamp)>,
    is_written: bool,
    up: Option<Up>,
    is_disk_full: bool,
    /// The configuration in force, once it is stored that it is.
    pub(crate) company: Option<Company>,
    /// One that was read and is in force with the next commit.
    accepting: Option<Company>,
    able: Able,
    occurrences: Occurrences,
    processes: Processes,
    messages: Messages,
    promises: Promises,
    attached: Attached,
    quiet: Quiet,
}

/// A life of the daemon.
#[derive(Clone, Copy, Debug)]
struct Up {
    /// Since when it could see everything: its start, or the last time that the disk had space again.
    since: Duration,
    /// Until when, by the wall clock, nothing may be started for certain.
    held_until: Option<Timestamp>,
    /// Until when it is open whether something may be started.
    in_doubt_until: Option<Timestamp>,
}

impl Up {
    /// It sees a clock that was set back: by this life, or before it.
    fn sees_clock_back(&mut self, wall: Timestamp, newest: Option<Timestamp>) {
        let newest = newest.filter(|newest| *newest > wall);
        self.in_doubt_until = self.in_doubt_until.max(newest);
        if self.held_until.is_none() {
            self.held_until = newest.filter(|newest| *newest > wall + NOT_BELIEVED);
        }
    }
}

impl Judge {
    pub(crate) fn new(companies: HashMap<String, Company>) -> Self {
        Self {
            companies,
            violation: None,
            ledger: Ledger::default(),
            decided: None,
            is_written: false,
            up: None,
            is_disk_full: false,
            company: None,
            accepting: None,
            able: Able::default(),
            occurrences: Occurrences::default(),
            processes: Processes::default(),
            messages: Messages::default(),
            promises: Promises::default(),
            attached: Attached::default(),
            quiet: Quiet::default(),
        }
    }

    /// One more configuration that may come into force, by its digest.
    pub(crate) fn knows(&mut self, digest: String, company: Company) {
        self.companies.insert(digest, company);
    }

    pub(crate) fn saw(&mut self, at: Moment, seen: &Seen<'_>) {
        if self.violation.is_some() {
            return;
        }
        if let Err(violation) = self.look(at, seen) {
            self.violation = Some((at.elapsed, violation));
        }
    }

    fn look(&mut self, at: Moment, seen: &Seen<'_>) -> Judged {
        let wall = at.now.wall;
        if let Some(up) = self.up.as_mut().filter(|_| !self.is_disk_full) {
            up.held_until = up.held_until.filter(|until| wall < *until);
        }
        if matches!(seen, Seen::ClockSet(_) | Seen::Slept) {
            self.able.interrupted();
            self.quiet.clock_set();
        }
        self.able.look(self.is_able(at), wall);
        match seen {
            Seen::Up { settings, .. } => {
                self.accepting = self.companies.get(&settings.digest).cloned();
                self.ledger.tells_by(settings);
                let mut up = Up {
                    since: at.elapsed,
                    held_until: None,
                    in_doubt_until: None,
                };
                up.sees_clock_back(wall, self.ledger.newest);
                self.up = Some(up);
            }
            Seen::Reloads(settings) => {
                self.accepting = self.companies.get(&settings.digest).cloned();
                self.ledger.tells_by(settings);
            }
            Seen::Down { power } => {
                if let Some((facts, wall)) = self.decided.take().filter(|_| self.is_written && !power) {
                    self.stored(at, &facts, wall)?;
                }
                (self.is_written, self.up, self.accepting) = (false, None, None);
                self.processes.down(*power);
            }
            Seen::ClockSet(by_ms) => {
                self.promises.clock_set(wall, *by_ms);
                self.must_look_around(at);
                self.clock_set(wall, *by_ms);
            }
            Seen::Slept => self.must_look_around(at),
            Seen::Decided { facts, actions } => {
                hold(facts.len() <= FACTS_MAX, "bounded", || {
                    format!("{} facts of one step", facts.len())
                })?;
                let is_confirmed = facts.iter().any(|fact| matches!(fact, Fact::ClockConfirmed(_)));
                let starts = actions.iter().find(|action| matches!(action, Action::Start(_)));
                let rule = if self.is_disk_full { "full disk" } else { HELD };
                let is_held = self.is_disk_full || self.is_held(wall) && !is_confirmed;
                hold(!is_held || starts.is_none(), rule, || {
                    format!("something is to start: {starts:?}")
                })?;
                self.processes.decided(actions);
                if facts.is_empty() {
                    self.decided_nothing(at, wall)?;
                } else {
                    self.decided = Some((facts.to_vec(), wall));
                    self.is_written = false;
                }
            }
            Seen::Written => self.is_written = true,
            Seen::Synced => {
                self.is_written = false;
                if let Some((facts, wall)) = self.decided.take() {
                    self.stored(at, &facts, wall)?;
                }
            }
            Seen::Contradiction(what) => hold(false, "contradiction", || (*what).to_owned())?,
            Seen::DiskFull(is_full) => {
                self.is_disk_full = *is_full;
                self.must_look_around(at);
            }
            Seen::Performs(action) => self.performs(action)?,
            Seen::Began { spec, play } => {
                self.processes.began(spec, play, &self.ledger, self.company.as_ref())?;
            }
            Seen::NotStarted(id) => self.processes.not_started(*id),
            Seen::Ended { id, status, stop } => self.processes.ended(*id, status, *stop),
            Seen::KeeperDied => self.processes.keeper_died(),
            Seen::Published(version, result) => self.promises.placed(version, result),
            Seen::Tried(notification, answer) => self.messages.tried(notification, answer, &self.ledger)?,
        }
        self.is_noticed(at)
    }

    /// A clock that is set back by more than a little is held while freshd is up, as it is at a start.
    fn clock_set(&mut self, wall: Timestamp, by_ms: i64) {
        // What was decided and not stored is known to freshd all the same.
        let decided = self.decided.iter().flat_map(|(facts, _)| facts);
        let newest = newest_record(self.ledger.newest, decided);
        let is_hindered = self.is_disk_full;
        let Some(up) = self.up.as_mut() else { return };
        if is_hindered {
            // It does not look before there is space again, and sees all steps until then as one.
            up.in_doubt_until = up.in_doubt_until.max(newest).max(Some(wall));
        } else if by_ms <= -500 {
            up.sees_clock_back(wall, newest);
        }
    }

    /// Whether it is up, has looked around since, and nothing holds it.
    fn is_able(&self, at: Moment) -> bool {
        let is_free = |up: Up| at.elapsed > up.since && up.held_until.is_none();
        self.up.is_some_and(is_free) && !self.is_disk_full && self.in_doubt_until(at.now.wall).is_none()
    }

    fn is_held(&self, wall: Timestamp) -> bool {
        self.up.and_then(|up| up.held_until).is_some_and(|until| wall < until)
    }

    /// An operator has confirmed the clock at `wall`, and it is stored.
    fn clock_confirmed(&mut self, at: Moment, wall: Timestamp) {
        if let Some(up) = self.up.as_mut() {
            (up.held_until, up.in_doubt_until) = (None, None);
        }
        self.must_look_around(at);
        self.able.clock_confirmed(wall);
        self.occurrences.clock_confirmed(wall);
        self.processes.clock_confirmed(wall);
        self.promises.clock_confirmed(wall);
    }

    /// Much may have become due at once: freshd has the time of a start to notice it.
    fn must_look_around(&mut self, at: Moment) {
        if let Some(up) = self.up.as_mut() {
            up.since = at.elapsed;
        }
    }

    /// Nothing is performed that is not durable.
    fn performs(&mut self, action: &Action) -> Judged {
        match action {
            Action::Start(spec) => {
                let claim = self.ledger.attempts.get(&spec.id);
                let is_claimed = claim.is_some_and(|claim| claim.state == AttemptState::Claimed);
                hold(is_claimed, "commit before act", || {
                    format!("{} is started without a stored claim", spec.id)
                })
            }
            Action::Send { notification, .. } => Messages::sends(notification, &self.ledger),
            Action::Acknowledge(id) => {
                let stored = self.ledger.attempts.get(id);
                let is_stored = stored.is_none_or(|stored| stored.state == AttemptState::Ended);
                hold(is_stored, "commit before act", || {
                    format!("{id} is acknowledged before its end is stored")
                })
            }
            Action::Publish(publishing) => {
                let version = &publishing.version;
                let known = self
                    .ledger
                    .versions
                    .contains_key(&(version.dataset.clone(), version.number));
                hold(known, "commit before act", || {
                    format!("{} is published unstored", version.dataset)
                })
            }
            _ => Ok(()),
        }
    }

    /// Facts have become durable that were decided at `wall`.
    fn stored(&mut self, at: Moment, facts: &[Fact], wall: Timestamp) -> Judged {
        if let Some(company) = self.accepting.take() {
            self.occurrences
                .accepted(&company, wall, self.in_doubt_until(wall), facts)?;
            self.promises.accepted(self.company.as_ref(), &company, wall);
            self.company = Some(company);
        }
        self.attached.step(&self.ledger);
        for fact in facts {
            // One that was to run and came to nothing says so itself.
            if let Fact::Run(run) = fact
                && !self.ledger.runs.contains_key(&run.id)
            {
                self.able.decided(run, wall)?;
            }
            let is_known = |told: &Notification| self.ledger.notifications.contains_key(&told.id);
            let is_new = matches!(fact, Fact::Notification(told) if !is_known(told));
            self.ledger.store(fact)?;
            match fact {
                Fact::Silence(silence) => self.quiet.silence(silence)?,
                Fact::Run(run) => self.occurrences.decided(run, self.company.as_ref())?,
                Fact::Attempt(attempt) => self.processes.stored(attempt)?,
                Fact::Notification(notification) => {
                    self.messages.stored(notification, facts, &self.ledger)?;
                    if is_new {
                        self.quiet.told(notification, &self.ledger, at.elapsed)?;
                    }
                }
                Fact::Version(version) => self.promises.version(version, &self.ledger, &self.processes)?,
                Fact::ClockConfirmed(confirmation) => self.clock_confirmed(at, confirmation.at),
                Fact::Forgotten(forgotten) => self.forgotten(forgotten, wall)?,
                _ => {}
            }
        }
        for fact in facts {
            if let Fact::Incident(incident) = fact {
                self.attached.incident(incident, wall);
                self.promises
                    .incident(incident, &self.ledger, self.company.as_ref(), wall, at)?;
            }
        }
        self.bounded()?;
        self.decided_nothing(at, wall)
    }

    /// After a decision at `wall`, whatever is due is decided, unless a full disk holds it.
    fn decided_nothing(&mut self, at: Moment, wall: Timestamp) -> Judged {
        // At the instant of a start, or of a clock that was set, it is decided one after the other.
        let is_settled = self.up.is_some_and(|up| at.elapsed > up.since);
        if is_settled && !self.is_disk_full && self.accepting.is_none() && self.in_doubt_until(wall).is_none() {
            self.occurrences.all_decided(wall)?;
        }
        Ok(())
    }

    fn in_doubt_until(&self, wall: Timestamp) -> Option<Timestamp> {
        self.up.and_then(|up| up.in_doubt_until).filter(|until| wall <= *until)
    }

    /// While freshd is up, what breaks is noticed in time.
    fn is_noticed(&mut self, at: Moment) -> Judged {
        let Some(up) = self
            .up
            .filter(|_| self.decided.is_none() && !self.is_disk_full && self.accepting.is_none())
        else {
            return Ok(());
        };
        let awake = at.elapsed.saturating_sub(up.since);
        if awake < NOTICED_AFTER_START_WITHIN {
            return Ok(());
        }
        let is_told = !self.is_held(at.now.wall) || self.ledger.about(About::Freshd, "clock").is_some();
        hold(is_told, HELD, || "nobody is told of the clock".to_owned())?;
        if let Some(company) = &self.company {
            let late = SignedDuration::try_from(NOTICED_WITHIN).unwrap_or(SignedDuration::ZERO);
            Quiet::all_over(&self.ledger, at.now.wall - late)?;
            self.attached
                .all_told(&self.ledger, &self.quiet, at.elapsed, at.now.wall)?;
            self.promises
                .all_noticed(company, (&self.ledger, &self.quiet), at, awake)?;
        }
        Ok(())
    }
}
