//! Silences and rehearsals from the command line: what is said, what is refused, and how it shows.

use super::freshd_process::House;
use super::{JOBS, begun, ends, freshd, json};

/// A job that makes data, beside the others.
fn house() -> House {
    let data = "[datasets.stock]\nowner = \"it\"\nfile = \"stock.csv\"\n\
                [jobs.export]\nowner = \"it\"\ncommand = \"true\"\nproduces = \"stock\"\n";
    House::with(&format!("{JOBS}\n[alerts]\ngroup_wait = \"0s\"\n{data}"))
}

#[test]
fn a_silence_is_on_record_with_who_and_why_until_it_is_lifted() {
    let house = house();
    let _daemon = house.daemon();
    let because = "the disk is changed";
    let (said, _) = ends(&house, 0, &["silence", "broken", "--for", "2h", "--because", because]);
    assert!(
        said.starts_with("job broken is silenced until ") && said.contains("(in 2h)"),
        "{said}"
    );
    ends(&house, 1, &["run", "broken", "--wait"]);
    let status = json(&house, 1, &["status", "--json"]);
    let incident = &status["incidents"][0];
    assert_eq!(
        (&incident["state"], &incident["silence"]["because"]),
        (&"waiting".into(), &because.into())
    );
    let (board, _) = ends(&house, 1, &["status"]);
    assert!(
        board.contains("broken is silenced until") && board.contains("nobody, silenced by"),
        "{board}"
    );
    let (why, _) = ends(&house, 0, &["why", "broken"]);
    assert!(why.contains("silenced") && why.contains(because), "{why}");

    let (again, _) = ends(
        &house,
        0,
        &["silence", "broken", "--for", "1d", "--because", "it takes longer"],
    );
    assert!(
        again.contains("it replaces the silence of ") && again.contains(because),
        "{again}"
    );
    let (lifted, _) = ends(&house, 0, &["unsilence", "broken"]);
    assert_eq!(lifted, "broken is no longer silenced\nincident 1 is told now\n");
    let (_, refused) = ends(&house, 1, &["unsilence", "broken"]);
    assert!(
        refused.contains("broken is not silenced; `freshd silences` lists what is"),
        "{refused}"
    );
    house.until_stored("a message", |reader| {
        let incidents = reader.incidents(true, 1).expect("incidents");
        let told = |incident: &freshd::model::Incident| reader.notifications_of(incident.id).expect("messages");
        incidents.first().is_some_and(|incident| !told(incident).is_empty())
    });

    let (listed, _) = ends(&house, 0, &["incidents"]);
    assert!(!listed.contains("taken on"), "{listed}");
    ends(&house, 0, &["ack", "1", "--note", "looking at it"]);
    let kept = json(&house, 0, &["incidents", "--json"]);
    let ack = kept["incidents"][0]["ack"].clone();
    let by = ack["by"].as_str().expect("who");
    assert!(ack["until"].is_string() && ack["note"] == "looking at it", "{ack}");
    let (listed, _) = ends(&house, 0, &["incidents"]);
    assert!(listed.contains(&format!("{by} until ")), "{listed}");
    // Once more by the same person: the note of then stays, and it was taken on once.
    ends(&house, 0, &["ack", "1"]);
    let (life, _) = ends(&house, 0, &["incidents", "1"]);
    let taken = life.lines().filter(|line| line.contains(&format!("by {by} ")));
    assert!(
        life.contains(&format!("by {by} (looking at it) ")) && taken.count() == 1,
        "{life}"
    );
    let (why, _) = ends(&house, 0, &["why", "broken"]);
    let taken = why.lines().filter(|line| line.contains(&format!("by {by} ")));
    assert!(
        why.contains(&format!("by {by} (looking at it) ")) && taken.count() == 1,
        "{why}"
    );
    let (none, _) = ends(&house, 0, &["silences", "broken"]);
    assert_eq!(none, "broken is not silenced; --all lists what was\n");
    let (_, refused) = ends(&house, 2, &["silences", "brokn"]);
    assert!(
        refused.contains("there is no job or dataset `brokn` in") && refused.contains("did you mean `broken`?"),
        "{refused}"
    );
    let (none, _) = ends(&house, 0, &["silences"]);
    assert_eq!(none, "nothing is silenced; --all lists what was\n");
    let all = json(&house, 0, &["silences", "broken", "--all", "--json"]);
    let silences = all["silences"].as_array().expect("a list");
    assert_eq!(silences.len(), 2);
    assert_eq!(
        (&silences[0]["number"], &silences[1]["because"]),
        (&2.into(), &because.into())
    );
    assert!(
        silences[0]["ended"]["how"]
            .as_str()
            .is_some_and(|how| how.starts_with("lifted by "))
    );
    let (text, _) = ends(&house, 0, &["silences", "--all"]);
    assert!(text.contains("lifted by") && text.contains("replaced by"), "{text}");
}

