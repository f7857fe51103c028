//! One cause, one alert: what waits, what is attached, what is promoted, who is told.

use freshd::model::{About, ExitStatus, IncidentState, ProblemKind, Purpose, Severity};

use super::virtual_world::{Play, World, at};
use super::{NO_PROOFS, PEOPLE, failing, one_job};

/// Five datasets, each made from the one before by a job every hour, each of another team.
fn chain() -> String {
    let mut text = format!("{PEOPLE}{NO_PROOFS}");
    for (place, team) in ["a", "b", "c", "d", "e"].iter().enumerate() {
        let needs = if place == 0 {
            String::new()
        } else {
            // Each goes on with what there is, however old.
            format!("needs = [\"d{}\"]\non_stale = \"run\"\n", place - 1)
        };
        text += &format!(
            "[datasets.d{place}]\nowner = \"{team}\"\nfile = \"d{place}\"\nmax_age = \"{}m\"\n\
             [jobs.j{place}]\nowner = \"{team}\"\ncommand = \"true\"\nschedule = \"{} * * * *\"\nproduces = \"d{place}\"\n{needs}",
            100 + 10 * place,
            5 * place
        );
    }
    text
}

/// The first job of the chain fails from ten to two o'clock.
fn broken_chain() -> World {
    let mut world = World::start(&chain(), "2026-03-02T07:59");
    world.script("j0", |_, now| {
        let broken = now >= at("2026-03-02T09:59") && now < at("2026-03-02T13:59");
        if broken {
            Play::fails(1, "no route to host")
        } else {
            Play::writes(&now.to_string(), now)
        }
    });
    world
}

#[test]
fn a_new_problem_waits_for_its_cause_to_show() {
    let mut world = failing(&one_job(""), "2026-03-02T10:00");
    world.run_until("2026-03-02T10:01:04");
    assert_eq!(world.told(), []);
    assert_eq!(world.incidents()[0].state, IncidentState::Waiting);
    world.run_until("2026-03-02T10:01:05");
    assert_eq!(world.told_to("mail:ops@sea.example"), [Purpose::Opening]);
    assert_eq!(world.open_incidents()[0].severity, Severity::Warning);
}

#[test]
fn a_cause_that_comes_and_goes_keeps_nothing_from_being_told() {
    let text = format!(
        "{PEOPLE}[datasets.d0]\nowner = \"a\"\nfile = \"d0\"\n[datasets.d1]\nowner = \"b\"\nfile = \"d1\"\n\
         max_age = \"10m 30s\"\n[jobs.j0]\nowner = \"a\"\ncommand = \"true\"\nevery = \"40s\"\nproduces = \"d0\"\n\
         [jobs.j1]\nowner = \"b\"\ncommand = \"true\"\nneeds = [\"d0\"]\nproduces = \"d1\"\n"
    );
    let mut world = World::start(&text, "2026-03-02T10:00");
    // It fails at every second time, so that none of its problems is old enough to be told; and it has one whenever the
    // other problem has waited for a minute, be that since it began or since it was last explained.
    let mut turn = 0;
    world.script("j0", move |_, now| {
        turn += 1;
        match turn % 2 {
            1 => Play::writes(&now.to_string(), now),
            _ => Play::fails(1, "no route to host"),
        }
    });
    world.script("j1", |_, now| Play::writes("once", now));
    world.run_until("2026-03-02T10:05");
    world.run("j1");
    world.run_until("2026-03-02T10:30");
    assert_eq!(world.told_to("mail:b@sea.example"), [Purpose::Opening]);
    assert_eq!(world.told_to("mail:a@sea.example"), []);
}

#[test]
fn what_is_over_before_anybody_was_told_is_never_told() {
    let mut world = failing(&one_job(""), "2026-03-02T10:00");
    world.run_until("2026-03-02T10:00:30");
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until("2026-03-02T20:00");
    assert_eq!(world.told(), []);
    assert_eq!(world.incidents()[0].state, IncidentState::Resolved);
}

#[test]
fn without_a_wait_the_problem_is_told_at_once() {
    let text = format!("{}\n[alerts]\ngroup_wait = \"0s\"\n", one_job(""));
    let mut world = failing(&text, "2026-03-02T10:00");
    world.run_until("2026-03-02T10:00:05");
    assert_eq!(world.told_to("mail:ops@sea.example"), [Purpose::Opening]);
}

