//! What a form of ours sends, and its way back: a form that is refused is shown again, with what was typed, the field that
//! is wrong, and why. It is the answer itself, so that nothing is kept of it, and nobody needs a session.

use axum::body::Bytes;
use axum::extract::Request as Asked;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::actions::body;
use super::answer::Trouble;
use super::door::Who;
use super::pages::{self, FormOf, SentBack};
use super::visits::{Page, visitor};

const KIND: &str = "application/x-www-form-urlencoded";

/// What came with a form, not yet read for what it means.
pub(super) struct Sent(Bytes);

impl Sent {
    /// All of it. What is too much, or no form at all, holds nothing that could be shown again.
    pub(super) async fn of(asked: Asked) -> Result<Self, Trouble> {
        let (parts, sent) = asked.into_parts();
        if !is_kind(&parts.headers, KIND) {
            return Err(no_form());
        }
        Ok(Self(body(sent).await?))
    }

    /// What it means to an action.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        read(&self.0)
    }

    /// What was typed, by the names of the fields, as far as anything can be made out.
    pub(super) fn typed(&self) -> Vec<(String, String)> {
        serde_urlencoded::from_bytes(&self.0).unwrap_or_default()
    }

    /// What was typed into one field.
    pub(super) fn typed_into(&self, name: &str) -> Option<String> {
        let mut typed = self.typed().into_iter();
        typed.find(|(field, _)| field == name).map(|(_, text)| text)
    }

    /// With it and what is wrong with it, its form is made again.
    pub(super) fn back(&self, trouble: &Trouble) -> SentBack {
        SentBack {
            typed: self.typed(),
            wrong: trouble.field(),
            why: trouble.words(),
        }
    }
}

/// The form again, in the stead of what it asked for. What does not exist has none.
pub(super) fn sent_back(who: Who, form: &FormOf, sent: &Sent, trouble: Trouble) -> Result<Response, Trouble> {
    if matches!(trouble, Trouble::Unknown { .. } | Trouble::Forbidden(_)) {
        return Err(trouble);
    }
    let page = pages::sent_back(&visitor(who), form, &sent.back(&trouble));
    Ok((trouble.status(), Page::of(page)).into_response())
}

/// Reads what a form sends.
pub(super) fn form<T: DeserializeOwned>(headers: &HeaderMap, sent: &Bytes) -> Result<T, Trouble> {
    if !is_kind(headers, KIND) {
        return Err(no_form());
    }
    read(sent)
}

fn read<T: DeserializeOwned>(sent: &Bytes) -> Result<T, Trouble> {
    serde_urlencoded::from_bytes(sent).map_err(|error| Trouble::Query(format!("the form is not understood: {error}")))
}

fn no_form() -> Trouble {
    Trouble::Query("send a form, or use /api/v1".to_owned())
}

/// Whether what comes is said to be of a kind.
pub(super) fn is_kind(headers: &HeaderMap, kind: &str) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok());
    given.is_some_and(|given| {
        given
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case(kind)
    })
}
