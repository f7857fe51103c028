//! freshd dies at every point of short stories, one after the other, and again at every point of what follows.
//!
//! Nothing is left to chance: a story is told once in peace, which shows its commits, the actions of each and the
//! instants at which anything happens. Then it is told again for each of these points and each kind of death; and for
//! each of those again, with a second death at each point behind the first, until the story is over. The judge of the
//! long worlds judges them.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use freshd::model::Settings;
use freshd::simulation::{Crash, CrashPoint, Death, World};

use crate::company::ORIGIN;
use crate::faults::Fault;
use crate::judge::{Judge, Violation};
use crate::nature::Nature;
use crate::number_of;
use crate::scenario::begin;
use crate::stories::{self, Story};

const DEATHS: [Death; 3] = [Death::Daemon, Death::DaemonAndKeeper, Death::Machine];
/// At once; later than a start may be late; later than anything is made up for.
const DOWN: [Duration; 3] = [Duration::ZERO, Duration::from_mins(11), Duration::from_hours(26)];
/// Longer than anything is tried, shorter than the week until jobs are due again.
const LONG: Duration = Duration::from_hours(6 * 24);
/// Unoptimised, as in a plain `cargo test`, there is no time for a second death.
const DIES_AGAIN: bool = !cfg!(debug_assertions);
/// Nor for every way to die at each point: for one of so many, other ones each time.
const WAYS_EVERY: usize = if cfg!(debug_assertions) { 4 } else { 1 };
const _: () = assert!(WAYS_EVERY <= DEATHS.len() * DOWN.len(), "no point is left out");

/// Where freshd dies.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// At this commit, counted from the one before.
    Commit(usize, CrashPoint),
    /// Between two commits, when everything of this instant has happened.
    Instant(Duration),
}

/// Where, which way, and for how long.
#[derive(Clone, Copy, Debug)]
struct Point {
    place: Place,
    death: Death,
    down: Duration,
}

/// What a story came to.
struct Told {
    violation: Option<(Duration, Violation)>,
    /// Commits, each with the number of its actions, from the first one behind the last death on.
    commits: Vec<usize>,
    /// When anything happened.
    instants: BTreeSet<Duration>,
    history: Vec<String>,
}

/// A story with its configurations, which are read once.
struct Book {
    story: Story,
    settings: Arc<Settings>,
    edited: Arc<Settings>,
}

impl Book {
    fn of(story: Story, dir: &Path) -> Self {
        Self {
            settings: story.company.settings(dir),
            edited: story.edited.settings(dir),
            story,
        }
    }

    fn tell(&self, points: &[Point], with_history: bool) -> Told {
        let companies = [
            (self.settings.digest.clone(), self.story.company.clone()),
            (self.edited.digest.clone(), self.story.edited.clone()),
        ];
        let mut nature = Nature::new(1, LONG, Judge::new(HashMap::from(companies)));
        nature.told = Some(self.story.told);
        nature.history = with_history.then(Vec::new);
        let origin = ORIGIN.parse().expect("a time");
        let mut world = World::new(nature, self.settings.clone(), origin, 1);
        // Signs of life are commits like any other, and not what the stories are about.
        world.alive_every = LONG;
        let (at_once, later) = match points {
            [
                Point {
                    place: Place::Instant(at),
                    ..
                },
                second @ ..,
            ] => (&[][..], Some((*at, second))),
            points => (points, None),
        };
        for point in at_once {
            await_death(&mut world, point);
        }
        world.start();
        let mut faults: Vec<_> = self
            .story
            .faults
            .iter()
            .map(|(at, fault)| (*at, Some(*fault)))
            .collect();
        if let Some((at, _)) = later {
            let behind = faults.partition_point(|(begins, _)| *begins <= at);
            faults.insert(behind, (at, None));
        }
        for (at, fault) in faults {
            world.run_until(at.max(world.moment().elapsed));
            match (fault, later) {
                (Some(Fault::Edit { .. }), _) => {
                    world.settings = self.edited.clone();
                    world.reload();
                }
                (Some(fault), _) => begin(&mut world, fault),
                (None, later) => {
                    world.outside.commits.clear();
                    world.kill(points[0].death, points[0].down);
                    let second = later.map_or(&[][..], |(_, second)| second);
                    for point in second {
                        await_death(&mut world, point);
                    }
                }
            }
        }
        world.run_until(LONG);
        let at = world.moment();
        world.outside.judge.finish(at);
        let nature = world.outside;
        Told {
            violation: nature.judge.violation,
            commits: nature.commits,
            instants: nature.instants,
            history: nature.history.unwrap_or_default(),
        }
    }

