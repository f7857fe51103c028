//! A job that is paused: what comes due is not shown as if it would be started.

use crate::with_history;

#[test]
fn what_a_paused_job_is_due_for_is_told_as_skipped_until_it_is_resumed() {
    let (house, _daemon, site) = with_history();
    let occurrences = "/api/v1/occurrences?job=stock-export&count=2";
    let asked = |verb: &[&str]| {
        let (status, said) = house.freshd(verb);
        assert_eq!(status, Some(0), "{said}");
    };
    assert!(site.get(occurrences).json()["occurrences"][0]["starts_at"].is_string());
    asked(&["pause", "stock-export", "--because", "the move"]);
    let told = site
        .until(occurrences, |told| told.contains("\"skip\":\"paused\""))
        .json();
    for occurrence in told["occurrences"].as_array().expect("a list") {
        assert!(occurrence["starts_at"].is_null(), "{told}");
        assert_eq!(occurrence["note"], "skipped while it is paused", "{told}");
    }
    for path in ["/", "/jobs", "/jobs/stock-export"] {
        let page = site.get(path).body;
        assert!(page.contains("skipped while paused"), "{path}: {page}");
    }
    let (_, why) = house.freshd(&["why", "stock-export"]);
    assert!(why.contains("skipped while paused"), "{why}");
    let said_by_next = || house.freshd(&["next", "stock-export"]).1;
    let paused = "paused: stock-export; what comes due of that is skipped until `freshd resume`";
    assert!(said_by_next().contains(paused), "{}", said_by_next());
    asked(&["resume", "stock-export"]);
    site.until(occurrences, |told| told.contains("\"skip\":null"));
    assert!(!said_by_next().contains("paused"), "{}", said_by_next());
    assert!(!site.get("/jobs/stock-export").body.contains("skipped while paused"));
}
