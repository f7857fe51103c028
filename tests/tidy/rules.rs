//! The rules of the house, each with a source that breaks it.

use crate::architecture::Room;
use crate::source::{Source, paths, tokens};

/// Above this a file needs a reason.
pub(crate) const LINES_MAX: usize = 400;

/// The one file that may say `unsafe`, and the directory of its parts.
const UNSAFE_FILE: &str = "src/runner/sys.rs";

/// See above.
const UNSAFE_DIR: &str = "src/runner/sys/";

/// Words that mean everything, and so nothing.
const EMPTY_WORDS: [&str; 7] = ["task", "workflow", "dag", "handler", "manager", "util", "helper"];

/// What a pure room cannot name: beginnings of paths.
const IMPURE_BEGINNINGS: [&str; 12] = [
    "tokio",
    "rusqlite",
    "reqwest",
    "lettre",
    "rustix",
    "libc",
    "rand",
    "std::fs",
    "std::process",
    "std::net",
    "std::thread",
    "std::env",
];

/// What a pure room cannot name: ends of paths.
const IMPURE_ENDS: [&str; 5] = [
    "SystemTime",
    "time::Instant",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
];

/// A room imports only what its row allows.
pub(crate) fn imports(source: &Source, rooms: &[Room]) -> Vec<String> {
    let Some(room) = source.room() else {
        return Vec::new();
    };
    let Some(row) = rooms.iter().find(|row| row.name == room) else {
        return vec![format!("{}: `{room}` is not in the table of rooms", source.path)];
    };
    let mut complaints = Vec::new();
    for (offset, path) in paths(&source.code) {
        let supers = path.iter().take_while(|segment| *segment == "super").count();
        // src/ROOM/mod.rs is one step below the root, src/ROOM/file.rs two.
        let depth = source.path.split('/').count() - 1 - usize::from(source.path.ends_with("/mod.rs"));
        let named = match path[0].as_str() {
            "crate" | "freshd" => path.get(1),
            "super" if supers >= depth => path
                .get(supers)
                .filter(|name| rooms.iter().any(|room| room.name == **name)),
            _ => None,
        };
        let Some(named) = named.filter(|named| *named != room) else {
            continue;
        };
        if !row.may_use.contains(named) {
            let place = source.place(offset);
            complaints.push(format!("{place}: `{room}` may not use `{named}`"));
        }
    }
    complaints
}

/// A pure room has no runtime, database, file, process, clock or chance in it.
pub(crate) fn purity(source: &Source, rooms: &[Room]) -> Vec<String> {
    let room = source.room();
    if !rooms.iter().any(|row| row.pure && Some(row.name.as_str()) == room) {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for (offset, path) in paths(&source.production_code()) {
        let path = path.join("::");
        let begins = |start: &&str| path == **start || path.starts_with(&format!("{start}::"));
        let ends = |end: &&str| path == **end || path.ends_with(&format!("::{end}"));
        if IMPURE_BEGINNINGS.iter().any(begins) || IMPURE_ENDS.iter().any(ends) {
            complaints.push(format!("{}: `{path}` in a pure room", source.place(offset)));
        }
    }
    complaints
}

/// The first thing a reader sees is a sentence that says what the file is for.
pub(crate) fn header(source: &Source) -> Vec<String> {
    let header: Vec<&str> = source
        .text
        .lines()
        .map_while(|line| line.strip_prefix("//! "))
        .collect();
    let sentence = header.join(" ");
    if sentence.split(' ').count() < 3 || !sentence.ends_with(['.', ':']) {
        return vec![format!(
            "{}:1: begin with a `//!` sentence that says what the file is for",
            source.path
        )];
    }
    Vec::new()
}

/// A file stays short, or stands in the list with a reason; a reason no longer needed goes.
pub(crate) fn length(source: &Source, reasons: &[(&str, &str)]) -> Vec<String> {
    let lines = source.text.lines().count();
    let path = &source.path;
    let excused = reasons.iter().any(|(excused, _)| excused == path);
    match (lines > LINES_MAX, excused) {
        (true, false) => vec![format!(
            "{path}: {lines} lines; split it, or give a reason in tests/tidy.rs"
        )],
        (false, true) => vec![format!(
            "{path}: only {lines} lines; take its reason out of tests/tidy.rs"
        )],
        _ => Vec::new(),
    }
}

/// No name of ours is made of an empty word. Names of other crates cannot be helped: they stand in a path, behind a
/// dot, or in a `use`.
pub(crate) fn names(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    for part in source.path.trim_end_matches(".rs").split('/') {
        if let Some(word) = empty_word(part) {
            complaints.push(format!("{}: a file called `{word}`", source.path));
        }
    }
    let tokens = tokens(&source.code);
    let mut in_use = false;
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |before| tokens[before].text);
        let behind = tokens.get(at + 1).map_or("", |behind| behind.text);
        in_use = (in_use && before != ";") || token.text == "use";
        if in_use || ["::", "."].contains(&before) || behind == "::" {
            continue;
        }
        if let Some(word) = empty_word(token.text) {
            let place = source.place(token.offset);
            complaints.push(format!("{place}: `{}` says `{word}`; what is it?", token.text));
        }
    }
    complaints
}

