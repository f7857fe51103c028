//! An incident's page tells its life, what it is about leads to it, and lists can be narrowed to what went wrong.

#[path = "dead.rs"]
mod dead;

use crate::asking::Site;
use crate::freshd_process::House;
use crate::known::{OPERATE_TOKEN, VIEW_TOKEN, known};
use crate::{harmless, with_history};

const NOTE: &str = "<script>note()</script>";

#[test]
fn an_incident_tells_who_answers_who_took_it_on_and_what_happened_in_order() {
    let (house, _daemon, site) = with_history();
    let open = site.get("/incidents").body;
    assert!(
        open.contains("by nobody") && open.contains("None is over yet."),
        "{open}"
    );
    for words in [
        &["ack", "1", "--note", NOTE][..],
        &["silence", "broken", "--for", "2h", "--because", NOTE],
    ] {
        let (exit, said) = house.freshd(words);
        assert_eq!(exit, Some(0), "{said}");
    }
    let page = site.until("/incidents/1", |page| {
        page.contains("Taken on by") && page.contains("Silenced by")
    });
    harmless("/incidents/1", &page);
    for words in [
        "<dt>Answers</dt><dd><span class=\"owner\" title=\"it\">",
        "printed()",
        "of run 2",
        "The problem began.",
    ] {
        let said = page.body.replace("Of <a href=\"/runs/2\">run 2</a>", "of run 2");
        assert!(said.contains(words), "{words}: {said}");
    }
    let (_, timeline) = page.body.split_once("id=\"timeline\"").expect("a timeline");
    let place = |words: &str| timeline.find(words).unwrap_or_else(|| panic!("{words}: {timeline}"));
    assert!(place("The problem began.") < place("Taken on by"), "{timeline}");
    assert!(place("Taken on by") < place("Silenced by"), "{timeline}");
    let list = site.get("/incidents").body;
    assert!(!list.contains("by nobody"), "{list}");
}

#[test]
fn what_an_incident_is_about_leads_to_it_and_says_why() {
    let (_house, _daemon, site) = with_history();
    for path in ["/jobs/broken", "/runs/2"] {
        let page = site.get(path).body;
        assert!(
            page.contains("href=\"/incidents/1\"") && page.contains("exit code 7"),
            "{path}: {page}"
        );
    }
    for path in ["/jobs/stock-export", "/runs/1"] {
        let page = site.get(path).body;
        assert!(!page.contains("href=\"/incidents/1\""), "{path}: {page}");
    }
    let first = site.get("/").body;
    assert!(
        first.contains("printed()") && first.contains("/flow?of=broken"),
        "{first}"
    );
}

#[test]
fn one_trouble_is_counted_once_and_a_version_shows_the_checks_that_it_passed() {
    let (_house, _daemon, site) = with_history();
    let first = site.get("/").body;
    assert!(first.contains("<span>1 incident</span>"), "{first}");
    let page = site.get("/datasets/stock").body;
    let (_, checks) = page.split_once("id=\"checks\"").expect("the checks of the version");
    let (checks, _) = checks.split_once("</section>").expect("their end");
    assert!(
        checks.contains("Version 1, accepted") && checks.contains("passed") && checks.contains("not empty"),
        "{checks}"
    );
}

#[test]
fn runs_are_narrowed_by_how_they_ended_and_each_attempt_has_its_output() {
    let (_house, _daemon, site) = with_history();
    let failed = site.get("/runs?outcome=failed&limit=200").body;
    assert!(
        failed.contains("href=\"/runs/2\"") && !failed.contains("href=\"/runs/1\""),
        "{failed}"
    );
    assert!(site.get("/runs").body.contains("outcome=failed"), "it is offered");
    assert!(site.get("/runs/2").body.contains("href=\"/runs/2/log?attempt=1\""));
    assert!(site.get("/runs/2/log?attempt=1").body.contains("printed()"));
    assert_eq!(site.get("/runs/2/log?attempt=2").status, 404);
    let found = site.get("/search?q=run+2").body;
    assert!(
        found.contains("href=\"/runs/2\"") && !found.contains("href=\"/incidents/"),
        "{found}"
    );
    assert!(
        site.get("/search?q=incident+%231")
            .body
            .contains("href=\"/incidents/1\"")
    );
}

#[test]
fn the_map_says_what_is_wrong_and_of_one_name_what_it_feeds_and_who_reads_it_when() {
    let (_house, _daemon, site) = with_history();
    let map = site.get("/flow").body;
    assert!(
        map.contains("Wrong now: 1 job") && map.contains("href=\"/flow?of=job%3Abroken#map\""),
        "{map}"
    );
    for path in ["/flow?of=stock", "/flow?of=dataset%3Astock"] {
        let page = site.get(path).body;
        let (_, words) = page.split_once("id=\"chosen\"").expect("what is lit, in words");
        let (words, _) = words.split_once("</section>").expect("its end");
        assert!(
            words.contains("stock-export") && words.contains("07:00"),
            "{path}: {words}"
        );
    }
}

#[test]
fn who_reads_next_is_told_also_of_data_without_an_incident() {
    let house = House::with(crate::JOBS);
    let daemon = house.daemon();
    let map = Site::of(&daemon).get("/flow").body;
    let (_, words) = map.split_once("id=\"wrong\"").expect("nobody knows of the stock");
    let (words, _) = words.split_once("</section>").expect("its end");
    assert!(words.contains("unknown: 1 dataset"), "{words}");
    let (_, next) = words.split_once("Next to read it: ").expect("sales");
    assert!(next.contains("system()") && next.contains("07:00"), "{next}");
}

#[test]
fn the_words_of_a_mistake_are_for_those_who_may_operate() {
    let (house, _daemon, site) = known();
    let edited = std::fs::read_to_string(house.path("jobs.toml")).expect("jobs.toml");
    let wrong = edited.replace(
        "command = \"exit 7\"",
        "command = \"exit 7\"\nworkdir = \"/opt/CANARY\"\nuser = \"CANARYUSER\"",
    );
    house.configure(&wrong.replace("secrets/grafana", "secrets/CANARY"));
    let as_token = |path: &str, token: &str| {
        site.ask("GET", path, &format!("Authorization: Bearer {token}\r\n"))
            .body
    };
    for path in ["/plan", "/api/v1/plan"] {
        let seen = as_token(path, VIEW_TOKEN);
        assert!(!seen.contains("CANARY"), "{path}: {seen}");
        assert!(
            seen.contains("jobs.toml:") && seen.contains("freshd plan"),
            "{path}: {seen}"
        );
        assert!(
            as_token(path, OPERATE_TOKEN).contains("CANARY"),
            "{path}: to whoever may act"
        );
    }
    let (house, _daemon, site) = with_history();
    house.configure(&crate::JOBS.replace("due = \"0 23 * * FRI\"", "due = \"0 CANARY * * FRI\""));
    let page = site.get("/plan").body;
    assert!(
        page.contains("jobs.toml:") && !page.contains("CANARY"),
        "without a login: {page}"
    );
}
