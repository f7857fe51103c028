//! PURE: joins planner, freshness and alerting: one event in, facts and actions out.
//!
//! The daemon commits the facts of a step, and only then performs its actions. Every action is idempotent, so
//! that a crash between the two is repaired by deriving the same actions again from the stored facts: start,
//! restart and crash are one code path (`restart`).

mod accept;
mod anew;
mod at_the_end;
mod attempts;
mod audience;
mod back;
mod backlog;
mod begun;
mod by_hand;
mod cleaning;
mod clock;
mod closed;
mod concerned;
mod confirm;
mod data;
mod dead_messages;
mod delivered;
mod digest;
mod drills;
mod expecting;
mod explaining;
mod flapping;
mod first_look;
mod found;
mod heard;
mod hiding;
mod history;
mod in_stead;
mod incidents;
mod jobs;
mod keepers;
mod learning;
mod lineage_words;
mod lines;
mod looks;
mod maintenance;
mod mending;
mod news;
mod outages;
mod own_downtime;
mod outbox;
mod output;
mod overtaken;
mod pings;
mod pools;
mod promises;
mod quiet;
mod readers;
mod register;
mod reload;
mod reminders;
mod repeats;
mod requests;
mod resend;
mod restart;
mod restored;
mod runs;
mod self_test;
mod servers;
mod sightings;
mod silences;
mod situation;
mod space;
mod spec;
mod stale_inputs;
mod stands_for;
mod status;
mod threads;
mod together;
mod trying_out;
mod turns;
mod undelivered;
mod wakes;
mod weekly;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::lineage::Lineage;
use crate::model::{
    Action, Attempt, AttemptId, ClockConfirmation, Event, Fact, Host, IncidentId, Life, Name, NotificationId, Now,
    Placed, Restoration, Run, RunId, Settings, Silence, VersionRef, newest_record,
};
use backlog::Todo;
use clock::Hold;
use data::DataState;
use flapping::Openings;
use history::Pruning;
use jobs::JobState;
use keepers::Keepers;
use news::News;
use outbox::Outbox;
use pools::Pools;
use register::Register;
use repeats::Repeats;
use restored::Recovered;
use runs::StartedWith;
use space::SpaceHold;
use threads::Threads;
use together::Together;
use wakes::{Retry, Wake, Wakes};
use weekly::Weekly;

pub use backlog::STEP_FACTS_MAX;

/// Jobs that are looked at in one tick; the next one, which is asked for at once, goes on. So of very many that are due
/// together the first run while the rest is still decided and stored.
const JOBS_PER_TICK_MAX: usize = 128;

/// What follows from one event.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// To be committed together, first.
    pub facts: Vec<Fact>,
    /// To be performed afterwards, in this order.
    pub actions: Vec<Action>,
}

