//! No job runs beside itself unless it may, and a pool has no more slots than it has.

use std::collections::BTreeMap;

use freshd::model::{AttemptId, Name};

use super::super::evidence::Did;
use super::super::fleet::{Kind, Overlap, POOL_SLOTS};
use super::{Case, Complaints};

impl Case {
    /// By the times that the jobs wrote down. One that was killed lived at least until its last word.
    pub(super) fn nothing_overlaps(&self, complaints: &mut Complaints) {
        let mut by_job = BTreeMap::<&Name, Vec<(&AttemptId, &Did)>>::new();
        let mut slots = Vec::new();
        for (id, did) in &self.evidence {
            let kind = Kind::of(&self.kinds, &did.job);
            if kind.name == "pooled" {
                // Whoever said no more than that it began held its slot for a moment.
                slots.extend([(started_ns(did), 1), (did.last_ns.max(started_ns(did) + 1), -1)]);
            }
            if kind.overlap != Overlap::Allow {
                by_job.entry(&did.job).or_default().push((id, did));
            }
        }
        for (job, mut attempts) in by_job {
            attempts.sort_by_key(|(_, did)| started_ns(did));
            for pair in attempts.windows(2) {
                let is_apart = pair[0].1.last_ns <= started_ns(pair[1].1);
                complaints.unless(is_apart, "no job runs beside itself", || format!("{job}: {pair:?}"));
            }
        }
        for (id, did) in self.evidence.iter().filter(|(id, _)| id.number > 1) {
            let before = AttemptId {
                number: id.number - 1,
                ..*id
            };
            let is_next = self
                .evidence
                .get(&before)
                .is_none_or(|before| before.last_ns <= started_ns(did));
            complaints.unless(is_next, "attempts follow each other", || format!("{id} {did:?}"));
        }
        // An end before a start at the same nanosecond.
        slots.sort_unstable();
        let mut taken = 0;
        for (at_ns, change) in slots {
            taken += change;
            let fits = usize::try_from(taken).is_ok_and(|taken| taken <= POOL_SLOTS);
            complaints.unless(fits, "a pool is not overfull", || format!("{taken} at {at_ns}"));
        }
    }
}

fn started_ns(did: &Did) -> u64 {
    did.starts.first().map_or(did.last_ns, |start| start.at_ns)
}
