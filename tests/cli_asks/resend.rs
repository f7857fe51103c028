//! What was given up is sent again from the command line.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::freshd_process::House;
use super::{JOBS, ends, json};

const REMARK: &str = "1 message was given up and not sent again; `freshd notify dead` lists it";

/// A freshd whose team `ops` is told by a siren that takes nothing before the file `armed` is there.
fn with_a_siren() -> House {
    let house = House::with(&format!(
        "{}[alerts]\ngroup_wait = \"0s\"\n[channels.siren]\ntype = \"command\"\ncommand = [\"./siren.sh\"]\n\
         [teams.ops]\nnotify = [\"siren:deck\"]\n",
        JOBS.replace("[jobs.broken]\nowner = \"it\"", "[jobs.broken]\nowner = \"ops\"")
    ));
    house.script("siren.sh", "echo no siren; exec test -e HOUSE/armed\n");
    house
}

#[test]
fn what_was_given_up_is_listed_until_it_is_sent_again_and_all_of_it_at_once() {
    let house = with_a_siren();
    let _daemon = house.daemon();
    let (none, _) = ends(&house, 0, &["notify", "dead"]);
    assert!(none.starts_with("no message waits for anybody"), "{none}");
    ends(&house, 1, &["run", "broken", "--wait"]);
    house.until_stored("the message is dead", |reader| {
        !reader.dead_messages(false, 9, &|_| true).expect("read").is_empty()
    });
    let listed = json(&house, 0, &["--json", "notify", "dead"]);
    let dead = &listed["messages"][0];
    let number = dead["message"].as_u64().expect("a number");
    let said =
        ["purpose", "team", "to", "title", "resend"].map(|key| dead[key].as_str().unwrap_or_default().to_owned());
    let resend = format!("freshd notify resend {number}");
    assert_eq!(said, ["opening", "ops", "siren:deck", "broken failed (#1)", &resend]);
    let incident = dead["incident"].as_u64().expect("an incident");
    assert!(
        dead["error"].as_str().is_some_and(|error| error.contains("no siren")),
        "{dead}"
    );
    assert!(dead["given_up_at"].is_string() && dead["settled"].is_null(), "{dead}");
    let (text, _) = ends(&house, 0, &["notify", "dead"]);
    let row = text.lines().nth(1).expect("a row");
    for words in [
        "ops",
        "siren:deck",
        &number.to_string(),
        &format!("broken failed (#{incident})"),
        "no siren",
    ] {
        assert!(row.contains(words), "{words}: {text}");
    }
    assert!(text.contains("freshd notify resend MESSAGE"), "{text}");
    for (code, verb) in [(0, "incidents"), (1, "status")] {
        let (text, _) = ends(&house, code, &[verb]);
        assert_eq!(text.lines().last(), Some(REMARK), "{verb}: {text}");
    }

    house.write("armed", "");
    let sent = json(&house, 0, &["--json", "notify", "resend", "--all"]);
    assert_eq!(sent["sent"][0]["message"], number, "{sent}");
    let again = sent["sent"][0]["again"].as_u64().expect("a number");
    assert_eq!(
        json(&house, 0, &["--json", "notify", "dead"])["messages"],
        serde_json::json!([])
    );
    let all = json(&house, 0, &["--json", "notify", "dead", "--all"]);
    let settled = format!("message {number} was sent again already, as message {again}");
    let dead = &all["messages"][0];
    assert_eq!(
        (&dead["settled"], &dead["resend"]),
        (&settled.into(), &serde_json::Value::Null)
    );
    let (nothing, _) = ends(&house, 0, &["notify", "resend", "--all"]);
    assert!(nothing.starts_with("no message waits"), "{nothing}");
    for args in [&["notify", "resend"][..], &["notify", "resend", "1", "--all"]] {
        ends(&house, 2, args);
    }
}

