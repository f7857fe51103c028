//! How far back is kept at one instant, and which output there is too much of.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::model::{
    DOWNTIME_LONG, HistoryLimit, HistoryLimits, Keep, Limit, LogsForgotten, Name, RunId, Settings, earlier, elapsed,
};

/// The limits of a configuration at `now`.
///
/// A clock that leapt forward may be years ahead, and all that is true would be too old by it: nothing is, until people
/// had a day to see it. `leaps` are the instants at which it leapt; one that is still to come was taken back.
pub fn history_limits(settings: &Settings, now: Timestamp, leaps: &[Timestamp]) -> HistoryLimits {
    let may_be_wrong = |leap: &Timestamp| *leap <= now && elapsed(*leap, now) < DOWNTIME_LONG;
    let ages_are_told = !leaps.iter().any(may_be_wrong);
    let limit = |keep: &Keep| Limit {
        before: if ages_are_told {
            earlier(now, keep.age)
        } else {
            Timestamp::MIN
        },
        runs: keep.runs,
        log_bytes: keep.log_bytes,
    };
    let own = |name: &Name, keep: &Option<Keep>| Some((name.clone(), limit(keep.as_ref()?)));
    HistoryLimits {
        each: limit(&settings.history.each),
        jobs: settings
            .jobs
            .iter()
            .filter_map(|(name, job)| own(name, &job.policy.history))
            .collect(),
        keep_versions: settings
            .datasets
            .iter()
            .map(|(name, dataset)| (name.clone(), dataset.keep_versions))
            .collect(),
        all_log_bytes: settings.history.all_log_bytes,
    }
}

/// The output of one run, as it lies on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOutput {
    /// The run.
    pub run: RunId,
    /// Bytes, of all its attempts.
    pub bytes: u64,
}

/// Until which run the output of each job has to go, so that what is left of each, and of all together, is within the
/// limits. The newest output of a job stays, however large it is.
pub fn logs_beyond(limits: &HistoryLimits, outputs: &[(Name, Vec<RunOutput>)]) -> Vec<LogsForgotten> {
    let mut until: HashMap<usize, (RunId, HistoryLimit)> = HashMap::new();
    let mut left: Vec<(RunId, usize, u64)> = Vec::new();
    let (mut bytes, mut newest) = (0_u64, Vec::new());
    for (place, (job, of_job)) in outputs.iter().enumerate() {
        let mut of_job = of_job.clone();
        of_job.sort_by_key(|output| std::cmp::Reverse(output.run));
        let limit = limits.of(job).log_bytes;
        let mut kept = 0_u64;
        for (age, output) in of_job.iter().enumerate() {
            kept = kept.saturating_add(output.bytes);
            if age == 0 {
                newest.push(output.run);
            } else if kept > limit {
                until.insert(place, (output.run, HistoryLimit::Logs));
                break;
            }
            bytes = bytes.saturating_add(output.bytes);
            left.push((output.run, place, output.bytes));
        }
    }
    left.sort_unstable();
    newest.sort_unstable();
    for (run, place, size) in left {
        if bytes <= limits.all_log_bytes {
            break;
        }
        if newest.binary_search(&run).is_err() {
            bytes -= size;
            until.insert(place, (run, HistoryLimit::LogsTotal));
        }
    }
    let mut until: Vec<_> = until.into_iter().collect();
    until.sort_unstable_by_key(|(place, _)| *place);
    until
        .into_iter()
        .map(|(place, (until, limit))| LogsForgotten {
            job: outputs[place].0.clone(),
            until,
            limit,
        })
        .collect()
}