#[test]
fn one_cause_is_one_alert_over_a_chain_of_five() {
    let mut world = broken_chain();
    world.run_until("2026-03-02T13:58");
    let open = world.open_incidents();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!((open[0].about, open[0].subject.as_str()), (About::Job, "j0"));
    assert_eq!(open[0].severity, Severity::Critical);
    let attached = world
        .incidents()
        .into_iter()
        .filter(|incident| incident.state == IncidentState::Attached);
    let attached: Vec<_> = attached
        .map(|incident| (incident.subject.to_string(), incident.cause))
        .collect();
    let root = Some(open[0].id);
    let datasets = ["d0", "d1", "d2", "d3", "d4"];
    assert_eq!(attached, datasets.map(|name| (name.to_owned(), root)));
    // The owner: a warning, one update when the promise broke, then reminders. The others: one notice each.
    let owner = world.told_to("mail:a@sea.example");
    assert_eq!(owner[..2], [Purpose::Opening, Purpose::Update]);
    assert!(owner[2..].iter().all(|why| *why == Purpose::Reminder), "{owner:?}");
    for team in ["b", "c", "d", "e"] {
        assert_eq!(
            world.told_to(&format!("mail:{team}@sea.example")),
            [Purpose::Impact],
            "{team}"
        );
    }
    let notice = world
        .sent
        .iter()
        .find(|(_, sent)| sent.address.to_string() == "mail:e@sea.example")
        .unwrap();
    let text = format!("{} {:?}", notice.1.message.headline, notice.1.message.facts);
    assert!(text.contains("limited by d0@2"), "{text}");
}

#[test]
fn recovery_reaches_everyone_who_was_told_and_nobody_else() {
    let mut world = broken_chain();
    world.run_until("2026-03-02T15:30");
    assert_eq!(world.open_incidents().len(), 0);
    let recovered: Vec<_> = world
        .told()
        .into_iter()
        .filter(|(_, _, why)| *why == Purpose::Recovery)
        .map(|(_, to, _)| to)
        .collect();
    let mut everyone: Vec<_> = ["a", "b", "c", "d", "e"]
        .map(|team| format!("mail:{team}@sea.example"))
        .into();
    everyone.sort();
    let mut first: Vec<_> = recovered.iter().take(5).cloned().collect();
    first.sort();
    assert_eq!(first, everyone);
}

#[test]
fn effects_that_stay_bad_when_their_cause_is_over_stand_on_their_own() {
    let mut world = broken_chain();
    world.script("j1", |_, now| {
        let takes = if now > at("2026-03-02T13:59") { 50 } else { 0 };
        Play::writes(&now.to_string(), now).taking(std::time::Duration::from_mins(takes))
    });
    world.run_until("2026-03-02T14:01:06");
    assert_eq!(world.told_to("mail:a@sea.example").last(), Some(&Purpose::Recovery));
    let open = world.open_incidents();
    assert_eq!(open.len(), 1, "one of them explains the others: {open:?}");
    assert_eq!((open[0].subject.as_str(), open[0].kind), ("d1", ProblemKind::Stale));
    for (team, why) in [("b", Purpose::Opening), ("c", Purpose::Impact)] {
        let to_team = |sent: &&freshd::model::Notification| sent.message.team.as_str() == team;
        let mut sent = world.sent.iter().rev().map(|(_, sent)| sent);
        assert_eq!(sent.find(to_team).map(|sent| sent.message.purpose), Some(why), "{team}");
    }
}

#[test]
fn a_failure_between_a_breach_and_its_alert_belongs_to_that_alert() {
    let text = format!(
        "{PEOPLE}[datasets.x]\nowner = \"a\"\nfile = \"x\"\nmax_age = \"1h\"\nconsumers = [\"b\"]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"x\"\n"
    );
    let mut world = World::start(&text, "2026-03-02T10:00");
    world.run("j");
    world.run_until("2026-03-02T11:10");
    assert_eq!(
        world.told_to("mail:a@sea.example"),
        [Purpose::Opening],
        "stale, and no job has failed"
    );
    assert_eq!(world.told_to("mail:b@sea.example"), [Purpose::Impact]);
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-03-02T11:20");
    assert_eq!(world.open_incidents().len(), 1);
    assert_eq!(
        world.told_to("mail:a@sea.example"),
        [Purpose::Opening],
        "they know already"
    );
    assert_eq!(
        world.told_to("mail:ops@sea.example"),
        [Purpose::Impact],
        "whose job it is did not"
    );
}

