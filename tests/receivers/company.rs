//! A company with a team and a job for each channel, so that each channel has an incident of its own.

use std::time::Duration;

use freshd::model::{About, Delivery, Incident, Notification, NotificationState};

use super::freshd_process::House;
use super::freshd_process::daemon::Daemon;

/// Longer than a try that hangs for as long as it may, and the longest wait for the next that a test lets happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// Every job fails until the file is there.
const MENDED: &str = "mended";

const HEAD: &str = r#"
timezone = "UTC"
run_as_root = true
[alerts]
group_wait = "0s"
# What the fallback hears in the stead of several is one message in that time.
digest_every = "1s"
[fallback]
notify = ["out"]
[channels.out]
type = "file"
dir = "outbox"
"#;

/// One channel: its name, its keys, and whom to reach through it.
pub(super) struct Way<'a> {
    pub(super) name: &'a str,
    pub(super) keys: String,
    pub(super) to: Option<&'a str>,
}

/// Writes jobs.toml. Besides a team for each way there is the team `all`.
pub(super) fn configure(house: &House, ways: &[Way<'_>]) {
    let mut text = HEAD.to_owned();
    let address = |way: &Way<'_>| match way.to {
        Some(to) => format!("\"{}:{to}\"", way.name),
        None => format!("\"{}\"", way.name),
    };
    let all: Vec<String> = ways.iter().map(address).collect();
    text.push_str(&format!("[teams.all]\nnotify = [{}]\n", all.join(", ")));
    for way in ways {
        text.push_str(&format!(
            "[channels.{name}]\n{keys}\n\
             [teams.{name}]\nnotify = [{address}]\n\
             [jobs.{name}]\nowner = \"{name}\"\ncommand = \"test -e HOUSE/{MENDED} || {{ echo no listener; exit 3; }}\"\n",
            name = way.name,
            keys = way.keys,
            address = address(way),
        ));
    }
    house.configure(&text);
}

/// Runs every job, each of which fails.
pub(super) fn fail(daemon: &Daemon, house: &House, ways: &[Way<'_>]) {
    for way in ways {
        daemon.finished(daemon.run(way.name), house);
    }
}

/// Runs every job, each of which succeeds.
pub(super) fn mend(daemon: &Daemon, house: &House, ways: &[Way<'_>]) {
    house.write(MENDED, "");
    fail(daemon, house, ways);
}

/// What a job's incident has told to one channel, in order, with the tries; nothing as long as there is no incident.
pub(super) fn told(house: &House, name: &str) -> Vec<(Notification, Vec<Delivery>)> {
    let reader = house.reader();
    let incidents = reader.incidents(false, 100).expect("incidents");
    // The channel has the same name, and may have a problem of its own.
    let is_it = |incident: &&Incident| incident.about == About::Job && incident.subject.as_str() == name;
    let Some(about) = incidents.iter().find(is_it) else {
        return Vec::new();
    };
    let mut told = reader.notifications_of(about.id).expect("notifications");
    told.retain(|(told, _)| told.address.channel.as_str() == name);
    told
}

/// Waits until what each of these channels was to be told is delivered: so many messages.
#[track_caller]
pub(super) fn until_delivered(house: &House, ways: &[Way<'_>], count: usize) {
    house.until_stored_within(PATIENCE, "every message is delivered", |_| {
        ways.iter().all(|way| {
            let told = told(house, way.name);
            told.len() == count && told.iter().all(|(told, _)| told.state == NotificationState::Delivered)
        })
    });
}

/// Whether the first message that a channel was to get is given up.
pub(super) fn is_given_up(house: &House, name: &str) -> bool {
    told(house, name)
        .first()
        .is_some_and(|(told, _)| told.state == NotificationState::Dead)
}

/// What `freshd notify test` says of each address, with its exit code.
pub(super) fn tried_out(house: &House, team: &str) -> (Option<i32>, Vec<String>) {
    let (code, said) = house.freshd(&["notify", "test", "--team", team]);
    (code, said.lines().map(str::to_owned).collect())
}
