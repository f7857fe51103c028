//! One mistake, one message, with its place, the marked text and the remedy.

use super::*;

/// A sound job but for the lines given; it begins on line 17, the first given line is line 20.
fn job_errors(lines: &str) -> Vec<String> {
    errors(&format!(
        "[jobs.a]\nowner = \"ops\"\ncommand = \"bin/run.sh\"\n{lines}\n"
    ))
}

/// Each text makes exactly the one error.
pub(super) fn check_all(errors_of: impl Fn(&str) -> Vec<String>, table: &[(&str, &str)]) {
    for (lines, expected) in table {
        assert_eq!(errors_of(lines), [expected.to_string()], "{lines}");
    }
}

#[test]
fn a_mistake_is_shown_with_its_line_the_text_marked_and_what_to_write() {
    let place = Place::new();
    let loaded = place.load_text(&format!(
        "{TOP}[jobs.export]\nowner = \"ops\"\ncommand = \"bin/run.sh\"\nschedule = \"0 25 * * *\"\n"
    ));
    assert_eq!(
        place.rendered(&loaded),
        "\
error: 25 is outside the hour field, which goes from 0 to 23
  --> jobs.toml:20:15
   |
20 | schedule = \"0 25 * * *\"
   |               ^^
   |
   = help: write 0 to 23, as in 6, 6,18, 8-16 or */2
"
    );
    let json = loaded.to_json();
    let problem = &json["problems"][0];
    assert_eq!(json["ok"], false);
    assert_eq!(
        (
            problem["level"].as_str(),
            problem["line"].as_u64(),
            problem["column"].as_u64()
        ),
        (Some("error"), Some(20), Some(15))
    );
    assert!(render(&loaded.problems, true).contains("\u{1b}["));
}

