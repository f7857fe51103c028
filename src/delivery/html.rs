//! The HTML of a mail: inline styles, one column, readable on a phone and in the dark.

use std::fmt::Write;

use super::groups::groups;
use super::html_text::{MONO, escape, first_sentence, linked, worded};
use super::links::Links;
use super::text::shown_facts;
use super::tone::{self, Tone};
use super::{COMMANDS_MAX, FACT_CHARS_MAX, HEADLINE_CHARS_MAX, OUTPUT_LINE_CHARS_MAX, clean, output_tail};
use crate::model::{Message, Purpose};

/// Programs that know the dark follow this; the others show the inline colours.
const STYLE: &str = "\
@media (prefers-color-scheme: dark) {\
 .page, .card { background: #14181d !important; color: #e6e9ed !important; }\
 .card { border-right-color: #39414a !important; border-bottom-color: #39414a !important; border-left-color: #39414a !important; }\
 .muted { color: #a3adb8 !important; }\
 .code { background: #1f252c !important; color: #e6e9ed !important; border-color: #39414a !important; }\
 a { color: #7cb7ff !important; }\
 .button { border-color: #7cb7ff !important; }\
}";

const SANS: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

/// So many rows of facts and incidents leave what to do about them in sight on a phone.
const ROWS_IN_SIGHT: usize = 40;

/// Characters that fit into one of them there.
const CHARS_IN_A_ROW: usize = 32;

/// What happened first, then the facts, what to type and the links, and the output, of which there
/// may be much.
pub(super) fn render(message: &Message, links: Links<'_>) -> String {
    let tone = Tone::of(message);
    let headline = clean::line(&message.headline, HEADLINE_CHARS_MAX);
    let (first, rest) = first_sentence(&headline);
    let subject = clean::line(&message.subject, HEADLINE_CHARS_MAX);
    let mut page = String::new();
    push(
        &mut page,
        format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"supported-color-schemes\" content=\"light dark\">\n\
             <meta name=\"x-apple-disable-message-reformatting\">\n\
             <meta name=\"format-detection\" content=\"telephone=no,date=no,address=no,email=no,url=no\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n</head>\n\
             <body class=\"page\" style=\"margin:0;padding:12px;background:#f4f5f7;color:#1c2127;{SANS}\">\n\
             <div class=\"card\" style=\"max-width:640px;margin:0 auto;background:#ffffff;\
             border:1px solid #d5dae0;border-top:6px solid {};border-radius:6px;padding:16px 20px\">\n",
            escape(&subject),
            tone.colour,
        ),
    );
    badge(&mut page, message, tone);
    push(
        &mut page,
        format_args!(
            "<h1 style=\"margin:0 0 {}px;font-size:19px;line-height:1.35;font-weight:600;overflow-wrap:anywhere\">{}</h1>\n",
            if rest.is_empty() { 16 } else { 8 },
            worded(first),
        ),
    );
    if !rest.is_empty() {
        push(
            &mut page,
            format_args!(
                "<p style=\"margin:0 0 16px;font-size:15px;line-height:1.45;overflow-wrap:anywhere\">{}</p>\n",
                worded(rest),
            ),
        );
    }
    // Where there is much to tell, nobody is to look for what to do about it behind that.
    let is_long = rows_on_a_phone(message) > ROWS_IN_SIGHT;
    if is_long {
        to_do(&mut page, message, &links);
        page.push_str("<div style=\"height:18px\"></div>\n");
    }
    facts(&mut page, message);
    incidents(&mut page, message);
    if !is_long {
        to_do(&mut page, message, &links);
    }
    output(&mut page, message);
    push(
        &mut page,
        format_args!(
            "<p class=\"muted\" style=\"margin:20px 0 0;font-size:13px;color:#5a6572\">freshd: {}</p>\n\
             </div>\n</body>\n</html>\n",
            escape(&tone::origin(message)),
        ),
    );
    page
}

