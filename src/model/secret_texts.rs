//! The texts that give a secret away: itself, its parts, and the forms in which it travels.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Url;

use super::redactor::{Redactor, SECRET_BYTES_MIN};

/// What a URL may hold as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Values above this number are looked for as they are only, so that the memory for it stays within tens of MiB.
const VALUES_WITH_FORMS_MAX: usize = 5_000;

/// A part of a URL that is all small letters is a word rather than a token, and one that is all digits a date or number,
/// up to this many bytes.
const WORD_BYTES_MAX: usize = 19;

/// What a secret to sign with may begin with.
const SIGNING_PREFIX: &str = "whsec_";

/// Gathers secrets, and what gives them away.
///
/// Its `Debug` is that of nothing: it holds secrets in the open.
#[derive(Default)]
pub struct SecretTexts {
    values: BTreeSet<String>,
}

impl std::fmt::Debug for SecretTexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretTexts({})", self.values.len())
    }
}

impl SecretTexts {
    /// Takes in a secret: a password, a token, or a URL as a whole with all of its parts that are no words.
    pub fn add(&mut self, secret: &str) {
        self.value(secret);
        if let Some(unprefixed) = secret.strip_prefix(SIGNING_PREFIX) {
            self.value(unprefixed);
        }
        if let Some(url) = url(secret) {
            self.value(url.as_str());
            self.value(secret.split_once("://").map_or("", |(_, rest)| rest));
            let target = match url.query() {
                Some(query) => format!("{}?{query}", url.path()),
                None => url.path().to_owned(),
            };
            if is_token(&target) {
                self.value(&target);
            }
            self.add_parts(&url);
        }
    }

    /// Takes in those parts of a URL that stands in the open which look like tokens, and a login in it. Other texts have
    /// none.
    pub fn add_parts_of(&mut self, text: &str) {
        if let Some(url) = url(text) {
            self.add_parts(&url);
        }
    }

    fn add_parts(&mut self, url: &Url) {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let path = url.path_segments().into_iter().flatten().map(decoded);
        let query = url.query_pairs().map(|(_, value)| value.into_owned());
        let fragment = url.fragment().map(decoded);
        for part in path.chain(query).chain(fragment) {
            if is_token(&part) {
                self.value(&part);
            }
        }
        self.add_login(url);
    }

    fn add_login(&mut self, url: &Url) {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        self.value(&decoded(url.password().unwrap_or_default()));
        // A token may stand where a user's name does.
        let username = decoded(url.username());
        if url.password().is_none() || is_token(&username) {
            self.value(&username);
        }
    }

    /// Takes in a variable of an `env_file`, which is a secret unless its name says that it is none.
    pub fn add_variable(&mut self, name: &str, value: &str) {
        if is_no_secret(name) {
            return;
        }
        match url(value) {
            // Its host is what people look for when it cannot be reached.
            Some(url) => self.add_parts(&url),
            None => self.add(value),
        }
    }

    /// Takes in a variable that stands in the open, if its name says that it is a secret; of others, a login in it.
    pub fn add_open_variable(&mut self, name: &str, value: &str) {
        if let Some(url) = url(value) {
            self.add_login(&url);
        }
        if is_secret(name) {
            self.add(value);
        }
    }

    fn value(&mut self, value: &str) {
        if value.len() >= SECRET_BYTES_MIN {
            self.values.insert(value.to_owned());
        }
    }

    /// Looks for all of them, and in their forms; with `tokens` also for what looks like a token of `[web.auth]`.
    pub fn redactor(self, tokens: bool) -> Redactor {
        let mut telling = BTreeSet::new();
        for value in self.values.iter().take(VALUES_WITH_FORMS_MAX) {
            telling.extend(forms(value));
        }
        telling.extend(self.values);
        Redactor::new(telling, tokens)
    }
}

