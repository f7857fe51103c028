//! Pings: whoever knows a dataset's key says when its data has arrived, or that it has not.

use serde_json::{Value, json};

use super::Engine;
use crate::model::{
    Fact, Measurement, Name, Observation, PING_TEXT_MAX, Ping, PingKind, PingWord, has_power, is_ping_run,
};

/// Characters of a script's last words that are repeated in a reason.
const LAST_WORDS_MAX: usize = 200;

impl Engine {
    /// Puts on record what a script says, and what follows from it for the dataset whose key it knows.
    pub(super) fn pinged(
        &mut self,
        key: &str,
        word: PingWord,
        rid: Option<String>,
        text: &str,
    ) -> Result<Value, String> {
        let Some(dataset) = self.settings.pinged_by(key).cloned() else {
            return Err("no dataset has a ping with this key".to_owned());
        };
        if let Some(rid) = rid.as_ref().filter(|rid| !is_ping_run(rid)) {
            return Err(format!(
                "rid tells runs apart by letters, digits and hyphens, and {rid:?} is not that"
            ));
        }
        let (name, at) = (dataset.name.clone(), self.now.wall);
        let text: String = text.chars().take(PING_TEXT_MAX).collect();
        match word.kind {
            PingKind::Start | PingKind::Log => {}
            PingKind::Success => self.arrived_by_ping(&name),
            PingKind::Fail => {
                let found = Err(failure(word, &text));
                self.observe_ping(&name, found);
            }
        }
        let ping = Ping {
            dataset: name,
            at,
            word,
            rid,
            text,
        };
        let answer = json!(ping);
        self.fact(Fact::Ping(ping));
        Ok(answer)
    }

    /// Each word that data has arrived is a version as of now: nobody compares what nobody looks at.
    fn arrived_by_ping(&mut self, name: &Name) {
        self.observe_ping(name, Ok(Some(Measurement::default())));
        let version = self.watched_version(name, self.now.wall);
        self.watched_arrived(version);
    }

    fn observe_ping(&mut self, name: &Name, found: Result<Option<Measurement>, String>) {
        let observation = Observation {
            dataset: name.clone(),
            at: self.now.wall,
            found,
            path: None,
        };
        self.data.entry(name.clone()).or_default().observation = Some(observation.clone());
        self.fact(Fact::Observation(observation));
        self.dirty_data.insert(name.clone());
    }
}

/// What a script says of its failure, in a few words.
fn failure(word: PingWord, text: &str) -> String {
    let status = word
        .exit_status
        .map_or_else(String::new, |status| format!(" with exit status {status}"));
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let last = last.map_or_else(String::new, |line| {
        let shown = line.chars().filter(|c| !has_power(*c)).take(LAST_WORDS_MAX);
        format!(": {}", shown.collect::<String>())
    });
    format!("its script has failed{status}{last}")
}
