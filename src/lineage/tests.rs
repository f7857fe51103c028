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

fn downstream(lineage: &Lineage, name: &str) -> Vec<Name> {
    let found = lineage.downstream(name).into_iter();
    found.map(|(dataset, _)| dataset).collect()
}

#[test]
fn downstream_of_a_job_begins_with_its_own_output() {
    let lineage = Lineage::new(&settings(FLOW));
    assert_eq!(downstream(&lineage, "export"), names("stock digest report"));
    assert_eq!(downstream(&lineage, "stock"), names("digest report"));
    assert_eq!(downstream(&lineage, "mail"), names(""));
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
    assert_eq!(downstream(&lineage, "own"), names(""));
    assert_eq!(lineage.impact("a").len(), 4);
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
    assert_eq!(lineage.downstream("d0").len(), 10_000);
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
