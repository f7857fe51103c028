//! Where a request comes from: by which name it asks, from which page, and from which address.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};

use super::connections::Peer;
use crate::model::{Settings, Web};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whether a request says that another site's page made it.
pub(super) fn is_foreign(headers: &HeaderMap, web: &Web) -> bool {
    let site = headers.get(SEC_FETCH_SITE);
    if site.is_some_and(|site| site != "same-origin") {
        return true;
    }
    headers
        .get_all(header::ORIGIN)
        .iter()
        .any(|origin| match origin.to_str() {
            // Some browsers hide the origin from forms; then the other header has to say it.
            Ok("null") => site.is_none(),
            Ok(origin) => !is_own(origin, headers, web),
            Err(_) => true,
        })
}

/// Every browser says where a changing request comes from, in one way or the other.
pub(super) fn says_where_from(headers: &HeaderMap) -> bool {
    headers.contains_key(SEC_FETCH_SITE) || headers.contains_key(header::ORIGIN)
}

fn is_own(origin: &str, headers: &HeaderMap, web: &Web) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let local = host.filter(|host| is_local(host)).map(|host| format!("http://{host}"));
    web.public_url.as_ref().is_some_and(|url| url.origin() == origin) || local.is_some_and(|local| local == origin)
}

/// Whether a Host header names what freshd is reached by: this machine's loopback, or the public address.
pub(super) fn is_known_host(host: &str, settings: &Settings) -> bool {
    let public = settings.web.as_ref().and_then(|web| web.public_url.as_ref());
    is_local(host) || public.is_some_and(|url| name_of(url.authority()).eq_ignore_ascii_case(name_of(host)))
}

fn is_local(host: &str) -> bool {
    let name = name_of(host);
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// From where somebody asks: what a proxy says that is trusted, else the other end of the connection.
pub(super) fn address(request: &Parts, web: &Web) -> IpAddr {
    let peer = request
        .extensions
        .get::<Peer>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
    let is_proxy = web.public_url.is_some() && (peer.is_loopback() || web.proxies.contains(&peer.to_canonical()));
    if !is_proxy {
        return peer;
    }
    // The last one is what the proxy has seen itself; whatever stands before it may be made up.
    let said = request.headers.get_all(FORWARDED_FOR).iter().next_back();
    let last = said.and_then(|said| said.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    last.unwrap_or(peer)
}

/// What one customer of a provider has for himself: an address of IPv4, 64 bits of IPv6.
pub(super) fn customer(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PublicUrl;

    fn web(public_url: Option<&str>) -> Web {
        Web {
            listen: "127.0.0.1:7373".parse().unwrap(),
            public_url: public_url.map(PublicUrl::new),
            proxies: vec!["10.0.0.7".parse().unwrap()],
            auth: None,
        }
    }

    fn parts(headers: &[(&str, &str)], peer: &str) -> Parts {
        let mut request = axum::http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(Peer(peer.parse().unwrap()));
        parts
    }

    #[test]
    fn a_changing_request_comes_from_a_page_of_ours_or_is_foreign() {
        let public = web(Some("https://freshd.example"));
        for (headers, foreign) in [
            (
                &[("host", "freshd.example"), ("origin", "https://freshd.example")][..],
                false,
            ),
            (&[("host", "localhost"), ("origin", "https://freshd.example")], false),
            (
                &[("host", "localhost:7373"), ("origin", "http://localhost:7373")],
                false,
            ),
            (
                &[
                    ("host", "localhost:7373"),
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "null"),
                ],
                false,
            ),
            (&[("host", "localhost:7373")], false),
            (&[("host", "freshd.example"), ("origin", "http://freshd.example")], true),
            (&[("host", "localhost:7373"), ("origin", "http://localhost:8080")], true),
            (
                &[("host", "freshd.example"), ("origin", "https://freshd.example.evil")],
                true,
            ),
            (&[("host", "freshd.example"), ("origin", "null")], true),
            (
                &[
                    ("host", "freshd.example"),
                    ("origin", "https://freshd.example"),
                    ("sec-fetch-site", "same-site"),
                ],
                true,
            ),
            (&[("host", "freshd.example"), ("sec-fetch-site", "cross-site")], true),
            (&[("host", "freshd.example"), ("sec-fetch-site", "none")], true),
            (
                &[
                    ("host", "freshd.example"),
                    ("origin", "https://freshd.example"),
                    ("origin", "https://evil.example"),
                ],
                true,
            ),
        ] {
            assert_eq!(
                is_foreign(&parts(headers, "127.0.0.1").headers, &public),
                foreign,
                "{headers:?}"
            );
        }
        assert!(!says_where_from(&parts(&[("host", "localhost")], "127.0.0.1").headers));
    }

    #[test]
    fn only_a_proxy_that_is_trusted_says_for_whom_it_asks() {
        let public = web(Some("https://freshd.example"));
        let forwarded = [("x-forwarded-for", "1.2.3.4, 192.0.2.9")];
        for (peer, web, expected) in [
            ("127.0.0.1", &public, "192.0.2.9"),
            ("10.0.0.7", &public, "192.0.2.9"),
            ("10.0.0.8", &public, "10.0.0.8"),
            ("127.0.0.1", &self::web(None), "127.0.0.1"),
        ] {
            assert_eq!(address(&parts(&forwarded, peer), web).to_string(), expected, "{peer}");
        }
        assert_eq!(
            address(&parts(&[("x-forwarded-for", "evil")], "127.0.0.1"), &public).to_string(),
            "127.0.0.1"
        );
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost:7373",
            "127.0.0.1:7373",
            "[::1]:7373",
            "[::1]",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:7373",
            "127.0.0.1.evil.example",
            "localhost.evil:80",
            "::1",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn the_public_name_is_answered_too_and_nothing_that_looks_like_it() {
        let settings = Settings {
            web: Some(web(Some("https://freshd.example:8443"))),
            ..crate::model::plain_settings()
        };
        for host in [
            "freshd.example",
            "freshd.example:8443",
            "FRESHD.example",
            "localhost:7373",
        ] {
            assert!(is_known_host(host, &settings), "{host}");
        }
        for host in ["freshd.example.evil", "evil-freshd.example", "example", ""] {
            assert!(!is_known_host(host, &settings), "{host}");
        }
    }
}
