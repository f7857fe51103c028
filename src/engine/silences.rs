//! Silences: a person says that nobody is to be told of a job or dataset for a while, on the record.

use std::time::Duration;

use serde_json::{Value, json};

use super::Engine;
use crate::model::{
    Fact, Incident, IncidentId, IncidentState, Name, Quiet, SILENCE_MAX, SILENCE_MIN, Silence, SilenceEnd, elapsed,
    format_duration, later,
};

impl Engine {
    /// Silences what bears a name, in the place of a silence that stands; or says why that makes no sense.
    pub(super) fn silence(&mut self, name: &Name, because: &str, length: Duration, by: &str) -> Result<Value, String> {
        let is_job = self.settings.jobs.contains_key(name);
        let is_dataset = self.settings.datasets.contains_key(name);
        if !is_job && !is_dataset {
            return Err(format!("there is no job or dataset {name} in jobs.toml"));
        }
        let because = because.trim();
        if because.is_empty() {
            return Err(
                "a silence needs a reason: who is called at night wants to know why nobody was told".to_owned(),
            );
        }
        if length < SILENCE_MIN || length > SILENCE_MAX {
            let instead = match length > SILENCE_MAX {
                true => "; what is to stay quiet for longer is better taken out of jobs.toml",
                false => "",
            };
            return Err(format!(
                "a silence lasts from {} to {}, not {}{instead}",
                format_duration(SILENCE_MIN),
                format_duration(SILENCE_MAX),
                format_duration(length)
            ));
        }
        let replaced = self.standing_silence(name).cloned();
        if replaced.is_some() {
            self.end_silence(name, format!("replaced by {by}"));
        }
        let at = self.now.wall;
        let silence = Silence {
            subject: name.clone(),
            number: self.silences.get(name).map_or(1, |before| before.number + 1),
            by: by.to_owned(),
            because: because.to_owned(),
            from: at,
            until: later(at, length),
            ended: None,
        };
        let mut facts = json!(silence);
        facts["concerns"] = json!(self.concerned_by(name));
        facts["replaces"] = json!(replaced);
        facts["still_told"] = json!(self.still_told(name));
        self.set_silence(silence);
        self.look_at_quiet();
        Ok(facts)
    }

    /// Ends the silence that stands; the owner of what is wrong is told at once, unless something else speaks against it.
    pub(super) fn unsilence(&mut self, name: &Name, by: &str) -> Result<Value, String> {
        // What stands can be ended whatever has become of its name since.
        let Some(silence) = self.end_silence(name, format!("lifted by {by}")) else {
            let is_known = self.settings.jobs.contains_key(name) || self.settings.datasets.contains_key(name);
            return Err(match is_known {
                true => format!("{name} is not silenced; `freshd silences` lists what is"),
                false => format!("there is no job or dataset {name} in jobs.toml"),
            });
        };
        self.look_at_quiet();
        let is_about = |incident: &&Incident| incident.subject == *name && incident.drill.is_none();
        let about = self.incidents.values().filter(is_about);
        let mut facts = json!(silence);
        facts["incidents"] = about.map(|incident| self.without_silence(incident)).collect();
        Ok(facts)
    }