/// A secret as URLs, JSON and what asks by HTTP carry it.
fn forms(value: &str) -> impl Iterator<Item = String> {
    let escaped = utf8_percent_encode(value, ENCODED).to_string();
    let escaped_small = small_hex(&escaped);
    let in_form = escaped.replace("%20", "+");
    let json = serde_json::Value::from(value).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let encoded = [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD]
        .into_iter()
        .flat_map(|alphabet| (0..3).map(|offset| encoded_behind(alphabet, offset, value)));
    [escaped, escaped_small, in_form, json].into_iter().chain(encoded)
}

/// The hexadecimal digits behind each `%` as small letters.
fn small_hex(escaped: &str) -> String {
    let mut left = 0;
    let small = escaped.chars().map(|character| {
        if character == '%' {
            left = 2;
        } else if left > 0 {
            left -= 1;
            return character.to_ascii_lowercase();
        }
        character
    });
    small.collect()
}

/// What of the base64 of something the value alone decides, when so many bytes modulo 3 stand before it: that of
/// `user:password` holds it whoever the user is.
fn encoded_behind(alphabet: &GeneralPurpose, offset: usize, value: &str) -> String {
    let bytes = [&b"\0\0"[..offset], value.as_bytes()].concat();
    let encoded = alphabet.encode(&bytes);
    // A digit is six bits: those that hold bits of what stands before or behind are left out.
    let first = (offset * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    encoded[first..end].to_owned()
}

/// A URL with a host; anything else is none.
fn url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    url.has_host().then_some(url)
}

/// Whether a part of a URL was drawn rather than thought of.
fn is_token(part: &str) -> bool {
    let is_of_words = |byte: u8| byte.is_ascii_lowercase() || b"-_./%".contains(&byte);
    let is_of_dates = |byte: u8| byte.is_ascii_digit() || b"-.:".contains(&byte);
    part.len() >= SECRET_BYTES_MIN
        && (part.len() > WORD_BYTES_MAX || !(part.bytes().all(is_of_words) || part.bytes().all(is_of_dates)))
}

/// Whether a variable of that name says where something is rather than what opens it.
fn is_no_secret(name: &str) -> bool {
    const LAST_WORDS: [&str; 17] = [
        "HOST",
        "HOSTNAME",
        "PORT",
        "USER",
        "USERNAME",
        "DATABASE",
        "DB",
        "DIR",
        "DIRECTORY",
        "PATH",
        "FILE",
        "REGION",
        "TZ",
        "LANG",
        "PGHOST",
        "PGUSER",
        "PGDATABASE",
    ];
    let name = name.to_ascii_uppercase();
    let last = name.rsplit('_').next().unwrap_or_default();
    LAST_WORDS.contains(&last)
}

