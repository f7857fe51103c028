//! The accepted configuration: jobs.toml as plain data, every name resolved and every path absolute.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::{
    About, Address, Calendar, Channel, Checks, HistoryRules, Job, Maintenance, Name, OpenDays, Redactor, Schedule,
    Secret, Severity, Web,
};

/// A whole jobs.toml with its includes, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file it was read from, absolute.
    pub file: PathBuf,
    /// SHA-256 over the texts of all files, in hex.
    pub digest: String,
    /// Zone for people, and for schedules that name none.
    pub timezone: TimeZone,
    /// When and how often people are told.
    pub alerts: AlertRules,
    /// How much of the past is kept.
    pub history: HistoryRules,
    /// Who is told when nobody else can be. Never empty.
    pub fallback: Vec<Address>,
    /// Who is to notice when freshd falls silent; `None` when there is no `[heartbeat]`.
    pub heartbeat: Option<Heartbeat>,
    /// Pages and answers over HTTP; `None` when there is no `[web]`.
    pub web: Option<Web>,
    /// By name.
    pub calendars: BTreeMap<Name, Arc<Calendar>>,
    /// By name.
    pub channels: BTreeMap<Name, Channel>,
    /// By name.
    pub teams: BTreeMap<Name, Team>,
    /// By name.
    pub systems: BTreeMap<Name, System>,
    /// By name.
    pub datasets: BTreeMap<Name, Arc<Dataset>>,
    /// By name.
    pub jobs: BTreeMap<Name, Arc<Job>>,
    /// Slots of each pool.
    pub pools: BTreeMap<Name, u32>,
    /// Planned work, by name.
    pub maintenance: BTreeMap<Name, Arc<Maintenance>>,
    /// Hides every secret that was read with it.
    pub redactor: Redactor,
}

impl Settings {
    /// Whether somebody may be told at an address.
    pub fn is_in_use(&self, address: &Address) -> bool {
        let mut of_teams = self.teams.values().flat_map(Team::addresses);
        self.fallback.contains(address) || of_teams.any(|known| known == address)
    }

    /// The dataset of which a key speaks.
    pub fn pinged_by(&self, given: &str) -> Option<&Arc<Dataset>> {
        self.datasets
            .values()
            .find(|dataset| dataset.ping_key().is_some_and(|key| key.is(given)))
    }

    /// The maintenances that concern a job or a dataset.
    pub fn maintenances_of<'a>(
        &'a self,
        about: About,
        subject: &'a Name,
    ) -> impl Iterator<Item = &'a Maintenance> + Clone + use<'a> {
        let all = self.maintenance.values().map(AsRef::as_ref);
        all.filter(move |maintenance: &&Maintenance| maintenance.concerns(about, subject))
    }
}

/// `[heartbeat]`: a sign of life that freshd gives to somebody elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Asked for by GET; itself a secret.
    pub url: Secret,
    /// How often.
    pub every: Duration,
    /// PEM file with further certificate authorities to trust.
    pub ca: Option<PathBuf>,
}

/// `[alerts]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRules {
    /// How long a new problem waits for its cause to show.
    pub group_wait: Duration,
    /// Reminders after opening; then each working day at 08:00.
    pub reminders: Vec<Duration>,
    /// How often an address gets a message while it is caught up with.
    pub digest_every: Duration,
    /// Whether each team gets a report of its week.
    pub weekly: bool,
    /// Whether an address that nothing has reached for a week gets a proof that it is reached.
    pub canary: bool,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self {
            group_wait: Duration::from_mins(1),
            reminders: vec![Duration::from_hours(1), Duration::from_hours(4)],
            digest_every: Duration::from_mins(15),
            weekly: true,
            canary: true,
        }
    }
}

/// A `[teams.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its name.
    pub name: Name,
    /// For people.
    pub title: Option<String>,
    /// Where it is told. Never empty.
    pub notify: Vec<Address>,
    /// Whom to tell when nobody acknowledges.
    pub escalate: Vec<Escalation>,
    /// Its working days.
    pub calendar: Option<Name>,
    /// Its zone, else the file's.
    pub timezone: TimeZone,
}

impl Team {
    /// Everywhere that somebody is told for it: its own addresses, and those of its chain.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        let further = self.escalate.iter().flat_map(|step| &step.notify);
        self.notify.iter().chain(further)
    }
}

/// One step of an escalation chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// Counted from the incident's opening.
    pub after: Duration,
    /// Who is told then.
    pub notify: Vec<Address>,
}

/// Who answers for a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A team.
    Team(Name),
    /// Written out as `"nobody"`; shown red. Problems go to the fallback.
    Nobody,
}

impl Owner {
    /// The team's name, or `nobody`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Team(name) => name.as_str(),
            Self::Nobody => "nobody",
        }
    }
}

/// A `[systems.NAME]`.
#[derive(Clone, Debug)]
pub struct System {
    /// Its name.
    pub name: Name,
    /// For people.
    pub title: Option<String>,
    /// Who answers for it.
    pub owner: Owner,
    /// When it next uses what it consumes.
    pub reads_at: Option<Schedule>,
    /// Free text.
    pub description: Option<String>,
    /// Where to read what to do.
    pub runbook: Option<String>,
}

