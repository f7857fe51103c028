//! An instant as a schema says it, for types that hold one.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Stands in schemas for `jiff::Timestamp`: RFC 3339 in UTC.
#[derive(Debug)]
pub struct Instant;

impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}
