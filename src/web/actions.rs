//! What a user or a program may do: run, pause, resume, cancel, acknowledge, send a message again. Each asks the daemon what the verb of the
//! command line asks it; a further one is a request, a function here for programs, one for forms, and two lines in `routes.rs`.
//!
//! None takes a command, an argument, a user, a path, an environment or a schedule: what runs stands in jobs.toml alone.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request as Asked, State};
use axum::response::{IntoResponse, Redirect, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_stream::StreamExt as _;
use tracing::info;

use super::answer::{Trouble, document};
use super::api::{known_job, number};
use super::desk::Desk;
use super::door::Who;
use super::forms::{Sent, is_kind, sent_back};
use super::incident_visits::DEAD_SHOWN;
use super::pages::{FormOf, counted, piece};
use super::reading;
use super::sessions::Said;
use super::typed::{bounded, needed};
use super::visits::Missing;
use crate::model::{
    Ack, Address, IncidentId, Name, NotificationId, Request, RunId, format_time, newest_of_each, parse_duration,
};

/// Bytes of what comes with a request that changes something.
const BODY_BYTES_MAX: usize = 16 << 10;

/// Where what was given up is listed.
const DEAD_LIST: &str = "/incidents#given-up";

type Answer = Result<Response, Trouble>;
type Shown = Result<Response, Missing>;
type Asks = State<Arc<Desk>>;

/// Nothing comes with it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Why it is done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// Why, for the record.
    because: String,
}

/// What whoever takes an incident on has to say.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    /// Shown wherever the name is.
    note: Option<String>,
}

/// What is to be silenced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ToSilence {
    /// A job or a dataset.
    name: String,
    /// How long, as in jobs.toml: `2h`.
    r#for: String,
    /// Why, for the record.
    because: String,
}

pub(super) async fn run(State(desk): Asks, who: Who, Path(job): Path<String>, asked: Asked) -> Answer {
    json::<Nothing>(asked).await?;
    Ok(document(&asks_to_run(&desk, &who, &job).await?))
}

pub(super) async fn pause(State(desk): Asks, who: Who, Path(job): Path<String>, asked: Asked) -> Answer {
    let because = json::<Reason>(asked).await?.because;
    Ok(document(&asks_to_pause(&desk, &who, &job, because).await?))
}

pub(super) async fn resume(State(desk): Asks, who: Who, Path(job): Path<String>, asked: Asked) -> Answer {
    json::<Nothing>(asked).await?;
    Ok(document(&asks_to_resume(&desk, &who, &job).await?))
}

pub(super) async fn cancel(State(desk): Asks, who: Who, Path(id): Path<String>, asked: Asked) -> Answer {
    json::<Nothing>(asked).await?;
    Ok(document(&asks_to_cancel(&desk, &who, number(&id, "run")?).await?))
}

pub(super) async fn ack(State(desk): Asks, who: Who, Path(id): Path<String>, asked: Asked) -> Answer {
    let note = json::<Note>(asked).await?.note;
    Ok(document(
        &asks_to_ack(&desk, &who, number(&id, "incident")?, note).await?,
    ))
}

pub(super) async fn resend(State(desk): Asks, who: Who, Path(id): Path<String>, asked: Asked) -> Answer {
    json::<Nothing>(asked).await?;
    Ok(document(&asks_to_resend(&desk, &who, number(&id, "message")?).await?))
}

pub(super) async fn silence(State(desk): Asks, who: Who, asked: Asked) -> Answer {
    let wish = json(asked).await?;
    Ok(document(&asks_to_silence(&desk, &who, wish).await?))
}

pub(super) async fn unsilence(State(desk): Asks, who: Who, Path(name): Path<String>, asked: Asked) -> Answer {
    json::<Nothing>(asked).await?;
    Ok(document(&asks_to_unsilence(&desk, &who, &name).await?))
}

pub(super) async fn form_run(State(desk): Asks, who: Who, Path(job): Path<String>) -> Shown {
    let page = format!("/jobs/{}", piece(&job));
    Ok(match asks_to_run(&desk, &who, &job).await {
        Ok(facts) => {
            let run = facts["run"].as_u64().unwrap_or_default();
            let waits = facts["waits"].as_str().map(|why| format!("; it waits: {why}"));
            let words = format!("Run {run} has begun{}.", waits.unwrap_or_default());
            back(&desk, &who, &format!("/runs/{run}"), Ok(words))?
        }
        Err(trouble) => back(&desk, &who, &page, Err(trouble))?,
    })
}

pub(super) async fn form_pause(State(desk): Asks, who: Who, Path(job): Path<String>, asked: Asked) -> Shown {
    let sent = Sent::of(asked).await?;
    let done = async { asks_to_pause(&desk, &who, &job, sent.read::<Reason>()?.because).await };
    let words = "It is paused: what comes due is recorded as skipped.";
    match done.await {
        Ok(_) => Ok(back(
            &desk,
            &who,
            &format!("/jobs/{}", piece(&job)),
            Ok(words.to_owned()),
        )?),
        Err(trouble) => {
            known_job(&desk, &job)?;
            Ok(sent_back(who, &FormOf::Pause { job }, &sent, trouble)?)
        }
    }
}

