//! Findings about the whole flow, each with the place to change.

use super::*;

pub(super) const WEEKLY: &str = "\
[datasets.stock]
owner = \"ops\"
file = \"stock.csv\"
consumers = [\"wms\"]
PROMISE
[jobs.export]
owner = \"ops\"
command = \"true\"
schedule = \"0 22 * * FRI\"
produces = \"stock\"
";

/// `TOP` with a promise for its dataset, so that only what a test adds is found.
fn top() -> String {
    format!("{TOP}max_age = \"1d\"\nconsumers = [\"wms\"]\n")
}

fn findings(level: Level, text: &str) -> Vec<String> {
    let place = Place::new();
    let loaded = place.load_text(&format!("{}{text}", top()));
    let lines = place.lines(&loaded, level);
    let others: Vec<&Problem> = loaded.problems.iter().filter(|problem| problem.level < level).collect();
    assert!(others.is_empty(), "{others:?}");
    lines
}

pub(super) fn warnings(text: &str) -> Vec<String> {
    findings(Level::Warning, text)
}

#[test]
fn a_promise_that_the_schedule_cannot_keep_is_found() {
    for (promise, schedule, expected) in [
        (
            "max_age = \"24h\"",
            "schedule = \"0 22 * * FRI\"",
            Some(
                "`stock` cannot stay younger than 1d: job `export` runs Fri 2026-11-27 22:00 and next Fri 2026-12-04 22:00, 7d apart (run the job more often, or promise more than 7d)",
            ),
        ),
        (
            "max_age = \"26h\"",
            "schedule = \"0 6 * * MON-FRI\"",
            Some(
                "`stock` cannot stay younger than 1d 2h: job `export` runs Fri 2026-11-27 06:00 and next Mon 2026-11-30 06:00, 3d apart (run the job more often, or promise more than 3d)",
            ),
        ),
        (
            "max_age = \"26h\"",
            "schedule = \"0 6 * * *\"\ncalendar = \"norway\"",
            Some(
                "`stock` cannot stay younger than 1d 2h: job `export` runs Fri 2026-11-27 06:00 and next Mon 2026-11-30 06:00, 3d apart (run the job more often, or promise more than 3d)",
            ),
        ),
        (
            "max_age = \"30m\"",
            "schedule = \"*/5 8-17 * * *\"",
            Some(
                "`stock` cannot stay younger than 30m: job `export` runs Mon 2026-11-23 17:55 and next Tue 2026-11-24 08:00, 14h 5m apart (run the job more often, or promise more than 14h 5m)",
            ),
        ),
        (
            "max_age = \"10m\"",
            "every = \"15m\"",
            Some(
                "`stock` cannot stay younger than 10m: job `export` runs Mon 2026-11-23 12:15 and next Mon 2026-11-23 12:30, 15m apart (run the job more often, or promise more than 15m)",
            ),
        ),
        ("max_age = \"7d 2h\"", "schedule = \"0 22 * * FRI\"", None),
        ("max_age = \"26h\"", "schedule = \"0 6 * * *\"", None),
        ("max_age = \"24h\"", "schedule = \"0 6 * * *\"", None),
        ("max_age = \"3d\"", "schedule = \"0 6 * * MON-FRI\"", None),
        ("max_age = \"31d\"", "schedule = \"@monthly\"", None),
        (
            "max_age = \"30d\"",
            "schedule = \"@monthly\"",
            Some(
                "`stock` cannot stay younger than 30d: job `export` runs Tue 2026-12-01 00:00 and next Fri 2027-01-01 00:00, 31d apart (run the job more often, or promise more than 31d)",
            ),
        ),
        ("max_age = \"15m\"", "every = \"15m\"", None),
    ] {
        let text = WEEKLY
            .replace("PROMISE", promise)
            .replace("schedule = \"0 22 * * FRI\"", schedule);
        let place = "jobs.toml:23:11";
        let marked = promise.trim_start_matches("max_age = ");
        let expected: Vec<String> = expected
            .iter()
            .map(|expected| format!("{place} `{marked}` {expected}"))
            .collect();
        assert_eq!(warnings(&text), expected, "{promise} {schedule}");
    }
}

#[test]
fn a_delivery_for_which_the_job_does_not_run_in_time_is_found() {
    for (due, found) in [
        ("due = { at = \"0 21 * * FRI\" }", false),
        ("due = { at = \"0 23 * * FRI\" }", false),
        ("due = { at = \"0 23 * * *\" }", true),
        ("due = { at = \"0 21 * * FRI\", early = \"1d\" }", true),
        ("due = { at = \"0 21 * * FRI\", early = \"1d\", grace = \"2h\" }", false),
    ] {
        let found_here = warnings(&WEEKLY.replace("PROMISE", due));
        assert_eq!(found_here.len(), usize::from(found), "{due}: {found_here:?}");
    }
    assert_eq!(
        warnings(&WEEKLY.replace("PROMISE", "due = \"0 23 * * *\"")),
        [
            "jobs.toml:23:7 `\"0 23 * * *\"` `stock` cannot be there in time: no run of job `export` (`0 22 * * FRI`) is in time for the delivery due Mon 2026-11-23 23:00 (let the job run between two deliveries, and before the deadline)"
        ]
    );
}

#[test]
fn a_needed_input_that_comes_after_the_job_is_found() {
    let reader = |schedule: &str| {
        format!(
            "{}[jobs.report]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"stock\"]\nschedule = \"{schedule}\"\n",
            WEEKLY.replace("PROMISE", "due = \"0 23 * * FRI\"")
        )
    };
    assert_eq!(
        warnings(&reader("30 22 * * FRI")),
        [
            "jobs.toml:32:10 `\"stock\"` `stock` is due Fri 2026-11-27 23:00, after job `report` has run Fri 2026-11-27 22:30 (run the job later, or write on = [\"stock\"] instead of its schedule)"
        ]
    );
    for schedule in ["0 23 * * FRI", "0 6 * * *", "0 6 * * SAT"] {
        assert_eq!(warnings(&reader(schedule)), Vec::<String>::new(), "{schedule}");
    }
    // Without a delivery, the start of the producer counts, and the same instant is too early.
    let reader = reader("0 22 * * FRI").replace("due = \"0 23 * * FRI\"", "max_age = \"8d\"");
    assert_eq!(
        warnings(&reader),
        [
            "jobs.toml:32:10 `\"stock\"` `stock` is made from Fri 2026-11-27 22:00, after job `report` has run Fri 2026-11-27 22:00 (run the job later, or write on = [\"stock\"] instead of its schedule)"
        ]
    );
}

#[test]
fn things_that_lead_nowhere_are_found() {
    assert_eq!(
        warnings(&WEEKLY.replace("PROMISE", "max_age = \"8d\"").replace("[\"wms\"]", "[]")),
        [
            "jobs.toml:28:12 `\"stock\"` nobody reads `stock`, which job `export` produces (name its readers: consumers = [...] in [datasets.stock])"
        ]
    );
    assert_eq!(
        warnings("[datasets.x]\nowner = \"ops\"\nfile = \"x\"\n"),
        [
            "jobs.toml:19:11 `x` nobody can tell how fresh `x` is: no job produces it and no probe looks at it (write probe = { file = \"...\", every = \"1m\" }, or produces = ... at a job)"
        ]
    );
    assert_eq!(
        warnings("[systems.x]\nowner = \"ops\"\nreads_at = \"@daily\"\n"),
        [
            "jobs.toml:19:10 `x` system `x` has `reads_at`, but no dataset names it as a consumer (write consumers = [\"x\"] at what it reads)"
        ]
    );
    assert_eq!(
        warnings("[systems.x]\nowner = \"nobody\"\n"),
        [
            "jobs.toml:20:9 `\"nobody\"` nobody answers for system `x` (name a team, so that somebody is told; until then the fallback is)"
        ]
    );
    assert_eq!(
        warnings("[calendars.x]\nholidays = [\"2026-12-25\"]\n"),
        [
            "jobs.toml:19:12 `x` calendar `x` has no entry after 2026-12-25 (add the coming holidays: days it does not know are open)"
        ]
    );
    let probed = "max_age = \"8d\"\nprobe = { file = \"x\", every = \"1m\" }";
    assert_eq!(
        warnings(&WEEKLY.replace("PROMISE", probed)),
        [
            "jobs.toml:19:11 `stock` dataset `stock` has a probe, but job `export` produces it (take the probe out: freshd knows what its own jobs produce)"
        ]
    );
}

#[test]
fn notes_say_what_is_worth_knowing() {
    assert_eq!(
        findings(Level::Note, &WEEKLY.replace("PROMISE", "")),
        ["jobs.toml:19:11 `stock` dataset `stock` promises nothing: it has neither `max_age` nor `due` (-)"]
    );
    assert_eq!(
        findings(Level::Note, "[jobs.a]\nowner = \"ops\"\ncommand = \"true\"\n"),
        ["jobs.toml:19:7 `a` job `a` runs by hand only: it has no `schedule`, `every` or `on` (-)"]
    );
    let both = findings(
        Level::Note,
        "[jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 6 1 * FRI\"\n",
    );
    assert_eq!(both.len(), 1);
    assert!(
        both[0].starts_with("jobs.toml:22:12 `\"0 6 1 * FRI\"` `0 6 1 * FRI`: "),
        "{both:?}"
    );
}

#[test]
fn two_producers_of_a_dataset_are_named_with_both_places() {
    let second = "[jobs.also]\nowner = \"ops\"\ncommand = \"true\"\nevery = \"1h\"\nproduces = \"stock\"\n";
    let text = format!("{}{second}", WEEKLY.replace("PROMISE", "max_age = \"8d\""));
    assert_eq!(
        errors(&text),
        [
            "jobs.toml:31:12 `\"stock\"` dataset `stock` is produced twice: by job `also`, and by job `export` in jobs.toml line 26 (let one job produce it, or give the other a dataset of its own)"
        ]
    );
}

#[test]
fn what_is_produced_needs_a_file_of_its_own() {
    let text = WEEKLY.replace("PROMISE", "max_age = \"8d\"");
    assert_eq!(
        errors(&text.replace("file = \"stock.csv\"\n", "")),
        [
            "jobs.toml:17:11 `stock` dataset `stock` has no file, but job `export` produces it (write file = \"exports/NAME.csv\": where its readers find it)"
        ]
    );
    let other = text
        .replace("stock]", "more]")
        .replace("export]", "other]")
        .replace("\"stock\"", "\"more\"");
    assert_eq!(
        errors(&format!("{text}{other}")),
        [
            "jobs.toml:19:8 `\"stock.csv\"` datasets `stock` and `more` are published to one file (give each dataset a file of its own)"
        ]
    );
    // The same file by another name, and the file that says beside it which version it is.
    for name in ["./stock.csv", "bin/../stock.csv", "stock.csv.freshd.json"] {
        let errors = errors(&format!("{text}{}", other.replace("stock.csv", name)));
        assert!(
            errors.len() == 1 && errors[0].contains("`stock` and `more` are published to one file"),
            "{name}: {errors:?}"
        );
    }
}

#[test]
fn nothing_is_published_over_the_configuration_a_program_or_the_state_of_freshd() {
    let text = WEEKLY
        .replace("PROMISE", "max_age = \"8d\"")
        .replace("\"true\"", "\"bin/run.sh\"");
    for (file, what) in [
        ("jobs.toml", "a file of this configuration"),
        ("bin/run.sh", "the program of job `export`"),
        ("state/freshd.db", "what freshd keeps in its state directory"),
        ("bin/../jobs.toml", "a file of this configuration"),
        ("bin", "a directory"),
    ] {
        let errors = errors(&text.replace("\"stock.csv\"", &format!("\"{file}\"")));
        let expected = format!("dataset `stock` would be published over {what}");
        assert!(errors.len() == 1 && errors[0].contains(&expected), "{errors:?}");
    }
}

#[test]
fn a_ring_is_named_stop_by_stop() {
    let link = |name: &str, input: &str| {
        format!(
            "[datasets.{name}]\nowner = \"ops\"\nfile = \"{name}\"\nmax_age = \"1d\"\n\
             [jobs.make-{name}]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"{name}\"\nneeds = [\"{input}\"]\nevery = \"1h\"\n"
        )
    };
    assert_eq!(
        errors(&format!("{}{}{}", link("a", "c"), link("b", "a"), link("c", "b"))),
        [
            "jobs.toml:25:10 `\"c\"` jobs feed one another in a ring: job `make-a` needs `c`, made by job `make-c`, which needs `b`, made by job `make-b`, which needs `a` (take one `needs` out of the ring: none of these jobs could ever have fresh input)"
        ]
    );
    assert_eq!(
        errors(&link("a", "a")),
        [
            "jobs.toml:25:10 `\"a\"` jobs feed one another in a ring: job `make-a` needs `a` (take one `needs` out of the ring: none of these jobs could ever have fresh input)"
        ]
    );
}

#[test]
fn findings_keep_silent_about_what_could_not_be_read() {
    // The misspelled `produces` explains why nothing seems to produce the dataset.
    let text = WEEKLY
        .replace("PROMISE", "max_age = \"8d\"")
        .replace("produces = \"stock\"", "produces = \"stok\"");
    let place = Place::new();
    let loaded = place.load_text(&format!("{}{text}", top()));
    assert_eq!(loaded.problems.len(), 1, "{:?}", loaded.problems);
}

#[test]
fn a_history_that_is_shorter_than_what_else_is_kept_is_noted() {
    let weekly = WEEKLY.replace("PROMISE", "max_age = \"8d\"");
    let small = "history = { keep = \"7d\", runs = 14, logs = \"8 MiB\" }\n";
    let notes = findings(Level::Note, &format!("{weekly}{small}"));
    for (note, part) in notes.iter().zip([
        "`keep` of 7d is less than the age that `stock` may have, 8d",
        "`logs` of 8.0 MiB is less than one attempt of job `export` may print",
        "`runs` of 14 is less than the versions that `stock` keeps: the runs that made those stay, 15 of them",
    ]) {
        assert!(note.contains(part), "{note}");
    }
    assert_eq!(notes.len(), 3, "{notes:?}");
    let enough = "history = { keep = \"8d\", runs = 15, logs = \"16 MiB\" }\n";
    assert_eq!(
        findings(Level::Note, &format!("{weekly}{enough}")),
        Vec::<String>::new()
    );
}

#[test]
fn what_a_job_does_not_say_of_its_history_is_as_for_all() {
    let text = format!(
        "{}[history]\nkeep = \"30d\"\nlogs = \"20 GiB\"\n[jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nhistory = {{ runs = 7 }}\n",
        top()
    );
    let settings = Place::new().load_text(&text).settings.expect("it is accepted");
    let keep = settings.jobs["a"].policy.history.as_ref().expect("it says something");
    assert_eq!((keep.runs, keep.log_bytes), (7, 20 << 30));
    assert_eq!(keep.age, settings.history.each.age);
    assert_eq!(settings.history.each.runs, 10_000);
    assert_eq!(
        settings.history.all_log_bytes,
        20 << 30,
        "no less than one job may have"
    );
}

#[test]
fn a_promise_whose_producer_never_runs_by_itself_is_found() {
    let made = |lines: &str| {
        format!(
            "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\nmax_age = \"3h\"\nconsumers = [\"wms\"]\n\
             [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n{lines}\n"
        )
    };
    for (lines, expected) in [
        (
            "enabled = false\nschedule = \"@hourly\"",
            Some(
                "jobs.toml:22:11 `\"3h\"` `d` is promised, but job `p`, which produces it, is disabled (enable the job, or promise nothing)",
            ),
        ),
        (
            "",
            Some(
                "jobs.toml:22:11 `\"3h\"` `d` is promised, but job `p`, which produces it, has no schedule (give the job a schedule, or promise nothing)",
            ),
        ),
        ("schedule = \"@hourly\"", None),
    ] {
        let found = warnings(&made(lines));
        let expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(found, expected, "{lines}");
    }
}

#[test]
fn a_column_can_only_be_compared_with_one_that_can_be_read() {
    let text = "[datasets.items]\nowner = \"ops\"\nFILE\n[datasets.sold]\nowner = \"ops\"\nfile = \"sold.csv\"\n\
                checks = { format = \"csv\", columns.sku = { in = { dataset = \"items\", column = \"sku\" } } }\n";
    let found = |file: &str| errors(&text.replace("FILE", file));
    let error = |lacks: &str| {
        format!(
            "column `sku` of `sold` is compared with dataset `items`, which has no {lacks} \
             (give it one, or write the values that are allowed as a list)"
        )
    };
    for (file, expected) in [
        ("", Some(error("`file`"))),
        ("file = \"items.csv\"", Some(error("`format` among its checks"))),
        ("file = \"items.csv\"\nchecks = { format = \"csv\" }", None),
    ] {
        let found = found(file);
        assert_eq!(found.len(), usize::from(expected.is_some()), "{found:?}");
        assert!(
            found
                .iter()
                .zip(&expected)
                .all(|(found, expected)| found.ends_with(expected.as_str())),
            "{found:?}"
        );
    }
}