    /// Ends the test if a promise was broken.
    fn check(&self, points: &[Point]) -> Told {
        let told = self.tell(points, false);
        if let Some((elapsed, violation)) = &told.violation {
            let history = self.tell(points, true).history.join("\n");
            panic!(
                "`{}` with {points:#?}\nbreaks `{}` at second {}: {}\n\n{history}",
                self.story.name,
                violation.rule,
                elapsed.as_secs(),
                violation.what
            );
        }
        told
    }
}

fn await_death(world: &mut World<Nature>, point: &Point) {
    if let Place::Commit(commit, at) = point.place {
        world.crash(Crash {
            after_commits: u32::try_from(commit).expect("few"),
            point: at,
            death: point.death,
            down: point.down,
        });
    }
}

/// Every point of so many commits.
fn of_commits(commits: &[usize]) -> Vec<Place> {
    let mut places = Vec::new();
    for (commit, actions) in commits.iter().enumerate() {
        let after = (1..=*actions).map(CrashPoint::AfterActions);
        let points = [
            CrashPoint::BeforeWrite,
            CrashPoint::BeforeSync,
            CrashPoint::BeforeActions,
        ];
        places.extend(
            points
                .into_iter()
                .chain(after)
                .map(|point| Place::Commit(commit, point)),
        );
    }
    places
}

fn each_death(places: &[Place], downs: &[Duration]) -> Vec<Point> {
    let mut points = Vec::new();
    for place in places {
        for death in DEATHS {
            let each = downs.iter().map(|down| Point {
                place: *place,
                death,
                down: *down,
            });
            points.extend(each);
        }
    }
    points
}

/// One of so many second deaths is played.
fn second_deaths_every() -> usize {
    let every = number_of("FRESHD_SECOND_DEATHS_EVERY").map(usize::try_from);
    every.map_or(1, |every| every.unwrap_or(usize::MAX).max(1))
}

/// Dies once at every point, and for each of them a second time at every point behind it, or at one of so many, other ones
/// each time, as `FRESHD_SECOND_DEATHS_EVERY` says. Returns the numbers of both.
fn die_everywhere(book: &Book) -> (usize, usize) {
    let every = second_deaths_every();
    let peace = book.check(&[]);
    let instants = peace.instants.iter().map(|at| Place::Instant(*at));
    let places: Vec<Place> = of_commits(&peace.commits).into_iter().chain(instants).collect();
    let (mut once, mut twice) = (0, 0);
    for first in each_death(&places, &DOWN).into_iter().step_by(WAYS_EVERY) {
        let told = book.check(&[first]);
        once += 1;
        if !DIES_AGAIN || first.down == DOWN[2] {
            continue;
        }
        let behind = match first.place {
            Place::Commit(commit, _) => told.commits.get(commit + 1..).unwrap_or_default(),
            Place::Instant(_) => &told.commits,
        };
        let seconds = each_death(&of_commits(behind), &DOWN[..1]).into_iter().enumerate();
        for (_, second) in seconds.filter(|(place, _)| (place + once) % every == 0) {
            book.check(&[first, second]);
            twice += 1;
        }
    }
    (once, twice)
}

#[test]
fn no_promise_is_broken_wherever_freshd_dies_and_dies_again() {
    let stories = Mutex::new(stories::all());
    let (once, twice) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let dir = tempfile::tempdir().expect("a temporary directory");
                while let Some(story) = {
                    let mut stories = stories.lock().expect("no thread has panicked");
                    stories.pop()
                } {
                    let book = Book::of(story, dir.path());
                    let points = die_everywhere(&book);
                    once.fetch_add(points.0, Ordering::Relaxed);
                    twice.fetch_add(points.1, Ordering::Relaxed);
                    println!(
                        "{}: {} deaths, {} followed by a second",
                        book.story.name, points.0, points.1
                    );
                }
            });
        }
    });
    let (once, twice) = (once.into_inner(), twice.into_inner());
    println!("{once} deaths, and {twice} with a second one behind them");
    let enough_twice = if DIES_AGAIN {
        1_000_000 / second_deaths_every()
    } else {
        0
    };
    assert!(
        once > 8_000 / WAYS_EVERY && twice >= enough_twice,
        "the stories have become too short"
    );
}
