//! Ages and deadlines computed anew: each breach is noticed in time and told, and none is made up.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use freshd::model::{
    About, Address, Incident, IncidentId, IncidentState, ProblemKind, Purpose, Setback, Version, VersionRef,
    VersionState,
};
use freshd::simulation::Moment;
use jiff::{SignedDuration, Timestamp};

use super::processes::Processes;
use super::quiet::Quiet;
use super::{Judged, Ledger, NOTICED_WITHIN, hold};
use crate::company::{Company, Promise};
use crate::due::Rule;

const NOTICED: &str = "breaches are noticed";
const FALSE_ALARM: &str = "no false alarm";
const TOLD_THE_END: &str = "whoever was told hears of the end";
const IN_PLACE: &str = "published means in place";

/// What is known of the promises of a company.
#[derive(Clone, Debug, Default)]
pub(super) struct Promises {
    data: HashMap<String, Data>,
    /// What the outside has put in place, where readers see it.
    placed: HashSet<VersionRef>,
    /// When each incident was first stored, in time awake.
    begun: HashMap<IncidentId, Duration>,
    /// Where each stands, and since when.
    stands: HashMap<IncidentId, (IncidentState, Duration)>,
    /// Slots that open before this instant are not judged: the clock was set in their time.
    judged_from: Option<Timestamp>,
}

/// What is known of one dataset.
#[derive(Clone, Debug, Default)]
struct Data {
    /// Published versions: when each arrived, the newest last.
    arrived: Vec<Timestamp>,
    /// The version that readers see.
    current: Option<Version>,
    /// Since when its promise is the one in force.
    promised_since: Option<Timestamp>,
    /// The due time before the last one that was asked about, that one, and the one after it.
    dues: Option<[Timestamp; 3]>,
}

impl Data {
    /// The last due time up to `at`, and the one before it.
    fn last_due(&mut self, rule: &Rule, at: Timestamp) -> (Timestamp, Timestamp) {
        let known = self.dues.filter(|[_, due, next]| *due <= at && at < *next);
        let [before, due, _] = *self.dues.insert(known.unwrap_or_else(|| {
            let due = rule.previous(at + SignedDuration::from_micros(1));
            [rule.previous(due), due, rule.next(due)]
        }));
        (before, due)
    }
}

impl Promises {
    pub(super) fn clock_set(&mut self, wall: Timestamp, by_ms: i64) {
        if by_ms.abs() >= 500 {
            let before = wall - SignedDuration::from_millis(by_ms);
            self.judged_from = self.judged_from.max(Some(wall.max(before)));
        }
    }

    /// The clock was confirmed: what a wrong one saw arrive later arrived for no delivery.
    pub(super) fn clock_confirmed(&mut self, at: Timestamp) {
        self.judged_from = Some(at);
        for data in self.data.values_mut() {
            data.arrived.retain(|arrived| *arrived <= at);
            data.promised_since = data.promised_since.min(Some(at));
        }
    }

    /// A promise that is new or changed counts from now on.
    pub(super) fn accepted(&mut self, before: Option<&Company>, company: &Company, wall: Timestamp) {
        for job in &company.jobs {
            let dataset = job.dataset();
            let known = before
                .and_then(|before| before.producer(dataset))
                .map(|job| &job.promise);
            if company.producer(dataset).map(|job| &job.promise) != known {
                let data = self.data.entry(dataset.to_owned()).or_default();
                (data.promised_since, data.dues) = (Some(wall), None);
            }
        }
    }

    /// The outside has put a version in place, or could not.
    pub(super) fn placed(&mut self, version: &VersionRef, result: &Result<(), Setback>) {
        if result.is_ok() {
            self.placed.insert(version.clone());
        }
    }