/// Whether a variable of that name opens something.
fn is_secret(name: &str) -> bool {
    const TELLING: [&str; 9] = [
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "TOKEN",
        "CREDENTIAL",
        "PRIVATE_KEY",
        "API_KEY",
        "ACCESS_KEY",
    ];
    let name_in_capitals = name.to_ascii_uppercase();
    !is_no_secret(name) && TELLING.iter().any(|telling| name_in_capitals.contains(telling))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    fn of(secret: &str) -> Redactor {
        let mut texts = SecretTexts::default();
        texts.add(secret);
        texts.redactor(false)
    }

    #[test]
    fn a_password_is_hidden_in_the_forms_in_which_it_travels() {
        let password = "pä ss/+\"wörd>>>??";
        let redactor = of(password);
        for form in [
            password.to_owned(),
            "p%C3%A4%20ss%2F%2B%22w%C3%B6rd%3E%3E%3E%3F%3F".to_owned(),
            "p%c3%a4%20ss%2f%2b%22w%c3%b6rd%3e%3e%3e%3f%3f".to_owned(),
            serde_urlencoded::to_string([("p", password)]).unwrap()[2..].to_owned(),
            serde_json::json!(password).to_string().trim_matches('"').to_owned(),
        ] {
            let said = format!("<{form}>");
            assert_eq!(redactor.text(&said), "<[hidden]>");
        }
    }

    #[test]
    fn a_login_is_hidden_in_a_header_whoever_asks() {
        let redactor = of("correct horse battery");
        for user in ["", "a", "ab", "abc", "freshd"] {
            for alphabet in [STANDARD, URL_SAFE] {
                let header = alphabet.encode(format!("{user}:correct horse battery"));
                let hidden = redactor.text(&header).into_owned();
                assert!(hidden.contains("[hidden]"), "{header}");
                let left = hidden.replace("[hidden]", "").replace('=', "");
                assert!(left.len() <= (user.len() + 1) * 8 / 6 + 3, "{header} became {hidden}");
            }
        }
    }

    #[test]
    fn of_a_secret_url_all_but_words_and_the_host_is_hidden() {
        let redactor = of("https://hooks.slack.com/services/T0000001/B0000001/XxYyZzXxYyZz");
        for (said, hidden) in [
            (
                "POST https://hooks.slack.com/services/T0000001/B0000001/XxYyZzXxYyZz: 404",
                "POST [hidden]: 404",
            ),
            ("to hooks.slack.com: XxYyZzXxYyZz", "to hooks.slack.com: [hidden]"),
            ("services of hooks.slack.com", "services of hooks.slack.com"),
            ("GET /services/T0000001/B0000001/XxYyZzXxYyZz", "GET [hidden]"),
        ] {
            assert_eq!(redactor.text(said), hidden);
        }
        let redactor = of("https://ops.example/in/lowercase?sig=p%2Fabcdefg1&v=2#frag-ment1");
        assert_eq!(
            redactor.text("ops.example/in/lowercase?sig=p%2Fabcdefg1&v=2#frag-ment1"),
            "[hidden]"
        );
        assert_eq!(
            redactor.text("p/abcdefg1, frag-ment1, lowercase"),
            "[hidden], [hidden], lowercase"
        );
    }

    #[test]
    fn of_a_url_in_the_open_only_tokens_and_a_login_are_hidden() {
        let mut texts = SecretTexts::default();
        texts.add_parts_of(
            "https://app:pass%2Fword1@ops.example/hooks-of-freshd/T0KEN-0000?api-key=abcdefgh9&v=2026-11-27",
        );
        texts.add_parts_of("https://ghp_0123456789@github.example/x");
        let redactor = texts.redactor(false);
        assert_eq!(
            redactor
                .text("app pass/word1 pass%2Fword1 ops.example hooks-of-freshd T0KEN-0000 abcdefgh9 ghp_0123456789"),
            "app [hidden] [hidden] ops.example hooks-of-freshd [hidden] [hidden] [hidden]"
        );
        assert_eq!(redactor.text("2026-11-27"), "2026-11-27");
    }

    #[test]
    fn a_signing_secret_is_hidden_without_its_prefix_too() {
        assert_eq!(
            of("whsec_c2VjcmV0").text("c2VjcmV0 of whsec_c2VjcmV0"),
            "[hidden] of [hidden]"
        );
    }

    #[test]
    fn what_is_short_is_not_looked_for() {
        assert!(of("1234567").is_empty());
        assert_eq!(of("12345678").text("12345678"), "[hidden]");
    }

    #[test]
    fn a_variable_is_a_secret_by_where_it_stands_and_by_its_name() {
        let mut texts = SecretTexts::default();
        texts.add_variable("EXPORT_LOGIN", "in-a-file");
        texts.add_variable("DB_HOST", "db.seafood.example");
        texts.add_variable("DATABASE_URL", "postgres://app:in-a-url@db.seafood.example/wms");
        texts.add_open_variable("WMS_PASSWORD", "in-the-open");
        texts.add_open_variable("TOKEN_FILE", "/run/secrets/token");
        texts.add_open_variable("SITE", "trondheim");
        texts.add_open_variable("PROXY", "http://me:through-it@proxy.example/Exports-2026");
        let redactor = texts.redactor(false);
        assert_eq!(
            redactor.text("in-a-file db.seafood.example in-a-url in-the-open /run/secrets/token trondheim through-it"),
            "[hidden] db.seafood.example [hidden] [hidden] /run/secrets/token trondheim [hidden]"
        );
        assert_eq!(redactor.text("Exports-2026"), "Exports-2026");
    }
}
