//! Logins in URLs that stand where people read them.

/// Whether a URL in a text has a password in it, or a name by which a browser logs in.
pub(super) fn has_login(text: &str) -> bool {
    let urls = text.match_indices("://").map(|(at, _)| {
        let before = text[..at]
            .rsplit(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        let behind = &text[at + 3..];
        let end = behind
            .find(|c: char| c.is_whitespace() || "/?#\\\"'<>".contains(c))
            .unwrap_or(behind.len());
        (before, &behind[..end])
    });
    let mut logins = urls.filter_map(|(scheme, authority)| Some((scheme, authority.rsplit_once('@')?.0)));
    logins.any(|(scheme, login)| login.contains(':') || scheme.to_ascii_lowercase().starts_with("http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_a_url_is_seen_wherever_the_url_stands() {
        for text in [
            "https://user:pw@host/x",
            "see (http://token@host), then call",
            "<a href='HTTPS://u:p@host'>",
            "https://host/a and ftp://u:p@host",
            "https://u:p@ss@host",
        ] {
            assert!(has_login(text), "{text}");
        }
        for text in [
            "https://host/~user@example",
            "https://host?mail=a:b@c",
            "ssh://git@host/runbooks",
            "mail it@seafood.example: 2:1",
            "https://host:8443/x",
            "://",
        ] {
            assert!(!has_login(text), "{text}");
        }
    }
}