    pub(super) fn version(&mut self, version: &Version, ledger: &Ledger, processes: &Processes) -> Judged {
        let data = self.data.entry(version.dataset.to_string()).or_default();
        if let Some((digest, as_of)) = version.attempt.and_then(|id| processes.wrote(id))
            && version.state != VersionState::Quarantined
        {
            let before = data.current.as_ref().filter(|before| before.sha256 == *digest);
            let truth = match (as_of, before) {
                (Some(as_of), Some(before)) if before.number != version.number => Some((*as_of).min(before.as_of)),
                (as_of, _) => *as_of,
            };
            let same = data
                .current
                .as_ref()
                .is_some_and(|current| current.number == version.number);
            hold(
                same || truth.is_none_or(|truth| truth == version.as_of),
                FALSE_ALARM,
                || {
                    format!(
                        "{}@{} is told as of {}, and is of {truth:?}",
                        version.dataset, version.number, version.as_of
                    )
                },
            )?;
            let of_inputs = version.inputs.iter().filter_map(|input| {
                let made_from = ledger.versions.get(&(input.dataset.clone(), input.number))?;
                Some(made_from.effective_as_of)
            });
            let effective = of_inputs.chain([version.as_of]).min();
            hold(effective == Some(version.effective_as_of), FALSE_ALARM, || {
                format!("{}@{} inherits {effective:?}", version.dataset, version.number)
            })?;
        }
        if version.state == VersionState::Published {
            let name = VersionRef {
                dataset: version.dataset.clone(),
                number: version.number,
            };
            let is_placed = version.attempt.is_none() || self.placed.contains(&name);
            hold(is_placed, IN_PLACE, || {
                format!(
                    "{}@{} is told as published, and readers do not see it",
                    name.dataset, name.number
                )
            })?;
            data.arrived.push(version.arrived_at);
            data.current = Some(version.clone());
        }
        Ok(())
    }

    /// An incident is stored: it has a reason in the world.
    pub(super) fn incident(
        &mut self,
        incident: &Incident,
        ledger: &Ledger,
        company: Option<&Company>,
        wall: Timestamp,
        at: Moment,
    ) -> Judged {
        let is_new = !self.begun.contains_key(&incident.id);
        self.begun.entry(incident.id).or_insert(at.elapsed);
        let stands = self.stands.entry(incident.id).or_insert((incident.state, at.elapsed));
        if stands.0 != incident.state {
            *stands = (incident.state, at.elapsed);
        }
        if incident.state == IncidentState::Open {
            let mut told = ledger
                .notifications
                .values()
                .rev()
                .filter(|told| told.incident == Some(incident.id));
            let is_told = told.any(|told| matches!(told.message.purpose, Purpose::Opening | Purpose::Impact));
            // What is silenced when the end of its cause is told opens with those who have just read of it there.
            let has_read = |address: &Address| {
                let mut ends = ledger.notifications.values().rev();
                ends.any(|end| {
                    end.address == *address
                        && end.message.purpose == Purpose::Recovery
                        && incident.opened_at == Some(end.created_at)
                })
            };
            let is_known = !incident.told.is_empty() && incident.told.iter().all(|(_, address)| has_read(address));
            hold(is_told || is_known, NOTICED, || {
                format!("incident {} is open, and nobody is told", incident.id)
            })?;
        }
        if incident.state == IncidentState::Resolved {
            let hears = |address: &Address| {
                let mut told = ledger.notifications.values().rev();
                told.any(|told| {
                    told.incident == Some(incident.id)
                        && told.address == *address
                        && told.message.purpose == Purpose::Recovery
                })
            };
            let deaf = incident.told.iter().find(|(_, address)| !hears(address));
            hold(deaf.is_none(), TOLD_THE_END, || {
                format!("incident {} is over, and {deaf:?} is not told", incident.id)
            })?;
        }
        let Some(company) = company.filter(|_| is_new && incident.about == About::Dataset && incident.drill.is_none())
        else {
            return Ok(());
        };
        let name = incident.subject.as_str();
        let Some(data) = self.data.get(name) else {
            return hold(
                incident.kind == ProblemKind::Unknown || name == "list",
                FALSE_ALARM,
                || format!("{name} is {:?}, and nothing is known of it", incident.kind),
            );
        };
        let current = data.current.as_ref();
        let is_true = match incident.kind {
            ProblemKind::Stale => stale_at(company, name, current).is_some_and(|at| at <= wall),
            ProblemKind::Late => match company.producer(name).map(|job| &job.promise) {
                Some(Promise::Due(rule, grace)) => {
                    let grace = minutes(*grace);
                    let due = rule.previous(wall - grace + SignedDuration::from_micros(1));
                    let on_time = |arrived: &&Timestamp| {
                        **arrived > due - SignedDuration::from_hours(2) && **arrived <= due + grace
                    };
                    let is_judged = self
                        .judged_from
                        .is_none_or(|from| from < due - SignedDuration::from_hours(2));
                    !is_judged || !data.arrived.iter().rev().take(3).any(|arrived| on_time(&arrived))
                }
                _ => false,
            },
            ProblemKind::Suspect => current.is_some_and(|current| current.as_of > wall),
            ProblemKind::Unknown => current.is_none() || name == "list",
            _ => false,
        };
        hold(is_true, FALSE_ALARM, || {
            format!("{name} is told to be {:?}: {}", incident.kind, incident.reason)
        })
    }