/// The empty word in a name, be it `snake_case` or `CamelCase`, singular or plural.
fn empty_word(name: &str) -> Option<&'static str> {
    let mut spaced = String::new();
    let mut lower = false;
    for character in name.chars() {
        if character == '_' || (lower && character.is_uppercase()) {
            spaced.push(' ');
        }
        lower = character.is_lowercase();
        spaced.extend(character.to_lowercase());
    }
    let words = spaced.replace('_', " ");
    let mut words = words.split_whitespace();
    words.find_map(|word| {
        let singular = word.strip_suffix('s').unwrap_or(word);
        EMPTY_WORDS.into_iter().find(|empty| *empty == singular)
    })
}

/// `unsafe` stands in one file.
pub(crate) fn unsafety(source: &Source) -> Vec<String> {
    if source.path == UNSAFE_FILE || source.path.starts_with(UNSAFE_DIR) {
        return Vec::new();
    }
    let tokens = tokens(&source.code);
    let found = tokens.iter().filter(|token| token.text == "unsafe");
    found
        .map(|token| format!("{}: `unsafe` outside {UNSAFE_FILE}", source.place(token.offset)))
        .collect()
}

/// A table of three rooms: `model`, then `pure` which may use it, then `shell` which may use nothing.
#[cfg(test)]
fn three_rooms() -> Vec<Room> {
    let room = |name: &str, pure, may_use: &[&str]| Room {
        name: name.to_owned(),
        pure,
        may_use: may_use.iter().map(|&name| name.to_owned()).collect(),
    };
    vec![
        room("model", false, &[]),
        room("pure", true, &["model"]),
        room("shell", false, &[]),
    ]
}

#[test]
fn an_import_that_no_row_allows_is_found_however_it_is_written() {
    for (path, text) in [
        ("src/pure/mod.rs", "use crate::shell::Run;"),
        ("src/pure/mod.rs", "use crate::{model::Name, shell};"),
        ("src/pure/mod.rs", "fn a() { crate::shell::run() }"),
        ("src/pure/mod.rs", "use freshd::{shell::*};"),
        ("src/pure/mod.rs", "use super::shell::Run;"),
        ("src/pure/file.rs", "use super::super::shell;"),
        ("src/pure.rs", "use super::shell;"),
        ("src/shell/mod.rs", "use crate::model::Name;"),
        ("src/cellar/mod.rs", ""),
    ] {
        let source = Source::new(path, text);
        assert_eq!(imports(&source, &three_rooms()).len(), 1, "{path}: {text}");
    }
    for (path, text) in [
        (
            "src/pure/mod.rs",
            "use crate::model::{Name, Run}; use crate::pure::file; // crate::shell",
        ),
        ("src/pure/file.rs", "use super::shell; use std::fmt;"),
        ("src/main.rs", "use freshd::shell;"),
    ] {
        let source = Source::new(path, text);
        assert_eq!(imports(&source, &three_rooms()), [""; 0], "{text}");
    }
}

