//! The words of a digest: many messages to one address in one, each incident by its number.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::{Reading, Situation, concerns, is_broken, state_words, what_words};
use crate::model::{
    About, Address, DRILL_MARK, DigestLine, Incident, IncidentId, Message, MessageFact, Name, Notification, Owner,
    Purpose, SUBJECT_MARK, Severity, WhyGathered, elapsed, format_age, format_time, zone_words,
};

/// How the fact is labelled that says in whose stead a message comes.
pub const INSTEAD_OF: &str = "Instead of";

/// How the fact is labelled that says why a message comes so long after what it tells of.
pub const TOLD_LATE: &str = "Told late";

/// Most teams that a line names in whose stead it comes.
const TEAMS_MAX: usize = 3;

/// Most sentences that say in whose stead it is sent.
const INSTEAD_OF_MAX: usize = 3;

/// Characters of each of them.
const INSTEAD_OF_CHARS_MAX: usize = 300;

/// Everything a digest is made from.
#[derive(Clone)]
pub struct ToGather<'a> {
    /// When it is decided.
    pub now: Timestamp,
    /// The zone in which its readers are told times.
    pub zone: &'a TimeZone,
    /// Where it goes.
    pub address: &'a Address,
    /// The team that is told.
    pub team: &'a Name,
    /// The same as people call it.
    pub team_title: String,
    /// Why messages are gathered.
    pub why: WhyGathered,
    /// Characters that all lines of one digest may have, so that it fits what the channel takes.
    pub chars_max: usize,
    /// Each message that waits, oldest first, with its incident unless that is over.
    pub waiting: &'a [(&'a Notification, Option<&'a Incident>)],
    /// A team as people call it.
    pub title_of: &'a dyn Fn(&Name) -> String,
    /// In what an incident concerns the reader of a message. Asked only for what fits.
    pub concern_of: &'a dyn Fn(&Notification, &Incident) -> Concern,
}

/// In what an incident concerns somebody who reads of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concern {
    /// What of the reader's own is wrong, where it is not the incident's subject: `stock is stale`; and since when.
    pub own: Option<(String, Timestamp)>,
    /// Who reads what next, and when: `Transport planning reads stock`.
    pub next: Option<(String, Timestamp)>,
}

/// In what an incident concerns the team that a message is for; `effects` are the incidents that it explains.
///
/// Owners of the cause answer for that. Those downstream have read nothing of it yet: they know their own data and jobs.
pub fn concern(message: &Message, situation: &Situation<'_>, effects: &[(&Incident, &Owner)]) -> Concern {
    let team = &message.team;
    let of_cause = || {
        let next = situation.readers.iter().find(|reader| reader.at.is_some());
        Concern {
            own: None,
            next: next.and_then(next_words),
        }
    };
    if !message.is_impact() {
        return of_cause();
    }
    let is_own = |owner: &Owner| matches!(owner, Owner::Team(name) if name == team);
    let (reader, data) = concerns(team, situation);
    let owned = || {
        let mut owned = situation.data.iter().filter(|data| is_own(&data.dataset.owner));
        owned.find(|data| is_broken(data))
    };
    let data = data.filter(|_| reader.is_some()).or_else(owned);
    let effect_about = |about: About, name: &Name| {
        let mut effects = effects.iter().map(|(effect, _)| *effect);
        effects.find(|effect| effect.about == about && effect.subject == *name)
    };
    if let Some(data) = data {
        let name = &data.dataset.name;
        let state = state_words(data.standing.state);
        let since = effect_about(About::Dataset, name).map(|effect| effect.since);
        let since = since.or(data.standing.since).unwrap_or(situation.incident.since);
        let of_dataset = |reader: &&Reading| reader.dataset == *name && reader.at.is_some();
        let next = reader
            .filter(of_dataset)
            .or_else(|| situation.readers.iter().find(of_dataset));
        return Concern {
            // What is well again is nothing that is wrong: then its cause alone is told.
            own: is_broken(data).then(|| (format!("{name} is {state}"), since)),
            next: next.and_then(next_words),
        };
    }
    let job = effects
        .iter()
        .find(|(effect, owner)| effect.about == About::Job && is_own(owner));
    // Whoever stands in for them has nothing of its own in it.
    job.map_or_else(of_cause, |(job, _)| Concern {
        own: Some((format!("job {} {}", job.subject, what_words(job)), job.since)),
        next: None,
    })
}

fn next_words(reader: &Reading) -> Option<(String, Timestamp)> {
    Some((format!("{} reads {}", reader.who, reader.dataset), reader.at?))
}