#[test]
fn what_was_for_an_address_that_nobody_uses_any_more_is_neither_sent_nor_waited_for() {
    let house = with_a_siren();
    let daemon = house.daemon();
    ends(&house, 1, &["run", "broken", "--wait"]);
    house.until_stored("the message is dead", |reader| {
        !reader.dead_messages(false, 9, &|_| true).expect("read").is_empty()
    });
    let number = json(&house, 0, &["--json", "notify", "dead"])["messages"][0]["message"].to_string();
    // Where they are told now it works.
    house.write("armed", "");
    let old = house.read("jobs.toml");
    house.configure(&old.replace("siren:deck", "siren:quay"));
    // The daemon has not taken that on, and would send it.
    let listed = json(&house, 0, &["--json", "notify", "dead"]);
    assert_eq!(listed["messages"][0]["message"].to_string(), number, "{listed}");
    // Nor does it count while it says nothing, which holds nobody up for long.
    daemon.signal(Signal::STOP);
    let asked = Instant::now();
    let (text, _) = ends(&house, 0, &["incidents"]);
    let took = asked.elapsed();
    daemon.signal(Signal::CONT);
    assert_eq!(text.lines().last(), Some(REMARK), "{text}");
    assert!(took < Duration::from_mins(1), "{took:?}");
    ends(&house, 0, &["reload"]);
    let (none, _) = ends(&house, 0, &["notify", "dead"]);
    assert!(none.starts_with("no message waits for anybody"), "{none}");
    let all = json(&house, 0, &["--json", "notify", "dead", "--all"]);
    let settled = "address no longer used: jobs.toml does not name siren:deck";
    let dead = &all["messages"][0];
    assert_eq!(dead["settled"], settled, "{dead}");
    assert_eq!(
        (&dead["address_in_use"], &dead["resend"]),
        (&false.into(), &serde_json::Value::Null)
    );
    for (code, verb) in [(0, "incidents"), (1, "status")] {
        let (text, _) = ends(&house, code, &[verb]);
        assert!(!text.contains("given up and not sent again"), "{verb}: {text}");
    }
    let (_, why) = ends(&house, 1, &["notify", "resend", &number]);
    assert!(why.contains(settled), "{why}");
    let (text, _) = ends(&house, 0, &["notify", "resend", "--all"]);
    assert!(
        text.contains("1 more is to an address that jobs.toml does not name any more, and is left as it is"),
        "{text}"
    );
    let skipped = json(&house, 0, &["--json", "notify", "resend", "--all"]);
    assert_eq!(
        skipped,
        serde_json::json!({ "sent": [], "refused": [], "told_by_later": 0, "skipped": 1 })
    );

    // Where none runs, the next goes by what is written.
    drop(daemon);
    let (text, _) = ends(&house, 0, &["incidents"]);
    assert!(!text.contains("given up and not sent again"), "{text}");
    house.configure(&old);
    let (text, _) = ends(&house, 0, &["incidents"]);
    assert_eq!(text.lines().last(), Some(REMARK), "{text}");
}

#[test]
fn a_dead_message_is_put_in_again_by_its_number_and_only_once() {
    let house = with_a_siren();
    let _daemon = house.daemon();
    ends(&house, 1, &["run", "broken", "--wait"]);
    let dead = |house: &House| {
        let incident = house.reader().incidents(true, 9).expect("read");
        let of = incident.iter().find(|incident| incident.subject.as_str() == "broken");
        let told = of.map(|incident| house.reader().notifications_of(incident.id).expect("read"));
        let told = told.into_iter().flatten().map(|(message, _)| message);
        told.filter(|message| message.address.channel.as_str() == "siren")
            .collect::<Vec<_>>()
    };
    house.until_stored("the message is dead", |_| {
        dead(&house).iter().any(|message| message.state.as_str() == "dead")
    });
    let first = dead(&house).remove(0);
    let incident = first.incident.expect("an incident").to_string();
    let (listed, _) = ends(&house, 0, &["incidents", &incident]);
    let number = first.id.to_string();
    let is_listed = listed
        .lines()
        .any(|line| line.starts_with(&number) && line.contains("siren:deck") && line.contains("dead"));
    assert!(is_listed, "{listed}");

    house.write("armed", "");
    let said = json(&house, 0, &["--json", "notify", "resend", &number]);
    let again = said["message"].as_u64().expect("a number");
    house.until_stored("it is taken", |_| {
        dead(&house)
            .iter()
            .any(|message| message.id.0 == again && message.state.as_str() == "delivered")
    });
    let (_, why) = ends(&house, 1, &["notify", "resend", &number]);
    assert!(
        why.contains(&format!(
            "not sent again: message {number} was sent again already, as message {again}"
        )),
        "{why}"
    );
    let (_, why) = ends(&house, 1, &["notify", "resend", "999"]);
    assert!(
        why.contains("there is no message 999; `freshd notify dead` lists those that were given up"),
        "{why}"
    );
}
