//! The weekend after a bad Friday, through the real binary: every version traces back to its sources, a forecast made today
//! from Friday's stock is as old as Friday, and whoever is guarded by a gate refuses it.

mod freshd_process;

use freshd_process::House;
use freshd_process::daemon::Daemon;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const COMPANY: &str = r#"
timezone = "Europe/Oslo"
run_as_root = true
[alerts]
group_wait = "0s"
[fallback]
notify = ["outbox"]
[channels.outbox]
type = "file"
dir = "outbox"
[teams.warehouse]
notify = ["outbox"]
[teams.sales]
notify = ["outbox"]
[teams.planning]
notify = ["outbox"]

[systems.wms]
owner = "warehouse"
[systems.shop]
owner = "sales"
[systems.purchasing]
title = "Purchasing"
owner = "planning"
reads_at = "0 6 * * *"

[datasets.lots]
owner = "warehouse"
system = "wms"
file = "HOUSE/wms/lots.csv"
probe = { file = "HOUSE/wms/lots.csv", every = "1s" }
settle = "0s"
as_of = { column = "counted_at" }
checks = { format = "csv" }

[datasets.orders]
owner = "sales"
system = "shop"
file = "HOUSE/shop/orders.csv"
probe = { file = "HOUSE/shop/orders.csv", every = "1s" }
settle = "0s"
as_of = { column = "ordered_at" }
checks = { format = "csv" }
max_age = "2d"

[datasets.stock]
owner = "warehouse"
file = "HOUSE/exports/stock.csv"
checks = { format = "csv", rows = { min = 1 } }

[datasets.forecast]
owner = "planning"
file = "HOUSE/exports/forecast.csv"
consumers = ["purchasing"]
checks = { format = "csv", rows = { min = 1 } }

[jobs.stock-export]
owner = "warehouse"
from = "wms"
command = "HOUSE/transfers/stock.sh"
needs = ["lots"]
produces = "stock"

[jobs.forecast-load]
owner = "planning"
command = "HOUSE/transfers/forecast.sh"
needs = ["orders"]
on = ["stock"]
produces = "forecast"
"#;

/// The company with its daemon: the stock was counted three days ago, orders came today.
fn company() -> (House, Daemon) {
    let house = House::with(COMPANY);
    house.script(
        "transfers/stock.sh",
        "cut -d, -f1 \"$FRESHD_INPUT_LOTS\" > \"$FRESHD_OUTPUT\"\n",
    );
    let forecast = "cat \"$FRESHD_INPUT_STOCK\" \"$FRESHD_INPUT_ORDERS\" | cut -d, -f1 > \"$FRESHD_OUTPUT\"\n";
    house.script("transfers/forecast.sh", forecast);
    house.write(
        "wms/lots.csv",
        &rows("lot,counted_at", "L1", SignedDuration::from_hours(72)),
    );
    house.write(
        "shop/orders.csv",
        &rows("order,ordered_at", "O1", SignedDuration::from_mins(5)),
    );
    let daemon = house.daemon();
    for source in ["lots", "orders"] {
        until_version(&house, source, 1);
    }
    (house, daemon)
}

/// One row whose business time lies so long ago.
fn rows(header: &str, key: &str, ago: SignedDuration) -> String {
    let at = (Timestamp::now() - ago).strftime("%Y-%m-%dT%H:%M:%SZ");
    format!("{header}\n{key},{at}\n")
}

fn until_version(house: &House, dataset: &str, number: u64) {
    let name = freshd::model::Name::from(dataset);
    house.until_stored(&format!("{dataset}@{number}"), |reader| {
        let versions = reader.versions_of(&name, 1).expect("the store can be read");
        let newest = versions.first();
        newest.is_some_and(|newest| newest.number.0 >= number && newest.state == freshd::model::VersionState::Published)
    });
}

fn json(house: &House, words: &[&str]) -> Value {
    let (_, said) = house.freshd(words);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{words:?}: {error}: {said}"))
}

