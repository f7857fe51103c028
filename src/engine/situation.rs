//! Gathers what a message is made from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::Engine;
use super::audience::FALLBACK;
use crate::alerting::{Concern, DataSide, JobSide, OwnerReach, Refused, Rehearsal, Situation};
use crate::freshness::Resting;
use crate::model::{
    About, Address, Attempt, AttemptId, ChannelKind, Incident, IncidentId, IncidentState, Message, Name, Notification,
    OpenWindow, Outcome, Owner, ProblemKind, Purpose, Silence, Version, earlier, later, proof_words, quarantine_path,
};

impl Engine {
    /// Writes the message of one incident to one team, which was told before as one downstream, as one that answers for it,
    /// or not at all.
    pub(super) fn write(
        &self,
        id: String,
        purpose: Purpose,
        (team, address): (&Name, &Address),
        incident: &Incident,
        told_as_reader: Option<bool>,
    ) -> Message {
        let zone = self.zone_at(team, address);
        if let Some(drill) = &incident.drill {
            let addresses = self.addresses_told(incident);
            let teams = addresses.iter().map(|address| &address.team);
            let rehearsal = Rehearsal {
                now: self.now.wall,
                zone,
                incident,
                drill,
                title: self.title_of(incident.about, &incident.subject),
                owner: self.team_title(&self.owner_of(incident).0),
                teams: teams.map(|team| (team.clone(), self.team_title(team))).collect(),
                addresses,
                // What nobody is told of, or is well just now, is no news of a rehearsal either.
                real: self
                    .incidents
                    .about(incident.about, &incident.subject)
                    .filter(|real| real.state == IncidentState::Open && self.explains_others(real)),
            };
            return crate::alerting::drill_message(id, purpose, team, &rehearsal);
        }
        let situation = Situation {
            told_as_reader,
            is_meant: self.is_own_address(team, address),
            ..self.situation(team, zone, incident)
        };
        crate::alerting::message(id, purpose, team, &situation)
    }

    /// A job or dataset as people call it.
    pub(super) fn thing_called<'a>(&'a self, about: About, name: &'a Name) -> &'a str {
        self.title_of(about, name).unwrap_or(name.as_str())
    }

    /// What people call a job or dataset, where that is not its name.
    pub(super) fn title_of(&self, about: About, name: &Name) -> Option<&str> {
        let settings = &self.settings;
        match about {
            About::Job => settings.jobs.get(name).and_then(|job| job.title.as_deref()),
            About::Dataset => settings.datasets.get(name).and_then(|dataset| dataset.title.as_deref()),
            About::Freshd => None,
        }
    }

    /// In what an incident concerns the reader of a message about it.
    pub(super) fn concern(&self, notification: &Notification, incident: &Incident) -> Concern {
        if incident.drill.is_some() {
            return Concern::default();
        }
        let message = &notification.message;
        let jobs = &self.settings.jobs;
        let datasets = &self.settings.datasets;
        let effects = self.incidents.effects_of(incident.id).into_iter();
        let owned = effects.filter_map(|effect| {
            let owner = match effect.about {
                About::Job => jobs.get(&effect.subject).map(|job| &job.owner),
                About::Dataset => datasets.get(&effect.subject).map(|dataset| &dataset.owner),
                About::Freshd => None,
            };
            Some((effect, owner?))
        });
        let effects: Vec<_> = owned.collect();
        let zone = self.zone_at(&message.team, &notification.address);
        let situation = self.situation(&message.team, zone, incident);
        let while_down = |name: &Name| {
            let data = situation.data.iter().find(|side| side.dataset.name == *name)?;
            let down = self.broken_while_down(data.dataset, &data.standing)?;
            Some(down.line(name, zone))
        };
        let concern = crate::alerting::concern(message, &situation, &effects, &while_down);
        let quiet = self.quiet_of(incident);
        Concern {
            quiet: quiet.map(|quiet| crate::alerting::quiet_words(&quiet, zone)),
            ..concern
        }
    }

