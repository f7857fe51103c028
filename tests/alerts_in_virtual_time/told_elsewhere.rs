//! What a message about an end says of data that is told of by an incident of its own.

use freshd::model::Purpose;

use super::delivery::OPS;
use super::ends::READER;
use super::virtual_world::{Play, World};
use super::{NO_PROOFS, one_job};

#[test]
fn an_end_names_to_its_readers_what_of_their_own_is_told_of_elsewhere() {
    // `b` reads `d` and answers for `e`, which nobody has made anew for too long before `j` failed: it goes on to be stale.
    let text = one_job("produces = \"d\"")
        + NO_PROOFS
        + "[datasets.d]\nowner = \"a\"\nfile = \"d\"\nmax_age = \"3h\"\nconsumers = [\"b\"]\n\
           [datasets.e]\nowner = \"b\"\nfile = \"e\"\nmax_age = \"1h\"\n\
           [jobs.k]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"d\"]\non_stale = \"run\"\nproduces = \"e\"\n";
    let mut world = World::start(&text, "2026-11-26T10:00");
    for job in ["j", "k"] {
        world.script(job, |_, now| Play::writes(&now.to_string(), now));
        world.run(job);
        world.run_until("2026-11-26T10:10");
    }
    world.run_until("2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, "no route to host"));
    world.run("j");
    world.run_until("2026-11-26T15:30");
    let open = world.open_incidents();
    let of_e = open.iter().find(|one| one.subject.as_str() == "e");
    let of_e = of_e.expect("it is told by itself").id;
    world.script("j", |_, now| Play::writes(&now.to_string(), now));
    world.run("j");
    world.run_until("2026-11-26T15:40");
    let end = |to: &str| {
        let sent = world.sent.iter().map(|(_, sent)| sent);
        let mut ends = sent.filter(|sent| sent.address.to_string() == to && sent.message.purpose == Purpose::Recovery);
        ends.next().expect("an end").message.clone()
    };
    let to_reader = end(READER);
    let goes_on = format!("; it goes on as #{of_e}. Only this is over: RESOLVED after ");
    assert!(
        to_reader
            .headline
            .starts_with("PARTLY OVER: e, which you own, is still stale: ")
            && to_reader.headline.contains(&goes_on)
            && to_reader.headline.contains(": d is fresh again, "),
        "{}",
        to_reader.headline
    );
    assert_eq!(to_reader.facts[0].text, format!("e (#{of_e})"));
    let to_owner = end(OPS);
    assert!(
        to_owner
            .headline
            .ends_with(&format!(" Made from it and not as promised: e (#{of_e}).")),
        "{}",
        to_owner.headline
    );
    let made = to_owner.facts.iter().find(|fact| fact.label == "Made from it");
    assert_eq!(
        made.map(|fact| fact.text.clone()),
        Some(format!("1 dataset: e (stale, #{of_e})"))
    );
}
