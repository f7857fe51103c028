//! freshd's own downtime is never blamed on the data: which promise broke because freshd did not run, and in what words; and
//! how many deliveries were due meanwhile.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::Engine;
use super::stands_for::stands_for;
use crate::freshness::{self, Standing};
use crate::model::{
    Attempt, Comeback, Dataset, DownDeliveries, Job, Name, Run, Slot, SlotState, Trigger, WhyGathered, earlier,
    elapsed, format_time,
};
use crate::planner::{ORDINARY_LATENESS, start_of};
use crate::schedule;

/// A promise broke because freshd did not run.
#[derive(Clone, Debug)]
pub(super) struct WhileDown {
    back: Comeback,
    missed: Missed,
}

/// What freshd did not do meanwhile.
#[derive(Clone, Debug)]
enum Missed {
    /// Its job's run.
    Run {
        /// As people call it.
        job: String,
        due_at: Timestamp,
        /// Since when a run makes up for it.
        caught_up_since: Option<Timestamp>,
    },
    /// To be told that it has come.
    Word,
}

impl WhileDown {
    /// What follows the reason of a dataset: `; freshd was down from ... to ... and missed the run of j due ...`.
    pub(super) fn reason(&self, zone: &TimeZone) -> String {
        let (from, until) = (format_time(self.back.from, zone), format_time(self.back.until, zone));
        let mut words = format!("; freshd was down from {from} to {until}");
        match &self.missed {
            Missed::Run { job, due_at, .. } => {
                let _ = write!(words, " and missed the run of {job} due {}", format_time(*due_at, zone));
            }
            Missed::Word => words.push_str(" and could not be told that it came"),
        }
        words + &self.caught_up(zone)
    }

    /// The same of `dataset` in a line that may be about another, and says of the downtime itself elsewhere.
    pub(super) fn line(&self, dataset: &Name, zone: &TimeZone) -> String {
        let words = match &self.missed {
            Missed::Run { job, due_at, .. } => format!(
                "the run of {job} due {} was missed while freshd was down",
                format_time(*due_at, zone)
            ),
            Missed::Word => format!("freshd was down and could not be told that {dataset} came"),
        };
        words + &self.caught_up(zone)
    }

