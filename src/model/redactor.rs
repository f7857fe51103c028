//! Takes the values of secrets out of texts that others may read.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use super::web::{TOKEN_CHARS, TOKEN_PREFIX};

/// What stands in place of a secret.
pub const HIDDEN: &str = "[hidden]";

/// A shorter value is not looked for: it would be found in words and numbers that are none.
pub const SECRET_BYTES_MIN: usize = 8;

/// What a text was cut to may begin with the end of a secret: from so many bytes on it is taken for one.
const REMAINDER_BYTES_MIN: usize = 4;

/// Texts of configurations before this one that are still looked for, at most: those of the latest.
const FORMER_MAX: usize = 2_000;

/// All texts that give secrets of the configuration away, found in one pass over a text.
///
/// `Debug` does not show them. A copy shares them.
#[derive(Clone, Default)]
pub struct Redactor(Option<Arc<Known>>);

struct Known {
    /// Those of the configuration itself.
    telling: BTreeSet<String>,
    /// Those of configurations before it, the latest first.
    former: Vec<String>,
    /// Finds all of both, in this order.
    finder: AhoCorasick,
    /// Whatever looks like a token that `freshd token` prints is one: only its hash is known.
    tokens: bool,
}

impl Redactor {
    /// Looks for these texts, which [`SecretTexts`](super::SecretTexts) gathers; with `tokens` also for what looks like a
    /// token of `[web.auth]`.
    pub fn new(telling: BTreeSet<String>, tokens: bool) -> Self {
        Self::of(telling, Vec::new(), tokens)
    }

    fn of(telling: BTreeSet<String>, former: Vec<String>, tokens: bool) -> Self {
        if telling.is_empty() && former.is_empty() && !tokens {
            return Self::default();
        }
        let finder = AhoCorasick::builder()
            // Each match is told, also those within others: what two of them share is hidden once, and all of both.
            .match_kind(MatchKind::Standard)
            .build(telling.iter().chain(&former));
        let Ok(finder) = finder else {
            // More than 2 GiB of secrets: the files that they are read from are bounded far below.
            return Self::default();
        };
        Self(Some(Arc::new(Known {
            telling,
            former,
            finder,
            tokens,
        })))
    }

    /// Looks for what the configuration before this one gave away as well: a job that was started with it goes on.
    #[must_use]
    pub fn after(&self, before: &Self) -> Self {
        let Some(known) = &before.0 else { return self.clone() };
        let own = self.0.as_ref().map(|own| &own.telling);
        let is_gone = |text: &&String| own.is_none_or(|own| !own.contains(*text));
        let former = known.telling.iter().chain(&known.former).filter(is_gone);
        let former: Vec<String> = former.take(FORMER_MAX).cloned().collect();
        if former.is_empty() && known.tokens <= self.tokens() {
            return self.clone();
        }
        Self::of(own.cloned().unwrap_or_default(), former, self.tokens() || known.tokens)
    }

    fn tokens(&self) -> bool {
        self.0.as_ref().is_some_and(|known| known.tokens)
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The text with [`HIDDEN`] in place of each secret.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = self.find(text.as_bytes());
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        // Secrets are whole characters, so that what is left of a text is one.
        Cow::Owned(String::from_utf8_lossy(&without(text.as_bytes(), &found)).into_owned())
    }

    /// The same in its place.
    pub fn hide(&self, text: &mut String) {
        if let Cow::Owned(hidden) = self.text(text) {
            *text = hidden;
        }
    }

    /// The same of bytes that a job printed.
    pub fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let found = self.find(&bytes);
        if found.is_empty() {
            bytes
        } else {
            without(&bytes, &found)
        }
    }

    /// The same of a text whose beginning is cut off: what is left of a secret there is hidden too.
    pub fn hide_in_rest(&self, rest: &mut String) {
        if let Some(end) = self.remainder(rest) {
            rest.replace_range(..end, HIDDEN);
        }
        self.hide(rest);
    }

    /// Where the end of a secret ends with which the text begins.
    fn remainder(&self, text: &str) -> Option<usize> {
        let known = self.0.as_ref()?;
        let ends = known.telling.iter().chain(&known.former).filter_map(|secret| {
            let last = secret.len().saturating_sub(REMAINDER_BYTES_MIN);
            let begins = (1..=last).filter(|begin| secret.is_char_boundary(*begin));
            // The longest comes first.
            let mut found = begins.filter(|begin| text.starts_with(&secret[*begin..]));
            found.next().map(|begin| secret.len() - begin)
        });
        ends.max()
    }

    /// Where secrets stand, in order and apart from each other.
    fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let Some(known) = &self.0 else { return Vec::new() };
        let mut found: Vec<Range<usize>> = known
            .finder
            .find_overlapping_iter(bytes)
            .map(|found| found.range())
            .collect();
        if known.tokens {
            found.extend(tokens(bytes));
        }
        found.sort_unstable_by_key(|range| range.start);
        let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for range in found {
            match apart.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        apart
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.as_ref().map_or(0, |known| known.telling.len());
        write!(f, "Redactor({count} texts)")
    }
}

