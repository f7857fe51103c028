//! Silences, rehearsals and what comes and goes: nobody is told in between, and nothing is left untold behind it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use freshd::model::{About, Incident, IncidentId, Name, Notification, NotificationState, Purpose, Silence};
use jiff::{SignedDuration, Timestamp};

use super::{Judged, Ledger, hold};
use crate::faults::SILENCES_HOURS;

const SILENCED: &str = "silenced";
const FLAPPING: &str = "flapping";
const DRILL: &str = "drill";

/// Openings of one thing that may be told within an hour: two, and one that says that it flaps.
const OPENINGS_MAX: usize = 3;
/// A little less than an hour, so that what lies exactly one apart is not argued about.
const AN_HOUR: Duration = Duration::from_mins(59);

/// What is known of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Quiet {
    /// The last of each name.
    silences: BTreeMap<Name, Silence>,
    /// The incidents of which people were told last, by what they are about, in time of the world.
    openings: HashMap<(About, Name), VecDeque<(Duration, IncidentId)>>,
}

impl Quiet {
    /// The clock does not go on from where it was: an hour of it is no hour any more.
    pub(super) fn clock_set(&mut self) {
        self.openings.clear();
    }

    /// A silence is stored: it is one that somebody asked for.
    pub(super) fn silence(&mut self, silence: &Silence) -> Judged {
        let before = self.silences.insert(silence.subject.clone(), silence.clone());
        let lasts = silence.until.duration_since(silence.from);
        let is_asked_for = silence.by == "anna" && SILENCES_HOURS.map(SignedDuration::from_hours).contains(&lasts);
        hold(is_asked_for, SILENCED, || format!("nobody asked for {silence:?}"))?;
        let is_next = before.is_none_or(|before| {
            let is_same = before.number == silence.number && before.ended.is_none();
            // It is dated anew when a clock is confirmed, also when it is over.
            let is_redated = before.number == silence.number && before.from > silence.from;
            is_same || is_redated || before.number + 1 == silence.number
        });
        hold(is_next, SILENCED, || format!("{silence:?} changes what was over"))
    }

    /// The silence that stands over an incident at an instant.
    pub(super) fn over(&self, incident: &Incident, wall: Timestamp) -> Option<&Silence> {
        let silence = self.silences.get(&incident.subject)?;
        let is_concerned = incident.about != About::Freshd && incident.drill.is_none();
        (is_concerned && silence.stands(wall)).then_some(silence)
    }

    /// For how long an incident has been waiting since a silence ended, if it may wait at all.
    pub(super) fn waits(&self, incident: &Incident, wall: Timestamp) -> Option<Duration> {
        let Some(silence) = self.silences.get(&incident.subject) else {
            return Some(Duration::MAX);
        };
        let since = wall.duration_since(silence.over_at());
        Duration::try_from(since).ok()
    }

    /// A message is stored that was not there before.
    pub(super) fn told(&mut self, told: &Notification, ledger: &Ledger, elapsed: Duration) -> Judged {
        let Some(incident) = told.incident.and_then(|id| ledger.incidents.get(&id)) else {
            return Ok(());
        };
        // Whoever stands in for somebody gets what was to be told before, also in the words of now.
        let is_new = told.message.at == told.created_at && !self.was_decided_before(told, incident, ledger);
        let purpose = told.message.purpose;
        let rests = matches!(
            purpose,
            Purpose::Opening | Purpose::Update | Purpose::Reminder | Purpose::Escalation
        );
        let over = self.over(incident, told.message.at).filter(|_| is_new && rests);
        hold(over.is_none(), SILENCED, || {
            format!("{:?} of incident {} although {over:?}", purpose, incident.id)
        })?;
        if incident.drill.is_some() {
            let is_marked = told.message.stem().starts_with("[DRILL]") && told.message.headline.starts_with("[DRILL]");
            return hold(is_marked, DRILL, || {
                format!("{:?} does not say that it is a drill", told.message)
            });
        }
        if purpose != Purpose::Opening || !is_new || incident.about == About::Freshd {
            return Ok(());
        }
        let openings = self
            .openings
            .entry((incident.about, incident.subject.clone()))
            .or_default();
        openings.retain(|(at, _)| elapsed.saturating_sub(*at) < AN_HOUR);
        if openings.iter().all(|(_, id)| *id != incident.id) {
            openings.push_back((elapsed, incident.id));
        }
        hold(openings.len() <= OPENINGS_MAX, FLAPPING, || {
            format!("{} is told again and again: {openings:?}", incident.subject)
        })?;
        let must_flap = openings.len() == OPENINGS_MAX;
        hold(!must_flap || incident.flapping.is_some(), FLAPPING, || {
            format!("incident {} does not say that it comes and goes", incident.id)
        })
    }

    /// Whether a message says in somebody's stead what was written for that team before a silence began, and not taken.
    fn was_decided_before(&self, told: &Notification, incident: &Incident, ledger: &Ledger) -> bool {
        let Some(team) = &told.message.stands_in_for else {
            return false;
        };
        let since = self.silences.get(&incident.subject).map(|silence| silence.from);
        let is_it = |other: &Notification| {
            let is_untaken = other.state == NotificationState::Dead || other.tries > 0;
            let is_same = other.incident == told.incident && other.message.purpose == told.message.purpose;
            is_untaken && is_same && other.message.team == *team && Some(other.message.at) < since
        };
        ledger.notifications.values().any(is_it)
    }

    /// What was well for long enough is over, and so is a rehearsal whose time is.
    pub(super) fn all_over(ledger: &Ledger, wall: Timestamp) -> Judged {
        let open = ledger.unresolved.values().chain(&ledger.drills);
        for incident in open.filter_map(|id| ledger.incidents.get(id)) {
            let well_until = incident.flapping.as_ref().and_then(|flapping| {
                let hours = if flapping.good >= 2 { 1 } else { 24 };
                Some(flapping.well_since? + SignedDuration::from_hours(hours))
            });
            hold(well_until.is_none_or(|until| wall <= until), FLAPPING, || {
                format!("incident {} was well for long, and is not over", incident.id)
            })?;
            let until = incident.drill.as_ref().map(|drill| drill.until);
            hold(until.is_none_or(|until| wall <= until), DRILL, || {
                format!("drill {} is not over", incident.id)
            })?;
        }
        Ok(())
    }
}
