//! An incident that is told with its cause: while that is no news to anybody, it is not told at all.

use std::collections::HashMap;
use std::time::Duration;

use freshd::model::{Incident, IncidentId, IncidentState, NotificationId};
use jiff::Timestamp;

use super::quiet::Quiet;
use super::{Judged, Ledger, NOTICED_WITHIN, hold};

const TOLD_WITH_CAUSE: &str = "told with its cause";

/// The team that answers for everything.
const OWNER: &str = "ops";

/// What is known of those that are attached.
#[derive(Clone, Debug, Default)]
pub(super) struct Attached {
    /// The last message before the step that is stored now.
    last_before: Option<NotificationId>,
    /// The cause of each, the last message before it was attached to that, and when it was.
    since: HashMap<IncidentId, (Option<IncidentId>, Option<NotificationId>, Timestamp)>,
    /// Since when each is told by nothing, in time of the world.
    untold: HashMap<IncidentId, Duration>,
}

impl Attached {
    /// A step is about to be stored.
    pub(super) fn step(&mut self, ledger: &Ledger) {
        self.last_before = ledger.notifications.keys().next_back().copied();
    }

    /// An incident is stored.
    pub(super) fn incident(&mut self, incident: &Incident, wall: Timestamp) {
        if incident.state != IncidentState::Attached {
            self.since.remove(&incident.id);
            self.untold.remove(&incident.id);
            return;
        }
        let since = self.since.entry(incident.id).or_insert((None, None, wall));
        if since.0 != incident.cause {
            *since = (incident.cause, self.last_before, wall);
        }
    }

    /// Whoever answers for an attached incident has heard of its cause since, or hears of it while that is open, is not
    /// silenced and is wrong.
    pub(super) fn all_told(&mut self, ledger: &Ledger, quiet: &Quiet, elapsed: Duration, wall: Timestamp) -> Judged {
        for incident in self.since.keys().filter_map(|id| ledger.incidents.get(id)) {
            let cause = incident.cause.and_then(|cause| ledger.incidents.get(&cause));
            if is_quiet(incident, quiet, wall)
                || cause.is_some_and(|cause| self.tells(incident, cause, ledger, quiet, wall))
            {
                self.untold.remove(&incident.id);
                continue;
            }
            let since = *self.untold.entry(incident.id).or_insert(elapsed);
            hold(elapsed.saturating_sub(since) < NOTICED_WITHIN, TOLD_WITH_CAUSE, || {
                format!(
                    "incident {} about {} is told with nothing: {cause:?}",
                    incident.id, incident.subject
                )
            })?;
        }
        Ok(())
    }

    fn tells(&self, incident: &Incident, cause: &Incident, ledger: &Ledger, quiet: &Quiet, wall: Timestamp) -> bool {
        match cause.state {
            // When it is told is judged with the others that wait.
            IncidentState::Open | IncidentState::Waiting if !is_quiet(cause, quiet, wall) => return true,
            IncidentState::Open => {}
            IncidentState::Waiting | IncidentState::Attached | IncidentState::Resolved => return false,
        }
        let Some((_, before, at)) = self.since.get(&incident.id) else {
            return false;
        };
        let mut told = ledger.notifications.iter().rev();
        told.any(|(id, told)| {
            // What was decided in the same instant knows of it, too.
            let is_since = Some(*id) > *before || told.created_at == *at;
            is_since && told.incident == Some(cause.id) && told.told_for().as_str() == OWNER
        })
    }
}

/// Whether nobody is told of an incident now: somebody has silenced it, or it is well for a while.
fn is_quiet(incident: &Incident, quiet: &Quiet, wall: Timestamp) -> bool {
    incident.well_since().is_some() || quiet.over(incident, wall).is_some()
}