#[test]
fn a_problem_that_gets_worse_sends_one_update_and_one_notice() {
    // Nothing has ever come: that cannot be told yet. At the deadline it is a broken promise.
    let text = format!(
        "{PEOPLE}[datasets.x]\nowner = \"a\"\nprobe = {{ file = \"/in/x\", every = \"1m\" }}\nconsumers = [\"b\"]\n\
         due = {{ at = \"0 12 * * *\" }}\n"
    );
    let mut world = World::start(&text, "2026-03-02T10:00");
    world.run_until("2026-03-02T10:10");
    assert_eq!(world.told_to("mail:a@sea.example"), [Purpose::Opening]);
    assert_eq!(world.open_incidents()[0].severity, Severity::Warning);
    assert_eq!(world.told_to("mail:b@sea.example"), []);
    world.probe("x", |_| (Err("permission denied".to_owned()), None));
    world.run_until("2026-03-02T10:30");
    assert_eq!(
        world.told_to("mail:a@sea.example"),
        [Purpose::Opening],
        "another reason is not worse"
    );
}

#[test]
fn a_promise_broken_under_an_open_doubt_turns_it_critical() {
    let text = format!(
        "{PEOPLE}[datasets.x]\nowner = \"a\"\nfile = \"x\"\nconsumers = [\"b\"]\ndue = {{ at = \"30 10 * * *\" }}\n\
         [jobs.j]\nowner = \"a\"\ncommand = \"true\"\nproduces = \"x\"\nalert = \"breach\"\n"
    );
    let mut world = failing(&text, "2026-03-02T10:00");
    world.run_until("2026-03-02T10:10");
    assert_eq!(
        world.told_to("mail:a@sea.example"),
        [Purpose::Opening],
        "it has run, and nothing came"
    );
    assert_eq!(world.open_incidents()[0].severity, Severity::Warning);
    world.run_until("2026-03-02T10:30:01");
    assert_eq!(world.told_to("mail:a@sea.example"), [Purpose::Opening, Purpose::Update]);
    assert_eq!(world.told_to("mail:b@sea.example"), [Purpose::Impact]);
    assert_eq!(world.open_incidents()[0].severity, Severity::Critical);
}

#[test]
fn alert_breach_keeps_quiet_until_a_promise_breaks() {
    let text = format!(
        "{PEOPLE}[datasets.x]\nowner = \"a\"\nfile = \"x\"\nmax_age = \"2h\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"x\"\nalert = \"breach\"\n"
    );
    let mut world = World::start(&text, "2026-03-02T10:00");
    world.run("j");
    world.run_until("2026-03-02T10:30");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-03-02T11:59");
    assert_eq!(world.told(), []);
    world.run_until("2026-03-02T12:01:00");
    assert_eq!(world.told_to("mail:a@sea.example"), [Purpose::Opening]);
    assert_eq!(world.told_to("mail:ops@sea.example"), []);
}

#[test]
fn what_nobody_owns_goes_to_the_fallback() {
    let text = one_job("").replace("owner = \"ops\"", "owner = \"nobody\"");
    let mut world = failing(&text, "2026-03-02T10:00");
    world.run_until("2026-03-02T10:02");
    assert_eq!(world.told_to("mail:it@sea.example"), [Purpose::Opening]);
    assert_eq!(world.told_to("pager"), [Purpose::Opening]);
}

#[test]
fn one_incident_for_one_thing_however_its_failures_differ() {
    let mut world = failing(&one_job(""), "2026-03-02T10:00");
    world.run_until("2026-03-02T10:10");
    world.script("j", |_, _| Play::ends(freshd::model::ExitStatus::Signal(9)));
    world.run("j");
    world.run_until("2026-03-02T10:20");
    assert_eq!(world.incidents().len(), 1);
    assert_eq!(world.told_to("mail:ops@sea.example"), [Purpose::Opening]);
    assert_eq!(world.incidents()[0].reason, "killed by signal 9 (SIGKILL)");
}

