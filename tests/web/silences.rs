//! What is silenced shows on the pages and in the API, and whoever wrote the reason writes no markup.

use std::process::Command;

use super::freshd_process::EXE;
use super::with_history;

const REASON: &str = "<script>silence()</script>";

#[test]
fn what_is_silenced_shows_with_who_and_why() {
    let (house, _daemon, site) = with_history();
    let silenced = Command::new(EXE)
        .arg("--config")
        .arg(house.path("jobs.toml"))
        .arg("--state")
        .arg(house.state_dir())
        .args(["silence", "broken", "--for", "2h", "--because", REASON])
        .output()
        .expect("it starts");
    assert!(silenced.status.success(), "{silenced:?}");
    for path in ["/", "/jobs/broken", "/incidents"] {
        let page = site.until(path, |body| body.contains("silence()"));
        assert!(!page.body.contains(REASON), "{path}: {}", page.body);
        assert!(page.body.to_lowercase().contains("silenced"), "{path}: {}", page.body);
    }
    let answer: serde_json::Value = serde_json::from_str(&site.get("/api/v1/silences?name=broken").body).expect("JSON");
    assert_eq!(answer["silences"][0]["because"], REASON);
    assert_eq!(
        site.get("/api/v1/silences?name=another").body.trim(),
        "{\"silences\":[]}"
    );
    assert_eq!(site.get("/api/v1/silences?of=broken").status, 400);
}
