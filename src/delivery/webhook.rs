//! Webhook: JSON with the headers and the signature of Standard Webhooks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use sha2::Sha256;

use super::failure::Failure;
use super::links::Links;
use super::{clean, http};
use crate::model::{Message, Purpose, Secret};

/// The body of a webhook.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    message: &'a Message,
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack_url: Option<&'a str>,
}

/// Posts the body of the message with that id, signed where the channel has a secret; `now` is the time of this try.
pub(super) async fn send(
    client: &reqwest::Client,
    url: &Secret,
    secret: Option<&Secret>,
    id: &str,
    body: String,
    now: Timestamp,
) -> Result<(), Failure> {
    let headers = headers(secret, id, now.as_second(), &body)?;
    http::post(client, url, headers, body).await?.judge()
}

/// The JSON of a message: the same at every try.
pub(super) fn body(message: &Message, to: Option<&str>, links: Links<'_>) -> Result<String, Failure> {
    let payload = Payload {
        kind: kind(message.purpose),
        timestamp: message.at,
        data: Data {
            message,
            to,
            incident_url: links.page,
            ack_url: links.ack,
        },
    };
    serde_json::to_string(&payload)
        .map_err(|error| Failure::unsent(format!("the message cannot be written as JSON: {error}")))
}

fn kind(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Opening => "freshd.incident.opening",
        Purpose::Update => "freshd.incident.update",
        Purpose::Impact => "freshd.incident.impact",
        Purpose::Reminder => "freshd.incident.reminder",
        Purpose::Escalation => "freshd.incident.escalation",
        Purpose::Recovery => "freshd.incident.recovery",
        Purpose::Digest => "freshd.digest",
        Purpose::Weekly => "freshd.weekly",
        Purpose::Canary => "freshd.canary",
        Purpose::Test => "freshd.test",
    }
}

fn headers(secret: Option<&Secret>, id: &str, timestamp: i64, body: &str) -> Result<HeaderMap, Failure> {
    let id = clean::identifier(id);
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: &str| -> Result<(), Failure> {
        let value = HeaderValue::from_str(value).map_err(|_| Failure::unsent(format!("{name} cannot be sent")))?;
        headers.insert(HeaderName::from_static(name), value);
        Ok(())
    };
    add("webhook-id", &id)?;
    add("webhook-timestamp", &timestamp.to_string())?;
    if let Some(secret) = secret {
        let key = key(secret)?;
        add("webhook-signature", &signature(&key, &id, timestamp, body)?)?;
    }
    Ok(headers)
}

fn key(secret: &Secret) -> Result<Vec<u8>, Failure> {
    let lacks = || Failure::unsent("secret is not base64 behind whsec_; copy it once more");
    secret.signing_key().ok_or_else(lacks)
}

/// `v1,` and HMAC-SHA256 over `id.timestamp.body`, as standardwebhooks.com defines it.
fn signature(key: &[u8], id: &str, timestamp: i64, body: &str) -> Result<String, Failure> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).map_err(|error| Failure::unsent(format!("secret cannot sign: {error}")))?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_published_example() {
        // From the specification's reference libraries.
        let key = key(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let signed = signature(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_not_base64_is_refused_without_telling_it() {
        let refused = key(&Secret::new("whsec_not*base64"));
        let Err(Failure::Unsent { error }) = refused else {
            panic!("accepted");
        };
        assert!(!error.contains("not*base64"), "{error}");
        assert_eq!(key(&Secret::new("plain text")).unwrap(), b"plain text");
    }
}
