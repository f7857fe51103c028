//! `/api/v1/openapi.json`: what programs may ask, made from the list of routes and the types that read what they send.

use axum::response::Response;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::answer;
use super::routes::{Needs, listed_for_programs};

/// What a program is told of a route.
#[derive(Clone, Copy)]
pub(super) struct Told {
    /// What it answers, or does.
    pub(super) about: &'static str,
    /// What may stand behind `?`.
    pub(super) query: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// What may come with it, as JSON.
    pub(super) body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// The shape of what it answers.
    gives: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// The kind of what it answers.
    pub(super) answers: &'static str,
    /// It is asked for by a name that need not be one, although that stands not in its path.
    names: bool,
}

impl Told {
    pub(super) fn about(about: &'static str) -> Self {
        Self {
            about,
            query: None,
            body: None,
            gives: None,
            answers: "application/json",
            names: false,
        }
    }

    /// With the shape of its answer.
    pub(super) fn gives<T: JsonSchema>(self) -> Self {
        Self {
            gives: Some(SchemaGenerator::subschema_for::<T>),
            ..self
        }
    }

    /// With names in the query or in what is sent.
    pub(super) fn may_name_nothing(self) -> Self {
        Self { names: true, ..self }
    }

    /// With what the type reads behind `?`.
    pub(super) fn asks<T: JsonSchema>(self) -> Self {
        Self {
            query: Some(T::json_schema),
            ..self
        }
    }

    /// With what the type reads of what is sent.
    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        Self {
            body: Some(T::json_schema),
            ..self
        }
    }

    /// With an answer of another kind.
    pub(super) fn answers(self, answers: &'static str) -> Self {
        Self { answers, ..self }
    }
}

pub(super) async fn openapi() -> Response {
    answer::document(&description())
}

/// The whole document.
fn description() -> Value {
    let mut answers = answers_generator();
    let mut paths: Map<String, Value> = Map::new();
    for (method, path, needs, told) in listed_for_programs() {
        let operations = paths.entry(path).or_insert_with(|| json!({}));
        operations[method.to_lowercase()] = operation((method, path), needs, told, &mut answers);
    }
    let mut schemas = answers.take_definitions(true);
    schemas.insert("Trouble".to_owned(), trouble_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "freshd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What freshd knows, as its command line prints it with --json. Keys are added over time and never \
                            renamed. Where [web.auth] is configured every request needs a token.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas,
        },
    })
}

fn trouble_schema() -> Value {
    json!({
        "type": "object",
        "required": ["error", "near"],
        "properties": {
            "error": { "type": "string", "description": "what is wrong, in a sentence" },
            "near": { "type": "array", "items": { "type": "string" }, "description": "known names that look like the one asked for" },
        },
    })
}

/// Why an operation is refused: only what can happen to it.
fn refusals(method: &str, path: &str, told: Told) -> Vec<(&'static str, &'static str)> {
    let (is_question, is_fixed) = (method == "GET", path == "/api/v1/openapi.json");
    let all = [
        (true, "400", "what is asked or sent is not understood"),
        (true, "401", "nobody is known by what was sent"),
        (true, "403", "known, and not allowed"),
        (path.contains('{') || told.names, "404", "there is no such thing"),
        (!is_question, "409", "refused as things stand"),
        (is_question, "413", "a question has no body"),
        (!is_question, "413", "what is sent is too long"),
        (true, "414", "the address is too long"),
        (true, "421", "freshd does not answer to that name"),
        (!is_fixed, "503", "the daemon or its records do not answer"),
    ];
    let those = all.into_iter().filter(|(can_be, _, _)| *can_be);
    those.map(|(_, status, description)| (status, description)).collect()
}

fn operation((method, path): (&str, &str), needs: Needs, told: Told, answers: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let schema = match told.gives {
        Some(gives) => gives(answers).to_value(),
        None => json!({ "type": "string" }),
    };
    responses.insert(
        "200".to_owned(),
        json!({ "description": told.about, "content": { told.answers: { "schema": schema } } }),
    );
    for (status, description) in refusals(method, path, told) {
        let refusal = json!({
            "description": description,
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Trouble" } } },
        });
        responses.insert(status.to_owned(), refusal);
    }
    let mut operation = json!({
        "operationId": name_of(method, path),
        "summary": told.about,
        "parameters": parameters(path, told),
        "responses": responses,
    });
    if let Some(body) = told.body {
        let schema = body(&mut in_place()).to_value();
        let is_required = schema["required"].as_array().is_some_and(|keys| !keys.is_empty());
        operation["requestBody"] =
            json!({ "required": is_required, "content": { "application/json": { "schema": schema } } });
    }
    if needs != Needs::Nothing {
        // Without [web.auth] nobody is asked who they are.
        operation["security"] = match needs {
            Needs::Operate => json!([{ "token": [] }]),
            Needs::View | Needs::Nothing => json!([{ "token": [] }, {}]),
        };
    }
    operation
}

/// `getJobsName` of `GET /api/v1/jobs/{name}`.
fn name_of(method: &str, path: &str) -> String {
    let pieces = path
        .trim_start_matches("/api/v1/")
        .split(|c: char| !c.is_ascii_alphanumeric());
    let mut name = method.to_lowercase();
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let (first, rest) = piece.split_at(1);
        name.push_str(&first.to_uppercase());
        name.push_str(rest);
    }
    name
}

/// Describes what is answered, each shape once under its name.
fn answers_generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    settings.for_serialize().into_generator()
}

/// Writes a schema out where it stands: there is no place here for definitions.
fn in_place() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator()
}

fn parameters(path: &str, told: Told) -> Vec<Value> {
    let in_path = path
        .split('/')
        .filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| {
            let schema = match name {
                "id" => json!({ "type": "integer", "minimum": 1 }),
                _ => json!({ "type": "string", "minLength": 1 }),
            };
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect();
    let Some(query) = told.query else { return parameters };
    let schema = query(&mut in_place()).to_value();
    let required = |name: &str| {
        let required = schema["required"].as_array().into_iter().flatten();
        required.into_iter().any(|required| required == name)
    };
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let mut schema = schema.clone();
        // What is not written is not there: nothing in an address is null.
        for (list, null) in [("type", json!("null")), ("anyOf", json!({ "type": "null" }))] {
            if let Some(kinds) = schema.get_mut(list).and_then(Value::as_array_mut) {
                kinds.retain(|kind| *kind != null);
            }
        }
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut parameter = json!({ "name": name, "in": "query", "required": required(name), "schema": schema });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        parameters.push(parameter);
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_for_programs_is_described_with_what_it_reads() {
        let document = description();
        let runs = &document["paths"]["/api/v1/runs"]["get"];
        let names: Vec<&str> = runs["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["job", "limit", "outcome", "since"]);
        assert!(!document.to_string().contains("$defs"), "nothing is defined elsewhere");
        let pause = &document["paths"]["/api/v1/jobs/{name}/pause"]["post"];
        let body = &pause["requestBody"]["content"]["application/json"]["schema"];
        assert!(body["properties"]["because"].is_object(), "{body}");
        assert_eq!(pause["security"], json!([{ "token": [] }]));
        assert_eq!(pause["parameters"][0]["name"], "name");
    }
}