pub(super) async fn form_resume(State(desk): Asks, who: Who, Path(job): Path<String>) -> Shown {
    let done = asks_to_resume(&desk, &who, &job).await;
    let said = done.map(|_| "It is scheduled again.".to_owned());
    Ok(back(&desk, &who, &format!("/jobs/{}", piece(&job)), said)?)
}

pub(super) async fn form_cancel(State(desk): Asks, who: Who, Path(id): Path<String>) -> Shown {
    let id = number(&id, "run")?;
    let done = asks_to_cancel(&desk, &who, id).await;
    let said = done.map(|_| "It is told to end.".to_owned());
    Ok(back(&desk, &who, &format!("/runs/{id}"), said)?)
}

pub(super) async fn form_ack(State(desk): Asks, who: Who, Path(id): Path<String>, asked: Asked) -> Shown {
    let id = number(&id, "incident")?;
    let sent = Sent::of(asked).await?;
    let done = async { asks_to_ack(&desk, &who, id, sent.read::<Note>()?.note).await };
    match done.await {
        Ok(facts) => {
            let mut words = "It is yours: reminders rest, and everyone told will hear when it is over.".to_owned();
            if let Ok(before) = Ack::deserialize(&facts["taken_over_from"]) {
                let zone = &desk.settings().timezone;
                let said = before.taken_over_words(|at| format_time(at, zone));
                words.push_str(&format!(" Know that {said}."));
            }
            Ok(back(&desk, &who, &format!("/incidents/{id}"), Ok(words))?)
        }
        Err(trouble) => Ok(sent_back(who, &FormOf::Ack { incident: id }, &sent, trouble)?),
    }
}

pub(super) async fn form_resend(State(desk): Asks, who: Who, Path((id, message)): Path<(String, String)>) -> Shown {
    let (id, message) = (number(&id, "incident")?, number(&message, "message")?);
    form_resends(&desk, &who, message, &format!("/incidents/{id}#messages")).await
}

/// The same from the list of those that were given up.
pub(super) async fn form_resend_dead(State(desk): Asks, who: Who, Path(message): Path<String>) -> Shown {
    form_resends(&desk, &who, number(&message, "message")?, DEAD_LIST).await
}

async fn form_resends(desk: &Desk, who: &Who, message: u64, page: &str) -> Shown {
    let done = asks_to_resend(desk, who, message).await;
    let said = done.map(|facts| format!("It is sent again, as message {}.", facts["message"]));
    Ok(back(desk, who, page, said)?)
}

/// Each that is listed there, the oldest first. One that is refused holds up no other.
pub(super) async fn form_resend_all(State(desk): Asks, who: Who) -> Shown {
    let settings = desk.settings();
    let in_use = move |address: &Address| settings.is_in_use(address);
    let dead = desk
        .read(move |reader| reader.dead_messages(false, DEAD_SHOWN, &in_use))
        .await?;
    let (newest, told) = newest_of_each(&dead);
    let (mut sent, mut refused) = (0_usize, None);
    for dead in newest.iter().rev() {
        match asks_to_resend(&desk, &who, dead.message.0).await {
            Ok(_) => sent += 1,
            Err(trouble) => refused = Some(trouble),
        }
    }
    let said = match refused {
        Some(trouble) if sent == 0 => Err(trouble),
        Some(trouble) => Ok(format!(
            "{sent} of {} are sent again. Of the others the last was refused: {}.",
            newest.len(),
            trouble.words()
        )),
        None => Ok(format!("{} sent again.", counted(sent, "message"))),
    };
    let told = match told {
        0 => String::new(),
        told => format!(" {told} more are told by later ones about the same incidents."),
    };
    let said = said.map(|said| said + &told);
    Ok(back(&desk, &who, DEAD_LIST, said)?)
}

pub(super) async fn form_silence(State(desk): Asks, who: Who, asked: Asked) -> Shown {
    let sent = Sent::of(asked).await?;
    let done = async { asks_to_silence(&desk, &who, sent.read()?).await };
    let words = "Nobody is told of it until then; what goes wrong is on record as ever.";
    match done.await {
        Ok(_) => Ok(back(&desk, &who, "/incidents#silenced", Ok(words.to_owned()))?),
        Err(trouble) => {
            // Nobody types the name: without one, the form is none of ours.
            let Some(name) = sent.typed_into("name") else {
                return Err(trouble.into());
            };
            let name = known_name(&desk, &name)?;
            let page = if desk.settings().jobs.contains_key(&name) {
                "jobs"
            } else {
                "datasets"
            };
            let page = format!("/{page}/{}", piece(name.as_str()));
            Ok(sent_back(who, &FormOf::Silence { name, page }, &sent, trouble)?)
        }
    }
}

pub(super) async fn form_unsilence(State(desk): Asks, who: Who, Path(name): Path<String>) -> Shown {
    let done = asks_to_unsilence(&desk, &who, &name).await;
    let said = done.map(|_| {
        "It is no longer silenced. What is still wrong is told now, unless somebody has taken it on, or something else \
         explains it or keeps it quiet."
            .to_owned()
    });
    Ok(back(&desk, &who, "/incidents#silenced", said)?)
}

