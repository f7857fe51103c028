//! What mail programs take for one conversation: one root, and one subject, whatever becomes of the incident.

use std::collections::{BTreeMap, BTreeSet};

use freshd::model::Purpose;

use super::virtual_world::{Play, World, at};
use super::{NO_PROOFS, PEOPLE};

/// A job each hour, its dataset, which the shop of `b` reads, and a second one made from it, which `c` reads.
fn company(title: &str) -> String {
    format!(
        "{PEOPLE}{NO_PROOFS}[systems.shop]\nowner = \"b\"\n[systems.desk]\nowner = \"c\"\n\
         [datasets.stock]\ntitle = \"{title}\"\nowner = \"a\"\nfile = \"stock\"\nmax_age = \"2h\"\nconsumers = [\"shop\"]\n\
         [datasets.plan]\nowner = \"d\"\nfile = \"plan\"\nmax_age = \"3h\"\nconsumers = [\"desk\"]\n\
         [jobs.export]\nowner = \"a\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\nproduces = \"stock\"\n\
         [jobs.plan]\nowner = \"d\"\ncommand = \"true\"\non = [\"stock\"]\nproduces = \"plan\"\n"
    )
}

#[test]
fn every_thread_keeps_its_subject_though_what_is_wrong_and_how_it_is_called_change() {
    let mut world = World::start(&company("Stock per lot"), "2026-03-02T07:59");
    world.script("export", |_, now| {
        if now < at("2026-03-02T08:30") || now > at("2026-03-02T14:30") {
            Play::writes(&now.to_string(), now)
        } else if now < at("2026-03-02T11:30") {
            Play::fails(1, "no route to host")
        } else {
            Play::writes(&now.to_string(), now).refused("it has no rows")
        }
    });
    world.script("plan", |_, now| Play::writes(&now.to_string(), now));
    world.run_until("2026-03-02T12:30");
    let open = world.open_incidents();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0].kind.as_str(), "rejected", "it began as failed");
    world.reload(&company("Lots in stock"));
    world.crash();
    world.restart();
    world.run_until("2026-03-02T16:00");

    let mut threads: BTreeMap<(String, &str), Vec<&str>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (_, sent) in &world.sent {
        let thread = (sent.address.to_string(), sent.message.thread.as_str());
        let subject = sent.message.subject.as_str();
        let is_first = seen.insert(thread.clone());
        assert_eq!(
            is_first,
            matches!(sent.message.purpose, Purpose::Opening | Purpose::Impact),
            "{subject}"
        );
        threads.entry(thread).or_default().push(subject);
    }
    let subjects: Vec<(&str, &Vec<&str>)> = threads
        .iter()
        .map(|((to, _), subjects)| (to.as_str(), subjects))
        .collect();
    let mut told = Vec::new();
    for (to, subjects) in subjects {
        let stem = subjects[0];
        assert!(subjects.len() > 1, "{to}: {subjects:?}");
        let again = format!("Re: {stem}");
        assert!(
            subjects[1..].iter().all(|subject| *subject == again),
            "{to}: {subjects:?}"
        );
        told.push((to, stem));
    }
    assert_eq!(
        told,
        [
            ("mail:a@sea.example", "[freshd] export failed (#1)"),
            (
                "mail:b@sea.example",
                "[freshd] Stock per lot (stock) not as promised (#1)"
            ),
            // What the desk reads, not what that is made from; the job of `d` reads the stock.
            ("mail:c@sea.example", "[freshd] plan not as promised (#1)"),
            (
                "mail:d@sea.example",
                "[freshd] Stock per lot (stock) not as promised (#1)"
            ),
        ]
    );
}
