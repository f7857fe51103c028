//! An edit of jobs.toml: the command line and the page say what it would change, for whom, and touch nothing.

use serde_json::Value;

use crate::freshd_process::House;
use crate::{JOBS, harmless, with_history};

#[track_caller]
fn planned(house: &House) -> Value {
    let (exit, said) = house.freshd(&["plan", "--json"]);
    assert_eq!(exit, Some(0), "{said}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn edited() -> String {
    let later = JOBS.replace("due = \"0 23 * * FRI\"", "due = \"30 23 * * SAT\"");
    let moved = later.replace("schedule = \"0 22 * * FRI\"", "schedule = \"0 21 * * FRI\"");
    let other = moved.replace("exit 7", "exit 8 # secret");
    format!("{other}\n[jobs.orders]\nowner = \"it\"\ncommand = \"true\"\n")
}

#[test]
fn an_edit_is_told_before_it_is_in_force_and_not_after() {
    let (house, _daemon, site) = with_history();
    assert_eq!(planned(&house)["changes"], serde_json::json!([]));
    house.configure(&edited());
    let plan = planned(&house);
    let changes = plan["changes"].as_array().expect("changes");
    let told: Vec<String> = changes
        .iter()
        .map(|change| format!("{} {} {}", change["kind"], change["section"], change["name"]).replace('"', ""))
        .collect();
    let wanted = [
        "changed datasets stock",
        "changed jobs broken",
        "added jobs orders",
        "changed jobs stock-export",
    ];
    assert_eq!(told, wanted, "{plan}");
    assert_eq!(changes[0]["keys"][0]["after"], "\"30 23 * * SAT\"");
    assert_eq!(
        changes[0]["teams"],
        serde_json::json!(["it"]),
        "it owns it and the sales desk that reads it"
    );
    let due = &changes[3]["next_due"];
    assert!(due["before"].is_string() && due["before"] != due["after"], "{due}");
    assert_eq!(plan["promises"][0]["dataset"], "stock");

    let (exit, said) = house.freshd(&["plan"]);
    assert_eq!(exit, Some(0), "{said}");
    for words in [
        "~ datasets.stock",
        "+ jobs.orders",
        "\"0 22 * * FRI\" -> \"0 21 * * FRI\"",
        "freshd reload",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    // The page tells that a command differs, and not how.
    let page = site.get("/plan");
    harmless("/plan", &page);
    let page = page.body;
    for words in ["30 23 * * SAT", "orders", "not shown here"] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    assert!(!page.contains("secret") && !site.get("/api/v1/plan").body.contains("secret"));

    let (exit, said) = house.freshd(&["reload"]);
    assert_eq!(exit, Some(0), "{said}");
    assert_eq!(planned(&house)["changes"], serde_json::json!([]));
    let (_, said) = house.freshd(&["plan"]);
    assert!(said.contains("nothing differs"), "{said}");
}

#[test]
fn a_plan_says_what_planned_work_keeps_quiet_and_that_checks_are_new() {
    let (house, _daemon, site) = with_history();
    let work = "[maintenance.move]\nfrom = \"2031-02-01T20:00\"\nto = \"2031-02-02T06:00\"\njobs = [\"broken\"]\n\
                author = \"Anna\"\nbecause = \"the move\"\n";
    let checks = "[datasets.stock.checks]\nbytes = { min = \"1 KiB\" }\n";
    house.configure(&format!("{JOBS}\n{checks}{work}"));
    let plan = planned(&house);
    let page = site.get("/plan").body;
    for words in [
        "nobody is told of broken from Sat 2031-02-01 20:00 until Sun 2031-02-02 06:00",
        "what comes next must pass these checks",
    ] {
        assert!(plan.to_string().contains(words), "{words}: {plan}");
        assert!(page.contains(words), "{words}: {page}");
    }
    let of_work = plan["changes"].as_array().expect("changes").iter();
    let teams = of_work
        .filter(|change| change["section"] == "maintenance")
        .map(|change| change["teams"].clone());
    assert_eq!(teams.collect::<Vec<Value>>(), [serde_json::json!(["it"])]);
}

#[test]
fn an_edit_with_a_mistake_is_refused_with_its_place() {
    let (house, _daemon, site) = with_history();
    house.configure(&JOBS.replace("due = \"0 23 * * FRI\"", "due = \"0 25 * * FRI\""));
    let (exit, said, complaint) = house.freshd_says(&["plan"]);
    assert_eq!(exit, Some(2), "{said}{complaint}");
    assert!(
        said.contains("jobs.toml:") && complaint.contains("would be refused"),
        "{said}{complaint}"
    );
    let page = site.get("/plan").body;
    assert!(page.contains("has mistakes") && page.contains("jobs.toml:"), "{page}");
}

#[test]
fn a_draft_elsewhere_is_read_where_it_is_to_stand_and_tells_what_ends_with_a_name() {
    let (house, _daemon, _site) = with_history();
    let said = |words: &[&str]| {
        let (exit, said, complaint) = house.freshd_says(words);
        (exit, said + &complaint)
    };
    for words in [
        &["silence", "broken", "--for", "2h", "--because", "the move"][..],
        &["pause", "broken", "--because", "the plant"],
    ] {
        let (exit, said) = said(words);
        assert_eq!(exit, Some(0), "{said}");
    }
    house.write("words", "of a secret");
    let begin = JOBS.find("[jobs.broken]").expect("it begins");
    let with_secret = JOBS[..begin].replace(
        "[teams.it]",
        "[channels.hook]\ntype = \"webhook\"\nurl = \"https://hook.example\"\nsecret = { file = \"words\" }\n[teams.it]",
    );
    let elsewhere = tempfile::tempdir().expect("a directory");
    let draft = elsewhere.path().join("draft.toml");
    std::fs::write(
        &draft,
        with_secret.replace("HOUSE", &house.path("").display().to_string()),
    )
    .expect("a draft");
    let (exit, told) = said(&["plan", draft.to_str().expect("a path")]);
    assert_eq!(exit, Some(0), "{told}");
    for words in [
        "read as if it stood at",
        "+ channels.hook",
        "- jobs.broken",
        "incident #1 ends with it",
        "ends with it: the move",
        "still is should it come back: the plant",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    let missing = elsewhere.path().join("nothing.toml");
    let (exit, told) = said(&["plan", missing.to_str().expect("a path")]);
    assert!(
        exit != Some(0) && told.contains("nothing.toml") && !told.contains("freshd.db"),
        "{told}"
    );
}

#[test]
fn a_badge_says_the_state_of_its_dataset() {
    let (_house, _daemon, site) = with_history();
    let badge = site.get("/badge/stock.svg");
    assert_eq!((badge.status, badge.header("content-type")), (200, "image/svg+xml"));
    let state = site.get("/api/v1/datasets/stock").body;
    let state: Value = serde_json::from_str(&state).expect("JSON");
    let word = state["dataset"]["state"].as_str().expect("a state").replace('_', " ");
    assert!(badge.body.contains(&format!("stock: {word}")), "{}", badge.body);
    assert_eq!(site.get("/badge/nothing.svg").status, 404);
}
