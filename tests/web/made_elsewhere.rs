//! What a system makes from what was brought to it: every window knows the way that no job shows.

use serde_json::json;

use crate::asking::Site;
use crate::freshd_process::House;
use crate::with_team;

const DATA: &str = r#"
[teams.warehouse]
notify = ["outbox"]
[systems.wms]
title = "Warehouse system"
owner = "warehouse"
[datasets.orders]
owner = "it"
probe = { file = "orders.csv", every = "1m" }
max_age = "1h"
consumers = ["wms"]
[datasets.issues]
owner = "warehouse"
system = "wms"
probe = { file = "issues.csv", every = "1m" }
max_age = "2h"
made_from = ["orders"]
"#;

const WMS: &str = "<span class=\"name\" title=\"wms\">Warehouse system</span>";
const ISSUES: &str = "<a class=\"name\" href=\"/datasets/issues\">issues</a>";

#[test]
fn every_window_knows_what_a_system_makes_from_what() {
    let house = House::with(&with_team(DATA));
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let issues = site.get("/datasets/issues").body;
    let orders = "<a class=\"name\" href=\"/datasets/orders\">orders</a>";
    assert!(
        issues.contains(&format!("<dt>Made from</dt><dd>{orders}, by {WMS}</dd>")),
        "{issues}"
    );
    let orders = site.get("/datasets/orders").body;
    assert!(
        orders.contains(&format!("<dt>Goes into</dt><dd>{ISSUES}, by {WMS}</dd>")),
        "{orders}"
    );

    let told = site.get("/api/v1/datasets/issues").json();
    assert_eq!(told["dataset"]["made_from"], json!(["orders"]), "{told}");
    let flow = site.get("/api/v1/flow").json();
    let edges = flow["edges"].as_array().expect("edges");
    let unseen: Vec<_> = edges.iter().filter(|edge| edge["unseen"] == true).collect();
    let straight = json!({ "from": "dataset:orders", "to": "dataset:issues", "unseen": true });
    assert_eq!(unseen, [&straight], "{flow}");
    assert!(edges.len() > 1, "{flow}");
    let (_, table) = map_and_table(&site.get("/flow").body);
    let unseen = format!("{ISSUES}<span class=\"dim\"> by its system</span>");
    assert!(table.contains(&unseen), "{table}");
    assert_eq!(
        table.matches(" by its system<").count(),
        2,
        "once from each end: {table}"
    );
    let map = site.get("/flow?of=orders").body;
    let line = "class=\"edge unseen on\" data-from=\"dataset:orders\" data-to=\"dataset:issues\"";
    assert!(
        map.contains(line) && map.contains("dotted: a system makes one from the other"),
        "{map}"
    );

    let said = |words: &[&str]| {
        let (exit, said) = house.freshd(words);
        assert!(exit.is_some(), "{said}");
        said
    };
    assert!(said(&["why", "issues"]).contains("orders, by its system"));
    let text = said(&["flow"]);
    assert!(
        text.contains(" -> dataset:issues (by its system), reader:wms\n") && text.contains(") -> dataset:issues\n"),
        "{text}"
    );
    assert!(said(&["flow", "--format", "mermaid"]).contains(" -.-> "));
    assert!(said(&["flow", "--format", "dot"]).contains("[style=dotted]"));
}

fn map_and_table(page: &str) -> (String, String) {
    let (map, table) = page.split_once("<h2 id=\"table\"").expect("a table");
    (map.to_owned(), table.to_owned())
}

#[test]
fn a_system_is_all_of_it_where_it_gives_and_where_it_reads() {
    let house = House::with(&with_team(DATA));
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let shown = |of: &str| map_and_table(&site.get(&format!("/flow?of={of}")).body).0;
    let row = |map: &str, what: &str| {
        let (_, row) = map.split_once(&format!("<dt>{what}</dt><dd>")).expect("its row");
        row.split_once("</dd>").expect("its end").0.to_owned()
    };
    let whole = shown("wms");
    for id in ["source:wms", "reader:wms"] {
        let (before, _) = whole.split_once(&format!("data-id=\"{id}\"")).expect("its box");
        let (_, class) = before.rsplit_once("<a class=\"").expect("its class");
        assert!(class.contains(" on chosen\""), "{id}: {class}");
    }
    assert!(row(&whole, "Fed by").contains(">orders</a>"), "{whole}");
    assert!(row(&whole, "Feeds").contains(">issues</a>"), "{whole}");
    assert!(!whole.contains("All that it gives and reads"), "{whole}");
    // One end alone leads to all of it.
    let end = shown("source:wms");
    assert!(row(&end, "Fed by").contains("nothing that is known here"), "{end}");
    assert!(
        end.contains("<a href=\"/flow?of=wms#map\">All that it gives and reads</a>"),
        "{end}"
    );
}

#[test]
fn a_plan_says_what_will_be_told_as_one() {
    let house = House::with(&with_team(&DATA.replace("made_from = [\"orders\"]\n", "")));
    let _daemon = house.daemon();
    let planned = |text: &str| {
        house.configure(&with_team(text));
        let (exit, said) = house.freshd(&["plan", "--json"]);
        assert_eq!(exit, Some(0), "{said}");
        serde_json::from_str::<serde_json::Value>(&said).expect("JSON")["changes"][0].clone()
    };
    let change = planned(DATA);
    let note = "while orders is not as promised, so that issues is not either, both are one incident";
    assert_eq!(change["notes"], json!([note]), "{change}");
    assert_eq!(
        change["teams"],
        json!(["it", "warehouse"]),
        "whoever answers for orders is told of it: {change}"
    );
    let (exit, said) = house.freshd(&["reload"]);
    assert_eq!(exit, Some(0), "{said}");
    let change = planned(&DATA.replace("made_from = [\"orders\"]\n", ""));
    let note = "what is wrong with orders explains nothing that is wrong with issues any more";
    assert_eq!(change["notes"], json!([note]), "{change}");
}
