//! What is accepted, and what it means.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::*;
use crate::model::{
    AsOf, ChannelKind, Command, Format, MailSecurity, OnHoliday, Overlap, Owner, ProbeTarget, RetryOn, Rule,
};

/// A configuration of every section.
pub(super) const EXAMPLE: &str = include_str!("example.toml");

/// A file that the example includes.
const FORECAST: &str = r#"
[datasets.forecast]
owner = "sales"
file = "../exports/forecast.csv"
consumers = ["sales"]
max_age = "8d"

[jobs.forecast]
owner = "sales"
command = ["../bin/run.sh", "--weeks", "", "4"]
on = ["stock"]
produces = "forecast"
"#;

/// The example with all the files it names.
pub(super) fn example() -> Place {
    let mut place = Place::new();
    place.write("jobs.toml", EXAMPLE);
    place.write("jobs.d/forecast.toml", FORECAST);
    place.write("jobs.d/README", "not read");
    place.write("secrets/smtp", "mail-password-on-disk\n");
    place.write("secrets/hook", "whsec_aG9vay1vbi1kaXNr");
    for secret in ["secrets/smtp", "secrets/hook"] {
        place.mode(secret, 0o600);
    }
    let slack = "https://hooks.slack.example/services/T0/slack-credential\n";
    place.write("credentials/slack-ops", slack);
    place.environment.credentials_dir = Some(place.path("credentials"));
    place.script("transfers/export_stock.sh");
    place
}

/// The settings of a job with these lines.
fn job(lines: &str) -> (Place, crate::model::Job) {
    let place = Place::new();
    let text = format!("{TOP}[jobs.a]\nowner = \"ops\"\n{lines}\n");
    let loaded = place.load_text(&text);
    let errors = place.lines(&loaded, Level::Error);
    let settings = loaded.settings.unwrap_or_else(|| panic!("{errors:?}"));
    let job = (*settings.jobs["a"]).clone();
    (place, job)
}

#[test]
fn the_example_is_accepted_with_all_it_says() {
    let place = example();
    let loaded = place.load();
    assert_eq!(place.rendered(&loaded), "");
    assert_eq!(loaded.to_json(), serde_json::json!({ "ok": true, "problems": [] }));
    assert_eq!(loaded.files.len(), 2);
    assert_eq!(loaded.files[0].1, EXAMPLE);
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.file, place.path("jobs.toml"));
    assert_eq!(settings.timezone.iana_name(), Some("Europe/Oslo"));
    assert_eq!(settings.web.unwrap().listen.to_string(), "127.0.0.1:7373");
    assert_eq!(settings.fallback[0].to_string(), "mail:it@seafood.example");
    assert_eq!(settings.pools["wms"], 2);

    let calendar = &settings.calendars["norway"];
    assert_eq!((calendar.weekend, calendar.holidays.len()), (0b100_0001, 4));

    let ChannelKind::Email { server, password, .. } = &settings.channels["mail"].kind else {
        panic!("not email");
    };
    assert_eq!((server.port, server.security), (465, MailSecurity::Tls));
    assert_eq!(password.as_ref().unwrap().reveal(), "mail-password-on-disk");
    let ChannelKind::Slack { url, .. } = &settings.channels["slack-ops"].kind else {
        panic!("not Slack");
    };
    assert!(url.reveal().ends_with("/slack-credential"));
    let ChannelKind::File { dir } = &settings.channels["outbox"].kind else {
        panic!("not a directory");
    };
    assert_eq!(*dir, place.path("outbox"));

    let team = &settings.teams["warehouse"];
    assert_eq!(team.escalate[0].after, Duration::from_hours(1));
    assert_eq!(team.calendar, Some("norway".into()));
    assert!(settings.systems["sales"].reads_at.is_some());
}

