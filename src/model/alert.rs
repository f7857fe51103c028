//! Incidents, and the messages that tell people of them.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Serialize};

use super::{
    Ack, Address, AddressRecord, AddressState, Drill, Escalated, Flapping, IncidentId, Message, Name, NotificationId,
    Rested, Severity, ToldWith, reached,
};

/// What is wrong. With the subject's name it is the key of an incident: one open incident per key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// Older than promised.
    Stale,
    /// A promised delivery did not come.
    Late,
    /// Nobody can tell how fresh it is.
    Unknown,
    /// A job has finally failed.
    Failed,
    /// The checks refused what a job produced.
    Rejected,
    /// It succeeded, but in a way that cannot be believed.
    Suspect,
    /// Somebody else has removed or written over a published file.
    Changed,
    /// The evidence of a run's end is gone.
    Lost,
    /// It waits or runs without end.
    Stuck,
    /// Messages cannot be delivered through a channel.
    ChannelBroken,
    /// freshd itself.
    Freshd,
    /// Nothing: it is rehearsed.
    Drill,
}

impl ProblemKind {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Late => "late",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Suspect => "suspect",
            Self::Changed => "changed",
            Self::Lost => "lost",
            Self::Stuck => "stuck",
            Self::ChannelBroken => "channel_broken",
            Self::Freshd => "freshd",
            Self::Drill => "drill",
        }
    }

    /// The kind of that word, if it is known.
    pub fn read(word: &str) -> Option<Self> {
        Self::deserialize(StrDeserializer::<serde::de::value::Error>::new(word)).ok()
    }

    /// What is wrong, behind the name of what it is wrong with.
    pub fn words(self) -> &'static str {
        match self {
            Self::Stale => "is stale",
            Self::Late => "is late",
            Self::Unknown => "is of unknown age",
            Self::Failed => "failed",
            Self::Rejected => "was rejected",
            Self::Suspect => "is suspect",
            Self::Changed => "is not what was published",
            Self::Lost => "was lost",
            Self::Stuck => "is stuck",
            Self::ChannelBroken => "cannot be reached",
            Self::Freshd => "has a problem",
            Self::Drill => "is rehearsed [DRILL]",
        }
    }
}

/// What kind of thing an incident is about: a job and a dataset may share a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A job.
    Job,
    /// A dataset.
    Dataset,
    /// freshd itself, or one of its channels.
    Freshd,
}

impl About {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Dataset => "dataset",
            Self::Freshd => "freshd",
        }
    }
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Waits for its cause to show, until `notify_at`.
    Waiting,
    /// Nobody is told: the incident in `cause` explains it.
    Attached,
    /// Told.
    Open,
    /// Over.
    Resolved,
}

impl IncidentState {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Attached => "attached",
            Self::Open => "open",
            Self::Resolved => "resolved",
        }
    }
}

