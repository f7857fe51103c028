//! Pages, metrics and the command line say the same of a dataset: what a person did, and that readers look elsewhere.

use rustix::process::Signal;

use crate::{JOBS, harmless, with_history};

#[test]
fn what_a_person_decided_stands_on_the_page_of_the_dataset() {
    let (house, _daemon, site) = with_history();
    let because = "<script>because()</script>";
    let (exit, said) = house.freshd(&["restore", "stock@1", "--because", because, "--by", "olav"]);
    assert_eq!(exit, Some(0), "{said}");
    // What is told is at most a second old.
    let words = "restored from stock@1 by olav";
    let page = site.until("/datasets/stock", |page| {
        page.split_once("<dt>By hand</dt>")
            .and_then(|(_, behind)| behind.split_once("</dd>"))
            .is_some_and(|(said, _)| said.contains(words))
    });
    harmless("/datasets/stock", &page);
}

#[test]
fn a_file_that_was_renamed_is_told_alike_by_pages_metrics_gate_and_status() {
    let (house, daemon, site) = with_history();
    house.configure(&JOBS.replace("file = \"stock.csv\"", "file = \"lots.csv\""));
    daemon.signal(Signal::HUP);
    house.until_stored("nothing lies there", |reader| {
        let incidents = reader.snapshot().expect("the store can be read").incidents;
        incidents.iter().any(|incident| incident.kind.as_str() == "changed")
    });
    site.until("/datasets/stock", |page| page.contains("stock.csv, nothing at "));
    let metrics = site.get("/metrics").body;
    let broken = "freshd_dataset_keeps_promise{dataset=\"stock\",owner=\"it\"} 0";
    assert!(metrics.lines().any(|line| line == broken), "{metrics}");
    for words in [&["gate", "stock"][..], &["status", "stock"], &["why", "stock"]] {
        let (exit, said, mistakes) = house.freshd_says(words);
        let said = said + &mistakes;
        assert!(said.contains("stock.csv, nothing at "), "{words:?}\n{said}");
        assert_eq!(exit == Some(0), words[0] == "why", "{words:?}");
    }
}