#[test]
fn the_example_means_what_its_datasets_and_jobs_say() {
    let place = example();
    let settings = place.load().settings.unwrap();
    let stock = &settings.datasets["stock"];
    assert_eq!(stock.file, Some(place.path("exports/stock.csv")));
    assert_eq!(stock.max_age, Some(Duration::from_hours(7 * 24 + 2)));
    assert_eq!(stock.checks.reading.format, Some(Format::Csv { delimiter: Some(b';') }));
    assert_eq!((stock.checks.rows_min, stock.checks.bytes_min), (Some(50), Some(1024)));
    assert!(matches!(&stock.as_of, AsOf::Column { column, zone: None } if column == "counted_at"));
    let due = stock.due.as_ref().unwrap();
    assert_eq!(due.grace, Duration::from_mins(15));
    assert_eq!(due.covers, Some(SignedDuration::from_hours(-24)));
    assert_eq!(&*due.schedule.text, "0 23 * * FRI");
    let items = &settings.datasets["items"];
    let glob = place.path("imports/items-*.csv").display().to_string();
    assert_eq!(items.probe.as_ref().unwrap().target, ProbeTarget::Glob(glob));
    assert!(matches!(&items.as_of, AsOf::Pattern { pattern, .. } if pattern == "items-%Y-%m-%d.csv"));

    let export = &settings.jobs["stock-export"];
    let command = format!("{} --all", place.path("transfers/export_stock.sh").display());
    assert_eq!(export.command, Command::Shell(command));
    assert_eq!(export.policy.retry.attempts, 4);
    assert_eq!(
        export.policy.retry.on,
        [RetryOn::TimedOut, RetryOn::Codes(75, 75), RetryOn::Codes(1, 9)]
    );
    assert_eq!(export.policy.retry.never_on, [RetryOn::Codes(2, 2)]);
    assert_eq!(export.policy.env, [("LC_ALL".to_owned(), "C.UTF-8".to_owned())]);
    assert_eq!(export.digest.len(), 64);

    // Paths of an included file begin where that file lies.
    let forecast = &settings.jobs["forecast"];
    let program = place.path("jobs.d/../bin/run.sh").display().to_string();
    let words = [&program, "--weeks", "", "4"].map(Arc::from);
    assert_eq!(forecast.command, Command::Argv(words.to_vec()));
    let schedule = forecast.schedule.as_ref().unwrap();
    assert_eq!(schedule.rule, Rule::On(vec!["stock".into()]));
}

#[test]
fn a_job_that_says_little_gets_the_documented_defaults() {
    let (_place, job) = job("command = \"true\"");
    assert_eq!(job.owner, Owner::Team("ops".into()));
    assert_eq!(job.command, Command::Shell("true".to_owned()));
    assert!(job.schedule.is_none());
    assert_eq!(job.policy.timeout, Some(Duration::from_hours(1)));
    assert_eq!(job.policy.kill_after, Duration::from_secs(10));
    assert_eq!(job.policy.retry.attempts, 1);
    assert_eq!(job.policy.overlap, Overlap::Skip);
    assert_eq!(job.policy.success_codes, [0]);
    assert_eq!(job.policy.log_limit_bytes, 8 << 20);
    assert!(job.enabled && !job.policy.idempotent && !job.policy.keep_leftovers);
}

#[test]
fn a_job_may_say_everything() {
    let (place, job) = job(
        "command = \"'bin/run.sh' a 'b c'\"\nschedule = \"30 0 6 * * *\"\nseconds = true\ntimezone = \"Asia/Tokyo\"\n\
         calendar = \"norway\"\non_holiday = \"run_after\"\njitter = \"5m\"\ntimeout = \"none\"\nkill_after = \"3s\"\n\
         min_runtime = \"1s\"\noverlap = \"queue\"\ncatch_up = \"all\"\ncatch_up_limit = 5\ncatch_up_within = \"2d\"\n\
         success_codes = [0, 3]\nwarn_codes = [4]\nworkdir = \"bin\"\nlog_limit = \"1 MiB\"\nleftovers = \"keep\"\n\
         idempotent = true\nenabled = false\nalert = \"breach\"\ntags = [\"x\"]\nrunbook = \"https://wiki/x\"",
    );
    let run = place.path("bin/run.sh").display().to_string();
    assert_eq!(job.command, Command::Shell(format!("{run} a 'b c'")));
    let schedule = job.schedule.as_ref().unwrap();
    assert_eq!(schedule.zone.iana_name(), Some("Asia/Tokyo"));
    assert_eq!(schedule.on_holiday, OnHoliday::RunAfter);
    assert_eq!(
        job.start_offset,
        crate::schedule::start_offset("a", Duration::from_mins(5))
    );
    assert_eq!(job.policy.timeout, None);
    assert_eq!(job.policy.catch_up.limit, 5);
    assert_eq!(job.policy.workdir, Some(place.path("bin")));
    assert!(job.policy.keep_leftovers && job.policy.idempotent && !job.enabled);
}

