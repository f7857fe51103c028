//! What programs ask and send, read; and what is wrong with it, in the words of docs/json.md.
//!
//! The types that read it know what may come (`schemars`), so that whatever they refuse is explained from the same source.

use axum::extract::Query;
use axum::http::Uri;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::answer::Trouble;

/// Words of a closed list that are told at most, and characters of what was sent that are said again.
const WORDS_MAX: usize = 20;
const QUOTED_CHARS_MAX: usize = 60;

/// The schema of what a type reads, each part written out where it stands.
pub(super) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    T::json_schema(&mut settings.into_generator()).to_value()
}

/// What stands behind `?`, or the sentence that says what is wrong with it.
pub(super) fn query<T: DeserializeOwned + JsonSchema>(uri: &Uri) -> Result<T, Trouble> {
    if let Ok(Query(read)) = Query::<T>::try_from_uri(uri) {
        return Ok(read);
    }
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(uri.query().unwrap_or_default()).unwrap_or_default();
    let given = pairs.into_iter().map(|(key, value)| (key, Value::String(value)));
    let why = complaint(&schema_of::<T>(), given, "the part behind `?`", |schema, value| {
        is_read_as_text(schema, value.as_str().unwrap_or_default())
    });
    Err(Trouble::Query(why))
}

/// JSON that a program sends, or the sentence that says what is wrong with it.
pub(super) fn sent<T: DeserializeOwned + JsonSchema>(text: &[u8]) -> Result<T, Trouble> {
    let value: Value = serde_json::from_slice(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Trouble::Query(format!(
            "what is sent along is no JSON: see line {line}, column {column}"
        ))
    })?;
    if let Ok(read) = T::deserialize(&value)
        && value.is_object()
        && serde_json::from_slice::<T>(text).is_ok()
    {
        return Ok(read);
    }
    let Value::Object(given) = value else {
        return Err(Trouble::Query(format!(
            "what is sent along is {}; send an object such as {}",
            kind_of(&value),
            example(&schema_of::<T>())
        )));
    };
    let why = complaint(&schema_of::<T>(), given, "what is sent along", is_of_kind);
    Err(Trouble::Query(why))
}

/// What is wrong with keys and values, by what may come.
fn complaint(
    schema: &Value,
    given: impl IntoIterator<Item = (String, Value)>,
    where_it_is: &str,
    fits: impl Fn(&Value, &Value) -> bool,
) -> String {
    let empty = Map::new();
    let known = schema["properties"].as_object().unwrap_or(&empty);
    let mut seen: Vec<String> = Vec::new();
    for (key, value) in given {
        let Some(schema) = known.get(&key) else {
            let keys: Vec<String> = known.keys().map(|key| format!("`{key}`")).collect();
            let what_may = if keys.is_empty() {
                "nothing is read there".to_owned()
            } else {
                format!("known are {}", keys.join(", "))
            };
            return format!(
                "{where_it_is} has `{}`, which is not known there; {what_may}",
                quoted(&key)
            );
        };
        if !fits(schema, &value) {
            let said = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            return format!("`{key}` is {}, and not `{}`", wanted(schema), quoted(&said));
        }
        if seen.contains(&key) {
            return format!("`{key}` stands more than once in {where_it_is}");
        }
        seen.push(key);
    }
    let required = schema["required"].as_array().into_iter().flatten();
    let missing = required
        .filter_map(Value::as_str)
        .find(|key| !seen.iter().any(|seen| seen == key));
    match missing {
        Some(key) => format!("`{key}` is missing in {where_it_is}: it is {}", wanted(&known[key])),
        None => format!("a key stands more than once in {where_it_is}, or it is not written as docs/json.md says"),
    }
}

/// What a value should be, in words.
fn wanted(schema: &Value) -> String {
    let words = words_of(schema);
    if !words.is_empty() {
        let shown: Vec<String> = words.iter().take(WORDS_MAX).map(|word| format!("`{word}`")).collect();
        return format!("one of {}", shown.join(", "));
    }
    if schema["format"] == "date-time" {
        return "an instant such as 2026-11-27T22:00:00Z".to_owned();
    }
    match () {
        () if may_be(schema, "integer") => match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
            (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
            _ => "a whole number such as 50".to_owned(),
        },
        () if may_be(schema, "boolean") => "`true` or `false`".to_owned(),
        () => "a text".to_owned(),
    }
}

/// An object with every key that it may have.
fn example(schema: &Value) -> String {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let example: Map<String, Value> = properties.map(|(key, _)| (key.clone(), json!("..."))).collect();
    Value::Object(example).to_string()
}

