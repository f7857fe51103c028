//! Webhooks as a receiver in Python takes them: verified by the library that Standard Webhooks publishes.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use freshd::delivery::Delivery;
use freshd::model::{ChannelKind, DeliveryOutcome, Message, Secret};
use serde_json::json;

use super::freshd_process::PATIENCE;
use super::support::http::{HttpRequest, HttpSink};
use super::support::sample::{channel, notification, opening};

/// Exit code 0 when the message is from who has the secret, else 1 with the reason.
const RECEIVER: &str = r#"
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
given = json.load(sys.stdin)
try:
    data = Webhook(given["secret"]).verify(given["body"], given["headers"])
except WebhookVerificationError as error:
    sys.exit(f"refused: {error}")
assert data["type"] == "freshd.incident.opening", data
"#;

/// Whether a receiver with this secret believes a request; else why not.
fn believed(request: &HttpRequest, secret: &str, body: &str) -> Result<(), String> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/receivers/bin/python");
    let mut receiver = Command::new(python)
        .args(["-c", RECEIVER])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 -m venv target/receivers && target/receivers/bin/pip install standardwebhooks");
    let headers: serde_json::Map<_, _> = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let given = json!({ "secret": secret, "headers": headers, "body": body });
    let mut input = receiver.stdin.take().expect("its input");
    input.write_all(given.to_string().as_bytes()).expect("it listens");
    drop(input);
    let output = receiver.wait_with_output().expect("it ends");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

async fn posted(secret: &str, message: Message) -> HttpRequest {
    let sink = HttpSink::start(Vec::new()).await;
    let hook = channel(ChannelKind::Webhook {
        url: Secret::new(sink.url("/")),
        secret: Some(Secret::new(secret)),
        ca: None,
    });
    let outcome = Delivery::new(PATIENCE).send(&hook, &notification(message, None)).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    sink.requests(1).await.remove(0)
}

#[tokio::test]
async fn a_receiver_believes_what_freshd_has_signed_and_nothing_else() {
    let key = STANDARD.encode("thirty-two bytes that none knows");
    let secret = format!("whsec_{key}");
    let request = posted(&secret, opening()).await;
    assert_eq!(believed(&request, &secret, &request.body), Ok(()));
    let plain = posted("thirty-two bytes that none knows", opening()).await;
    assert_eq!(
        believed(&plain, &secret, &plain.body),
        Ok(()),
        "the same key, written out"
    );

    let changed = request.body.replace("\"critical\"", "\"warning\"");
    assert_ne!(changed, request.body);
    let refused = Err("refused: No matching signature found".to_owned());
    assert_eq!(believed(&request, &secret, &changed), refused);
    let other = format!("whsec_{}", STANDARD.encode("thirty-two bytes of another one."));
    assert_eq!(believed(&request, &other, &request.body), refused);
}
