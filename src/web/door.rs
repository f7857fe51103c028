//! In front of each route: who asks, whether they may, and whether a changing request comes from a page of ours.
//!
//! A route cannot be listed without saying what it needs (`routes.rs`), so there is none without this door.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::answer::Trouble;
use super::cookies::Cookie;
use super::desk::Desk;
use super::login_state::LoginState;
use super::origin::{is_foreign, says_where_from};
use super::routes::Needs;
use super::sessions::{Said, SessionId};
use super::visits::{Missing, head_trouble};
use crate::model::{Auth, Name, Scope, TokenHash, Web};

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What is answered as JSON or text; everything else is a page.
const FOR_PROGRAMS: [&str; 7] = [
    "/api/", "/metrics", "/healthz", "/events", "/badge/", "/assets/", "/ping/",
];

/// The door of one route.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) desk: Arc<Desk>,
    pub(super) needs: Needs,
}

/// Who asks, as far as it matters to an answer.
#[derive(Clone)]
pub(super) struct Who {
    by: By,
    scope: Scope,
    /// What this visitor's last action came to, on the page that is shown next.
    pub(super) said: Option<Said>,
}

#[derive(Clone)]
enum By {
    /// Nobody in particular: no login is configured, or none is needed.
    Anybody,
    User(Name, SessionId),
    Token(Name, TokenHash),
}

impl Who {
    fn new(by: By, scope: Scope) -> Self {
        Self { by, scope, said: None }
    }

    /// For the record. A user of the pages need not be the user of the machine that bears the same name.
    pub(super) fn for_the_record(&self) -> String {
        match &self.by {
            By::Anybody => "web".to_owned(),
            By::User(name, _) => format!("{name} (web)"),
            By::Token(name, _) => format!("token {name}"),
        }
    }

    /// The user who is logged in.
    pub(super) fn user(&self) -> Option<&Name> {
        match &self.by {
            By::User(name, _) => Some(name),
            By::Anybody | By::Token(..) => None,
        }
    }

    /// The session of that user.
    pub(super) fn session(&self) -> Option<&SessionId> {
        match &self.by {
            By::User(_, session) => Some(session),
            By::Anybody | By::Token(..) => None,
        }
    }

    /// What tells this visitor from others: the name of a user or of a token; nothing of somebody who shows neither.
    pub(super) fn known_as(&self) -> Option<String> {
        match &self.by {
            By::Anybody => None,
            By::User(name, _) => Some(format!("user {name}")),
            By::Token(name, _) => Some(format!("token {name}")),
        }
    }

    /// Whether whoever was let in to see would still be: nobody has logged out meanwhile, and no edit of jobs.toml has taken
    /// the user, the token or its secret away, or begun to ask for one.
    pub(super) fn may_still_see(&self, desk: &Desk) -> bool {
        let settings = desk.settings();
        let auth = settings.web.as_ref().and_then(|web| web.auth.as_ref());
        match (&self.by, auth) {
            (By::Anybody, auth) => auth.is_none() && !desk.login_state().is_beyond_this_machine,
            (By::User(..) | By::Token(..), None) => false,
            (By::User(_, id), Some(auth)) => {
                let mut sessions = desk.login_state().sessions();
                sessions.find(id, auth, LoginState::now(), false).is_some()
            }
            (By::Token(name, hash), Some(auth)) => auth.tokens.get(name).is_some_and(|token| token.hash == *hash),
        }
    }

    /// Whether forms are shown.
    pub(super) fn may_operate(&self) -> bool {
        self.scope >= Scope::Operate
    }
}

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        let who = parts.extensions.get::<Self>().cloned();
        who.ok_or_else(|| Trouble::Forbidden("nobody has looked at who asks".to_owned()))
    }
}

pub(super) async fn door(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    match admit(&door, &request) {
        Ok(who) => {
            request.extensions_mut().insert(who.clone());
            head_trouble(next.run(request).await, who)
        }
        Err(Refusal { trouble, who }) => {
            let response = refused(trouble, &request);
            match who {
                Some(who) => head_trouble(response, *who),
                None => response,
            }
        }
    }
}

/// Why somebody is not let in, and who that is, where it is known.
struct Refusal {
    trouble: Trouble,
    who: Option<Box<Who>>,
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, who: None }
    }
}

