//! The store in memory is the real one: given the same facts, both begin a start with the same.

use std::collections::HashMap;
use std::time::Duration;

use freshd::model::{AttemptSpec, Dataset, Fact, Notification};
use freshd::simulation::{Answer, Found, Memory, Moment, Outside, Play, Seen, World};
use freshd::store::Store;

use crate::company::{Company, ORIGIN};
use crate::faults::{Fault, by_chance};
use crate::judge::Judge;
use crate::nature::Nature;

/// A world of which every commit is written down.
struct Recorded {
    nature: Nature,
    decided: Vec<Fact>,
    commits: Vec<Vec<Fact>>,
}

impl Outside for Recorded {
    fn play(&mut self, spec: &AttemptSpec, at: Moment) -> Play {
        self.nature.play(spec, at)
    }

    fn look(&mut self, dataset: &Dataset, at: Moment) -> (Duration, Found) {
        self.nature.look(dataset, at)
    }

    fn answer(&mut self, notification: &Notification, at: Moment) -> Answer {
        self.nature.answer(notification, at)
    }

    fn saw(&mut self, _at: Moment, seen: &Seen<'_>) {
        match seen {
            Seen::Decided { facts, .. } => self.decided = facts.to_vec(),
            Seen::Synced => self.commits.push(std::mem::take(&mut self.decided)),
            _ => {}
        }
    }
}

/// The commits of some weeks of trouble.
fn commits(seed: u64) -> Vec<Vec<Fact>> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let long = Duration::from_hours(24 * 40);
    let nature = Nature::new(seed, long, Judge::new(HashMap::new()));
    let outside = Recorded {
        nature,
        decided: Vec::new(),
        commits: Vec::new(),
    };
    let settings = Company::by_chance(seed).settings(dir.path());
    let mut world = World::new(outside, settings, ORIGIN.parse().expect("a time"), seed);
    world.alive_every = Duration::from_hours(6);
    world.start();
    for (at, fault) in by_chance(seed, long) {
        world.run_until(at.max(world.moment().elapsed));
        match fault {
            Fault::Kill { power, down } => world.kill(power, down),
            Fault::KillKeeper => world.kill_keeper(),
            Fault::Clock { by_ms } => world.set_clock(by_ms),
            _ => {}
        }
    }
    world.run_until(long);
    world.outside.commits
}

#[test]
fn the_store_in_memory_begins_a_start_with_what_the_real_one_loads() {
    for seed in [3, 11, 19] {
        let commits = commits(seed);
        assert!(commits.len() > 100, "seed {seed}: only {} commits", commits.len());
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut store = Store::open(dir.path()).expect("the store opens");
        let mut memory = Memory::new(store.load().expect("it loads").seed);
        for part in commits.chunks(commits.len().div_ceil(12)) {
            let writer = store.into_writer().expect("a writer");
            for facts in part {
                writer.commit_blocking(facts.clone()).expect("the facts are stored");
                memory.write(facts.clone());
                assert_eq!(memory.sync(), Ok(()));
            }
            writer.close().expect("it closes");
            store = Store::open(dir.path()).expect("the store opens");
            let loaded = store.load().expect("it loads");
            assert_eq!(memory.snapshot(), loaded, "seed {seed}");
        }
    }
}

#[test]
fn a_power_cut_takes_what_was_not_synced_and_nothing_else() {
    let commits = commits(3);
    let mut memory = Memory::new(1);
    for facts in &commits[..10] {
        memory.write(facts.clone());
        assert_eq!(memory.sync(), Ok(()));
    }
    let synced = memory.snapshot();
    memory.write(commits[10..20].concat());
    memory.lose_unsynced();
    assert_eq!(memory.sync(), Ok(()));
    assert_eq!(memory.snapshot(), synced);
}