#[test]
fn every_mistake_of_a_job_is_told_once() {
    check_all(
        job_errors,
        &[
            (
                "ovrelap = \"skip\"",
                "jobs.toml:20:1 `ovrelap` unknown key `ovrelap` in [jobs.a] (did you mean `overlap`?)",
            ),
            (
                "cron = \"* * * * *\"",
                "jobs.toml:20:1 `cron` unknown key `cron` in [jobs.a] (did you mean `schedule`?)",
            ),
            (
                "timeout = 10",
                "jobs.toml:20:11 `10` `timeout` must be a duration with its unit, in quotes, not a whole number (write timeout = \"10s\")",
            ),
            (
                "timeout = \"soon\"",
                "jobs.toml:20:11 `\"soon\"` `soon` is not a duration (write a number with a unit, as in 90s, 15m, 26h or 7d 2h)",
            ),
            (
                "timeout = \"1m; 5m\"",
                "jobs.toml:20:11 `\"1m; 5m\"` `1m; 5m` is not a duration (write a number with a unit, as in 90s, 15m, 26h or 7d 2h)",
            ),
            (
                "timeout = \"0s\"",
                "jobs.toml:20:11 `\"0s\"` `timeout` ends every run at once (write a duration, or \"none\" for no limit)",
            ),
            (
                "enabled = \"yes\"",
                "jobs.toml:20:11 `\"yes\"` `enabled` must be true or false, not a text (write enabled = true or enabled = false, without quotes)",
            ),
            (
                "needs = \"lots\"",
                "jobs.toml:20:9 `\"lots\"` `needs` must be a list, not a text (write needs = [\"lots\"])",
            ),
            (
                "needs = [\"lotz\"]",
                "jobs.toml:20:10 `\"lotz\"` unknown dataset `lotz` (did you mean `lots`?)",
            ),
            (
                "env = { Z = \"a\\u0000b\" }",
                "jobs.toml:20:13 `***` `Z` contains a NUL character (take it out)",
            ),
            (
                "needs = [1]",
                "jobs.toml:20:10 `1` an item of `needs` must be a text, not a whole number (write \"...\")",
            ),
            (
                "from = \"erp\"",
                "jobs.toml:20:8 `\"erp\"` unknown system `erp` (known systems: wms)",
            ),
            (
                "pool = \"epr\"",
                "jobs.toml:20:8 `\"epr\"` unknown pool `epr` (did you mean `erp`?)",
            ),
            (
                "overlap = \"wait\"",
                "jobs.toml:20:11 `\"wait\"` `wait` is not a value of `overlap` (write one of \"skip\", \"queue\", \"replace\", \"allow\")",
            ),
            (
                "log_limit = \"8 XB\"",
                "jobs.toml:20:13 `\"8 XB\"` `XB` is not a unit of size (write a number of bytes, as in 8 MiB, 500 kB or 10000)",
            ),
            (
                "log_limit = 10",
                "jobs.toml:20:13 `10` `log_limit` must be 1 KiB to 1 GiB (write log_limit = \"8 MiB\")",
            ),
            (
                "host = \"erp\"",
                "jobs.toml:20:1 `host` `host` is not supported yet (take it out: it would have no effect)",
            ),
            (
                "on_stale = \"hold\"",
                "jobs.toml:20:12 `\"hold\"` a job that reads no dataset has nothing to wait for (name what it reads: needs = [\"stock\"])",
            ),
            (
                "hold_for = \"10m\"",
                "jobs.toml:20:12 `\"10m\"` `hold_for` says how long a run waits for its inputs, and it waits for none (take `hold_for` out, or name inputs and let on_stale be \"hold\")",
            ),
            (
                "success_codes = [0, 256]",
                "jobs.toml:20:21 `256` an item of `success_codes` must be 0 to 255 (write a whole number, 0 to 255)",
            ),
            (
                "warn_codes = [0]",
                "jobs.toml:20:1 `warn_codes` exit code 0 is in `success_codes` and in `warn_codes` (keep it in one of the two)",
            ),
            (
                "every = \"15m\"\nschedule = \"@daily\"",
                "jobs.toml:20:1 `every` `schedule` and `every` exclude each other (keep one of `schedule`, `every` and `on`)",
            ),
            (
                "every = \"0s\"",
                "jobs.toml:20:9 `\"0s\"` `every` must be at least 1s (write every = \"1s\" or more)",
            ),
            (
                "every = \"1h\"\nanchor = \"noon\"",
                "jobs.toml:21:10 `\"noon\"` `anchor` must be a time with its offset (write it as RFC 3339 says: anchor = \"2026-01-01T06:00:00+01:00\")",
            ),
            (
                "every = \"1h\"\nseconds = true",
                "jobs.toml:21:1 `seconds` `seconds` has no effect without `schedule` (add `schedule`, or take `seconds` out)",
            ),
            (
                "schedule = \"@daily\"\non_holiday = \"skip\"",
                "jobs.toml:21:1 `on_holiday` `on_holiday` has no effect without `calendar` (add `calendar`, or take `on_holiday` out)",
            ),
            (
                "schedule = \"0 0 31 2 *\"",
                "jobs.toml:20:12 `\"0 0 31 2 *\"` `0 0 31 2 *` never fires (choose a date that exists: no year has such a day in such a month)",
            ),
            (
                "schedule = \"0 6 * * SUN\"\ncalendar = \"norway\"",
                "jobs.toml:20:12 `\"0 6 * * SUN\"` `0 6 * * SUN` never fires: calendar `norway` is closed whenever it is due (choose open days, or write on_holiday = \"run_after\")",
            ),
            (
                "timezone = \"Europe/Olso\"",
                "jobs.toml:20:12 `\"Europe/Olso\"` unknown time zone `Europe/Olso` (did you mean \"Europe/Oslo\"?)",
            ),
            (
                "on = []",
                "jobs.toml:20:6 `[]` `on` names no dataset (write on = [\"DATASET\"])",
            ),
            (
                "retry = { attempts = 0 }",
                "jobs.toml:20:22 `0` `attempts` must be 1 to 1000 (write a whole number, 1 to 1000)",
            ),
            (
                "retry = { attempt = 3 }",
                "jobs.toml:20:11 `attempt` unknown key `attempt` in [jobs.a.retry] (did you mean `attempts`?)",
            ),
            (
                "retry = { attempts = 3, factor = 0.5 }",
                "jobs.toml:20:34 `0.5` `factor` must be 1 to 100 (write factor = 2 to double the delay each time)",
            ),
            (
                "retry = { attempts = 3, on = [\"9..=1\"] }",
                "jobs.toml:20:31 `\"9..=1\"` `9..=1` is not a kind of failure (write \"timeout\", \"killed\", \"rejected\", \"spawn_failed\", an exit code, or a range as \"1..=9\")",
            ),
            (
                "retry = { attempts = 3, give_up_after = \"1h\" }",
                "jobs.toml:20:25 `give_up_after` `give_up_after` belongs beside `retry`, not into it (write give_up_after = ... on a line of its own)",
            ),
            (
                "give_up_after = \"1h\"",
                "jobs.toml:20:17 `\"1h\"` `give_up_after` has no effect without `retry` (add retry = { attempts = 4, delay = \"1m\" })",
            ),
            (
                "catch_up = \"newest\"\nschedule = \"@daily\"",
                "jobs.toml:20:12 `\"newest\"` `newest` is not a value of `catch_up` (write one of \"latest\", \"all\", \"none\")",
            ),
            (
                "env = { \"A B\" = \"x\" }",
                "jobs.toml:20:9 `\"A B\"` `A B` is not the name of an environment variable (write letters, digits and underscores)",
            ),
            (
                "env = { FRESHD_JOB = \"x\" }",
                "jobs.toml:20:9 `FRESHD_JOB` `FRESHD_JOB` is set by freshd itself (write letters, digits and underscores)",
            ),
            (
                "tags = [\"\"]",
                "jobs.toml:20:9 `\"\"` an item of `tags` is empty (write something, or take it out)",
            ),
        ],
    );
}

