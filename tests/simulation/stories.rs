//! Short stories of starts and ends, each with a few commits: small enough to let freshd die at every point of them.

use std::time::Duration;

use freshd::model::{AttemptSpec, DeliveryOutcome, ExitStatus, Notification, Overlap};
use freshd::simulation::{Answer, Death, Moment, Play};

use crate::company::{Company, JobPlan, Keeps, Promise};
use crate::due::Rule;
use crate::faults::{Asking, Fault};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
/// When every job of a story is due, as time of the world: Monday at six.
const DUE: u64 = 30 + 6 * HOUR;

/// A company, what its processes and addresses do, and what happens in it.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) company: Company,
    /// What the configuration becomes at a `Fault::Edit`.
    pub(crate) edited: Company,
    pub(crate) told: Told,
    pub(crate) faults: Vec<(Duration, Fault)>,
}

/// What processes and addresses do in a story.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    pub(crate) play: fn(&AttemptSpec, Moment) -> Play,
    pub(crate) answer: fn(&Notification) -> Answer,
}

fn job(name: &'static str) -> JobPlan {
    let mut weekdays = [false; 7];
    weekdays[1] = true;
    JobPlan {
        name,
        rule: Rule::Weekly {
            minute: 0,
            hour: 6,
            weekdays,
            oslo: false,
        },
        enabled: true,
        overlap: Overlap::Skip,
        catch_up: "latest",
        attempts: 1,
        timeout_minutes: 120,
        idempotent: false,
        in_pool: false,
        reads: None,
        on_input: false,
        promise: Promise::NoData,
    }
}

fn company(jobs: Vec<JobPlan>) -> Company {
    Company {
        jobs,
        probed_every_hours: None,
        group_wait_seconds: 0,
        escalates: false,
        pool_slots: 1,
        keeps: None,
    }
}

fn succeeds(_: &AttemptSpec, _: Moment) -> Play {
    Play::succeeds()
}

fn takes_ten_minutes(_: &AttemptSpec, _: Moment) -> Play {
    Play::succeeds().taking(Duration::from_mins(10))
}

fn fails_at_first(spec: &AttemptSpec, _: Moment) -> Play {
    match spec.id.number {
        1 => Play::fails(1, "no route to host"),
        _ => Play::succeeds(),
    }
}

fn fails_when_due(spec: &AttemptSpec, _: Moment) -> Play {
    match spec.env.iter().any(|(key, _)| key == "FRESHD_DUE") {
        true => Play::fails(1, "no route to host"),
        false => Play::succeeds(),
    }
}

fn fails_when_due_and_is_long_by_hand(spec: &AttemptSpec, at: Moment) -> Play {
    match spec.env.iter().any(|(key, _)| key == "FRESHD_DUE") {
        true => fails_at_first(spec, at),
        false => takes_ten_minutes(spec, at),
    }
}

fn fails_every_other_time(spec: &AttemptSpec, _: Moment) -> Play {
    match spec.id.run.0 % 2 {
        1 => Play::fails(1, "no route to host"),
        _ => Play::succeeds(),
    }
}

fn dies_with_its_keeper(_: &AttemptSpec, _: Moment) -> Play {
    Play {
        dies_with_keeper: true,
        ..Play::succeeds().taking(Duration::from_mins(10))
    }
}

fn writes(_: &AttemptSpec, at: Moment) -> Play {
    Play {
        judged_after: Duration::from_secs(1),
        published_after: Duration::from_secs(1),
        ..Play::writes(&format!("written {}", at.elapsed.as_millis()), at.now.wall)
    }
}

fn accepts(_: &Notification) -> Answer {
    Answer {
        after: Duration::from_millis(20),
        arrives: true,
        outcome: DeliveryOutcome::Accepted,
    }
}

fn takes_it_and_times_out_at_first(notification: &Notification) -> Answer {
    let timed_out = DeliveryOutcome::Temporary {
        error: "timed out".to_owned(),
        retry_after_seconds: None,
    };
    match notification.tries {
        0 => Answer {
            outcome: timed_out,
            ..accepts(notification)
        },
        _ => accepts(notification),
    }
}

fn story(name: &'static str, jobs: Vec<JobPlan>, play: fn(&AttemptSpec, Moment) -> Play) -> Story {
    let company = company(jobs);
    Story {
        name,
        edited: company.clone(),
        company,
        told: Told { play, answer: accepts },
        faults: Vec::new(),
    }
}

impl Story {
    fn before(mut self, seconds_before_due: u64, fault: Fault) -> Self {
        self.faults.push((Duration::from_secs(DUE - seconds_before_due), fault));
        self
    }

    fn with(mut self, seconds_after_due: u64, fault: Fault) -> Self {
        self.faults.push((Duration::from_secs(DUE + seconds_after_due), fault));
        self
    }
}

fn asks(what: Asking) -> Fault {
    Fault::Ask { what, job: 0 }
}

