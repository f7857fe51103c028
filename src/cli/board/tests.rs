//! The board as it looks: on a bad Friday night, on a calm morning, in a narrow window.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::*;

fn oslo() -> TimeZone {
    TimeZone::get("Europe/Oslo").unwrap()
}

fn dataset(name: &str, state: &str, as_of: Option<&str>, deadline: Option<&str>, reason: &str) -> Value {
    json!({
        "name": name, "title": format!("All of {name}"), "state": state, "as_of": as_of, "effective_as_of": as_of,
        "limited_by": null, "arrived_at": as_of, "deadline": deadline, "owner": "warehouse",
        "tells": ["mail:warehouse@seafood.example", "slack-ops"], "reason": reason,
    })
}

fn job(name: &str, state: &str, last: &Value, next_due: Option<&str>) -> Value {
    json!({
        "name": name, "title": null, "state": state, "reason": null, "last": last, "running": [], "next_due": next_due,
        "schedule": "on orders", "owner": "warehouse",
        "tells": ["mail:warehouse@seafood.example", "slack-ops"],
    })
}

fn status(datasets: &[Value], jobs: &[Value], incidents: &[Value]) -> Value {
    json!({
        "at": "2026-11-27T22:17:00Z", "timezone": "Europe/Oslo", "datasets": datasets, "jobs": jobs,
        "incidents": incidents, "undelivered": [], "clock_held_until": null,
        "daemon": { "started_at": "2026-11-24T18:00:00Z", "version": "0.1.0", "settings": "d1" },
    })
}

fn bad_friday() -> Value {
    let incident = |id: u64, about: &str, subject: &str, kind: &str, cause: Value, told: Value, reason: &str| {
        json!({
            "id": id, "kind": kind, "about": about, "subject": subject,
            "state": if cause.is_null() { "open" } else { "attached" }, "severity": "critical",
            "since": "2026-11-27T22:15:00Z", "notify_at": "2026-11-27T22:16:00Z", "opened_at": "2026-11-27T22:16:00Z",
            "resolved_at": null, "cause": cause, "reason": reason, "addresses": told, "ack": null, "reminders": 0,
            "remind_at": null, "escalations": 0, "owner": "warehouse",
            "readers": [
                { "who": "Transport portal", "team": "logistics", "dataset": "stock", "at": "2026-11-28T04:30:00Z" },
                { "who": "Sales desk", "team": "sales", "dataset": "stock", "at": "2026-11-30T06:00:00Z" },
                { "who": "stock-report", "team": "it", "dataset": "stock", "at": null },
            ],
        })
    };
    let address = |team: &str, to: &str, state: &str, at: &str, tries: u32, error: Option<&str>| {
        json!({
            "team": team, "to": to, "state": state, "at": at, "tries": tries, "error": error,
            "waiting_since": (tries > 0).then_some(at),
        })
    };
    let (opened, refused) = ("2026-11-27T22:16:00Z", Some("connection refused"));
    let told = json!([
        address("warehouse", "mail:warehouse@seafood.example", "told", opened, 0, None),
        address("warehouse", "slack-ops", "told", opened, 0, None),
        address(
            "logistics",
            "mail:logistics@seafood.example",
            "not_yet",
            opened,
            3,
            refused
        ),
        address("it", "pager", "given_up", opened, 0, Some("404 Not Found")),
    ]);
    let failed = json!({
        "run": 412, "outcome": "failed", "ended_at": "2026-11-27T22:05:00Z", "reason": "exit code 1",
        "printed": "ORA-12541: no listener\u{1b}[2J",
    });
    let fine = json!({ "run": 413, "outcome": "succeeded", "ended_at": "2026-11-27T22:16:48Z", "reason": null });
    status(
        &[
            dataset(
                "orders",
                "fresh",
                Some("2026-11-27T22:16:40Z"),
                Some("2026-11-27T22:19:40Z"),
                "within its promise",
            ),
            dataset(
                "stock",
                "late",
                Some("2026-11-20T21:10:00Z"),
                None,
                "the delivery due 23:00 has not come",
            ),
            dataset(
                "plan",
                "due_soon",
                Some("2026-11-27T20:00:00Z"),
                Some("2026-11-27T22:20:00Z"),
                "it becomes late 23:20",
            ),
        ],
        &[
            job("orders-load", "ok", &fine, None),
            job("stock-export", "failing", &failed, Some("2026-12-04T21:00:00Z")),
        ],
        &[
            incident(7, "job", "stock-export", "failed", Value::Null, told, "exit code 1"),
            incident(
                8,
                "dataset",
                "stock",
                "late",
                json!(7),
                json!([]),
                "the delivery due 23:00 has not come",
            ),
        ],
    )
}

