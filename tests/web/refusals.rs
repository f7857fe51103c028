//! What is refused, and in which words: to people on a page of theirs, to programs in the terms of docs/json.md.

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