/// A `[datasets.NAME]`.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its name.
    pub name: Name,
    /// For people.
    pub title: Option<String>,
    /// Who answers for it.
    pub owner: Owner,
    /// The system whose data it is.
    pub system: Option<Name>,
    /// Where readers find it, absolute. Every dataset that a job produces has one.
    pub file: Option<PathBuf>,
    /// How it is watched when no job here produces it.
    pub probe: Option<Probe>,
    /// Datasets from which its system makes it, in a way that freshd does not see: no job here does.
    pub made_from: Vec<Name>,
    /// Systems, teams or jobs that read it.
    pub consumers: Vec<Name>,
    /// Promised deliveries.
    pub due: Option<Due>,
    /// Promised age.
    pub max_age: Option<Duration>,
    /// Age from which it is `due_soon`.
    pub warn_age: Option<Duration>,
    /// The open days by whose time both are counted; `None`: all time counts.
    pub counted_in: Option<OpenDays>,
    /// In which parts it comes, by their short names; each is a dataset of its own, `stock.alesund`, and has what is
    /// promised of it, while the whole stands as the worst of them.
    pub parts: Vec<Name>,
    /// The dataset of which it is a part.
    pub part_of: Option<Name>,
    /// Planned work that concerns it: no delivery is waited for that is due while a window is open.
    pub maintenance: Vec<Arc<Maintenance>>,
    /// Where the newest business time inside it is found.
    pub as_of: AsOf,
    /// What a candidate must satisfy.
    pub checks: Checks,
    /// How long a probed file must be unchanged.
    pub settle: Duration,
    /// Identical content satisfies no deadline.
    pub must_change: bool,
    /// An empty output is fine.
    pub may_be_empty: bool,
    /// A version without `as_of` of its own is refused.
    pub requires_as_of: bool,
    /// Earlier versions kept.
    pub keep_versions: u32,
    /// How bad a broken promise is.
    pub severity: Severity,
    /// Free text.
    pub description: Option<String>,
    /// Where to read what to do.
    pub runbook: Option<String>,
}

impl Dataset {
    /// The key of whoever says when it has arrived, where nothing is looked at.
    pub fn ping_key(&self) -> Option<&Secret> {
        match &self.probe.as_ref()?.target {
            ProbeTarget::Ping(key) => Some(key),
            ProbeTarget::File(_) | ProbeTarget::Glob(_) | ProbeTarget::OpenLineage(_) => None,
        }
    }

    /// The name by which `OpenLineage` events tell of it, where nothing is looked at.
    pub fn lineage_name(&self) -> Option<&str> {
        match &self.probe.as_ref()?.target {
            ProbeTarget::OpenLineage(name) => Some(name),
            ProbeTarget::File(_) | ProbeTarget::Glob(_) | ProbeTarget::Ping(_) => None,
        }
    }

    /// Whether nothing of it is looked at: whoever makes it says when it has arrived.
    pub fn is_told_of(&self) -> bool {
        self.ping_key().is_some() || self.lineage_name().is_some()
    }

    /// The names of the datasets that its parts are, with the short name of each.
    pub fn part_names(&self) -> impl Iterator<Item = (&Name, Name)> {
        let parts = self.parts.iter();
        parts.map(|part| (part, Name::from(format!("{}.{part}", self.name))))
    }
}

/// Promised deliveries: `due = { at, grace, warn, early, covers }`.
#[derive(Clone, Debug)]
pub struct Due {
    /// When each delivery is due.
    pub schedule: Schedule,
    /// How long after the due time the deadline is.
    pub grace: Duration,
    /// How long before the deadline it becomes `due_soon`.
    pub warn: Duration,
    /// How long before the due time a delivery already counts; `None`: since the previous due time.
    pub early: Option<Duration>,
    /// Minimum `as_of`, counted from the due time: `-1d`.
    pub covers: Option<SignedDuration>,
}

/// Where the newest business time inside a version is found; a job's report always wins.
#[derive(Clone, Debug, Default)]
pub enum AsOf {
    /// The attempt's start, or the time of arrival for probed data.
    #[default]
    Start,
    /// The largest value of a column.
    Column {
        /// The column's header.
        column: String,
        /// Zone of values that carry none; without it such values are refused.
        zone: Option<TimeZone>,
    },
    /// The file's modification time.
    Mtime,
    /// A date in the file's name, by a `strptime` pattern.
    Pattern {
        /// The pattern, as in `stock-%Y-%m-%d.csv`.
        pattern: String,
        /// Zone of what it yields.
        zone: TimeZone,
    },
}

/// How a dataset that no job here produces is watched.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What is looked at.
    pub target: ProbeTarget,
    /// How often.
    pub every: Duration,
}

/// What a probe looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeTarget {
    /// One file, absolute.
    File(PathBuf),
    /// The newest of the files that match, absolute pattern.
    Glob(String),
    /// Nothing: whoever knows the key says when data has arrived.
    Ping(Secret),
    /// Nothing: events of `OpenLineage` say when data has arrived that bears this name there, `NAMESPACE/NAME`.
    OpenLineage(String),
}

/// What decisions need to know of the machine; read once at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// The state directory, absolute.
    pub state_dir: PathBuf,
    /// PATH, HOME, USER, LOGNAME, SHELL, LANG for jobs.
    pub env: Vec<(String, String)>,
    /// The machine's name, for messages.
    pub hostname: String,
}