#[test]
fn what_is_no_longer_configured_is_no_longer_a_problem_and_that_is_told() {
    let mut world = failing(&one_job(""), "2026-03-02T10:00");
    world.run_until("2026-03-02T10:10");
    world.reload(PEOPLE);
    world.run_until("2026-03-02T10:11");
    assert_eq!(world.open_incidents().len(), 0);
    assert_eq!(
        world.told_to("mail:ops@sea.example"),
        [Purpose::Opening, Purpose::Recovery]
    );
    // Nobody is to believe that it was mended.
    let last = &world.sent.last().expect("it was told").1.message;
    assert!(last.headline.starts_with("CLOSED after"), "{}", last.headline);
    assert!(
        last.headline.contains("j is no longer in jobs.toml"),
        "{}",
        last.headline
    );
    assert_eq!(
        (last.owner.as_str(), &last.commands[..]),
        ("ops", &["freshd incidents 1".to_owned()][..])
    );
}

#[test]
fn a_failure_after_a_doubt_is_told_though_the_doubt_was_acknowledged() {
    let mut world = World::start(&one_job("min_runtime = \"1m\""), "2026-03-02T10:00");
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until("2026-03-02T10:10");
    assert_eq!(
        world.told_to("mail:ops@sea.example"),
        [Purpose::Opening],
        "too fast to be true"
    );
    let incident = world.open_incidents()[0].id;
    world.ask(freshd::model::Request::ack(incident));
    world.script("j", |_, _| Play::fails(1, "no listener"));
    world.run("j");
    world.run_until("2026-03-02T10:20");
    assert_eq!(
        world.told_to("mail:ops@sea.example"),
        [Purpose::Opening, Purpose::Update]
    );
    let now = world.open_incidents()[0].clone();
    assert_eq!((now.id, now.kind), (incident, ProblemKind::Failed));
    assert!(now.ack.is_none(), "somebody took on another trouble");
    assert_eq!(now.earlier_acks.len(), 1, "which stays on record");
}

#[test]
fn what_the_configuration_repaired_while_freshd_was_down_is_never_told() {
    let mut world = failing(&one_job(""), "2026-03-02T10:00");
    world.run_until("2026-03-02T10:00:30");
    world.crash();
    world.edit(PEOPLE);
    world.run_until("2026-03-02T10:30");
    world.restart();
    world.run_until("2026-03-02T11:00");
    assert_eq!(world.told(), [], "neither the owner nor the fallback");
}

#[test]
fn an_incident_whose_kind_has_changed_says_the_present_one() {
    let mut world = World::start(&super::one_job(""), "2026-11-26T12:00");
    world.script("j", |_, _| {
        Play::ends(ExitStatus::Unknown("its keeper was killed".to_owned()))
    });
    world.run("j");
    world.run_until("2026-11-26T12:10");
    assert_eq!(world.incidents()[0].kind, ProblemKind::Lost);
    world.script("j", |_, _| Play::fails(4, ""));
    world.run("j");
    world.run_until("2026-11-26T12:20");
    let incident = &world.incidents()[0];
    assert_eq!(
        (incident.kind, incident.reason.as_str()),
        (ProblemKind::Failed, "exit code 4")
    );
    assert_eq!(
        world.told_to("mail:ops@sea.example"),
        [Purpose::Opening],
        "nothing is news"
    );
}

#[test]
fn who_reads_what_several_datasets_break_is_named_once_for_each_that_it_reads() {
    let mut world = broken_chain();
    world.run_until("2026-03-02T13:00");
    assert!(world.incidents().len() > 2, "several are broken");
    let to_owner = world
        .sent
        .iter()
        .rfind(|(_, sent)| sent.address.to_string() == "mail:a@sea.example");
    let facts = to_owner.unwrap().1.message.facts.iter();
    let mut readers: Vec<&str> = facts
        .filter(|fact| fact.label == "Read by")
        .map(|fact| fact.text.as_str())
        .collect();
    readers.sort_unstable();
    let each = ["j1", "j2", "j3", "j4"];
    assert_eq!(readers.len(), each.len(), "{readers:?}");
    assert!(
        readers.iter().zip(each).all(|(reader, job)| reader.starts_with(job)),
        "{readers:?}"
    );
}
