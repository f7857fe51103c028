//! Many datasets behind one cause: one alert that names all, and what stays bad behind it is told once.

use std::fmt::Write as _;

use freshd::model::{Message, Notification, ProblemKind, Purpose};

use super::digests::{out_of_order, taken};
use super::virtual_world::{Play, World, at};
use super::{NO_PROOFS, PEOPLE};

/// Datasets that are made from the one of each cause.
const MADE_FROM_IT: usize = 40;

/// So many exports, each hourly and of its own team; behind the first, forty datasets of team `d`, each made by a job that
/// starts with every version of it.
fn company(causes: &[(&str, &str)]) -> String {
    let mut text = format!("{PEOPLE}{NO_PROOFS}");
    for (name, team) in causes {
        let root = format!(
            "[datasets.{name}]\nowner = \"{team}\"\nfile = \"{name}\"\nmax_age = \"100m\"\n\
             [jobs.export-{name}]\nowner = \"{team}\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\nproduces = \"{name}\"\n"
        );
        text.push_str(&root);
    }
    let (first, _) = causes[0];
    for number in 0..MADE_FROM_IT {
        let made = format!(
            "[datasets.m{number:02}]\nowner = \"d\"\nfile = \"m{number:02}\"\nmax_age = \"110m\"\n\
             [jobs.make-m{number:02}]\nowner = \"d\"\ncommand = \"true\"\non = [\"{first}\"]\nneeds = [\"{first}\"]\n\
             on_stale = \"run\"\nproduces = \"m{number:02}\"\n"
        );
        text.write_str(&made).expect("a text");
    }
    text
}

