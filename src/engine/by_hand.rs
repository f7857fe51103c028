//! What a person decides about versions: an earlier one is put in place once more, one in quarantine after all.
//!
//! Both are publications like any other, decided and stored before anything is moved, and asked for again after a crash.
//! What is restored gets a number of its own, so that numbers go on growing for readers, sidecars and lineage; it keeps the
//! age of the old data, and is no delivery. What is released keeps its number: it is that candidate.

use std::path::PathBuf;

use serde_json::json;

use super::Engine;
use crate::model::{
    About, Action, ByHand, Decision, Fact, HandKind, Incident, Name, Publishing, Released, Reply, Run, Setback, Stamp,
    Version, VersionRef, VersionState, quarantine_path, version_path,
};

impl Engine {
    /// A person decides about a version. The answer follows when it is in place, or says at once why not.
    pub(super) fn decided(
        &mut self,
        id: u64,
        (by, because): (String, String),
        decision: Decision,
        version: Result<Version, String>,
    ) {
        let at = self.now.wall;
        let by_hand = |kind| ByHand { kind, by, because, at };
        let decided = version.and_then(|version| match (self.refusal(decision, &version), decision) {
            (Some(why), _) => Err(why),
            (None, Decision::Restore) => {
                Ok(self.restored_version(&version, by_hand(HandKind::Restored(version.reference()))))
            }
            (None, Decision::Release) => Ok(self.released_version(version, by_hand(HandKind::Released))),
        });
        match decided {
            Err(why) => self.act(Action::Reply {
                id,
                reply: Reply::Refused(why),
            }),
            Ok(version) => {
                self.fact(Fact::Version(Box::new(version.clone())));
                self.remember(&version);
                self.hand_waits.insert(version.reference(), id);
                self.publish_by_hand(version);
            }
        }
    }

    /// Why it cannot be done, in words and with what to do instead.
    fn refusal(&self, decision: Decision, version: &Version) -> Option<String> {
        let (name, shown) = (&version.dataset, version.reference());
        let Some(dataset) = self.settings.datasets.get(name) else {
            return Some(format!("there is no dataset {name} in jobs.toml"));
        };
        if dataset.probe.is_some() || dataset.file.is_none() {
            return Some(format!("{name} is only watched: freshd publishes nothing of it"));
        }
        if let Some(hold) = &self.space_hold {
            return Some(hold.why_refused());
        }
        if let Some(hold) = &self.clock_hold {
            return Some(hold.why_a_run_waits(&self.settings.timezone));
        }
        let state = self.data.get(name)?;
        if let Some(publishing) = state.publishing.first() {
            return Some(format!(
                "{name}@{} is being put in place right now; ask again in a moment",
                publishing.number
            ));
        }
        let current = state.current.as_ref();
        match (decision, version.state) {
            (Decision::Restore, VersionState::Published) if version.kept_as.is_none() => Some(format!(
                "{shown} was only seen where others had put it: nothing of it is kept"
            )),
            (Decision::Restore, VersionState::Published) => None,
            (Decision::Restore, VersionState::Quarantined) => Some(format!(
                "{shown} was refused; `freshd release {shown}` publishes it after all"
            )),
            (Decision::Release, VersionState::Published) => Some(format!(
                "{shown} was published; `freshd restore {shown}` puts it in place once more"
            )),
            (Decision::Release, VersionState::Quarantined) if version.is_restored() => Some(format!(
                "{shown} is an earlier version that could not be put in place: there is nothing to release"
            )),
            (_, VersionState::Publishing) => Some(format!("{shown} is being put in place right now")),
            (Decision::Release, VersionState::Quarantined) if version.sha256.is_empty() => Some(format!(
                "{shown} left nothing that could be read: there is nothing to publish"
            )),
            (Decision::Release, VersionState::Quarantined) if version.kept_as.is_none() => {
                Some(format!("nothing is kept of {shown}: there is nothing to publish"))
            }
            (Decision::Release, VersionState::Quarantined) => {
                let newer = current.filter(|current| current.number >= version.number)?;
                Some(format!(
                    "{name}@{} was published since {shown} was refused; what is older is not put over it",
                    newer.number
                ))
            }
        }
    }

