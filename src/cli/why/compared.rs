//! With what the next version of a dataset is compared, in words.

use serde_json::Value;

use crate::cli::paint::clean;
use crate::model::of_days;

/// `8 Fridays, versions 12 to 19; Saturdays learning 2/4`.
pub(super) fn words(value: &Value) -> Option<String> {
    let words = value["compared"].as_array()?.iter().map(|comparison| {
        let of = clean(comparison["of"].as_str().unwrap_or_default());
        let needed = comparison["needed"].as_u64().unwrap_or(0);
        let versions: Vec<u64> = comparison["versions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        let count = versions.len() as u64;
        let days = comparison["days"].as_u64().unwrap_or(count);
        let (of, from_days) = of_days(&of, versions.len(), usize::try_from(days).unwrap_or(versions.len()));
        match (versions.first(), versions.last()) {
            _ if count < needed => format!("{of} learning {count}/{needed}"),
            (Some(first), Some(last)) if count > 1 => format!("{count} {of}, versions {first} to {last}{from_days}"),
            (only, _) => format!("version {}", only.copied().unwrap_or(0)),
        }
    });
    let mut words: Vec<String> = words.collect();
    for jump in value["since"].as_array().into_iter().flatten() {
        let (check, version) = (&jump["check"], &jump["version"]);
        let name = clean(check["name"].as_str().unwrap_or_default());
        let column = check["column"]
            .as_str()
            .map(|column| format!(" of `{}`", clean(column)));
        let column = column.unwrap_or_default();
        words.push(format!(
            "{name}{column} only since the expected change in version {version}"
        ));
    }
    if let Some(count) = value["columns_left_out"].as_u64().filter(|count| *count > 0) {
        words.push(format!(
            "without {count} columns: of so many, or with so many codes, not all is remembered"
        ));
    }
    if let Some(version) = value["left_out"].as_u64() {
        words.push(format!("not with version {version}, which was refused at first"));
    }
    Some(if words.is_empty() {
        "with nothing yet: no version was accepted since a rule compares".to_owned()
    } else {
        words.join("; ")
    })
}