/// Where something stands that looks like a token of `[web.auth]`.
fn tokens(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    memchr::memmem::find_iter(bytes, TOKEN_PREFIX).filter_map(|start| {
        let chance = start + TOKEN_PREFIX.len();
        let end = chance + TOKEN_CHARS;
        let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        bytes.get(chance..end)?.iter().all(is_of_token).then_some(start..end)
    })
}

fn without(bytes: &[u8], found: &[Range<usize>]) -> Vec<u8> {
    let mut left = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for range in found {
        left.extend_from_slice(&bytes[from..range.start]);
        left.extend_from_slice(HIDDEN.as_bytes());
        from = range.end;
    }
    left.extend_from_slice(&bytes[from..]);
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        Redactor::new(secrets.iter().map(|secret| (*secret).to_owned()).collect(), false)
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands_and_all_of_those_that_overlap() {
        let redactor = redactor(&["abcdefgh", "fghijklm", "abcdefghij"]);
        for (text, hidden) in [
            ("abcdefgh", "[hidden]"),
            ("<abcdefgh> and abcdefghij", "<[hidden]> and [hidden]"),
            ("-abcdefghijklm-", "-[hidden]-"),
            ("æabcdefghæ", "æ[hidden]æ"),
            ("abcdefg", "abcdefg"),
        ] {
            assert_eq!(redactor.text(text), hidden);
            assert_eq!(redactor.bytes(text.as_bytes().to_vec()), hidden.as_bytes());
        }
        assert_eq!(redactor.bytes(b"\xffabcdefgh\xff".to_vec()), b"\xff[hidden]\xff");
        assert_eq!(format!("{redactor:?}"), "Redactor(3 texts)");
    }

    #[test]
    fn without_secrets_there_is_nothing_to_look_for() {
        let redactor = Redactor::new(BTreeSet::new(), false);
        assert!(redactor.is_empty());
        assert!(matches!(redactor.text("abcdefgh"), Cow::Borrowed("abcdefgh")));
    }

    #[test]
    fn what_is_left_of_a_secret_that_a_cut_went_through_is_hidden() {
        let redactor = redactor(&["correct horse"]);
        for (rest, hidden) in [
            ("rect horse of ours", "[hidden] of ours"),
            ("orse, correct horse", "[hidden], [hidden]"),
            ("rse", "rse"),
            ("a horse", "a horse"),
        ] {
            let mut text = rest.to_owned();
            redactor.hide_in_rest(&mut text);
            assert_eq!(text, hidden);
        }
    }

    #[test]
    fn what_looks_like_a_token_is_hidden_where_there_are_tokens() {
        let token = format!("freshd_{}", "aB3-_".repeat(9));
        let token = &token[..7 + 43];
        let said = format!("Bearer {token}, freshd_status is no token");
        let with_tokens = Redactor::new(BTreeSet::new(), true);
        assert_eq!(with_tokens.text(&said), "Bearer [hidden], freshd_status is no token");
        assert_eq!(redactor(&["abcdefgh"]).text(&said), said);
    }

    #[test]
    fn the_secrets_of_a_configuration_before_are_still_hidden() {
        let first = redactor(&["first-secret", "kept-secret"]);
        let second = redactor(&["second-secret", "kept-secret"]).after(&first);
        let third = Redactor::default().after(&second);
        let said = "first-secret second-secret kept-secret";
        assert_eq!(second.text(said), "[hidden] [hidden] [hidden]");
        assert_eq!(third.text(said), "[hidden] [hidden] [hidden]");
        let many = (0..FORMER_MAX).map(|number| format!("secret-{number:05}"));
        let many = Redactor::new(many.collect(), false).after(&first);
        assert_eq!(many.text("first-secret secret-00000"), "[hidden] [hidden]");
        let bounded = Redactor::default().after(&many);
        assert_eq!(bounded.text("first-secret secret-00000"), "first-secret [hidden]");
    }
}
