//! Reads the version from the store about which a person decides: the engine keeps only those that are in use.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::shell::Shell;
use crate::model::{Decision, Event, Name, Reply, Version, VersionNumber, VersionRef, VersionState};
use crate::store::{ReadError, Reader};

/// What a person wishes to decide.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decide {
    /// Which of the two.
    pub decision: Decision,
    /// The dataset.
    pub dataset: Name,
    /// The version; none for the newest of its kind.
    pub number: Option<VersionNumber>,
    /// Why.
    pub because: String,
    /// What is released teaches like any other version.
    #[serde(default)]
    pub learn: bool,
    /// Who decided that, where that is not who asks.
    pub by: Option<String>,
}

impl Shell {
    /// Looks the version up about which a person decides, beside the loop, and then lets the engine decide; or says that
    /// there is none.
    pub(super) fn decide_by_hand(&mut self, wish: Decide, asked_by: String, answer: oneshot::Sender<Reply>) {
        self.requests += 1;
        let id = self.requests;
        self.performer.replies.insert(id, answer);
        let (state_dir, events) = (self.state_dir.clone(), self.performer.events.clone());
        tokio::spawn(async move {
            let version = version(&state_dir, wish.decision, wish.dataset, wish.number).await;
            let decided = Event::Decided {
                id,
                by: wish
                    .by
                    .map_or_else(|| asked_by.clone(), |by| format!("{by} ({asked_by})")),
                because: wish.because,
                decision: wish.decision,
                learn: wish.learn,
                version: version.map(Box::new),
            };
            // The receiver is gone only when the daemon ends, and with it whoever waits for the answer.
            let _ = events.send(decided);
        });
    }
}

/// The version that is meant, as it is on record; or why there is none, for the asker.
async fn version(
    state_dir: &Path,
    decision: Decision,
    dataset: Name,
    number: Option<VersionNumber>,
) -> Result<Version, String> {
    let state_dir = state_dir.to_owned();
    let name = dataset.clone();
    let read = tokio::task::spawn_blocking(move || read(&state_dir, decision, &name, number)).await;
    let found = match read {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(format!("what is recorded could not be read: {error}")),
        Err(panic) => {
            return Err(format!(
                "freshd failed while reading its records, which is a bug: {panic}"
            ));
        }
    };
    found.ok_or_else(|| match (number, decision) {
        (Some(number), _) => {
            format!("nothing is recorded of {dataset}@{number}; `freshd trace {dataset}` shows the newest version")
        }
        (None, Decision::Release) => format!("nothing of {dataset} is in quarantine"),
        (None, Decision::Restore) => format!("{dataset} has no earlier version"),
    })
}

fn read(
    state_dir: &Path,
    decision: Decision,
    dataset: &Name,
    number: Option<VersionNumber>,
) -> Result<Option<Version>, ReadError> {
    let reader = Reader::open(state_dir)?;
    if let Some(number) = number {
        let dataset = dataset.clone();
        return reader.version(&VersionRef { dataset, number });
    }
    let wanted = match decision {
        Decision::Release => VersionState::Quarantined,
        Decision::Restore => VersionState::Published,
    };
    let Some(number) = reader.newest_number(dataset, Some(wanted))? else {
        return Ok(None);
    };
    let dataset = dataset.clone();
    reader.version(&VersionRef { dataset, number })
}
