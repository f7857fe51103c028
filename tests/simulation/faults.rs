//! What goes wrong in a world and when, decided before it begins: so that it can be left out one by one.

use std::time::Duration;

use freshd::simulation::{Crash, CrashPoint, Death};

use crate::chance::Chance;

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

/// Something that goes wrong, or that people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The daemon is killed, and perhaps more with it.
    Kill {
        death: Death,
        down: Duration,
    },
    /// The daemon dies at a commit to come.
    Crash(Crash),
    /// It ends in order.
    Stop {
        down: Duration,
    },
    KillKeeper,
    KillKeeperAtNextStart,
    DiskFull {
        for_: Duration,
    },
    /// The clock is set; half a second and less is drift.
    Clock {
        by_ms: i64,
    },
    /// An operator says that the clock is right: without effect unless it is held.
    ConfirmClock,
    Sleep {
        for_: Duration,
    },
    /// The configuration changes: by a reload, or at the next start.
    Edit {
        number: u64,
        reload: bool,
    },
    /// Somebody asks for something; which job is meant is one of the six names.
    Ask {
        what: Asking,
        job: usize,
    },
    /// An address does this to whatever is sent to it, for a while.
    Outage {
        address: usize,
        how: Outage,
        for_: Duration,
    },
    /// The probe cannot tell, for a while.
    Blind {
        for_: Duration,
    },
    /// It is time to forget what is beyond `[history]`.
    Prune,
    /// For two hours every other run of a job fails.
    Flaps {
        job: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    Run,
    Cancel,
    Pause,
    Resume,
    Ack,
    /// Of the job, or of the dataset that it makes.
    Silence {
        hours: i64,
        data: bool,
    },
    /// Of what explains something else, whatever it is.
    SilenceCause {
        hours: i64,
    },
    Unsilence {
        data: bool,
    },
    Drill,
    AckDrill,
}

/// How long silences last.
pub(crate) const SILENCES_HOURS: [i64; 3] = [1, 5, 72];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// It refuses for now.
    Refuses,
    /// It does not answer until the time is up.
    Hangs,
    /// It takes the message, and the answer is lost.
    TakesAndTimesOut,
    /// It will never take it.
    Never,
    /// It says when to come again.
    RetryAfter,
}

