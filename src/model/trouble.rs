//! What is wrong, in a few words: the first line of the board, and of the page of what is wrong now.

use jiff::Timestamp;

use super::{DatasetState, OpenIncident, ProblemKind, Status};

/// Datasets of one state, and addresses that cannot be reached, that are named.
const HIT_NAMED: usize = 3;

/// Where a dataset stands among those that are hit: one that explains others first, then one with a trouble of its own, then
/// by when it is read next and since when it is hit.
type Rank = (bool, bool, Timestamp, Timestamp);

impl Status {
    /// All that is wrong: `1 incident: stock late`, `2 jobs failing`, `no heartbeat`. Empty where nothing is, or where
    /// nothing but a clock or a disk holds the starts. Names stand in it as they were given.
    ///
    /// What one incident tells, its effects among it, is one trouble: the data that is hit is named, and not counted again;
    /// what explains the rest first, then what is read first.
    pub fn trouble_in_words(&self) -> Vec<String> {
        let mut hit: Vec<(Rank, String)> = ["late", "stale", "changed", "suspect", "unknown"]
            .into_iter()
            .filter_map(|word| self.hit_in_words(word))
            .collect();
        hit.sort_by_key(|((is_no_cause, ..), _)| *is_no_cause);
        let hit: Vec<String> = hit.into_iter().map(|(_, words)| words).collect();
        let wrong: Vec<&OpenIncident> = self.causes().filter(|cause| cause.well_since().is_none()).collect();
        let broken = wrong
            .iter()
            .filter(|cause| cause.kind == ProblemKind::ChannelBroken.as_str());
        let broken = named(&broken.map(|cause| cause.subject.as_str()).collect::<Vec<_>>());
        let broken = broken.map(|addresses| format!("{addresses} cannot be reached"));
        let told: Vec<String> = Some(hit.join(", "))
            .filter(|_| !hit.is_empty())
            .into_iter()
            .chain(broken)
            .collect();
        let mut parts = match (wrong.len(), told.is_empty()) {
            (0, _) => hit,
            (causes, true) => vec![counted(causes, "incident")],
            (causes, false) => vec![format!("{}: {}", counted(causes, "incident"), told.join("; "))],
        };
        parts.extend(self.well_in_words());
        let failing = self.jobs.iter().filter(|job| job.is_failing());
        match failing.filter(|job| !self.is_told("job", &job.name)).count() {
            0 => {}
            untold => parts.push(format!("{} failing", counted(untold, "job"))),
        }
        let unseen = self.datasets.iter().filter(|dataset| dataset.state == "unknown");
        let (told, untold): (Vec<_>, Vec<_>) = unseen.partition(|dataset| self.is_told("dataset", &dataset.name));
        match (untold.len(), told.is_empty()) {
            (0, _) => {}
            (untold, true) => parts.push(format!("{} unknown", counted(untold, "dataset"))),
            // Beside those that are named.
            (untold, false) => parts.push(format!("{} unknown besides", counted(untold, "dataset"))),
        }
        if !self.undelivered.is_empty() {
            let messages = counted(self.undelivered_messages(), "message");
            parts.push(format!("{messages} not delivered"));
        }
        if self.has_no_heartbeat() {
            parts.push("no heartbeat".to_owned());
        }
        parts
    }

    /// What comes and goes and is well just now, counted; nothing where nothing does.
    pub fn well_in_words(&self) -> Option<String> {
        let well = self.causes().filter(|cause| cause.well_since().is_some());
        match well.count() {
            0 => None,
            1 => Some("1 incident comes and goes, well just now".to_owned()),
            well => Some(format!("{well} incidents come and go, well just now")),
        }
    }

    /// Whether nothing is the matter but that nobody has seen some of the data yet, as in every first minute.
    pub fn is_young(&self) -> bool {
        let mut datasets = self.datasets.iter();
        self.incidents.is_empty()
            && !self.jobs.iter().any(super::JobState::is_failing)
            && self.undelivered.is_empty()
            && self.disk_full.is_none()
            && self.clock_held_until.is_none()
            && self.unstored_since.is_none()
            && datasets.all(|dataset| dataset.keeps_promise() || dataset.state == "unknown")
    }

    /// `stock and prices late`, with the rank of the first; nothing where no dataset is. What nobody has seen yet is only
    /// counted, unless an incident tells of it.
    fn hit_in_words(&self, word: &str) -> Option<(Rank, String)> {
        let is_named = |dataset: &&DatasetState| word != "unknown" || self.is_told("dataset", &dataset.name);
        let hit = self.datasets.iter().filter(|dataset| dataset.state == word);
        let mut hit: Vec<(Rank, &str)> = hit
            .filter(is_named)
            .map(|dataset| (self.rank(&dataset.name), dataset.name.as_str()))
            .collect();
        hit.sort_unstable();
        let first = hit.first()?.0;
        let names: Vec<&str> = hit.into_iter().map(|(_, name)| name).collect();
        Some((first, format!("{} {word}", named(&names)?)))
    }

    fn rank(&self, dataset: &str) -> Rank {
        let mut incidents = self.incidents.iter();
        let of_it = incidents.find(|one| one.about == "dataset" && one.subject == dataset);
        let explains = |id| self.incidents.iter().any(|effect| effect.cause == Some(id));
        let reads_at = of_it.and_then(|one| one.readers.iter().filter_map(|reading| reading.at).min());
        (
            !of_it.is_some_and(|one| explains(one.id)),
            of_it.is_none_or(|one| one.cause.is_some()),
            reads_at.unwrap_or(Timestamp::MAX),
            of_it.map_or(Timestamp::MAX, |one| one.since),
        )
    }

    /// Whether an incident is about something, of whose kind `about` says which: `job`, `dataset`.
    pub fn is_told(&self, about: &str, name: &str) -> bool {
        let mut incidents = self.incidents.iter();
        incidents.any(|one| one.about == about && one.subject == name)
    }
}

/// `stock`, `stock and prices`, or the first few and how many more; nothing where none is.
fn named(names: &[&str]) -> Option<String> {
    let more = names.len().saturating_sub(HIT_NAMED);
    match names {
        [] => None,
        [only] => Some((*only).to_owned()),
        [others @ .., last] if more == 0 => Some(format!("{} and {last}", others.join(", "))),
        _ => Some(format!("{} and {more} more", names[..HIT_NAMED].join(", "))),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn addresses_that_cannot_be_reached_are_named_behind_the_data() {
        let incident = |id: u64, (about, subject, kind): (&str, &str, &str)| {
            json!({
                "id": id, "kind": kind, "about": about, "subject": subject, "state": "open", "severity": "critical",
                "since": "2026-11-27T20:02:00Z", "notify_at": "2026-11-27T20:02:00Z", "reason": "it is so",
            })
        };
        let said = |incidents: &[Value]| {
            let facts = json!({
                "at": "2026-11-27T22:17:00Z", "timezone": "UTC", "datasets": [], "jobs": [], "incidents": incidents,
                "undelivered": [], "clock_held_until": null,
            });
            Status::read(&facts).expect("a status").trouble_in_words()
        };
        let failed = incident(1, ("job", "export", "failed"));
        let slack = incident(2, ("freshd", "slack", "channel_broken"));
        let mail = incident(3, ("freshd", "mail:x", "channel_broken"));
        assert_eq!(said(std::slice::from_ref(&failed)), ["1 incident"]);
        assert_eq!(
            said(&[failed, slack, mail]),
            ["3 incidents: slack and mail:x cannot be reached"]
        );
    }
}
