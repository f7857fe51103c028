//! Lineage over small hand-made flows, rings and long chains included.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::*;
use crate::model::{OnHoliday, plain_dataset, plain_job, plain_settings};

fn names(list: &str) -> Vec<Name> {
    list.split_whitespace().map(Name::from).collect()
}

/// Each line: `job: inputs -> output`; a dataset's consumers as `dataset | consumers`.
fn settings(flow: &str) -> Settings {
    let mut settings = plain_settings();
    for line in flow.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some((dataset, consumers)) = line.split_once('|') {
            add_dataset(&mut settings, dataset.trim(), names(consumers));
            continue;
        }
        let (job, rest) = line.split_once(':').unwrap();
        let (inputs, output) = rest.split_once("->").unwrap();
        for dataset in names(inputs).iter().chain(&names(output)) {
            if !settings.datasets.contains_key(dataset) {
                add_dataset(&mut settings, dataset.as_str(), Vec::new());
            }
        }
        let job = job_of(job, names(inputs), names(output).pop());
        settings.jobs.insert(job.name.clone(), Arc::new(job));
    }
    settings
}

fn add_dataset(settings: &mut Settings, name: &str, consumers: Vec<Name>) {
    let dataset = Dataset {
        consumers,
        ..plain_dataset(name)
    };
    settings.datasets.insert(name.into(), Arc::new(dataset));
}

fn job_of(name: &str, needs: Vec<Name>, produces: Option<Name>) -> Job {
    Job {
        needs: needs.into(),
        produces,
        ..plain_job(name.trim())
    }
}