    /// The content of an earlier version, as old as it is, under a number of its own.
    fn restored_version(&mut self, from: &Version, by_hand: ByHand) -> Version {
        let before = self.current_version(&from.dataset);
        let unchanged = before.is_some_and(|(before, _)| before.sha256 == from.sha256);
        let mut version = Version {
            number: self.next_version_number(&from.dataset),
            state: VersionState::Publishing,
            arrived_at: self.now.wall,
            attempt: None,
            unchanged,
            stamp: None,
            // Where readers look now, from the copy as it is kept.
            file: self.file_of(&from.dataset),
            // That content was counted when it was new.
            lesson: None,
            ..from.clone()
        };
        version.provenance.by_hand = Some(by_hand);
        // What was expected of it is used up.
        version.provenance.expected = None;
        version
    }

    fn released_version(&mut self, mut version: Version, by_hand: ByHand) -> Version {
        version.state = VersionState::Publishing;
        version.arrived_at = self.now.wall;
        version.file = self.file_of(&version.dataset);
        version.provenance.by_hand = Some(by_hand);
        if let Some(state) = self.data.get_mut(&version.dataset)
            && state
                .refused
                .as_ref()
                .is_some_and(|refused| refused.number == version.number)
        {
            state.refused = None;
        }
        version
    }

    fn file_of(&self, dataset: &Name) -> Option<PathBuf> {
        self.settings.datasets.get(dataset)?.file.clone()
    }

    /// Asks for the publication of a copy of what is kept; ends it, with the reason, where that cannot be.
    fn publish_by_hand(&mut self, version: Version) {
        let dataset = self.settings.datasets.get(&version.dataset).cloned();
        let dataset = dataset.ok_or_else(|| format!("{} is no longer in jobs.toml", version.dataset));
        let kept = match (&version.provenance.by_hand, &version.kept_as) {
            (Some(by_hand), Some(kept_as)) => Ok((by_hand, kept_as)),
            (None, _) => Err("nobody is on record who decided that".to_owned()),
            (_, None) => Err("nothing of it is kept".to_owned()),
        };
        let (dataset, (by_hand, kept_as)) = match dataset.and_then(|dataset| Ok((dataset, kept?))) {
            Ok(found) => found,
            Err(why) => {
                if let Some(state) = self.data.get_mut(&version.dataset) {
                    state.publishing.retain(|other| other.number != version.number);
                }
                let may_pass = false;
                self.published_by_hand(version, Err(Setback { why, may_pass }));
                return;
            }
        };
        let state_dir = &self.host.state_dir;
        let kept = match &by_hand.kind {
            HandKind::Restored(from) => version_path(&state_dir.join("versions"), &from.dataset, from.number, kept_as),
            HandKind::Released => {
                quarantine_path(&state_dir.join("quarantine"), &version.dataset, version.number).join(kept_as)
            }
        };
        let publishing = Publishing {
            is_kept: true,
            ..self.publishing(version, dataset, kept)
        };
        self.act(Action::Publish(Box::new(publishing)));
    }

    /// A passing setback may be over.
    pub(super) fn publish_by_hand_again(&mut self, version: &VersionRef) {
        let state = self.data.get(&version.dataset);
        let mut publishing = state.into_iter().flat_map(|state| &state.publishing);
        let going_on = publishing.find(|publishing| publishing.number == version.number);
        if let Some(version) = going_on.cloned() {
            self.publish_by_hand(version);
        }
    }

