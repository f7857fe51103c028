//! Two hundred jobs, what each of them does, and the configurations they stand in.

use std::fmt::Write as _;

use freshd::model::Name;

/// Which of the configurations is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Configuration {
    /// All jobs are on.
    First,
    /// The same schedules; some jobs are gone, some are edited, waits of retries and reminders differ.
    Second,
    /// Nothing has a schedule any more; what reads a dataset still follows it.
    Off,
    /// It has a mistake and is refused.
    Broken,
}

/// What a job may do while its run before goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// It is left out.
    Skip,
    /// It waits.
    Queue,
    /// It ends the one before.
    Replace,
    /// It runs beside it.
    Allow,
}

/// Jobs that do the same.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// Beginning of their names.
    pub(crate) name: &'static str,
    /// How many there are.
    pub(crate) count: usize,
    /// Seconds between two due times; 0 for those without a schedule.
    pub(crate) every_s: i64,
    /// What `witness` is told to do.
    pub(crate) plan: &'static str,
    /// The code it ends with when it fails.
    pub(crate) code: i32,
    /// It fails, or writes a bad candidate, when this divides run + attempt; 0: never.
    pub(crate) fails_every: u32,
    /// How long it takes.
    pub(crate) milliseconds: u32,
    /// Attempts of a run.
    pub(crate) attempts: u32,
    /// Its timeout, as jobs.toml has it, when it is shorter than the job.
    pub(crate) timeout: Option<&'static str>,
    /// What happens when it is due while it runs.
    pub(crate) overlap: Overlap,
    /// What differs between the configurations.
    pub(crate) changes: Changes,
}

/// What the second configuration does to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    /// Nothing that makes it another job.
    Stays,
    /// It is not there.
    Goes,
    /// It has another command.
    IsEdited,
}

const PLAIN: Kind = Kind {
    name: "quick",
    count: 40,
    every_s: 1,
    plan: "plain",
    code: 0,
    fails_every: 0,
    milliseconds: 0,
    attempts: 1,
    timeout: None,
    overlap: Overlap::Skip,
    changes: Changes::Stays,
};

/// Pairs of a job that writes a dataset and one that reads it.
pub(crate) const DATASETS: usize = 6;

/// How many of the pooled jobs run at once.
pub(crate) const POOL_SLOTS: usize = 2;

/// Every kind of job.
pub(crate) fn kinds() -> Vec<Kind> {
    let of = |name, count, every_s| Kind {
        name,
        count,
        every_s,
        ..PLAIN
    };
    let long = |name, overlap| Kind {
        milliseconds: 1_400,
        overlap,
        ..of(name, 5, 1)
    };
    let ends_late = |name, plan, attempts, timeout| Kind {
        plan,
        milliseconds: 30_000,
        attempts,
        timeout: Some(timeout),
        ..of(name, 3, 3)
    };
    vec![
        of("quick", 40, 1),
        of("steady", 50, 2),
        Kind {
            code: 3,
            fails_every: 1,
            ..of("fails", 8, 2)
        },
        Kind {
            code: 4,
            fails_every: 3,
            ..of("flips", 16, 2)
        },
        Kind {
            code: 5,
            fails_every: 2,
            milliseconds: 20,
            attempts: 3,
            ..of("retries", 16, 2)
        },
        long("long-skip", Overlap::Skip),
        long("long-queue", Overlap::Queue),
        long("long-replace", Overlap::Replace),
        long("long-allow", Overlap::Allow),
        ends_late("slow", "plain", 2, "700ms"),
        ends_late("stubborn", "stubborn", 1, "900ms"),
        Kind {
            plan: "kills-itself",
            milliseconds: 30,
            ..of("killed", 4, 3)
        },
        Kind {
            plan: "prints",
            ..of("prints", 6, 2)
        },
        Kind {
            plan: "writes",
            fails_every: 5,
            milliseconds: 40,
            ..of("writes", DATASETS, 2)
        },
        Kind {
            plan: "reads",
            milliseconds: 30,
            overlap: Overlap::Queue,
            ..of("reads", DATASETS, 0)
        },
        Kind {
            milliseconds: 250,
            overlap: Overlap::Queue,
            ..of("pooled", 5, 1)
        },
        Kind {
            changes: Changes::Goes,
            milliseconds: 100,
            ..of("goes", 5, 1)
        },
        Kind {
            changes: Changes::IsEdited,
            milliseconds: 100,
            ..of("edited", 5, 1)
        },
        Kind {
            milliseconds: 50,
            ..of("by-hand", 2, 0)
        },
    ]
}

