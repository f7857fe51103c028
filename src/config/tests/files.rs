//! Root file and includes: found, bounded, told apart, and safe to trust.

use std::fmt::Write as _;
use std::sync::Arc;

use super::*;
use crate::model::{DiskPriority, Limits};

const JOB: &str = "[jobs.NAME]\nowner = \"ops\"\ncommand = \"true\"\nevery = \"1h\"\n";

fn including(patterns: &str) -> String {
    format!("include = {patterns}\n{TOP}")
}

#[test]
fn every_included_file_is_checked_alike_and_names_its_own_lines() {
    let place = Place::new();
    place.write("jobs.d/a.toml", &JOB.replace("NAME", "a").replace("1h", "soon"));
    place.write("jobs.d/b.toml", "[jobs.b\n");
    place.write(
        "jobs.d/c.toml",
        "[jobs.c]\nowner = \"opps\"\ncommand = \"true\"\nneeds = [\"lotz\"]\n",
    );
    place.write("jobs.d/.hidden.toml", "broken");
    place.write("jobs.d/d.toml.bak", "broken");
    let loaded = place.load_text(&including("[\"jobs.d/*.toml\"]"));
    assert_eq!(
        place.lines(&loaded, Level::Error),
        [
            "jobs.d/a.toml:4:9 `\"soon\"` `soon` is not a duration (write a number with a unit, as in 90s, 15m, 26h or 7d 2h)",
            "jobs.d/b.toml:1:7 `b` the header is not closed by `]` (write the whole header on one line, as in [jobs.NAME])",
            "jobs.d/c.toml:2:9 `\"opps\"` unknown team `opps` (did you mean `ops`?)",
            "jobs.d/c.toml:4:10 `\"lotz\"` unknown dataset `lotz` (did you mean `lots`?)",
        ]
    );
    let names: Vec<String> = loaded
        .files
        .iter()
        .map(|(name, _)| name.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["jobs.toml", "a.toml", "b.toml", "c.toml"]);
}

#[test]
fn a_name_defined_in_two_files_names_both_places() {
    let place = Place::new();
    place.write("jobs.d/a.toml", &JOB.replace("NAME", "x"));
    place.write("jobs.d/b.toml", &format!("\n{}", JOB.replace("NAME", "x")));
    let loaded = place.load_text(&including("[\"jobs.d/*\"]"));
    assert_eq!(
        place.lines(&loaded, Level::Error),
        [
            "jobs.d/b.toml:2:7 `x` job `x` is defined twice, first in jobs.d/a.toml line 1 (keep one of the two, or give one another name)"
        ]
    );
}

#[test]
fn includes_are_told_apart_from_the_root() {
    let place = Place::new();
    place.write("a.toml", "include = [\"b.toml\"]\ntimezone = \"UTC\"\n");
    place.write("b.toml", "");
    let loaded = place.load_text(&including("[\"a.toml\", \"no/*.toml\", \"c.toml\", \"./jobs.toml\"]"));
    assert_eq!(
        place.lines(&loaded, Level::Error),
        [
            "jobs.toml:1:35 `\"c.toml\"` `c.toml` does not exist (create it, or correct the path)",
            "jobs.toml:1:45 `\"./jobs.toml\"` `./jobs.toml` includes the file itself (write a pattern that only matches other files, as in jobs.d/*.toml)",
            "a.toml:1:1 `include` `include` belongs into the root file (include that file from the root file; included files include nothing)",
            "a.toml:2:1 `timezone` `timezone` belongs into the root file (write it into the file that has the `include`)",
        ]
    );
    assert_eq!(
        place.lines(&loaded, Level::Warning),
        [
            "jobs.toml:1:22 `\"no/*.toml\"` `no/*.toml` matches no file (create one, correct the pattern, or take it out)"
        ]
    );
}

#[test]
fn a_file_matched_twice_is_read_once() {
    let place = Place::new();
    place.write("jobs.d/a.toml", &JOB.replace("NAME", "a"));
    let loaded = place.load_text(&including("[\"jobs.d/*.toml\", \"*/a.toml\"]"));
    assert_eq!(loaded.files.len(), 2);
    assert_eq!(loaded.settings.unwrap().jobs.len(), 1);
}

#[test]
fn a_missing_or_oversized_root_is_one_error() {
    let place = Place::new();
    let found = place.lines(&place.load(), Level::Error);
    assert_eq!(
        found,
        ["jobs.toml:1:1 `` `jobs.toml` does not exist (create it, or correct the path)"]
    );
    let large = format!("{TOP}#{}", "x".repeat(1 << 20));
    let found = place.lines(&place.load_text(&large), Level::Error);
    assert_eq!(
        found,
        ["jobs.toml:1:1 `` `jobs.toml` is larger than 1024 KiB (split it into several files)"]
    );
}