/// Writes the digest. It names as many incidents as fit, at least one; what it does not name has to wait for the next.
pub fn digest(id: String, gather: &ToGather<'_>) -> Message {
    let all = in_order(gather);
    let found = all.len();
    let incidents = fitting(all, gather);
    let open = incidents.iter().filter(|line| !line.is_over).count();
    let worst = incidents
        .iter()
        .filter(|line| !line.is_over && !line.is_drill())
        .map(|line| line.severity)
        .max();
    let problems = counted(&incidents);
    let channel = &gather.address.channel;
    let subject = match gather.why {
        WhyGathered::Outage => format!("{SUBJECT_MARK}{problems} while {channel} could not be delivered"),
        WhyGathered::Flood | WhyGathered::Together => format!("{SUBJECT_MARK}{problems} at once"),
        WhyGathered::Downtime { from, until } => {
            let down = format_age(elapsed(from, until));
            format!("{SUBJECT_MARK}{problems} after freshd was down for {down}")
        }
    };
    let because = match gather.why {
        WhyGathered::Outage => format!("{} took no message for a while", gather.address),
        WhyGathered::Flood => "many came at once".to_owned(),
        WhyGathered::Together => "they came together".to_owned(),
        WhyGathered::Downtime { from, until } => down_words(from, until, gather.zone),
    };
    let state = match incidents.len() - open {
        0 => "all of them open".to_owned(),
        over if open == 0 => format!("{} over", if over == 1 { "it is" } else { "all of them" }),
        over => format!("{open} of them open, {over} over"),
    };
    let severity = match worst {
        Some(Severity::Critical) => "CRITICAL: ",
        Some(Severity::Warning) => "WARNING: ",
        None => "",
    };
    let is_for_the_taking = incidents.iter().any(|line| !line.is_over);
    let mut commands = vec!["freshd status", "freshd incidents", "freshd incidents NUMBER"];
    commands.extend(is_for_the_taking.then_some("freshd ack NUMBER"));
    Message {
        // Each is a conversation of its own: what an earlier one told of is another matter.
        thread: format!("{id}.digest"),
        incident: None,
        purpose: Purpose::Digest,
        severity: worst.unwrap_or(Severity::Warning),
        kind: None,
        about: None,
        since: None,
        subject_name: gather.team.clone(),
        subject,
        headline: format!("{severity}{problems}, {state}, told in one message because {because}."),
        facts: facts(gather, found - incidents.len(), &incidents),
        incidents,
        gathered: Some(gather.why),
        stands_in_for: None,
        kind_since: None,
        output: Vec::new(),
        commands: commands.into_iter().map(str::to_owned).collect(),
        team: gather.team.clone(),
        owner: gather.team_title.clone(),
        at: gather.now,
        zone: Some(zone_words(gather.zone, gather.now)),
        trace: None,
        id,
    }
}

/// For how long freshd did not run, and when.
pub fn down_words(from: Timestamp, until: Timestamp, zone: &TimeZone) -> String {
    let (lasted, from, until) = (
        format_age(elapsed(from, until)),
        format_time(from, zone),
        format_time(until, zone),
    );
    format!("freshd did not run for {lasted}, from {from} to {until}")
}

fn counted(incidents: &[DigestLine]) -> String {
    let drills = incidents.iter().filter(|line| line.is_drill()).count();
    let problems = match incidents.len() - drills {
        1 => "1 problem".to_owned(),
        problems => format!("{problems} problems"),
    };
    let rehearsals = match drills {
        1 => "1 rehearsal".to_owned(),
        _ => format!("{drills} rehearsals"),
    };
    match (drills, incidents.len() - drills) {
        (0, _) => problems,
        (_, 0) => format!("{DRILL_MARK} {rehearsals}"),
        _ => format!("{problems} and {rehearsals}"),
    }
}

/// What a line is made from: the oldest message about an incident, the newest, and the incident unless that is over.
struct Entry<'a> {
    id: IncidentId,
    first: &'a Notification,
    last: &'a Notification,
    incident: Option<&'a Incident>,
    /// In whose stead it comes.
    instead_of: BTreeSet<&'a Name>,
}

/// One entry for each incident: what is open before what is over, what is wrong before what is rehearsed, the worst first,
/// then the oldest.
fn in_order<'a>(gather: &ToGather<'a>) -> Vec<Entry<'a>> {
    let mut entries: BTreeMap<IncidentId, Entry<'a>> = BTreeMap::new();
    for (notification, incident) in gather.waiting {
        let Some(id) = notification.incident else { continue };
        let entry = entries.entry(id).or_insert(Entry {
            id,
            first: notification,
            last: notification,
            incident: *incident,
            instead_of: BTreeSet::new(),
        });
        entry.last = notification;
        entry.instead_of.extend(&notification.message.stands_in_for);
    }
    let mut entries: Vec<Entry<'a>> = entries.into_values().collect();
    entries.sort_by_key(|entry| {
        let open = entry.incident.map(|incident| (incident.severity, incident.since));
        let (severity, since) = (open.map(|(severity, _)| severity), open.map(|(_, since)| since));
        let is_drill = entry.last.message.is_drill();
        (open.is_none(), is_drill, std::cmp::Reverse(severity), since, entry.id)
    });
    entries
}