impl Kind {
    /// The kind of a job.
    pub(crate) fn of<'a>(kinds: &'a [Self], job: &Name) -> &'a Self {
        let stem = job.as_str().rsplit_once('.').map_or(job.as_str(), |(stem, _)| stem);
        kinds
            .iter()
            .find(|kind| kind.name == stem)
            .unwrap_or_else(|| panic!("there is no job {job}"))
    }

    /// The names of its jobs.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = String> {
        (0..self.count).map(|number| format!("{}.{number}", self.name))
    }

    /// Its section of jobs.toml for job number `number`, without owner.
    fn section(&self, number: usize, configuration: Configuration) -> String {
        let Self {
            name,
            plan,
            code,
            fails_every,
            milliseconds,
            attempts,
            ..
        } = self;
        let mut words = vec![
            "HOUSE/witness".to_owned(),
            "HOUSE/evidence".to_owned(),
            (*plan).to_owned(),
            code.to_string(),
            fails_every.to_string(),
            milliseconds.to_string(),
        ];
        if *plan == "reads" {
            words.push(format!("FRESHD_INPUT_DATA_{number}"));
        }
        if self.changes == Changes::IsEdited && configuration == Configuration::Second {
            words.push("edited".to_owned());
        }
        let owner = ["post", "hook"][number % 2];
        let delay_ms = if configuration == Configuration::Second { 80 } else { 50 };
        let overlap = match self.overlap {
            Overlap::Skip => "skip",
            Overlap::Queue => "queue",
            Overlap::Replace => "replace",
            Overlap::Allow => "allow",
        };
        let timeout = self.timeout.unwrap_or("2m");
        let mut text = format!(
            "[jobs.\"{name}.{number}\"]\nowner = \"{owner}\"\ncommand = {words:?}\noverlap = \"{overlap}\"\n\
             retry = {{ attempts = {attempts}, delay = \"{delay_ms}ms\" }}\ntimeout = \"{timeout}\"\n\
             kill_after = \"300ms\"\nlog_limit = \"16 KiB\"\n"
        );
        if self.every_s > 0 {
            let enabled = configuration != Configuration::Off;
            write!(text, "every = \"{}s\"\nenabled = {enabled}\n", self.every_s).expect("text");
        }
        match self.name {
            "writes" => writeln!(text, "produces = \"data-{number}\"").expect("text"),
            "reads" => writeln!(text, "on = [\"data-{number}\"]").expect("text"),
            "pooled" => text.push_str("pool = \"narrow\"\n"),
            _ => {}
        }
        text
    }
}

/// The text of jobs.toml.
pub(crate) fn jobs_toml(configuration: Configuration, mail_port: u16, hook_port: u16) -> String {
    let reminder = if configuration == Configuration::Second { 2 } else { 1 };
    let mut text = format!(
        r#"
timezone = "UTC"
run_as_root = true
[alerts]
group_wait = "0s"
reminders = ["{reminder}h"]
digest_every = "2s"

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "HOUSE/outbox"

[channels.mail]
type = "email"
server = "smtp://localhost:{mail_port}"
from = "freshd@seafood.example"

[channels.hook]
type = "webhook"
url = "http://localhost:{hook_port}/hook"

[teams.post]
notify = ["mail:post@seafood.example"]

[teams.hook]
notify = ["hook"]

[pools.narrow]
slots = {POOL_SLOTS}

"#
    );
    for number in 0..DATASETS {
        write!(
            text,
            "[datasets.data-{number}]\nowner = \"post\"\nfile = \"HOUSE/published/data-{number}.csv\"\n\
             keep_versions = 3\nchecks = {{ format = \"csv\", rows = {{ min = 50 }} }}\n\n"
        )
        .expect("text");
    }
    for kind in kinds() {
        if kind.changes == Changes::Goes && configuration == Configuration::Second {
            continue;
        }
        for number in 0..kind.count {
            text.push_str(&kind.section(number, configuration));
            text.push('\n');
        }
    }
    if configuration == Configuration::Broken {
        text.push_str("[jobs.wrong]\nowner = \"nobody-knows\"\n");
    }
    text
}
