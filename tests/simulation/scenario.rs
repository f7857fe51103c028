//! One world from its seed to its end: a company, what goes wrong in it, and what the judge says.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use freshd::model::{Name, Request, Settings};
use freshd::simulation::World;

use crate::chance::Chance;
use crate::company::{Company, NAMES, ORIGIN};
use crate::faults::{self, Asking, Fault};
use crate::judge::{Judge, Violation};
use crate::nature::{Counts, Nature};

const DAY: Duration = Duration::from_hours(24);
/// At the end nothing goes wrong for so long: longer than any message is tried, or any clock of these worlds is wrong.
const CALM: Duration = Duration::from_hours(15 * 24);

/// A world that can be played again, also without some of its parts.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) long: Duration,
    pub(crate) faults: Vec<(Duration, Fault)>,
    /// Jobs that are left out.
    pub(crate) without: Vec<&'static str>,
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) violation: Option<(Duration, Violation)>,
    pub(crate) counts: Counts,
    pub(crate) simulated: Duration,
    pub(crate) history: Vec<String>,
}

/// Something the runner does at its time.
#[derive(Clone, Copy, Debug)]
enum Step {
    Begins(Fault),
    SpaceReturns,
    Starts,
}

impl Scenario {
    pub(crate) fn by_chance(seed: u64) -> Self {
        let mut chance = Chance::of(seed, &["length"]);
        let long = DAY * u32::try_from(chance.between(60, 400)).expect("days");
        Self {
            seed,
            long,
            faults: faults::by_chance(seed, long),
            without: Vec::new(),
        }
    }

    /// Plays it. `dir` is for jobs.toml alone.
    pub(crate) fn play(&self, dir: &Path, with_history: bool) -> Outcome {
        let mut world = self.play_world(dir, with_history);
        let at = world.moment();
        world.outside.judge.finish(at);
        Outcome {
            violation: world.outside.judge.violation.take(),
            counts: world.outside.counts,
            simulated: at.elapsed,
            history: world.outside.history.take().unwrap_or_default(),
        }
    }

    fn play_world(&self, dir: &Path, with_history: bool) -> World<Nature> {
        let mut company = self.reduced(&Company::by_chance(self.seed));
        let settings = company.settings(dir);
        let judge = Judge::new(HashMap::from([(settings.digest.clone(), company.clone())]));
        let mut nature = Nature::new(self.seed, self.long, judge);
        nature.history = with_history.then(Vec::new);
        let origin = ORIGIN.parse().expect("a time");
        let mut world = World::new(nature, settings, origin, self.seed);
        world.alive_every = Duration::from_hours(6);
        world.start();
        let mut steps: BTreeMap<(Duration, usize), Step> = BTreeMap::new();
        for (number, (at, fault)) in self.faults.iter().enumerate() {
            steps.insert((*at, number), Step::Begins(*fault));
        }
        while let Some(((at, number), step)) = steps.pop_first() {
            world.run_until(at.max(world.moment().elapsed));
            if world.outside.judge.violation.is_some() {
                return world;
            }
            let now = world.moment().elapsed;
            match step {
                Step::SpaceReturns => world.fill_disk(false),
                Step::Starts => world.start(),
                Step::Begins(fault) => match fault {
                    Fault::Stop { down } => {
                        world.stop();
                        steps.insert((now + down, number), Step::Starts);
                    }
                    Fault::DiskFull { for_ } => {
                        world.fill_disk(true);
                        steps.insert((now + for_, number), Step::SpaceReturns);
                    }
                    Fault::Edit { number, reload } => {
                        let edited = company.edited(self.seed, number);
                        company = edited;
                        let reduced = self.reduced(&company);
                        world.settings = settings_of(&mut world.outside.judge, &reduced, dir);
                        if reload {
                            world.reload();
                        }
                    }
                    fault => begin(&mut world, fault),
                },
            }
        }
        world.run_until(self.long.max(world.moment().elapsed));
        world.fill_disk(false);
        world.start();
        world.run_until(world.moment().elapsed + CALM);
        world
    }

    fn reduced(&self, company: &Company) -> Company {
        let reduced = self
            .without
            .iter()
            .fold(company.clone(), |company, name| company.without(name));
        if reduced.jobs.is_empty() {
            company.clone()
        } else {
            reduced
        }
    }
}

fn settings_of(judge: &mut Judge, company: &Company, dir: &Path) -> Arc<Settings> {
    let settings = company.settings(dir);
    judge.knows(settings.digest.clone(), company.clone());
    settings
}

/// Lets a fault begin that needs nothing but the world.
pub(crate) fn begin(world: &mut World<Nature>, fault: Fault) {
    let now = world.moment().elapsed;
    match fault {
        Fault::Kill { death, down } => world.kill(death, down),
        Fault::Crash(crash) => world.crash(crash),
        Fault::KillKeeper => world.kill_keeper(),
        Fault::KillKeeperAtNextStart => world.kill_keeper_at_next_start(),
        Fault::Clock { by_ms } => world.set_clock(by_ms),
        Fault::ConfirmClock => world.confirm_clock(),
        Fault::Sleep { for_ } => world.sleep(for_),
        Fault::Outage { address, how, for_ } => world.outside.outages.push((address, how, now + for_)),
        Fault::Blind { for_ } => world.outside.blind_until = now + for_,
        Fault::Ask { what, job } => ask(world, what, NAMES[job]),
        Fault::Prune => world.prune(),
        Fault::Flaps { job } => {
            let until = now + Duration::from_hours(2);
            world.outside.flaps = Some((NAMES[job], until));
        }
        Fault::Stop { .. } | Fault::DiskFull { .. } | Fault::Edit { .. } => {}
    }
}

/// A job, or the dataset that is called after it.
fn subject(job: &str, data: bool) -> Name {
    Name::from(if data { format!("{job}-data") } else { job.to_owned() })
}

fn ask(world: &mut World<Nature>, what: Asking, job: &'static str) {
    let ledger = &world.outside.judge.ledger;
    let request = match what {
        Asking::Run => Some(Request::Run {
            job: job.into(),
            args: Vec::new(),
        }),
        Asking::Cancel => {
            let going = ledger.going.get(job).and_then(|going| going.last().copied());
            going.map(|run| Request::Cancel { run })
        }
        Asking::Pause => Some(Request::Pause {
            job: job.into(),
            because: "moving".to_owned(),
        }),
        Asking::Resume => Some(Request::Resume { job: job.into() }),
        Asking::Silence { hours, data } => Some(Request::Silence {
            name: subject(job, data),
            because: "moving".to_owned(),
            for_s: u64::try_from(hours).expect("hours") * 3_600,
        }),
        Asking::SilenceCause { hours } => {
            let mut causes = ledger
                .unresolved
                .values()
                .filter_map(|id| ledger.incidents.get(id)?.cause);
            let cause = causes.next().and_then(|cause| ledger.incidents.get(&cause));
            cause.map(|cause| Request::Silence {
                name: cause.subject.clone(),
                because: "moving".to_owned(),
                for_s: u64::try_from(hours).expect("hours") * 3_600,
            })
        }
        Asking::Unsilence { data } => Some(Request::Unsilence {
            name: subject(job, data),
        }),
        Asking::Drill => Some(Request::Drill {
            name: job.into(),
            for_s: 3_600,
        }),
        Asking::AckDrill => ledger.drills.first().map(|incident| Request::ack(*incident)),
        Asking::Ack => ledger
            .unresolved
            .values()
            .last()
            .map(|incident| Request::ack(*incident)),
    };
    if let Some(request) = request {
        world.ask(request);
    }
}
