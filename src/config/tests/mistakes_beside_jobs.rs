//! One mistake, one message: datasets, channels, teams and what else is not a job.

use super::mistakes::check_all;
use super::*;

/// A sound dataset but for the lines given; the first given line is line 20.
fn dataset_errors(lines: &str) -> Vec<String> {
    errors(&format!("[datasets.x]\nowner = \"ops\"\nfile = \"x.csv\"\n{lines}\n"))
}

#[test]
fn every_mistake_of_a_dataset_is_told_once() {
    check_all(
        dataset_errors,
        &[
            (
                "consumers = [\"wmz\"]",
                "jobs.toml:20:14 `\"wmz\"` unknown consumer `wmz` (did you mean `wms`?)",
            ),
            (
                "made_from = [\"lost\"]",
                "jobs.toml:20:14 `\"lost\"` unknown dataset `lost` (did you mean `lots`?)",
            ),
            (
                "made_from = [\"x\"]",
                "jobs.toml:20:14 `\"x\"` `x` is made from itself (name the datasets that its system reads to make it)",
            ),
            (
                "made_from = 3",
                "jobs.toml:20:13 `3` `made_from` must be a list, not a whole number (write made_from = [ ... ])",
            ),
            (
                "due = { grace = \"1m\" }",
                "jobs.toml:20:7 `{ grace = \"1m\" }` `due` does not say when (write due = { at = \"0 23 * * FRI\" })",
            ),
            (
                "due = \"0 23 * *\"",
                "jobs.toml:20:8 `0 23 * *` 4 fields instead of five (write minute, hour, day of month, month and day of week with spaces between them and none inside, as in 0,30 2 * * MON-FRI)",
            ),
            (
                "due = 3",
                "jobs.toml:20:7 `3` `due` must be a cron line or a table, not a whole number (write due = { at = \"0 23 * * FRI\", grace = \"15m\" })",
            ),
            (
                "covers = \"-1d\"",
                "jobs.toml:20:10 `\"-1d\"` `covers` has no effect without `due` (add `due`, or take `covers` out)",
            ),
            (
                "due = { at = \"@daily\", covers = \"1d\" }",
                "jobs.toml:20:33 `\"1d\"` `covers` asks for data from after the due time (write \"-1d\", counted back from the due time)",
            ),
            (
                "max_age = \"0s\"",
                "jobs.toml:20:11 `\"0s\"` `max_age` must be longer than nothing (write a duration, as in 26h)",
            ),
            (
                "max_age = \"1d\"\nwarn_age = \"2d\"",
                "jobs.toml:21:12 `\"2d\"` `warn_age` is not earlier than `max_age` (write a shorter duration than `max_age`)",
            ),
            (
                "as_of = \"today\"",
                "jobs.toml:20:9 `\"today\"` `today` is not a value of `as_of` (write \"mtime\", { column = \"...\" } or { pattern = \"stock-%Y-%m-%d.csv\" })",
            ),
            (
                "as_of = \"x-%Y-%m.csv\"",
                "jobs.toml:20:9 `\"x-%Y-%m.csv\"` no date can be read by the pattern `x-%Y-%m.csv` (write year, month and day as %Y, %m and %d, as in stock-%Y-%m-%d.csv)",
            ),
            (
                "as_of = { column = \"t\" }",
                "jobs.toml:20:1 `as_of` a column cannot be read without a `format` (write [datasets.x.checks] and format = \"csv\" below it)",
            ),
            (
                "probe = { file = \"y.csv\" }\nrequires_as_of = true",
                "jobs.toml:21:1 `requires_as_of` nothing says as of when what the probe finds is (write as_of = { column = \"...\" }, or take `requires_as_of` out)",
            ),
            (
                "counted_in = \"norwya\"\nmax_age = \"1d\"",
                "jobs.toml:20:14 `\"norwya\"` unknown calendar `norwya` (did you mean `norway`?)",
            ),
            (
                "counted_in = \"norway\"",
                "jobs.toml:20:14 `\"norway\"` `counted_in` has no effect without `max_age` (add `max_age`, or take `counted_in` out)",
            ),
            (
                "counted_in = \"norway\"\nmax_age = \"3661d\"",
                "jobs.toml:20:14 `\"norway\"` no `max_age` of more than 3660d is counted in open time (write a shorter `max_age`, or take `counted_in` out)",
            ),
            (
                "probe = { url = \"https://x\" }",
                "jobs.toml:20:11 `url` `url` is not supported yet (take it out: it would have no effect)",
            ),
            (
                "probe = { every = \"1m\" }",
                "jobs.toml:20:9 `{ every = \"1m\" }` `probe` does not say what to look at (write probe = { file = \"...\", every = \"1m\" } or { glob = \"...\", every = \"1m\" })",
            ),
            (
                "probe = { ping = \"0123456789abcde\" }",
                "jobs.toml:20:18 `\"0123456789abcde\"` the key of a ping has 16 to 100 letters, digits, hyphens and underscores (write one that nobody guesses, as `openssl rand -hex 16` makes it)",
            ),
            (
                "probe = { ping = \"0123456789abcdef/x\" }",
                "jobs.toml:20:18 `\"0123456789abcdef/x\"` the key of a ping has 16 to 100 letters, digits, hyphens and underscores (write one that nobody guesses, as `openssl rand -hex 16` makes it)",
            ),
            (
                "probe = { ping = \"0123456789abcdef\", every = \"1m\" }",
                "jobs.toml:20:38 `every` `every` has no effect on a ping: nothing is looked at, and data is as of when it is said to be there (take `every` out)",
            ),
            (
                "probe = { openlineage = \"orders\" }",
                "jobs.toml:20:25 `\"orders\"` `openlineage` is a namespace, a slash and a name, of at most 500 characters (write them as the events have them, as in \"postgres://db.example:5432/shop.public.orders\")",
            ),
            (
                "probe = { openlineage = \"a/b\", every = \"1m\" }",
                "jobs.toml:20:32 `every` `every` has no effect on `openlineage`: nothing is looked at, and data is as of when it is said to be there (take `every` out)",
            ),
            (
                "probe = { ping = \"0123456789abcdef\", file = \"x\" }",
                "jobs.toml:20:9 `{ ping = \"0123456789abcdef\", file = \"x\" }` `probe` has both a file and a ping (keep one of the two)",
            ),
            (
                "probe = { ping = \"0123456789abcdef\" }\nmust_change = true",
                "jobs.toml:21:1 `must_change` `must_change` has no effect on a dataset whose maker says when it has arrived: nothing of it is looked at (take `must_change` out, or write probe = { file = \"...\", every = \"1m\" })",
            ),
            (
                "probe = { ping = \"0123456789abcdef\" }\n[datasets.y]\nowner = \"ops\"\nprobe = { ping = \"0123456789abcdef\" }",
                "jobs.toml:21:11 `y` `y` has the same ping key as `x` (write another one for each, as `openssl rand -hex 16` makes it)",
            ),
            (
                "probe = { glob = \"[\" }",
                "jobs.toml:20:18 `\"[\"` `[` is not a pattern: unclosed character class; missing ']' (write a pattern, as in exports/stock-*.csv)",
            ),
            (
                "checks.format = \"xml\"",
                "jobs.toml:20:17 `\"xml\"` format `xml` is not supported yet (write \"csv\", \"tsv\", \"json\", \"jsonl\", \"fixed\", \"xlsx\" or \"parquet\", or take `format` out to treat it as plain bytes)",
            ),
            (
                "checks = { rows = { min = 1 } }",
                "jobs.toml:20:12 `rows` rows cannot be counted without a `format` (add format = \"csv\")",
            ),
            (
                "checks = { format = \"csv\", rows = { min = 2, max = 1 } }",
                "jobs.toml:20:35 `{ min = 2, max = 1 }` `rows.min` is larger than `rows.max` (exchange the two)",
            ),
            (
                "checks = { format = \"csv\", delimiter = \";;\" }",
                "jobs.toml:20:40 `\";;\"` `delimiter` must be one plain character (write delimiter = \";\", delimiter = \"tab\" or delimiter = \"detect\")",
            ),
            (
                "severity = \"high\"",
                "jobs.toml:20:12 `\"high\"` `high` is not a value of `severity` (write one of \"critical\", \"warning\")",
            ),
        ],
    );
}

