//! The weekly report to each team, and the weekly proof of every address that nothing else has reached.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Engine, Wake};
use crate::alerting::{self, TeamWeek, ToProve, ToReport, WEEK};
use crate::freshness::DataState;
use crate::model::{
    About, Action, Address, Dataset, Fact, Incident, IncidentState, Name, Outcome, Owner, Week, WeeklyReport, earlier,
    later,
};

/// Under what name it is stored up to when addresses were proven: no team can have it.
const ADDRESSES: &str = "(addresses)";

/// Up to when who has got a report.
#[derive(Clone, Debug, Default)]
pub(super) struct Weekly {
    known: BTreeMap<Name, Timestamp>,
    /// Weeks of which the records are being asked, by their end.
    asked: BTreeSet<Timestamp>,
}

impl Weekly {
    pub(super) fn of(reports: Vec<WeeklyReport>) -> Self {
        Self {
            known: reports.into_iter().map(|report| (report.team, report.until)).collect(),
            asked: BTreeSet::new(),
        }
    }
}

impl Engine {
    /// Asks the records about each week that is due, and looks again when the next one is.
    pub(super) fn weekly_due(&mut self) {
        if self.clock_hold.is_some() {
            return;
        }
        for name in self.reported_to() {
            if !self.weekly.known.contains_key(&name) {
                // It begins now: of the time before nobody has promised a report.
                self.note_reported(name.clone(), self.now.wall);
            }
            let (due, next) = self.weekly_times(&name);
            if let Some(until) = due.filter(|until| self.weekly.asked.insert(*until)) {
                let from = earlier(until, WEEK);
                self.act(Action::LookBack { from, until });
            }
            if let Some(at) = next {
                self.wakes.arm(Wake::Weekly, at);
            }
        }
    }

    /// What the records say of a week is known, or cannot be.
    pub(super) fn looked_back(&mut self, until: Timestamp, week: Result<&Week, &str>) {
        self.weekly.asked.remove(&until);
        if self.clock_hold.is_some() {
            return;
        }
        for name in self.reported_to() {
            if self.weekly_times(&name).0 != Some(until) {
                continue;
            }
            self.note_reported(name.clone(), until);
            if name.as_str() == ADDRESSES {
                self.prove_addresses(week.map_or(&[], |week| &week.reached));
            } else if self.settings.alerts.weekly {
                self.report_to(&name, until, week);
            }
        }
        self.weekly_due();
    }

    /// Every team, and last the addresses: what is told to them by then proves nothing yet.
    fn reported_to(&self) -> Vec<Name> {
        let teams = self.settings.teams.keys().cloned();
        teams.chain([Name::from(ADDRESSES)]).collect()
    }

    fn weekly_times(&self, name: &Name) -> (Option<Timestamp>, Option<Timestamp>) {
        let now = self.now.wall;
        // What lies further ahead than a week was decided by another clock.
        let known = self.weekly.known.get(name).copied().unwrap_or(now);
        let known = if known > later(now, WEEK) { now } else { known };
        let (zone, calendar) = self.working_time(name);
        alerting::weekly_times(known, now, &zone, calendar.as_deref())
    }

    fn note_reported(&mut self, team: Name, until: Timestamp) {
        self.weekly.known.insert(team.clone(), until);
        self.fact(Fact::Weekly(WeeklyReport { team, until }));
    }

    fn report_to(&mut self, team: &Name, until: Timestamp, week: Result<&Week, &str>) {
        let addresses: Vec<Address> = self
            .settings
            .teams
            .get(team)
            .map_or(Vec::new(), |team| team.notify.clone());
        let addresses = addresses.into_iter().filter(|address| self.may_be_proven(address));
        for address in addresses.collect::<Vec<_>>() {
            let id = self.new_notification_id();
            let message = alerting::weekly(self.message_id(id), &self.to_report(team, until, week));
            self.put(id, None, address, message);
        }
    }