/// Why this reader gets it, where the headline does not begin with that. The first words of a mail are what a phone shows of
/// it while it is locked: none of them is said twice.
fn badge(page: &mut String, message: &Message, tone: Tone) {
    if matches!(message.purpose, Purpose::Update | Purpose::Impact) {
        push(
            page,
            format_args!(
                "<div style=\"margin:0 0 8px\"><span style=\"display:inline-block;background:{};color:#ffffff;\
                 border-radius:4px;padding:2px 8px;font-size:13px;font-weight:600\">{}</span></div>\n",
                tone.colour, tone.word,
            ),
        );
    }
}

fn facts(page: &mut String, message: &Message) {
    let shown = shown_facts(message);
    if shown.is_empty() {
        return;
    }
    page.push_str(
        "<table role=\"presentation\" style=\"border-collapse:collapse;width:100%;font-size:15px;line-height:1.4\">\n",
    );
    for fact in shown {
        push(
            page,
            format_args!(
                "<tr><th scope=\"row\" class=\"muted\" style=\"text-align:left;vertical-align:top;\
                 padding:3px 14px 3px 0;font-weight:400;color:#5a6572;width:1%;white-space:nowrap\">{}</th>\
                 <td style=\"vertical-align:top;padding:3px 0;overflow-wrap:anywhere;word-break:break-word\">{}</td></tr>\n",
                escape(&clean::line(&fact.label, FACT_CHARS_MAX)),
                linked(&clean::line(&fact.text, FACT_CHARS_MAX)),
            ),
        );
    }
    page.push_str("</table>\n");
}

fn incidents(page: &mut String, message: &Message) {
    for group in groups(message) {
        heading(page, &group.title);
        page.push_str("<ul style=\"margin:0;padding:0 0 0 20px;font-size:15px;line-height:1.4\">\n");
        for line in group.in_pieces() {
            push(
                page,
                format_args!("<li style=\"overflow-wrap:anywhere\">{}</li>\n", worded(&line)),
            );
        }
        page.push_str("</ul>\n");
    }
}

fn output(page: &mut String, message: &Message) {
    let (left_out, lines) = output_tail(message);
    if lines.is_empty() {
        return;
    }
    heading(page, "Last lines of output");
    open_code(page);
    if left_out > 0 {
        push(page, format_args!("({left_out} earlier lines left out)\n"));
    }
    for line in lines {
        page.push_str(&escape(&clean::output_line(line, OUTPUT_LINE_CHARS_MAX)));
        page.push('\n');
    }
    page.push_str("</pre>\n");
}

/// About how many rows a phone shows of facts and incidents.
fn rows_on_a_phone(message: &Message) -> usize {
    let facts = shown_facts(message).into_iter().map(|fact| &fact.text);
    let incidents = message.incidents.iter().map(|line| &line.text);
    let rows = |text: &String| 1 + text.chars().count() / CHARS_IN_A_ROW;
    facts.chain(incidents).map(rows).sum()
}

/// What to type, and what to press.
fn to_do(page: &mut String, message: &Message, links: &Links<'_>) {
    commands(page, message);
    for (words, link) in links.offers() {
        push(
            page,
            format_args!(
                "<p style=\"margin:16px 0 0;font-size:15px\"><a href=\"{}\" class=\"button\" style=\"display:inline-block;\
                 padding:9px 16px;border:1px solid #0b5cad;border-radius:4px;color:#0b5cad;font-weight:600;\
                 text-decoration:none\">{words}</a></p>\n",
                escape(link),
            ),
        );
    }
}

fn commands(page: &mut String, message: &Message) {
    if message.commands.is_empty() {
        return;
    }
    heading(page, "What you can do");
    open_code(page);
    for command in message.commands.iter().take(COMMANDS_MAX) {
        page.push_str(&escape(&clean::line(command, FACT_CHARS_MAX)));
        page.push('\n');
    }
    page.push_str("</pre>\n");
}

fn heading(page: &mut String, text: &str) {
    push(
        page,
        format_args!(
            "<h2 class=\"muted\" style=\"margin:18px 0 6px;font-size:14px;font-weight:600;color:#5a6572\">{text}</h2>\n"
        ),
    );
}

