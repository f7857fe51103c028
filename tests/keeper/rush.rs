//! Many starts at once, of which the keeper hears before.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::house::*;

fn directories(dir: &Path) -> BTreeSet<u64> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.map(|entry| entry.unwrap().metadata().unwrap().ino()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_for_a_rush_are_made_before_it_and_given_to_its_attempts() {
    const STARTS: u64 = 70;
    let mut house = House::new().await;
    let dir = house.dir.join("run");
    house.keepers().get_ready(usize::try_from(STARTS).unwrap());
    until(|| directories(&dir).len() as u64 == STARTS);
    let made = directories(&dir);
    // None ends before all have begun: what one gives back the next could take.
    let go = both_ends(&house.fifo("go"));
    for run in 1..=STARTS {
        let text = format!("stat -c %i run/{run}.1 > {run}.inode; read -r word < go");
        house.keepers().start(house.shell(run, &text));
    }
    for run in 1..=STARTS {
        house.pid(run).await;
    }
    (&go)
        .write_all(&b"x\n".repeat(usize::try_from(STARTS).unwrap()))
        .unwrap();
    for _ in 1..=STARTS {
        house.exit().await;
    }
    let inode = |run: u64| fs::read_to_string(house.dir.join(format!("{run}.inode"))).unwrap();
    let used: BTreeSet<u64> = (1..=STARTS).map(|run| inode(run).trim().parse().unwrap()).collect();
    assert_eq!(used, made);
}