async fn asks_to_silence(desk: &Desk, who: &Who, wish: ToSilence) -> Result<Value, Trouble> {
    let name = known_name(desk, &wish.name)?;
    let because = needed(wish.because, "a silence")?;
    let length = parse_duration(wish.r#for.trim()).map_err(|error| Trouble::Field {
        name: "for",
        words: format!("`for` is not understood: {error}"),
    })?;
    let request = Request::Silence {
        name,
        because,
        for_s: length.as_secs(),
    };
    act(desk, who, request).await
}

async fn asks_to_unsilence(desk: &Desk, who: &Who, name: &str) -> Result<Value, Trouble> {
    let name = known_name(desk, name)?;
    act(desk, who, Request::Unsilence { name }).await
}

/// The configured job or dataset of that name.
fn known_name(desk: &Desk, name: &str) -> Result<Name, Trouble> {
    let settings = desk.settings();
    let mut known = settings.jobs.keys().chain(settings.datasets.keys());
    let found = known.clone().find(|known| known.as_str() == name).cloned();
    found.ok_or_else(|| Trouble::unknown("job or dataset", name, known.by_ref().map(Name::as_str)))
}

async fn asks_to_run(desk: &Desk, who: &Who, job: &str) -> Result<Value, Trouble> {
    let job = known_job(desk, job)?.name.clone();
    // What is appended to a command is the command line's alone.
    act(desk, who, Request::Run { job, args: Vec::new() }).await
}

async fn asks_to_pause(desk: &Desk, who: &Who, job: &str, because: String) -> Result<Value, Trouble> {
    let job = known_job(desk, job)?.name.clone();
    let because = needed(because, "a pause")?;
    act(desk, who, Request::Pause { job, because }).await
}

async fn asks_to_resume(desk: &Desk, who: &Who, job: &str) -> Result<Value, Trouble> {
    let job: Name = known_job(desk, job)?.name.clone();
    act(desk, who, Request::Resume { job }).await
}

async fn asks_to_cancel(desk: &Desk, who: &Who, run: u64) -> Result<Value, Trouble> {
    act(desk, who, Request::Cancel { run: RunId(run) }).await
}

async fn asks_to_ack(desk: &Desk, who: &Who, incident: u64, note: Option<String>) -> Result<Value, Trouble> {
    let request = Request::Ack {
        incident: IncidentId(incident),
        note: bounded(note, ("note", "note"))?,
        link: None,
    };
    act(desk, who, request).await
}

async fn asks_to_resend(desk: &Desk, who: &Who, message: u64) -> Result<Value, Trouble> {
    let (message, by) = (NotificationId(message), who.for_the_record());
    info!(by, "asked over HTTP: send message {message} again");
    desk.resend(message, by).await
}

/// Asks for it in the name of whoever is at the door.
async fn act(desk: &Desk, who: &Who, request: Request) -> Result<Value, Trouble> {
    let by = who.for_the_record();
    info!(by, "asked over HTTP: {request:?}");
    desk.act(request, by).await
}

/// Back to a page, which says what has come of it. What does not exist has no page to go back to.
fn back(desk: &Desk, who: &Who, page: &str, said: Result<String, Trouble>) -> Result<Response, Trouble> {
    let said = match said {
        Ok(words) => Said {
            words,
            is_refusal: false,
        },
        Err(trouble @ (Trouble::Unknown { .. } | Trouble::Forbidden(_))) => return Err(trouble),
        // Nothing would tell it on the page that comes next.
        Err(trouble) if who.session().is_none() => return Err(trouble),
        Err(trouble) => Said {
            words: format!("Refused: {}.", trouble.words()),
            is_refusal: true,
        },
    };
    if let Some(session) = who.session() {
        desk.login_state().sessions().say(session, said);
    }
    Ok(Redirect::to(page).into_response())
}

/// All that comes with a request, unless it is too much.
pub(super) async fn body(body: Body) -> Result<Bytes, Trouble> {
    body_within(body, BODY_BYTES_MAX).await
}

/// The same, with another limit.
pub(super) async fn body_within(body: Body, bytes_max: usize) -> Result<Bytes, Trouble> {
    let mut read = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Trouble::Query("what comes with it breaks off".to_owned()))?;
        if read.len() + piece.len() > bytes_max {
            return Err(Trouble::TooLarge { bytes_max });
        }
        read.extend_from_slice(&piece);
    }
    Ok(read.into())
}

/// What a program sends along: nothing, or JSON. No page elsewhere can send JSON without asking first.
async fn json<T: DeserializeOwned + JsonSchema>(asked: Asked) -> Result<T, Trouble> {
    let (parts, sent) = asked.into_parts();
    let sent = body(sent).await?;
    if sent.is_empty() {
        return reading::sent(b"{}");
    }
    if !is_kind(&parts.headers, "application/json") {
        return Err(Trouble::Query(
            "send JSON, with content-type: application/json".to_owned(),
        ));
    }
    reading::sent(&sent)
}
