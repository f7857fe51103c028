//! What was wrong at first, of what is told as something else by now: whoever was told of the first knows it by that.

use super::words::{past, was_words, what_words};
use crate::model::{About, Ack, Incident, ProblemKind};

/// What was wrong at first, in a few words: `its data was refused`.
fn at_first(incident: &Incident) -> Option<String> {
    // What comes and goes is told as that, whatever it is each time.
    let first = incident.first_kind.filter(|_| incident.flapping.is_none())?;
    Some(match first {
        ProblemKind::Rejected => "its data was refused".to_owned(),
        first => format!("it {}", past(first.words())),
    })
}

/// The same of a job. Of data that was late before it was stale the two are one trouble, and its times are told.
fn at_first_of_job(incident: &Incident) -> Option<String> {
    at_first(incident).filter(|_| incident.about == About::Job)
}

/// What is the matter with the subject, and of a job what was at first: `failed, at first its data was refused`.
pub(super) fn what_and_at_first(incident: &Incident) -> String {
    what_words(incident).to_owned() + &behind_what(incident)
}

/// What was wrong with a job at first, behind what is.
pub(super) fn behind_what(incident: &Incident) -> String {
    at_first_of_job(incident).map_or_else(String::new, |first| format!(", at first {first}"))
}

/// Of what is over, what was wrong with it, and at first: `was stale, at first it was late`.
pub(super) fn was_and_at_first(incident: &Incident) -> String {
    let was = was_words(incident);
    at_first(incident).map_or_else(|| was.clone(), |first| format!("{was}, at first {first}"))
}

/// What was wrong with a job at first in a sentence of its own, behind why it has failed.
pub(super) fn at_first_sentence(incident: &Incident) -> String {
    at_first_of_job(incident).map_or_else(String::new, |first| format!(" At first {first}."))
}

/// Who has taken something on did so when it was another matter: said behind when that was.
pub(super) fn before_it_changed(incident: &Incident, ack: &Ack) -> &'static str {
    match incident.kind_since {
        Some(changed_at) if ack.at < changed_at => ", before it changed",
        _ => "",
    }
}