fn shown(nodes: &[Node]) -> String {
    nodes
        .iter()
        .map(|node| node.name().as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

const FLOW: &str = "
    fetch-items: -> items
    export: items lots -> stock
    report: stock prices -> report
    mail: report ->
    digest: report stock -> digest
";

#[test]
fn upstream_is_listed_nearest_first_and_each_stop_once() {
    let lineage = Lineage::new(&settings(FLOW));
    assert_eq!(
        shown(&lineage.upstream("digest")),
        "digest report stock report export prices items lots fetch-items"
    );
    assert_eq!(shown(&lineage.upstream("lots")), "");
    assert_eq!(shown(&lineage.upstream("unheard-of")), "");
}

#[test]
fn what_a_job_makes_begins_with_its_own_output() {
    let lineage = Lineage::new(&settings(FLOW));
    assert_eq!(lineage.made_by("export"), names("stock digest report"));
    assert_eq!(lineage.made_from("stock"), names("digest report"));
    assert_eq!(lineage.made_by("mail"), names(""));
}

#[test]
fn a_job_and_a_dataset_of_one_name_are_two_things() {
    let lineage = Lineage::new(&settings(
        "orders: -> orders\nreport: orders -> report\nstock: -> lots\nlots: stock -> x",
    ));
    assert_eq!(lineage.made_by("orders"), names("orders report"));
    assert_eq!(lineage.made_from("orders"), names("report"));
    // The job stock makes no stock, and the dataset stock no lots.
    assert_eq!(lineage.made_by("stock"), names("lots"));
    assert_eq!(lineage.made_from("stock"), names("x"));
    let readers = |of: Vec<Reader<'_>>| -> Vec<Name> { of.into_iter().map(|reader| reader.consumer).collect() };
    assert_eq!(readers(lineage.impact("stock")), names("lots"));
    assert_eq!(readers(lineage.impact_of_job("stock")), names(""));
}

#[test]
fn a_dataset_knows_its_producer_and_a_source_has_none() {
    let lineage = Lineage::new(&settings(FLOW));
    assert_eq!(lineage.producer_of("stock"), Some(&Name::from("export")));
    assert_eq!(lineage.producer_of("lots"), None);
    assert_eq!(lineage.jobs_reading("stock"), names("digest report"));
}

#[test]
fn a_job_started_by_a_dataset_reads_it_without_saying_so_twice() {
    let mut settings = settings("on-stock: stock -> report\nplain: -> stock");
    let mut job = (*settings.jobs["on-stock"]).clone();
    job.schedule = Some(Arc::new(Schedule {
        text: "on stock, prices".into(),
        rule: Rule::On(names("stock prices")),
        zone: TimeZone::UTC,
        calendar: None,
        on_holiday: OnHoliday::Skip,
    }));
    settings.jobs.insert(job.name.clone(), Arc::new(job));
    let lineage = Lineage::new(&settings);
    let inputs: Vec<Name> = lineage.inputs_of_job("on-stock").into_iter().cloned().collect();
    assert_eq!(inputs, names("stock prices"));
    assert_eq!(lineage.jobs_reading("prices"), names("on-stock"));
}

#[test]
fn impact_names_everybody_downstream_once_nearest_first_with_their_owner() {
    let mut settings = settings(
        "stock | sales ops
         export: -> stock
         report | sales board
         report: stock -> report
         digest | heads
         digest: report -> digest",
    );
    settings.systems.insert(
        "sales".into(),
        System {
            name: "sales".into(),
            title: None,
            owner: Owner::Team("desk".into()),
            reads_at: Some(Schedule {
                text: "0 7 * * *".into(),
                rule: Rule::On(Vec::new()),
                zone: TimeZone::UTC,
                calendar: None,
                on_holiday: OnHoliday::Skip,
            }),
            description: None,
            runbook: None,
        },
    );
    for team in ["ops", "board", "heads"] {
        settings.teams.insert(
            team.into(),
            crate::model::Team {
                name: team.into(),
                title: None,
                notify: Vec::new(),
                escalate: Vec::new(),
                calendar: None,
                timezone: TimeZone::UTC,
            },
        );
    }
    // The settings may be gone: the lineage stands alone.
    let lineage = Lineage::new(&settings);
    drop(settings);
    let impact: Vec<String> = lineage
        .impact("stock")
        .iter()
        .map(|reader| {
            format!(
                "{:?} {} owned by {} reads {} at {} distance {}",
                reader.kind,
                reader.consumer,
                reader.owner.as_str(),
                reader.dataset,
                reader.reads_at.map_or("-", |schedule| &schedule.text),
                reader.distance
            )
        })
        .collect();
    assert_eq!(
        impact,
        [
            "System sales owned by desk reads stock at 0 7 * * * distance 0",
            "Team ops owned by ops reads stock at - distance 0",
            "Job report owned by ops reads stock at - distance 0",
            "Team board owned by board reads report at - distance 1",
            "Job digest owned by ops reads report at - distance 1",
            "Team heads owned by heads reads digest at - distance 2",
        ]
    );
}

#[test]
fn a_ring_is_named_by_its_shortest_way_around() {
    let lineage = Lineage::new(&settings(
        "a: c x -> a
         b: a -> b
         c: b -> c
         side: b -> side
         self: own -> own",
    ));
    let rings: Vec<String> = lineage.cycles().iter().map(|ring| shown(ring)).collect();
    assert_eq!(rings, ["a a c c b b", "own self"]);
    // No walk loops.
    assert_eq!(shown(&lineage.upstream("a")), "a c x c b b");
    assert_eq!(lineage.made_from("own"), names(""));
    assert_eq!(lineage.impact("a").len(), 4);
}

/// A flow in which systems make datasets from others, each line `dataset: sources`.
fn with_systems(flow: &str, made: &str) -> Settings {
    let mut settings = settings(flow);
    for line in made.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, sources) = line.split_once(':').unwrap();
        if !settings.datasets.contains_key(name) {
            add_dataset(&mut settings, name, Vec::new());
        }
        Arc::make_mut(settings.datasets.get_mut(name).unwrap()).made_from = names(sources);
    }
    settings
}

#[test]
fn what_a_system_makes_from_something_lies_behind_it() {
    let lineage = Lineage::new(&with_systems(
        "export-orders: -> orders
         export-issues: -> issues
         export-invoices: -> invoices
         report: invoices -> report
         issues | dock",
        "issues: orders
         invoices: issues",
    ));
    assert_eq!(
        shown(&lineage.upstream("report")),
        "report invoices export-invoices issues export-issues orders export-orders"
    );
    assert_eq!(lineage.made_by("export-orders"), names("orders issues invoices report"));
    assert_eq!(lineage.made_by_systems_of("orders"), names("issues"));
    let hit = lineage.impact("orders");
    let hit: Vec<_> = hit
        .iter()
        .map(|reader| (reader.consumer.as_str(), reader.distance))
        .collect();
    assert_eq!(hit, [("report", 2)], "nobody of that name is known at the dock");
    // It is no input of the job that exports it.
    assert_eq!(lineage.inputs_of_job("export-issues"), Vec::<&Name>::new());
    assert_eq!(lineage.jobs_reading("orders"), names(""));
}

