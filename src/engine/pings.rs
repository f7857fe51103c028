//! Pings: whoever knows a dataset's key says when its data has arrived, or that it has not.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Engine;
use crate::model::{
    Fact, Measurement, Name, Observation, PING_TEXT_MAX, PINGED, Ping, PingKind, PingWord, elapsed, format_time,
    has_power, is_ping_run,
};

/// Whoever gets no answer pings again within this time.
const SAID_AGAIN_WITHIN: Duration = Duration::from_mins(1);

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
        let is_news = matches!(word.kind, PingKind::Success | PingKind::Fail);
        if is_news && let Some(why) = self.knows_no_time() {
            return Err(format!("{why}: ping again"));
        }
        let name = dataset.name.clone();
        let ping = Ping {
            dataset: name.clone(),
            at: self.now.wall,
            word,
            rid,
            text: last_of(text),
        };
        let state = self.data.entry(name.clone()).or_default();
        let is_said_again = state.pinged.as_ref().is_some_and(|before| is_same(before, &ping));
        // Counted from the first: a script that says it every half minute has something new each time but one.
        if is_news && !is_said_again {
            state.pinged = Some(ping.clone());
        }
        match word.kind {
            PingKind::Success if !is_said_again => self.arrived_by_ping(&name),
            PingKind::Fail => self.observe_ping(&name, self.now.wall, Err(failure(word, &ping.text))),
            PingKind::Success | PingKind::Start | PingKind::Log => {}
        }
        let answer = json!(ping);
        self.fact(Fact::Ping(ping));
        Ok(answer)
    }

    /// Why nobody can say as of when something is that is told of just now.
    pub(super) fn knows_no_time(&self) -> Option<String> {
        let hold = self.clock_hold.as_ref()?;
        let since = format_time(hold.since, &self.settings.timezone);
        Some(format!(
            "the clock cannot be believed since {since}, and nobody knows as of when it is"
        ))
    }

    /// Each word that data has arrived is a version as of now: nobody compares what nobody looks at.
    fn arrived_by_ping(&mut self, name: &Name) {
        self.observe_ping(name, self.now.wall, Ok(Some(Measurement::default())));
        let version = self.watched_version(name, self.now.wall);
        self.watched_arrived(version);
    }

    /// What was so at an instant, as somebody elsewhere says.
    pub(super) fn observe_ping(&mut self, name: &Name, at: Timestamp, found: Result<Option<Measurement>, String>) {
        let observation = Observation {
            dataset: name.clone(),
            at,
            found,
            path: Some(PINGED.into()),
            written_at: None,
        };
        self.data.entry(name.clone()).or_default().observation = Some(observation.clone());
        self.fact(Fact::Observation(observation));
        self.dirty_data.insert(name.clone());
    }
}

/// The last characters, as far as they are kept; a cut is shown.
pub(super) fn last_of(text: &str) -> String {
    match text.chars().count().checked_sub(PING_TEXT_MAX) {
        None | Some(0) => text.to_owned(),
        Some(more) => std::iter::once('…').chain(text.chars().skip(more + 1)).collect(),
    }
}

/// Whether whoever got no answer has only said it once more: nothing else has arrived since.
fn is_same(before: &Ping, ping: &Ping) -> bool {
    before.word.kind == ping.word.kind && before.rid == ping.rid && elapsed(before.at, ping.at) < SAID_AGAIN_WITHIN
}

/// What a script says of its failure, in a few words.
pub(super) fn failure(word: PingWord, text: &str) -> String {
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
