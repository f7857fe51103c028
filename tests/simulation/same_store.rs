//! The store in memory is the real one: given the same facts, both begin a start with the same.

use std::collections::HashMap;
use std::time::Duration;

use freshd::model::{AttemptSpec, Dataset, Fact, Notification, SlotState};
use freshd::simulation::{Answer, Found, Memory, Moment, Outside, Play, Seen, World};
use freshd::store::{Reader, Store};
use jiff::SignedDuration;

use crate::company::{Company, ORIGIN, Promise};
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
    let mut company = Company::by_chance(seed);
    let mut world = World::new(
        outside,
        company.settings(dir.path()),
        ORIGIN.parse().expect("a time"),
        seed,
    );
    world.alive_every = Duration::from_hours(6);
    world.start();
    // Twice, with what lies between: a clock is days ahead, set right and confirmed.
    let ahead = [10, 25].into_iter().flat_map(|day| {
        let at = Duration::from_hours(24 * day);
        let by_ms = 3 * 86_400_000;
        [
            (at, Fault::Clock { by_ms }),
            (at + Duration::from_hours(1), Fault::Clock { by_ms: -by_ms }),
            (at + Duration::from_hours(2), Fault::ConfirmClock),
        ]
    });
    let mut faults = by_chance(seed, long);
    faults.extend(ahead);
    faults.sort_by_key(|(at, _)| *at);
    for (at, fault) in faults {
        world.run_until(at.max(world.moment().elapsed));
        match fault {
            Fault::Kill { death, down } => world.kill(death, down),
            Fault::KillKeeper => world.kill_keeper(),
            Fault::Clock { by_ms } => world.set_clock(by_ms),
            Fault::ConfirmClock => world.confirm_clock(),
            Fault::Edit { number, reload } => {
                company = company.edited(seed, number);
                world.settings = company.settings(dir.path());
                if reload {
                    world.reload();
                }
            }
            _ => {}
        }
    }
    world.run_until(long);
    // In the end no delivery is promised any more.
    let promised = company.jobs.iter_mut().map(|job| &mut job.promise);
    for promise in promised.filter(|promise| matches!(promise, Promise::Due(..))) {
        *promise = Promise::Age(24);
    }
    world.settings = company.settings(dir.path());
    world.start();
    world.reload();
    world.run_until(long + Duration::from_hours(24));
    world.outside.commits
}

#[test]
fn the_store_in_memory_begins_a_start_with_what_the_real_one_loads() {
    let (mut confirmations, mut withdrawn) = (0, 0);
    for seed in [4, 7, 12, 19, 25] {
        let commits = commits(seed);
        let facts = || commits.iter().flatten();
        let is_withdrawn = |fact: &&Fact| matches!(fact, Fact::Slot(slot) if slot.state == SlotState::Withdrawn);
        confirmations += facts().filter(|fact| matches!(fact, Fact::ClockConfirmed(_))).count();
        withdrawn += facts().filter(is_withdrawn).count();
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
            let newest = loaded.newest_record_at.expect("something is recorded");
            assert_eq!(memory.snapshot(), loaded, "seed {seed}");
            let reader = Reader::open(dir.path()).expect("the store is read");
            for days in 0..20 {
                let at = newest - SignedDuration::from_hours(24 * days);
                let read = reader.ahead(at).expect("it is read");
                assert_eq!(memory.ahead(at), read, "seed {seed}, at {at}");
            }
        }
    }
    assert!(confirmations > 0 && withdrawn > 0, "{confirmations} {withdrawn}");
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
