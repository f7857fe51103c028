//! Texts in the HTML of a mail: nothing that others wrote is markup there.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

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

/// As [`escape`], with times that no line ends in, and what stands between backticks as code.
pub(super) fn worded(text: &str) -> String {
    let escaped = escape(text);
    let timed = TIME.replace_all(&escaped, "<span style=\"white-space:nowrap\">$0</span>");
    let code = format!(
        "<code class=\"code\" style=\"padding:1px 4px;background:#f4f5f7;border-radius:3px;font-size:13px;{MONO}\">$1</code>"
    );
    CODE.replace_all(&timed, code.as_str()).into_owned()
}

/// What is typed or stands in a file, as messages write it.
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new("`([^`]+)`").expect("it is an expression"));

/// A time as messages write it: `Fri 2026-11-27 23:30`.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:[A-Z][a-z]{2} )?[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}\b").expect("it is an expression")
});

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
