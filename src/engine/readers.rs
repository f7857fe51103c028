//! Who reads what, as people call them, and when they do next.

use std::collections::BTreeSet;

use super::Engine;
use crate::alerting::Reading;
use crate::lineage::{Reader, ReaderKind};
use crate::model::{About, IncidentId, Name, OnStale, Schedule};
use crate::schedule;

impl Engine {
    /// Who reads what an incident concerns, first reader first: each by the nearest that it reads.
    pub(super) fn readers(&self, id: IncidentId) -> Vec<Reading> {
        let broken = self.broken_by(id).into_iter();
        let nearest = broken.flat_map(|(name, _)| self.lineage.impact(name.as_str()));
        self.readings(nearest)
    }

    /// The same, each by everything that it reads of that, be it broken yet or not.
    pub(super) fn all_readers(&self, id: IncidentId) -> Vec<Reading> {
        self.all_readers_of(self.broken_by(id).into_iter().map(|(name, _)| name))
    }

    /// Who reads any of these datasets, or what is made from it, by everything that they read of it.
    pub(super) fn all_readers_of(&self, of: impl IntoIterator<Item = Name>) -> Vec<Reading> {
        let mut seen = BTreeSet::new();
        let each = of.into_iter().flat_map(|name| {
            let behind = self.lineage.made_from(name.as_str());
            std::iter::once(name).chain(behind)
        });
        let each: Vec<Name> = each.filter(|name| seen.insert(name.clone())).collect();
        self.readings(each.iter().flat_map(|name| self.lineage.readers_of(name)))
    }

    fn readings<'a>(&'a self, readers: impl Iterator<Item = Reader<'a>>) -> Vec<Reading> {
        let readings = readers.map(|reader| Reading {
            who: self.consumer_title(&reader.consumer),
            team: self.team_of(&reader.owner).0,
            at: reader
                .reads_at
                .filter(|_| !self.is_held(&reader))
                .and_then(|rule| self.next_read(rule)),
            is_job: reader.kind == ReaderKind::Job,
            called: self.thing_called(About::Dataset, &reader.dataset).to_owned(),
            dataset: reader.dataset,
        });
        let mut seen = BTreeSet::new();
        let mut readings: Vec<Reading> = readings
            .filter(|reading| seen.insert((reading.who.clone(), reading.dataset.clone())))
            .collect();
        readings.sort_by_key(|reading| (reading.at.is_none(), reading.at));
        readings
    }

    /// A system, a job or a team that reads something, as people call it.
    fn consumer_title(&self, consumer: &Name) -> String {
        let settings = &self.settings;
        let system = settings.systems.get(consumer).map(|system| system.title.as_deref());
        let job = || settings.jobs.get(consumer).map(|job| job.title.as_deref());
        let team = || settings.teams.get(consumer).map(|team| team.title.as_deref());
        let title = system.or_else(job).or_else(team).flatten();
        title.unwrap_or(consumer.as_str()).to_owned()
    }

    /// Whether a reader is a job that waits until what it reads is fresh.
    fn is_held(&self, reader: &Reader<'_>) -> bool {
        let job = self.settings.jobs.get(&reader.consumer);
        job.filter(|_| reader.kind == ReaderKind::Job)
            .is_some_and(|job| matches!(job.policy.on_stale, OnStale::Hold(_)) && job.needs.contains(&reader.dataset))
    }

    fn next_read(&self, rule: &Schedule) -> Option<jiff::Timestamp> {
        schedule::next_open(rule, self.now.wall).map(|next| next.at)
    }
}
