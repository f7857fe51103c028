//! Slack, as an app: its Web API's `chat.postMessage`, each incident as a thread behind its first message.
//!
//! The API answers 200 to what it refuses, and says in its body what it thinks.

use reqwest::Url;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::links::Links;
use super::{clean, http, slack};
use crate::model::{Message, Purpose, Secret};

/// Longest error of the API that is repeated, in characters.
const ERROR_CHARS_MAX: usize = 100;

/// Refusals that pass: of the service, or of too many messages. All others are about what is configured, or about the
/// message itself.
const PASSING: [&str; 9] = [
    "ratelimited",
    "rate_limited",
    "message_limit_exceeded",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    "external_channel_migrating",
];

/// Refusals of the layout, which text alone does not have.
const OF_LAYOUT: [&str; 3] = ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"];

/// Refusals of the thread: its first message was removed, or lies in another channel.
const OF_THREAD: [&str; 4] = [
    "thread_not_found",
    "message_not_found",
    "cannot_reply_to_message",
    "invalid_thread_ts",
];

/// What is posted.
#[derive(Clone, Copy)]
pub(super) struct Post<'a> {
    /// `#ops`, or an id.
    pub(super) channel: &'a str,
    /// The receipt of the first message of its thread.
    pub(super) follows: Option<&'a str>,
    pub(super) message: &'a Message,
    pub(super) links: Links<'a>,
}

/// What the API says.
#[derive(Debug, Deserialize)]
struct Said {
    ok: bool,
    #[serde(default)]
    error: String,
    /// The id of the channel, by whatever name that was asked for.
    #[serde(default)]
    channel: String,
    #[serde(default)]
    ts: String,
}

/// What is kept of a message to find it again: the id of its channel and its `ts`, `C0OPS/1764194400.000100`. Slack takes a
/// channel's name for a message that is posted, but not for one that is changed.
struct Receipt<'a> {
    channel: &'a str,
    ts: &'a str,
}

impl<'a> Receipt<'a> {
    fn of(receipt: &'a str) -> Self {
        let (channel, ts) = receipt.split_once('/').unwrap_or(("", receipt));
        Self { channel, ts }
    }
}

/// Posts a message; its receipt, if it begins a thread. Where Slack rejects the layout it goes once more as text only, and where the thread is gone
/// it begins a new one.
pub(super) async fn send(
    client: &reqwest::Client,
    api: &Secret,
    authorization: &HeaderMap,
    post: &Post<'_>,
) -> Result<Option<String>, Failure> {
    let url = method(api, "chat.postMessage")?;
    let mut post = *post;
    let mut body = slack::in_blocks(post.message, post.links);
    let (mut is_text, mut is_in_thread) = (false, post.follows.is_some());
    loop {
        let said = ask(client, &url, authorization, &addressed(&body, &post)).await?;
        match said.error.as_str() {
            _ if said.ok => {
                let receipt = || format!("{}/{}", said.channel, said.ts);
                return Ok(post.follows.is_none().then(receipt));
            }
            error if OF_LAYOUT.contains(&error) && !is_text => {
                (body, is_text) = (slack::as_text(post.message, post.links), true);
            }
            error if OF_THREAD.contains(&error) && is_in_thread => {
                (post.follows, is_in_thread) = (None, false);
            }
            error => return Err(failure(error, post.channel)),
        }
    }
}

/// Changes the first message of a thread, once: what is refused or late is left as it is.
pub(super) async fn change(
    client: &reqwest::Client,
    api: &Secret,
    authorization: &HeaderMap,
    receipt: &str,
    body: Value,
) -> Result<(), Failure> {
    let Receipt { channel, ts } = Receipt::of(receipt);
    let mut body = body;
    body["channel"] = json!(channel);
    body["ts"] = json!(ts);
    // Unless told so, Slack makes links and names of a changed text that it would not make of a posted one.
    body["parse"] = json!("none");
    let said = ask(client, &method(api, "chat.update")?, authorization, &body).await?;
    match said.ok {
        true => Ok(()),
        false => Err(failure(&said.error, channel)),
    }
}

/// Where the message goes. Whoever looks at the channel alone sees an end and an escalation too.
fn addressed(body: &Value, post: &Post<'_>) -> Value {
    let mut body = body.clone();
    body["channel"] = json!(post.channel);
    body["unfurl_links"] = json!(false);
    if let Some(follows) = post.follows {
        body["thread_ts"] = json!(Receipt::of(follows).ts);
        body["reply_broadcast"] = json!(matches!(post.message.purpose, Purpose::Recovery | Purpose::Escalation));
    }
    body
}

async fn ask(client: &reqwest::Client, url: &Secret, authorization: &HeaderMap, body: &Value) -> Result<Said, Failure> {
    let answer = http::post_and_hear(client, url, authorization.clone(), body.to_string()).await?;
    let (host, said) = (answer.host.clone(), serde_json::from_str::<Said>(&answer.body));
    match said {
        // What it says counts for more than its status, but for a status that says to wait.
        Ok(said) if answer.status < 400 || !said.error.is_empty() && answer.status < 429 => Ok(said),
        _ => {
            answer.judge()?;
            let error = format!("{host} answered with something else than Slack's API does: is `api` right?");
            Err(Failure::temporary(error))
        }
    }
}

fn failure(error: &str, channel: &str) -> Failure {
    let said = clean::line(error, ERROR_CHARS_MAX);
    let help = match error {
        "channel_not_found" => format!(": there is no {channel}, or the app may not see it"),
        "not_in_channel" => format!(": invite the app into {channel}"),
        "is_archived" => format!(": {channel} is archived"),
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
            ": the token is not, or no longer, one of an app of this workspace".to_owned()
        }
        "missing_scope" => ": the app needs the scope chat:write".to_owned(),
        _ => String::new(),
    };
    let text = format!("Slack says {said}{help}");
    match PASSING.contains(&error) {
        true => Failure::temporary(text),
        false => Failure::permanent(text),
    }
}

fn method(api: &Secret, name: &str) -> Result<Secret, Failure> {
    let mut url =
        Url::parse(api.reveal()).map_err(|error| Failure::unsent(format!("api is not a web address: {error}")))?;
    let path = format!("{}/{name}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(Secret::new(url))
}