#[test]
fn a_bad_friday_is_told_from_what_is_wrong_to_what_is_well() {
    let text = board(&bad_friday(), &oslo(), 100, false);
    let expected = "\
freshd 0.1.0 · Fri 2026-11-27 23:17 Europe/Oslo · up 3d 4h
✗ 1 incident: stock late

✗ job stock-export failed since 23:15 (2m ago) · incident 7 · critical
  because   exit code 1
  printed   ORA-12541: no listener\u{fffd}[2J
  so also   stock is late
  read by   Transport portal Sat 05:30 (in 6h 13m), Sales desk Mon 07:00, stock-report
  told      warehouse by mail:warehouse@seafood.example 23:16 and slack-ops 23:16
  not yet   logistics by mail:logistics@seafood.example, waiting since 23:16, tried 3 times:
            connection refused
  given up  it by pager, 23:16: 404 Not Found
  type      freshd why stock-export · freshd logs stock-export · freshd ack 7

            dataset  as of         age     due by         owner      title
✗ late      stock    20 Nov 22:10  7d 1h   -              warehouse  All of stock
! due soon  plan     21:00         2h 17m  23:20 (in 3m)  warehouse  All of plan
  └  it becomes late 23:20
✓ fresh     orders   23:16         20s     23:19 (in 2m)  warehouse  All of orders

           job           last run           next                     owner
✗ failing  stock-export  failed 12m ago     4 Dec 22:00 (in 6d 22h)  warehouse
✓ ok       orders-load   succeeded 12s ago  on orders                warehouse

owner      is told by
warehouse  mail:warehouse@seafood.example, slack-ops
";
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn whoever_reads_much_of_what_is_hit_is_named_once_with_the_first_time() {
    let mut facts = bad_friday();
    let reads = |who: &str, dataset: usize, at: &str| json!({ "who": who, "dataset": format!("d{dataset}"), "at": at });
    let desk = (0..40).map(|dataset| reads("Sales desk", dataset, "2026-11-30T06:00:00Z"));
    let night = reads("Night shift", 0, "2026-12-01T06:00:00Z");
    facts["incidents"][0]["readers"] = desk.chain([night]).collect();
    let text = board(&facts, &oslo(), 100, false);
    let line = text.lines().find(|line| line.starts_with("  read by")).expect("a line");
    assert_eq!(
        line,
        "  read by   Sales desk Mon 07:00 (in 2d 7h), Night shift Tue 07:00"
    );
}

#[test]
fn what_is_over_and_waits_for_what_it_broke_is_said_to_be() {
    let mut facts = bad_friday();
    facts["incidents"][0]["ends_by"] = json!("2026-11-27T22:45:00Z");
    let text = board(&facts, &oslo(), 120, false);
    let line = text.lines().find(|line| line.starts_with("  over")).expect("a line");
    assert_eq!(
        line,
        "  over      it is mended; the end is told when what it broke is well, 23:45 at the latest"
    );
}

#[test]
fn of_its_own_problems_only_what_can_be_typed_is_offered() {
    for (kind, subject, type_this) in [
        (
            "channel_broken",
            "mail:ops@sea.example",
            "freshd incidents 8 · freshd ack 8",
        ),
        ("freshd", "clock", "freshd clock · freshd ack 8"),
        ("freshd", "disk", "freshd incidents 8 · freshd ack 8"),
    ] {
        let mut facts = bad_friday();
        let incident = &mut facts["incidents"][0];
        incident["id"] = json!(8);
        incident["about"] = json!("freshd");
        incident["kind"] = json!(kind);
        incident["subject"] = json!(subject);
        let text = board(&facts, &oslo(), 100, false);
        assert!(text.contains(&format!("type      {type_this}\n")), "{text}");
    }
}

#[test]
fn what_a_person_has_let_pass_stands_below_the_row() {
    let released = json!({ "by": "olav", "because": "Tromsø is closed", "at": "2026-11-27T22:10:00Z" });
    let last = json!({
        "run": 9, "outcome": "rejected", "ended_at": "2026-11-27T22:05:00Z", "reason": "3 rows", "released": released,
    });
    let mut stock = dataset(
        "stock",
        "fresh",
        Some("2026-11-27T22:05:00Z"),
        None,
        "within its promise",
    );
    stock["by_hand"] = json!({
        "kind": "released", "by": "olav", "because": "Tromsø is closed", "at": "2026-11-27T22:10:00Z",
    });
    let mut prices = dataset(
        "prices",
        "fresh",
        Some("2026-11-27T22:05:00Z"),
        None,
        "within its promise",
    );
    prices["as_expected"] = json!({
        "by": "kari", "because": "price list 2027", "at": "2026-11-27T20:00:00Z",
        "checks": [{ "name": "median", "column": "price" }],
    });
    let jobs = [job("stock-export", "ok", &last, None)];
    let text = board(&status(&[stock, prices], &jobs, &[]), &oslo(), 100, false);
    for remark in [
        "└  released by olav: Tromsø is closed\n",
        "└  passed as expected: price list 2027 (kari)\n",
        "└  run 9: released by olav: Tromsø is closed\n",
    ] {
        assert!(text.contains(remark), "{remark}\n{text}");
    }
}

#[test]
fn a_paused_job_is_due_at_no_time_before_somebody_resumes_it() {
    let mut paused = job("stock-export", "running", &Value::Null, Some("2026-12-04T21:00:00Z"));
    paused["paused"] = json!(true);
    let text = board(&status(&[], &[paused], &[]), &oslo(), 100, false);
    let row = text
        .lines()
        .find(|line| line.contains("stock-export"))
        .expect("its row");
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        words,
        ["▸", "running", "stock-export", "none", "yet", "paused", "warehouse"]
    );
}

#[test]
fn nothing_but_the_rows_is_said_when_all_is_well() {
    let last = json!({ "run": 1, "outcome": "succeeded", "ended_at": "2026-11-27T22:16:48Z", "reason": null });
    let fresh = dataset(
        "orders",
        "fresh",
        Some("2026-11-27T22:16:40Z"),
        None,
        "within its promise",
    );
    let text = board(
        &status(&[fresh], &[job("orders-load", "ok", &last, None)], &[]),
        &oslo(),
        100,
        false,
    );
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "✓ all is well: 1 dataset as promised, 1 job");
    assert_eq!(
        lines[lines.len() - 1],
        "warehouse  mail:warehouse@seafood.example, slack-ops",
        "{text}"
    );
    assert_eq!(lines.len(), 2 + 1 + 2 + 1 + 2 + 1 + 2, "{text}");
}

