//! What freshd asks browsers to keep, and finds again in what they send.

use axum::http::{HeaderMap, header};

use crate::model::{PublicUrl, Web};

/// What freshd asks browsers to keep.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cookie {
    /// Who is logged in.
    Session,
    /// That somebody has logged in here before.
    Known,
}

impl Cookie {
    /// Under https the name itself keeps other hosts and plain http from setting it.
    fn name(self, web: &Web) -> &'static str {
        let is_protected = is_protected(web);
        match (self, is_protected) {
            (Self::Session, true) => "__Host-freshd",
            (Self::Session, false) => "freshd",
            (Self::Known, true) => "__Host-freshd-known",
            (Self::Known, false) => "freshd-known",
        }
    }

    /// The value of `Set-Cookie`. No script sees it, and no other site's page sends it.
    pub(super) fn set(self, web: &Web, value: &str, seconds: u64) -> String {
        let secure = if is_protected(web) { "; Secure" } else { "" };
        format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}",
            self.name(web)
        )
    }

    /// What the browser has sent of it.
    pub(super) fn of<'a>(self, headers: &'a HeaderMap, web: &Web) -> Option<&'a str> {
        cookie(headers, self.name(web))
    }
}

fn is_protected(web: &Web) -> bool {
    web.public_url.as_ref().is_some_and(PublicUrl::is_protected)
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(public_url: Option<&str>) -> Web {
        Web {
            listen: "127.0.0.1:7373".parse().unwrap(),
            public_url: public_url.map(PublicUrl::new),
            proxies: Vec::new(),
            auth: None,
        }
    }

    #[test]
    fn cookies_are_named_after_how_they_travel() {
        let (https, local) = (web(Some("https://freshd.example")), web(None));
        assert_eq!(
            Cookie::Session.set(&https, "id", 60),
            "__Host-freshd=id; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure"
        );
        assert_eq!(
            Cookie::Session.set(&local, "id", 60),
            "freshd=id; Path=/; HttpOnly; SameSite=Strict; Max-Age=60"
        );
        let mut sent = HeaderMap::new();
        for value in ["a=b; freshd-known=k; freshd=one", "freshd=two"] {
            sent.append(header::COOKIE, value.parse().unwrap());
        }
        assert_eq!(Cookie::Session.of(&sent, &local), Some("one"));
        assert_eq!(Cookie::Known.of(&sent, &local), Some("k"));
        assert_eq!(Cookie::Session.of(&sent, &https), None);
    }
}