/// Everything freshd decides, as one state machine.
#[derive(Clone, Debug)]
pub struct Engine {
    settings: Arc<Settings>,
    lineage: Lineage,
    /// Jobs that wait for a new version of a dataset.
    triggers: HashMap<Name, Vec<Name>>,
    host: Host,
    seed: u64,
    life: Life,
    /// The configuration last accepted, by digest.
    accepted: Option<String>,
    /// When the life before this one began, and until when it was surely alive.
    began_before: Option<Timestamp>,
    seen_before: Option<Timestamp>,
    /// The latest time in any record since the clock was last confirmed.
    newest_record_at: Option<Timestamp>,
    /// When an operator last confirmed the clock.
    clock_confirmation: Option<ClockConfirmation>,
    /// When the clock leapt forward, and may have been wrong since.
    clock_leaps: Vec<Timestamp>,
    /// What the records went on from when they were last lost.
    restoration: Option<Restoration>,
    /// Of a restoration that is not taken up yet: runs and occurrences that it must take care of.
    recovered: Recovered,
    /// Set while the clock is earlier than what is already recorded: nothing is started.
    clock_hold: Option<Hold>,
    /// Set while there is no space to record what follows: nothing is started.
    space_hold: Option<SpaceHold>,
    /// Set once freshd did not run for a while: until when what comes to light is taken for something that was so before.
    listens_until: Option<Timestamp>,
    /// The last time that this was so, and is over: from, until.
    was_full: Option<(Timestamp, Timestamp)>,
    /// Runs that wait for the clock, or for space.
    held_runs: BTreeSet<RunId>,
    /// Runs that wait for an input to be fresh.
    held_for_inputs: BTreeSet<RunId>,
    /// Claimed attempts that never started, and wait for the same.
    held_attempts: BTreeSet<AttemptId>,
    /// Very many: a table of their places takes less than one of themselves, which has room for more of them.
    jobs: IndexMap<Name, JobState>,
    /// Runs that are not final.
    runs: HashMap<RunId, Run>,
    /// Attempts that have not ended, and the last one of each run that is not final.
    attempts: HashMap<AttemptId, Attempt>,
    /// Attempts of runs that are not final whose output was refused: it is on its way into quarantine.
    refused: BTreeSet<AttemptId>,
    /// What each run that has had an attempt in this life was started with.
    started_with: HashMap<RunId, StartedWith>,
    /// What is the matter with keepers.
    keepers: Keepers,
    pools: Pools,
    data: HashMap<Name, DataState>,
    /// The published files that are looked at.
    placed: BTreeMap<Name, Arc<Placed>>,
    /// How many unfinished runs were given each version.
    pins: HashMap<VersionRef, u32>,
    /// What the machine kept freshd, or a person, from doing, be it judging or putting in place, with the number of further
    /// tries so far.
    setbacks: HashMap<Retry, usize>,
    /// The last silence of each name that ever had one.
    silences: BTreeMap<Name, Silence>,
    incidents: Register,
    /// Open incidents whose next reminder a window or a silence has put off.
    resting: BTreeSet<IncidentId>,
    /// Incidents that have begun in this step, and whose cause is not looked for yet.
    begun: Vec<IncidentId>,
    /// Whether a configuration was taken on, which may name others as the fallback.
    looks_for_fallback: bool,
    /// Whether it does: what they are to know is told together.
    is_fallback_new: bool,
    /// What is new about open incidents, and not told yet.
    news: News,
    /// Incidents that wait because a run is under way that may end them.
    mending: BTreeSet<IncidentId>,
    /// Openings that were told in the last hour and are over.
    openings: Openings,
    outbox: Outbox,
    /// What is told together in this step.
    together: Together,
    repeats: Repeats,
    weekly: Weekly,
    threads: Threads,
    /// Requests that wait for a version to be in place.
    hand_waits: HashMap<VersionRef, u64>,
    /// Requests that wait for a rehearsal to be over.
    drill_waits: HashMap<IncidentId, Vec<u64>>,
    /// Requests that wait for a run to be final.
    waits: HashMap<RunId, Vec<u64>>,
    last_run: u64,
    last_incident: u64,
    last_notification: u64,
    wakes: Wakes,
    /// What is beyond `[history]` is being forgotten.
    pruning: Option<Pruning>,
    /// What is left of a start, a reload or a confirmed clock.
    backlog: VecDeque<Todo>,
    dirty_jobs: BTreeSet<Name>,
    dirty_data: BTreeSet<Name>,
    /// Whether this life has changed in this step and is to be stored at its end.
    is_life_changed: bool,
    now: Now,
    step: Step,
}

