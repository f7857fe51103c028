//! Each due time is decided, once, and nothing else is: counted out by the rules of the company itself.

use std::collections::{BTreeSet, HashMap};

use freshd::model::{Fact, Name, Run, RunId, Trigger};
use jiff::Timestamp;

use super::{Judged, hold};
use crate::company::Company;
use crate::due::Rule;

const DUE: &str = "due is decided";

/// What was decided of each job.
#[derive(Clone, Debug, Default)]
pub(super) struct Occurrences {
    jobs: HashMap<&'static str, Line>,
    by_run: HashMap<(Name, Timestamp), RunId>,
}

/// The due times of one job.
#[derive(Clone, Debug, Default)]
struct Line {
    /// The rule in force, unless it is switched off.
    rule: Option<Rule>,
    /// The rule before: what was due by it may be decided in the same commit.
    rule_before: Option<Rule>,
    decided: BTreeSet<Timestamp>,
    /// The next due time about which nothing is known.
    next: Option<Timestamp>,
}

impl Occurrences {
    /// A configuration is in force from `wall` on: jobs that are new or changed begin then, and never catch up. Under a
    /// clock that is in doubt they begin once it is not, at the latest.
    pub(super) fn accepted(
        &mut self,
        company: &Company,
        wall: Timestamp,
        in_doubt_until: Option<Timestamp>,
        facts: &[Fact],
    ) -> Judged {
        let names: Vec<&'static str> = company
            .jobs
            .iter()
            .map(|job| job.name)
            .chain(self.jobs.keys().copied())
            .collect();
        for name in names.into_iter().collect::<BTreeSet<_>>() {
            let rule = company.job(name).and_then(|job| company.rule_of(job));
            let line = self.jobs.entry(name).or_default();
            if line.rule == rule {
                continue;
            }
            // Before anything of this commit counts, the old rule's due times must be among it.
            if let (Some(before), Some(next), false) = (&line.rule, line.next, in_doubt_until.is_some()) {
                let of_this = |due: &Timestamp| {
                    facts
                        .iter()
                        .any(|fact| matches!(fact, Fact::Run(run) if run.job.as_str() == name && covers(run, *due)))
                };
                // A restart with another rule forgets what was due by the old one; a reload does not.
                // What an earlier commit decided says nothing about this one.
                let is_open = |due: &Timestamp| !line.decided.contains(due);
                let due: Vec<Timestamp> = before.all(next, wall).into_iter().filter(is_open).collect();
                let (is_any, all) = (due.iter().any(of_this), due.iter().all(of_this));
                hold(!is_any || all, DUE, || {
                    format!("only some of what was due for {name} is decided at an edit")
                })?;
            }
            let latest = line.decided.last().copied().unwrap_or(Timestamp::MIN);
            line.next = rule
                .as_ref()
                .map(|rule| rule.next(latest.max(in_doubt_until.unwrap_or(wall))));
            line.rule_before = std::mem::replace(&mut line.rule, rule);
        }
        Ok(())
    }

    /// A run is durable.
    pub(super) fn decided(&mut self, run: &Run, company: Option<&Company>) -> Judged {
        let Some(due) = run.due_at else { return Ok(()) };
        let first = *self.by_run.entry((run.job.clone(), due)).or_insert(run.id);
        hold(first == run.id, "one run per due time", || {
            format!("runs {first} and {} of {} are both due {due}", run.id, run.job)
        })?;
        let Some((name, line)) = self.jobs.iter_mut().find(|(name, _)| **name == run.job.as_str()) else {
            return hold(company.is_none(), DUE, || {
                format!("a run of {}, which is no job", run.job)
            });
        };
        if line.decided.contains(&due) {
            return Ok(());
        }
        let is_due = |rule: &Option<Rule>| rule.as_ref().is_some_and(|rule| rule.is_due(due));
        hold(is_due(&line.rule) || is_due(&line.rule_before), DUE, || {
            format!("{name} was not due at {due}, as run {} says", run.id)
        })?;
        line.decided.insert(due);
        if let Some(until) = run.due_until {
            let rule = line
                .rule
                .as_ref()
                .filter(|rule| rule.is_due(due))
                .or(line.rule_before.as_ref());
            let range = rule.map_or_else(Vec::new, |rule| rule.all(due, until));
            hold(range.len() as u64 == run.occurrences, DUE, || {
                format!(
                    "{} due times of {name} from {due} to {until} are told as {}",
                    range.len(),
                    run.occurrences
                )
            })?;
            line.decided.extend(range);
        }
        hold(matches!(run.trigger, Trigger::Schedule | Trigger::CatchUp), DUE, || {
            format!("run {} is due and was triggered by {:?}", run.id, run.trigger)
        })
    }

    /// The clock was confirmed: what is due after `at` is open again, whatever was decided about it.
    pub(super) fn clock_confirmed(&mut self, at: Timestamp) {
        self.by_run.retain(|(_, due), _| *due <= at);
        for line in self.jobs.values_mut() {
            line.decided.retain(|due| *due <= at);
            let coming = line.rule.as_ref().map(|rule| rule.next(at));
            line.next = line.next.min(coming);
        }
    }

    /// Whatever is due by `wall` is decided.
    pub(super) fn all_decided(&mut self, wall: Timestamp) -> Judged {
        for (name, line) in &mut self.jobs {
            let Some(rule) = &line.rule else { continue };
            while let Some(next) = line.next.filter(|next| *next <= wall) {
                hold(line.decided.contains(&next), DUE, || {
                    format!("{name} was due {next}, and nothing was decided")
                })?;
                line.next = Some(rule.next(next));
            }
        }
        Ok(())
    }
}

fn covers(run: &Run, due: Timestamp) -> bool {
    run.due_at == Some(due)
        || run.due_at.is_some_and(|first| first <= due) && run.due_until.is_some_and(|last| due <= last)
}