/// The first lines that fit, at least one.
fn fitting(entries: Vec<Entry<'_>>, gather: &ToGather<'_>) -> Vec<DigestLine> {
    let mut chars = 0;
    let mut lines = Vec::new();
    for entry in entries {
        let line = line(&entry, gather);
        chars += room(&line.text);
        if chars > gather.chars_max && !lines.is_empty() {
            break;
        }
        lines.push(line);
    }
    lines
}

fn line(entry: &Entry<'_>, gather: &ToGather<'_>) -> DigestLine {
    let id = entry.id;
    let Some(incident) = entry.incident else {
        let message = &entry.last.message;
        return DigestLine {
            incident: id,
            is_over: true,
            severity: message.severity,
            kind: message.kind,
            subject_name: message.subject_name.clone(),
            since: None,
            text: format!(
                "#{id} {}{}",
                instead_words(&entry.instead_of, gather),
                over_words(message)
            ),
        };
    };
    let concern = (gather.concern_of)(entry.first, incident);
    DigestLine {
        incident: id,
        is_over: false,
        severity: incident.severity,
        kind: Some(incident.kind),
        subject_name: incident.subject.clone(),
        since: Some(incident.since),
        text: format!(
            "#{id} {}{}",
            instead_words(&entry.instead_of, gather),
            open_words(incident, &concern, gather)
        ),
    }
}

/// Whose a line is, where its reader stands in for them: `instead of Warehouse and ops: `.
fn instead_words(teams: &BTreeSet<&Name>, gather: &ToGather<'_>) -> String {
    let left_out = teams.len().saturating_sub(TEAMS_MAX);
    let titles = teams.iter().take(TEAMS_MAX).map(|team| (gather.title_of)(team));
    let more = (left_out > 0).then(|| format!("{left_out} more"));
    let mut named: Vec<String> = titles.chain(more).collect();
    let last = named.pop();
    match last {
        None => String::new(),
        Some(one) if named.is_empty() => format!("instead of {one}: "),
        Some(last) => format!("instead of {} and {last}: ", named.join(", ")),
    }
}

/// What was wrong, as its reader knows it: by the title of the thread.
fn over_words(message: &Message) -> String {
    let number = message.incident.map_or_else(String::new, |id| format!(" (#{id})"));
    let title = message.title();
    let title = title.strip_suffix(number.as_str()).unwrap_or(title);
    match message.kind {
        Some(kind) if message.is_impact() => format!("{title}, because {} {}", message.subject_name, kind.words()),
        _ => title.to_owned(),
    }
}

/// What is wrong with what the reader knows, how bad it is and since when; why, if that is something else; who reads it
/// next; and whether somebody has taken it on.
fn open_words(incident: &Incident, concern: &Concern, gather: &ToGather<'_>) -> String {
    let time = |at| format_time(at, gather.zone);
    let severity = incident.severity.as_str();
    let what = format!("{} {}", incident.subject, what_words(incident));
    let mut words = match &concern.own {
        _ if incident.drill.is_some() => {
            let (about, since) = (incident.about.as_str(), time(incident.since));
            return format!(
                "{DRILL_MARK} rehearsal with {about} {}, since {since}: nothing is wrong",
                incident.subject
            );
        }
        Some((own, since)) => format!("{own}, {severity}, since {}, because {what}", time(*since)),
        None => format!("{what}, {severity}, since {}", incident.since_words(time)),
    };
    if let Some((reads, at)) = &concern.next {
        words.push_str(&format!("; {reads} {}", time(*at)));
    }
    if let Some(ack) = incident.taken_on(gather.now) {
        words.push_str(&format!("; taken on by {} until {}", ack.by, time(ack.until)));
    }
    words
}

/// Characters that a line takes with what stands around it, where `&`, `<` and `>` are written out.
fn room(text: &str) -> usize {
    let room_of = |character| match character {
        '&' => 5,
        '<' | '>' => 4,
        _ => 1,
    };
    text.chars().map(room_of).sum::<usize>() + 2
}

fn facts(gather: &ToGather<'_>, left_out: usize, incidents: &[DigestLine]) -> Vec<MessageFact> {
    let fact = |label: &str, text: String| MessageFact {
        label: label.to_owned(),
        text,
    };
    let mut facts: Vec<MessageFact> = Vec::new();
    let named = |notification: &Notification| {
        incidents
            .iter()
            .any(|line| Some(line.incident) == notification.incident)
    };
    for (notification, _) in gather.waiting {
        // What is sent again says that above it.
        let mut said = notification.message.facts.iter();
        let instead_of = said.find(|fact| fact.label == INSTEAD_OF);
        let is_new = |text: &str| facts.iter().all(|fact| !text.starts_with(&fact.text));
        if let Some(instead_of) = instead_of.filter(|fact| named(notification) && is_new(&fact.text)) {
            if facts.len() == INSTEAD_OF_MAX {
                break;
            }
            facts.push(fact(
                INSTEAD_OF,
                instead_of.text.chars().take(INSTEAD_OF_CHARS_MAX).collect(),
            ));
        }
    }
    if left_out > 0 {
        let text = format!("{left_out} further problems follow in a message of their own");
        facts.push(fact("Not all", text));
    }
    facts
}
