//! What is refused, and in which words: to people on a page of theirs, to programs in the terms of docs/json.md.
//! A form that is refused comes back with what was typed, the field that is wrong, and why; to whoever has no session too.

use crate::asking::Answer;
use crate::known::{OPERATE_TOKEN, known, log_in, post, sent};
use crate::{harmless, with_history};

#[test]
fn a_page_of_trouble_shows_who_is_logged_in() {
    let (_house, _daemon, site) = known();
    let (kari, olav) = (log_in(&site, "kari"), log_in(&site, "olav"));
    let header = |page: &str, name: &str| page.contains(&format!("<span>{name}</span>")) && page.contains("/logout");
    for path in [
        "/nowhere",
        "/jobs/brokn",
        "/runs/99",
        "/runs?limit=many",
        "/flow?of=nothing",
    ] {
        let page = site.ask("GET", path, &kari);
        assert!(
            page.status >= 400 && header(&page.body, "kari"),
            "{path}: {}",
            page.body
        );
        harmless(path, &page);
        let alone = site.ask("HEAD", path, &kari);
        assert_eq!((alone.status, alone.body.as_str()), (page.status, ""), "{path}");
    }
    let refused = post(&site, "/jobs/broken/run", &olav, "");
    assert!(
        refused.status == 403 && header(&refused.body, "olav"),
        "{}",
        refused.body
    );
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let (_house, _daemon, site) = with_history();
    let refused = site.ask("DELETE", "/api/v1/runs", "");
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (
            405,
            &"DELETE is not answered here, but GET, HEAD; see docs/json.md".into()
        )
    );
    let refused = site.ask("PUT", "/api/v1/silences", "");
    assert!(refused.body.contains("but GET, HEAD, POST;"), "{}", refused.body);
    let refused = site.get("/api/v1/jobs/broken/run");
    assert!(
        refused.status == 405 && refused.body.contains("but POST;"),
        "{}",
        refused.body
    );
}

