//! What freshd forgets: only what is over, tells nothing any more, and is beyond the limits of the company.

use freshd::model::{
    Forgotten, IncidentState, Name, NotificationState, Outcome, Run, RunId, RunState, SlotState, VersionState,
};
use jiff::{SignedDuration, Timestamp};

use super::{Judge, Judged, Ledger, hold};
use crate::company::Keeps;

const OVER: &str = "forgets only what is over";
const BEYOND: &str = "keeps what is to be kept";
/// The clock may be set back within a round, by less than what it is no longer believed for.
const SET_BACK_MAX: SignedDuration = SignedDuration::from_hours(7);

impl Judge {
    /// Rows are forgotten at `wall`.
    pub(super) fn forgotten(&self, forgotten: &Forgotten, wall: Timestamp) -> Judged {
        let ledger = &self.ledger;
        for id in &forgotten.runs {
            let run = ledger.runs.get(id).filter(|run| run.state == RunState::Final);
            let is_told_by_another = |run: &Run| ledger.told_last(&run.job) != Some(*id);
            let is_last = ledger.runs.keys().next_back() == Some(id);
            let fine = run.filter(|run| is_told_by_another(run) && !is_last);
            hold(fine.is_some(), OVER, || format!("run {id}: {run:?}"))?;
            if let Some(run) = fine {
                let is_beyond =
                    self.is_too_old(run.ended_at.unwrap_or(run.created_at), wall) || self.is_one_too_many(run);
                hold(is_beyond, BEYOND, || format!("run {id} of {} is forgotten", run.job))?;
            }
        }
        let made = forgotten
            .runs
            .iter()
            .filter_map(|id| ledger.made_by.get(id))
            .flatten()
            .cloned();
        let unmade = forgotten
            .versions
            .iter()
            .map(|gone| (gone.dataset.clone(), gone.number));
        for key in made.chain(unmade) {
            let Some(version) = ledger.versions.get(&key) else {
                continue;
            };
            let newer = ledger.versions.range(key..).skip(1);
            let newer = newer.take_while(|((dataset, _), _)| *dataset == version.dataset);
            let published = newer.filter(|(_, newer)| newer.state == VersionState::Published);
            let is_past = match version.state {
                VersionState::Publishing => false,
                VersionState::Published => published.take(2).count() == 2,
                VersionState::Quarantined => true,
            };
            hold(is_past, OVER, || format!("{}@{}", version.dataset, version.number))?;
        }
        for key in &forgotten.slots {
            let slot = ledger.slots.get(key);
            let is_open = slot.is_none_or(|slot| matches!(slot.state, SlotState::Pending | SlotState::Late));
            hold(!is_open, OVER, || format!("the slot {key:?}"))?;
        }
        for id in &forgotten.incidents {
            let is_over = ledger
                .incidents
                .get(id)
                .is_some_and(|known| known.state == IncidentState::Resolved);
            let is_last = ledger.incidents.keys().next_back() == Some(id);
            let mut open = ledger.unresolved.values().filter_map(|id| ledger.incidents.get(id));
            let explains = open.any(|open| open.cause == Some(*id));
            let mut pending = ledger.pending.iter().filter_map(|id| ledger.notifications.get(id));
            let is_to_be_told = pending.any(|pending| pending.incident == Some(*id));
            let is_past = is_over && !is_last && !explains && !is_to_be_told;
            hold(is_past, OVER, || format!("incident {id}"))?;
        }
        for id in &forgotten.notifications {
            let known = ledger.notifications.get(id);
            let is_over = known.is_some_and(|known| known.state != NotificationState::Pending);
            hold(is_over, OVER, || format!("message {id}"))?;
        }
        for (digest, _) in &forgotten.acceptances {
            let mut going = ledger.going.values().flatten().filter_map(|id| ledger.runs.get(id));
            let is_used = going.any(|run| run.settings_digest == *digest);
            hold(!is_used, OVER, || format!("the configuration {digest}"))?;
        }
        Ok(())
    }

    fn keeps(&self) -> Keeps {
        let written = self.company.as_ref().and_then(|company| company.keeps);
        written.unwrap_or(Keeps::UNWRITTEN)
    }

    fn is_too_old(&self, at: Timestamp, wall: Timestamp) -> bool {
        let age = SignedDuration::from_hours(24 * self.keeps().days.cast_signed());
        at < wall - age + SET_BACK_MAX
    }

    fn is_one_too_many(&self, run: &Run) -> bool {
        let runs = usize::try_from(self.keeps().runs).unwrap_or(usize::MAX);
        let newest = self.ledger.newest_of(&run.job).take(runs);
        newest.filter(|id| *id > run.id).count() == runs
    }
}

impl Ledger {
    /// The runs that a job ever had, newest first.
    fn newest_of(&self, job: &Name) -> impl Iterator<Item = RunId> {
        self.by_job
            .get(job)
            .into_iter()
            .flat_map(|runs| runs.iter().rev().copied())
    }

    /// The last run of a job that tells how the job is.
    fn told_last(&self, job: &Name) -> Option<RunId> {
        self.newest_of(job).find(|id| {
            let outcome = self.runs.get(id).and_then(|run| run.outcome);
            outcome.is_some_and(|outcome| !matches!(outcome, Outcome::Missed | Outcome::Skipped | Outcome::Cancelled))
        })
    }
}
