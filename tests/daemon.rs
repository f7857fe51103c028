//! One daemon from outside, where something is in its way.

mod freshd_process;

use std::fs::File;
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use freshd::model::ProblemKind;
use freshd_process::House;
use rustix::process::Signal;

const JOBS: &str = r#"
timezone = "UTC"
run_as_root = true
[alerts]
group_wait = "0s"

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
notify = ["outbox"]

[datasets.stock]
owner = "it"
file = "HOUSE/stock.csv"
probe = { file = "HOUSE/stock.csv", every = "1s" }
as_of = "mtime"
"#;

#[test]
fn the_path_of_a_state_directory_may_be_longer_than_that_of_a_socket() {
    let house = House::with(JOBS).keeping_state_in("state".repeat(30));
    let mut daemon = house.daemon();
    let (exit, status) = house.freshd(&["status"]);
    assert!(status.contains("stock"), "{exit:?}\n{status}");
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn mail_that_hangs_holds_up_no_other_channel() {
    /// More than are sent through one channel at a time.
    const TEAMS: usize = 40;
    // It takes every connection, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = silent.local_addr().expect("its address");
    let mail = format!(
        "\n[channels.mail]\ntype = \"email\"\nserver = \"smtp://{server}\"\nfrom = \"freshd@seafood.example\"\n"
    );
    let teams = (0..TEAMS).map(|number| {
        format!(
            "\n[teams.team{number}]\nnotify = [\"mail:team{number}@seafood.example\", \"outbox:team{number}\"]\n\n[jobs.fails{number}]\nowner = \"team{number}\"\ncommand = \"exit 3\"\n"
        )
    });
    let house = House::with(&format!("{JOBS}{mail}{}", teams.collect::<String>()));
    let mut daemon = house.daemon();
    for number in 0..TEAMS {
        daemon.run(&format!("fails{number}"));
    }
    for number in 0..TEAMS {
        daemon.logs(&["told:", "outbox", &format!("fails{number} ")]);
    }
    assert!(!daemon.log().contains("could not tell"), "{}", daemon.log());
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn a_message_that_a_reload_decides_goes_through_a_channel_that_the_reload_brings() {
    let house = House::with(JOBS);
    house.write("stock.csv", "item,count\ncod,3\n");
    let stock = File::options()
        .write(true)
        .open(house.path("stock.csv"))
        .expect("a file");
    let a_week_ago = SystemTime::now() - Duration::from_hours(7 * 24);
    stock.set_modified(a_week_ago).expect("its time");
    let mut daemon = house.daemon();
    daemon.logs(&["published", "stock"]);

    let pager = "[channels.pager]\ntype = \"file\"\ndir = \"pager\"\n\n[teams.it]\nnotify = [\"pager\"]";
    let promises = JOBS.replace("[teams.it]\nnotify = [\"outbox\"]", pager) + "max_age = \"1h\"\n";
    house.configure(&promises);
    daemon.signal(Signal::HUP);
    daemon.logs(&["told:", "pager"]);
    assert!(!daemon.log().contains("no longer in jobs.toml"), "{}", daemon.log());
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

#[test]
fn a_published_file_that_others_change_is_told_and_ends_when_it_is_put_back_or_published_anew() {
    let house = House::with(&format!("{JOBS}{PRICES}"));
    house.write("stock.csv", "item,count\ncod,3\n");
    house.write("made.csv", "sku,price\n1,2\n");
    let mut daemon = house.daemon();
    daemon.finished(daemon.run("make"), &house);
    // As long as before, and in the same file: only what it holds is another.
    house.write("prices.csv", "sku,price\n1,9\n");
    house.until_stored("it was written over", told("written over by somebody else"));
    house.write("prices.csv", "sku,price\n1,2\n");
    house.until_stored("it was put back", told(""));

    assert!(daemon.terminate().success(), "{}", daemon.log());
    std::fs::remove_file(house.path("prices.csv")).expect("it was published");
    let mut daemon = house.daemon();
    house.until_stored("it was removed while freshd was down", told("nothing is served"));
    let (exit, status) = house.freshd(&["status"]);
    assert_eq!(exit, Some(1), "{status}");
    let (_, status) = house.freshd(&["status", "prices", "--json"]);
    assert!(status.contains(r#""served":null"#), "{status}");
    daemon.finished(daemon.run("make"), &house);
    house.until_stored("the next version is there", told(""));
    assert_eq!(house.read("prices.csv"), "sku,price\n1,2\n");
    assert!(daemon.terminate().success(), "{}", daemon.log());
}

/// A dataset in a file of its own, which a job makes of what lies in `made.csv`.
const PRICES: &str = "\n[datasets.prices]\nowner = \"it\"\nfile = \"HOUSE/prices.csv\"\n\n\
    [jobs.make]\nowner = \"it\"\ncommand = \"cp HOUSE/made.csv $FRESHD_OUTPUT\"\nproduces = \"prices\"\n";

/// Whether a file is told to be changed by others, with these words; without words, that none is.
fn told(words: &'static str) -> impl Fn(&freshd::store::Reader) -> bool {
    move |reader| {
        let incidents = reader.snapshot().expect("the store can be read").incidents;
        let mut changed = incidents
            .iter()
            .filter(|incident| incident.kind == ProblemKind::Changed);
        match words {
            "" => changed.next().is_none(),
            words => changed.any(|incident| incident.reason.contains(words)),
        }
    }
}

#[test]
fn a_file_that_gets_another_name_is_missed_there_until_it_is_put_there() {
    let house = House::with(&format!("{JOBS}{PRICES}"));
    house.write("stock.csv", "item,count\ncod,3\n");
    house.write("made.csv", "sku,price\n1,2\n");
    let mut daemon = house.daemon();
    daemon.finished(daemon.run("make"), &house);
    // In jobs.toml it gets another name: nothing lies there before the last version is put there.
    house.configure(&format!("{JOBS}{}", PRICES.replace("prices.csv", "list.csv")));
    daemon.signal(Signal::HUP);
    house.until_stored("nothing lies there", told("list.csv; `freshd run make`"));
    for verb in [&["status", "prices"][..], &["gate", "prices"], &["why", "prices"]] {
        let (_, said, mistakes) = house.freshd_says(verb);
        let said = said + &mistakes;
        assert!(said.contains("prices.csv, nothing at "), "{verb:?}\n{said}");
    }
    let (exit, said) = house.freshd(&["restore", "prices@1", "--because", "renamed"]);
    assert_eq!(exit, Some(0), "{said}");
    house.until_stored("it is there", told(""));
    assert_eq!(house.read("list.csv"), "sku,price\n1,2\n");
    assert_eq!(house.freshd(&["gate", "prices"]).0, Some(0));
    assert!(daemon.terminate().success(), "{}", daemon.log());
}