#[test]
fn what_is_made_from_a_part_is_made_from_the_whole_and_a_part_like_the_whole() {
    let mut settings = with_systems("", "stock: lots\nstock.a: lots\nreport: stock.a\nlots:");
    let part = Arc::make_mut(settings.datasets.get_mut("stock.a").unwrap());
    part.part_of = Some("stock".into());
    Arc::make_mut(settings.datasets.get_mut("stock").unwrap()).parts = names("a");
    let lineage = Lineage::new(&settings);
    assert_eq!(lineage.made_from("lots"), names("stock report"));
    assert_eq!(lineage.made_from("stock.a"), names("report"));
    assert_eq!(shown(&lineage.upstream("report")), "stock.a lots");
}

#[test]
fn a_ring_through_systems_is_named_like_one_of_jobs() {
    let lineage = Lineage::new(&with_systems(
        "make-b: a -> b
         aside: b -> aside",
        "a: c
         c: b
         x: y
         y: x",
    ));
    let rings: Vec<String> = lineage.cycles().iter().map(|ring| shown(ring)).collect();
    assert_eq!(rings, ["b make-b a c", "x y"]);
    let mut settings = with_systems("", "stock: stock.a\nstock.a: stock.a");
    Arc::make_mut(settings.datasets.get_mut("stock.a").unwrap()).part_of = Some("stock".into());
    let rings = Lineage::new(&settings).cycles();
    assert_eq!(shown(&rings[0]), "stock", "of a part of itself");
}

#[test]
fn the_flow_leads_straight_from_what_a_system_reads_to_what_it_makes() {
    let flow = Flow::of(&with_systems("export: -> issues", "orders:\nissues: orders nowhere"));
    let edges: Vec<String> = flow
        .edges
        .iter()
        .map(|edge| {
            let unseen = if flow.is_unseen(*edge) { " unseen" } else { "" };
            format!("{} {}{unseen}", flow.stops[edge.0].id(), flow.stops[edge.1].id())
        })
        .collect();
    assert_eq!(
        edges,
        ["job:export dataset:issues", "dataset:orders dataset:issues unseen"]
    );
    let unread: Vec<String> = flow.unread().into_iter().map(Stop::id).collect();
    assert_eq!(unread, ["dataset:issues"]);
}

#[test]
fn a_sound_flow_has_no_ring() {
    assert!(Lineage::new(&settings(FLOW)).cycles().is_empty());
}

#[test]
fn a_chain_of_ten_thousand_jobs_is_walked_without_deep_recursion() {
    let mut flow = String::new();
    for number in 0..10_000 {
        writeln!(flow, "j{number}: d{number} -> d{}", number + 1).unwrap();
    }
    let lineage = Lineage::new(&settings(&flow));
    assert!(lineage.cycles().is_empty());
    assert_eq!(lineage.upstream("d10000").len(), 20_000);
    assert_eq!(lineage.made_from("d0").len(), 10_000);
    let lineage = Lineage::new(&settings(&format!("{flow}back: d10000 -> d0\n")));
    assert_eq!(lineage.cycles()[0].len(), 20_002);
}

#[test]
fn a_system_that_is_read_and_reads_is_without_an_owner_once() {
    let mut settings = settings("export: -> stock\nstock | wms");
    let system = System {
        name: "wms".into(),
        title: None,
        owner: Owner::Nobody,
        reads_at: None,
        description: None,
        runbook: None,
    };
    settings.systems.insert("wms".into(), system);
    let job = Job {
        from: Some("wms".into()),
        ..job_of("export", Vec::new(), Some("stock".into()))
    };
    settings.jobs.insert("export".into(), Arc::new(job));
    let flow = Flow::of(&settings);
    let kinds: Vec<StopKind> = flow
        .stops
        .iter()
        .filter(|stop| stop.name.as_str() == "wms")
        .map(|stop| stop.kind)
        .collect();
    assert_eq!(kinds, [StopKind::Source, StopKind::Reader]);
    let named = flow
        .without_owner()
        .into_iter()
        .filter(|stop| stop.name.as_str() == "wms");
    assert_eq!(named.map(|stop| stop.kind).collect::<Vec<_>>(), [StopKind::Source]);
}