#[test]
fn a_pipe_is_not_waited_for() {
    let place = Place::new();
    let pipe = place.path("jobs.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let found = place.lines(&place.load(), Level::Error);
    assert_eq!(
        found,
        ["jobs.toml:1:1 `` `jobs.toml` is not a file (name a regular file)"]
    );
}

#[test]
fn more_than_ten_thousand_jobs_are_refused() {
    let place = Place::new();
    let mut text = TOP.to_owned();
    text.push_str("[jobs]\n");
    for number in 0..10_001 {
        writeln!(text, "j{number}={{owner=\"ops\",command=\"true\"}}").unwrap();
    }
    let found = place.lines(&place.load_text(&text), Level::Error);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("more than 10000 jobs"), "{found:?}");
}

#[test]
fn root_refuses_what_others_can_change_and_others_do_not() {
    for (unsafe_path, culprit) in [
        ("jobs.toml", "jobs.toml"),
        ("conf.d", "conf.d/a.toml"),
        ("conf.d/a.toml", "conf.d/a.toml"),
        ("secrets", "secrets/hook"),
        ("secrets/hook", "secrets/hook"),
        ("job.env", "job.env"),
    ] {
        for root in [true, false] {
            let mut place = Place::new();
            place.environment.root = root;
            place.write("conf.d/a.toml", "");
            place.write("secrets/hook", "x");
            place.write("job.env", "A=1\n");
            place.write(
                "jobs.toml",
                &format!(
                    "run_as_root = true\n{}[channels.h]\ntype = \"webhook\"\nurl = \"https://h/\"\nsecret = {{ file = \"secrets/hook\" }}\n\
                     [jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nenv_file = \"job.env\"\n",
                    including("[\"conf.d/*.toml\"]")
                ),
            );
            place.mode("secrets/hook", 0o600);
            assert!(place.load().settings.is_some());
            let mode = if place.path(unsafe_path).is_dir() { 0o777 } else { 0o646 };
            place.mode(unsafe_path, mode);
            let loaded = place.load();
            let errors = place.lines(&loaded, Level::Error);
            assert_eq!(errors.len(), usize::from(root), "{unsafe_path}: {errors:?}");
            if root {
                assert!(errors[0].contains("can be changed by others"), "{errors:?}");
                assert!(errors[0].contains(&format!("`{culprit}`")), "{errors:?}");
            }
        }
    }
}

#[test]
fn a_group_that_can_write_can_change_what_root_trusts() {
    // Who is not root has no other group to give a file to than his own, which is not root's either.
    let own = rustix::process::getegid().as_raw();
    let groups = if own == 0 { vec![0, 65_534] } else { vec![own] };
    for group in groups {
        for mode in [0o644, 0o664] {
            let mut place = Place::new();
            place.environment.root = true;
            place.write("jobs.toml", TOP);
            std::os::unix::fs::chown(place.path("jobs.toml"), None, Some(group)).unwrap();
            place.mode("jobs.toml", mode);
            let loaded = place.load();
            let errors = place.lines(&loaded, Level::Error);
            let told = format!("is writable by its group {group}");
            let found = errors.iter().any(|error| error.contains(&told));
            assert_eq!(found, group != 0 && mode == 0o664, "{group} {mode:o}: {errors:?}");
        }
    }
}

#[test]
fn a_directory_that_others_can_change_is_no_place_for_what_root_publishes() {
    for root in [true, false] {
        let mut place = Place::new();
        place.environment.root = root;
        std::fs::create_dir(place.path("exports")).unwrap();
        let text = format!(
            "run_as_root = true\n{TOP}[datasets.stock]\nowner = \"ops\"\nfile = \"exports/new/stock.csv\"\nmax_age = \"1d\"\n\
             [jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"stock\"\n"
        );
        assert!(place.load_text(&text).settings.is_some());
        place.mode("exports", 0o777);
        let loaded = place.load_text(&text);
        let level = if root { Level::Error } else { Level::Warning };
        let told = place.lines(&loaded, level);
        let words = "the directory that dataset `stock` is published to can be changed by others";
        assert_eq!(told.iter().filter(|line| line.contains(words)).count(), 1, "{told:?}");
        assert_eq!(loaded.settings.is_some(), !root);
    }
}

#[test]
fn what_a_user_delivers_may_be_published_where_that_user_rules_and_no_other_does() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut place = Place::new();
    place.environment.root = true;
    std::fs::create_dir(place.path("exports")).unwrap();
    std::os::unix::fs::chown(place.path("exports"), Some(1), Some(1)).unwrap();
    for (user, expected) in [
        ("user = \"daemon\"", None),
        ("user = \"nobody\"", Some("belongs to another user")),
        ("", Some("belongs to another user")),
    ] {
        let text = format!(
            "run_as_root = true\n{TOP}[datasets.stock]\nowner = \"ops\"\nfile = \"exports/stock.csv\"\nmax_age = \"1d\"\n\
             [jobs.a]\nowner = \"ops\"\ncommand = \"true\"\n{user}\nproduces = \"stock\"\n"
        );
        let loaded = place.load_text(&text);
        let errors = place.lines(&loaded, Level::Error);
        let found = errors
            .iter()
            .any(|error| expected.is_none_or(|words| error.contains(words)));
        assert_eq!(found, expected.is_some(), "{user}: {errors:?}");
        assert_eq!(loaded.settings.is_some(), expected.is_none(), "{errors:?}");
    }
}

