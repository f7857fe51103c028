//! The store in memory is the real one: given the same facts, both begin a start with the same.

use std::collections::HashMap;
use std::time::Duration;

use freshd::model::{
    Aged, AttemptSpec, Dataset, Fact, Forgotten, HistoryLimits, Limit, Notification, SearchFrom, SlotState, Snapshot,
};
use freshd::simulation::{Answer, Found, Memory, Moment, Outside, Play, Seen, World};
use freshd::store::{Reader, Store};
use jiff::{SignedDuration, Timestamp};

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

/// All that is beyond the limits, found by the real store in small pieces.
fn beyond(reader: &Reader, limits: &HistoryLimits) -> Aged {
    let mut all = Aged::default();
    let mut next = Some(SearchFrom::START);
    while let Some(from) = next {
        let mut piece = reader.aged(limits, from, 7).expect("it is read");
        next = piece.next.take();
        all.runs.append(&mut piece.runs);
        all.versions.append(&mut piece.versions);
        all.slots.append(&mut piece.slots);
        all.incidents.append(&mut piece.incidents);
        all.notifications.append(&mut piece.notifications);
        all.lives.append(&mut piece.lives);
        all.clock_steps.append(&mut piece.clock_steps);
        all.acceptances.append(&mut piece.acceptances);
    }
    all
}

/// Every run, attempt and so on that was found.
fn forgotten(aged: Aged, at: Timestamp) -> Fact {
    Fact::Forgotten(Box::new(Forgotten {
        runs: aged.runs.iter().map(|run| run.id).collect(),
        versions: aged.versions,
        slots: aged.slots,
        incidents: aged.incidents,
        notifications: aged.notifications,
        lives: aged.lives,
        clock_steps: aged.clock_steps,
        acceptances: aged.acceptances,
        ..Forgotten::nothing(at)
    }))
}

#[test]
fn both_find_the_same_beyond_the_limits_and_forget_the_same() {
    let mut found = [0; 6];
    for seed in [4, 7, 19] {
        let commits = commits(seed);
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut store = Store::open(dir.path()).expect("the store opens");
        let mut memory = Memory::new(store.load().expect("it loads").seed);
        for (part, runs) in commits
            .chunks(commits.len().div_ceil(6))
            .zip([1, 1_000, 3, 20, 1_000, 1])
        {
            let writer = store.into_writer().expect("a writer");
            let keep = |facts: Vec<Fact>, memory: &mut Memory| {
                writer.commit_blocking(facts.clone()).expect("the facts are stored");
                memory.write(facts);
                assert_eq!(memory.sync(), Ok(()));
            };
            for facts in part {
                keep(facts.clone(), &mut memory);
            }
            let reader = Reader::open(dir.path()).expect("the store is read");
            let before = reader.snapshot().expect("it loads");
            let now = before.newest_record_at.expect("something is recorded");
            let limits = HistoryLimits {
                each: Limit {
                    before: now - SignedDuration::from_hours(24 * 9),
                    runs,
                    log_bytes: 0,
                },
                jobs: std::collections::BTreeMap::new(),
                keep_versions: std::collections::BTreeMap::new(),
                all_log_bytes: 0,
            };
            let aged = beyond(&reader, &limits);
            assert_eq!(memory.aged(&limits), aged, "seed {seed}");
            let counts = [
                aged.runs.len(),
                aged.versions.len(),
                aged.slots.len(),
                aged.incidents.len(),
                aged.lives.len(),
                aged.clock_steps.len(),
            ];
            found.iter_mut().zip(counts).for_each(|(all, count)| *all += count);
            // What must never go is asked for, too.
            let mut all = forgotten(aged, now);
            if let Fact::Forgotten(all) = &mut all {
                all.runs.extend(before.last_run);
                all.runs
                    .extend(before.runs.iter().filter(|run| run.outcome.is_none()).map(|run| run.id));
                all.incidents.extend(before.last_incident);
                all.incidents
                    .extend(before.incidents.iter().map(|incident| incident.id));
                all.notifications.extend(before.last_notification);
                all.lives.extend(before.life.iter().map(|life| life.number));
                let open = before.slots.iter().filter(|slot| slot.decided_at.is_none());
                all.slots.extend(open.map(|slot| (slot.dataset.clone(), slot.due_at)));
            }
            // Twice is once.
            keep(vec![all.clone()], &mut memory);
            keep(vec![all], &mut memory);
            writer.close().expect("it closes");
            store = Store::open(dir.path()).expect("the store opens");
            let after = store.load().expect("it loads");
            assert_eq!(memory.snapshot(), after, "seed {seed}");
            let forgetful = Snapshot {
                // The same but for what people had a day to see.
                clock_leaps: after.clock_leaps.clone(),
                ..before
            };
            assert_eq!(
                forgetful, after,
                "seed {seed}: a start does not see that anything is gone"
            );
            assert_eq!(beyond(&reader, &limits), Aged::default(), "seed {seed}");
        }
    }
    assert!(found.iter().all(|count| *count > 0), "{found:?}");
}