    fn caught_up(&self, zone: &TimeZone) -> String {
        match &self.missed {
            Missed::Run {
                caught_up_since: Some(since),
                ..
            } => format!(", being caught up since {}", format_time(*since, zone)),
            Missed::Run { .. } | Missed::Word => String::new(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let (due_at, since) = match &self.missed {
            Missed::Run {
                due_at,
                caught_up_since,
                ..
            } => (Some(*due_at), *caught_up_since),
            Missed::Word => (None, None),
        };
        json!({
            "from": self.back.from,
            "until": self.back.until,
            "run_due_at": due_at,
            "caught_up_since": since,
        })
    }
}

impl Engine {
    /// Whether a promise is broken because freshd did not run: neither did the job that makes the data, or nobody could say
    /// that it came. What a run that followed has not mended is that run's matter.
    pub(super) fn broken_while_down(&self, dataset: &Dataset, standing: &Standing) -> Option<WhileDown> {
        let back = self.life.back?;
        // What is missing since before may have come by now, had freshd run.
        let broken_at = standing
            .reason_since
            .filter(|broken_at| standing.is_problem && *broken_at > back.from)?;
        if dataset.is_told_of() {
            let missed = Missed::Word;
            return (broken_at <= back.until).then_some(WhileDown { back, missed });
        }
        let job = self.lineage.producer_of(dataset.name.as_str())?;
        let job = self.settings.jobs.get(job)?;
        let (due_at, caught_up_since) = self.run_missed(job, &back, broken_at)?;
        let missed = Missed::Run {
            job: job.title.as_deref().unwrap_or(job.name.as_str()).to_owned(),
            due_at,
            caught_up_since,
        };
        Some(WhileDown { back, missed })
    }

    /// What was promised in the downtime that messages are gathered because of.
    pub(super) fn deliveries_while_down(&self, why: WhyGathered) -> DownDeliveries {
        let back = self.life.back.filter(|back| back.why() == why);
        back.map(|back| back.deliveries).unwrap_or_default()
    }

    /// The only dataset of which a delivery was due in that downtime, as people call it; nothing where there are several. By
    /// what is promised now: an edit since may have changed it.
    pub(super) fn only_due_while_down(&self, why: WhyGathered) -> Option<String> {
        let back = self.life.back.filter(|back| back.why() == why)?;
        let is_due = |dataset: &&Arc<Dataset>| {
            let due = dataset.due.as_ref();
            let first = due.and_then(|due| freshness::slot_after(dataset, earlier(back.from, due.grace)));
            first.is_some_and(|first| first.deadline <= back.until)
        };
        let mut due = self.settings.datasets.values().filter(is_due);
        let only = due.next()?;
        due.next()
            .is_none()
            .then(|| only.title.clone().unwrap_or_else(|| only.name.to_string()))
    }

    /// The first run of a job that freshd missed by a downtime, if it was due before a promise broke; and since when it is
    /// made up for.
    fn run_missed(&self, job: &Job, back: &Comeback, broken_at: Timestamp) -> Option<(Timestamp, Option<Timestamp>)> {
        let state = self.jobs.get(&job.name).filter(|_| job.enabled)?;
        let has_run = |(run, _): &(Run, Option<Attempt>)| run.started_at >= Some(back.until);
        // There was time for another run.
        let is_later = broken_at > back.until;
        if is_later && state.last.as_deref().is_some_and(has_run) {
            return None;
        }
        let schedule = job.schedule.as_ref().filter(|_| state.record.pause.is_none())?;
        let due_at = schedule::next_open(schedule, earlier(back.from, job.start_offset))?.at;
        let start_at = start_of(job, due_at);
        let is_missed = start_at < back.until && elapsed(start_at, back.until) > ORDINARY_LATENESS;
        let going: Vec<&Run> = self.runs_under_way(&job.name).collect();
        let went_on = |run: &&Run| run.started_at.is_some_and(|at| at <= back.from);
        if !is_missed || due_at > broken_at || going.iter().any(went_on) {
            return None;
        }
        if is_later && schedule::next_open(schedule, back.until).is_some_and(|next| next.at < broken_at) {
            return None;
        }
        let catches_up = going.iter().find(|run| run.trigger == Trigger::CatchUp);
        Some((due_at, catches_up.and_then(|run| run.started_at)))
    }

    /// Writes down with a promised delivery that freshd did not run at its deadline, and counts it; `before` is how it stood.
    pub(super) fn note_while_down(&mut self, before: &Slot, after: &mut Slot) {
        let Some(mut back) = self.life.back else { return };
        if after.deadline <= back.from || after.deadline > back.until || back.until > self.now.wall {
            return;
        }
        let delivery = self.delivery_of(&after.dataset);
        after.reason = reason_while_down(after, delivery, &back, &self.settings.timezone);
        if let Some(count) = counter_of(before, delivery, &mut back.deliveries) {
            *count = count.saturating_sub(stands_for(before.reason.as_deref()));
        }
        if let Some(count) = counter_of(after, delivery, &mut back.deliveries) {
            *count = count.saturating_add(stands_for(after.reason.as_deref()));
        }
        if self.life.back != Some(back) {
            self.life.back = Some(back);
            self.is_life_changed = true;
        }
    }

    fn delivery_of(&self, dataset: &Name) -> Delivery {
        match self.settings.datasets.get(dataset) {
            Some(dataset) if dataset.is_told_of() => Delivery::Told,
            Some(dataset) if dataset.probe.is_some() => Delivery::Looked,
            Some(_) | None => Delivery::Made,
        }
    }
}

/// How freshd knows that a promised delivery has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delivery {
    /// Its own job has made it.
    Made,
    /// A look has seen it.
    Looked,
    /// Somebody has said so.
    Told,
}

/// Begins what a promised delivery says of the downtime.
const AT_ITS_DEADLINE: &str = "freshd was down at its deadline";

/// The reason of a promised delivery whose deadline fell into a downtime: what it was before, and then that.
fn reason_while_down(slot: &Slot, delivery: Delivery, back: &Comeback, zone: &TimeZone) -> Option<String> {
    if matches!(slot.state, SlotState::Excused | SlotState::Withdrawn) {
        return slot.reason.clone();
    }
    let before = slot.reason.as_deref().unwrap_or_default();
    let before = before.split(AT_ITS_DEADLINE).next().unwrap_or_default();
    let before = before.strip_suffix("; ").unwrap_or(before);
    if slot.state == SlotState::Pending {
        return (!before.is_empty()).then(|| before.to_owned());
    }
    let unseen = match (slot.state, delivery) {
        (SlotState::Missed | SlotState::Late, Delivery::Told) => ": nobody could say whether it came",
        (SlotState::Missed, Delivery::Looked) => ": nobody saw whether it came",
        _ => "",
    };
    let (from, until) = (format_time(back.from, zone), format_time(back.until, zone));
    let words = format!("{AT_ITS_DEADLINE}, from {from} to {until}{unseen}");
    Some(match before {
        "" => words,
        before => format!("{before}; {words}"),
    })
}

/// Where a promised delivery is counted, as it stands.
fn counter_of<'a>(slot: &Slot, delivery: Delivery, counts: &'a mut DownDeliveries) -> Option<&'a mut u64> {
    match (slot.state, delivery) {
        (SlotState::Missed, Delivery::Looked | Delivery::Told) | (SlotState::Late, Delivery::Told) => {
            Some(&mut counts.unknown)
        }
        (SlotState::Missed, Delivery::Made) => Some(&mut counts.missed),
        (SlotState::Late, Delivery::Made | Delivery::Looked) | (SlotState::Recovered, _) => Some(&mut counts.late),
        (SlotState::Pending | SlotState::Met | SlotState::Excused | SlotState::Withdrawn, _) => None,
    }
}