#[test]
fn root_must_say_as_whom_each_job_runs_or_that_it_may_be_root() {
    let mut place = Place::new();
    place.environment.root = true;
    let as_root = format!("{TOP}{}{}", JOB.replace("NAME", "a"), JOB.replace("NAME", "b"));
    let loaded = place.load_text(&as_root);
    let errors = place.lines(&loaded, Level::Error);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].contains(
            "freshd runs as root, and job `a` does not say as whom it runs (write user = \"NAME\", or run_as_root"
        ),
        "{errors:?}"
    );
    assert!(loaded.settings.is_none());

    let as_user = as_root.replace("command", "user = \"daemon\"\ncommand");
    let loaded = place.load_text(&as_user);
    assert_eq!(place.lines(&loaded, Level::Error), [""; 0]);
    let settings = loaded.settings.unwrap();
    let conditions = settings.jobs["a"].policy.conditions.as_ref().unwrap();
    let run_as = conditions.run_as.as_ref().unwrap();
    assert_eq!((run_as.user.as_str(), run_as.uid, run_as.gid), ("daemon", 1, 1));
    assert!(run_as.groups.contains(&1) && !run_as.groups.contains(&0));
    assert!(Arc::ptr_eq(
        conditions,
        settings.jobs["b"].policy.conditions.as_ref().unwrap()
    ));

    let allowed = format!("run_as_root = true\n{as_root}");
    let loaded = place.load_text(&allowed);
    let notes = place.lines(&loaded, Level::Note);
    let told =
        "jobs.toml:18:7 `a` freshd runs as root, and so will each job without `user`: `run_as_root` allows it (-)";
    assert_eq!(notes.iter().filter(|note| *note == told).count(), 1, "{notes:?}");
    assert!(loaded.settings.is_some());
}

#[test]
fn a_user_or_group_that_the_machine_does_not_know_is_refused_and_so_is_any_without_root() {
    let mut place = Place::new();
    let text = |lines: &str| {
        format!(
            "{TOP}{}",
            JOB.replace("NAME", "a")
                .replace("command", &format!("{lines}\ncommand"))
        )
    };
    for (root, lines, message) in [
        (
            true,
            "user = \"nosuch\"",
            "`\"nosuch\"` this machine has no user `nosuch` (correct the name",
        ),
        (
            true,
            "user = \"daemon\"\ngroup = \"nosuch\"",
            "`\"nosuch\"` this machine has no group `nosuch` (correct",
        ),
        (true, "user = \"daemon\"\ngroup = 5", "a text"),
        (
            false,
            "user = \"bin\"",
            "freshd does not run as root, and cannot run anything as `bin` (run freshd as root",
        ),
        (false, "group = \"bin\"", "`group` needs `user`"),
        (false, "nice = -5", "only root may make a job more urgent"),
        (false, "nice = 20", "`nice`"),
        (false, "ionice = 8", "`ionice`"),
        (
            false,
            "ionice = \"low\"",
            "`low` is no priority for disks (write ionice = \"idle\"",
        ),
        (false, "umask = \"888\"", "`888` is no umask (write three octal digits"),
        (
            false,
            "limits = { cpu = \"2\" }",
            "`2` is no share of a core (write cpu = \"50%\"",
        ),
        (
            false,
            "limits = { memory = \"1 KiB\" }",
            "`memory` must be 1 MiB or more",
        ),
        (false, "limits = { files = 3 }", "`files`"),
        (false, "limits = { disk = 3 }", "unknown key `disk`"),
    ] {
        place.environment.root = root;
        let loaded = place.load_text(&text(lines));
        let errors = place.lines(&loaded, Level::Error);
        assert_eq!(errors.len(), 1, "{lines}: {errors:?}");
        assert!(errors[0].contains(message), "{lines}: {errors:?}");
    }
    place.environment.root = false;
    let loaded = place.load_text(&text(
        "umask = \"027\"\nnice = 10\nionice = 6\nlimits = { memory = \"512 MiB\", cpu = \"150%\", files = 256, processes = 50 }",
    ));
    let job = loaded.settings.unwrap().jobs["a"].clone();
    let conditions = job.policy.conditions.as_ref().unwrap();
    assert_eq!((conditions.umask, conditions.nice), (Some(0o027), Some(10)));
    assert_eq!(conditions.ionice, Some(DiskPriority::BestEffort(6)));
    let limits = Limits {
        memory_bytes: Some(512 << 20),
        cpu_percent: Some(150),
        files: Some(256),
        processes: Some(50),
    };
    assert_eq!(conditions.limits, limits);
}
