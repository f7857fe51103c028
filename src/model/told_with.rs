//! With which incidents another was told, and when: what explains it may change, and may be over before it is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Address, AddressState, Heard, HeardOne, Incident, IncidentId, Name, Notification, NotificationState, Purpose,
    Reach, Told,
};

/// Of many such times an incident remembers the last.
const TOLD_WITH_MAX: usize = 20;

/// A time in which an incident was told with what explained it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldWith {
    /// What explained it.
    pub cause: IncidentId,
    /// From when.
    #[schemars(with = "super::Instant")]
    pub from: Timestamp,
    /// Until when, unless it still does.
    #[schemars(with = "Option<super::Instant>")]
    pub until: Option<Timestamp>,
}

impl ToldWith {
    /// Whether what was written then about the cause tells of what it explained: not its end, by which nobody hears that
    /// anything is wrong.
    fn covers(&self, written_at: Timestamp, purpose: Purpose) -> bool {
        let is_then = written_at >= self.from && self.until.is_none_or(|until| written_at <= until);
        is_then && purpose != Purpose::Recovery
    }
}

impl Incident {
    /// From now on another incident explains it, and it is told with that.
    pub fn attach_to(&mut self, cause: IncidentId, now: Timestamp) {
        self.end_told_with(now);
        self.cause = Some(cause);
        self.told_with.push(ToldWith {
            cause,
            from: now,
            until: None,
        });
        let too_many = self.told_with.len().saturating_sub(TOLD_WITH_MAX);
        self.told_with.drain(..too_many);
    }

    /// From now on nothing explains it.
    pub fn detach(&mut self, now: Timestamp) {
        self.cause = None;
        self.end_told_with(now);
    }

    /// From now on nothing about what explains it tells of it: it is over, or stands alone.
    pub fn end_told_with(&mut self, now: Timestamp) {
        if let Some(last) = self.told_with.last_mut().filter(|last| last.until.is_none()) {
            last.until = Some(now.max(last.from));
        }
    }

    /// With what it was told, each once.
    pub fn told_with_causes(&self) -> Vec<IncidentId> {
        let mut causes: Vec<IncidentId> = self.told_with.iter().map(|span| span.cause).collect();
        causes.sort_unstable();
        causes.dedup();
        causes
    }

    /// Whether what was written then about that cause tells of this, too.
    fn is_told_by(&self, cause: IncidentId, written_at: Timestamp, purpose: Purpose) -> bool {
        let mut with_it = self.told_with.iter().filter(|span| span.cause == cause);
        with_it.any(|span| span.covers(written_at, purpose))
    }
}

/// Who has heard of an incident with what explained it, by the messages about that which tell of this one, too. Windows and
/// the daemon say the same of it, whatever has become of its causes since.
#[derive(Debug)]
pub struct HeardWith<'a> {
    incident: &'a Incident,
    by_address: BTreeMap<(Name, Address), HeardThere<'a>>,
}

/// What one team has heard so at one of its addresses.
#[derive(Debug, Default)]
struct HeardThere<'a> {
    ended: Vec<HeardOne>,
    /// The first that is on its way, by the order of what it was told with.
    waiting: Option<&'a Notification>,
}

impl<'a> HeardWith<'a> {
    /// Nobody so far.
    pub fn new(incident: &'a Incident) -> Self {
        Self {
            incident,
            by_address: BTreeMap::new(),
        }
    }

    /// A message about one of its causes was taken or given up by an address, for a team.
    pub fn note_ended(&mut self, cause: IncidentId, (team, address): (&Name, &Address), one: &HeardOne) {
        if self.incident.is_told_by(cause, one.written_at, one.purpose) {
            let whom = (team.clone(), address.clone());
            self.by_address.entry(whom).or_default().ended.push(one.clone());
        }
    }

    /// A message about one of its causes is on its way; the oldest first.
    pub fn note_waiting(&mut self, cause: IncidentId, waiting: &'a Notification) {
        if self
            .incident
            .is_told_by(cause, waiting.created_at, waiting.message.purpose)
        {
            let whom = (waiting.told_for().clone(), waiting.address.clone());
            self.by_address.entry(whom).or_default().waiting.get_or_insert(waiting);
        }
    }

    /// A message about one of its causes, as it is on record; the oldest first.
    pub fn note(&mut self, cause: IncidentId, message: &'a Notification) {
        if let Some(told) = Told::of(message) {
            self.note_ended(cause, (&told.team, &told.address), &HeardOne::from(&told));
        } else if message.state == NotificationState::Pending {
            self.note_waiting(cause, message);
        }
    }

    /// For each team at each of its addresses what has ended there, and the oldest that waits.
    pub fn by_address(self) -> impl Iterator<Item = ((Name, Address), Heard, Option<&'a Notification>)> {
        self.by_address.into_iter().map(|(whom, mut there)| {
            there.ended.sort_by_key(|one| (one.at, one.written_at));
            let mut heard = Heard::default();
            for one in there.ended {
                heard.note_one(one);
            }
            (whom, heard, there.waiting)
        })
    }
}

/// Who was reached, as `told` has it: `team by address`.
pub fn reached(addresses: &[AddressState]) -> Vec<String> {
    let told = addresses.iter().filter(|one| one.state == Reach::Told);
    told.map(|one| format!("{} by {}", one.reader(one.team.as_str()), one.to))
        .collect()
}
