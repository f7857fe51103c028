//! One POST to a configured URL: no redirects, a bounded answer, and what its status means.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, Url};
use tokio::time::timeout;

use super::failure::{Failure, explain};
use crate::model::{Login, Secret};

/// Most of an answer's body that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long the body of a refusal is waited for; the status says enough without it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest wait that the other side may ask for.
const RETRY_AFTER_SECONDS_MAX: u64 = 3600;

/// What the other side answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The other side's host, for messages.
    pub(super) host: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// The wait that it asked for.
    pub(super) retry_after_seconds: Option<u64>,
    /// The beginning of its body; nothing of what was accepted, unless that was to be heard.
    pub(super) body: String,
}

/// Sends JSON and reads the answer, of which the status says all when it was accepted.
pub(super) async fn post(
    client: &reqwest::Client,
    url: &Secret,
    headers: HeaderMap,
    body: String,
) -> Result<Answer, Failure> {
    exchange(client, url, headers, body, false).await
}

/// As [`post`], for a side whose body says whether it accepted.
pub(super) async fn post_and_hear(
    client: &reqwest::Client,
    url: &Secret,
    headers: HeaderMap,
    body: String,
) -> Result<Answer, Failure> {
    exchange(client, url, headers, body, true).await
}

/// Says who asks.
pub(super) fn authorization(login: Option<&Login>) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    let value = match login {
        None => return Ok(headers),
        Some(Login::Bearer(token)) => format!("Bearer {}", token.reveal()),
        Some(Login::Basic { username, password }) => {
            format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.reveal())))
        }
    };
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| Failure::unsent("the token holds characters that no header can carry; copy it once more"))?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(headers)
}

async fn exchange(
    client: &reqwest::Client,
    url: &Secret,
    headers: HeaderMap,
    body: String,
    hears_acceptance: bool,
) -> Result<Answer, Failure> {
    let (url, host) = target(url)?;
    let request = client
        .post(url)
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .headers(headers)
        .body(body);
    answer(request, host, hears_acceptance).await
}

/// Asks for a URL, for nothing but the asking.
pub(super) async fn get(client: &reqwest::Client, url: &Secret) -> Result<Answer, Failure> {
    let (url, host) = target(url)?;
    answer(client.get(url), host, false).await
}

/// A URL and its host.
fn target(url: &Secret) -> Result<(Url, String), Failure> {
    let url =
        Url::parse(url.reveal()).map_err(|error| Failure::unsent(format!("url is not a web address: {error}")))?;
    match url.host_str() {
        Some(host) if matches!(url.scheme(), "https" | "http") => {
            let host = host.to_owned();
            Ok((url, host))
        }
        _ => Err(Failure::unsent("url must begin with https:// or http://")),
    }
}

async fn answer(request: RequestBuilder, host: String, hears_acceptance: bool) -> Result<Answer, Failure> {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => {
            let what = if error.is_connect() {
                "cannot connect to"
            } else {
                "no answer from"
            };
            let error = error.without_url();
            let error = format!("{what} {host}: {}", explain(&error));
            return Err(Failure::unreachable(error));
        }
    };
    let status = response.status().as_u16();
    let retry_after_seconds = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| retry_after_seconds(value, Timestamp::now()));
    // Accepted is accepted: a body that never ends must not make it a second message.
    let body = if response.status().is_success() && !hears_acceptance {
        String::new()
    } else if let Some(encoding) = encoding(response.headers()) {
        // Nobody asked for that, and its bytes say nothing to a reader.
        format!("its answer is encoded as {encoding}, which was not asked for")
    } else {
        beginning(response).await
    };
    Ok(Answer {
        host,
        status,
        retry_after_seconds,
        body,
    })
}

impl Answer {
    /// The first line of its body; of a page for people, as a proxy answers when what is behind it is away, the title.
    pub(super) fn said(&self) -> &str {
        let body = self.body.trim();
        let begins = |words: &str| {
            body.get(..words.len())
                .is_some_and(|lead| lead.eq_ignore_ascii_case(words))
        };
        if begins("<!doctype html") || begins("<html") {
            title(body)
        } else {
            body.lines().next().unwrap_or_default()
        }
    }

    /// Whether the status means accepted, later, or never.
    pub(super) fn judge(self) -> Result<(), Failure> {
        let said = self.said().to_owned();
        self.judge_saying(&said)
    }