/// The exports fail from ten to twelve o'clock, all at once.
fn broken(causes: &[(&'static str, &str)]) -> World {
    let mut world = World::start(&company(causes), "2026-03-02T07:59");
    for (name, _) in causes {
        world.script(&format!("export-{name}"), |_, now| {
            match (at("2026-03-02T09:59")..at("2026-03-02T11:59")).contains(&now) {
                true => Play::fails(1, "no route to host"),
                false => Play::writes(&now.to_string(), now),
            }
        });
    }
    world
}

/// What was sent to a team, each with its purpose and the thing it is about.
fn told_to<'a>(world: &'a World, team: &str) -> Vec<(Purpose, &'a str)> {
    let address = format!("mail:{team}@sea.example");
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let to_team = sent.filter(|sent| sent.address.to_string() == address);
    to_team
        .map(|sent| (sent.message.purpose, sent.message.subject_name.as_str()))
        .collect()
}

/// Whether a message says of each of the forty datasets that it is made from what is wrong.
fn names_all(sent: &Notification) -> bool {
    let groups = ["Made from it", "Stale (", "At risk (", "As promised (", "and"];
    let is_group = |label: &str| groups.iter().any(|group| label.starts_with(group));
    let lines = sent.message.facts.iter().filter(|fact| is_group(&fact.label));
    let lines: Vec<&str> = lines.map(|fact| fact.text.as_str()).collect();
    assert!(
        lines.iter().all(|line| line.len() <= 1_000),
        "no channel cuts it: {lines:?}"
    );
    let lines = lines.join(" ");
    let words: Vec<&str> = lines.split([' ', ',']).collect();
    (0..MADE_FROM_IT).all(|number| words.contains(&format!("m{number:02}").as_str()))
}

#[test]
fn forty_datasets_behind_one_failed_job_are_one_alert_that_names_them_all() {
    let mut world = broken(&[("root", "a")]);
    world.run_until("2026-03-02T11:50");
    assert_eq!(world.open_incidents().len(), 1, "{:?}", world.open_incidents());
    let owner = told_to(&world, "a");
    let job = "export-root";
    assert_eq!(owner[..2], [(Purpose::Opening, job), (Purpose::Update, job)]);
    assert!(owner[2..].iter().all(|(why, _)| *why == Purpose::Reminder), "{owner:?}");
    assert_eq!(
        told_to(&world, "d"),
        [(Purpose::Impact, job)],
        "one notice for all forty"
    );
    for (_, sent) in &world.sent {
        assert!(names_all(sent), "{:?}: {:?}", sent.message.purpose, sent.message.facts);
    }
    let of_team = |sent: &Notification| sent.message.team.as_str() == "d";
    let notice = world.sent.iter().map(|(_, sent)| sent).find(|sent| of_team(sent));
    let facts = &notice.expect("told").message.facts;
    assert!(facts.len() <= 60, "no channel leaves any out: {}", facts.len());
}

#[test]
fn what_a_reader_reads_of_much_that_breaks_in_one_instant_is_named_in_one_notice_and_counted_at_the_end() {
    // What is made from the one is `d`'s, and `e` reads all of it and nothing else.
    let text = company(&[("root", "a")]).replace("max_age = \"110m\"", "max_age = \"110m\"\nconsumers = [\"e\"]");
    let mut world = World::start(&text, "2026-03-02T07:59");
    let broken = at("2026-03-02T09:59")..at("2026-03-02T11:59");
    world.script("export-root", move |_, now| match broken.contains(&now) {
        true => Play::fails(1, "no route to host"),
        false => Play::writes(&now.to_string(), now),
    });
    world.run_until("2026-03-02T11:50");
    assert_eq!(told_to(&world, "e"), [(Purpose::Impact, "export-root")]);
    let of_team = |sent: &&Notification| sent.message.team.as_str() == "e";
    let notice = world.sent.iter().map(|(_, sent)| sent).find(of_team).expect("told");
    let words = &notice.message.headline;
    assert!(
        words.starts_with("CRITICAL: m00, which e reads, is stale: ")
            && words.contains(" Not as promised either: m01, m02, m03, m04, m05 and 34 more."),
        "{words}"
    );
    world.run_until("2026-03-02T13:00");
    let end = world.sent.iter().map(|(_, sent)| sent).rfind(of_team).expect("told");
    let message = &end.message;
    assert_eq!(message.purpose, Purpose::Recovery);
    let others = " As promised, too: 39 datasets which e reads.";
    assert!(message.headline.ends_with(others), "{}", message.headline);
    assert!(names_all(end), "{:?}", message.facts);
    // From the first word before anything broke to the last it is the same number.
    for (_, sent) in &world.sent {
        let read = sent.message.facts.iter().filter(|fact| fact.label == "Also read by");
        let read: Vec<&str> = read.map(|fact| fact.text.as_str()).collect();
        let is_to_reader = of_team(&sent);
        let expected = match is_to_reader {
            true => "e (you, m00 and 39 more)",
            false => "e (m00 and 39 more)",
        };
        assert!(
            read.len() == 1 && read[0].contains("40 ") && read[0].contains(expected),
            "{read:?}"
        );
    }
}

/// The last message of that kind to a team.
fn last_of<'a>(world: &'a World, team: &str, purpose: Purpose) -> &'a Message {
    let address = format!("mail:{team}@sea.example");
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let mut to_team = sent.filter(|sent| sent.address.to_string() == address && sent.message.purpose == purpose);
    &to_team.next_back().expect("it is told").message
}

fn says<'a>(message: &'a Message, label: &str) -> Option<&'a str> {
    let said = message.facts.iter().find(|fact| fact.label == label);
    said.map(|fact| fact.text.as_str())
}

#[test]
fn whoever_answers_for_a_cause_hears_of_all_that_is_made_from_it_to_the_end_also_after_a_crash() {
    for crash in [false, true] {
        let mut world = broken(&[("root", "a")]);
        world.run_until("2026-03-02T11:50");
        let reminder = last_of(&world, "a", Purpose::Reminder);
        assert!(
            reminder
                .headline
                .contains(" root and the 40 datasets made from it are stale."),
            "{}",
            reminder.headline
        );
        // Half of them are good again before the end, which waits for the others.
        for number in 0..MADE_FROM_IT / 2 {
            world.script(&format!("make-m{number:02}"), |_, now| {
                Play::writes(&now.to_string(), now).taking(std::time::Duration::from_mins(10))
            });
        }
        world.run_until("2026-03-02T12:05");
        assert!(!told_to(&world, "a").contains(&(Purpose::Recovery, "export-root")));
        if crash {
            world.crash();
            world.restart();
        }
        world.run_until("2026-03-02T12:30");
        let end = last_of(&world, "a", Purpose::Recovery);
        assert!(
            end.headline.ends_with(", and so are the 40 datasets made from it."),
            "{}",
            end.headline
        );
        assert_eq!(says(end, "Made from it"), Some("40 datasets, all as promised"));
        let to_reader = last_of(&world, "d", Purpose::Recovery);
        assert_eq!(says(to_reader, "Made from it"), Some("40 datasets, all as promised"));
    }
}