#[test]
fn a_forecast_of_today_is_as_old_as_fridays_stock_and_traces_back_to_every_source() {
    let (house, mut daemon) = company();
    daemon.finished(daemon.run("stock-export"), &house);
    until_version(&house, "forecast", 1);

    let traced = json(&house, &["trace", "forecast", "--json"]);
    assert_eq!(traced["limited_by"], "lots@1");
    let hops = traced["hops"].as_array().expect("hops");
    let way: Vec<_> = hops
        .iter()
        .map(|hop| (hop["version"].as_str().expect("a version"), hop["distance"].as_u64()))
        .collect();
    let expected = [
        ("forecast@1", Some(0)),
        ("orders@1", Some(1)),
        ("stock@1", Some(1)),
        ("lots@1", Some(2)),
    ];
    assert_eq!(way, expected);
    let owners: Vec<_> = hops
        .iter()
        .map(|hop| hop["owner"].as_str().expect("an owner"))
        .collect();
    assert_eq!(owners, ["planning", "sales", "warehouse", "warehouse"]);
    assert_eq!(hops[0]["trace"], hops[2]["trace"], "one chain, one trace");
    assert_eq!(hops[1]["system"], "shop");
    assert_eq!(hops[3]["system"], "wms");
    let script = std::fs::read(house.path("transfers/forecast.sh")).expect("a script");
    assert_eq!(hops[0]["script"]["sha256"], sha256(&script));
    assert_eq!(hops[0]["run"], 2);
    assert!(
        hops.iter()
            .all(|hop| hop["effective_as_of"] == hops[3]["as_of"] || hop["version"] == "orders@1")
    );
    assert!(hops[0]["checks"].as_array().is_some_and(|checks| !checks.is_empty()));

    let sidecar: Value = serde_json::from_str(&house.read("exports/forecast.csv.freshd.json")).expect("a sidecar");
    for key in ["limited_by", "effective_as_of", "trace", "settings", "run", "script"] {
        let hop = if key == "limited_by" {
            &traced["limited_by"]
        } else {
            &hops[0][key]
        };
        assert_eq!(&sidecar[key], hop, "{key}");
    }

    let (code, said, why) = house.freshd_says(&["gate", "forecast", "--max-age", "4h"]);
    assert_eq!((code, said.as_str()), (Some(75), ""));
    assert!(
        why.contains("forecast is not fresh: 3d") && why.contains("limited by lots@1), asked for at most 4h"),
        "{why}"
    );
    assert_eq!(
        house.freshd_says(&["gate", "orders"]),
        (Some(0), String::new(), String::new())
    );

    let hit = json(&house, &["impact", "wms", "--json"]);
    let readers = hit["readers"].as_array().expect("readers").iter();
    let readers: Vec<_> = readers.map(|reader| reader["name"].as_str().expect("a name")).collect();
    assert_eq!(
        readers,
        ["purchasing", "stock-export", "forecast-load"],
        "who reads at a known time comes first"
    );
    let (_, drawn) = house.freshd(&["flow", "--format", "mermaid"]);
    assert!(
        drawn.starts_with("flowchart LR\n") && drawn.contains("Purchasing<br>planning"),
        "{drawn}"
    );
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn a_gate_judges_without_a_daemon_by_what_is_recorded_and_by_what_lies_there() {
    let (house, mut daemon) = company();
    daemon.finished(daemon.run("stock-export"), &house);
    until_version(&house, "forecast", 1);
    assert!(daemon.terminate().success(), "{}", daemon.log());

    let (code, _, why) = house.freshd_says(&["gate", "orders"]);
    assert_eq!(code, Some(0), "{why}");
    assert!(
        why.contains("orders is fresh: ") && why.contains("freshd is not running since"),
        "{why}"
    );
    let (code, said, _) = house.freshd_says(&["gate", "forecast", "--max-age", "4h", "--json"]);
    let said: Value = serde_json::from_str(&said).expect("an answer");
    assert_eq!(
        (code, &said["fresh"], &said["daemon"]),
        (Some(75), &Value::Bool(false), &Value::Bool(false))
    );
    assert_eq!(said["limited_by"], "lots@1");
    std::fs::remove_file(house.path("exports/stock.csv")).expect("it was published");
    let (code, _, why) = house.freshd_says(&["gate", "stock"]);
    assert_eq!(code, Some(75));
    assert!(why.contains("nothing is served"), "{why}");
    let (code, _, why) = house.freshd_says(&["gate", "stok"]);
    assert_eq!(code, Some(2));
    assert!(why.contains("did you mean `stock`?"), "{why}");
}

#[test]
fn what_a_person_restores_or_releases_is_there_and_on_the_record() {
    let (house, mut daemon) = company();
    daemon.finished(daemon.run("stock-export"), &house);
    until_version(&house, "forecast", 1);
    house.write(
        "wms/lots.csv",
        &rows("lot,counted_at", "L2", SignedDuration::from_mins(1)),
    );
    until_version(&house, "lots", 2);
    daemon.finished(daemon.run("stock-export"), &house);
    until_version(&house, "forecast", 2);
    assert_eq!(house.freshd_says(&["gate", "stock", "--max-age", "4h"]).0, Some(0));

    let because = ["--because", "L2 was counted twice", "--by", "olav"];
    let (code, said) = house.freshd(&[&["restore", "stock@1"][..], &because].concat());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(house.read("exports/stock.csv"), "lot\nL1\n");
    let sidecar: Value = serde_json::from_str(&house.read("exports/stock.csv.freshd.json")).expect("a sidecar");
    assert_eq!(
        (&sidecar["version"], &sidecar["limited_by"]),
        (&Value::from(3), &Value::from("lots@1"))
    );
    assert!(
        house
            .freshd_says(&["gate", "stock", "--max-age", "4h"])
            .2
            .contains("limited by lots@1")
    );
    for words in [["trace", "stock"], ["why", "stock"]] {
        let (_, said) = house.freshd(&words);
        assert!(
            said.contains("restored from stock@1 by olav (") && said.contains("L2 was counted twice"),
            "{said}"
        );
    }

    house.script("transfers/stock.sh", "echo lot > \"$FRESHD_OUTPUT\"\n");
    let (refused, _) = daemon.finished(daemon.run("stock-export"), &house);
    assert_eq!(refused.outcome, Some(freshd::model::Outcome::Rejected));
    assert_eq!(house.read("exports/stock.csv"), "lot\nL1\n");
    let (_, why) = house.freshd(&["why", "stock"]);
    assert!(why.contains("freshd release stock@4"), "{why}");
    let (code, said) = house.freshd(&["release", "stock", "--because", "all lots were sold"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(house.read("exports/stock.csv"), "lot\n");
    let candidate = house.state_dir().join("quarantine/stock/4/stock.csv");
    assert!(candidate.is_file(), "what was refused stays where it was");
    let (_, history) = house.freshd(&["history", "stock-export"]);
    assert!(
        history.contains("rejected") && history.contains("released by "),
        "{history}"
    );
    for words in [
        ["why", "stock-export"],
        ["why", "stock"],
        ["status", "stock"],
        ["trace", "stock"],
    ] {
        let (_, said) = house.freshd(&words);
        assert!(said.contains("released by "), "{words:?}\n{said}");
    }
    let (_, shown) = house.freshd(&["show", &refused.id.to_string()]);
    assert!(
        shown.contains("released by") && shown.contains("all lots were sold"),
        "{shown}"
    );
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(bytes);
    digest
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
