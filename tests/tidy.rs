//! The rules of the house, held against every file: what ARCHITECTURE.md says is so.

#[path = "tidy/architecture.rs"]
mod architecture;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::fs;
use std::path::Path;
use std::process::Command;

use architecture::Room;
use source::Source;

/// Files above the limit, each with its reason.
const LONG_FILES: [(&str, &str); 0] = [];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn architecture_text() -> String {
    fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap()
}

fn rooms() -> Vec<Room> {
    architecture::rooms(&architecture_text()).unwrap_or_else(|error| panic!("ARCHITECTURE.md: {error}"))
}

fn sources() -> Vec<Source> {
    source::read_all(repository(), "src")
}

fn sources_and_tests() -> Vec<Source> {
    let mut sources = sources();
    sources.extend(source::read_all(repository(), "tests"));
    sources
}

/// Fails with every complaint at once.
fn hold(sources: &[Source], rule: impl Fn(&Source) -> Vec<String>) {
    assert!(sources.len() > 10, "only {} files were read", sources.len());
    let complaints: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn a_room_imports_only_what_its_row_allows() {
    let rooms = rooms();
    hold(&sources(), |source| rules::imports(source, &rooms));
}

#[test]
fn pure_rooms_are_pure() {
    let rooms = rooms();
    assert!(rooms.iter().filter(|room| room.pure).count() >= 6);
    hold(&sources(), |source| rules::purity(source, &rooms));
}

#[test]
fn every_file_begins_with_a_sentence() {
    hold(&sources_and_tests(), rules::header);
}

#[test]
fn a_long_file_has_a_reason() {
    let sources = sources_and_tests();
    for (path, _) in LONG_FILES {
        assert!(sources.iter().any(|source| source.path == path), "{path} is gone");
    }
    hold(&sources, |source| rules::length(source, &LONG_FILES));
}

#[test]
fn no_name_is_made_of_an_empty_word() {
    hold(&sources(), rules::names);
}

#[test]
fn unsafe_code_lies_in_one_file() {
    hold(&sources_and_tests(), rules::unsafety);
}

#[test]
fn the_architecture_names_the_rooms_of_the_library_in_its_order() {
    let library = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let rooms = rooms();
    let names: Vec<&str> = rooms.iter().map(|room| room.name.as_str()).collect();
    assert_eq!(names, architecture::modules(&library));
}

#[test]
fn every_path_that_the_architecture_names_exists() {
    let text = architecture_text();
    let paths = architecture::named_paths(&text);
    assert!(paths.len() > 5, "{paths:?}");
    for path in paths {
        let found = repository().join(path);
        let as_named = if path.ends_with('/') {
            found.is_dir()
        } else {
            found.exists()
        };
        assert!(as_named, "ARCHITECTURE.md names {path}, which does not exist");
    }
}

#[test]
fn every_line_is_formatted() {
    let output = Command::new(env!("CARGO"))
        .args(["fmt", "--check"])
        .current_dir(repository())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "run `cargo fmt`:\n{}",
        String::from_utf8_lossy(&said)
    );
}