#[test]
fn what_was_never_broken_is_not_said_to_be_good_again() {
    let text = company(&[("root", "a")]).replace("max_age = \"110m\"", "max_age = \"5h\"");
    let text = text.replacen("max_age = \"5h\"", "max_age = \"110m\"", 2);
    let mut world = World::start(&text, "2026-03-02T07:59");
    world.script("export-root", |_, now| {
        match (at("2026-03-02T09:59")..at("2026-03-02T11:59")).contains(&now) {
            true => Play::fails(1, "no route to host"),
            false => Play::writes(&now.to_string(), now),
        }
    });
    world.run_until("2026-03-02T13:00");
    let end = last_of(&world, "a", Purpose::Recovery);
    assert!(
        end.headline
            .ends_with(", and so are 2 of the 40 datasets made from it."),
        "{}",
        end.headline
    );
    assert_eq!(says(end, "Made from it"), Some("40 datasets, all as promised"));
}

#[test]
fn a_reader_of_the_cause_hears_when_the_first_of_its_own_breaks() {
    let text = company(&[("root", "a")]).replace("file = \"root\"", "file = \"root\"\nconsumers = [\"d\"]");
    let mut world = World::start(&text, "2026-03-02T07:59");
    world.script("export-root", |_, now| match now >= at("2026-03-02T09:59") {
        true => Play::fails(1, "no route to host"),
        false => Play::writes(&now.to_string(), now),
    });
    world.run_until("2026-03-02T11:50");
    let notice = last_of(&world, "d", Purpose::Impact);
    // They have jobs that read it as well.
    assert!(
        notice.headline.starts_with("CRITICAL: root, which "),
        "{}",
        notice.headline
    );
    let next = says(notice, "Goes stale").expect("it will");
    assert!(
        next.starts_with("m00, Mon 2026-03-02 10:50") && next.ends_with(", the first of 40 that concern d"),
        "{next}"
    );
}

#[test]
fn three_causes_at_once_are_three_alerts() {
    let mut world = broken(&[("root", "a"), ("second", "b"), ("third", "c")]);
    world.run_until("2026-03-02T11:50");
    let mut open: Vec<_> = world
        .open_incidents()
        .into_iter()
        .map(|open| open.subject.to_string())
        .collect();
    open.sort();
    assert_eq!(open, ["export-root", "export-second", "export-third"]);
    for (team, job) in [("a", "export-root"), ("b", "export-second"), ("c", "export-third")] {
        let told = told_to(&world, team);
        let openings = told.iter().filter(|(why, _)| *why == Purpose::Opening).count();
        assert_eq!(openings, 1, "{told:?}");
        assert!(told.iter().all(|(_, subject)| *subject == job), "{told:?}");
    }
}

#[test]
fn two_of_forty_that_stay_bad_when_their_cause_is_over_are_told_once() {
    let mut world = broken(&[("root", "a")]);
    for made in ["m07", "m23"] {
        world.script(&format!("make-{made}"), |_, now| match now >= at("2026-03-02T11:59") {
            true => Play::fails(1, "disk quota exceeded"),
            false => Play::writes(&now.to_string(), now),
        });
    }
    world.run_until("2026-03-02T12:55");
    let told = told_to(&world, "d");
    assert_eq!(
        told[..2],
        [(Purpose::Impact, "export-root"), (Purpose::Recovery, "export-root")]
    );
    let mut stay_bad = told[2..].to_vec();
    stay_bad.sort();
    assert_eq!(
        stay_bad,
        [(Purpose::Opening, "make-m07"), (Purpose::Opening, "make-m23")]
    );
    let open = world.open_incidents();
    assert!(open.iter().all(|open| open.kind == ProblemKind::Failed), "{open:?}");
    assert_eq!(told_to(&world, "a").last(), Some(&(Purpose::Recovery, "export-root")));
}

