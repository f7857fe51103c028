//! What Prometheus is told: the state, and what only the records know.

use crate::with_history;

#[test]
fn metrics_name_every_job_and_dataset_and_change_with_the_state() {
    let (_house, _daemon, site) = with_history();
    let metrics = site.get("/metrics");
    assert_eq!(
        metrics.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    for line in [
        "freshd_fine 0",
        "freshd_job_failing{job=\"broken\",owner=\"it\"} 1",
        "freshd_job_failing{job=\"stock-export\",owner=\"it\"} 0",
        "freshd_job_paused{job=\"broken\",owner=\"it\"} 0",
        "freshd_outbox_messages{state=\"dead\"} 0",
        "freshd_dataset_keeps_promise{dataset=\"stock\",owner=\"it\"} 1",
    ] {
        assert!(
            metrics.body.lines().any(|known| known == line),
            "{line}: {}",
            metrics.body
        );
    }
}

#[test]
fn a_job_that_fails_is_still_told_of_with_its_last_success() {
    let (house, daemon, site) = with_history();
    let succeeded = |metrics: &str, job: &str| {
        let name = format!("freshd_job_last_success_timestamp_seconds{{job=\"{job}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        line.map(|at| at.parse::<f64>().expect("a time"))
    };
    let before = site.until("/metrics", |metrics| succeeded(metrics, "stock-export").is_some());
    let at = succeeded(&before.body, "stock-export");
    assert_eq!(succeeded(&before.body, "broken"), None, "{}", before.body);
    house.script("export", "exit 3");
    daemon.finished(daemon.run("stock-export"), &house);
    let failing = "freshd_job_failing{job=\"stock-export\",owner=\"it\"} 1";
    let after = site.until("/metrics", |metrics| metrics.contains(failing));
    assert_eq!(succeeded(&after.body, "stock-export"), at, "{}", after.body);
}

#[test]
fn a_daemon_that_begins_anew_asks_its_records_when_a_failing_job_last_succeeded() {
    let (house, daemon, site) = with_history();
    house.script("export", "exit 3");
    daemon.finished(daemon.run("stock-export"), &house);
    // Nobody has looked before.
    let told = "freshd_job_last_success_timestamp_seconds{job=\"stock-export\"} ";
    site.until("/metrics", |metrics| metrics.contains(told));
}
