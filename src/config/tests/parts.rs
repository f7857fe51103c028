//! `parts` of a dataset: what becomes of them, and what is refused.

use super::mistakes::check_all;
use super::*;
use crate::model::ProbeTarget;

/// Errors of a dataset `x` with these lines, of which the first is line 19.
fn part_errors(lines: &str) -> Vec<String> {
    errors(&format!("[datasets.x]\nowner = \"ops\"\n{lines}\n"))
}

const PROBE: &str = "probe = { file = \"x-{part}.csv\" }";

#[test]
fn every_mistake_about_parts_is_told_once() {
    let watched = |lines: &str| format!("{lines}\n{PROBE}");
    let how = "write probe = { file = \"exports/x-{part}.csv\", every = \"1m\" }";
    check_all(
        part_errors,
        &[
            (
                "parts = [\"a\"]",
                format!("jobs.toml:19:1 `parts` nothing says where each part of `x` is found ({how})").as_str(),
            ),
            (
                "parts = [\"a\"]\nprobe = { file = \"x.csv\" }",
                format!("jobs.toml:20:1 `probe` nothing says where each part of `x` is found ({how})").as_str(),
            ),
            (
                watched("parts = []").as_str(),
                "jobs.toml:19:9 `[]` `parts` names none (write parts = [\"alesund\", \"tromso\"])",
            ),
            (
                watched("parts = [\"a\", \"b\", \"a\"]").as_str(),
                "jobs.toml:19:20 `\"a\"` part `a` is named twice (keep one of the two)",
            ),
            (
                watched("parts = [\"a/b\"]").as_str(),
                "jobs.toml:19:10 `\"a/b\"` `a/b` is not a usable name of a part (begin with a letter or digit, write letters, digits, `-`, `_` and `.`, at most 100 bytes with the name of the dataset)",
            ),
            (
                watched("parts = [\"..\"]").as_str(),
                "jobs.toml:19:10 `\"..\"` `..` is not a usable name of a part (begin with a letter or digit, write letters, digits, `-`, `_` and `.`, at most 100 bytes with the name of the dataset)",
            ),
            (
                watched("parts = [\"a\"]\nfile = \"x.csv\"").as_str(),
                format!("jobs.toml:20:1 `file` `file` has no effect on a dataset in parts: freshd only watches them ({how}, and take `file` out)").as_str(),
            ),
            (
                (watched("parts = [\"a\", \"b\"]") + "\n[datasets.\"x.b\"]\nowner = \"ops\"\nfile = \"y\"").as_str(),
                "jobs.toml:21:11 `\"x.b\"` dataset `x.b` is defined twice, first in jobs.toml line 19 (keep one of the two, or give one another name)",
            ),
            (
                (watched("parts = [\"a\", \"b\"]") + "\n[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"x\"]").as_str(),
                "jobs.toml:24:10 `\"x\"` `x` comes in parts, and job `j` does not say which it reads (name them: \"x.a\", \"x.b\")",
            ),
            (
                (watched("parts = [\"a\", \"b\"]") + "\n[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"x\"").as_str(),
                "jobs.toml:24:12 `\"x\"` `x` comes in parts, which freshd only watches; job `j` cannot produce it (give each part a dataset and a job of its own, or take `parts` out)",
            ),
        ],
    );
}

#[test]
fn each_part_is_a_dataset_with_what_is_promised_of_the_whole() {
    let place = Place::new();
    let text = format!(
        "{TOP}[datasets.x]\nowner = \"ops\"\nparts = [\"a\", \"b\"]\n{PROBE}\nmax_age = \"3h\"\nconsumers = [\"wms\"]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"x.b\"]\n\
         [maintenance.move]\nschedule = \"0 2 * * SUN\"\nduration = \"4h\"\ndatasets = [\"x\"]\nauthor = \"Anna\"\nbecause = \"x\"\n"
    );
    let loaded = place.load_text(&text);
    let settings = loaded.settings.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    let (whole, part) = (&settings.datasets["x"], &settings.datasets["x.b"]);
    assert_eq!(
        (whole.max_age, part.max_age),
        (None, Some(std::time::Duration::from_hours(3)))
    );
    assert!(whole.probe.is_none());
    let target = part.probe.as_ref().map(|probe| probe.target.clone());
    assert_eq!(target, Some(ProbeTarget::File(place.path("x-b.csv"))));
    assert_eq!(part.part_of, Some("x".into()));
    assert_eq!((whole.consumers.len(), part.consumers.len()), (1, 0));
    assert_eq!((whole.maintenance.len(), part.maintenance.len()), (1, 1));
}