#[test]
fn a_silence_says_what_stands_next_to_it_and_is_told_as_ever() {
    let house = house();
    let _daemon = house.daemon();
    let (said, _) = ends(&house, 0, &["silence", "stock", "--for", "2h", "--because", "counting"]);
    assert!(said.contains("dataset stock is silenced until"), "{said}");
    assert!(said.contains("job export is not silenced by this"), "{said}");
    let facts = json(
        &house,
        0,
        &["silence", "export", "--for", "2h", "--because", "counting", "--json"],
    );
    assert_eq!(
        (&facts["concerns"][0], &facts["still_told"]),
        (&"job".into(), &serde_json::json!([]))
    );
}

#[test]
fn a_silence_that_makes_no_sense_is_refused_with_what_to_write() {
    let house = house();
    let _daemon = house.daemon();
    for (args, says) in [
        (vec!["silence", "broken", "--because", "x"], "--for"),
        (vec!["silence", "broken", "--for", "2h"], "--because"),
        (
            vec!["silence", "broken", "--for", "2h", "--because", " "],
            "a silence needs a reason",
        ),
        (
            vec!["silence", "broken", "--for", "31d", "--because", "x"],
            "from 1m to 30d; what is to stay quiet for longer",
        ),
        (
            vec!["silence", "broken", "--for", "10s", "--because", "x"],
            "from 1m to 30d\n",
        ),
        (vec!["silence", "broken", "--for", "soon", "--because", "x"], "soon"),
        (vec!["drill", "broken", "--for", "2d"], "a drill lasts from 1m to 1d"),
    ] {
        let (_, refused) = ends(&house, 2, &args);
        assert!(refused.contains(says), "{args:?}: {refused}");
    }
    let (_, refused) = ends(&house, 2, &["silence", "brokn", "--for", "2h", "--because", "x"]);
    assert!(refused.contains("did you mean `broken`?"), "{refused}");
}

#[test]
fn a_drill_that_is_waited_for_ends_with_whether_somebody_answered() {
    let house = house();
    let _daemon = house.daemon();
    let (child, mut lines, first) = begun(freshd(&house, &["drill", "stock", "--wait"]));
    assert!(
        first.starts_with("drill 1 with stock begins: it by outbox is told"),
        "{first}"
    );
    let (_, refused) = ends(&house, 1, &["drill", "stock"]);
    assert!(
        refused.contains("drill 1 on stock goes on; `freshd ack 1` ends it"),
        "{refused}"
    );
    // Nothing is wrong for anybody else; the data was never seen, which is no fault of the drill.
    let status = json(&house, 1, &["status", "--json"]);
    assert_eq!(
        (&status["drills"][0]["id"], &status["incidents"]),
        (&1.into(), &serde_json::json!([]))
    );
    let (board, _) = ends(&house, 1, &["status"]);
    assert!(board.contains("a drill goes on with stock until"), "{board}");
    let (answer, _) = ends(&house, 0, &["ack", "1"]);
    assert!(answer.starts_with("drill 1 is over: acknowledged by "), "{answer}");
    lines.next().expect("the hint");
    let last = lines.next().expect("the end");
    assert!(last.starts_with("drill 1 is over: acknowledged by "), "{last}");
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(0));
    let (kept, _) = ends(&house, 0, &["incidents", "--all"]);
    assert!(kept.contains("[DRILL] dataset"), "{kept}");
    let drills = json(&house, 0, &["incidents", "--all", "--json"]);
    let by = drills["incidents"][0]["ack"]["by"].as_str().expect("who").to_owned();
    assert!(kept.contains("taken on") && kept.contains(&by), "{kept}");
    let (shown, _) = ends(&house, 0, &["incidents", "1"]);
    assert!(shown.contains("result") && shown.contains("acknowledged by"), "{shown}");
    let taken_on = shown
        .lines()
        .find(|line| line.contains("taken on"))
        .expect("who took it on");
    assert!(!taken_on.contains("until"), "{taken_on}");
}

#[test]
fn whoever_waits_for_a_drill_hears_that_freshd_goes_away() {
    let house = house();
    let mut daemon = house.daemon();
    let (child, _lines, _) = begun(freshd(&house, &["drill", "stock", "--wait"]));
    assert!(daemon.terminate().success());
    let output = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("drill 1 goes on without it"), "{stderr}");
}