#[test]
fn an_interval_counts_from_its_anchor() {
    for (lines, text, anchor) in [
        ("every = \"15m\"", "every 15m", "1970-01-01T00:00:00Z"),
        (
            "every = \"1d\"\nanchor = \"2026-01-01T06:00:00+01:00\"",
            "every 1d from 2026-01-01T06:00:00+01:00",
            "2026-01-01T05:00:00Z",
        ),
        (
            "every = \"1d\"\nanchor = 2026-01-01T06:00:00Z",
            "every 1d from 2026-01-01T06:00:00Z",
            "2026-01-01T06:00:00Z",
        ),
    ] {
        let (_place, job) = job(&format!("command = \"true\"\n{lines}"));
        let schedule = job.schedule.unwrap();
        assert_eq!(&*schedule.text, text);
        let Rule::Every { anchor: found, .. } = schedule.rule else {
            panic!("{:?}", schedule.rule);
        };
        assert_eq!(found, anchor.parse::<Timestamp>().unwrap());
    }
}

#[test]
fn the_digest_of_a_job_changes_with_its_command_schedule_and_zone_only() {
    let digest = |lines: &str| job(lines).1.digest;
    let base = digest("command = \"true\"\nschedule = \"@daily\"");
    assert_eq!(
        base,
        digest("command = \"true\"\nschedule = \"@daily\"\ntitle = \"x\"\ntimeout = \"1m\"")
    );
    for other in [
        "command = \"false\"\nschedule = \"@daily\"",
        "command = [\"true\"]\nschedule = \"@daily\"",
        "command = \"true\"\nschedule = \"@weekly\"",
        "command = \"true\"\nschedule = \"@daily\"\ntimezone = \"Europe/Oslo\"",
        "command = \"true\"",
    ] {
        assert_ne!(base, digest(other), "{other}");
    }
}

#[test]
fn a_path_that_the_shell_would_split_is_quoted_for_it() {
    let place = Place::new();
    place.script("it's here/run me.sh");
    let loaded = place.load_text(&format!(
        "{TOP}[jobs.a]\nowner = \"ops\"\ncommand = '''\"it's here/run me.sh\" --x'''\n"
    ));
    let settings = loaded.settings.unwrap();
    let path = place.path("it's here/run me.sh").display().to_string();
    let quoted = format!("'{}' --x", path.replace('\'', "'\\''"));
    assert_eq!(settings.jobs["a"].command, Command::Shell(quoted));
}

#[test]
fn variables_of_an_env_file_come_behind_those_of_env() {
    let place = Place::new();
    place.write(
        "job.env",
        "# comment\n\nexport A=from file\nB=\"quoted value\"\nC='x=y'\n",
    );
    let text = format!(
        "{TOP}[jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nenv = {{ A = \"written\" }}\nenv_file = \"job.env\"\n"
    );
    let job = place.load_text(&text).settings.unwrap().jobs["a"].clone();
    let pairs: Vec<(&str, &str)> = job
        .policy
        .env
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(pairs, [("A", "written"), ("B", "quoted value"), ("C", "x=y")]);
}

#[test]
fn holidays_are_read_from_an_icalendar_file() {
    let place = Place::new();
    place.write(
        "days.ics",
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20261225\r\n\
         RRULE:FREQ=YEARLY\r\nSUMMARY:Christmas\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    );
    let loaded = place.load_text(&format!(
        "{TOP}[calendars.x]\nical = \"days.ics\"\nholidays = [2027-05-17]\n"
    ));
    let calendar = loaded.settings.unwrap().calendars["x"].clone();
    let christmas = jiff::civil::date(2027, 12, 25);
    assert_eq!(calendar.holidays.get(&christmas).map(|name| &**name), Some("Christmas"));
    assert!(calendar.holidays.contains_key(&jiff::civil::date(2027, 5, 17)));
}