fn open_code(page: &mut String) {
    push(
        page,
        format_args!(
            "<pre class=\"code\" style=\"margin:0;padding:10px 12px;background:#f4f5f7;border:1px solid #d5dae0;\
             border-radius:4px;font-size:13px;line-height:1.45;white-space:pre-wrap;overflow-wrap:anywhere;\
             word-break:break-word;{MONO}\">"
        ),
    );
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an element of a page, found by how it begins, is given inline for a property.
    fn inline<'a>(page: &'a str, element: &str, property: &str) -> &'a str {
        let (_, element) = page.split_once(element).unwrap_or_else(|| panic!("no {element}"));
        let (_, style) = element.split_once("style=\"").expect("a style");
        let (style, _) = style.split_once('"').expect("its end");
        value(style, property)
    }

    /// What the dark gives whatever a selector names for a property.
    fn in_the_dark(selector: &str, property: &str) -> &'static str {
        let (_, rules) = STYLE.split_once('{').expect("rules");
        let rules = rules.split('}').filter_map(|rule| rule.split_once('{'));
        let named = |selectors: &str| selectors.split(',').any(|one| one.trim() == selector);
        let mut declared = rules
            .filter(|(selectors, _)| named(selectors))
            .map(|(_, declared)| declared);
        let is_there = |declared: &&str| {
            declared
                .split(';')
                .any(|one| one.trim().starts_with(&format!("{property}:")))
        };
        let found = declared.find(is_there);
        value(
            found.unwrap_or_else(|| panic!("{selector} has no {property}")),
            property,
        )
    }

    /// The colour of a property.
    fn value<'a>(declared: &'a str, property: &str) -> &'a str {
        let mut declared = declared.split(';').filter_map(|one| one.trim().split_once(':'));
        let value = declared.find(|(name, _)| *name == property).map(|(_, value)| value);
        let mut words = value.unwrap_or_else(|| panic!("no {property}")).split_whitespace();
        words.find(|word| word.starts_with('#')).expect("a colour")
    }

    /// How far two colours lie apart: the contrast ratio of WCAG 2.2, <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>.
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            let part = |at: usize| {
                let part = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("hexadecimal")) / 255.0;
                match part <= 0.04045 {
                    true => part / 12.92,
                    false => ((part + 0.055) / 1.055).powf(2.4),
                }
            };
            0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
        };
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn texts_and_buttons_can_be_told_from_what_they_stand_on_by_day_and_in_the_dark() {
        let message = Message {
            output: vec!["ORA-12541".to_owned()],
            ..crate::model::plain_message(jiff::Timestamp::UNIX_EPOCH)
        };
        let links = Links {
            ack: Some("https://freshd.example/ack/1"),
            page: None,
        };
        let page = render(&message, links);
        let by_day = |element: &str, property: &str| inline(&page, element, property).to_owned();
        let dark = |selector: &str, property: &str| in_the_dark(selector, property).to_owned();
        let cases = [
            (
                "text",
                4.5,
                by_day("<body", "color"),
                by_day("<div class=\"card\"", "background"),
            ),
            (
                "muted",
                4.5,
                by_day("<p class=\"muted\"", "color"),
                by_day("<div class=\"card\"", "background"),
            ),
            (
                "button",
                4.5,
                by_day("class=\"button\"", "color"),
                by_day("<div class=\"card\"", "background"),
            ),
            (
                "its edge",
                3.0,
                by_day("class=\"button\"", "border"),
                by_day("<div class=\"card\"", "background"),
            ),
            (
                "code",
                4.5,
                by_day("<body", "color"),
                by_day("<pre class=\"code\"", "background"),
            ),
            ("dark text", 4.5, dark(".card", "color"), dark(".card", "background")),
            ("dark muted", 4.5, dark(".muted", "color"), dark(".card", "background")),
            ("dark button", 4.5, dark("a", "color"), dark(".card", "background")),
            (
                "its edge in the dark",
                3.0,
                dark(".button", "border-color"),
                dark(".card", "background"),
            ),
            ("dark code", 4.5, dark(".code", "color"), dark(".code", "background")),
        ];
        for (what, least, colour, ground) in cases {
            let ratio = contrast(&colour, &ground);
            assert!(ratio >= least, "{what}: {colour} on {ground} is {ratio:.2}");
        }
    }
}