    /// Asks again for what a crash may have cut short.
    pub(super) fn resume_by_hand(&mut self) {
        let publishing = self.data.values().flat_map(|state| &state.publishing);
        let by_hand = publishing.filter(|version| version.provenance.by_hand.is_some());
        let mut by_hand: Vec<Version> = by_hand.cloned().collect();
        by_hand.sort_by(|a, b| a.dataset.cmp(&b.dataset));
        for version in by_hand {
            self.publish_by_hand(version);
        }
    }

    /// What a person decided is in place, or could not be put there: then readers keep what they have.
    pub(super) fn published_by_hand(&mut self, mut version: Version, result: Result<Option<Stamp>, Setback>) {
        let shown = version.reference();
        let asked = self.hand_waits.remove(&shown);
        let reply = match result {
            Ok(stamp) => {
                version.state = VersionState::Published;
                version.stamp = stamp;
                self.fact(Fact::Version(Box::new(version.clone())));
                let facts = json!({
                    "version": shown.to_string(),
                    "as_of": version.as_of,
                    "effective_as_of": version.effective_as_of,
                    "by_hand": version.provenance.by_hand,
                });
                self.note_release(&version);
                self.arrived(version);
                self.trigger_readers(&shown.dataset);
                Reply::Done(facts)
            }
            Err(Setback { why, .. }) => {
                let was = match version.provenance.by_hand.as_ref().map(|by_hand| &by_hand.kind) {
                    Some(HandKind::Restored(from)) => format!("{from} could not be restored: {why}"),
                    _ => format!("it could not be released: {why}"),
                };
                if version.is_restored() {
                    version.reason = Some(was.clone());
                } else {
                    // A refused candidate is what it was: nobody has released it.
                    let by_hand = version.provenance.by_hand.take();
                    let by = by_hand.map_or_else(String::new, |by_hand| format!(" by {}", by_hand.by));
                    let refused = version.reason.take();
                    let tried = format!("a release{by} came to nothing: {why}");
                    version.reason =
                        Some(refused.map_or_else(|| tried.clone(), |refused| format!("{refused}; {tried}")));
                }
                version.state = VersionState::Quarantined;
                self.fact(Fact::Version(Box::new(version.clone())));
                self.remember(&version);
                Reply::Refused(was)
            }
        };
        if let Some(id) = asked {
            self.act(Action::Reply { id, reply });
        }
    }

    /// What an attempt made was kept aside, and is what readers see all the same: its run's outcome stays, and is no problem
    /// any more.
    fn note_release(&mut self, version: &Version) {
        let by_hand = version.provenance.by_hand.as_ref();
        let by_hand = by_hand.filter(|by_hand| by_hand.kind == HandKind::Released);
        let Some((by_hand, attempt)) = by_hand.zip(version.attempt) else {
            return;
        };
        let released = Released {
            by: by_hand.by.clone(),
            because: by_hand.because.clone(),
            at: self.now.wall,
        };
        self.fact(Fact::Released(attempt, released.clone()));
        let is_of_it = |run: &Run| run.id == attempt.run && run.attempts == attempt.number;
        if let Some(run) = self.runs.get_mut(&attempt.run).filter(|run| is_of_it(run)) {
            run.released = Some(Box::new(released));
            return;
        }
        for (name, state) in &mut self.jobs {
            if let Some((last, _)) = state.last.as_deref_mut().filter(|(last, _)| is_of_it(last)) {
                last.released = Some(Box::new(released));
                self.dirty_jobs.insert(name.clone());
                break;
            }
        }
    }

    /// What a person did that ended a problem, where that is so.
    pub(super) fn resolution_of(&self, incident: &Incident) -> Option<String> {
        match incident.about {
            About::Job => {
                let last = self.jobs.get(&incident.subject)?.last.as_deref();
                Some(last?.0.released.as_ref()?.words())
            }
            About::Dataset => {
                let by_hand = self.current_version(&incident.subject)?.0.provenance.by_hand.as_ref()?;
                (by_hand.at >= incident.since).then(|| by_hand.words())
            }
            About::Freshd => None,
        }
    }
}
