//! What must be over at the end of a world that was quiet for long.

use freshd::model::RunState;
use freshd::simulation::Moment;
use jiff::SignedDuration;

use super::{Judge, Judged, hold};

impl Judge {
    /// At the end of a world that was quiet for long: nothing is left hanging.
    pub(crate) fn finish(&mut self, at: Moment) {
        if self.violation.is_none()
            && let Err(violation) = self.all_over(at)
        {
            self.violation = Some((at.elapsed, violation));
        }
    }

    fn all_over(&self, at: Moment) -> Judged {
        let old = at.now.wall - SignedDuration::from_hours(3 * 24);
        for run in self
            .ledger
            .going
            .values()
            .flatten()
            .filter_map(|id| self.ledger.runs.get(id))
        {
            let is_young = run.created_at > old || run.state == RunState::Running && self.processes.lives(run);
            hold(is_young, "every run ends", || {
                format!("run {} of {} is still {:?}", run.id, run.job, run.state)
            })?;
        }
        let old = at.now.wall - SignedDuration::from_hours(5 * 24);
        for notification in self
            .ledger
            .pending
            .iter()
            .filter_map(|id| self.ledger.notifications.get(id))
        {
            hold(notification.created_at > old, "told at least once", || {
                format!(
                    "message {} to {} is neither delivered nor dead",
                    notification.id, notification.address
                )
            })?;
        }
        let mut unused = self.ledger.addresses.difference(&self.ledger.addresses_in_use);
        let pending = || {
            self.ledger
                .pending
                .iter()
                .filter_map(|id| self.ledger.notifications.get(id))
        };
        let left = unused.find(|address| pending().all(|one| one.address != **address));
        hold(left.is_none(), "an address that is gone is forgotten", || {
            format!("how {left:?} stands is still on record")
        })
    }
}
