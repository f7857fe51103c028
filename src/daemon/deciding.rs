//! Reads the version from the store about which a person decides: the engine keeps only those that are in use.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::{Decision, Event, Name, Version, VersionNumber, VersionRef, VersionState};
use crate::store::{ReadError, Reader};

/// Versions among which the newest in quarantine is looked for.
const VERSIONS_LOOKED_AT_MAX: u32 = 1_000;

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
    /// Who decided that, where that is not who asks.
    pub by: Option<String>,
}

impl Decide {
    /// The event of request `id`, with the version as it is on record.
    ///
    /// # Errors
    /// Says, for the asker, that there is no such version, or that it cannot be read.
    pub(super) async fn event(self, state_dir: &Path, id: u64, asked_by: String) -> Result<Event, String> {
        let version = version(state_dir, self.decision, self.dataset, self.number).await?;
        Ok(Event::Decided {
            id,
            by: self
                .by
                .map_or_else(|| asked_by.clone(), |by| format!("{by} ({asked_by})")),
            because: self.because,
            decision: self.decision,
            version: Box::new(version),
        })
    }
}

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
    let mut recorded = reader.versions_of(dataset, VERSIONS_LOOKED_AT_MAX)?.into_iter();
    Ok(recorded.find(|version| version.state == wanted))
}
