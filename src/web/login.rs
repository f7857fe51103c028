//! `/login` and `/logout`: from a name and a password to a session, and out of it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::{info, warn};

use super::answer::Trouble;
use super::cookies::Cookie;
use super::desk::Desk;
use super::door::Who;
use super::forms::form;
use super::login_state::LoginState;
use super::origin::address;
use super::pages::{self, LoginPage};
use super::passwords::{self, Busy};
use super::reading::query;
use super::sessions::SessionId;
use super::throttle::Caller;
use super::visits::{Missing, Page};
use crate::model::{Auth, Name, PasswordHash, Settings, Web};

/// How long a browser is known that has logged in once.
const KNOWN_SECONDS: u64 = 365 * 24 * 60 * 60;
/// The purpose of its sign.
const KNOWN: &str = "browser";
/// Bytes of a sign's own part.
const NONCE_BYTES: usize = 12;
/// Bytes of an address that is gone on to.
const NEXT_BYTES_MAX: usize = 2_000;

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct Wanted {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Given {
    name: String,
    password: String,
    next: Option<String>,
}

/// `GET /login`
pub(super) async fn page(State(desk): State<Arc<Desk>>, who: Who, uri: Uri) -> Result<Page, Missing> {
    configured(&desk.settings(), &uri)?;
    let next = query::<Wanted>(&uri)?.next;
    Ok(Page::of(pages::login(&LoginPage {
        user: who.user().map(ToString::to_string),
        next: own_path(next.as_deref()).to_owned(),
        name: String::new(),
        trouble: None,
    })))
}

/// `POST /login`
pub(super) async fn log_in(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Missing> {
    let (parts, body) = request.into_parts();
    let settings = desk.settings();
    let (web, auth) = configured(&settings, &parts.uri)?;
    let body = super::actions::body(body).await?;
    let given: Given = form(&parts.headers, &body)?;
    let next = own_path(given.next.as_deref()).to_owned();
    match checked(&desk, &parts, (web, auth), &given).await {
        Ok(user) => Ok(logged_in(&desk, (web, auth), &parts.headers, user, &next).await?),
        Err(trouble) => {
            let page = pages::login(&LoginPage {
                user: None,
                next,
                name: given.name,
                trouble: Some(trouble.words()),
            });
            Ok((trouble.status(), trouble.retry_after(), Page::of(page)).into_response())
        }
    }
}

/// The user of that name whose password this is.
async fn checked(
    desk: &Desk,
    parts: &Parts,
    (web, auth): (&Web, &Auth),
    given: &Given,
) -> Result<(Name, PasswordHash), Trouble> {
    let address = address(parts, web);
    let logins = desk.login_state();
    let sign = Cookie::Known
        .of(&parts.headers, web)
        .filter(|sign| is_sign(desk, sign, &given.name));
    let from = sign.map_or(Caller::Address(address), Caller::Known);
    logins
        .throttle()
        .take(&from, &given.name, LoginState::now())
        .map_err(|wait| {
            if logins.is_news() {
                warn!(%address, "too many tries to log in; some are refused unseen");
            }
            Trouble::TooMany {
                wait_seconds: wait.as_secs() + 1,
            }
        })?;
    let known = auth.users.get_key_value(given.name.as_str());
    let all = auth.users.values().map(|user| &user.password);
    let password = if given.password.len() > passwords::BYTES_MAX {
        String::new()
    } else {
        given.password.clone()
    };
    let right = match (&from, known) {
        (Caller::Known(_), Some((_, user))) => logins.checking.of_known_browser(&user.password, password).await,
        (_, known) => {
            let hash = known.map(|(_, user)| &user.password);
            logins.checking.of_unknown_browser(hash, all, password).await
        }
    };
    match (right, known) {
        (Ok(true), Some((name, user))) => {
            logins.throttle().give_back(&from, &given.name);
            info!(%address, user = %name, "logged in");
            Ok((name.clone(), user.password.clone()))
        }
        (Ok(_), known) => {
            // A name that nobody bears may be a password in the wrong field.
            let user = known.map_or("an unknown name", |(name, _)| name.as_str());
            warn!(%address, user, "a login was refused");
            Err(Trouble::WrongPassword)
        }
        (Err(Busy), _) => {
            // From a browser that is not known it may have been a guess that was checked: it counts.
            if matches!(from, Caller::Known(_)) {
                logins.throttle().give_back(&from, &given.name);
            }
            Err(Trouble::Silent(
                "too many log in at once: either this was not checked, or it was not right; try again".to_owned(),
            ))
        }
    }
}

async fn logged_in(
    desk: &Desk,
    (web, auth): (&Web, &Auth),
    headers: &HeaderMap,
    (user, password): (Name, PasswordHash),
    next: &str,
) -> Result<Response, Trouble> {
    let no_chance = |error: getrandom::Error| Trouble::Silent(format!("no random numbers: {error}"));
    let logins = desk.login_state();
    let sign = new_sign(desk, user.as_str()).map_err(no_chance)?;
    let (id, written) = {
        let mut sessions = logins.sessions();
        let before = Cookie::Session.of(headers, web).map(SessionId::given);
        let id = sessions
            .begin((user, password), before.as_ref(), auth, LoginState::now())
            .map_err(no_chance)?;
        (id, sessions.written())
    };
    written.wait().await;
    let mut answer = Redirect::to(next).into_response();
    for cookie in [
        Cookie::Session.set(web, id.reveal(), auth.longest.as_secs()),
        Cookie::Known.set(web, &sign, KNOWN_SECONDS),
    ] {
        let cookie = cookie.parse().map_err(|_| Trouble::Silent("no cookie".to_owned()))?;
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// `POST /logout`
pub(super) async fn log_out(State(desk): State<Arc<Desk>>, who: Who, uri: Uri) -> Result<Response, Missing> {
    let settings = desk.settings();
    let (web, _) = configured(&settings, &uri)?;
    if let Some(id) = who.session() {
        let written = {
            let mut sessions = desk.login_state().sessions();
            sessions.end(id);
            sessions.written()
        };
        // Whoever is told so is logged out for good, whatever happens to freshd next.
        written.wait().await;
    }
    let gone = [(header::SET_COOKIE, Cookie::Session.set(web, "", 0))];
    Ok((gone, Redirect::to("/login")).into_response())
}

/// Ends sessions at the start and with each reload by which their user is no more, or has another password.
pub(super) async fn end_strangers(desk: Arc<Desk>) {
    let mut to_come = desk.settings_to_come();
    loop {
        let settings = to_come.borrow_and_update().clone();
        let auth = settings.web.as_ref().and_then(|web| web.auth.as_ref());
        let ended = desk.login_state().sessions().end_strangers(auth, LoginState::now());
        if ended > 0 {
            info!(
                sessions = ended,
                "ended: their users are gone from jobs.toml, have other passwords, or were away for too long"
            );
        }
        if to_come.changed().await.is_err() {
            return;
        }
    }
}

/// Without a login there is no such page.
fn configured<'a>(settings: &'a Settings, uri: &Uri) -> Result<(&'a Web, &'a Auth), Trouble> {
    let web = settings.web.as_ref();
    let found = web.and_then(|web| Some((web, web.auth.as_ref()?)));
    found.ok_or_else(|| Trouble::unknown("page", uri.path(), std::iter::empty()))
}

/// A page of ours to go on to: nothing that a browser would take for another host.
fn own_path(next: Option<&str>) -> &str {
    let is_own = |next: &&str| {
        next.len() <= NEXT_BYTES_MAX
            && next.starts_with('/')
            && !next.starts_with("//")
            && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    next.filter(is_own).unwrap_or("/")
}

/// The sign of a browser on which this user has logged in.
fn new_sign(desk: &Desk, user: &str) -> Result<String, getrandom::Error> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce)?;
    let nonce = URL_SAFE_NO_PAD.encode(nonce);
    let signature = desk.login_state().key.sign(KNOWN, &[user, &nonce]);
    Ok(format!("{nonce}.{signature}"))
}

fn is_sign(desk: &Desk, sign: &str, user: &str) -> bool {
    let parts = sign.split_once('.');
    parts.is_some_and(|(nonce, signature)| desk.login_state().key.has_signed(KNOWN, &[user, nonce], signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_goes_on_to_a_page_of_ours_and_nowhere_else() {
        for own in ["/", "/jobs/stock-export", "/runs?job=a%20b&limit=1"] {
            assert_eq!(own_path(Some(own)), own);
        }
        for foreign in [
            "",
            "jobs",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nSet-Cookie: b",
            "/\tx",
        ] {
            assert_eq!(own_path(Some(foreign)), "/", "{foreign:?}");
        }
        assert_eq!(own_path(None), "/");
    }
}
