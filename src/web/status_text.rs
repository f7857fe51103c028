//! The document of `freshd status --json`, written once for all who ask for it or for a part of it: as a text it takes a tenth of
//! what it takes as values.

use std::ops::Range;

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// The whole of it, and where its long lists lie in it.
pub(super) struct StatusText {
    text: Bytes,
    jobs: Range<usize>,
    datasets: Range<usize>,
}

impl StatusText {
    pub(super) fn of(document: &Value) -> Self {
        let mut text = String::from("{");
        let (mut jobs, mut datasets) = (0..0, 0..0);
        for (place, (key, value)) in document.as_object().into_iter().flatten().enumerate() {
            if place > 0 {
                text.push(',');
            }
            text.push_str(&format!("{}:", Value::from(key.as_str())));
            let from = text.len();
            text.push_str(&value.to_string());
            match key.as_str() {
                "jobs" => jobs = from..text.len(),
                "datasets" => datasets = from..text.len(),
                _ => {}
            }
        }
        text.push_str("}\n");
        Self {
            text: Bytes::from(text),
            jobs,
            datasets,
        }
    }

    /// All of it.
    pub(super) fn whole(&self) -> Response {
        json(self.text.clone())
    }

    /// `{jobs}` of it.
    pub(super) fn jobs(&self) -> Response {
        json(self.part("jobs", &self.jobs))
    }

    /// `{datasets}` of it.
    pub(super) fn datasets(&self) -> Response {
        json(self.part("datasets", &self.datasets))
    }

    fn part(&self, key: &str, place: &Range<usize>) -> Bytes {
        let part = &self.text[place.clone()];
        [format!("{{\"{key}\":").as_bytes(), part, b"}\n"].concat().into()
    }
}

fn json(text: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_whole_and_its_parts_are_those_of_the_document() {
        let document = json!({
            "at": "2026-11-27T22:16:00Z", "datasets": [{ "name": "a\"b" }], "incidents": [], "jobs": [{ "name": "j" }, {}],
        });
        let text = StatusText::of(&document);
        let read = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
        assert_eq!(read(&text.text), document);
        assert_eq!(
            read(&text.part("jobs", &text.jobs)),
            json!({ "jobs": document["jobs"] })
        );
        let datasets = read(&text.part("datasets", &text.datasets));
        assert_eq!(datasets, json!({ "datasets": document["datasets"] }));
    }
}