#[test]
fn mail_servers_get_the_port_of_their_protection() {
    for (url, host, port, security) in [
        ("smtps://h", "h", 465, MailSecurity::Tls),
        (
            "smtp+starttls://mail.example.com",
            "mail.example.com",
            587,
            MailSecurity::StartTls,
        ),
        ("smtps://h:1465", "h", 1465, MailSecurity::Tls),
        ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, MailSecurity::Plain),
        ("smtp://[::1]", "::1", 25, MailSecurity::Plain),
        ("smtp://localhost", "localhost", 25, MailSecurity::Plain),
    ] {
        let place = Place::new();
        let text = format!("{TOP}[channels.m]\ntype = \"email\"\nserver = \"{url}\"\nfrom = \"a@b\"\n");
        let loaded = place.load_text(&text);
        let settings = loaded
            .settings
            .unwrap_or_else(|| panic!("{url}: {:?}", loaded.problems));
        let ChannelKind::Email { server, .. } = &settings.channels["m"].kind else {
            panic!("not email");
        };
        assert_eq!(
            (server.host.as_str(), server.port, server.security),
            (host, port, security),
            "{url}"
        );
    }
}

#[test]
fn jobs_share_how_their_runs_are_handled_only_where_they_say_the_same() {
    let place = Place::new();
    let job = |(number, lines): (usize, &str)| {
        format!("[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 6 * * *\"\n{lines}\n")
    };
    let different = [
        "",
        "timeout = \"3h\"",
        "kill_after = \"1m\"",
        "min_runtime = \"1m\"",
        "overlap = \"queue\"",
        "success_codes = [0, 3]",
        "warn_codes = [4]",
        "retry = { attempts = 2, delay = \"1m\" }",
        "retry = { attempts = 3, delay = \"1m\" }",
        "catch_up = \"none\"",
        "leftovers = \"keep\"",
        "log_limit = \"1MiB\"",
        "alert = \"breach\"",
    ];
    // Each comes twice, the second time with all the others in between.
    let twice = different.iter().chain(&different).copied().enumerate();
    let text: String = twice.map(job).collect();
    let settings = place.load_text(&format!("{TOP}{text}")).settings.unwrap();
    let of = |number: usize| &settings.jobs[format!("j{number}").as_str()].policy;
    for (one, lines) in different.iter().enumerate() {
        for other in 0..different.len() {
            let is_shared = Arc::ptr_eq(of(one), of(different.len() + other));
            assert_eq!(is_shared, one == other, "`{lines}` and `{}`", different[other]);
        }
    }
}

#[test]
fn what_jobs_have_in_common_is_kept_once() {
    let place = Place::new();
    let job = |name: &str, lines: &str| {
        format!("[jobs.{name}]\nowner = \"ops\"\ncommand = [\"true\", \"--all\"]\nschedule = \"0 6 * * *\"\n{lines}\n")
    };
    let text = [
        job("a", ""),
        job("b", ""),
        job("there", "timezone = \"Asia/Tokyo\""),
        job("closed", "calendar = \"norway\""),
        job("moved", "calendar = \"norway\"\non_holiday = \"run_after\""),
    ];
    let settings = place.load_text(&format!("{TOP}{}", text.concat())).settings.unwrap();
    let of = |name: &str| settings.jobs[name].schedule.as_ref().unwrap();
    assert!(Arc::ptr_eq(of("a"), of("b")));
    for other in ["there", "closed", "moved"] {
        assert!(!Arc::ptr_eq(of("a"), of(other)), "{other}");
    }
    assert!(!Arc::ptr_eq(of("closed"), of("moved")));
    let word = |name: &str| match &settings.jobs[name].command {
        Command::Argv(words) => words[1].clone(),
        Command::Shell(text) => panic!("{text}"),
    };
    assert!(Arc::ptr_eq(&word("a"), &word("moved")));
}