    /// All that there is to say of an incident, as far as a team reads it.
    fn situation<'a>(&'a self, team: &Name, zone: &'a TimeZone, incident: &'a Incident) -> Situation<'a> {
        let job_name = match incident.about {
            About::Job => Some(incident.subject.clone()),
            About::Dataset => self.lineage.producer_of(incident.subject.as_str()).cloned(),
            About::Freshd => None,
        };
        let job = job_name
            .as_ref()
            .and_then(|name| self.job_side(name, incident.about == About::Dataset));
        let data = self.broken_by(incident.id).into_iter();
        let data = data.filter_map(|(name, _)| self.data_side(&name, zone));
        let is_configured = self.is_configured(incident);
        // What is gone from jobs.toml has no owner any more; who was told to answer for it was it.
        let owner = match incident.told_to_answer().filter(|_| !is_configured) {
            Some(team) => team.clone(),
            None => self.owner_of(incident).0,
        };
        let mut data: Vec<DataSide<'_>> = data.collect();
        let mut readers = self.all_readers(incident.id);
        if incident.resolved_at.is_some() && incident.told_to_answer() != Some(team) {
            let theirs = self.put_theirs(team, zone, incident, &mut data);
            let known: BTreeSet<_> = readers
                .iter()
                .map(|one| (one.who.clone(), one.dataset.clone()))
                .collect();
            let more = self.all_readers_of(theirs).into_iter();
            readers.extend(more.filter(|one| !known.contains(&(one.who.clone(), one.dataset.clone()))));
        }
        let silenced = self.silences_over(incident, &data);
        if incident.resolved_at.is_none() {
            // Of what is kept quiet people hear that, and no more.
            data.retain(|side| !self.is_quiet_apart(&side.dataset.name, incident));
        }
        let refused = job.as_ref().and_then(|side| self.refused_by(side));
        let made_from_it = self.made_from(incident);
        Situation {
            now: self.now.wall,
            was_down: self.was_down().or_else(|| self.was_down_before(incident, &data)),
            is_configured,
            zone,
            recorded_in: &self.settings.timezone,
            incident,
            why: self.why_in(incident, zone),
            team_called: self.team_title(team),
            owner: self.team_title(&owner),
            is_owned: self.is_owned(&owner, incident),
            owner_reach: self.owner_reach(&owner, incident),
            unheard: self.nobody_heard(incident),
            told_as_reader: None,
            is_meant: true,
            job,
            failure: self.failure_behind(incident),
            told_apart: self.told_apart(incident, &made_from_it, &data),
            mended: self.mended(incident, &made_from_it),
            owned: self.owned_of(team, &made_from_it),
            breaks_next: self.breaks_next(team, zone, incident, &data),
            parts: self.parts_of(&data),
            made_from_it,
            silenced,
            planned: self.planned_over(incident),
            quiet_cause: self.quiet_cause_words(incident, zone),
            told_cause: self.told_cause_of(incident),
            goes_on: self.goes_on(incident, &data),
            data,
            readers,
            of_address: self.address_tried(incident).map(|(_, team)| self.team_title(&team)),
            proof: self
                .address_tried(incident)
                .map(|(address, team)| proof_words(&team, &address)),
            refused,
        }
    }

    /// A dataset as it stands, for those who are told times in a zone.
    pub(super) fn data_side(&self, name: &Name, zone: &TimeZone) -> Option<DataSide<'_>> {
        let dataset = self.settings.datasets.get(name)?;
        Some(DataSide {
            dataset,
            standing: self.standing_in(dataset, zone),
            current: self.current_version(name).map(|(version, _)| version),
        })
    }

    /// The reason of an incident as of now, for those who are told times in a zone: while a dataset has that problem, in the
    /// words of how it stands. Else as on record, where it says how it was, in the zone of jobs.toml.
    fn why_in(&self, incident: &Incident, zone: &TimeZone) -> String {
        let is_of_data = incident.about == About::Dataset && incident.drill.is_none();
        let dataset = self.settings.datasets.get(&incident.subject).filter(|_| is_of_data);
        let problem = dataset.and_then(|dataset| {
            crate::alerting::problem_of_data(dataset, &self.standing_in(dataset, zone), self.now.wall)
        });
        match problem.filter(|problem| problem.kind == incident.kind) {
            Some(problem) => problem.reason,
            None => crate::alerting::quoted(&incident.reason, &self.settings.timezone, zone),
        }
    }

    /// The address that cannot be reached, and the team that is told there.
    fn address_tried(&self, incident: &Incident) -> Option<(Address, Name)> {
        let broken = (incident.kind == ProblemKind::ChannelBroken).then_some(incident.subject.as_str())?;
        let mut in_use = self.addresses_in_use().into_iter();
        in_use.find(|(address, _)| address.to_string() == broken)
    }

    /// Of these datasets those for which a team answers.
    fn owned_of(&self, team: &Name, datasets: &[Name]) -> BTreeSet<Name> {
        let is_theirs = |name: &&Name| {
            let dataset = self.settings.datasets.get(*name);
            dataset.is_some_and(|dataset| matches!(&dataset.owner, Owner::Team(owner) if owner == team))
        };
        datasets.iter().filter(is_theirs).cloned().collect()
    }

    /// A job with its last run that had a process. Of what it did not deliver, `by_now`, that is the one under way as soon as
    /// an attempt of it has failed.
    fn job_side(&self, name: &Name, by_now: bool) -> Option<JobSide<'_>> {
        let last = self.jobs.get(name).and_then(|state| state.last.as_deref());
        let going = self.runs_under_way(name).next();
        let tried = going.filter(|_| by_now).and_then(|run| {
            let numbers = (1..=run.attempts).rev();
            let mut attempts = numbers.filter_map(|number| self.attempts.get(&AttemptId { run: run.id, number }));
            let has_failed = |attempt: &&Attempt| attempt.outcome.is_some_and(Outcome::is_failure);
            Some((run, attempts.find(has_failed)?))
        });
        Some(JobSide {
            job: self.settings.jobs.get(name)?,
            run: tried.map(|(run, _)| run).or(last.map(|(run, _)| run)),
            attempt: match tried {
                Some((_, attempt)) => Some(attempt),
                None => last.and_then(|(_, attempt)| attempt.as_ref()),
            },
            going,
            is_paused: matches!(self.set_aside(name), Some(Resting::Paused(_))),
        })
    }

    /// Whether somebody answers for what an incident is about; whoever operates freshd does for its own problems.
    fn is_owned(&self, owner: &Name, incident: &Incident) -> bool {
        incident.about == About::Freshd || owner.as_str() != FALLBACK || self.settings.teams.contains_key(owner)
    }

    /// Whether a team knows of an incident. What the fallback has heard in its stead, nobody of the team has.
    fn owner_reach(&self, owner: &Name, incident: &Incident) -> OwnerReach {
        let team = self.settings.teams.get(owner);
        let own: Vec<&Address> = match team {
            Some(team) => team.notify.iter().collect(),
            None => self.settings.fallback.iter().collect(),
        };
        // What lies in a file counts where nobody is told by anything else.
        let (files, read): (Vec<&Address>, Vec<&Address>) = own.into_iter().partition(|own| self.is_file(own));
        let own = if read.is_empty() { files } else { read };
        let reached = own.into_iter().map(|address| self.reach(owner, incident.id, address));
        reached.min().unwrap_or(OwnerReach::Nobody)
    }

    /// Whether what goes to an address lies in a directory.
    pub(super) fn is_file(&self, address: &Address) -> bool {
        let channel = self.settings.channels.get(&address.channel);
        channel.is_some_and(|channel| matches!(channel.kind, ChannelKind::File { .. }))
    }

    /// The same of one of its addresses.
    fn reach(&self, team: &Name, of: IncidentId, address: &Address) -> OwnerReach {
        let heard = self.outbox.heard(team, of, address);
        if heard.is_some_and(|heard| heard.first_at.is_some()) {
            OwnerReach::Told
        } else if heard.is_some_and(|heard| heard.given_up.is_some()) {
            // What waits behind a message that the address has refused for good promises nothing.
            OwnerReach::Refused
        } else if self.outbox.first_waiting_for(team, of, address).is_some() {
            OwnerReach::NotYet
        } else {
            OwnerReach::Nobody
        }
    }

    /// The last silences of what a message tells of, where they fell into the time since it began.
    fn silences_over(&self, incident: &Incident, data: &[DataSide<'_>]) -> Vec<&Silence> {
        if incident.about == About::Freshd {
            return Vec::new();
        }
        let names = data.iter().map(|side| &side.dataset.name);
        let names: BTreeSet<&Name> = names.chain([&incident.subject]).collect();
        let last = names.into_iter().filter_map(|name| self.silences.get(name));
        last.filter(|silence| silence.over_at() > incident.since).collect()
    }

    /// The window of planned work that has just closed over an incident, or was open when that began or would have been told.
    fn planned_over(&self, incident: &Incident) -> Option<OpenWindow> {
        if incident.drill.is_some() {
            return None;
        }
        let group_wait = self.settings.alerts.group_wait;
        let lately = earlier(self.now.wall, group_wait).max(incident.since);
        let told_at = later(incident.since, group_wait).min(self.now.wall);
        let mut moments = [lately, incident.since, told_at].into_iter();
        moments.find_map(|at| self.open_window(incident.about, &incident.subject, at))
    }

    /// Whether a dataset has a problem of its own beside an incident, of which nobody is told for now.
    fn is_quiet_apart(&self, dataset: &Name, incident: &Incident) -> bool {
        let about = self.incidents.about(About::Dataset, dataset);
        about.is_some_and(|own| own.id != incident.id && self.quiet_until(own).is_some())
    }

    /// What the last run of a job made and the checks refused, unless something newer came.
    fn refused_by(&self, side: &JobSide<'_>) -> Option<Refused<'_>> {
        let run = side.run.filter(|run| run.outcome == Some(Outcome::Rejected))?;
        let refused = self.data.get(side.job.produces.as_ref()?)?.held_back()?;
        let lies = quarantine_path(Path::new("quarantine"), &refused.dataset, refused.number);
        (refused.run == Some(run.id)).then(|| Refused {
            version: refused.reference(),
            lies,
            checks: &refused.checks,
        })
    }

    /// Where a refused candidate lies.
    pub(super) fn quarantine_of(&self, version: &Version) -> PathBuf {
        quarantine_path(
            &self.host.state_dir.join("quarantine"),
            &version.dataset,
            version.number,
        )
    }

    pub(super) fn team_title(&self, team: &Name) -> String {
        let title = self.settings.teams.get(team).and_then(|team| team.title.clone());
        title.unwrap_or_else(|| team.to_string())
    }
}
