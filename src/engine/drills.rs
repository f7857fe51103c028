//! Rehearsals: an incident about nothing, told and escalated like any other, to see whether somebody answers.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Engine;
use crate::model::{
    About, Action, AddressState, DRILL_MAX, DRILL_MIN, Drill, Incident, IncidentId, Name, ProblemKind, Reach, Reply,
    Severity, drill_end_words, drill_words, elapsed, format_duration, later,
};

impl Engine {
    /// Begins a rehearsal with the owner of a job or dataset; or says why not.
    pub(super) fn drill(&mut self, name: &Name, length: Duration, by: &str) -> Result<Value, String> {
        // Of what is both, the data is what people answer for.
        let about = match (self.settings.datasets.get(name), self.settings.jobs.get(name)) {
            (Some(_), _) => About::Dataset,
            (None, Some(_)) => About::Job,
            (None, None) => return Err(format!("there is no job or dataset {name} in jobs.toml")),
        };
        if length < DRILL_MIN || length > DRILL_MAX {
            return Err(format!(
                "a drill lasts from {} to {}, not {}",
                format_duration(DRILL_MIN),
                format_duration(DRILL_MAX),
                format_duration(length)
            ));
        }
        let going = self.incidents.drills().find(|drill| drill.subject == *name);
        if let Some(going) = going {
            return Err(format!(
                "drill {} on {name} goes on; `freshd ack {}` ends it",
                going.id, going.id
            ));
        }
        let now = self.now.wall;
        let until = later(now, length);
        let incident = Incident {
            drill: Some(Drill {
                by: by.to_owned(),
                until,
            }),
            ..self.new_incident(
                about,
                name,
                ProblemKind::Drill,
                Severity::Critical,
                now,
                format!("a drill ordered by {by}: nothing is wrong"),
            )
        };
        let id = incident.id;
        self.store(incident);
        self.open(id);
        let incident = self.incidents.get(id);
        let told: Vec<String> = incident.map_or_else(Vec::new, |incident| {
            let told = incident.told.iter();
            told.map(|(team, address)| format!("{team} by {address}")).collect()
        });
        Ok(json!({ "incident": id, "name": name, "about": about, "by": by, "at": now, "until": until, "told": told }))
    }

    /// Answers when a rehearsal is over.
    pub(super) fn wait_for_drill(&mut self, id: IncidentId, request: u64) -> Result<(), String> {
        if self.incidents.drills().any(|drill| drill.id == id) {
            self.drill_waits.entry(id).or_default().push(request);
            return Ok(());
        }
        Err(format!(
            "drill {id} does not go on; `freshd incidents {id}` tells how it went"
        ))
    }

    /// Somebody has answered, or it took too long: whoever was told hears of the end, and how it went.
    pub(super) fn end_drill(&mut self, id: IncidentId) {
        let Some(mut incident) = self.incidents.get(id).cloned() else {
            return;
        };
        let addresses = self.addresses_told(&incident);
        let is_known = addresses.iter().any(|address| address.state == Reach::Told);
        incident.resolution = Some(drill_end_words(&incident, self.now.wall, is_known));
        incident.resolved_at = Some(self.now.wall);
        let facts = drill_json(&incident, &addresses, self.now.wall);
        self.incidents.insert(incident);
        self.resolve(id);
        for request in self.drill_waits.remove(&id).unwrap_or_default() {
            let reply = Reply::Done(facts.clone());
            self.act(Action::Reply { id: request, reply });
        }
    }

    /// Ends a rehearsal whose time is over. Says whether it did.
    pub(super) fn end_drill_in_time(&mut self, id: IncidentId) -> bool {
        let until = self.incidents.get(id).and_then(drill_until);
        let is_over = until.is_some_and(|until| until <= self.now.wall);
        if is_over {
            self.end_drill(id);
        }
        is_over
    }

    /// What is no longer in jobs.toml is not rehearsed any more.
    pub(super) fn end_drills_of_nothing(&mut self) {
        let is_gone = |drill: &&Incident| match drill.about {
            About::Job => !self.settings.jobs.contains_key(&drill.subject),
            About::Dataset | About::Freshd => !self.settings.datasets.contains_key(&drill.subject),
        };
        let gone: Vec<IncidentId> = self.incidents.drills().filter(is_gone).map(|drill| drill.id).collect();
        for id in gone {
            self.end_drill(id);
        }
    }
}

/// When a rehearsal is over, if it is one.
pub(super) fn drill_until(incident: &Incident) -> Option<Timestamp> {
    incident.drill.as_ref().map(|drill| drill.until)
}

/// How a rehearsal went, for whoever waits for it.
fn drill_json(incident: &Incident, addresses: &[AddressState], now: Timestamp) -> Value {
    let ack = incident.ack.as_ref();
    let by = |is_told: bool| -> Vec<String> {
        let of_them = addresses.iter().filter(|one| (one.state == Reach::Told) == is_told);
        of_them
            .map(|one| format!("{} by {}", one.reader(one.team.as_str()), one.to))
            .collect()
    };
    json!({
        "incident": incident.id,
        "name": incident.subject,
        "about": incident.about,
        "by": incident.drill.as_ref().map(|drill| &drill.by),
        "at": incident.since,
        "ended_at": now,
        "acknowledged_by": ack.map(|ack| &ack.by),
        "acknowledged_after_s": ack.map(|ack| elapsed(incident.since, ack.at).as_secs()),
        "escalations": incident.escalations,
        "result": drill_words(incident),
        "told": by(true),
        "not_reached": by(false),
    })
}