    /// Whether what is wrong is told, now that a silence over it has ended; and if not, why.
    fn without_silence(&self, incident: &Incident) -> Value {
        let now = self.now.wall;
        let mut told = json!({ "incident": incident.id });
        let mut say = |word: &str, more: Value| {
            told["told"] = json!(word);
            if let (Value::Object(told), Value::Object(more)) = (&mut told, more) {
                told.extend(more);
            }
        };
        let is_told = |cause: &IncidentId| {
            let cause = self.incidents.get(*cause);
            cause.is_some_and(|cause| cause.state == IncidentState::Open && self.explains_others(cause))
        };
        let cause = incident.cause.or_else(|| self.cause_of(incident).filter(is_told));
        let is_open = incident.state == IncidentState::Open;
        let ack = incident.taken_on(now).filter(|_| is_open);
        let begun = Some(incident.notify_at).filter(|at| !is_open && *at > now);
        let later = begun.max(self.quiet_ends_with(incident));
        match (self.quiet_of(incident), ack, cause.filter(|_| !is_open)) {
            (Some(Quiet::Window(window)), ..) => {
                say("maintenance", json!({ "name": window.name, "until": window.until }));
            }
            (Some(Quiet::Silence(other)), ..) => say(
                "silence",
                json!({ "name": other.subject, "by": other.by, "because": other.because, "until": other.over_at() }),
            ),
            (None, Some(ack), _) => say("acknowledged", json!({ "by": ack.by, "until": ack.until })),
            (None, None, Some(cause)) => say("explained", json!({ "cause": cause })),
            (None, None, None) => match later {
                Some(at) => say("later", json!({ "at": at })),
                None => say("now", json!({})),
            },
        }
        told
    }

    /// The silence that stands over a name.
    pub(super) fn standing_silence(&self, name: &Name) -> Option<&Silence> {
        let silence = self.silences.get(name)?;
        silence.stands(self.now.wall).then_some(silence)
    }

    /// Every silence that stands, by name.
    pub(super) fn standing_silences(&self) -> impl Iterator<Item = &Silence> {
        let now = self.now.wall;
        self.silences.values().filter(move |silence| silence.stands(now))
    }

    /// What is no longer in jobs.toml is not silenced any more, nor when it comes back.
    pub(super) fn forget_silences(&mut self) {
        let is_gone =
            |name: &&Name| !self.settings.jobs.contains_key(*name) && !self.settings.datasets.contains_key(*name);
        let gone: Vec<Name> = self.silences.keys().filter(is_gone).cloned().collect();
        for name in gone {
            self.end_silence(&name, "it is no longer in jobs.toml".to_owned());
        }
    }

    /// Silences that a clock said to begin later began now, and last as long as was asked for.
    pub(super) fn redate_silences(&mut self) {
        let now = self.now.wall;
        let ahead = self.silences.values().filter(|silence| silence.from > now);
        let ahead: Vec<Silence> = ahead.cloned().collect();
        for mut silence in ahead {
            silence.until = later(now, elapsed(silence.from, silence.until));
            silence.from = now;
            if let Some(end) = &mut silence.ended {
                end.at = end.at.min(now);
            }
            self.set_silence(silence);
        }
    }

    /// What a name is.
    fn concerned_by(&self, name: &Name) -> Vec<&'static str> {
        let job = self.settings.jobs.contains_key(name).then_some("job");
        let dataset = self.settings.datasets.contains_key(name).then_some("dataset");
        job.into_iter().chain(dataset).collect()
    }

    /// What stands nearest and is told as ever: the job that makes a dataset, the dataset that a job makes.
    fn still_told(&self, name: &Name) -> Vec<Value> {
        let producer = self.lineage.producer_of(name.as_str());
        let product = self.settings.jobs.get(name).and_then(|job| job.produces.as_ref());
        let near = producer.map(|job| ("job", job)).into_iter();
        let near = near.chain(product.map(|dataset| ("dataset", dataset)));
        near.filter(|(_, near)| *near != name && self.standing_silence(near).is_none())
            .map(|(is, near)| json!({ "is": is, "name": near }))
            .collect()
    }

    fn end_silence(&mut self, name: &Name, how: String) -> Option<Silence> {
        let mut silence = self.standing_silence(name)?.clone();
        silence.ended = Some(SilenceEnd { at: self.now.wall, how });
        self.set_silence(silence.clone());
        Some(silence)
    }

    fn set_silence(&mut self, silence: Silence) {
        self.fact(Fact::Silence(silence.clone()));
        self.silences.insert(silence.subject.clone(), silence);
    }
}