fn admit(door: &Door, request: &Request) -> Result<Who, Refusal> {
    let settings = door.desk.settings();
    let web = settings.web.as_ref();
    let auth = web.and_then(|web| web.auth.as_ref());
    let headers = request.headers();
    let Some((web, auth)) = web.zip(auth) else {
        return Ok(without_login(door)?);
    };
    let is_question = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path();
    let changes = !is_question && !path.starts_with("/ping/");
    if changes && is_foreign(headers, web) {
        return Err(foreign(path).into());
    }
    let bearer = headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or_default());
    let who = match bearer {
        // Whoever shows a token is nobody else, whatever cookies come with it.
        Some(given) if door.needs != Needs::Nothing => Some(of_token(auth, given)?),
        _ => of_session(&door.desk, web, auth, request),
    };
    let shows_token = who.as_ref().is_some_and(|who| matches!(who.by, By::Token(..)));
    if changes && !shows_token && !says_where_from(headers) {
        // A page of ours says where it comes from. Of a program that shows nothing nobody knows who it is.
        let is_unknown = who.is_none() && door.needs != Needs::Nothing && is_for_programs(path);
        return Err(if is_unknown { Trouble::LogIn } else { foreign(path) }.into());
    }
    match (door.needs, who) {
        (Needs::Nothing, who) => Ok(who.unwrap_or_else(|| Who::new(By::Anybody, Scope::View))),
        (_, None) => Err(Trouble::LogIn.into()),
        (Needs::Operate, Some(who)) if !who.may_operate() => Err(Refusal {
            trouble: Trouble::Forbidden(format!(
                "{} may see, but not act: `scope = \"operate\"` in jobs.toml allows it",
                who.for_the_record()
            )),
            who: Some(Box::new(who)),
        }),
        (Needs::View | Needs::Operate, Some(who)) => Ok(who),
    }
}

/// Everybody who reaches this machine's loopback sees, and nobody acts: each user of the machine reaches it.
fn without_login(door: &Door) -> Result<Who, Trouble> {
    if door.desk.login_state().is_beyond_this_machine && door.needs != Needs::Nothing {
        return Err(Trouble::Forbidden(
            "[web.auth] is gone from jobs.toml, and this port is open to other machines: restart freshd".to_owned(),
        ));
    }
    match door.needs {
        Needs::Operate => Err(Trouble::Forbidden(
            "nothing can be changed here without a login, which [web.auth] in jobs.toml gives; on this machine `freshd` can, see freshd --help"
                .to_owned(),
        )),
        Needs::Nothing | Needs::View => Ok(Who::new(By::Anybody, Scope::View)),
    }
}

fn of_token(auth: &Auth, given: &str) -> Result<Who, Trouble> {
    let token = given
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = token.ok_or(Trouble::LogIn)?;
    // All are compared, so that the time tells nothing of which one it was.
    let mut found = None;
    for (name, known) in &auth.tokens {
        if known.hash.is_of(token.trim()) {
            found = Some(Who::new(By::Token(name.clone(), known.hash.clone()), known.scope));
        }
    }
    found.ok_or(Trouble::LogIn)
}

fn of_session(desk: &Desk, web: &Web, auth: &Auth, request: &Request) -> Option<Who> {
    let id = SessionId::given(Cookie::Session.of(request.headers(), web)?);
    let logins = desk.login_state();
    // An open page fetches itself, which is no visit; a browser that does not say how it asks is given the benefit.
    let mode = request.headers().get(SEC_FETCH_MODE);
    let is_visit = mode.is_none_or(|mode| mode == "navigate");
    let mut sessions = logins.sessions();
    let (user, known) = sessions.find(&id, auth, LoginState::now(), is_visit)?;
    let scope = known.scope;
    let shows_page = request.method() == Method::GET && !is_for_programs(request.uri().path());
    let said = if shows_page && is_visit {
        sessions.take_said(&id)
    } else {
        None
    };
    Some(Who {
        said,
        ..Who::new(By::User(user, id), scope)
    })
}

fn foreign(path: &str) -> Trouble {
    let words = if is_for_programs(path) {
        "this did not come from a page of freshd; a program shows a token of [web.auth] as `Authorization: Bearer TOKEN`, \
         and no cookie"
    } else {
        "this did not come from a page of freshd: open the page again and press the button there"
    };
    Trouble::Forbidden(words.to_owned())
}

fn is_for_programs(path: &str) -> bool {
    FOR_PROGRAMS.iter().any(|beginning| path.starts_with(beginning))
}

fn refused(trouble: Trouble, request: &Request) -> Response {
    let path = request.uri().path();
    if is_for_programs(path) {
        return trouble.into_response();
    }
    let is_question = matches!(*request.method(), Method::GET | Method::HEAD);
    if matches!(trouble, Trouble::LogIn) && is_question {
        let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
        return Redirect::to(&format!("/login?next={}", super::pages::piece(here))).into_response();
    }
    Missing::from(trouble).into_response()
}