/// All of them.
pub(crate) fn all() -> Vec<Story> {
    let down = |minutes| Duration::from_secs(minutes * MINUTE);
    let kill = |death, minutes| Fault::Kill {
        death,
        down: down(minutes),
    };
    let tried_twice = || JobPlan {
        attempts: 2,
        ..job("alpha")
    };
    let narrow = |name| JobPlan {
        in_pool: true,
        ..job(name)
    };
    let publishing = JobPlan {
        promise: Promise::Age(400),
        ..job("alpha")
    };
    let reader = JobPlan {
        reads: Some("alpha"),
        on_input: true,
        ..job("bravo")
    };
    let overlapping = |overlap| JobPlan {
        overlap,
        ..job("alpha")
    };
    let never_started = |_: &AttemptSpec, _: Moment| Play::ends(ExitStatus::NotStarted("no such file".to_owned()));
    let mut reload = story(
        "reload while it runs",
        vec![job("alpha"), job("bravo")],
        takes_ten_minutes,
    )
    .with(
        5 * MINUTE,
        Fault::Edit {
            number: 0,
            reload: true,
        },
    );
    reload.edited.jobs.remove(1);
    reload.edited.jobs[0].rule = Rule::Every {
        hours: 48,
        anchor_minute: 0,
    };
    let mut forgetful = story("forgotten between two runs by hand", vec![job("alpha")], succeeds)
        .with(MINUTE, asks(Asking::Run))
        .with(2 * MINUTE, asks(Asking::Run))
        .with(3 * MINUTE, Fault::Prune)
        .with(4 * MINUTE, asks(Asking::Run));
    forgetful.company.keeps = Some(Keeps { days: 1, runs: 1 });
    let mut told = story("message and its delivery", vec![job("alpha")], fails_when_due).with(HOUR, asks(Asking::Run));
    told.told.answer = takes_it_and_times_out_at_first;
    let silence = |hours| asks(Asking::Silence { hours, data: false });
    let mut turns = story("what comes and goes", vec![job("alpha")], fails_every_other_time);
    for turn in 1..=6 {
        turns = turns.with(turn * 5 * MINUTE, asks(Asking::Run));
    }
    vec![
        story("silenced until its time is over", vec![job("alpha")], fails_when_due)
            .before(MINUTE, silence(1))
            .with(2 * HOUR, asks(Asking::Run)),
        story(
            "silenced when it was told, and lifted",
            vec![job("alpha")],
            fails_when_due,
        )
        .with(5 * MINUTE, silence(5))
        .with(HOUR, asks(Asking::Unsilence { data: false }))
        .with(2 * HOUR, asks(Asking::Run)),
        turns,
        story("a drill that nobody answers", vec![job("alpha")], succeeds).with(0, asks(Asking::Drill)),
        story("a drill that is answered", vec![job("alpha")], succeeds)
            .with(0, asks(Asking::Drill))
            .with(10 * MINUTE, asks(Asking::AckDrill)),
        story("due", vec![job("alpha")], succeeds),
        story("due, and tried again", vec![tried_twice()], fails_at_first),
        story("cannot be started", vec![tried_twice()], never_started),
        story("end while the daemon is down", vec![job("alpha")], takes_ten_minutes)
            .with(5 * MINUTE, kill(Death::Daemon, 10)),
        story("publish, and start the reader", vec![publishing, reader], writes),
        story("cancel", vec![job("alpha")], takes_ten_minutes).with(5 * MINUTE, asks(Asking::Cancel)),
        story(
            "two jobs in a pool of one",
            vec![narrow("alpha"), narrow("bravo")],
            takes_ten_minutes,
        ),
        told,
        story(
            "the keeper dies while the daemon is down",
            vec![job("alpha")],
            takes_ten_minutes,
        )
        .with(2 * MINUTE, kill(Death::Daemon, 4))
        .with(4 * MINUTE, Fault::KillKeeper),
        story(
            "a job that dies with its keeper",
            vec![tried_twice()],
            dies_with_its_keeper,
        )
        .with(5 * MINUTE, Fault::KillKeeper),
        story("the keeper dies as it starts something", vec![tried_twice()], succeeds)
            .with(0, Fault::KillKeeperAtNextStart),
        story("the machine dies", vec![tried_twice()], takes_ten_minutes).with(5 * MINUTE, kill(Death::Machine, 5)),
        reload,
        forgetful,
        story(
            "replaced by hand",
            vec![overlapping(Overlap::Replace)],
            takes_ten_minutes,
        )
        .with(5 * MINUTE, asks(Asking::Run)),
        story("queued by hand", vec![overlapping(Overlap::Queue)], takes_ten_minutes)
            .with(5 * MINUTE, asks(Asking::Run)),
        story(
            "by hand while it backs off",
            vec![tried_twice()],
            fails_when_due_and_is_long_by_hand,
        )
        .with(8, asks(Asking::Run)),
        story("paused and resumed", vec![job("alpha")], succeeds)
            .with(0, asks(Asking::Pause))
            .with(HOUR, asks(Asking::Resume)),
    ]
}
