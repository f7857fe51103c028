//! When each job last succeeded. The daemon knows only how a job's last run ended; the rest is asked of the store, and
//! remembered until the job has run again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::answer::Trouble;
use super::desk::Desk;
use crate::model::{Name, Outcome, RunId, Status};

/// Jobs of which the store is asked for one answer; of more, the next answers tell.
const ASKED_MAX: usize = 500;

/// What is known of a job.
#[derive(Clone, Copy)]
struct Known {
    /// Up to this run.
    run: RunId,
    /// When the last one that succeeded has ended; `None` where none has, as far as was looked back.
    succeeded_at: Option<Timestamp>,
}

/// What is known of each job.
#[derive(Default)]
pub(super) struct Successes(Mutex<HashMap<String, Known>>);

impl Successes {
    /// When each job last succeeded, as far as it is known.
    pub(super) async fn of(&self, desk: &Arc<Desk>, status: &Status) -> Result<HashMap<String, Timestamp>, Trouble> {
        let to_ask = self.look_at(status);
        let found = desk.read(move |reader| {
            let ask = |(job, known, run): (String, Option<Known>, RunId)| {
                let after = known.map(|known| known.run);
                let newer = reader.last_success_of(&Name::from(job.as_str()), after)?;
                let succeeded_at = newer.or(known.and_then(|known| known.succeeded_at));
                Ok((job, Known { run, succeeded_at }))
            };
            to_ask.into_iter().map(ask).collect::<Result<Vec<_>, _>>()
        });
        let found = found.await?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(found);
        let succeeded = all
            .iter()
            .filter_map(|(job, known)| Some((job.clone(), known.succeeded_at?)));
        Ok(succeeded.collect())
    }

    /// Remembers what the status says, and gives those of which it does not say enough: with what is known, and up to which
    /// run it will be.
    fn look_at(&self, status: &Status) -> Vec<(String, Option<Known>, RunId)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *all);
        let mut to_ask = Vec::new();
        for job in &status.jobs {
            let Some(last) = &job.last else { continue };
            let run = RunId(last.run);
            let known = before.remove(&job.name);
            if last.outcome == Some(Outcome::Succeeded) {
                let succeeded_at = last.ended_at;
                all.insert(job.name.clone(), Known { run, succeeded_at });
                continue;
            }
            all.extend(known.map(|known| (job.name.clone(), known)));
            if known.is_none_or(|known| known.run != run) && to_ask.len() < ASKED_MAX {
                to_ask.push((job.name.clone(), known, run));
            }
        }
        to_ask
    }
}
