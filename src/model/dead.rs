//! Messages that were given up: what each was to tell whom, and whether it is still worth sending.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Address, IncidentId, Name, Notification, NotificationId, NotificationState, Purpose};

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadMessage {
    /// Its number.
    pub message: NotificationId,
    /// When it was written.
    #[schemars(with = "super::Instant")]
    pub decided_at: Timestamp,
    /// When its words were written: of one that was sent again, those of the first.
    #[serde(skip)]
    pub written_at: Timestamp,
    /// When it was given up.
    #[schemars(with = "Option<super::Instant>")]
    pub given_up_at: Option<Timestamp>,
    /// The team that it was for.
    pub team: Name,
    /// The address.
    pub to: String,
    /// Why it was written.
    pub purpose: Purpose,
    /// What it is about.
    pub incident: Option<IncidentId>,
    /// The same in words, as of then.
    pub title: String,
    /// How often it was tried.
    pub tries: u32,
    /// What the other side last said.
    pub error: Option<String>,
    /// Why nothing is to be done about it any more; null while nobody has sent it again.
    pub settled: Option<String>,
    /// Whether that is for its address alone: nobody is told there any more.
    #[serde(skip)]
    pub is_unused: bool,
    /// Whether anybody is still told by its address.
    pub address_in_use: bool,
    /// What to type to send it again, unless it is settled.
    pub resend: Option<String>,
}

impl DeadMessage {
    /// By what is on record of it: whether its incident is over, and what has gone to its address about that since; and by
    /// whether anybody is still told there.
    pub fn new(dead: &Notification, is_over: bool, since: &[Said], address_in_use: bool) -> Self {
        let settled = dead.settled(is_over, since.iter().cloned());
        let is_unused = settled.is_none() && !address_in_use;
        let settled = settled.or_else(|| is_unused.then(|| unused_words(&dead.address)));
        Self {
            message: dead.id,
            decided_at: dead.created_at,
            written_at: dead.message.at,
            given_up_at: dead.ended_at,
            team: dead.told_for().clone(),
            to: dead.address.to_string(),
            purpose: dead.message.purpose,
            incident: dead.incident,
            title: dead.message.title().to_owned(),
            tries: dead.tries,
            error: dead.last_error.clone(),
            address_in_use,
            resend: settled.is_none().then(|| format!("freshd notify resend {}", dead.id)),
            settled,
            is_unused,
        }
    }
}

impl Notification {
    /// Why a message that was given up need not be sent again: by whether its incident is over, and what else has gone to its
    /// address about that.
    pub fn settled(&self, is_over: bool, others: impl IntoIterator<Item = Said>) -> Option<String> {
        let (id, address) = (self.id, &self.address);
        if self.message.purpose == Purpose::Test {
            let proof = proof_words(&self.message.team, address);
            return Some(format!("message {id} was a test; `{proof}` sends another"));
        }
        if self.message.purpose == Purpose::Digest {
            return Some(format!(
                "message {id} is a digest; `freshd incidents ID` of each that it tells of lists what to send again"
            ));
        }
        let said = Said::from(self);
        let others: Vec<Said> = others.into_iter().collect();
        // What somebody has done about it already says more than what they need not do.
        if let Some(again) = others.iter().find(|other| said.is_said_again_by(other)) {
            return Some(format!("message {id} was sent again already, as message {}", again.id));
        }
        if let Some(incident) = self.incident
            && is_over
            && self.message.purpose != Purpose::Recovery
        {
            return Some(format!(
                "incident {incident} is over, and what says so is another message"
            ));
        }
        let later = others.iter().find(|other| said.is_told_by(other))?;
        Some(format!(
            "a later message about incident {} was sent again to {address}, as message {}, and says how it stands",
            self.incident?, later.id
        ))
    }
}

/// Of those that are not settled, the ones to send when all are asked for, in their order: of what is for one team at one
/// address about one incident what was written last, which says how it stands; and how many that leaves as told by it. An end is always
/// sent, since it may have a thread of its own.
pub fn newest_of_each(dead: &[DeadMessage]) -> (Vec<&DeadMessage>, usize) {
    let unsettled: Vec<&DeadMessage> = dead.iter().filter(|one| one.settled.is_none()).collect();
    let of = |one: &DeadMessage| (one.incident, one.team.clone(), one.to.clone());
    let mut newest = BTreeMap::new();
    for one in &unsettled {
        // Not what was put in last: somebody may have asked for an older one since.
        let known = newest.entry(of(one)).or_insert((one.written_at, one.message));
        *known = (one.written_at, one.message).max(*known);
    }
    let is_sent = |one: &&DeadMessage| {
        one.incident.is_none()
            || one.purpose == Purpose::Recovery
            || newest.get(&of(one)) == Some(&(one.written_at, one.message))
    };
    let sent: Vec<&DeadMessage> = unsettled.iter().copied().filter(is_sent).collect();
    let left = unsettled.len() - sent.len();
    (sent, left)
}

