//! What each team has heard of an incident at each of its addresses, and the fallback that stands in while a team hears
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Engine;
use super::outbox::Outbox;
use crate::alerting::retry::STAND_IN_AFTER;
use crate::model::{
    Address, AddressState, Heard, HeardWith, IMPACT_THREAD, Incident, IncidentId, Name, Notification, Purpose, Reach,
    Told, format_time, later,
};

/// What has been heard of one incident at one address.
#[derive(Clone, Debug, Default)]
pub(super) struct HeardAt {
    /// By each team that is told there: what one of them has taken, another has not.
    by_team: BTreeMap<Name, Heard>,
    /// The subject of the first message of each thread, whoever it was for.
    subjects: BTreeMap<String, String>,
    /// The threads of which something was taken, be it a line of a digest, with the teams that it was for.
    reached: BTreeMap<String, BTreeSet<Name>>,
    /// Those of which a message of its own was taken.
    taken: BTreeSet<String>,
}

/// Why an address of a team has not taken what waits for it.
enum Hindrance {
    /// What it last answered.
    Error(String),
    /// It gets digests, the next one then.
    Pace(Timestamp),
}

impl Hindrance {
    fn words(&self, zone: &TimeZone) -> String {
        match self {
            Self::Error(error) => error.clone(),
            Self::Pace(at) => format!("gets what waits for it in one, next at {}", format_time(*at, zone)),
        }
    }
}

/// The subjects by which the threads of one incident were begun, wherever that was, and when: of the owner's thread one; of
/// that of those downstream one for each team, since each has data of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Stems(BTreeMap<(String, Option<Name>), (Timestamp, String)>);

/// Under which of the subjects a message for a team belongs.
fn stem_of(thread: &str, team: &Name) -> (String, Option<Name>) {
    let of_team = thread.ends_with(IMPACT_THREAD).then(|| team.clone());
    (thread.to_owned(), of_team)
}

impl Outbox {
    /// One more message was taken or given up; the newest last.
    pub(super) fn note_told(&mut self, told: &Told) {
        let of_incident = self.heard.entry(told.incident).or_default();
        let there = of_incident.entry(told.address.clone()).or_default();
        let subject = there.subjects.entry(told.thread.clone());
        subject.or_insert_with(|| told.subject.clone());
        if told.given_up.is_none() {
            let reached = there.reached.entry(told.thread.clone()).or_default();
            reached.insert(told.team.clone());
            if !told.in_digest {
                there.taken.insert(told.thread.clone());
            }
        }
        there.by_team.entry(told.team.clone()).or_default().note(told);
        let stems = self.stems.entry(told.incident).or_default();
        let begun = (told.written_at, told.subject.clone());
        let first = stems.0.entry(stem_of(&told.thread, &told.team)).or_insert(begun);
        if told.written_at < first.0 {
            *first = (told.written_at, told.subject.clone());
        }
    }

    pub(super) fn heard(&self, team: &Name, incident: IncidentId, address: &Address) -> Option<&Heard> {
        self.heard.get(&incident)?.get(address)?.by_team.get(team)
    }

    /// Whether a message for a team that was written then or later was taken by an address, or is on its way to it.
    pub(super) fn is_told_since(&self, team: &Name, incident: IncidentId, address: &Address, since: Timestamp) -> bool {
        let taken = self.heard(team, incident, address).and_then(|heard| heard.written_at);
        let line = (incident, address.clone());
        let mut theirs = self.line(&line).filter(|waiting| waiting.told_for() == team);
        taken.is_some_and(|at| at >= since) || theirs.any(|waiting| waiting.created_at >= since)
    }