    /// Whatever is broken for long enough has an incident, and each incident that waited long enough is told.
    pub(super) fn all_noticed(
        &mut self,
        company: &Company,
        (ledger, quiet): (&Ledger, &Quiet),
        at: Moment,
        awake: Duration,
    ) -> Judged {
        let late = SignedDuration::try_from(NOTICED_WITHIN).unwrap_or(SignedDuration::ZERO);
        let wall = at.now.wall - late;
        for job in &company.jobs {
            let name = job.dataset();
            let judged_from = self.judged_from;
            let Some(data) = self.data.get_mut(name) else { continue };
            let broken = match &job.promise {
                Promise::NoData => None,
                Promise::Age(_) => stale_at(company, name, data.current.as_ref()).filter(|at| *at <= wall),
                Promise::Due(rule, grace) => missing(data, judged_from, rule, minutes(*grace), wall),
            };
            let is_noticed = broken.is_none() || ledger.about(About::Dataset, name).is_some();
            hold(is_noticed, NOTICED, || {
                format!("{name} is broken since {broken:?}, and nobody noticed")
            })?;
        }
        for incident in ledger.unresolved.values().filter_map(|id| ledger.incidents.get(id)) {
            if incident.state != IncidentState::Waiting || incident.notify_at > wall {
                continue;
            }
            let Some(since_silence) = quiet.waits(incident, wall) else {
                continue;
            };
            // Attached ones wait anew when their cause is over; what counts is the time for which it waits now.
            let waits = at
                .elapsed
                .saturating_sub(self.begun.get(&incident.id).copied().unwrap_or_default());
            // One whose cause is over before anybody was told of it is told next.
            let since = self
                .stands
                .get(&incident.id)
                .map_or(Duration::MAX, |(_, since)| at.elapsed.saturating_sub(*since));
            let is_told = since < NOTICED_WITHIN
                || waits.min(awake).min(since_silence)
                    < NOTICED_WITHIN + Duration::from_secs(company.group_wait_seconds);
            hold(is_told, NOTICED, || {
                format!("incident {} about {} waits on", incident.id, incident.subject)
            })?;
        }
        Ok(())
    }
}

/// The newest delivery that should have come and did not, nor anything since.
fn missing(
    data: &mut Data,
    judged_from: Option<Timestamp>,
    rule: &Rule,
    grace: SignedDuration,
    wall: Timestamp,
) -> Option<Timestamp> {
    let (before, due) = data.last_due(rule, wall - grace);
    let opens = (before + grace).min(due);
    let is_judged = data.promised_since.is_some_and(|since| since < due) && judged_from.is_none_or(|from| from < opens);
    let came = data.arrived.last().is_some_and(|arrived| *arrived >= opens);
    (is_judged && !came).then_some(due + grace)
}

fn stale_at(company: &Company, dataset: &str, current: Option<&Version>) -> Option<Timestamp> {
    let hours = match (
        company.producer(dataset).map(|job| &job.promise),
        company.probed_every_hours,
    ) {
        (Some(Promise::Age(hours)), _) => *hours,
        (None, Some(hours)) if dataset == "list" => 3 * hours,
        _ => return None,
    };
    let age = SignedDuration::from_hours(i64::try_from(hours).expect("an age"));
    Some(current?.effective_as_of + age)
}

fn minutes(minutes: u64) -> SignedDuration {
    SignedDuration::from_mins(i64::try_from(minutes).expect("a time"))
}