    fn to_report<'a>(&'a self, team: &'a Name, until: Timestamp, week: Result<&'a Week, &'a str>) -> ToReport<'a> {
        let owns = |owner: &Owner| matches!(owner, Owner::Team(name) if name == team);
        let settings = &self.settings;
        let datasets = settings.datasets.values().filter(|dataset| owns(&dataset.owner));
        let promised = |dataset: &&std::sync::Arc<Dataset>| {
            dataset.part_of.is_none()
                && (dataset.due.is_some() || dataset.max_age.is_some() || !dataset.parts.is_empty())
        };
        let promised: Vec<&Dataset> = datasets.clone().filter(promised).map(|dataset| &**dataset).collect();
        let is_own = |incident: &Incident| {
            let owner = match incident.about {
                About::Job => settings.jobs.get(&incident.subject).map(|job| &job.owner),
                About::Dataset => settings.datasets.get(&incident.subject).map(|dataset| &dataset.owner),
                About::Freshd => None,
            };
            owner.is_some_and(owns)
        };
        let open = || {
            let is_open = |one: &&Incident| one.state != IncidentState::Attached && one.drill.is_none();
            self.incidents.values().filter(is_open).filter(|one| is_own(one))
        };
        let of_week = |week: &'a Week| {
            let mut runs: BTreeMap<&str, (Outcome, u64)> = BTreeMap::new();
            for (job, outcome, count) in &week.runs {
                if settings.jobs.get(job).is_some_and(|job| owns(&job.owner)) {
                    runs.entry(outcome.as_str()).or_insert((*outcome, 0)).1 += count;
                }
            }
            let of_team: Vec<&Incident> = week.incidents.iter().filter(|incident| is_own(incident)).collect();
            let is_broken = |dataset: &Dataset| {
                let about =
                    |incident: &&&Incident| incident.about == About::Dataset && incident.subject == dataset.name;
                of_team.iter().any(|incident| about(&incident))
            };
            let (broken, well): (Vec<&Dataset>, Vec<&Dataset>) =
                promised.iter().partition(|dataset| is_broken(dataset));
            let is_unseen = |dataset: &Dataset| self.standing(dataset).state == DataState::Unknown;
            let told = of_team.iter().copied().filter(|one| one.opened_at.is_some());
            // What is counted as open is named, also where people are only about to be told of it.
            let known: BTreeSet<_> = told.clone().map(|one| one.id).collect();
            let told: Vec<&Incident> = told.chain(open().filter(|one| !known.contains(&one.id))).collect();
            TeamWeek {
                runs: runs.into_values().collect(),
                broken,
                unseen: well.into_iter().filter(|dataset| is_unseen(dataset)).collect(),
                promised: promised.clone(),
                incidents: told
                    .into_iter()
                    .map(|one| (one, self.title_of(one.about, &one.subject)))
                    .collect(),
                down: week.down,
            }
        };
        let of = |dataset: &'a std::sync::Arc<Dataset>| {
            let (current, _) = self.current_version(&dataset.name)?;
            Some((&**dataset, current.effective_as_of))
        };
        let (zone, _) = self.zone_of(team);
        ToReport {
            now: self.now.wall,
            from: earlier(until, WEEK),
            until,
            next: self.weekly_times(team).1,
            zone,
            team,
            team_title: self.team_title(team),
            week: week.map(of_week),
            open: open().count(),
            behind_others: self
                .incidents
                .values()
                .filter(|one| one.about == About::Dataset && is_own(one))
                .filter_map(|one| self.incidents.get(one.cause?))
                .filter(|cause| !is_own(cause))
                .count(),
            oldest: datasets
                .filter(|dataset| dataset.part_of.is_none())
                .filter_map(of)
                .min_by_key(|(_, as_of)| *as_of),
        }
    }

    /// Sends the proof to each address that nothing else has reached in the week, nothing is on its way to, and no team gets
    /// its report at: that proves it as well, whichever of them comes first after a downtime.
    fn prove_addresses(&mut self, reached: &[Address]) {
        if !self.settings.alerts.canary {
            return;
        }
        let next = self.weekly_times(&Name::from(ADDRESSES)).1;
        let is_open = |one: &&Incident| one.drill.is_none() && one.state != IncidentState::Attached;
        let open = self.incidents.values().filter(is_open).count();
        let teams = self.settings.teams.values().filter(|_| self.settings.alerts.weekly);
        let reported: BTreeSet<Address> = teams.flat_map(|team| team.notify.iter().cloned()).collect();
        for (address, team) in self.addresses_in_use() {
            let is_busy = self.outbox.values().any(|waiting| waiting.address == address);
            let is_proven = reported.contains(&address) || reached.contains(&address);
            if is_busy || is_proven || !self.may_be_proven(&address) {
                continue;
            }
            let id = self.new_notification_id();
            let (zone, team_title) = self.zone_of(&team);
            let message = alerting::canary(
                self.message_id(id),
                &ToProve {
                    now: self.now.wall,
                    next,
                    zone,
                    address: &address,
                    team: &team,
                    team_title,
                    open,
                },
            );
            self.put(id, None, address, message);
        }
    }

    /// Whether a message about nothing that is wrong alarms nobody there.
    fn may_be_proven(&self, address: &Address) -> bool {
        let channel = self.settings.channels.get(&address.channel);
        channel.is_some_and(|channel| !channel.kind.alarms())
    }

    /// The zone in which a team is told times at an address: its own. Whoever stands in for it reads them in theirs, be it as
    /// another team or as those for whom the file's zone is.
    pub(super) fn zone_at(&self, team: &Name, address: &Address) -> &TimeZone {
        let teams = &self.settings.teams;
        let own = teams.get(team).filter(|_| !self.stands_in_for(team, address));
        let reader = own.or_else(|| teams.values().find(|team| team.notify.contains(address)));
        reader.map_or(&self.settings.timezone, |team| &team.timezone)
    }

    pub(super) fn zone_of(&self, team: &Name) -> (&TimeZone, String) {
        let known = self.settings.teams.get(team);
        let zone = known.map_or(&self.settings.timezone, |team| &team.timezone);
        (zone, self.team_title(team))
    }
}