#[test]
fn a_job_without_what_it_must_have_is_refused_and_a_misspelled_key_is_told_once() {
    for (text, expected) in [
        (
            "[jobs.a]\nowner = \"ops\"\n",
            "jobs.toml:17:7 `a` job `a` has no command (write command = \"transfers/export.sh\")",
        ),
        (
            "[jobs.a]\nowner = \"ops\"\ncmd = \"true\"\n",
            "jobs.toml:19:1 `cmd` unknown key `cmd` in [jobs.a] (did you mean `command`?)",
        ),
        (
            "[jobs.a]\ncommand = \"true\"\n",
            "jobs.toml:17:7 `a` job `a` has no owner (write owner = \"TEAM\" with one of ops, or owner = \"nobody\" if it must be)",
        ),
        (
            "[jobs.a]\nowner = \"opps\"\ncommand = \"true\"\n",
            "jobs.toml:18:9 `\"opps\"` unknown team `opps` (did you mean `ops`?)",
        ),
        (
            "[jobs]\na = 3\n",
            "jobs.toml:18:5 `3` `a` must be a table, not a whole number (write [jobs.a] and its keys below)",
        ),
        (
            "[jobs.\"a b\"]\nowner = \"ops\"\ncommand = \"true\"\n",
            "jobs.toml:17:7 `\"a b\"` `a b` is not a usable name (write at most 100 letters, digits, `-`, `_` and `.`)",
        ),
        (
            "[job.a]\nowner = \"ops\"\n",
            "jobs.toml:17:2 `job` unknown key `job` at the top of the file (did you mean `jobs`?)",
        ),
        (
            "[[jobs]]\nname = \"x\"\n",
            "jobs.toml:17:1 `[[jobs]]` `jobs` must be a table, not a list (write [jobs.NAME] and its keys below)",
        ),
    ] {
        assert_eq!(errors(text), [expected], "{text}");
    }
}

