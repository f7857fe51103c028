//! Makes a whole configuration of an example: the files it names, and whatever it refers to without defining it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use freshd::config::{Environment, Loaded, load};
use toml::{Table, Value};

/// What every secret of an example is: it must do as a password and as a URL.
const SECRET: &str = "https://hooks.example.com/T0/B0/x";

const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const TOKEN_HASH: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Loads an example as it stands.
pub(crate) fn load_whole(text: &str) -> Result<Loaded, String> {
    let table = parse(text)?;
    Ok(load_in_place(text, &table))
}

/// Loads an example with everything that it leaves out.
pub(crate) fn load_completed(text: &str) -> Result<Loaded, String> {
    let text = with_required_keys(text, &parse(text)?);
    let table = parse(&text)?;
    let completed = format!("{text}\n{}", missing_sections(&table));
    let table = parse(&completed).map_err(|why| format!("{why} in\n{completed}"))?;
    Ok(load_in_place(&completed, &table))
}

/// Loads a text as jobs.toml of a directory that has every file the table names.
pub(crate) fn load_in_place(text: &str, table: &Table) -> Loaded {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path();
    let mut environment = Environment {
        variables: BTreeMap::new(),
        credentials_dir: Some(place.join("credentials")),
        path: vec![place.join("programs"), "/usr/bin".into(), "/bin".into()],
        state_dir: None,
        published: std::collections::BTreeMap::new(),
        doubts: std::collections::BTreeMap::new(),
        root: false,
        now: "2026-11-23T12:00:00Z".parse().expect("a time"),
    };
    write(&place.join("jobs.d/more.toml"), "", 0o600);
    let mut visit = |key: &str, value: &Value, within: &str| match (key, value) {
        ("command", Value::String(command)) => program(place, command.split_whitespace().next().unwrap_or("")),
        ("command", Value::Array(words)) => program(place, words.first().and_then(Value::as_str).unwrap_or("")),
        ("file", Value::String(file))
            if matches!(
                within,
                "password" | "secret" | "url" | "routing_key" | "token" | "topic"
            ) =>
        {
            write(&place.join(file), SECRET, 0o600);
        }
        ("credential", Value::String(name)) => write(&place.join("credentials").join(name), SECRET, 0o600),
        ("env", Value::String(name)) => {
            environment.variables.insert(name.clone(), SECRET.to_owned());
        }
        ("env_file" | "ca" | "ical", Value::String(file)) => write(&place.join(file), "A=b\n", 0o600),
        _ => {}
    };
    walk(table, "", &mut visit);
    known(place, table);
    write(&place.join("jobs.toml"), text, 0o600);
    load(&place.join("jobs.toml"), &environment)
}

/// What people and programs are known by is a hash.
fn known(place: &Path, table: &Table) {
    let auth = table.get("web").and_then(|web| web.get("auth"));
    for (kind, key, hash) in [("users", "password", PASSWORD_HASH), ("tokens", "token", TOKEN_HASH)] {
        let named = auth.and_then(|auth| auth.get(kind)?.as_table());
        for entry in named.into_iter().flat_map(Table::values) {
            if let Some(file) = entry.get(key).and_then(|secret| secret.get("file")?.as_str()) {
                write(&place.join(file), hash, 0o600);
            }
        }
    }
}

fn parse(text: &str) -> Result<Table, String> {
    text.parse::<Table>().map_err(|error| format!("no TOML: {error}"))
}

/// Calls `visit` with each key, its value, and the key of the table it stands in.
fn walk(table: &Table, within: &str, visit: &mut impl FnMut(&str, &Value, &str)) {
    for (key, value) in table {
        visit(key, value, within);
        match value {
            Value::Table(inner) => walk(inner, key, visit),
            Value::Array(items) => {
                for inner in items.iter().filter_map(Value::as_table) {
                    walk(inner, key, visit);
                }
            }
            _ => {}
        }
    }
}

fn program(place: &Path, word: &str) {
    let path = if word.contains('/') {
        place.join(word)
    } else {
        place.join("programs").join(word)
    };
    write(&path, "#!/bin/sh\n", 0o755);
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
}

/// Adds owner and command below the header of each job, owner and file of each dataset that lacks them.
fn with_required_keys(text: &str, table: &Table) -> String {
    let mut completed = String::new();
    for line in text.lines() {
        completed.push_str(line);
        completed.push('\n');
        let header = line.trim().strip_prefix('[').and_then(|rest| rest.split(']').next());
        let Some((section, name)) = header.and_then(|header| header.split_once('.')) else {
            continue;
        };
        let Some(entry) = section_of(table, section).and_then(|entries| entries.get(name)?.as_table()) else {
            continue;
        };
        let mut add = |key: &str, value: &str| {
            if !entry.contains_key(key) {
                let _ = writeln!(completed, "{key} = \"{value}\"");
            }
        };
        if matches!(section, "jobs" | "datasets" | "systems") {
            add("owner", "frame");
        }
        if section == "jobs" {
            add("command", "true");
        }
    }
    completed
}

/// Definitions of everything that a table refers to and does not define.
fn missing_sections(table: &Table) -> String {
    let mut wanted: BTreeSet<(&str, String)> = BTreeSet::new();
    let mut want = |section: &'static str, name: &str| {
        // A part of a dataset is defined with it.
        let whole = name.split_once('.').map_or(name, |(whole, _)| whole);
        let defined =
            section_of(table, section).is_some_and(|entries| entries.contains_key(name) || entries.contains_key(whole));
        if !defined {
            wanted.insert((section, name.to_owned()));
        }
    };
    want("channels", "mail");
    want("teams", "frame");
    walk(table, "", &mut |key, value, _| {
        for name in names_in(value) {
            match key {
                "owner" if name != "nobody" => want("teams", name),
                // Of an address, a time, or a job.
                "from" if !name.contains(['@', ':']) => want("systems", name),
                "system" | "systems" => want("systems", name),
                "calendar" | "counted_in" => want("calendars", name),
                "pool" => want("pools", name),
                "needs" | "on" => {
                    let is_failure = name.contains('=') || matches!(name, "timeout" | "killed" | "rejected");
                    if !is_failure {
                        want("datasets", name);
                    }
                }
                "datasets" | "produces" => want("datasets", name),
                "notify" => want("channels", name.split(':').next().unwrap_or(name)),
                "consumers" => {
                    let is_known = ["jobs", "teams"]
                        .iter()
                        .any(|section| section_of(table, section).is_some_and(|entries| entries.contains_key(name)));
                    if !is_known {
                        want("systems", name);
                    }
                }
                _ => {}
            }
        }
    });
    let mut text = String::new();
    if !table.contains_key("fallback") {
        text.push_str("[fallback]\nnotify = [\"mail:it@example.com\"]\n");
    }
    for (section, name) in &wanted {
        let keys = match *section {
            "channels" => "type = \"file\"\ndir = \"outbox\"",
            "teams" => "notify = [\"mail:somebody@example.com\"]",
            "systems" => "owner = \"frame\"",
            "calendars" => "weekend = [\"Sat\", \"Sun\"]",
            "pools" => "slots = 1",
            _ => "owner = \"frame\"\nfile = \"exports/frame.csv\"",
        };
        let _ = writeln!(text, "[{section}.{name}]\n{keys}");
    }
    text
}

fn section_of<'t>(table: &'t Table, section: &str) -> Option<&'t Table> {
    table.get(section)?.as_table()
}

fn names_in(value: &Value) -> Vec<&str> {
    match value {
        Value::String(name) => vec![name],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
