//! The seafood company's scripts, run as jobs.toml says: data really goes from system to system.

#[path = "company/scripts.rs"]
mod scripts;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};

use scripts::{Company, FRESHD, NOON, said};

#[test]
fn an_order_made_in_the_erp_reaches_everybody_who_has_a_part_in_it() {
    let mut company = Company::new();
    company.live();
    company.live();
    let order = company.value("erp", "SELECT max(order_no) FROM orders");
    let of_order = |company: &Company, system: &str, table: &str| {
        let sql = format!("SELECT count(*) FROM {table} WHERE order_no = '{order}'");
        company.value(system, &sql).parse::<u32>().unwrap()
    };
    let places = [
        ("wms", "order_lines"),
        ("erp", "goods_issues"),
        ("transport", "consignments"),
        ("finance", "invoices"),
        ("platform", "stock_moves"),
    ];
    for (system, table) in places {
        assert_eq!(of_order(&company, system, table), 0, "{system}.{table}");
    }
    for _ in 0..4 {
        company.round();
    }
    let lines = of_order(&company, "erp", "order_lines");
    assert_eq!(of_order(&company, "wms", "order_lines"), lines);
    assert!(of_order(&company, "erp", "goods_issues") >= lines);
    assert!(of_order(&company, "platform", "stock_moves") >= lines);
    assert_eq!(of_order(&company, "transport", "consignments"), 1);
    assert_eq!(of_order(&company, "finance", "invoices"), 1);
    let status = format!("SELECT status FROM orders WHERE order_no = '{order}'");
    assert_eq!(company.value("erp", &status), "invoiced");
}

#[test]
fn what_is_planned_is_produced_stored_and_graded_elsewhere() {
    let mut company = Company::new();
    company.live();
    let plan = company.value("erp", "SELECT max(production_no) FROM production_plan");
    for _ in 0..4 {
        company.round();
    }
    let batch = company.value(
        "production",
        &format!("SELECT batch FROM batches WHERE production_no = '{plan}'"),
    );
    let lot = company.value(
        "production",
        &format!("SELECT min(lot) FROM lots WHERE batch = '{batch}'"),
    );
    for (system, sql) in [
        (
            "wms",
            format!("expected_lots WHERE received_at IS NOT NULL AND lot = '{lot}'"),
        ),
        ("wms", format!("moves WHERE from_location = 'GATE' AND lot = '{lot}'")),
        (
            "platform",
            format!("stock_moves WHERE from_location = 'GATE' AND lot = '{lot}'"),
        ),
        (
            "platform",
            format!("yields WHERE yield_percent BETWEEN 50 AND 75 AND batch = '{batch}'"),
        ),
        ("platform", format!("grades WHERE batch = '{batch}'")),
    ] {
        let count = company.value(system, &format!("SELECT count(*) FROM {sql}"));
        assert_eq!(count, "1", "{system}: {sql}");
    }
}

#[test]
fn every_dataset_has_rows_and_a_time_that_moves_on_with_the_company() {
    let mut company = Company::new();
    let mut before: BTreeMap<String, Timestamp> = BTreeMap::new();
    for round in 0..2 {
        // Two moments a round: every chain gets a new link at its end.
        company.round();
        company.round();
        for job in company.jobs_with("produces") {
            let reported = company.run(&job);
            let name = company.jobs[&job]["produces"].as_str().unwrap();
            let dataset = &company.datasets[name];
            let mut csv = csv::Reader::from_path(company.published(name)).unwrap();
            let header = csv.headers().unwrap().clone();
            let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();

            let least = dataset["checks"]["rows"]["min"].as_integer().unwrap();
            assert!(
                i64::try_from(rows.len()).unwrap() >= least,
                "{name}: {} rows",
                rows.len()
            );
            let as_of = if let Some(rule) = dataset.get("as_of") {
                let column = rule["column"].as_str().unwrap();
                let index = header.iter().position(|title| title == column).expect(column);
                let times = rows.iter().map(|row| row[index].parse::<Timestamp>());
                times.map(Result::unwrap).max().unwrap()
            } else {
                reported["as_of"].parse().unwrap()
            };
            assert!(as_of <= company.now, "{name} is of the future: {as_of}");
            let earlier = before.insert(name.to_owned(), as_of);
            assert!(earlier < Some(as_of), "{name} stands still in round {round}: {as_of}");
        }
    }
    assert_eq!(before.len(), 11);
}