/// The stored life of a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// Its number.
    pub id: IncidentId,
    /// What is wrong.
    pub kind: ProblemKind,
    /// What kind of thing it is about.
    pub about: About,
    /// Its name.
    pub subject: Name,
    /// Where it stands.
    pub state: IncidentState,
    /// How bad it is, effects attached to it included. Never goes down.
    pub severity: Severity,
    /// Since when the problem exists.
    #[schemars(with = "super::Instant")]
    pub since: Timestamp,
    /// Since when something that is told with it is not as promised, where that began before it and was not told by itself.
    #[serde(default)]
    #[schemars(with = "Option<super::Instant>")]
    pub broken_since: Option<Timestamp>,
    /// Since when it is of this kind, where something else was wrong before.
    #[serde(default)]
    #[schemars(with = "Option<super::Instant>")]
    pub kind_since: Option<Timestamp>,
    /// What was wrong at first, where that is something else by now.
    #[serde(default)]
    pub first_kind: Option<ProblemKind>,
    /// When a waiting incident opens or is attached; when the end of an open one is told at the latest,
    /// [`Incident::ends_by`].
    #[schemars(with = "super::Instant")]
    pub notify_at: Timestamp,
    /// When people were first told.
    #[schemars(with = "Option<super::Instant>")]
    pub opened_at: Option<Timestamp>,
    /// That another team came to answer for it, by an edit of jobs.toml: reminders and escalation count from then.
    #[serde(default)]
    pub handed_over: Option<HandedOver>,
    /// When the problem ended.
    #[schemars(with = "Option<super::Instant>")]
    pub resolved_at: Option<Timestamp>,
    /// What a person did that ended it, and why, in words: also by an edit of jobs.toml, [`Incident::closed_by`]. Nothing
    /// where it ended by itself.
    #[serde(default)]
    pub resolution: Option<String>,
    /// The incident that explains this one.
    pub cause: Option<IncidentId>,
    /// The problem in one sentence, as of the last change.
    pub reason: String,
    /// Everyone told so far: team and address. They all get the recovery message.
    #[schemars(with = "Vec<String>")]
    pub told: Vec<(Name, Address)>,
    /// When it was told with what, the last at the end.
    #[serde(default)]
    pub told_with: Vec<ToldWith>,
    /// Who has taken it on.
    pub ack: Option<Ack>,
    /// Who had before, the oldest first: up to [`EARLIER_ACKS_MAX`](super::EARLIER_ACKS_MAX).
    #[serde(default)]
    pub earlier_acks: Vec<Ack>,
    /// Links in messages up to this one have done their work, and take it on no more.
    #[serde(default, skip_serializing)]
    pub links_used: Option<NotificationId>,
    /// Reminders sent.
    pub reminders: u32,
    /// When the next reminder is due.
    #[schemars(with = "Option<super::Instant>")]
    pub remind_at: Option<Timestamp>,
    /// Escalation steps taken.
    pub escalations: u32,
    /// How long it was kept quiet since those who answer for it were told: escalation counts without that.
    #[serde(default)]
    pub rested: Rested,
    /// When it was escalated to whom, the first step first; also for a team that answered for it before.
    #[serde(default)]
    pub escalated: Vec<Escalated>,
    /// That it comes and goes, and how often it has.
    #[serde(default)]
    pub flapping: Option<Flapping>,
    /// That it is a rehearsal, and nothing is wrong.
    #[serde(default)]
    pub drill: Option<Drill>,
}

impl Incident {
    /// How an edit ends what it is about: nothing was mended, it is only no longer a problem of anybody.
    pub const GONE: &str = "it is no longer in jobs.toml";
    /// The same of a job that is switched off.
    pub const SWITCHED_OFF: &str = "it is switched off in jobs.toml";
    /// The same of a job whose failures are no longer told.
    pub const UNTOLD: &str = "it is told of at a breach only, as jobs.toml says now";
    /// The same of a dataset without a promise.
    pub const UNPROMISED: &str = "it promises nothing any more, as jobs.toml says now";

    /// Why it is closed rather than resolved, behind the name of its subject.
    pub fn closed_by(&self) -> Option<&'static str> {
        let edits = [Self::GONE, Self::SWITCHED_OFF, Self::UNTOLD, Self::UNPROMISED];
        let edit = edits
            .into_iter()
            .find(|edit| self.resolution.as_deref() == Some(edit))?;
        edit.strip_prefix("it ")
    }

    /// When the first of all that is told with it began to be wrong.
    pub fn began(&self) -> Timestamp {
        self.broken_since.map_or(self.since, |broken| broken.min(self.since))
    }

    /// Since when it exists, since when it is of its present kind where that is another than at first, and since when what it
    /// breaks is broken where that began before: `Fri 22:07 (rejected since Mon 08:00)`, each as `time` says it.
    pub fn since_words(&self, time: impl Fn(Timestamp) -> String) -> String {
        let since = time(self.since);
        // Within the same minute it is the same time.
        let more = |what: &str, at: Timestamp| {
            let at = time(at);
            (at != since).then(|| format!("{what} since {at}"))
        };
        let of_kind = self.kind_since.filter(|kind_since| *kind_since > self.since);
        let of_kind = of_kind.and_then(|at| more(self.kind.as_str(), at));
        let of_data = Some(self.began()).filter(|began| *began < self.since);
        let of_data = of_data.and_then(|at| more("data not as promised", at));
        let more: Vec<String> = of_kind.into_iter().chain(of_data).collect();
        match more.is_empty() {
            true => since,
            false => format!("{since} ({})", more.join(", ")),
        }
    }

    /// Until when the end of an open one may wait: its own problem is gone, and something that it broke is not well yet.
    pub fn ends_by(&self) -> Option<Timestamp> {
        let is_told = self.state == IncidentState::Open && self.about != About::Freshd && self.drill.is_none();
        // Nobody is told of it before that instant, unless it was told already.
        (is_told && Some(self.notify_at) > self.opened_at).then_some(self.notify_at)
    }

    /// Since when those who answer for it now have been told of it.
    pub fn theirs_since(&self) -> Option<Timestamp> {
        self.handed_over.as_ref().map(|it| it.at).or(self.opened_at)
    }

    /// The team that has been told to answer for it.
    pub fn told_to_answer(&self) -> Option<&Name> {
        let to = self.handed_over.as_ref().map(|it| &it.to);
        to.or_else(|| self.told.first().map(|(team, _)| team))
    }

    /// Where it stands, in the word for people.
    pub fn state_word(&self) -> &'static str {
        match self.state {
            IncidentState::Resolved if self.closed_by().is_some() => "closed",
            state => state.as_str(),
        }
    }
}

