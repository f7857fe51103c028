//! In what an incident concerns whoever reads of it: what of their own is wrong, how much else, and who reads it next.

use jiff::Timestamp;

use super::impact::{extent_of_cause, extent_of_own, own_with_others};
use super::terms::state_words;
use super::titles::{called, data_called};
use super::to_type::commands;
use super::words::{DataSide, Reading, Situation, concerns, is_broken, is_for_its_job, what_words};
use crate::model::{About, Incident, Message, Name, Owner, Purpose, ack_command, format_time};

/// In what an incident concerns somebody who reads of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concern {
    /// What people call the incident's subject, where that is not its name.
    pub called: Option<String>,
    /// Why it is so, to those who answer for it.
    pub why: Option<String>,
    /// What of the reader's own is wrong.
    pub own: Option<Own>,
    /// How much else is affected: `forecast and 39 more are stale`. To those downstream, of what they read or own.
    pub extent: Option<String>,
    /// Who reads what next, and when: `Transport planning reads stock`.
    pub next: Option<(String, Timestamp)>,
    /// The team that answers for it, where nobody of it has taken any message yet.
    pub untold: Option<String>,
    /// That it is so because freshd did not run, in words.
    pub while_down: Option<String>,
    /// That nobody is told of it for now, by whom, until when and why.
    pub quiet: Option<String>,
    /// What to type, where its reader is to mend it.
    pub commands: Vec<String>,
}

/// What is wrong of that which its reader owns or reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// What kind of thing it is.
    pub about: About,
    /// Its name.
    pub name: Name,
    /// How it is: `stock is stale`.
    pub words: String,
    /// The same with what else of theirs is: `stock and 3 more are stale`.
    pub with_others: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// In what an incident concerns the team that a message is for; `effects` are the incidents that it explains, and
/// `while_down` says of a dataset that a promise of it is broken because freshd did not run, and is asked of few.
///
/// Owners of the cause answer for that. Those downstream have read nothing of it yet: they know their own data and jobs.
pub fn concern(
    message: &Message,
    situation: &Situation<'_>,
    effects: &[(&Incident, &Owner)],
    while_down: &dyn Fn(&Name) -> Option<String>,
) -> Concern {
    let team = &message.team;
    let untold = || situation.unheard.as_ref().map(|_| situation.owner.clone());
    let of_first = || situation.data.iter().find_map(|data| while_down(&data.dataset.name));
    let incident = situation.incident;
    let subject_called = called(situation);
    let subject_called = (subject_called != incident.subject.as_str()).then(|| subject_called.to_owned());
    let effect_about = |about: About, name: &Name| {
        let mut effects = effects.iter().map(|(effect, _)| *effect);
        effects.find(|effect| effect.about == about && effect.subject == *name)
    };
    let began = |data: &DataSide<'_>| {
        let effect = effect_about(About::Dataset, &data.dataset.name);
        effect.map(|effect| effect.since).or(data.standing.since)
    };
    let of_cause = || {
        let next = situation.readers.iter().find(|reader| reader.at.is_some());
        // What was wrong before its job failed began as whoever reads it is told.
        let broken = situation.data.iter().filter(|data| is_broken(data));
        let earliest = broken.filter_map(began).min();
        let earliest = earliest.filter(|earliest| incident.about == About::Job && *earliest < incident.since);
        let since = earliest.map(|at| format!(", since {}", format_time(at, situation.zone)));
        let since = since.unwrap_or_default();
        Concern {
            called: subject_called.clone(),
            extent: extent_of_cause(situation).map(|extent| extent + &since),
            next: next.and_then(next_words),
            untold: untold(),
            while_down: of_first(),
            ..Concern::default()
        }
    };
    // Whose job has failed is to mend it, whoever answers for the data.
    let is_to_mend = !message.is_impact() || is_for_its_job(team, situation);
    let to_type = || match is_to_mend {
        true => to_mend(situation),
        false => Vec::new(),
    };
    if !message.is_impact() {
        return Concern {
            commands: to_type(),
            why: Some(situation.why.clone()),
            ..of_cause()
        };
    }
    let is_own = |owner: &Owner| matches!(owner, Owner::Team(name) if name == team);
    let (reader, data) = concerns(team, situation);
    let owned = || {
        let mut owned = situation.data.iter().filter(|data| is_own(&data.dataset.owner));
        owned.find(|data| is_broken(data))
    };
    let data = data.filter(|_| reader.is_some()).or_else(owned);
    if let Some(data) = data {
        let name = &data.dataset.name;
        let state = state_words(data.standing.state);
        let since = began(data).unwrap_or(incident.since);
        let of_dataset = |reader: &&Reading| reader.dataset == *name && reader.at.is_some();
        let next = reader
            .filter(of_dataset)
            .or_else(|| situation.readers.iter().find(of_dataset));
        return Concern {
            // What is well again is nothing that is wrong: then its cause alone is told.
            own: is_broken(data).then(|| Own {
                about: About::Dataset,
                name: name.clone(),
                words: format!("{} is {state}", data_called(data.dataset)),
                with_others: own_with_others(team, data, situation),
                since,
            }),
            called: subject_called,
            extent: extent_of_own(team, name, situation),
            next: next.and_then(next_words),
            untold: untold(),
            while_down: while_down(name).or_else(of_first),
            commands: to_type(),
            ..Concern::default()
        };
    }
    let job = effects
        .iter()
        .find(|(effect, owner)| effect.about == About::Job && is_own(owner));
    // Whoever stands in for them has nothing of its own in it.
    job.map_or_else(of_cause, |(job, _)| Concern {
        own: Some(Own {
            about: About::Job,
            name: job.subject.clone(),
            words: format!("job {} {}", job.subject, what_words(job)),
            with_others: None,
            since: job.since,
        }),
        called: subject_called.clone(),
        untold: untold(),
        while_down: of_first(),
        commands: to_type(),
        ..Concern::default()
    })
}

/// What whoever answers for an incident types to mend it; that somebody takes it on is said by the digest.
fn to_mend(situation: &Situation<'_>) -> Vec<String> {
    let ack = ack_command(situation.incident.id);
    let commands = commands(Purpose::Opening, false, situation).into_iter();
    commands.filter(|command| *command != ack).collect()
}

fn next_words(reader: &Reading) -> Option<(String, Timestamp)> {
    Some((format!("{} reads {}", reader.who, reader.called), reader.at?))
}