#[test]
fn what_a_program_sends_wrongly_is_said_in_the_terms_of_the_manual() {
    let (_house, _daemon, site) = known();
    let deploy = format!("Authorization: Bearer {OPERATE_TOKEN}\r\n");
    let asks = |path: &str, body: &str| site.ask("POST", path, &format!("{deploy}{}", sent("application/json", body)));
    for (path, body, status, words) in [
        ("jobs/broken/pause", "{}", 400, "`because` is missing"),
        (
            "jobs/broken/pause",
            r#"{"because":5}"#,
            400,
            "`because` is a text, and not `5`",
        ),
        ("jobs/broken/pause", r#"{"because":" "}"#, 400, "a pause needs a reason"),
        ("silences", "", 400, "`name` is missing"),
        (
            "silences",
            r#"{"name":"brokn","for":"2h","because":"x"}"#,
            404,
            "there is no job or dataset brokn",
        ),
        ("silences/stok/end", "", 404, "there is no job or dataset stok"),
    ] {
        let refused = asks(&format!("/api/v1/{path}"), body);
        let said = refused.json()["error"].as_str().expect("words").to_owned();
        assert!(refused.status == status && said.contains(words), "{path}: {said}");
    }
    let near = asks("/api/v1/silences/stok/end", "").json();
    assert_eq!(near["near"][0], "stock");
    let refused = asks("/api/v1/silences", r#"{"name":"stock","for":"2","because":"x"}"#).json();
    let advice = refused["error"].as_str().expect("words");
    assert_eq!(advice.matches("26h").count(), 1, "{advice}");
    assert!(!advice.contains("in 2h"), "the advice is given twice: {advice}");
}

#[test]
fn a_program_that_shows_nothing_is_told_how_to_be_known_and_of_no_button() {
    let (_house, _daemon, site) = known();
    for (path, body) in [
        ("/api/v1/jobs/broken/run", ""),
        ("/api/v1/jobs/broken/pause", r#"{"because":"x"}"#),
        ("/api/v1/silences", "no JSON"),
    ] {
        let refused = site.ask("POST", path, &sent("application/json", body));
        assert_eq!(
            (refused.status, refused.header("www-authenticate")),
            (401, "Bearer realm=\"freshd\""),
            "{path}"
        );
        let said = refused.json()["error"].to_string();
        assert!(said.contains("Authorization: Bearer TOKEN"), "{path}: {said}");
    }
    let cookie = site.ask("POST", "/api/v1/jobs/broken/run", &log_in(&site, "kari"));
    assert_eq!(cookie.status, 403, "a cookie that any page may have sent");
    assert!(!cookie.body.contains("button"), "{}", cookie.body);
    assert!(
        site.ask("POST", "/jobs/broken/run", "")
            .body
            .contains("press the button")
    );
}

#[test]
fn what_no_answer_holds_and_what_no_route_reads_is_refused_with_what_may_be_written() {
    let (_house, _daemon, site) = with_history();
    let range = "is a whole number from 1 to 1000, and not";
    for (path, words) in [
        ("runs?limit=1001", range),
        ("runs?limit=0", range),
        ("runs?limit=-1", range),
        ("incidents?limit=4294967296", range),
        ("silences?limit=1001", range),
        ("datasets/stock/versions?limit=1001", range),
        ("jobs/broken/logs?limit=1001", range),
        ("occurrences?count=1001", range),
        ("runs?of=broken", "known are `job`, `limit`, `outcome`, `since`"),
        ("status?x=1", "has `x`, which is not known there; nothing is read there"),
        ("jobs/broken?limit=1", "nothing is read there"),
        ("openapi.json?x", "nothing is read there"),
    ] {
        let refused = site.get(&format!("/api/v1/{path}"));
        let said = refused.json()["error"].as_str().expect("words").to_owned();
        assert!(refused.status == 400 && said.contains(words), "{path}: {said}");
    }
    for path in ["runs?limit=1000", "runs?limit=1", "occurrences?count=1000", "status?"] {
        assert_eq!(site.get(&format!("/api/v1/{path}")).status, 200, "{path}");
    }
}

/// What breaks out of an attribute, if anything does, and how it must come back.
const HOSTILE: &str = "%22%3E%3Cscript%3Eevil()%3C/script%3E";
const TAMED: &str = "&quot;&gt;&lt;script&gt;evil()&lt;/script&gt;";

/// The input of that name.
#[track_caller]
fn input<'a>(page: &'a Answer, name: &str) -> &'a str {
    let begins = format!("<input name=\"{name}\"");
    let (_, behind) = page
        .body
        .split_once(&begins)
        .unwrap_or_else(|| panic!("no {name}: {}", page.body));
    behind.split_once('>').expect("it ends").0
}

/// The one field that is marked, with why beside it.
#[track_caller]
fn marks(page: &Answer, name: &str, why: &str) {
    let marked = format!(" aria-invalid=\"true\" aria-describedby=\"wrong-{name}\" autofocus");
    assert!(input(page, name).contains(&marked), "{}", page.body);
    assert_eq!(page.body.matches("aria-invalid").count(), 1, "{}", page.body);
    let (_, told) = page
        .body
        .split_once(&format!("<p class=\"error\" id=\"wrong-{name}\">Refused: "))
        .unwrap_or_else(|| panic!("nothing beside it: {}", page.body));
    assert!(told.split_once("</p>").expect("it ends").0.contains(why), "{told}");
    harmless(name, page);
}

#[test]
fn a_refused_form_comes_back_with_what_was_typed_the_wrong_field_marked_and_why() {
    let (house, _daemon, site) = known();
    let session = log_in(&site, "kari");
    for carried in [session.clone(), format!("Authorization: Bearer {OPERATE_TOKEN}\r\n")] {
        let silenced = format!("name=broken&for=tomorrow{HOSTILE}&because=the+move{HOSTILE}");
        let refused = post(&site, "/silences", &carried, &silenced);
        assert_eq!(refused.status, 400, "{}", refused.body);
        marks(&refused, "for", "`for` is not understood");
        assert!(input(&refused, "for").contains(&format!("value=\"tomorrow{TAMED}\"")));
        assert!(input(&refused, "because").contains(&format!("value=\"the move{TAMED}\"")));
        assert!(
            refused.body.contains("action=\"/silences\"") && refused.body.contains("name=\"name\" value=\"broken\""),
            "{}",
            refused.body
        );
        assert!(
            refused.body.contains("<a href=\"/jobs/broken\">leave it</a>"),
            "{}",
            refused.body
        );

        let refused = post(&site, "/silences", &carried, "name=stock&for=3h&because=+");
        assert_eq!(refused.status, 400, "{}", refused.body);
        marks(&refused, "because", "a silence needs a reason");
        assert!(input(&refused, "for").contains("value=\"3h\""));

        let refused = post(
            &site,
            "/jobs/broken/pause",
            &carried,
            &format!("because={}", "x".repeat(600)),
        );
        assert_eq!(refused.status, 400, "{}", refused.body);
        marks(&refused, "because", "longer than 500 characters");
        assert!(input(&refused, "because").contains(&"x".repeat(600)));
        assert!(
            refused.body.contains("action=\"/jobs/broken/pause\""),
            "{}",
            refused.body
        );

        let refused = post(
            &site,
            "/incidents/1/ack",
            &carried,
            &format!("note={}", "y".repeat(501)),
        );
        assert_eq!(refused.status, 400, "{}", refused.body);
        marks(&refused, "note", "longer than 500 characters");
        assert!(input(&refused, "note").contains(&"y".repeat(501)));
        assert!(refused.body.contains("action=\"/incidents/1/ack\""), "{}", refused.body);
    }
    let next = site.ask("GET", "/jobs/broken", &session);
    assert!(
        !next.body.contains("Refused") && !next.body.contains("evil"),
        "something was kept of it: {}",
        next.body
    );
    let silences = house.reader().silences(None, 5).expect("silences");
    assert!(silences.is_empty(), "{silences:?}");
}

#[test]
fn what_is_wrong_with_no_field_is_said_above_the_form_and_what_was_typed_is_in_it() {
    let (_house, _daemon, site) = known();
    let kari = log_in(&site, "kari");
    for (path, form, status, why, typed) in [
        // Understood, and refused by what decides.
        (
            "/silences",
            "name=broken&for=900d&because=the+move",
            409,
            "a silence lasts from",
            [("for", "900d"), ("because", "the move")].as_slice(),
        ),
        // Not understood: less, more and other than the form has.
        (
            "/silences",
            "name=broken&because=the+move",
            400,
            "the form is not understood: missing field",
            &[("because", "the move")],
        ),
        (
            "/jobs/broken/pause",
            "because=one&because=other",
            400,
            "the form is not understood: duplicate field",
            &[("because", "one")],
        ),
        (
            "/incidents/1/ack",
            "note=mine&%3Cscript%3E=1",
            400,
            "the form is not understood: unknown field",
            &[("note", "mine")],
        ),
    ] {
        let refused = post(&site, path, &kari, form);
        assert_eq!(refused.status, status, "{form}: {}", refused.body);
        let said = format!("<p class=\"said refusal\" role=\"alert\">Refused: {why}");
        assert!(refused.body.contains(&said), "{form}: {}", refused.body);
        for (name, text) in typed {
            assert!(
                input(&refused, name).contains(&format!("value=\"{text}\"")),
                "{form}: {}",
                refused.body
            );
        }
        harmless(form, &refused);
    }
    // What has no form: what does not exist, and what is none.
    let (unknown, none) = (
        post(&site, "/silences", &kari, "name=brokn&for=2h&because=x"),
        post(&site, "/silences", &kari, "because=x"),
    );
    assert_eq!((unknown.status, none.status), (404, 400));
    let much = post(
        &site,
        "/jobs/broken/pause",
        &kari,
        &format!("because={}", "x".repeat(20_000)),
    );
    assert_eq!(much.status, 413, "{}", much.body);
}

#[test]
fn a_refused_button_says_so_to_whoever_has_no_session() {
    let (_house, _daemon, site) = known();
    let deploy = format!("Authorization: Bearer {OPERATE_TOKEN}\r\n");
    let refused = post(&site, "/runs/1/cancel", &deploy, "");
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("That was refused"), "{}", refused.body);
}
