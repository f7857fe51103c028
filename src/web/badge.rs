//! `/badge/DATASET.svg`: a dataset's state as a small picture, for a wiki or a readme.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::answer::Trouble;
use super::api::known_dataset;
use super::desk::Desk;
use super::pages::{Tone, dataset_tone};

const SUFFIX: &str = ".svg";
/// Units of a picture that a character takes, and the space on both sides of a text.
const CHARACTER_WIDTH: usize = 7;
const MARGIN: usize = 6;
/// Characters of a name that are shown.
const NAME_CHARS_MAX: usize = 60;

pub(super) async fn badge(State(desk): State<Arc<Desk>>, Path(file): Path<String>) -> Result<Response, Trouble> {
    let name = file.strip_suffix(SUFFIX).unwrap_or(&file);
    let name = known_dataset(&desk, name)?;
    let known = desk.status().await?;
    let state = known
        .status
        .datasets
        .iter()
        .find(|dataset| dataset.name == name.as_str());
    let word = state.map_or("unknown", |dataset| dataset.state.as_str());
    let kind = [(header::CONTENT_TYPE, "image/svg+xml")];
    Ok((kind, picture(name.as_str(), word).into_string()).into_response())
}

/// A name on grey, and a state in its colour with its word, so that nothing is told by colour alone.
fn picture(name: &str, state: &str) -> Markup {
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    let word = state.replace('_', " ");
    let width = |text: &str| text.chars().count() * CHARACTER_WIDTH + 2 * MARGIN;
    let (left, right) = (width(&name), width(&word));
    let part = |text: &str, from: usize, width: usize| {
        html! {
            text x=(from + MARGIN) y="14" textLength=(width - 2 * MARGIN) lengthAdjust="spacingAndGlyphs" { (text) }
        }
    };
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(left + right) height="20" role="img" aria-label={ (name) ": " (word) } {
            title { (name) ": " (word) }
            rect width=(left) height="20" fill="#444" {}
            rect x=(left) width=(right) height="20" fill=(colour(dataset_tone(state))) {}
            g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" {
                (part(&name, 0, left))
                (part(&word, left, right))
            }
        }
    }
}

/// White text is read on each of these.
fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "#1a7f37",
        Tone::Warn => "#8a5a00",
        Tone::Bad => "#b42318",
        Tone::Busy => "#0b5cad",
        Tone::Unknown | Tone::NotYet | Tone::Quiet => "#57606a",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_says_the_state_in_words_and_escapes_names() {
        let svg = picture("stock<script>", "due_soon").into_string();
        assert!(svg.contains(">due soon</text>"), "{svg}");
        assert!(svg.contains("stock&lt;script&gt;") && !svg.contains("<script"), "{svg}");
        assert!(svg.contains(colour(Tone::Warn)), "{svg}");
        assert!(picture("stock", "late").into_string().contains(colour(Tone::Bad)));
    }
}