#[test]
fn schedules_that_exclude_each_other_hide_no_mistake_in_either() {
    assert_eq!(
        job_errors("schedule = \"61 * * * *\"\nevery = \"soon\""),
        [
            "jobs.toml:20:13 `61` 61 is outside the minute field, which goes from 0 to 59 (write 0 to 59, as in 30, 0,30, 10-20 or */5)",
            "jobs.toml:21:1 `every` `schedule` and `every` exclude each other (keep one of `schedule`, `every` and `on`)",
            "jobs.toml:21:9 `\"soon\"` `soon` is not a duration (write a number with a unit, as in 90s, 15m, 26h or 7d 2h)",
        ]
    );
}

#[test]
fn a_configuration_without_a_fallback_is_refused() {
    let place = Place::new();
    let loaded = place.load_text("");
    assert_eq!(
        place.rendered(&loaded),
        "\
error: there is no [fallback]: nobody is told when a team cannot be
--> jobs.toml:1:1
 = help: write [fallback] and notify = [\"CHANNEL:ADDRESS\"] below it
"
    );
}

#[test]
fn a_key_that_is_like_no_other_is_answered_with_the_known_ones() {
    assert_eq!(
        errors("[pools.x]\nslots = 1\ncolour = \"red\"\n"),
        ["jobs.toml:19:1 `colour` unknown key `colour` in [pools.x] (known keys: slots)"]
    );
}

#[test]
fn commands_that_cannot_be_started_are_refused() {
    let place = Place::new();
    place.write("plain.sh", "true");
    place.script("x y.sh");
    place.write("jobs.toml", "");
    for (command, expected) in [
        (
            "\"bin/rum.sh -v\"",
            "`bin/rum.sh` `bin/rum.sh` does not exist (did you mean `run.sh`, beside it?)",
        ),
        (
            "\"./plain.sh\"",
            "`./plain.sh` `./plain.sh` is not executable (chmod +x plain.sh)",
        ),
        ("\"bin/ x\"", "`bin/` `bin/` is a directory (name the program in it)"),
        (
            "\"A=1 bin/rum.sh\"",
            "`bin/rum.sh` `bin/rum.sh` does not exist (did you mean `run.sh`, beside it?)",
        ),
        (
            "\"plain.sh\"",
            "`plain.sh` command `plain.sh` is not found (write ./plain.sh for the file beside the configuration)",
        ),
        (
            "\"no-such-command x\"",
            "`no-such-command` command `no-such-command` is not found (install it, or write its path; PATH is /usr/bin:/bin)",
        ),
        (
            "[\"ls -l\"]",
            "`\"ls -l\"` `ls -l` is not a program (write each word as an item of its own, or the whole command as one text)",
        ),
        (
            "[\"cd\", \"/\"]",
            "`\"cd\"` `cd` is a word of the shell, and a list is executed without one (write the command as one text)",
        ),
        (
            "[]",
            "`[]` `command` is empty (write command = [\"PROGRAM\", \"ARGUMENT\"])",
        ),
        (
            "3",
            "`3` `command` must be a text or a list, not a whole number (write command = \"transfers/export.sh\")",
        ),
        (
            "\"a\\u0000b\"",
            "`\"a\\u0000b\"` `command` contains a NUL character (take it out)",
        ),
    ] {
        let loaded = place.load_text(&format!("{TOP}[jobs.a]\nowner = \"ops\"\ncommand = {command}\n"));
        let errors = place.lines(&loaded, Level::Error);
        assert_eq!(errors.len(), 1, "{command}: {errors:?}");
        let (_, error) = errors[0].split_once(' ').unwrap();
        assert_eq!(error, expected, "{command}");
    }
}

#[test]
fn shell_syntax_is_left_to_the_shell() {
    for command in [
        "cd /tmp && ls",
        "if true; then :; fi",
        "$TOOL --all",
        "~/bin/x",
        "(cd /; ls)",
        "[ -e x ] || exit 3",
        "f() { :; }; f",
        "X=$(date) ls",
        "# nothing",
    ] {
        let text = format!("[jobs.a]\nowner = \"ops\"\ncommand = '''{command}'''\n");
        assert_eq!(errors(&text), Vec::<String>::new(), "{command}");
    }
}
