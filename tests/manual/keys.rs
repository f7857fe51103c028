//! The keys that freshd knows, by its own word: whoever writes an unknown key is told the known ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::documents::{code_of, repository};
use super::frame::load_in_place;

/// A table of the configuration, and the heading under which the manual explains it.
pub(crate) struct Place {
    /// As freshd names it in messages.
    pub(crate) path: &'static str,
    pub(crate) heading: &'static str,
    /// Its keys are sections, with headings of their own.
    pub(crate) is_top: bool,
}

const fn place(path: &'static str, heading: &'static str) -> Place {
    Place {
        path,
        heading,
        is_top: false,
    }
}

const CHANNELS: &str = "## `[channels.NAME]`";
const TEAMS: &str = "## `[teams.NAME]`";
const DATASETS: &str = "## `[datasets.NAME]`";
const JOBS: &str = "## `[jobs.NAME]`";

const PLACES: &[Place] = &[
    Place {
        path: "at the top of the file",
        heading: "## The top of the file",
        is_top: true,
    },
    place("in [web]", "## `[web]`"),
    place("in [web.auth]", "### `[web.auth]`"),
    place("in [web.auth.users.kari]", "### `[web.auth]`"),
    place("in [web.auth.tokens.grafana]", "### `[web.auth]`"),
    place("in [alerts]", "## `[alerts]`"),
    place("in [history]", "## `[history]`"),
    place("in [fallback]", "## `[fallback]`"),
    place("in [channels.mail]", CHANNELS),
    place("in [channels.slack]", CHANNELS),
    place("in [channels.hook]", CHANNELS),
    place("in [channels.teams]", CHANNELS),
    place("in [channels.pagerduty]", CHANNELS),
    place("in [channels.alertmanager]", CHANNELS),
    place("in [channels.ntfy]", CHANNELS),
    place("in [channels.command]", CHANNELS),
    place("in [channels.out]", CHANNELS),
    place("in [password]", CHANNELS),
    place("in [teams.ops]", TEAMS),
    place("in [teams.ops.escalate]", TEAMS),
    place("in [systems.erp]", "## `[systems.NAME]`"),
    place("in [calendars.open]", "## `[calendars.NAME]`"),
    place("in [pools.erp]", "## `[pools.NAME]`"),
    place("in [maintenance.night]", "## `[maintenance.NAME]`"),
    place("in [datasets.stock]", DATASETS),
    place("in [datasets.stock.due]", DATASETS),
    place("in [datasets.stock.as_of]", DATASETS),
    place("in [datasets.stock.probe]", DATASETS),
    place("in [datasets.stock.checks]", DATASETS),
    place("in [datasets.stock.checks.rows]", DATASETS),
    place("in [datasets.stock.checks.bytes]", DATASETS),
    place("in [datasets.stock.checks.columns.lot]", DATASETS),
    place("in [datasets.stock.checks.columns.lot.in]", DATASETS),
    place("in [datasets.stock.checks.columns.lot.codes]", DATASETS),
    place("in [datasets.stock.checks.trailer]", DATASETS),
    place("in [datasets.stock.checks.balance]", DATASETS),
    place("in [datasets.stock.checks.canary]", DATASETS),
    place("in [datasets.stock.checks.ratio]", DATASETS),
    place("in [jobs.export]", JOBS),
    place("in [jobs.export.retry]", JOBS),
    place("in [jobs.export.limits]", JOBS),
    place("in [jobs.export.history]", JOBS),
];

