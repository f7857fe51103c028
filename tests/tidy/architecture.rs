//! ARCHITECTURE.md as rules: the table of rooms, and the paths it names.

/// One row of the table of rooms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) name: String,
    /// Its purpose begins with `PURE`.
    pub(crate) pure: bool,
    /// The rooms it may import from.
    pub(crate) may_use: Vec<String>,
}

/// Reads the table whose header is `room | what it is for | may use`.
pub(crate) fn rooms(architecture: &str) -> Result<Vec<Room>, String> {
    let mut rooms: Vec<Room> = Vec::new();
    let rows = architecture
        .lines()
        .skip_while(|line| *line != "| room | what it is for | may use |")
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, purpose, uses] = cells[..] else {
            return Err(format!("not three columns: {row}"));
        };
        let name = name.trim_matches('`').to_owned();
        let above: Vec<String> = rooms.iter().map(|room| room.name.clone()).collect();
        let may_use: Vec<String> = match uses {
            "-" => Vec::new(),
            "all above" => above.clone(),
            list => list.split(',').map(|room| room.trim().to_owned()).collect(),
        };
        if let Some(below) = may_use.iter().find(|room| !above.contains(room)) {
            return Err(format!("`{name}` uses `{below}`, which is no room above it"));
        }
        let pure = purpose.starts_with("PURE");
        rooms.push(Room { name, pure, may_use });
    }
    if rooms.is_empty() {
        return Err("there is no table `room | what it is for | may use`".to_owned());
    }
    Ok(rooms)
}

/// Every path in backticks: what has a slash in it, no space, and begins with neither `/`, `.` nor `$`.
pub(crate) fn named_paths(architecture: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut paths = Vec::new();
    for line in architecture.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let quoted = line.split('`').skip(1).step_by(2);
            paths.extend(quoted.filter(|text| {
                text.contains('/') && !text.contains([' ', '*', '<']) && !text.starts_with(['/', '.', '$'])
            }));
        }
    }
    paths
}

/// The modules of `src/lib.rs`, in its order.
pub(crate) fn modules(library: &str) -> Vec<&str> {
    let lines = library.lines();
    lines
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect()
}

#[test]
fn a_row_that_looks_below_itself_is_refused() {
    let head = "| room | what it is for | may use |\n|---|---|---|\n";
    let table = format!("{head}| `a` | PURE: x | - |\n| `b` | y | a |\n| `c` | z | all above |\n\n| `d` | no | - |");
    let read = rooms(&table).unwrap();
    let names: Vec<(&str, bool, usize)> = read
        .iter()
        .map(|room| (&*room.name, room.pure, room.may_use.len()))
        .collect();
    assert_eq!(names, [("a", true, 0), ("b", false, 1), ("c", false, 2)]);

    let cycle = format!("{head}| `a` | x | b |\n| `b` | y | - |\n");
    assert!(rooms(&cycle).unwrap_err().contains("`a` uses `b`"));
    assert!(rooms("no table").is_err());
}

#[test]
fn paths_are_found_in_prose_and_not_in_pictures() {
    let text = "see `src/a/` and `x`\n```\n`src/picture/`\n```\n`tests/b.rs`, `/etc/freshd`, `a / b`";
    assert_eq!(named_paths(text), ["src/a/", "tests/b.rs"]);
}
