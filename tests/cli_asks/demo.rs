//! The seafood company of a newcomer's first start.

use super::freshd_process::House;
use super::json;

#[test]
fn what_the_company_drops_lies_there_before_any_of_its_jobs_has_run() {
    let house = House::with(
        "timezone = \"Europe/Oslo\"\n[fallback]\nnotify = [\"outbox\"]\n\
         [channels.outbox]\ntype = \"file\"\ndir = \"outbox\"\n[teams.it]\nnotify = [\"outbox\"]\n\
         [datasets.items]\nowner = \"it\"\nmax_age = \"1h\"\n\
         probe = { file = \".freshd/company/drop/items.csv\", as_of = \"mtime\", every = \"1s\" }\n",
    )
    .keeping_state_in(".freshd".to_owned());
    house.write("transfers/company.sh", include_str!("../../transfers/company.sh"));
    let _daemon = house.daemon();
    // No job of the company runs here.
    house.until_stored("it is found", |reader| {
        !reader.versions_of(&"items".into(), 1).expect("read").is_empty()
    });
    let status = json(&house, 0, &["--json", "status", "items"]);
    assert_eq!(status["datasets"][0]["state"], "fresh", "{status}");
}

#[test]
fn a_second_start_beside_a_running_one_founds_nothing() {
    let house =
        House::with("[fallback]\nnotify = [\"outbox\"]\n[channels.outbox]\ntype = \"file\"\ndir = \"outbox\"\n")
            .keeping_state_in(".freshd".to_owned());
    let _daemon = house.daemon();
    house.write("transfers/company.sh", include_str!("../../transfers/company.sh"));
    let second = house.serve().output().expect("it ends");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && said.contains(".freshd"), "{said}");
    assert!(!house.path(".freshd/company").exists(), "{said}");
}