    /// The messages that were written for a team then or later, and were taken or given up by an address, or are on their way
    /// to it: when they were, and for what.
    pub(super) fn written_since(
        &self,
        (team, address): (&Name, &Address),
        incident: IncidentId,
        since: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Purpose)> {
        let heard = self.heard(team, incident, address).into_iter();
        let ended = heard.flat_map(|heard| &heard.each);
        let ended = ended
            .filter(move |one| one.written_at >= since)
            .map(|one| (one.written_at, one.purpose));
        let waiting = self.waiting_at(incident, address);
        let waiting = waiting.filter(move |one| one.told_for() == team && one.created_at >= since);
        ended.chain(waiting.map(|one| (one.created_at, one.message.purpose)))
    }

    /// The subject by which the first message of a thread was taken or given up.
    pub(super) fn subject_of(&self, incident: IncidentId, address: &Address, thread: &str) -> Option<&String> {
        self.heard.get(&incident)?.get(address)?.subjects.get(thread)
    }

    /// The subject by which a thread was begun at whatever address, be it that its first message waits.
    pub(super) fn first_subject(&self, incident: IncidentId, thread: &str, team: &Name) -> Option<&String> {
        let stem = stem_of(thread, team);
        let told = self.stems.get(&incident).and_then(|stems| stems.0.get(&stem));
        let told = told.map(|(at, subject)| (*at, subject));
        let waiting = self.waiting_of(incident).filter(|waiting| {
            let message = &waiting.message;
            message.thread == thread && stem_of(thread, waiting.told_for()) == stem
        });
        let waiting = waiting.map(|waiting| (waiting.created_at, &waiting.message.subject));
        let first = told.into_iter().chain(waiting).min_by_key(|(at, _)| *at)?;
        Some(first.1)
    }

    /// Whether a message of a thread was taken by an address, other than as a line of a digest.
    pub(super) fn has_taken(&self, incident: IncidentId, address: &Address, thread: &str) -> bool {
        let there = self.heard.get(&incident).and_then(|heard| heard.get(address));
        there.is_some_and(|there| there.taken.contains(thread))
    }

    /// Whether what an address knows of an incident are lines of digests alone.
    pub(super) fn is_known_by_digest(&self, incident: IncidentId, address: &Address) -> bool {
        let there = self.heard.get(&incident).and_then(|heard| heard.get(address));
        there.is_some_and(|there| there.taken.is_empty() && !there.reached.is_empty())
    }

    /// Whether somebody was reached at an address by a message of a thread, be it by a line of a digest.
    pub(super) fn is_known_at(&self, incident: IncidentId, address: &Address, thread: &str) -> bool {
        let there = self.heard.get(&incident).and_then(|heard| heard.get(address));
        there.is_some_and(|there| there.reached.contains_key(thread))
    }

    /// Whether a team was reached at an address by a message of a thread that was for it, be it by a line of a digest.
    pub(super) fn is_known_to(&self, team: &Name, incident: IncidentId, address: &Address, thread: &str) -> bool {
        let there = self.heard.get(&incident).and_then(|heard| heard.get(address));
        let teams = there.and_then(|there| there.reached.get(thread));
        teams.is_some_and(|teams| teams.contains(team))
    }

    /// Adds what has been heard of a cause to what has been heard of something that was told with it.
    fn add_heard<'a>(&'a self, cause: IncidentId, heard_with: &mut HeardWith<'a>) {
        for (address, there) in self.heard.get(&cause).into_iter().flatten() {
            for (team, heard) in &there.by_team {
                let each = heard.each.iter();
                each.for_each(|one| heard_with.note_ended(cause, (team, address), one));
            }
        }
        let waiting = self.waiting_of(cause);
        waiting.for_each(|one| heard_with.note_waiting(cause, one));
    }

    fn forget_heard(&mut self, incident: IncidentId) {
        self.heard.remove(&incident);
        self.stems.remove(&incident);
    }
}

impl Engine {
    /// A message was taken or given up. Of what is over this counts while something of it is on its way, or goes on that was
    /// told with it.
    pub(super) fn note_heard(&mut self, notification: &Notification) {
        if let Some(told) = Told::of(notification).filter(|told| self.is_heard_kept(told.incident)) {
            self.outbox.note_told(&told);
        }
    }

