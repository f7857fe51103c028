//! What mail programs take for one conversation: one root, and one subject, whatever becomes of the incident.

use std::collections::{BTreeMap, BTreeSet};

use freshd::model::Purpose;

use super::delivery::{OPS, busy};
use super::digests::{failing_together, taken};
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
            ("mail:b@sea.example", "[freshd] Stock per lot not as promised (#1)"),
            // What the desk reads, not what that is made from; the job of `d` reads the stock.
            ("mail:c@sea.example", "[freshd] plan not as promised (#1)"),
            ("mail:d@sea.example", "[freshd] Stock per lot not as promised (#1)"),
        ]
    );
}

#[test]
fn a_mail_about_what_stood_in_a_digest_alone_is_the_answer_to_no_mail() {
    for crashes in [false, true] {
        let mut world = failing_together(30);
        world.run_until("2026-11-23T15:00");
        let openings = world.ledger.notifications.values();
        let openings = openings.filter(|one| one.message.purpose == Purpose::Opening);
        let (gathered, by_itself): (Vec<_>, Vec<_>) = openings.cloned().partition(|one| one.digest.is_some());
        let [gathered, by_itself] = [&gathered[0], &by_itself[0]].map(|one| one.message.subject_name.to_string());
        if crashes {
            world.crash();
            world.restart();
        }
        for job in [&gathered, &by_itself] {
            world.script(job, |_, _| Play::succeeds());
            world.run(job);
        }
        world.run_until("2026-11-23T15:30");
        let ends = taken(&world, OPS).into_iter().map(|(_, sent)| &sent.message);
        let ends = ends.filter(|message| message.purpose == Purpose::Recovery);
        let ends: BTreeMap<&str, bool> = ends
            .inspect(|end| {
                // What begins no mail's subject with an answer says itself that it is an end.
                let says_so = end.marked_subject().starts_with("[freshd] Resolved: ");
                assert_ne!(says_so, end.subject.starts_with("Re: "), "{}", end.marked_subject());
            })
            .map(|end| (end.subject_name.as_str(), end.subject.starts_with("Re: ")))
            .collect();
        let expected = BTreeMap::from([(gathered.as_str(), false), (by_itself.as_str(), true)]);
        assert_eq!(ends, expected, "crashes: {crashes}");
    }
}

#[test]
fn whoever_is_told_elsewhere_and_later_knows_it_by_the_same_name() {
    for crashes in [false, true] {
        let text = format!(
            "{PEOPLE}{NO_PROOFS}[systems.shop]\nowner = \"b\"\nreads_at = \"0 20 * * *\"\n\
             [systems.desk]\nowner = \"b\"\nreads_at = \"0 19 * * *\"\n\
             [datasets.stock]\nowner = \"a\"\nfile = \"stock\"\nmax_age = \"30m\"\nconsumers = [\"shop\"]\n\
             [datasets.plan]\nowner = \"a\"\nfile = \"plan\"\nmax_age = \"33m\"\nconsumers = [\"desk\"]\n\
             [jobs.export]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"stock\"\n\
             [jobs.plan]\nowner = \"ops\"\ncommand = \"true\"\non = [\"stock\"]\nproduces = \"plan\"\n"
        );
        let mut world = World::start(&text, "2026-11-26T12:00");
        world.channel("mail:b@sea.example", |_, now| busy(now));
        for job in ["export", "plan"] {
            world.script(job, |_, now| Play::writes("x", now));
        }
        world.run("export");
        world.run_until("2026-11-26T12:10");
        world.script("export", |_, _| Play::fails(1, ""));
        world.run("export");
        world.run_until("2026-11-26T12:34:30");
        if crashes {
            world.crash();
            world.restart();
            world.channel("mail:b@sea.example", |_, now| busy(now));
        }
        world.run_until("2026-11-26T12:50");
        let messages = world.ledger.notifications.values().map(|one| &one.message);
        let of_b = messages.filter(|message| message.told_for().as_str() == "b");
        let stems: BTreeMap<&str, usize> = of_b.fold(BTreeMap::new(), |mut stems, message| {
            *stems.entry(message.stem()).or_default() += 1;
            stems
        });
        assert_eq!(
            stems.keys().collect::<Vec<_>>(),
            [&"[freshd] stock not as promised (#1)"]
        );
        assert!(
            stems.values().all(|count| *count >= 3),
            "to b, and twice in its stead: {stems:?}"
        );
    }
}