impl Engine {
    /// Decides what follows from one event.
    pub fn handle(&mut self, now: Now, event: Event) -> Step {
        let before = std::mem::replace(&mut self.now, now);
        let event = hiding::hide(&self.settings.redactor, event);
        // Only now: a secret that was pasted with a line break in it is recognised by that.
        match cleaning::clean(event) {
            Event::Started { accepted, shortage } => self.started(accepted, shortage),
            Event::Tick => {
                self.note_sleep(before.wall);
                self.tick(JOBS_PER_TICK_MAX);
            }
            Event::ClockStepped { by_ms } => self.clock_stepped(by_ms),
            Event::Space(shortage) => self.space_changed(shortage),
            Event::Alive => self.alive(),
            Event::Stopping => self.stopping(),
            Event::AttemptStarted { id, pid, at } => self.attempt_started(id, pid, at),
            Event::AttemptEnded(exit) => self.attempt_ended(exit),
            Event::AttemptNeverStarted(id) => self.attempt_never_started(id),
            Event::AttemptRefused { id, why } => self.attempt_refused(id, why),
            Event::KeeperSilent {
                keeper,
                since,
                attempts,
                guarded,
            } => self.keeper_silent(keeper, since, attempts, guarded),
            Event::KeeperAnswers(keeper) => self.keeper_answers(keeper),
            Event::JournalDamaged { damages, attempts } => self.journal_damaged(&damages, &attempts),
            Event::AttemptFound(found) => self.attempt_found(&found),
            Event::Traced(traces) => self.traced(traces),
            Event::Restored(found) => self.restored(&found),
            Event::Backup { result } => self.backup_ended(result),
            Event::Judged { id, result } => self.judged(id, result),
            Event::Published { version, result } => self.published(&version, result),
            Event::Probed(observation) => self.probed(observation),
            Event::Sighted(sighting) => self.sighted(sighting),
            Event::Delivered { id, outcome, receipt } => self.delivered(id, outcome, receipt),
            Event::Reloaded { settings, accepted } => self.reloaded(settings, accepted),
            Event::ClockConfirmed { id, by, because, ahead } => self.clock_confirmed(id, by, because, ahead),
            Event::Decided {
                id,
                by,
                because,
                decision,
                learn,
                version,
            } => {
                let version = version.map(|mut version| {
                    version.lesson = version.lesson.filter(|_| learn);
                    *version
                });
                self.decided(id, (by, because), decision, version);
            }
            Event::ResendAsked { id, by, found } => self.resend_asked(id, &by, found),
            Event::Prune { files, asked } => self.prune(files, asked),
            Event::Aged(found) => self.aged(found),
            Event::LookedBack { until, week } => self.looked_back(until, week.as_deref().map_err(String::as_str)),
            Event::Removed { files, bytes } => self.removed(files, bytes),
            Event::Requested { id, by, request } => self.requested(id, &by, request),
        }
        self.evaluate();
        self.tell_together();
        if std::mem::take(&mut self.is_life_changed) {
            self.fact(Fact::Life(self.life.clone()));
        }
        self.newest_record_at = newest_record(self.newest_record_at, &self.step.facts);
        std::mem::take(&mut self.step)
    }

    /// When `Event::Tick` is next needed, in wall time.
    pub fn next_wake(&self, now: Now) -> Option<Timestamp> {
        if self.is_behind() {
            return Some(now.wall);
        }
        self.wakes.next(now)
    }

    /// How many jobs are due at an instant or before, but no more than are asked for.
    pub fn jobs_due_until(&self, until: Timestamp, max: usize) -> usize {
        self.wakes.jobs_until(until, max)
    }

    /// The configuration in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Decides what is due, about no more jobs than `jobs_max`.
    fn tick(&mut self, jobs_max: usize) {
        self.work_off();
        while !self.is_full()
            && let Some(retry) = self.wakes.pop_retry(self.now.boot)
        {
            match retry {
                Retry::Run(run) => self.retry_due(run),
                Retry::ByHand(version) => self.publish_by_hand_again(&version),
            }
        }
        let mut jobs = 0;
        while !self.is_full()
            && jobs < jobs_max
            && let Some(wake) = self.wakes.pop(self.now.wall)
        {
            match wake {
                Wake::Clock => self.clock_due(),
                Wake::Job(name) => {
                    self.job_due(&name);
                    jobs += 1;
                }
                Wake::Data(name) => self.data_due(&name),
                Wake::Probe(name) => self.probe_due(&name),
                Wake::Inputs(id) => self.inputs_due(id),
                Wake::Windows => self.look_at_windows(),
                Wake::Incident(id) => self.incident_due(id),
                Wake::Address(address) => self.go_on(&address),
                Wake::Notification(id) => self.notification_due(id),
                Wake::Repeat => self.repeat_due(),
                Wake::Weekly => self.weekly_due(),
            }
        }
    }

    fn alive(&mut self) {
        self.look_at_keepers();
        self.life.seen_at = self.now.wall;
        self.fact(Fact::Life(self.life.clone()));
    }

    fn stopping(&mut self) {
        self.life.seen_at = self.now.wall;
        self.life.ended_at = Some(self.now.wall);
        self.fact(Fact::Life(self.life.clone()));
    }

    fn fact(&mut self, fact: Fact) {
        self.step.facts.push(fact);
    }

    fn act(&mut self, action: Action) {
        self.step.actions.push(action);
    }

    fn new_run_id(&mut self) -> RunId {
        self.last_run += 1;
        RunId(self.last_run)
    }

    fn new_incident_id(&mut self) -> IncidentId {
        self.last_incident += 1;
        IncidentId(self.last_incident)
    }

    /// The last message that was decided; `None` before the first.
    fn last_notification_id(&self) -> Option<NotificationId> {
        (self.last_notification > 0).then_some(NotificationId(self.last_notification))
    }

    fn new_notification_id(&mut self) -> NotificationId {
        self.last_notification += 1;
        NotificationId(self.last_notification)
    }
}