/// A key like no other, in every table that there is.
const STRANGE: &str = r#"
[zzzzzzzz]
[web]
zzzzzzzz = 1
[web.auth]
zzzzzzzz = 1
[web.auth.users.kari]
zzzzzzzz = 1
[web.auth.tokens.grafana]
zzzzzzzz = 1
[alerts]
zzzzzzzz = 1
[history]
zzzzzzzz = 1
[fallback]
notify = ["out"]
zzzzzzzz = 1
[channels.mail]
type = "email"
username = "freshd"
password = { file = "secrets/smtp", zzzzzzzz = 1 }
zzzzzzzz = 1
[channels.slack]
type = "slack"
zzzzzzzz = 1
[channels.hook]
type = "webhook"
zzzzzzzz = 1
[channels.teams]
type = "teams"
zzzzzzzz = 1
[channels.pagerduty]
type = "pagerduty"
zzzzzzzz = 1
[channels.alertmanager]
type = "alertmanager"
zzzzzzzz = 1
[channels.ntfy]
type = "ntfy"
zzzzzzzz = 1
[channels.command]
type = "command"
zzzzzzzz = 1
[channels.out]
type = "file"
zzzzzzzz = 1
[teams.ops]
notify = ["out"]
escalate = [{ after = "1h", notify = ["out"], zzzzzzzz = 1 }]
zzzzzzzz = 1
[systems.erp]
zzzzzzzz = 1
[calendars.open]
zzzzzzzz = 1
[pools.erp]
zzzzzzzz = 1
[maintenance.night]
zzzzzzzz = 1
[datasets.stock]
due = { at = "0 22 * * *", zzzzzzzz = 1 }
as_of = { column = "at", zzzzzzzz = 1 }
probe = { file = "stock.csv", zzzzzzzz = 1 }
checks = { format = "csv", rows = { zzzzzzzz = 1 }, bytes = { zzzzzzzz = 1 }, columns = { lot = { in = { dataset = "stock", column = "lot", zzzzzzzz = 1 }, codes = { zzzzzzzz = 1 }, zzzzzzzz = 1 } }, trailer = { zzzzzzzz = 1 }, balance = { zzzzzzzz = 1 }, canary = [{ zzzzzzzz = 1 }], ratio = [{ zzzzzzzz = 1 }], zzzzzzzz = 1 }
zzzzzzzz = 1
[jobs.export]
command = "true"
retry = { attempts = 2, zzzzzzzz = 1 }
history = { runs = 2, zzzzzzzz = 1 }
limits = { zzzzzzzz = 1 }
zzzzzzzz = 1
"#;

/// The known keys of each table.
pub(crate) fn known() -> Vec<(&'static Place, BTreeSet<String>)> {
    let table = STRANGE.parse().expect("TOML");
    let loaded = load_in_place(STRANGE, &table);
    let mut by_path: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for problem in &loaded.problems {
        let Some(path) = problem.message.strip_prefix("unknown key `zzzzzzzz` ") else {
            continue;
        };
        let help = problem.help.as_deref().unwrap_or_default();
        let keys = help
            .strip_prefix("known keys: ")
            .unwrap_or_else(|| panic!("{path}: {help}"));
        by_path.insert(path.to_owned(), keys.split(", ").map(str::to_owned).collect());
    }
    let known: Vec<_> = PLACES
        .iter()
        .filter_map(|place| Some((place, by_path.remove(place.path)?)))
        .collect();
    assert!(by_path.is_empty(), "without a heading: {:?}", by_path.keys());
    assert_eq!(
        known.len(),
        PLACES.len(),
        "freshd does not tell the keys of every table"
    );
    known
}

/// Every key and word that src/config refuses as one of a later version.
pub(crate) fn later() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    read(&repository().join("src/config"), &mut |text| {
        let lists = text
            .split("unsupported(&[")
            .skip(1)
            .filter_map(|rest| rest.split(']').next());
        let constants = text
            .split("const LATER_")
            .skip(1)
            .filter_map(|rest| rest.split_once("= [")?.1.split(']').next());
        for list in lists.chain(constants) {
            found.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    });
    // One of each way in which they are written.
    for known in ["host", "sms"] {
        assert!(found.contains(known), "{found:?}");
    }
    found
}

fn read(dir: &Path, visit: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&fs::read_to_string(path).expect("a text"));
        }
    }
}

/// Complaints about keys of the manual's table of refused ones that are not refused.
pub(crate) fn accepted_though_named(section: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut count = 0;
    for row in section
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
    {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for key in code_of(cells[2]) {
            count += 1;
            let text = match cells[1] {
                "top" => format!("{key} = 1\n"),
                "`[web]`" => format!("[web]\n{key} = 1\n"),
                "job" => format!("[jobs.export]\n{key} = 1\n"),
                "dataset" => format!("[datasets.stock]\n{key} = 1\n"),
                "`probe`" => format!("[datasets.stock]\nprobe = {{ {key} = 1 }}\n"),
                "`format`" => format!("[datasets.stock]\nchecks = {{ format = \"{key}\" }}\n"),
                "`type` of a channel" => format!("[channels.other]\ntype = \"{key}\"\n"),
                other => panic!("nobody knows where `{other}` is"),
            };
            let table = text.parse().expect("TOML");
            let loaded = load_in_place(&text, &table);
            let said = format!("`{key}` is not supported yet");
            if !loaded.problems.iter().any(|problem| problem.message.contains(&said)) {
                complaints.push(format!(
                    "the manual says that `{key}` of {} is not supported yet, but it is not refused so",
                    cells[1]
                ));
            }
        }
    }
    let known = later().len();
    assert!(count >= known, "only {count} keys were found of {known}");
    complaints
}
