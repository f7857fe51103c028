//! `[maintenance]`: what is accepted, and what is refused.

use super::mistakes::check_all;
use super::*;
use crate::model::{Window, Windows};

const WHO: &str = "author = \"Anna\"\nbecause = \"it moves\"\ndatasets = [\"lots\"]";

/// Errors of a maintenance with these lines, of which the first is line 18.
fn maintenance_errors(lines: &str) -> Vec<String> {
    errors(&format!("[maintenance.move]\n{lines}\n"))
}

#[test]
fn every_mistake_of_a_maintenance_is_told_once() {
    let full = |lines: &str| format!("{lines}\n{WHO}");
    let without = |left_out: &str| {
        let rest = WHO.lines().filter(|line| !line.starts_with(left_out));
        let again = "schedule = \"0 2 * * SUN\"\nduration = \"4h\"".lines();
        again.chain(rest).collect::<Vec<_>>().join("\n")
    };
    let how = "write schedule = \"0 2 * * SUN\" and duration = \"4h\", or from = \"2026-12-31T18:00\" and to = ...";
    check_all(
        maintenance_errors,
        &[
            (
                full("").as_str(),
                format!("jobs.toml:17:14 `move` maintenance `move` does not say when ({how})").as_str(),
            ),
            (
                full("schedule = \"0 2 * * SUN\"").as_str(),
                format!("jobs.toml:17:14 `move` maintenance `move` does not say how long it takes ({how})").as_str(),
            ),
            (
                full("from = \"2026-12-31T18:00\"").as_str(),
                format!("jobs.toml:17:14 `move` maintenance `move` does not say when it ends ({how})").as_str(),
            ),
            (
                full("schedule = \"0 2 * * SUN\"\nduration = \"4h\"\nto = \"2026-12-31T18:00\"").as_str(),
                "jobs.toml:18:1 `schedule` `schedule` and `to` exclude each other (write `from` and `to` for a window that is open once, or `schedule` and `duration`)",
            ),
            (
                full("from = \"2026-12-31T18:00\"\nto = \"2026-12-31T17:00\"").as_str(),
                "jobs.toml:19:6 `\"2026-12-31T17:00\"` maintenance `move` ends before it begins (write a later time)",
            ),
            (
                full("from = \"2026-12-31\"\nto = \"2027-01-01T06:00\"").as_str(),
                "jobs.toml:18:8 `\"2026-12-31\"` `2026-12-31` is not a time (write it as in 2026-12-31T18:00, in the file's timezone, or with an offset)",
            ),
            (
                full("schedule = \"0 * * * *\"\nduration = \"1h\"").as_str(),
                "jobs.toml:18:12 `\"0 * * * *\"` a window of maintenance `move` reaches into the next one, so that it never ends (write a shorter `duration`, or fewer occurrences)",
            ),
            (
                full("schedule = \"0 2 * * SUN\"\nduration = \"0s\"").as_str(),
                "jobs.toml:19:12 `\"0s\"` `duration` must be longer than nothing (write a duration, as in 4h)",
            ),
            (
                without("author").as_str(),
                "jobs.toml:17:14 `move` maintenance `move` does not say who announced it (write author = \"NAME\")",
            ),
            (
                without("because").as_str(),
                "jobs.toml:17:14 `move` maintenance `move` does not say why (write because = \"...\": it is quoted wherever something is excused)",
            ),
            (
                without("datasets").as_str(),
                "jobs.toml:17:14 `move` maintenance `move` concerns nothing (write datasets = [...], jobs = [...] or systems = [...])",
            ),
            (
                (without("datasets") + "\nsystems = [\"wmz\"]").as_str(),
                "jobs.toml:22:12 `\"wmz\"` unknown system `wmz` (did you mean `wms`?)",
            ),
        ],
    );
}

#[test]
fn a_window_that_is_open_once_holds_all_that_happens_twice() {
    // 02:00 to 03:00 comes twice in Oslo.
    let place = Place::new();
    let night = "[maintenance.night]\nfrom = \"2026-10-25T02:30\"\nto = 2026-10-25T02:45:00\n";
    let text = format!("timezone = \"Europe/Oslo\"\n{TOP}{night}{WHO}\n");
    let settings = place.load_text(&text).settings.unwrap();
    let Windows::Once(Window { from, to }) = settings.maintenance["night"].windows else {
        panic!("{:?}", settings.maintenance);
    };
    assert_eq!(
        (from.to_string(), to.to_string()),
        ("2026-10-25T00:30:00Z".to_owned(), "2026-10-25T01:45:00Z".to_owned())
    );
}

#[test]
fn a_system_in_maintenance_concerns_what_it_holds_what_reads_it_and_what_is_made_of_that() {
    let place = Place::new();
    let text = format!(
        "{TOP}system = \"wms\"\n[datasets.stock]\nowner = \"ops\"\nfile = \"stock.csv\"\n\
         [datasets.other]\nowner = \"ops\"\nfile = \"other.csv\"\n\
         [jobs.export]\nowner = \"ops\"\ncommand = \"true\"\nfrom = \"wms\"\nproduces = \"stock\"\n\
         [maintenance.move]\nschedule = \"0 2 * * SUN\"\nduration = \"4h\"\nsystems = [\"wms\"]\nauthor = \"Anna\"\nbecause = \"x\"\n"
    );
    let settings = place.load_text(&text).settings.unwrap();
    let planned = &settings.maintenance["move"];
    assert_eq!(planned.datasets, ["lots".into(), "stock".into()].into());
    assert_eq!(planned.jobs, ["export".into()].into());
    let knows = |name: &str| settings.datasets[name].maintenance.len();
    assert_eq!([knows("lots"), knows("stock"), knows("other")], [1, 1, 0]);
}