#[test]
fn no_line_is_wider_than_the_window_and_names_stay_whole() {
    let last = json!({ "run": 1, "outcome": "succeeded", "ended_at": "2026-11-27T22:16:17Z", "reason": null });
    let mut status = bad_friday();
    let jobs = status["jobs"].as_array_mut().unwrap();
    jobs.push(job("production-plan-export", "ok", &last, Some("2026-12-04T21:00:00Z")));
    for width in [80, 100, 140] {
        let text = board(&status, &oslo(), width, false);
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        for word in [
            "production-plan-export",
            "2h 17m",
            "23:20 (in 3m)",
            "4 Dec 22:00",
            " warehouse",
        ] {
            assert!(text.contains(word), "{width}: {word}\n{text}");
        }
    }
}

#[test]
fn colours_add_nothing_but_colours() {
    let plain = board(&bad_friday(), &oslo(), 100, false);
    let colored = board(&bad_friday(), &oslo(), 100, true);
    assert!(colored.contains("\u{1b}["));
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
}

#[test]
fn a_job_that_failed_and_runs_again_is_still_not_fine() {
    let failed =
        json!({ "run": 1, "outcome": "timed_out", "ended_at": "2026-11-27T22:05:00Z", "reason": "took too long" });
    for (state, is_fine) in [("running", false), ("failing", false), ("paused", true)] {
        let status = status(&[], &[job("stock-export", state, &failed, None)], &[]);
        assert_eq!(Status::read(&status).unwrap().is_fine(), is_fine, "{state}");
    }
}

