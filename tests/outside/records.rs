//! Everything that the judge looks at, gathered when nothing goes on.

use std::collections::{BTreeMap, BTreeSet};

use freshd::model::{Incident, Name};
use freshd::store::Reader;

use super::evidence;
use super::fleet::{DATASETS, kinds};
use super::judge::{Case, Published, Records, Told};
use super::sinks::named;
use super::world::World;

/// More of anything than a world makes.
const ROWS_MAX: u32 = 10_000_000;

impl World {
    /// What is known now. `is_told`: every message must have ended.
    pub(crate) fn case(&self, is_told: bool) -> Case {
        Case {
            kinds: kinds(),
            windows: self.windows.clone(),
            evidence: evidence::read(&self.house.path("evidence")),
            seen: self.reading.seen(),
            mails: self.mail.arrivals(),
            hooks: self.hook.arrivals(),
            outbox: self.outbox(),
            asked: self.asked.clone(),
            published: (0..DATASETS).map(|number| self.published(number)).collect(),
            survivors: self.survivors(),
            records: self.records(),
            is_told,
        }
    }

    fn records(&self) -> Records {
        let reader = self.house.reader();
        let runs = self.house.runs().into_iter().map(|run| {
            let known = reader.run(run.id).expect("the store can be read").expect("a run");
            (run.id, known)
        });
        let incidents = incidents(&reader);
        let told = incidents.iter().flat_map(|(_, told)| told);
        let digests: BTreeSet<_> = told.filter_map(|(notification, _)| notification.digest).collect();
        let digest = |id| reader.notification(id).expect("the store can be read");
        Records {
            runs: runs.collect(),
            digests: digests.into_iter().filter_map(|id| Some((id, digest(id)?))).collect(),
            incidents,
            versions: (0..DATASETS)
                .map(|number| {
                    let dataset = Name::from(format!("data-{number}"));
                    let mut versions = reader.versions_of(&dataset, ROWS_MAX).expect("the store can be read");
                    versions.reverse();
                    versions
                })
                .collect(),
        }
    }

    fn published(&self, number: usize) -> Published {
        let file = self.house.path(&format!("published/data-{number}.csv"));
        let sidecar = std::fs::read(file.with_file_name(format!("data-{number}.csv.freshd.json")));
        Published {
            file: std::fs::read(file).ok(),
            sidecar: sidecar.ok().map(|text| serde_json::from_slice(&text).expect("JSON")),
        }
    }

    /// Ids of the messages of which both files are there, with the incidents that they name.
    fn outbox(&self) -> BTreeMap<String, BTreeSet<u64>> {
        let Ok(entries) = std::fs::read_dir(self.house.path("outbox")) else {
            return BTreeMap::new();
        };
        let ids = entries.filter_map(|entry| {
            let path = entry.ok()?.path();
            let stem = path.file_name()?.to_str()?.strip_suffix(".json")?;
            let mail = std::fs::read_to_string(path.with_extension("eml")).ok()?;
            Some((stem.split_once('-')?.0.to_owned(), named(&mail)))
        });
        ids.collect()
    }
}

fn incidents(reader: &Reader) -> Vec<(Incident, Told)> {
    let incidents = reader.incidents(false, ROWS_MAX).expect("the store can be read");
    let told = |id| reader.notifications_of(id).expect("the store can be read");
    incidents
        .into_iter()
        .map(|incident| (incident.clone(), told(incident.id)))
        .collect()
}
