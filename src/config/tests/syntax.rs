//! Syntax errors: told with their place and remedy, and nothing else is told because of them.

use super::*;

#[test]
fn a_syntax_error_is_told_with_its_place_and_remedy_and_nothing_follows_from_it() {
    let sound = "[jobs.b]\nowner = \"ops\"\ncommand = \"true\"\n";
    for (broken, expected) in [
        (
            "owner = ops",
            "jobs.toml:18:9 `ops` a text must stand in quotes (put the text between double quotes)",
        ),
        (
            "owner = \"ops",
            "jobs.toml:18:12 `s` the text is not closed (end it with `\"` on the same line)",
        ),
        (
            "owner =",
            "jobs.toml:18:7 `=` `owner` has no value (write `owner = ...`)",
        ),
        (
            "owner",
            "jobs.toml:18:5 `r` `owner` has no value (write `owner = ...`, or take the line out)",
        ),
        (
            "needs = [\"lots\"",
            "jobs.toml:18:15 `\"` the list is not closed (end the list with `]`)",
        ),
        (
            "retry = { attempts = 3",
            "jobs.toml:18:22 `3` the table is not closed (end the table with `}`)",
        ),
        (
            "title = \"\"\"x",
            "jobs.toml:18:9 `\"\"\"` the text is not closed (end it with the same three quotes that begin it)",
        ),
        (
            "title = \"C:\\data\"",
            "jobs.toml:18:12 `\\` a backslash begins an escape that does not exist (write `\\\\` for a backslash, or put the text between single quotes)",
        ),
        (
            "keep = 01",
            "jobs.toml:18:8 `0` a number must not begin with 0 (write the number without the zero, or in quotes if it is a text)",
        ),
        (
            "owner = \"ops\"\nowner = \"ops\"",
            "jobs.toml:19:1 `owner` `owner` is written twice (keep one of the two)",
        ),
        (
            "needs = [\n  \"lots\"\n  \"lots\"\n]",
            "jobs.toml:19:8 `\"` a comma is missing (put a comma between two values)",
        ),
    ] {
        let text = format!("[jobs.a]\n{broken}\n{sound}");
        assert_eq!(errors(&text), [expected], "{broken}");
    }
    for (text, expected) in [
        (
            format!("[jobs.a\nowner = \"ops\"\n{sound}"),
            "jobs.toml:17:7 `a` the header is not closed by `]` (write the whole header on one line, as in [jobs.NAME])",
        ),
        (
            format!("{sound}{sound}"),
            "jobs.toml:20:7 `b` `b` is defined twice, first on line 17 (keep one of the two)",
        ),
    ] {
        assert_eq!(errors(&text), [expected], "{text}");
    }
}

#[test]
fn broken_lines_do_not_hide_each_other_or_the_mistakes_beside_them() {
    let text = "[jobs.a]\nowner = ops\ncommand = \"true\ntimeuot = \"1m\"\n[jobs.b]\nowner = \"ops\"\ncommand = \"bin/rum.sh\"\n\
                [jobs.c\nx = 1\n[jobs.d]\nowner = \"ops\"\ncommand = \"true\"\nnedes = []\n";
    let found: Vec<String> = errors(text)
        .iter()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        found,
        [
            "jobs.toml:18:9",
            "jobs.toml:19:15",
            "jobs.toml:20:1",
            "jobs.toml:23:12",
            "jobs.toml:24:7",
            "jobs.toml:29:1"
        ]
    );
}

#[test]
fn a_name_that_a_broken_part_may_define_is_not_called_unknown() {
    let users = "[jobs.a]\nowner = \"late\"\ncommand = \"true\"\npool = \"big\"\n";
    assert_eq!(
        errors(&format!(
            "{users}[teams.late\nnotify = [\"out\"]\n[pools]\nbig.slots = \n"
        ))
        .len(),
        2
    );
    assert_eq!(
        errors(&format!(
            "{users}[teams.late]\nnotify = [\"out\"]\n[pools.big]\nslots = 1\n"
        ))
        .len(),
        0
    );
    // A name that stands nowhere is unknown all the same.
    assert_eq!(
        errors("[jobs.a]\nowner = \"lost\"\ncommand = \"true\"\n[teams.late\n").len(),
        2
    );
}

#[test]
fn a_file_that_is_not_utf_8_is_refused_at_the_byte() {
    let place = Place::new();
    let mut bytes = TOP.as_bytes().to_vec();
    bytes.extend(b"[jobs.a]\ntitle = \"Troms\xf8\"\n");
    std::fs::write(place.path("jobs.toml"), bytes).unwrap();
    let loaded = place.load();
    assert_eq!(
        place.lines(&loaded, Level::Error),
        ["jobs.toml:18:15 `s` `jobs.toml` is not UTF-8 text (save it in the encoding UTF-8)"]
    );
}