#[test]
fn what_is_being_mended_when_its_cause_is_over_is_not_told_first() {
    let mut world = broken(&[("root", "a")]);
    // It takes longer than a new problem waits, and two of them fail in the end.
    for number in 0..MADE_FROM_IT {
        world.script(&format!("make-m{number:02}"), move |_, now| {
            let play = match now >= at("2026-03-02T11:59") && [7, 23].contains(&number) {
                true => Play::fails(1, "disk quota exceeded"),
                false => Play::writes(&now.to_string(), now),
            };
            play.taking(std::time::Duration::from_mins(10))
        });
    }
    world.run_until("2026-03-02T12:55");
    let told = told_to(&world, "d");
    let openings: Vec<_> = told.iter().filter(|(why, _)| *why == Purpose::Opening).collect();
    assert_eq!(openings.len(), 2, "{openings:?}");
}

/// The commands and the lines of the first digest that a team took.
fn digest_of(world: &World, team: &str) -> (Vec<String>, Vec<String>) {
    let address = format!("mail:{team}@sea.example");
    let taken = taken(world, &address);
    let digest = taken.iter().find(|(_, sent)| sent.message.purpose == Purpose::Digest);
    let message = &digest.unwrap_or_else(|| panic!("{team}: {taken:?}")).1.message;
    let lines = message.incidents.iter().map(|line| line.text.clone());
    (message.commands.clone(), lines.collect())
}

#[test]
fn a_digest_says_how_many_are_affected_and_to_whoever_is_to_mend_it_what_to_type() {
    // Seven exports of team `a` fail together, the last of which has the forty behind it; `d` reads what the others make.
    let others = ["a1", "a2", "a3", "a4", "a5", "a6"];
    let causes: Vec<(&str, &str)> = std::iter::once("root").chain(others).map(|name| (name, "a")).collect();
    let mut text = company(&causes);
    for name in others {
        let file = format!("file = \"{name}\"\n");
        text = text.replace(&file, &format!("{file}consumers = [\"d\"]\n"));
    }
    let mut world = World::start(&text, "2026-03-02T07:59");
    for (name, _) in causes {
        world.script(&format!("export-{name}"), |_, now| {
            match now >= at("2026-03-02T09:59") {
                true => Play::fails(1, "no route to host"),
                false => Play::writes(&now.to_string(), now),
            }
        });
    }
    out_of_order(&mut world, "mail:a@sea.example", "2026-03-02T09:59", "2026-03-02T11:30");
    out_of_order(&mut world, "mail:d@sea.example", "2026-03-02T09:59", "2026-03-02T10:55");
    world.run_until("2026-03-02T12:50");
    let (commands, lines) = digest_of(&world, "a");
    let of_root = lines.iter().find(|line| line.contains(" export-root failed, "));
    let of_root = of_root.unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(of_root.contains("; root and 40 more are stale"), "{of_root}");
    let worst = lines[0].split(' ').nth(1).expect("a job");
    let typed = ["why", "logs", "run"].map(|verb| format!("freshd {verb} {worst}"));
    for (command, typed) in commands.iter().zip(typed) {
        assert!(command.starts_with(&typed), "{commands:?}");
    }
    assert_eq!(commands.last().map(String::as_str), Some("freshd ack NUMBER"));
    let (commands, lines) = digest_of(&world, "d");
    let of_root = lines.iter().find(|line| line.contains(", because export-root failed"));
    let of_root = of_root.unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(of_root.contains(" root is stale, "), "{of_root}");
    assert!(of_root.contains("; m00 and 39 more are stale"), "{of_root}");
    assert_eq!(commands[0], "freshd status", "{commands:?}");
}
