//! A mail server that was gone for three days is back: what has waited for it comes in few mails, in order, and none of it twice.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use freshd::model::{DeliveryOutcome, IncidentId, NotificationState, WhyGathered, elapsed};
use jiff::{SignedDuration, Timestamp};
use mail_parser::MessageParser;
use serde_json::{Value, json};

use super::company::tried_out;
use super::freshd_process::House;
use super::mail::bytes;
use super::servers::Servers;
use super::virtual_world::{Play, World};
use super::web::memory_kib;

const TO: &str = "mail:ops@seafood.example";

/// What a digest names at least where more waits, as docs/alerts.md has it.
const NAMED_MIN: usize = 50;

/// A mail with such a digest is smaller; mail servers take ten million bytes and more.
const MAIL_BYTES_MAX: usize = 100_000;

/// So many jobs fail together: with 1,700 of them ten thousand alerts wait, and the daemon of a debug build takes about a minute.
fn jobs() -> usize {
    let count = std::env::var("FRESHD_BACKLOG_JOBS");
    count.map_or(600, |count| count.parse().expect("a number"))
}

fn configuration(port: u16, jobs: usize, digest_every: &str) -> String {
    let mut text = format!(
        "timezone = \"UTC\"\nrun_as_root = true\n\
         [alerts]\ndigest_every = \"{digest_every}\"\nweekly = false\ncanary = false\n\
         [fallback]\nnotify = [\"out\"]\n[channels.out]\ntype = \"file\"\ndir = \"outbox\"\n\
         [channels.mail]\ntype = \"email\"\nserver = \"smtp://127.0.0.1:{port}\"\nfrom = \"freshd@seafood.example\"\n\
         [teams.ops]\nnotify = [\"{TO}\"]\n"
    );
    for number in 0..jobs {
        writeln!(text, "[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"").expect("a text");
    }
    text
}

/// The state directory of a freshd that has tried for 71 hours to reach a server, and tries until now; a third of what has
/// failed was mended after a day.
fn three_days_of_outage(house: &House, text: &str, jobs: usize) {
    let from = Timestamp::now() - SignedDuration::from_hours(71);
    let mut world = World::start(text, &from.to_string());
    world.channel(TO, |_, _| DeliveryOutcome::Temporary {
        error: "mail server 127.0.0.1: connection refused".to_owned(),
        retry_after_seconds: None,
    });
    for number in 0..jobs {
        world.script(&format!("j{number}"), |_, _| Play::fails(1, "no route to host"));
        world.run(&format!("j{number}"));
    }
    world.run_until_instant(from + SignedDuration::from_hours(24));
    for number in (0..jobs).step_by(3) {
        world.script(&format!("j{number}"), |_, _| Play::succeeds());
        world.run(&format!("j{number}"));
    }
    world.run_until_instant(Timestamp::now());
    let decided = world.ledger.notifications.values();
    let decided = decided.filter(|one| one.address.to_string() == TO);
    println!("{} alerts were decided of {jobs} jobs", decided.count());
    world.crash();
    let copied = Command::new("cp")
        .arg("-a")
        .args([world.state_dir(), house.state_dir()])
        .status();
    assert!(copied.expect("cp").success());
}

/// The incidents that a mail names, in order.
fn named(mail: &Value) -> Vec<IncidentId> {
    let mail = bytes(mail);
    let mail = MessageParser::default().parse(&mail).expect("a mail");
    let text = mail.body_text(0).expect("text");
    let number = |word: &str| word.strip_prefix('#')?.parse().ok().map(IncidentId);
    text.split_whitespace().filter_map(number).collect()
}

#[test]
fn after_three_days_of_outage_few_mails_name_every_incident_once_and_in_order() {
    let jobs = jobs();
    let digest_every = Duration::from_secs(1);
    let servers = Servers::start("mail_servers.py", &json!([{ "name": "mail" }]));
    let port = servers.port("mail");
    let house = House::new();
    three_days_of_outage(&house, &configuration(port, jobs, "15m"), jobs);
    // A fifteen minutes' pace would take hours.
    house.configure(&configuration(port, jobs, "1s"));
    let daemon = house.daemon();
    assert_eq!(
        servers.events("mail", "mail"),
        Vec::<Value>::new(),
        "the next try is due in an hour"
    );

    // Whoever has mended the server tries it out.
    let begun = Instant::now();
    let (code, said) = tried_out(&house, "ops");
    assert_eq!(code, Some(0), "{said:?}");
    let patience = Duration::from_secs(30 + u64::try_from(jobs).expect("a number") / 5);
    house.until_stored_within(patience, "nothing waits any more", |reader| {
        let pending = reader.snapshot().expect("the store can be read").notifications;
        !pending.iter().any(|one| one.address.to_string() == TO)
    });
    let took = begun.elapsed();
    let mut mails = servers.events("mail", "mail");
    mails.remove(0);

    let sizes = mails.iter().map(|mail| bytes(mail).len());
    let largest = sizes.max().expect("mails");
    println!(
        "{} mails within {took:?}, the largest of {largest} bytes; the daemon took {} KiB at most",
        mails.len(),
        memory_kib(daemon.pid())
    );
    assert!(largest < MAIL_BYTES_MAX, "{largest}");
    assert!(mails.len() <= jobs / NAMED_MIN + 1, "{} mails", mails.len());
    let all: Vec<IncidentId> = mails.iter().flat_map(named).collect();
    let is_mended = |id: &IncidentId| (id.0 - 1).is_multiple_of(3);
    let numbers = (1..=u64::try_from(jobs).expect("a number")).map(IncidentId);
    let (over, open): (Vec<_>, Vec<_>) = numbers.partition(is_mended);
    assert_eq!(
        all,
        [open, over].concat(),
        "each once, what is open first, the oldest first"
    );

    let reader = house.reader();
    let mut digests = BTreeSet::new();
    for id in all {
        for (told, _) in reader.notifications_of(id).expect("its messages") {
            if told.address.to_string() == TO && told.state != NotificationState::Collapsed {
                assert_eq!(told.state, NotificationState::Delivered, "{told:?}");
                digests.insert(told.digest.expect("each went in a digest"));
            }
        }
    }
    assert_eq!(digests.len(), mails.len());
    let mut taken_at = Vec::new();
    for id in digests {
        let (digest, tries) = reader
            .notification(id)
            .expect("the store can be read")
            .expect("it is there");
        assert_eq!(tries.len(), 1, "{tries:?}");
        assert_eq!(digest.message.gathered, Some(WhyGathered::Outage));
        taken_at.push(tries[0].at);
    }
    let gaps: Vec<_> = taken_at.windows(2).map(|pair| elapsed(pair[0], pair[1])).collect();
    assert!(gaps.iter().all(|gap| *gap >= digest_every), "{gaps:?}");
}