/// Another team has come to answer for an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandedOver {
    /// Which.
    pub to: Name,
    /// When it was told.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
    /// Which had been told to answer before, where that is known.
    #[serde(default)]
    pub from: Option<Name>,
}

/// An incident as `incidents --json` prints it: as stored, with who was reached as texts, and how each address stands.
pub fn incident_line(incident: &Incident, addresses: &[AddressState]) -> serde_json::Value {
    let mut value = serde_json::json!(incident);
    value["told"] = serde_json::json!(reached(addresses));
    value["addresses"] = serde_json::json!(addresses);
    value["ends_by"] = serde_json::json!(incident.ends_by());
    value
}

/// That an incident is over but for its end, which is told at `latest` whatever is still bad.
pub fn end_words(latest: &str) -> String {
    format!("it is mended; the end is told when what it broke is well, {latest} at the latest")
}

/// Where a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationState {
    /// Not yet accepted by the other side.
    Pending,
    /// Accepted by the other side.
    Delivered,
    /// Given up; shown, never dropped.
    Dead,
    /// Never sent, because a later one says it all (an opening and its recovery in one, or what became of it meanwhile).
    Collapsed,
}

impl NotificationState {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Collapsed => "collapsed",
        }
    }
}

/// One message to one address, stored with the facts that caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notification {
    /// Its number, and its order within (incident, address).
    pub id: NotificationId,
    /// The incident; `None` for a digest and for a test.
    pub incident: Option<IncidentId>,
    /// Where it goes.
    pub address: Address,
    /// What it says; shared by all that is kept and told of the notification.
    pub message: Arc<Message>,
    /// Where it stands.
    pub state: NotificationState,
    /// Tries so far.
    pub tries: u32,
    /// When the next try is due, while pending.
    #[schemars(with = "super::Instant")]
    pub next_try_at: Timestamp,
    /// When it was decided.
    #[schemars(with = "super::Instant")]
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    #[schemars(with = "Option<super::Instant>")]
    pub ended_at: Option<Timestamp>,
    /// What the other side last said.
    pub last_error: Option<String>,
    /// What the other side calls it, if it was taken and begins a thread there that others follow.
    #[serde(default)]
    pub receipt: Option<String>,
    /// The digest that tells of it in its stead, and with which it ends.
    #[serde(default)]
    pub digest: Option<NotificationId>,
}

impl Notification {
    /// The team that knows what it says once it is taken.
    pub fn told_for(&self) -> &Name {
        self.message.told_for()
    }

    /// When it is tried again, or its address gets what waits for it, as `record` has that; `None` for what is not
    /// pending, and for what waits for nothing.
    pub fn waits_until(&self, record: Option<&AddressRecord>) -> Option<Timestamp> {
        let own =
            Some(self.next_try_at).filter(|_| self.tries > 0 && record.is_none_or(|record| record.outage.is_none()));
        let next_try_at = own.max(record.and_then(AddressRecord::next_try_at));
        next_try_at.filter(|_| self.state == NotificationState::Pending)
    }
}