#[test]
fn clocks_files_and_chance_are_found_in_a_pure_room_and_nowhere_else() {
    for text in [
        "use std::{fmt, fs};",
        "use std::time::{Duration, Instant};",
        "fn a() { let b = jiff::Timestamp::now(); }",
        "fn a() { let b = Timestamp::now(); }",
        "use std::time::SystemTime;",
        "#[tokio::main] fn a() {}",
        "use rusqlite::Connection;",
        "fn a() -> u8 { rand::random() }",
        "fn a() { std::process::exit(1) }",
    ] {
        let complaints = |path| purity(&Source::new(path, text), &three_rooms()).len();
        assert_eq!(complaints("src/pure/mod.rs"), 1, "{text}");
        assert_eq!(complaints("src/shell/mod.rs"), 0, "{text}");
        assert_eq!(complaints("src/pure/tests.rs"), 0, "{text}");
    }
    let text = "use jiff::Timestamp; fn a(now: Timestamp) {} #[cfg(test)] mod tests { use std::fs; }";
    assert_eq!(purity(&Source::new("src/pure/mod.rs", text), &three_rooms()), [""; 0]);
}

#[test]
fn a_file_without_a_first_sentence_is_found() {
    for (text, complaints) in [
        ("//! What it is for.\n\nfn a() {}", 0),
        ("//! A long sentence that goes on\n//! in a second line.\n", 0),
        ("fn a() {}\n//! What it is for.", 1),
        ("//! Things.", 1),
        ("//! a sentence without an end", 1),
        ("", 1),
    ] {
        assert_eq!(header(&Source::new("src/a/mod.rs", text)).len(), complaints, "{text}");
    }
}

#[test]
fn a_long_file_needs_a_reason_and_a_short_one_has_none() {
    let long = Source::new("src/a/long.rs", &"\n".repeat(LINES_MAX + 1));
    let short = Source::new("src/a/short.rs", &"\n".repeat(LINES_MAX));
    let both = [("src/a/long.rs", "why"), ("src/a/short.rs", "why")];
    assert_eq!((length(&long, &[]).len(), length(&short, &[]).len()), (1, 0));
    assert_eq!((length(&long, &both).len(), length(&short, &both).len()), (0, 1));
}

#[test]
fn empty_words_are_found_in_names_of_ours_and_left_to_others() {
    for text in [
        "struct JobManager;",
        "fn run_tasks() {}",
        "let dag = 1;",
        "enum A { ErrorHandler }",
        "const UTILS: u8 = 1;",
    ] {
        assert_eq!(names(&Source::new("src/a/mod.rs", text)).len(), 1, "{text}");
    }
    let others = "use tokio::{task, net}; fn a() { tokio::task::spawn(b); task::yield_now(); c.set_handler(d) }";
    assert_eq!(names(&Source::new("src/a/mod.rs", others)), [""; 0]);
    for path in ["src/a/util.rs", "src/a/helpers/mod.rs"] {
        assert_eq!(names(&Source::new(path, "")).len(), 1, "{path}");
    }
}

#[test]
fn unsafe_is_found_outside_its_file() {
    let text = "#![allow(unsafe_code)]\n// unsafe\nfn a() { unsafe { b() } }";
    assert_eq!(
        unsafety(&Source::new("src/a/mod.rs", text)),
        ["src/a/mod.rs:3: `unsafe` outside src/runner/sys.rs"]
    );
    assert_eq!(unsafety(&Source::new(UNSAFE_FILE, text)), [""; 0]);
    assert_eq!(unsafety(&Source::new("src/runner/sys/birth.rs", text)), [""; 0]);
    assert_eq!(unsafety(&Source::new("src/runner/system.rs", text)).len(), 1);
}
