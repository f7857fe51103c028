//! A notification as a mail: headers that thread and sort well, text and HTML.

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

use reqwest::Url;

use super::failure::Failure;
use super::links::Links;
use super::{clean, html, text};
use crate::model::{Message, Name};

/// Longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 200;

/// Who is written to: what stands behind the colon in `mail:warehouse@seafood.example`.
pub(super) fn recipient(to: Option<&str>) -> Result<Mailbox, Failure> {
    let Some(to) = to else {
        return Err(Failure::unsent(
            "no recipient: write the mail address behind the channel's name, as in \"mail:warehouse@seafood.example\"",
        ));
    };
    mailbox("recipient", to)
}

/// As [`recipient`], for a copy that nobody carries anywhere: without an address, the team's name.
pub(super) fn recipient_of_copy(to: Option<&str>, team: &Name) -> Result<Mailbox, Failure> {
    to.and_then(|to| mailbox("recipient", to).ok()).map_or_else(
        || mailbox("team", &format!("{}@localhost", clean::identifier(team.as_str()))),
        Ok,
    )
}

/// The whole mail, with its links. The same notification always gives the same bytes.
pub(super) fn build(from: &str, to: Mailbox, message: &Message, links: Links<'_>) -> Result<lettre::Message, Failure> {
    let from = mailbox("sender `from`", from)?;
    let host = from.email.domain().to_owned();
    let id = clean::identifier(&message.id);
    let root = format!("<{}@{host}>", clean::identifier(&message.thread));
    let seconds = u64::try_from(message.resent_at.unwrap_or(message.at).as_second()).unwrap_or(0);
    let mut mail = lettre::Message::builder()
        .from(from)
        .to(to)
        .subject(clean::header(&message.marked_subject(), SUBJECT_CHARS_MAX))
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .message_id(Some(format!("<{id}@{host}>")))
        // Every message of an incident answers the same root, which is never sent: mail programs
        // show them as one thread, whichever of them arrives first.
        .in_reply_to(root.clone())
        .references(root)
        .raw_header(header("Auto-Submitted", "auto-generated"))
        // Exchange asks for this one before it sends notices of absence.
        .raw_header(header("X-Auto-Response-Suppress", "OOF, AutoReply"))
        .raw_header(header("List-Id", &format!("freshd <freshd.{host}>")));
    if let Some(incident) = message.incident {
        mail = mail.raw_header(header("X-Freshd-Incident", &incident.to_string()));
    }
    let parts = MultiPart::alternative()
        .boundary(format!("=_freshd_{}", clean::digest(&message.id)))
        .singlepart(SinglePart::plain(body(text::render(message, links))?))
        .singlepart(SinglePart::html(body(html::render(message, links))?));
    mail.multipart(parts)
        .map_err(|error| Failure::unsent(format!("the mail cannot be built: {error}")))
}

fn mailbox(role: &str, address: &str) -> Result<Mailbox, Failure> {
    // The parser is not asked about line breaks: they are refused before.
    let refused = || {
        let address = clean::header(address, 100);
        Failure::unsent(format!("{role} {address:?} is not a mail address; write name@host"))
    };
    if address.chars().any(char::is_control) {
        return Err(refused());
    }
    let mut mailbox: Mailbox = address.parse().map_err(|_| refused())?;
    if let Some(domain) = in_ascii(mailbox.email.domain()) {
        mailbox.email = Address::new(mailbox.email.user(), domain).map_err(|_| refused())?;
    }
    Ok(mailbox)
}

/// A domain with letters beyond ASCII in the form in which every mail server takes it.
fn in_ascii(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return None;
    }
    let url = Url::parse(&format!("http://{domain}/")).ok()?;
    url.host_str().map(str::to_owned)
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Quoted-printable whatever the text: short lines on the wire, and readable in the raw.
fn body(text: String) -> Result<Body, Failure> {
    Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| Failure::unsent("the mail cannot be encoded as quoted-printable"))
}
