//! kill -9 while scripts elsewhere say what has arrived: what was answered is stored, whenever freshd dies.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use freshd::model::{Name, PingKind};

use crate::freshd_process::House;
use crate::freshd_process::daemon::Daemon;

/// Datasets, each with a key of its own, and scripts that speak of them at the same time.
const DATASETS: usize = 8;
const KILLS: usize = 12;
const PINGS_OF_LIFE: usize = 80;
const LIVES_MS: [u64; 4] = [40, 130, 250, 400];

fn key(dataset: usize) -> String {
    format!("key-of-dataset-{dataset:04}")
}

fn jobs_toml() -> String {
    let mut text = "[web]\nlisten = \"127.0.0.1:0\"\n[fallback]\nnotify = [\"outbox\"]\n\
                    [channels.outbox]\ntype = \"file\"\ndir = \"outbox\"\n[teams.it]\nnotify = [\"outbox\"]\n"
        .to_owned();
    for dataset in 0..DATASETS {
        let key = key(dataset);
        writeln!(
            text,
            "[datasets.d{dataset}]\nowner = \"it\"\nprobe = {{ ping = \"{key}\" }}"
        )
        .expect("text");
    }
    text
}

pub(super) fn address(daemon: &Daemon) -> String {
    let begins = "pages at http://";
    daemon.logs(&[begins]);
    let log = daemon.log();
    let behind = log.split_once(begins).expect("it is logged").1;
    behind.split_once('/').expect("an address").0.to_owned()
}

/// Pings until nobody answers any more, or so often that nothing is forgotten yet at the end; the numbers of the pings that were answered by OK.
fn ping_until_death(address: &str, dataset: usize, life: usize) -> Vec<String> {
    let mut answered = Vec::new();
    for number in 0..PINGS_OF_LIFE {
        let rid = format!("{life}-{dataset}-{number}");
        let Some(answer) = ping(address, &key(dataset), &rid) else {
            return answered;
        };
        if answer.starts_with("HTTP/1.1 200 ") {
            answered.push(rid);
        }
    }
    answered
}

fn ping(address: &str, key: &str, rid: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let asked = format!(
        "POST /ping/{key}?rid={rid} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 3\r\n\r\nyes"
    );
    stream.write_all(asked.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.ends_with("OK\n").then_some(answer)
}

#[test]
fn a_ping_that_was_answered_is_stored_with_its_version_whenever_freshd_is_killed() {
    let house = House::with(&jobs_toml());
    let mut answered: Vec<BTreeSet<String>> = vec![BTreeSet::new(); DATASETS];
    for life in 0..KILLS {
        let daemon = house.daemon();
        let address = address(&daemon);
        let scripts: Vec<_> = (0..DATASETS)
            .map(|dataset| {
                let address = address.clone();
                std::thread::spawn(move || ping_until_death(&address, dataset, life))
            })
            .collect();
        daemon.lives_for(Duration::from_millis(LIVES_MS[life % LIVES_MS.len()]));
        daemon.kill();
        for (dataset, script) in scripts.into_iter().enumerate() {
            answered[dataset].extend(script.join().expect("it ends"));
        }
    }
    drop(house.daemon());
    let reader = house.reader();
    for (dataset, answered) in answered.iter().enumerate() {
        let name = Name::from(format!("d{dataset}"));
        let stored = reader.pings_of(&name, 100_000).expect("the store is read");
        assert!(
            stored
                .iter()
                .all(|ping| ping.word.kind == PingKind::Success && ping.text == "yes")
        );
        let known: BTreeSet<String> = stored.iter().filter_map(|ping| ping.rid.clone()).collect();
        let lost: Vec<_> = answered.difference(&known).collect();
        assert_eq!(
            lost.first(),
            None,
            "answered and not stored, {} of {}",
            lost.len(),
            answered.len()
        );
        let versions = reader.versions_of(&name, 100_000).expect("the store is read");
        assert_eq!(versions.len(), stored.len(), "each is a version");
    }
    assert!(
        answered.iter().all(|answered| !answered.is_empty()),
        "somebody was answered"
    );
}