#[test]
fn every_mistake_about_people_and_channels_is_told_once() {
    for (text, expected) in [
        (
            "[teams.x]\n",
            "jobs.toml:17:8 `x` team `x` has no channel: nobody can be told (write notify = [\"CHANNEL:ADDRESS\"], as in [\"mail:warehouse@example.com\"])",
        ),
        (
            "[teams.x]\nnotify = []\n",
            "jobs.toml:18:10 `[]` `notify` is empty: nobody can be told (write [\"CHANNEL:ADDRESS\"], as in [\"mail:warehouse@example.com\"])",
        ),
        (
            "[teams.x]\nnotify = [\"pager\"]\n",
            "jobs.toml:18:11 `\"pager\"` unknown channel `pager` (known channels: out)",
        ),
        (
            "[teams.x]\nnotify = [\"a@example.com\"]\n",
            "jobs.toml:18:11 `\"a@example.com\"` unknown channel `a@example.com` (write the channel before it, as in \"mail:a@example.com\")",
        ),
        (
            "[teams.x]\nnotify = [\"out\"]\nescalate = [{ after = \"1h\" }]\n",
            "jobs.toml:19:13 `{ after = \"1h\" }` a step of `escalate` needs `after` and `notify` (write { after = \"1h\", notify = [\"CHANNEL:ADDRESS\"] })",
        ),
        (
            "[teams.x]\nnotify = [\"out\", \"out:b\", \"out\"]\n",
            "jobs.toml:18:27 `\"out\"` `out` stands in this list already (take one of the two out: each address is told once)",
        ),
        (
            "[teams.x]\nnotify = [\"out\"]\nescalate = [{ after = \"2h\", notify = [\"out\"] }, { after = \"1h\", notify = [\"out\"] }]\n",
            "jobs.toml:19:49 `{ after = \"1h\", notify = [\"out\"] }` a step after 1h stands below one after 2h (write the steps in the order in which they are taken)",
        ),
        (
            "[teams.x]\nnotify = [\"out\"]\nescalate = [{ after = \"0s\", notify = [\"out\"] }]\n",
            "jobs.toml:19:23 `\"0s\"` a step of `escalate` is taken a second after the opening at the earliest (write after = \"30m\", or put who is to be told at once into `notify` of the team)",
        ),
        (
            "[teams.nobody]\nnotify = [\"out\"]\n",
            "jobs.toml:17:8 `nobody` a team cannot be called `nobody`: that is what things without an owner say (choose another name)",
        ),
        (
            "[channels.x]\n",
            "jobs.toml:17:11 `x` channel `x` has no type (write type = \"email\", \"slack\", \"teams\", \"pagerduty\", \"alertmanager\", \"ntfy\", \"webhook\", \"command\" or \"file\")",
        ),
        (
            "[channels.x]\ntype = \"telegram\"\n",
            "jobs.toml:18:8 `\"telegram\"` channel type `telegram` is not supported yet (write \"email\", \"slack\", \"teams\", \"pagerduty\", \"alertmanager\", \"ntfy\", \"webhook\", \"command\" or \"file\")",
        ),
        (
            "[channels.x]\ntype = \"emial\"\n",
            "jobs.toml:18:8 `\"emial\"` unknown type of channel (did you mean \"email\"?)",
        ),
        (
            "[channels.x]\ntype = \"email\"\nserver = \"smtp://mail.example.com\"\nfrom = \"a@example.com\"\n",
            "jobs.toml:19:10 `\"smtp://mail.example.com\"` unprotected mail is sent to this machine only (write smtp+starttls://mail.example.com or smtps://mail.example.com)",
        ),
        (
            "[channels.x]\ntype = \"email\"\nserver = \"mail.example.com\"\nfrom = \"a@example.com\"\n",
            "jobs.toml:19:10 `\"mail.example.com\"` `server` is not a URL (write smtps://host (port 465) or smtp+starttls://host (port 587), with :port if it differs)",
        ),
        (
            "[channels.x]\ntype = \"email\"\nserver = \"smtps://h\"\nfrom = \"me\"\n",
            "jobs.toml:20:8 `\"me\"` `from` is not a mail address (write it as in freshd@example.com)",
        ),
        (
            "[channels.x]\ntype = \"email\"\nserver = \"smtps://h\"\nfrom = \"a@b\"\nusername = \"u\"\n",
            "jobs.toml:21:1 `username` `username` needs `password` beside it (add password = { file = \"...\" }, or take the username out)",
        ),
        (
            "[channels.x]\ntype = \"email\"\nserver = \"smtps://h\"\nfrom = \"a@b\"\n[teams.x]\nnotify = [\"x\"]\n",
            "jobs.toml:22:11 `\"x\"` channel `x` needs a mail address (write \"x:somebody@example.com\")",
        ),
        (
            "[teams.x]\nnotify = [\"out\"]\ntitle = \"Ops\\r\\nBcc: all@example.com\"\n",
            "jobs.toml:19:9 `\"Ops\\r\\nBcc: all@example.com\"` `title` has a line break in it, `\\r` (write one line, without it)",
        ),
        (
            "[systems.x]\nowner = \"ops\"\ntitle = \"ERP\\u001b[2J\"\n",
            "jobs.toml:19:9 `\"ERP\\u001b[2J\"` `title` has a control character in it, `\\u{1b}` (write one line, without it)",
        ),
        (
            "[systems.x]\nowner = \"ops\"\ntitle = \"ERP\\u2028x\"\n",
            "jobs.toml:19:9 `\"ERP\\u2028x\"` `title` has a line break in it, `\\u{2028}` (write one line, without it)",
        ),
        (
            "[systems.x]\nowner = \"ops\"\ntitle = \"ERP\\U000E0041\"\n",
            "jobs.toml:19:9 `\"ERP\\U000E0041\"` `title` has an invisible character in it, `\\u{e0041}` (write one line, without it)",
        ),
        (
            "[channels.x]\ntype = \"webhook\"\nurl = \"http://example.com/\"\n",
            "jobs.toml:19:7 `***` plain http is sent to this machine only (write https://...)",
        ),
        (
            "[channels.x]\ntype = \"file\"\n",
            "jobs.toml:17:11 `x` `dir` is missing (write dir = \"outbox\")",
        ),
        (
            "[channels.x]\ntype = \"webhook\"\nurl = \"https://h/\"\nca = \"ca.pem\"\n",
            "jobs.toml:20:6 `\"ca.pem\"` `ca`: `ca.pem` does not exist (create it, or correct the path)",
        ),
        (
            "[alerts]\nreminder = [\"1h\"]\n",
            "jobs.toml:18:1 `reminder` unknown key `reminder` in [alerts] (did you mean `reminders`?)",
        ),
        (
            "[alerts]\nreminders = [\"4h\", \"1h\"]\n",
            "jobs.toml:18:20 `\"1h\"` this reminder is not later than the one before it (each is so long after the opening: write the earliest first, as in [\"1h\", \"4h\"])",
        ),
        (
            "[alerts]\nreminders = [\"0s\", \"4h\"]\n",
            "jobs.toml:18:14 `\"0s\"` a reminder comes a second after the opening at the earliest (write [\"1h\", \"4h\"]; take it out where the opening is enough)",
        ),
        (
            "[alerts]\ndigest_every = \"2h\"\n",
            "jobs.toml:18:16 `\"2h\"` digests come every second at most, and every hour at least (write digest_every = \"15m\")",
        ),
        (
            "[history]\nkeep = \"1h\"\n",
            "jobs.toml:18:8 `\"1h\"` `keep` must be a day or more (write keep = \"400d\")",
        ),
        (
            "[history]\nruns = 0\n",
            "jobs.toml:18:8 `0` `runs` must be 1 to 10000000 (write a whole number, 1 to 10000000)",
        ),
        (
            "[history]\nlogs = \"1 kB\"\n",
            "jobs.toml:18:8 `\"1 kB\"` `logs` must be 1 MiB or more (write logs = \"1 GiB\")",
        ),
        (
            "[history]\nlogs = \"2 GiB\"\nlogs_total = \"1 GiB\"\n",
            "jobs.toml:19:14 `\"1 GiB\"` `logs_total` is smaller than `logs`, which is for each job (write a larger `logs_total`, or a smaller `logs`)",
        ),
        (
            "[history]\nkeep_for = \"1d\"\n",
            "jobs.toml:18:1 `keep_for` unknown key `keep_for` in [history] (known keys: keep, logs, logs_total, runs)",
        ),
        (
            "[pools.x]\n",
            "jobs.toml:17:8 `x` pool `x` does not say how many may run (write slots = 2)",
        ),
        (
            "[calendars.x]\nweekend = [\"Someday\"]\n",
            "jobs.toml:18:12 `\"Someday\"` `Someday` is not a day of the week (write Mon, Tue, Wed, Thu, Fri, Sat or Sun)",
        ),
        (
            "[calendars.x]\nholidays = [\"25.12.2026\"]\n",
            "jobs.toml:18:13 `\"25.12.2026\"` `25.12.2026` is not a date (write year, month and day, as in \"2026-12-25\")",
        ),
        (
            "[calendars.x]\nical = \"x.ics\"\n",
            "jobs.toml:18:8 `\"x.ics\"` `x.ics` does not exist (create it, or correct the path)",
        ),
        (
            "[systems.x]\nowner = \"ops\"\nreads_at = \"* * * *\"\n",
            "jobs.toml:19:13 `* * * *` 4 fields instead of five (write minute, hour, day of month, month and day of week with spaces between them and none inside, as in 0,30 2 * * MON-FRI)",
        ),
    ] {
        assert_eq!(errors(text), [expected], "{text}");
    }
}
