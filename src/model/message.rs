//! Messages: their words, rendered once.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{About, DRILL_MARK, DigestLine, IncidentId, Name, ProblemKind, Purpose, Severity, WhyGathered};

/// The words of one message, rendered once and never again. Channels only lay them out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Stable over all tries: the local part of Message-ID, webhook-id.
    pub id: String,
    /// The same for all messages of one incident: the root of a mail thread.
    pub thread: String,
    /// The incident; `None` for a digest and for a test.
    pub incident: Option<IncidentId>,
    /// Why it is sent.
    pub purpose: Purpose,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong; `None` for a digest and for a test.
    pub kind: Option<ProblemKind>,
    /// What kind of thing `subject_name` is; `None` for a test.
    #[serde(default)]
    pub about: Option<About>,
    /// With what.
    pub subject_name: Name,
    /// Since when; `None` for a test.
    #[serde(default)]
    #[schemars(with = "Option<super::Instant>")]
    pub since: Option<Timestamp>,
    /// Since when it is of this kind, where something else was wrong before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<super::Instant>")]
    pub kind_since: Option<Timestamp>,
    /// The mail's subject. All messages of a thread that an address gets have the same but for [`ANSWER`] in front.
    pub subject: String,
    /// One or two sentences that say it all.
    pub headline: String,
    /// What, since when, data as of when, why, what was tried, who reads it next and when.
    pub facts: Vec<MessageFact>,
    /// Of a digest: every incident that it tells of, open ones first and the worst of them first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<DigestLine>,
    /// Of a digest: why messages were gathered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathered: Option<WhyGathered>,
    /// The last lines of the job's output.
    pub output: Vec<String>,
    /// What to type.
    pub commands: Vec<String>,
    /// The team it is meant for.
    pub team: Name,
    /// What people call it, where jobs.toml says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_title: Option<String>,
    /// Of a message to the fallback: the team in whose stead it goes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_in_for: Option<Name>,
    /// When a person asked for it once more; `at` is when its words were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<super::Instant>")]
    pub resent_at: Option<Timestamp>,
    /// The owner of what is wrong.
    pub owner: String,
    /// When it was decided.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
    /// In what zone its times are, `Europe/Oslo (UTC+1)`, with the offset of when it was decided; nothing of a test, which tells
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// W3C trace id of the run, or of the data, that it is about.
    #[serde(default)]
    pub trace: Option<String>,
}

/// What stands before the subject of every mail of a thread but the first.
pub const ANSWER: &str = "Re: ";

/// What every subject begins with, so that a rule of a mail program finds it.
pub const SUBJECT_MARK: &str = "[freshd] ";

impl Message {
    /// The subject that its whole thread has. Gmail and Outlook take for one conversation only what has one subject.
    pub fn stem(&self) -> &str {
        self.subject.strip_prefix(ANSWER).unwrap_or(&self.subject)
    }

    /// The subject for whoever shows no mail: a chat or a pager, which says by itself who speaks.
    pub fn title(&self) -> &str {
        self.stem().strip_prefix(SUBJECT_MARK).unwrap_or(self.stem())
    }

    /// The team that knows what it says once it is taken: of what goes to the fallback, the one in whose stead it does.
    pub fn told_for(&self) -> &Name {
        self.stands_in_for.as_ref().unwrap_or(&self.team)
    }

    /// Whether it is about a rehearsal, in which nothing is wrong; of a digest, whether it is about nothing else.
    pub fn is_drill(&self) -> bool {
        let is_of_drills = !self.incidents.is_empty() && self.incidents.iter().all(DigestLine::is_drill);
        self.kind == Some(ProblemKind::Drill) || is_of_drills
    }

    /// Whether it only tells that something is over: an end, or a digest of nothing else.
    pub fn is_over(&self) -> bool {
        let is_of_ends = !self.incidents.is_empty() && self.incidents.iter().all(|line| line.is_over);
        self.purpose == Purpose::Recovery || is_of_ends
    }

    /// Whether it is an end that a person has asked for once more, of something that is wrong again by then.
    pub fn is_end_of_then(&self) -> bool {
        self.facts.iter().any(|fact| fact.label == WRONG_AGAIN)
    }

    /// Whether it tells that something is over while what its reader has of it is not as promised all the same.
    pub fn is_partly_over(&self) -> bool {
        self.purpose == Purpose::Recovery && self.facts.iter().any(|fact| fact.label == STILL_BROKEN)
    }

    /// Whether it tells that something is over which nobody has mended: an edit of jobs.toml has ended it.
    pub fn is_closed(&self) -> bool {
        self.purpose == Purpose::Recovery && self.facts.iter().any(|fact| fact.label == CLOSED_BY)
    }