    /// As [`Self::judge`], with better words for what the body says.
    pub(super) fn judge_saying(self, said: &str) -> Result<(), Failure> {
        let Self {
            host,
            status,
            retry_after_seconds,
            body: _,
        } = self;
        let said = match said {
            "" => String::new(),
            said => format!(": {said}"),
        };
        match status {
            200..300 => Ok(()),
            300..400 => Err(Failure::permanent(format!(
                "{host} answered {status} and points elsewhere; redirects are not followed, set url to the final address"
            ))),
            410 => Err(Failure::gone(format!(
                "{host} answered 410: the receiver is gone, set a new url{said}"
            ))),
            408 | 425 | 429 | 500..600 => Err(Failure::temporary_until(
                format!("{host} answered {status}{said}"),
                retry_after_seconds,
            )),
            _ => Err(Failure::permanent(format!("{host} answered {status}{said}"))),
        }
    }
}

/// How a body is packed, where it is.
fn encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = headers.get(CONTENT_ENCODING)?;
    let encoding = String::from_utf8_lossy(encoding.as_bytes()).trim().to_ascii_lowercase();
    (!matches!(encoding.as_str(), "" | "identity")).then_some(encoding)
}

async fn beginning(mut response: Response) -> String {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - body.len())]);
            if body.len() == ANSWER_BYTES_MAX {
                break;
            }
        }
    };
    let _ = timeout(ANSWER_TIMEOUT, reading).await;
    String::from_utf8_lossy(&body).into_owned()
}

/// The title of a page; nothing when it has none.
fn title(page: &str) -> &str {
    // Of the same length as the page.
    let lower = page.to_ascii_lowercase();
    let found = || {
        let tag = lower.find("<title")?;
        let begin = tag + lower[tag..].find('>')? + 1;
        let end = begin + lower[begin..].find("</title")?;
        page[begin..end].trim().lines().next()
    };
    found().unwrap_or_default()
}

/// Reads `Retry-After`: seconds, or the date of RFC 9110, section 10.2.3; at most an hour.
fn retry_after_seconds(value: &str, now: Timestamp) -> Option<u64> {
    let value = value.trim();
    let seconds = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().unwrap_or(u64::MAX)
    } else {
        let until = DateTimeParser::new().parse_timestamp(value).ok()?;
        u64::try_from(until.as_second().saturating_sub(now.as_second())).unwrap_or(0)
    };
    Some(seconds.min(RETRY_AFTER_SECONDS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_an_hour() {
        let now: Timestamp = "2026-11-06T08:49:37Z".parse().unwrap();
        let check = |value: &str, expected: Option<u64>| {
            assert_eq!(retry_after_seconds(value, now), expected, "{value}");
        };
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("99999999999999999999999", Some(3600));
        check("Fri, 06 Nov 2026 08:51:37 GMT", Some(120));
        check("Fri, 06 Nov 2026 07:00:00 GMT", Some(0));
        check("Sat, 07 Nov 2026 08:49:37 GMT", Some(3600));
        check("soon", None);
        check("-5", None);
        check("", None);
    }

    #[test]
    fn of_a_page_for_people_the_title_is_said() {
        let check = |body: &str, expected: &str| {
            let answer = Answer {
                host: "ops.example".into(),
                status: 502,
                retry_after_seconds: None,
                body: body.into(),
            };
            assert_eq!(answer.said(), expected, "{body}");
        };
        check("no such hook\nmore", "no such hook");
        check(
            "<html>\r\n<head><title>502 Bad Gateway</title></head>",
            "502 Bad Gateway",
        );
        check("<!DOCTYPE HTML><TITLE lang=en>\n Not here \n</TITLE>", "Not here");
        check("<html><body>æøå", "");
        check("<html><title>cut off", "");
        check("<error>no</error>", "<error>no</error>");
    }

    #[test]
    fn each_status_is_accepted_or_passing_or_final() {
        let judge = |status| {
            Answer {
                host: "ops.example".into(),
                status,
                retry_after_seconds: Some(9),
                body: "why".into(),
            }
            .judge()
        };
        for status in [200, 201, 202, 204] {
            assert_eq!(judge(status), Ok(()), "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(
                matches!(
                    judge(status),
                    Err(Failure::Temporary {
                        retry_after_seconds: Some(9),
                        ..
                    })
                ),
                "{status}"
            );
        }
        assert!(matches!(judge(410), Err(Failure::Gone { .. })));
        for status in [301, 302, 307, 308, 400, 401, 403, 404, 413, 422] {
            assert!(matches!(judge(status), Err(Failure::Permanent { .. })), "{status}");
        }
    }
}