#[test]
fn data_is_not_fine_when_a_promise_is_broken_or_nobody_can_tell() {
    for (state, is_fine) in [
        ("fresh", true),
        ("due_soon", true),
        ("held", true),
        ("paused", true),
        ("late", false),
        ("stale", false),
        ("suspect", false),
        ("unknown", false),
    ] {
        let status = status(&[dataset("stock", state, None, None, "")], &[], &[]);
        assert_eq!(Status::read(&status).unwrap().is_fine(), is_fine, "{state}");
    }
}

#[test]
fn thousands_of_jobs_do_not_flood_the_window_and_trouble_stays_in_sight() {
    let failed = json!({ "run": 1, "outcome": "failed", "ended_at": "2026-11-27T22:05:00Z", "reason": "exit code 1" });
    let mut jobs: Vec<Value> = (0..1_000)
        .map(|number| job(&format!("a{number}"), "ok", &Value::Null, None))
        .collect();
    jobs.push(job("zebra", "failing", &failed, None));
    let text = board(&status(&[], &jobs, &[]), &oslo(), 100, false);
    assert!(text.lines().count() < 2 * ROWS_MAX);
    assert!(text.contains("zebra"));
    assert!(text.contains("and 901 more jobs"), "{text}");
}

#[test]
fn a_full_disk_is_told_with_what_lacks_and_that_nothing_can_be_stored() {
    let mut full = status(&[], &[], &[]);
    let text = |status: &Value| board(status, &oslo(), 100, false);
    assert!(!text(&full).contains("full"), "{}", text(&full));
    full["disk_full_since"] = json!("2026-11-27T22:00:00Z");
    full["disk_full"] = json!({
        "dir": "/var/lib/freshd", "since": "2026-11-27T22:00:00Z", "lack": "bytes", "left": 4096, "needed": 25_165_824,
    });
    let words = text(&full).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("nothing starts"), "{words}");
    let lacks = "the disk is full: 4.0 KiB are left at /var/lib/freshd, and freshd needs 24.0 MiB";
    assert!(words.contains(lacks), "{words}");
    full["unstored_since"] = json!("2026-11-27T22:10:00Z");
    let words = text(&full).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("nothing can be stored since 23:10"), "{words}");
}

#[test]
fn of_many_addresses_that_take_nothing_three_are_named_and_the_others_counted() {
    let mut status = bad_friday();
    let waiting = |number: usize| {
        json!({
            "to": format!("mail:team{number}@sea.example"), "tries": 2, "error": format!("421 busy {number}"),
            "next_try_at": "2026-11-27T22:20:00Z",
        })
    };
    status["undelivered"] = (0..5).map(waiting).collect();
    status["jobs"][1]["owner_title"] = json!("Quay"); // Whoever is told is called by the title.
    let text = board(&status, &oslo(), 200, false);
    assert_eq!(text.matches(" could not be told yet (tried ").count(), 3, "{text}");
    assert!(text.contains("and 2 more could not be told yet"), "{text}");
    assert!(
        text.contains("Quay (warehouse)  mail:warehouse@seafood.example"),
        "{text}"
    );
}

#[test]
fn names_that_end_in_numbers_stand_in_the_order_of_the_numbers() {
    let fine = |name: &str| dataset(name, "fresh", Some("2026-11-27T22:16:40Z"), None, "within its promise");
    let datasets = [fine("d1"), fine("d10"), fine("d2")];
    let jobs = ["j1", "j10", "j2"].map(|name| job(name, "ok", &json!(null), None));
    let text = board(&status(&datasets, &jobs, &[]), &oslo(), 100, false);
    let rows = text.lines().filter_map(|line| line.split_whitespace().nth(2));
    let rows: Vec<&str> = rows.filter(|name| name.starts_with(['d', 'j'])).collect();
    assert_eq!(rows, ["d1", "d2", "d10", "j1", "j2", "j10"], "{text}");
}
