//! What a person expects of a dataset: a jump that the checks which compare with versions before accept, on the record.

use std::time::Duration;

use serde_json::{Value, json};

use super::Engine;
use crate::model::{Expectation, Expected, Fact, Judgement, Name, Version, VersionState, format_duration, later};

/// What is asked for.
pub(super) struct Wish {
    pub(super) dataset: Name,
    pub(super) because: String,
    pub(super) by: String,
    /// For how many accepted versions; none of them takes back what stands.
    pub(super) versions: u32,
    pub(super) within: Duration,
}

impl Engine {
    /// Notes what is expected, in the place of what was expected before; or says why that makes no sense.
    pub(super) fn expect(&mut self, wish: Wish) -> Result<Value, String> {
        let Wish {
            dataset: name,
            because,
            by,
            versions,
            within,
        } = wish;
        let at = self.now.wall;
        let before = self.data.get(&name).and_then(|state| state.expectation.clone());
        // What stands can be taken back whatever has become of its dataset since.
        let is_withdrawn = versions == 0 && before.as_ref().is_some_and(|before| before.stands(at));
        match self.settings.datasets.get(&name) {
            _ if is_withdrawn => {}
            None => return Err(format!("there is no dataset {name} in jobs.toml")),
            Some(dataset) if versions > 0 && !dataset.checks.learn() => {
                return Err(format!(
                    "no check of {name} compares with versions before, so there is nothing to expect; hard limits are changed in jobs.toml"
                ));
            }
            Some(_) => {}
        }
        let expectation = match (before, versions) {
            (Some(before), 0) if before.stands(at) => Expectation {
                versions: 0,
                until: at,
                ..before
            },
            (_, 0) => return Err(format!("nothing is expected of {name}")),
            (before, versions) => Expectation {
                dataset: name,
                because,
                by,
                at,
                until: later(at, within),
                versions,
                used: Vec::new(),
                jumps: before.map(|before| before.jumps).unwrap_or_default(),
            },
        };
        let facts = json!({
            "dataset": expectation.dataset,
            "because": expectation.because,
            "by": expectation.by,
            "versions": expectation.versions,
            "until": expectation.until,
            "for": format_duration(within),
        });
        self.set_expectation(expectation);
        Ok(facts)
    }

    /// Accepts what is expected of a candidate; `None` when nothing is, or when as many as are expected were accepted: those
    /// count that are only being put in place, too.
    pub(super) fn as_expected(&self, dataset: &Name, judgement: &mut Judgement) -> Option<Expected> {
        let state = self.data.get(dataset)?;
        let expectation = state.expectation.as_ref()?;
        let accepted = state.publishing.iter().filter(|version| {
            let expected = version.provenance.expected.as_ref();
            expected.is_some_and(|expected| expected.at == expectation.at)
        });
        let left = (expectation.versions as usize).saturating_sub(expectation.used.len());
        (expectation.stands(self.now.wall) && accepted.count() < left)
            .then(|| expectation.accept(&mut judgement.checks))
    }

    /// A version is in place; if it was expected, that is used up, and what has jumped begins to learn anew.
    pub(super) fn use_up_expectation(&mut self, version: &Version) {
        let Some(expected) = &version.provenance.expected else {
            return;
        };
        let known = self.data.get(&version.dataset);
        let Some(expectation) = known.and_then(|state| state.expectation.as_ref()) else {
            return;
        };
        let is_new = !expectation.used.contains(&version.number)
            && !expectation.jumps.iter().any(|jump| jump.version == version.number);
        if version.state == VersionState::Published && is_new {
            let mut expectation = expectation.clone();
            expectation.use_up(version.number, expected);
            self.set_expectation(expectation);
        }
    }

    /// What stands of a dataset, for people.
    pub(super) fn expected_json(&self, dataset: &Name) -> Value {
        let expectation = self.data.get(dataset).and_then(|state| state.expectation.as_ref());
        let Some(expectation) = expectation.filter(|expectation| expectation.stands(self.now.wall)) else {
            return Value::Null;
        };
        json!({
            "because": expectation.because,
            "by": expectation.by,
            "at": expectation.at,
            "until": expectation.until,
            "versions": expectation.versions,
            "used": expectation.used,
        })
    }

    fn set_expectation(&mut self, expectation: Expectation) {
        self.fact(Fact::Expectation(expectation.clone()));
        let name = expectation.dataset.clone();
        self.data.entry(name.clone()).or_default().expectation = Some(expectation);
        self.dirty_data.insert(name);
    }
}