    /// Whether it is still asked what was heard of an incident.
    fn is_heard_kept(&self, id: IncidentId) -> bool {
        self.incidents.get(id).is_some() || self.outbox.is_anything_waiting(id) || self.incidents.was_told_with(id)
    }

    /// What was heard of an incident is forgotten with the last that asks for it.
    pub(super) fn forget_heard_of(&mut self, id: IncidentId) {
        if !self.is_heard_kept(id) {
            self.outbox.forget_heard(id);
        }
    }

    /// How every team that was to be told of an incident stands at each of its addresses; of what is told with its causes, by
    /// the messages about those which tell of it.
    pub(super) fn addresses_told(&self, incident: &Incident) -> Vec<AddressState> {
        let record = |address: &Address| Some(self.outbox.by_address.get(address)?.record(address));
        let none = Heard::default();
        let of_address = |(team, address): &(Name, Address)| {
            let heard = self.outbox.heard(team, incident.id, address).unwrap_or(&none);
            let waiting = self.outbox.first_waiting_for(team, incident.id, address);
            AddressState::new(team, address, heard, waiting, record(address).as_ref())
        };
        let own: Vec<AddressState> = incident.told.iter().filter_map(of_address).collect();
        if !own.is_empty() {
            return own;
        }
        let mut with_causes = HeardWith::new(incident);
        for cause in incident.told_with_causes() {
            self.outbox.add_heard(cause, &mut with_causes);
        }
        let states = with_causes
            .by_address()
            .filter_map(|((team, address), heard, waiting)| {
                AddressState::new(&team, &address, &heard, waiting, record(&address).as_ref())
            });
        states.collect()
    }

    /// Where no address has taken anything of an incident that was told for who answers for it, those of the fallback aside,
    /// which stands in: what those that have answered said, each with its address. Who only reads it need not answer.
    pub(super) fn nobody_heard(&self, incident: &Incident) -> Option<String> {
        let cause = incident.cause.and_then(|cause| self.incidents.get(cause));
        let incident = cause.unwrap_or(incident);
        let mut addresses = self.addresses_told(incident);
        let (owner, _) = self.owner_of(incident);
        let stands_in = |to: &str| self.settings.fallback.iter().any(|address| address.to_string() == to);
        addresses.retain(|address| address.team == owner && !stands_in(&address.to));
        let nobody_knows = !addresses.is_empty() && addresses.iter().all(|address| address.state != Reach::Told);
        let said = |address: &AddressState| Some(format!("{}: {}", address.to, address.error.as_ref()?));
        let said: Vec<String> = addresses.iter().filter_map(said).collect();
        nobody_knows.then(|| said.join("; "))
    }

    /// When the fallback is to stand in for what is still not taken then.
    pub(super) fn stands_in_at(notification: &Notification) -> Option<Timestamp> {
        let is_news = match notification.message.purpose {
            Purpose::Opening | Purpose::Update | Purpose::Impact | Purpose::Escalation => true,
            // Whoever is reminded knows, and what is over harms nobody any more.
            Purpose::Reminder
            | Purpose::Recovery
            | Purpose::Digest
            | Purpose::Weekly
            | Purpose::Canary
            | Purpose::Test => false,
        };
        is_news.then(|| later(notification.created_at, STAND_IN_AFTER))
    }

