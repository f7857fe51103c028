//! Texts in the HTML of a mail: nothing that others wrote is markup there.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

pub(super) const MONO: &str = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace";

/// A text that is nothing but a web address becomes a link to it; everything else is only escaped.
pub(super) fn linked(text: &str) -> String {
    let escaped = escape(text);
    let is_address = text.starts_with("https://") || text.starts_with("http://");
    if is_address && !text.contains(char::is_whitespace) {
        format!("<a href=\"{escaped}\" style=\"color:#0b5cad\">{escaped}</a>")
    } else {
        worded(text)
    }
}

/// A text in two: its first sentence, which a phone shows large, and the rest, of which there may be much.
pub(super) fn first_sentence(text: &str) -> (&str, &str) {
    // A full stop between backticks ends no sentence.
    let is_end = |at: usize| text[..at].matches('`').count().is_multiple_of(2);
    let mut ends = SENTENCE_END.find_iter(text).map(|end| end.start() + 1);
    ends.find(|at| is_end(*at))
        .map_or((text, ""), |at| (&text[..at], text[at..].trim_start()))
}

/// As [`escape`], with times and short names that no line ends in, and what stands between backticks as code.
pub(super) fn worded(text: &str) -> String {
    let escaped = escape(text);
    let timed = WHOLE.replace_all(&escaped, |found: &Captures<'_>| match &found[0] {
        long if long.chars().count() > WHOLE_CHARS_MAX => long.to_owned(),
        whole => format!("<span style=\"white-space:nowrap\">{whole}</span>"),
    });
    let code = format!(
        "<code class=\"code\" style=\"padding:1px 4px;background:#f4f5f7;border-radius:3px;font-size:13px;{MONO}\">$1</code>"
    );
    CODE.replace_all(&timed, code.as_str()).into_owned()
}

/// What is typed or stands in a file, as messages write it.
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new("`([^`]+)`").expect("it is an expression"));

/// So much is kept on one line, however narrow a phone is.
const WHOLE_CHARS_MAX: usize = 24;

/// A time as messages write it, `Fri 2026-11-27 23:30`, or a name that programs would break: `shop-05`.
static WHOLE: LazyLock<Regex> = LazyLock::new(|| {
    let time = r"\b(?:[A-Z][a-z]{2} )?[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}\b";
    Regex::new(&format!(r"{time}|\w+(?:-\w+)+")).expect("it is an expression")
});

/// Where a sentence ends and another begins.
static SENTENCE_END: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[.?!] \p{Lu}").expect("it is an expression"));

/// A text in which nothing is markup.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_ends_where_another_begins_and_nowhere_in_code() {
        for (text, first, rest) in [
            (
                "WARNING: 1 row came; is a part of it missing? Stock goes stale Fri 23:30. Sales reads it.",
                "WARNING: 1 row came; is a part of it missing?",
                "Stock goes stale Fri 23:30. Sales reads it.",
            ),
            ("WARNING: v1.2 of it failed.", "WARNING: v1.2 of it failed.", ""),
            ("it is `a. B`. Then.", "it is `a. B`.", "Then."),
            ("", "", ""),
        ] {
            assert_eq!(first_sentence(text), (first, rest));
        }
    }

    #[test]
    fn a_short_name_is_broken_nowhere_and_a_long_one_where_it_may_be() {
        let whole = |text: &str| {
            worded(text)
                .replace("<span style=\"white-space:nowrap\">", "[")
                .replace("</span>", "]")
        };
        assert_eq!(whole("shop-05 & wms-db-2, late"), "[shop-05] &amp; [wms-db-2], late");
        let long = "temperatures-of-the-cold-stores";
        assert_eq!(whole(long), long);
    }

    #[test]
    fn only_a_whole_web_address_becomes_a_link_and_cannot_leave_its_attribute() {
        assert_eq!(
            linked("https://wiki.example/a?b&\"c"),
            "<a href=\"https://wiki.example/a?b&amp;&quot;c\" style=\"color:#0b5cad\">https://wiki.example/a?b&amp;&quot;c</a>"
        );
        assert_eq!(linked("javascript:alert(1)"), "javascript:alert(1)");
        assert_eq!(linked("see https://wiki.example"), "see https://wiki.example");
        assert_eq!(linked("<b>"), "&lt;b&gt;");
        let code = linked("`<kg>` and `lot` of `x");
        assert!(code.starts_with("<code class=\"code\" style=\""), "{code}");
        let shown = Regex::new("<(/?)code[^>]*>")
            .expect("an expression")
            .replace_all(&code, "[$1]")
            .into_owned();
        assert_eq!(shown, "[]&lt;kg&gt;[/] and []lot[/] of `x");
        assert_eq!(
            linked("late, Fri 2026-11-27 23:30."),
            "late, <span style=\"white-space:nowrap\">Fri 2026-11-27 23:30</span>."
        );
    }
}
