//! The page of a run that prints a lot shows the end of it, and says how much comes before.

use crate::asking::Site;
use crate::freshd_process::House;
use crate::with_team;

const JOB: &str = r#"
[jobs.counts]
owner = "it"
command = "seq 1 100000; read -r word < HOUSE/go"
"#;

#[test]
fn the_page_of_a_run_that_goes_on_has_its_newest_lines_by_their_number() {
    let house = House::with(&with_team(JOB));
    let mut go = house.pipe("go");
    let daemon = house.daemon();
    let run = daemon.run("counts");
    let site = Site::of(&daemon);
    let path = format!("/runs/{run}");
    let page = site.until(&path, |page| page.contains("<span>100000</span>")).body;
    assert!(page.contains("99500 lines before are left out"), "{page}");
    assert_eq!(page.matches("data-line=").count(), 500);
    assert!(
        page.contains("data-line=\"99500\"") && page.contains("data-line=\"99999\""),
        "{page}"
    );
    go.say("on");
    daemon.finished(run, &house);
    let page = site.get(&path).body;
    assert!(page.contains("98000 lines before are left out"), "{page}");
    assert_eq!(page.matches("data-line=").count(), 2_000);
}
