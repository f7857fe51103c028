//! Two systems that give and two that read, one of them by way of a job in between.

use std::sync::Arc;

use super::*;
use crate::model::{Dataset, Job, Name, Owner, Settings, Status, System, plain_dataset, plain_job, plain_settings};

fn system(name: &str, title: Option<&str>) -> System {
    System {
        name: name.into(),
        title: title.map(Into::into),
        owner: Owner::Team("it".into()),
        reads_at: None,
        description: None,
        runbook: None,
    }
}

/// Orders of the ERP go to the desk; stock of the warehouse to the portal, and as its value to the desk.
fn settings() -> Settings {
    let mut settings = plain_settings();
    for (name, title) in [
        ("erp", Some("The ERP")),
        ("wms", None),
        ("portal", None),
        ("desk", None),
    ] {
        settings.systems.insert(name.into(), system(name, title));
    }
    for (name, consumer) in [("orders", "desk"), ("stock", "portal"), ("value", "desk")] {
        let dataset = Dataset {
            consumers: vec![consumer.into()],
            ..plain_dataset(name)
        };
        settings.datasets.insert(name.into(), Arc::new(dataset));
    }
    let needed = |names: &[&str]| names.iter().map(|name| Name::from(*name)).collect::<Vec<Name>>();
    for (name, from, needs) in [
        ("orders", Some("erp"), &[][..]),
        ("stock", Some("wms"), &[]),
        ("value", None, &["stock"]),
    ] {
        let job = Job {
            from: from.map(Name::from),
            needs: needed(needs).into(),
            produces: Some(name.into()),
            ..plain_job(name)
        };
        settings.jobs.insert(name.into(), Arc::new(job));
    }
    settings
}

fn status(late: &str) -> Status {
    let dataset = |name: &str| {
        let state = if name == late { "late" } else { "fresh" };
        serde_json::json!({ "name": name, "state": state, "reason": "", "owner": "it" })
    };
    let datasets = ["orders", "stock", "value"].map(dataset);
    let said = serde_json::json!({ "at": "2026-11-27T22:16:00Z", "datasets": datasets, "jobs": [], "incidents": [], "undelivered": [] });
    Status::read(&said).expect("a status")
}

#[test]
fn each_way_is_as_bad_as_the_worst_on_it_and_whoever_reads_what_is_made_from_that_is_hit() {
    let flow = Flow::of(&settings());
    let status = status("stock");
    let states = States::of(&status);
    let overview = Overview::of(&flow, &states);
    let told: Vec<String> = overview
        .ways
        .iter()
        .map(|way| {
            let (from, to) = (&overview.from[way.from].node.name, &overview.to[way.to].node.name);
            format!("{from} {to}: {}, {}", way.counts.words(), way.tone.class())
        })
        .collect();
    assert_eq!(
        told,
        [
            "erp desk: 1 dataset, good",
            "wms desk: 1 dataset, bad",
            "wms portal: 1 dataset, 1 wrong, bad"
        ]
    );
    let desk = overview.to.iter().find(|side| side.node.name.as_str() == "desk");
    let desk = desk.expect("the desk");
    assert_eq!((desk.counts.all, desk.counts.wrong, desk.is_hit), (2, 0, true));
    let picture = super::overview(&flow, &states).into_string();
    for words in [
        "The ERP (erp): gives 1 dataset; ",
        "desk: reads 2 datasets, made from what is wrong; ",
        // What is counted stands in the box too.
        ">1 dataset, 1 wrong</text>",
        ">2 datasets</text>",
    ] {
        assert!(picture.contains(words), "{words}: {picture}");
    }
}

#[test]
fn a_part_of_the_map_has_what_is_connected_with_what_is_chosen_and_nothing_else() {
    let flow = Flow::of(&settings());
    let place = |id: &str| {
        flow.graph
            .stops
            .iter()
            .position(|node| node.id() == id)
            .expect("it is there")
    };
    let part = flow.part(&flow.lit_by(&[place("source:erp")]));
    let ids: Vec<String> = part.graph.stops.iter().map(Node::id).collect();
    assert_eq!(ids, ["source:erp", "job:orders", "dataset:orders", "reader:desk"]);
    assert_eq!(part.graph.edges, [(0, 1), (1, 2), (2, 3)]);
    assert_eq!(part.layout.expect("it is drawn").boxes.len(), 4);
}