#[test]
fn loading_says_what_it_did_and_loading_again_does_nothing() {
    let mut company = Company::new();
    company.live();
    company.live();
    company.run("orders-export");
    let first = company.run("orders-load")["message"].clone();
    assert!(!first.contains(" 0 new"), "{first}");
    let again = company.run("orders-load")["message"].clone();
    assert!(again.contains(" 0 new, 0 changed"), "{again}");
}

#[test]
fn the_item_list_that_no_job_makes_lies_where_its_probe_looks() {
    let mut company = Company::new();
    company.live();
    let list = fs::read_to_string(company.published("items")).unwrap();
    assert_eq!(list.lines().count(), 13, "{list}");
    for _ in 0..4 {
        company.now += SignedDuration::from_mins(4);
        company.live();
    }
    let later = fs::read_to_string(company.published("items")).unwrap();
    assert_ne!(later, list, "the list is revised every ten minutes");
}

#[test]
fn jobs_that_start_at_once_before_there_is_a_company_found_one_company() {
    let company = Company::new();
    let exports = company.jobs_with("produces");
    let running: Vec<_> = exports
        .iter()
        .filter(|name| *name != "stock-export")
        .map(|name| (name, company.command(name).spawn().unwrap()))
        .collect();
    for (name, mut child) in running {
        assert!(child.wait().unwrap().success(), "{name}");
        let staged = fs::read_to_string(company.dir.path().join("staging").join(name)).unwrap();
        assert!(staged.lines().count() > 1, "{name} found nothing");
    }
    let left = fs::read_dir(company.dir.path().join(".freshd")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["company"]);
}

#[test]
fn the_same_moments_make_the_same_company_and_another_seed_makes_another() {
    let lots = |seed: &str| {
        let company = Company::new();
        company.demo_db(&["live", "--now", NOON, "--seed", seed]);
        company.value("wms", "SELECT * FROM lots ORDER BY lot")
    };
    let first = lots("1");
    assert_eq!(lots("1"), first);
    assert_ne!(lots("2"), first);
}

#[test]
fn a_company_left_alone_for_days_keeps_a_bounded_past_and_full_shelves() {
    let mut company = Company::new();
    company.live();
    for _ in 0..36 {
        company.now += SignedDuration::from_hours(1);
        company.live();
    }
    let count = |system, what: &str| {
        let count = company.value(system, &format!("SELECT count(*) FROM {what}"));
        count.parse::<u32>().unwrap()
    };
    let moves = count("wms", "moves");
    assert!((100..=110).contains(&moves), "{moves} moves");
    assert!(count("wms", "lots") >= 50, "the Friday export needs 50");
    assert_eq!(
        count(
            "erp",
            "orders WHERE status = 'open' AND ordered_at < '2026-03-13T21:00:00Z'"
        ),
        0,
        "no transfer ran: orders are given up"
    );
}

#[test]
fn a_wrong_name_or_question_is_refused_in_words() {
    let mut company = Company::new();
    company.live();
    for (arguments, named) in [
        (
            ["query", "crm", "SELECT 1"],
            "there is no system `crm`; the company has erp, wms",
        ),
        (
            ["query", "erp", "SELECT * FROM boats"],
            "cannot ask erp: no such table: boats",
        ),
        (["query", "erp", "DELETE FROM orders"], "write a SELECT"),
    ] {
        let output = Command::new(FRESHD)
            .arg("demo-db")
            .args(arguments)
            .env("COMPANY_DIR", company.dir.path().join(".freshd/company"))
            .output()
            .unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let message = said(&output).replace("\n\nCaused by:\n    ", ": ");
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn every_script_is_short_stops_at_its_first_error_and_is_used() {
    let company = Company::new();
    let commands: Vec<&str> = company
        .jobs
        .values()
        .map(|job| job["command"].as_str().unwrap())
        .collect();
    for script in fs::read_dir(company.dir.path().join("transfers")).unwrap() {
        let path = script.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() < 25, "{name} is long");
        if name == "company.sh" {
            continue;
        }
        let head: Vec<&str> = text.lines().take(2).collect();
        assert_eq!(head[0], "#!/bin/sh", "{name}");
        assert!(head[1].starts_with("# "), "{name} does not say what it carries");
        assert!(text.contains("\nset -eu\n"), "{name}");
        let executable = fs::metadata(&path).unwrap().permissions().mode() & 0o111;
        assert_eq!(executable, 0o111, "{name} is not executable");
        let used = commands
            .iter()
            .any(|command| command.starts_with(&format!("transfers/{name}")));
        assert!(used, "no job runs {name}");
    }
}