/// The faults of a world, in order of time.
pub(crate) fn by_chance(seed: u64, long: Duration) -> Vec<(Duration, Fault)> {
    let mut chance = Chance::of(seed, &["faults"]);
    let days = long.as_secs() / DAY;
    // Quiet worlds find what loud ones hide.
    let every_days = chance.pick(&[1, 2, 4, 10, 30]);
    let mut faults: Vec<(Duration, Fault)> = (0..days / every_days)
        .flat_map(|number| {
            let at = Duration::from_millis(chance.below(u64::try_from(long.as_millis()).expect("a time")));
            let fault = fault(&mut chance, number);
            let is_back = matches!(fault, Fault::Clock { by_ms } if by_ms < 0);
            let confirmed_after = Duration::from_secs(chance.between(MINUTE, DAY));
            let confirmed = (is_back && chance.percent(60)).then_some((at + confirmed_after, Fault::ConfirmClock));
            // Somebody tries again and again.
            let flaps = match fault {
                Fault::Flaps { job } => Some(job),
                _ => None,
            };
            let again = flaps.into_iter().flat_map(move |job| {
                let run = Fault::Ask { what: Asking::Run, job };
                (1..=9).map(move |turn| (at + Duration::from_secs(turn * 8 * MINUTE), run))
            });
            std::iter::once((at, fault)).chain(confirmed).chain(again)
        })
        .filter(|(at, _)| *at < long)
        .collect();
    faults.extend(rounds(seed, long).map(|at| (at, Fault::Prune)));
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// When it is time to forget something: often enough that there is little each time, or so rarely that there is much.
fn rounds(seed: u64, long: Duration) -> impl Iterator<Item = Duration> {
    let mut chance = Chance::of(seed, &["rounds"]);
    let every = Duration::from_hours(chance.pick(&[7, 24, 24 * 5, 24 * 30]));
    let mut at = Duration::ZERO;
    std::iter::from_fn(move || {
        at += every + Duration::from_secs(chance.below(HOUR));
        Some(at).filter(|at| *at < long)
    })
}

fn fault(chance: &mut Chance, number: u64) -> Fault {
    match chance.below(100) {
        0..=14 => Fault::Kill {
            death: death(chance),
            down: downtime(chance),
        },
        15..=49 => Fault::Crash(Crash {
            after_commits: u32::try_from(chance.pick(&[0, 0, 0, 1, 2, 5])).expect("few"),
            point: match chance.below(5) {
                0 => CrashPoint::BeforeWrite,
                1 => CrashPoint::BeforeSync,
                2 => CrashPoint::BeforeActions,
                _ => CrashPoint::AfterActions(usize::try_from(chance.below(3)).expect("few")),
            },
            death: death(chance),
            down: downtime(chance),
        }),
        50..=52 => Fault::Stop { down: downtime(chance) },
        53..=56 => Fault::KillKeeper,
        57..=59 => Fault::KillKeeperAtNextStart,
        60..=62 => Fault::DiskFull {
            for_: Duration::from_secs(chance.between(5, 3 * HOUR)),
        },
        63..=67 => Fault::Clock { by_ms: step(chance) },
        68..=69 => Fault::Sleep {
            for_: Duration::from_secs(chance.between(10, DAY)),
        },
        70..=74 => Fault::Edit {
            number,
            reload: chance.percent(60),
        },
        75..=86 => Fault::Ask {
            what: chance.pick(&[
                Asking::Run,
                Asking::Run,
                Asking::Cancel,
                Asking::Pause,
                Asking::Resume,
                Asking::Resume,
                Asking::Ack,
                Asking::Silence { hours: 5, data: false },
                Asking::Silence { hours: 72, data: true },
                Asking::SilenceCause { hours: 1 },
                Asking::SilenceCause { hours: 5 },
                Asking::Unsilence { data: false },
                Asking::Unsilence { data: true },
                Asking::Drill,
                Asking::AckDrill,
            ]),
            job: usize::try_from(chance.below(6)).expect("few"),
        },
        87..=96 => Fault::Outage {
            address: usize::try_from(chance.below(5)).expect("few"),
            how: chance.pick(&[
                Outage::Refuses,
                Outage::Refuses,
                Outage::Hangs,
                Outage::TakesAndTimesOut,
                Outage::Never,
                Outage::RetryAfter,
            ]),
            for_: Duration::from_secs(chance.pick(&[30, 10 * MINUTE, 5 * HOUR, 2 * DAY, 6 * DAY])),
        },
        97 => Fault::Flaps {
            job: usize::try_from(chance.below(6)).expect("few"),
        },
        _ => Fault::Blind {
            for_: Duration::from_secs(chance.between(HOUR, 3 * DAY)),
        },
    }
}

fn death(chance: &mut Chance) -> Death {
    match chance.below(100) {
        0..=29 => Death::Machine,
        30..=39 => Death::DaemonAndKeeper,
        _ => Death::Daemon,
    }
}

fn downtime(chance: &mut Chance) -> Duration {
    let seconds = match chance.below(10) {
        0..=4 => chance.below(3),
        5..=6 => chance.between(3, 2 * MINUTE),
        7..=8 => chance.between(2 * MINUTE, 6 * HOUR),
        _ => chance.between(6 * HOUR, 12 * DAY),
    };
    Duration::from_secs(seconds)
}

fn step(chance: &mut Chance) -> i64 {
    let size = match chance.below(6) {
        0..=1 => chance.between(1, 499),
        2..=3 => chance.between(500, 1_000 * 10 * MINUTE),
        4 => chance.between(1_000 * 10 * MINUTE, 1_000 * 5 * HOUR),
        _ => chance.between(1_000 * 5 * HOUR, 1_000 * 3 * DAY),
    };
    let size = i64::try_from(size).expect("a step");
    if chance.percent(50) { size } else { -size }
}