    /// By whom the incident is taken on, and until when, if that is what it tells: `by kari until Mon 2026-11-30 08:00`.
    pub fn acknowledged(&self) -> Option<&str> {
        let fact = self.facts.iter().find(|fact| fact.label == ACKNOWLEDGED)?;
        Some(&fact.text)
    }

    /// Whether it tells those downstream of what they read or own, rather than the owner of the cause.
    pub fn is_impact(&self) -> bool {
        self.thread.ends_with(IMPACT_THREAD)
    }

    /// What an end is, in a word or two.
    pub fn end_word(&self) -> Option<&'static str> {
        (self.purpose == Purpose::Recovery).then(|| match () {
            () if self.is_drill() => "Rehearsal over",
            () if self.is_end_of_then() => "Wrong again",
            () if self.is_partly_over() => "Partly over",
            () if self.is_closed() => "Closed",
            () => "Resolved",
        })
    }

    /// The subject as whoever reads nothing else is to see it: an end that answers no mail says that it is one, or it would
    /// look like an alarm; what is sent again is marked. Neither is a part of the subject that is kept, by which a thread is
    /// known.
    pub fn marked_subject(&self) -> String {
        let is_answer = self.subject.starts_with(ANSWER);
        let subject = match self.end_word().filter(|_| !is_answer) {
            Some(word) => {
                let drill_mark = format!("{DRILL_MARK} ");
                let mark = if self.is_drill() { &drill_mark } else { SUBJECT_MARK };
                let title = self.subject.strip_prefix(mark).unwrap_or(&self.subject);
                format!("{mark}{word}: {title}")
            }
            None => self.subject.clone(),
        };
        match self.resent_at {
            Some(_) => format!("{RESENT_SUBJECT_MARK}{subject}"),
            None => subject,
        }
    }

    /// What its first sentence begins with where it was sent again.
    pub fn resent_mark(&self) -> Option<&str> {
        let begins_at = self.headline.find(RESENT_MARK).filter(|_| self.resent_at.is_some())?;
        self.headline[begins_at..].split_inclusive(']').next()
    }

    /// Says something above all else.
    pub fn put_above(&mut self, label: &str, text: &str) {
        self.facts.insert(
            0,
            MessageFact {
                label: label.to_owned(),
                text: text.to_owned(),
            },
        );
    }

    /// The same message as a part of a thread that its reader knows by this stem.
    #[must_use]
    pub fn under(mut self, stem: &str) -> Self {
        let answer = if self.subject.starts_with(ANSWER) { ANSWER } else { "" };
        self.subject = format!("{answer}{stem}");
        self
    }

    /// The same message where its reader has seen none of its thread before: it is no answer.
    #[must_use]
    pub fn as_first(mut self) -> Self {
        self.subject = self.stem().to_owned();
        self
    }
}

/// How the thread of an incident ends in which those downstream are told.
pub const IMPACT_THREAD: &str = "-impact";

/// The label of the line that says where to read what to do.
pub const RUNBOOK: &str = "Runbook";

/// The label of the line that says what is wrong, with what.
pub const WHAT: &str = "What";

/// How the fact is labelled that says why something is wrong.
pub const WHY: &str = "Why";

/// The label of the line by which an end says what of its reader's own is not as promised all the same.
pub const STILL_BROKEN: &str = "Still broken";

/// The label of a fact that goes on with the one above it, which has said how many there are.
pub const AND_MORE: &str = "and";

/// The label of the line by which the first message of a thread says that somebody has taken its incident on.
pub const ACKNOWLEDGED: &str = "Acknowledged";

/// The label of a line by which an end says who had taken its incident on, and when.
pub const TAKEN_ON: &str = "Taken on";

/// The label of a line by which the messages of a thread say that somebody else was called, and when.
pub const ESCALATED: &str = "Escalated";

/// The label of the line by which an end says what edit of jobs.toml it is.
pub const CLOSED_BY: &str = "Closed by";

/// The label of the line by which a message says that a person has asked for it once more.
pub const SENT_AGAIN: &str = "Sent again";

/// The label of the line by which such a message says how it stands when it is sent again, where that is another matter.
pub const BY_NOW: &str = "By now";

/// The label of that line where such a message is an end, and the same is wrong again.
pub const WRONG_AGAIN: &str = "Wrong again";

/// How its subject begins: the name of what it is about is to be seen behind it on a phone.
pub const RESENT_SUBJECT_MARK: &str = "[resent] ";

/// How the first sentence of such a message begins; when its words were written and `]` follow.
pub const RESENT_MARK: &str = "[resent, written ";

/// One labelled line of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageFact {
    /// A word or two: `Since`.
    pub label: String,
    /// The rest of the line.
    pub text: String,
}