/// All of a message by which another is known to say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its number.
    pub id: NotificationId,
    /// What it is about.
    pub incident: Option<IncidentId>,
    /// Where it goes.
    pub address: Address,
    /// The team that knows it once it is taken.
    pub told_for: Name,
    /// Why it was written.
    pub purpose: Purpose,
    /// When its words were written.
    pub at: Timestamp,
    /// Where it stands.
    pub state: NotificationState,
    /// Whether a person has asked for it once more.
    pub is_resent: bool,
}

impl Said {
    /// Whether another that a person has asked for says how it stands with the same to the same, and was written later.
    fn is_told_by(&self, other: &Self) -> bool {
        other.id > self.id
            && other.is_resent
            && self.purpose != Purpose::Recovery
            && self.incident.is_some()
            && other.address == self.address
            && (other.incident, &other.told_for) == (self.incident, &self.told_for)
            && other.at >= self.at
            && matches!(other.state, NotificationState::Pending | NotificationState::Delivered)
    }

    /// Whether another says the same to the same, and was not given up.
    fn is_said_again_by(&self, other: &Self) -> bool {
        other.id != self.id
            && other.address == self.address
            && (other.incident, &other.told_for) == (self.incident, &self.told_for)
            && (other.purpose, other.at) == (self.purpose, self.at)
            && matches!(other.state, NotificationState::Pending | NotificationState::Delivered)
    }
}

impl From<&Notification> for Said {
    fn from(notification: &Notification) -> Self {
        Self {
            id: notification.id,
            incident: notification.incident,
            address: notification.address.clone(),
            told_for: notification.told_for().clone(),
            purpose: notification.message.purpose,
            at: notification.message.at,
            state: notification.state,
            is_resent: notification.message.resent_at.is_some(),
        }
    }
}

/// Why nothing goes to an address any more.
pub fn unused_words(address: &Address) -> String {
    format!("address no longer used: jobs.toml does not name {address}")
}

/// How what tries out an address begins.
const PROOF: &str = "freshd notify test --team ";

/// Whether what is to be typed tries out an address.
pub fn is_proof(command: &str) -> bool {
    command.starts_with(PROOF)
}

/// What to type to try out an address. A channel alone would reach the first address that uses it, and none other.
pub fn proof_words(team: &Name, address: &Address) -> String {
    format!("{PROOF}{team} --channel {}", address.channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(number: u64, incident: u64, to: &str, purpose: Purpose) -> DeadMessage {
        DeadMessage {
            message: NotificationId(number),
            decided_at: Timestamp::UNIX_EPOCH,
            written_at: Timestamp::UNIX_EPOCH,
            given_up_at: None,
            team: "ops".into(),
            to: to.to_owned(),
            purpose,
            incident: Some(IncidentId(incident)),
            title: String::new(),
            tries: 1,
            error: None,
            settled: None,
            is_unused: false,
            address_in_use: true,
            resend: None,
        }
    }

    #[test]
    fn of_what_died_about_one_incident_at_one_address_the_newest_is_sent_and_each_end() {
        let listed = [
            dead(1, 1, "mail:a", Purpose::Opening),
            dead(2, 1, "mail:b", Purpose::Opening),
            dead(3, 1, "mail:a", Purpose::Reminder),
            dead(4, 2, "mail:a", Purpose::Recovery),
            dead(5, 2, "mail:a", Purpose::Recovery),
            DeadMessage {
                settled: Some("sent again".to_owned()),
                ..dead(6, 1, "mail:a", Purpose::Update)
            },
        ];
        let (sent, left) = newest_of_each(&listed);
        let sent: Vec<u64> = sent.iter().map(|one| one.message.0).collect();
        assert_eq!((sent, left), (vec![2, 3, 4, 5], 1));
    }

    #[test]
    fn the_newest_is_what_was_written_last_whatever_was_asked_for_last() {
        let written = |second, dead| DeadMessage {
            written_at: Timestamp::from_second(second).expect("a time"),
            ..dead
        };
        let listed = [
            written(15, dead(23, 1, "mail:a", Purpose::Update)),
            written(21, dead(34, 1, "mail:a", Purpose::Reminder)),
            // Each was sent again, the newer first, and died once more.
            written(21, dead(43, 1, "mail:a", Purpose::Reminder)),
            written(15, dead(44, 1, "mail:a", Purpose::Update)),
        ];
        let (sent, left) = newest_of_each(&listed);
        let sent: Vec<u64> = sent.iter().map(|one| one.message.0).collect();
        assert_eq!((sent, left), (vec![43], 3));
    }
}