    /// A message was tried and not taken. When its team has heard nothing since it was written, for as long as a
    /// person may be left without it, the fallback hears of it; the tries go on.
    pub(super) fn stand_in(&mut self, notification: &Notification) {
        let now = self.now.wall;
        let is_time = Self::stands_in_at(notification).is_some_and(|at| at <= now);
        let incident = notification.incident.and_then(|id| self.incidents.get(id));
        // What is over but for its end harms nobody any more; of what it broke those downstream are still to know.
        let is_over = |incident: &&Incident| incident.ends_by().is_some() && !notification.message.is_impact();
        let Some(incident) = incident.filter(|incident| is_time && !is_over(incident)) else {
            return;
        };
        let addresses = self.told_with(incident, notification);
        let team = notification.told_for();
        let has_heard = |address: &Address| {
            let heard = self.outbox.heard(team, incident.id, address);
            heard.is_some_and(|heard| heard.last_at >= Some(notification.created_at))
        };
        // Whoever stood in before an edit of jobs.toml does not any more.
        if addresses.iter().any(|it| self.is_told_at(team, it) && has_heard(it)) {
            return;
        }
        let hindered: Vec<(&Address, Hindrance)> = addresses
            .iter()
            .filter_map(|address| {
                let by_pace = || self.outbox.next_digest_at(address).map(Hindrance::Pace);
                let error = self.last_error(team, incident.id, address).map(Hindrance::Error);
                Some((address, error.or_else(by_pace)?))
            })
            .collect();
        let is_reached = self.outbox.outage_error(&notification.address).is_none() && notification.tries == 0;
        let what = if is_reached { "this has not" } else { "nothing has" };
        let why = |zone: &TimeZone| {
            let why = hindered
                .iter()
                .map(|(address, why)| format!("{address}: {}", why.words(zone)));
            format!(
                "{}, whom {what} reached since {} ({})",
                notification.message.team,
                format_time(notification.created_at, zone),
                why.collect::<Vec<_>>().join("; ")
            )
        };
        self.fall_back(notification, &why);
    }

    /// The addresses of a team that are told the same: any one of them is enough.
    fn told_with(&self, incident: &Incident, notification: &Notification) -> Vec<Address> {
        let team = notification.told_for();
        if notification.message.purpose == Purpose::Escalation
            && let Some(team) = self.settings.teams.get(team)
        {
            let steps = team.escalate.iter().map(|step| &step.notify);
            let same = steps.filter(|notify| notify.contains(&notification.address));
            return same.flatten().cloned().collect();
        }
        let of_team = incident.told.iter().filter(|(told, _)| told == team);
        of_team.map(|(_, address)| address.clone()).collect()
    }

    fn last_error(&self, team: &Name, incident: IncidentId, address: &Address) -> Option<String> {
        let waiting = self.outbox.first_waiting_for(team, incident, address);
        let said = waiting.and_then(|waiting| waiting.last_error.clone());
        let given_up = |heard: &Heard| heard.given_up.as_ref().map(|(_, error)| error.clone());
        let outage = || self.outbox.outage_error(address).map(str::to_owned);
        said.or_else(outage)
            .or_else(|| self.outbox.heard(team, incident, address).and_then(given_up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_team_has_heard_of_a_thread_is_told_apart_from_what_others_or_other_threads_have_had() {
        let mut outbox = Outbox::default();
        let incident = IncidentId(1);
        let address = Address {
            channel: "mail".into(),
            to: Some("quay@sea.example".to_owned()),
        };
        let at = Timestamp::UNIX_EPOCH;
        for (team, thread, given_up) in [
            ("sales", "first", None),
            ("quay", "second", None),
            ("quay", "third", Some("550".to_owned())),
        ] {
            outbox.note_told(&Told {
                incident,
                address: address.clone(),
                at,
                written_at: at,
                given_up,
                thread: thread.to_owned(),
                subject: thread.to_owned(),
                team: team.into(),
                in_digest: false,
                purpose: Purpose::Opening,
                in_stead: false,
            });
        }
        let is_known_to = |team: &str, thread| outbox.is_known_to(&team.into(), incident, &address, thread);
        assert!(is_known_to("sales", "first") && is_known_to("quay", "second"));
        assert!(!is_known_to("quay", "first"), "another team took that");
        assert!(!is_known_to("sales", "second"), "it took another thread");
        assert!(!is_known_to("quay", "third"), "that was given up");
    }
}
