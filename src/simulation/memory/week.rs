//! What the records say of a week, and of threads; the same as the real store reads.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Memory;
use crate::model::{
    Incident, IncidentId, IncidentState, NotificationState, Outcome, Purpose, Threaded, Week, share_of_range,
    time_without_life,
};

impl Memory {
    /// First messages of threads that may go on.
    pub(super) fn threads(&self) -> Vec<Threaded> {
        let pending = self
            .notifications
            .values()
            .filter(|one| one.state == NotificationState::Pending);
        let pending: BTreeSet<_> = pending.filter_map(|one| one.incident).collect();
        let going = |id: &IncidentId| {
            let incident = self.incidents.get(id);
            pending.contains(id) || incident.is_some_and(|incident| incident.state != IncidentState::Resolved)
        };
        let named = self.notifications.values().filter_map(Threaded::of);
        named.filter(|threaded| going(&threaded.incident)).collect()
    }

    /// What happened from `from` until `until`.
    pub fn week(&self, from: Timestamp, until: Timestamp) -> Week {
        let mut runs: BTreeMap<(String, &str), (Outcome, u64)> = BTreeMap::new();
        for run in self.runs.values() {
            if let Some(outcome) = run.outcome {
                let due = match outcome {
                    Outcome::Missed | Outcome::Skipped => run.due_at.unwrap_or(run.created_at),
                    _ => run.created_at,
                };
                let counted = match run.due_until {
                    Some(last) => share_of_range(run.occurrences, (due, last), (from, until)),
                    None => u64::from((from..until).contains(&due)),
                };
                if counted == 0 {
                    continue;
                }
                let key = (run.job.to_string(), outcome.as_str());
                runs.entry(key).or_insert((outcome, 0)).1 += counted;
            }
        }
        let of_week = |incident: &&Incident| {
            incident.drill.is_none() && incident.since < until && incident.resolved_at.is_none_or(|at| at >= from)
        };
        let taken = self.notifications.values().filter(|one| {
            one.state == NotificationState::Delivered
                && one.ended_at >= Some(from)
                && one.ended_at < Some(until)
                && one.message.purpose != Purpose::Canary
        });
        let reached: BTreeSet<_> = taken.map(|one| one.address.clone()).collect();
        Week {
            runs: runs
                .into_iter()
                .map(|((job, _), (outcome, count))| (job.as_str().into(), outcome, count))
                .collect(),
            incidents: self.incidents.values().filter(of_week).cloned().collect(),
            reached: reached.into_iter().collect(),
            down: time_without_life(&self.lives.values().rev().cloned().collect::<Vec<_>>(), from, until),
        }
    }
}
