//! What an edit of jobs.toml changes, in its author's own words: entry by entry and key by key.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::model::{Change, ChangeKind, ChangedKey};

/// Stands for what is nobody else's business.
const HIDDEN: &str = "(hidden)";
/// Sections of which only `type` is shown: what else stands there may be a secret.
const SECRETIVE: [&str; 3] = ["channels", "heartbeat", "web"];
/// Sections that hold entries by name; any other table is one entry.
const OF_ENTRIES: [&str; 8] = [
    "calendars",
    "channels",
    "pools",
    "teams",
    "systems",
    "datasets",
    "jobs",
    "maintenance",
];

/// What differs between two configurations, each the texts of its files, by section and name.
///
/// # Errors
/// Fails for a text that is no TOML: only configurations that were read without an error can be compared.
pub fn changes(before: &[(String, String)], after: &[(String, String)]) -> Result<Vec<Change>, toml::de::Error> {
    let (before, after) = (entries(before)?, entries(after)?);
    let mut places: Vec<&Place> = before.keys().chain(after.keys()).collect();
    places.sort();
    places.dedup();
    let none = BTreeMap::new();
    let changed = places.into_iter().filter_map(|place| {
        let kind = match (before.contains_key(place), after.contains_key(place)) {
            (false, _) => ChangeKind::Added,
            (_, false) => ChangeKind::Removed,
            (true, true) => ChangeKind::Changed,
        };
        let keys = keys(
            &place.0,
            before.get(place).unwrap_or(&none),
            after.get(place).unwrap_or(&none),
        );
        let is_news = kind != ChangeKind::Changed || !keys.is_empty();
        is_news.then(|| Change {
            section: place.0.clone(),
            name: place.1.clone(),
            kind,
            keys,
        })
    });
    Ok(changed.collect())
}

/// The section, and the name of the entry in it.
type Place = (String, Option<String>);
/// What an entry says, by key.
type Said = BTreeMap<String, Value>;

fn entries(files: &[(String, String)]) -> Result<BTreeMap<Place, Said>, toml::de::Error> {
    let mut entries: BTreeMap<Place, Said> = BTreeMap::new();
    for (_, text) in files {
        for (section, value) in text.parse::<Table>()? {
            match value {
                Value::Table(table) if OF_ENTRIES.contains(&section.as_str()) => {
                    for (name, entry) in table {
                        take_in(entries.entry((section.clone(), Some(name))).or_default(), "", entry);
                    }
                }
                value => take_in(entries.entry((section, None)).or_default(), "", value),
            }
        }
    }
    Ok(entries)
}

/// Takes in what stands in a table below keys of its own, so that one that differs is told alone.
fn take_in(said: &mut Said, key: &str, value: Value) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                let key = if key.is_empty() { name } else { format!("{key}.{name}") };
                take_in(said, &key, value);
            }
        }
        value => {
            said.insert(key.to_owned(), value);
        }
    }
}

fn keys(section: &str, before: &Said, after: &Said) -> Vec<ChangedKey> {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    let shown = |key: &str, value: &Value| {
        if is_secret(section, key) {
            HIDDEN.to_owned()
        } else {
            value.to_string()
        }
    };
    let changed = differing.map(|key| ChangedKey {
        key: key.clone(),
        before: before.get(key).map(|value| shown(key, value)),
        after: after.get(key).map(|value| shown(key, value)),
    });
    changed.collect()
}

/// Whether what stands there may be a secret.
fn is_secret(section: &str, key: &str) -> bool {
    let secretive = SECRETIVE.contains(&section) && key != "type" && key != "listen";
    secretive || key == "env" || key.starts_with("env.") || key == "probe.ping"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Vec<(String, String)> {
        vec![("jobs.toml".to_owned(), text.to_owned())]
    }

    fn changed(before: &str, after: &str) -> Vec<String> {
        let changes = changes(&file(before), &file(after)).unwrap();
        let words = changes.iter().flat_map(|change| {
            let place = format!("{}.{}", change.section, change.name.as_deref().unwrap_or("-"));
            let head = format!("{:?} {place}", change.kind);
            let keys = change.keys.iter().map(move |key| {
                let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                format!("{place} {}: {} -> {}", key.key, text(&key.before), text(&key.after))
            });
            std::iter::once(head).chain(keys)
        });
        words.collect()
    }

    #[test]
    fn an_edit_is_told_key_by_key_however_its_tables_are_written() {
        let before = "[datasets.stock]\nmax_age = \"2h\"\ndue = { at = \"0 22 * * *\", grace = \"15m\" }\n";
        let after = "[datasets.stock]\nmax_age = \"2h\"\n[datasets.stock.due]\nat = \"0 22 * * *\"\ngrace = \"1h\"\n";
        assert_eq!(
            changed(before, after),
            ["Changed datasets.stock", "datasets.stock due.grace: \"15m\" -> \"1h\""]
        );
        assert!(changed(before, before).is_empty());
    }

    #[test]
    fn entries_come_and_go_and_move_between_files() {
        let before = "timezone = \"UTC\"\n[jobs.a]\ncommand = \"true\"\n[jobs.b]\ncommand = \"true\"\n";
        let moved = vec![
            file("timezone = \"Europe/Oslo\"\n[pools]\nerp = 2\n").remove(0),
            file("[jobs.b]\ncommand = \"true\"\n").remove(0),
        ];
        let found = changes(&file(before), &moved).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|change| (change.section.as_str(), change.name.as_deref(), change.kind))
            .collect();
        assert_eq!(
            found,
            [
                ("jobs", Some("a"), ChangeKind::Removed),
                ("pools", Some("erp"), ChangeKind::Added),
                ("timezone", None, ChangeKind::Changed),
            ]
        );
    }

    #[test]
    fn secrets_are_told_to_differ_and_not_how() {
        let before = "[channels.ops]\ntype = \"slack\"\nurl = \"https://hooks.example/T0/B0/old\"\n\
                      [jobs.a]\nenv = { PGPASSWORD = \"old\", PGUSER = \"erp\" }\n\
                      [datasets.d]\nprobe = { ping = \"old\" }\n";
        let told = changed(before, &before.replace("old", "new")).join("\n");
        assert_eq!(told.matches("(hidden) -> (hidden)").count(), 3, "{told}");
        assert!(!told.contains("new") && !told.contains("PGUSER"), "{told}");
    }
}