/// The words of a closed list.
fn words_of(schema: &Value) -> Vec<&str> {
    let own = schema["const"].as_str();
    let listed = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let nested = ["oneOf", "anyOf"]
        .into_iter()
        .flat_map(|key| schema[key].as_array().into_iter().flatten());
    own.into_iter().chain(listed).chain(nested.flat_map(words_of)).collect()
}

fn may_be(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind
        || schema["type"]
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(|known| known == kind))
}

fn is_of_kind(schema: &Value, value: &Value) -> bool {
    match value {
        Value::Null => may_be(schema, "null"),
        Value::Bool(_) => may_be(schema, "boolean"),
        Value::Number(_) => may_be(schema, "integer") || may_be(schema, "number"),
        Value::String(text) => may_be(schema, "string") && is_read_as_text(schema, text),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether a text, as it stands in an address, is read as what is wanted.
fn is_read_as_text(schema: &Value, text: &str) -> bool {
    let words = words_of(schema);
    if !words.is_empty() {
        return words.contains(&text);
    }
    if schema["format"] == "date-time" {
        return text.parse::<jiff::Timestamp>().is_ok();
    }
    match () {
        () if may_be(schema, "integer") => {
            let most = schema["maximum"].as_u64().unwrap_or(match schema["format"].as_str() {
                Some("uint32") => u32::MAX.into(),
                _ => u64::MAX,
            });
            let least = schema["minimum"].as_u64().unwrap_or(0);
            text.parse::<u64>().is_ok_and(|number| (least..=most).contains(&number))
        }
        () if may_be(schema, "boolean") => matches!(text, "true" | "false"),
        () => true,
    }
}

/// The kind of a value that is no object.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if short.len() < text.len() {
        format!("{short}…")
    } else {
        short
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::model::Instant;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what is refused is looked at")]
    struct Asked {
        job: Option<String>,
        limit: Option<u32>,
        all: Option<bool>,
        #[schemars(with = "Option<Instant>")]
        since: Option<jiff::Timestamp>,
        outcome: Option<crate::model::Outcome>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what is refused is looked at")]
    struct Sent {
        name: String,
        because: Option<String>,
    }

    fn check_query(behind: &str, expected: &str) {
        let uri = format!("/api/v1/runs?{behind}").parse().unwrap();
        let said = query::<Asked>(&uri).unwrap_err().words();
        assert!(said.contains(expected), "{behind}: {said}");
        is_in_our_words(&said);
    }

    fn check_sent(text: &str, expected: &str) {
        let said = sent::<Sent>(text.as_bytes()).unwrap_err().words();
        assert!(said.contains(expected), "{text}: {said}");
        is_in_our_words(&said);
    }

    #[track_caller]
    fn is_in_our_words(said: &str) {
        for foreign in [
            "field",
            "invalid",
            "expected",
            "variant",
            "map",
            "struct",
            "u32",
            "Option",
            "deserial",
            "duplicate",
        ] {
            assert!(!said.contains(foreign), "{said}");
        }
    }

    #[test]
    fn a_question_that_makes_no_sense_is_told_what_would() {
        assert!(query::<Asked>(&"/x?job=a&limit=3&since=2026-11-27T22:00:00Z".parse().unwrap()).is_ok());
        check_query(
            "of=x",
            "has `of`, which is not known there; known are `all`, `job`, `limit`",
        );
        check_query("limit=many", "`limit` is a whole number such as 50, and not `many`");
        check_query("limit=-1", "`limit` is a whole number");
        check_query("limit=99999999999", "`limit` is a whole number");
        check_query("all=yes", "`all` is `true` or `false`, and not `yes`");
        check_query("since=monday", "`since` is an instant such as 2026-11-27T22:00:00Z");
        check_query("outcome=good", "`outcome` is one of `succeeded`, `failed`");
        check_query("limit=1&limit=2", "`limit` stands more than once");
    }

    #[test]
    fn what_is_sent_and_not_understood_is_told_what_would_be() {
        assert!(sent::<Sent>(br#"{"name":"stock","because":null}"#).is_ok());
        check_sent("{", "is no JSON: see line 1, column 1");
        check_sent(
            "[1]",
            "is a list; send an object such as {\"because\":\"...\",\"name\":\"...\"}",
        );
        check_sent("{}", "`name` is missing in what is sent along: it is a text");
        check_sent(r#"{"name":5}"#, "`name` is a text, and not `5`");
        check_sent(r#"{"name":null}"#, "`name` is a text, and not `null`");
        check_sent(
            r#"{"name":"a","why":"b"}"#,
            "has `why`, which is not known there; known are `because`, `name`",
        );
        check_sent(r#"{"name":"a","name":"b"}"#, "stands more than once");
        check_sent(r#"{"name":"a","because":{}}"#, "`because` is a text, and not `{}`");
    }
}
