//! The Friday on which the stock export fails, in seconds, through the real binary, a mail server and Slack.

mod freshd_process;
mod support;

#[path = "friday_for_real/company.rs"]
mod company;

use std::collections::BTreeMap;

use company::{COMPANY, EXPORT};
use freshd_process::House;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mail_parser::MessageParser;
use sha2::{Digest, Sha256};
use support::certificates::{Authority, Certificate};
use support::http::{HttpRequest, HttpSink};
use support::smtp::{ReceivedMail, SmtpRules, SmtpSink};

/// From now to the first export, so that the daemon is up by then.
const UNTIL_FIRST: SignedDuration = SignedDuration::from_secs(4);
/// From the first export to the one that fails.
const UNTIL_SECOND: SignedDuration = SignedDuration::from_secs(6);
/// From that one until its delivery is due, and from there until readers are told.
const UNTIL_DUE: SignedDuration = SignedDuration::from_secs(5);
const GRACE: SignedDuration = SignedDuration::from_secs(2);

const STEM: &str = "[freshd] Friday stock export failed (#1)";
/// The same where no mail program shows the thread.
const TITLE: &str = "Friday stock export failed (#1)";
const IMPACT_STEM: &str = "[freshd] Stock per lot not as promised (#1)";
const OWNER: &str = "warehouse@seafood.example";
const READERS: [(&str, &str); 4] = [
    ("sales@seafood.example", "Sales desk"),
    ("logistics@seafood.example", "Transport portal"),
    ("finance@seafood.example", "Finance"),
    ("planning@seafood.example", "Forecast"),
];

/// The company, its sinks, and the times of its Friday.
struct Story {
    house: House,
    mail: SmtpSink,
    slack: HttpSink,
    /// When the export that fails is due.
    second: Timestamp,
    deadline: Timestamp,
}

impl Story {
    async fn begin() -> Self {
        let house = House::new();
        let authority = Authority::new(&house.path(""));
        let rules = SmtpRules {
            tls: Some(authority.server(Certificate::Good)),
            login: Some(("freshd", "correct horse")),
            ..SmtpRules::default()
        };
        let mail = SmtpSink::start(rules).await;
        let slack = HttpSink::start(Vec::new()).await;
        house.write("secrets/smtp", "correct horse\n");
        house.script("transfers/export_stock.sh", EXPORT);
        let second_after = |after: SignedDuration| {
            let at = Timestamp::now() + after;
            Timestamp::from_second(at.as_second()).expect("a time")
        };
        let first = second_after(UNTIL_FIRST);
        let second = first + UNTIL_SECOND;
        let due = second + UNTIL_DUE;
        let text = COMPANY
            .replace("MAIL_PORT", &mail.port().to_string())
            .replace("SLACK_URL", &slack.url("/services/warehouse"))
            .replace("EXPORTS", &cron(&[first, second]))
            .replace("DELIVERY", &cron(&[due]));
        house.configure(&text);
        Self {
            house,
            mail,
            slack,
            second,
            deadline: due + GRACE,
        }
    }

    /// How often the run that was begun last has tried.
    fn attempts_of_last_run(&self) -> Vec<String> {
        let attempts = self.house.read("attempts");
        let lines: Vec<(&str, &str)> = attempts.lines().filter_map(|line| line.split_once(' ')).collect();
        let last = lines.last().expect("an attempt").0;
        lines
            .iter()
            .filter(|(run, _)| *run == last)
            .map(|(_, attempt)| (*attempt).to_owned())
            .collect()
    }

    /// What `freshd status` prints for programs, and its exit code.
    fn status(&self) -> (Option<i32>, serde_json::Value) {
        let (code, said) = self.house.freshd(&["status", "--json"]);
        (code, serde_json::from_str(&said).expect("a status"))
    }

    /// The file that readers see is this version, whole, and its sidecar says so.
    fn assert_readers_see(&self, version: u64, run: u64) {
        let text = self.house.read("exports/stock.csv");
        assert_eq!(text, format!("lot,qty_kg\nL100001,{run}\nL100002,80\n"));
        let sidecar: serde_json::Value =
            serde_json::from_str(&self.house.read("exports/stock.csv.freshd.json")).expect("a sidecar");
        let digest = Sha256::digest(text.as_bytes());
        let digest = digest
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(sidecar["version"], version);
        assert_eq!(sidecar["run"], run);
        assert_eq!(sidecar["rows"], 2);
        assert_eq!(sidecar["bytes"], text.len());
        assert_eq!(sidecar["sha256"], digest);
    }
}

/// A line that is due at these instants, and at no other for the next half minute.
fn cron(instants: &[Timestamp]) -> String {
    let field = |format: &str| {
        let parts = instants.iter().map(|at| at.strftime(format).to_string());
        parts.collect::<Vec<_>>().join(",")
    };
    format!("{} {} {} * * *", field("%-S"), field("%-M"), field("%-H"))
}

/// A mail as its reader sees it.
struct Mail {
    subject: String,
    id: String,
    thread: (String, String),
    /// Its text in one line.
    text: String,
}

impl Mail {
    fn read(received: &ReceivedMail) -> Self {
        assert!(received.protected, "sent through TLS");
        assert_eq!(received.user.as_deref(), Some("freshd"), "logged in");
        assert_eq!(received.to.len(), 1);
        let mail = MessageParser::default().parse(&received.data).expect("a mail");
        let reference = |value: &mail_parser::HeaderValue<'_>| value.as_text().expect("one reference").to_owned();
        let text = mail.body_text(0).expect("a text");
        Self {
            subject: mail.subject().expect("a subject").to_owned(),
            id: mail.message_id().expect("an id").to_owned(),
            thread: (reference(mail.references()), reference(mail.in_reply_to())),
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }

    #[track_caller]
    fn says(&self, words: &[&str]) {
        says(&self.text, words);
    }
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

/// The mails so far, by recipient.
fn mails(story: &Story) -> BTreeMap<String, Vec<Mail>> {
    let mut mails = BTreeMap::<String, Vec<Mail>>::new();
    for received in story.mail.record().mails {
        mails
            .entry(received.to[0].clone())
            .or_default()
            .push(Mail::read(&received));
    }
    mails
}

fn subjects(mails: &BTreeMap<String, Vec<Mail>>) -> BTreeMap<&str, Vec<&str>> {
    let subjects = |mails| Iterator::map(mails, |mail: &'_ Mail| mail.subject.as_str()).collect();
    mails
        .iter()
        .map(|(to, mails)| (to.as_str(), subjects(mails.iter())))
        .collect()
}

/// Headers of the Slack messages so far, without the sign in front.
fn slack_headers(requests: &[HttpRequest]) -> Vec<String> {
    let header = |request: &HttpRequest| {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/services/warehouse")
        );
        let text = request.json()["blocks"][0]["text"]["text"]
            .as_str()
            .expect("a header")
            .to_owned();
        text.split_once(' ').expect("a sign and a subject").1.to_owned()
    };
    requests.iter().map(header).collect()
}

/// Who reads when, as the company says it.
const READS: [(&str, i8, i8, &[Weekday]); 4] = [
    ("Sales desk", 7, 0, &WORKING_DAYS),
    ("Transport portal", 7, 30, &WORKING_DAYS),
    ("Finance", 9, 0, &[Weekday::Monday]),
    ("Forecast", 10, 0, &[Weekday::Monday]),
];

/// Who reads first behind an instant, and when: that depends on the hour at which this test runs.
fn reads_first(after: Timestamp) -> String {
    let now = TimeZone::UTC.to_datetime(after);
    let next = |(title, hour, minute, days): (&'static str, i8, i8, &[Weekday])| {
        let mut date = now.date();
        while !days.contains(&date.weekday()) || date.at(hour, minute, 0, 0) <= now {
            date = date.tomorrow().expect("a day");
        }
        (date.at(hour, minute, 0, 0), title)
    };
    let (at, title) = READS.into_iter().map(next).min().expect("four");
    format!("{title} reads it first, {}.", at.strftime("%a %Y-%m-%d %H:%M"))
}

const WORKING_DAYS: [Weekday; 5] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
];

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_export_is_told_once_to_its_owner_at_the_deadline_to_its_readers_and_its_repair_to_all_of_them() {
    let story = Story::begin().await;
    let mut daemon = story.house.daemon();

    daemon.logs(&["published", "stock"]);
    story.assert_readers_see(1, 1);
    story.house.write("wms-is-down", "");
    assert!(Timestamp::now() < story.second, "the machine is too slow for this test");

    the_owner_is_told(&story).await;
    the_readers_are_told(&story).await;
    everybody_hears_of_the_repair(&story).await;

    // What was to be said is said: when the daemon has ended nothing can follow, and nothing waits.
    assert_eq!(daemon.terminate().code(), Some(0), "{}", daemon.log());
    let again = format!("Re: {STEM}");
    let impact_again = format!("Re: {IMPACT_STEM}");
    let mut expected = BTreeMap::from([(OWNER, vec![STEM, again.as_str(), again.as_str()])]);
    expected.extend(READERS.map(|(reader, _)| (reader, vec![IMPACT_STEM, impact_again.as_str()])));
    assert_eq!(subjects(&mails(&story)), expected);
    let titles = ["Warning", "Update", "Resolved"].map(|word| format!("{word}: {TITLE}"));
    assert_eq!(slack_headers(&story.slack.record().requests), titles);
    let snapshot = story.house.reader().snapshot().expect("the store can be read");
    assert_eq!((snapshot.notifications, snapshot.incidents), (vec![], vec![]));
}

/// The export has finally failed: one mail and one Slack message, a warning that says it all.
async fn the_owner_is_told(story: &Story) {
    story.mail.mails(1).await;
    let posts = story.slack.requests(1).await;
    let told_at = Timestamp::now();
    assert!(told_at < story.deadline, "the machine is too slow for this test");
    assert_eq!(story.attempts_of_last_run(), ["1", "2", "3", "4"]);
    let mails = mails(story);
    assert_eq!(subjects(&mails), BTreeMap::from([(OWNER, vec![STEM])]));
    let becomes_late = format!(
        "Stock per lot becomes late {}.",
        story.deadline.strftime("%a %Y-%m-%d %H:%M")
    );
    let reads_first = reads_first(told_at);
    mails[OWNER][0].says(&[
        "WARNING: Friday stock export failed after 4 attempts, ",
        ": exit code 3.",
        "Friday stock export (stock-export) failed",
        &becomes_late,
        &reads_first,
        "version 1 of Stock per lot (stock)",
        "4 attempts of stock-export, run 2",
        "Last lines of output: | connecting to wms-db.seafood.example | ORA-12541: TNS:no listener (attempt 4)",
        "freshd run stock-export --wait",
    ]);
    assert_eq!(slack_headers(&posts), [format!("Warning: {TITLE}")]);
    let post = posts[0].json().to_string();
    says(
        &post,
        &[
            "WARNING: Friday stock export",
            "4 attempts",
            &becomes_late,
            &reads_first,
            "no listener (attempt 4)",
        ],
    );
    story.assert_readers_see(1, 1);
}

/// The promise is broken: one update in the owner's thread, one notice to each reader.
async fn the_readers_are_told(story: &Story) {
    story.mail.mails(6).await;
    let posts = story.slack.requests(2).await;
    assert!(Timestamp::now() >= story.deadline);
    let mails = mails(story);
    let again = format!("Re: {STEM}");
    let mut expected = BTreeMap::from([(OWNER, vec![STEM, again.as_str()])]);
    expected.extend(READERS.map(|(reader, _)| (reader, vec![IMPACT_STEM])));
    assert_eq!(subjects(&mails), expected);
    let titles = ["Warning", "Update"].map(|word| format!("{word}: {TITLE}"));
    assert_eq!(slack_headers(&posts), titles);
    let owner = &mails[OWNER];
    owner[1].says(&[
        "CRITICAL: Stock per lot is late",
        "The cause: Friday stock export failed",
        "version 1 of Stock per lot (stock)",
    ]);
    says(&posts[1].json().to_string(), &["CRITICAL: Stock per lot is late"]);
    for (reader, title) in READERS {
        mails[reader][0].says(&[
            &format!("CRITICAL: Stock per lot, which {title} reads, is late"),
            &format!("{title} reads it next "),
            "warehouse answers for it and has been told.",
            "version 1 of Stock per lot (stock)",
        ]);
    }
    story.assert_readers_see(1, 1);
    let (code, status) = story.status();
    assert_eq!((code, status["datasets"][0]["state"].as_str()), (Some(1), Some("late")));
}

/// The cause is repaired and the job run by hand: everybody who was told hears of it, in the same thread.
async fn everybody_hears_of_the_repair(story: &Story) {
    std::fs::remove_file(story.house.path("wms-is-down")).expect("the system is up again");
    let (code, said) = story.house.freshd(&["run", "stock-export", "--wait", "--json"]);
    let run: serde_json::Value = serde_json::from_str(&said).expect("the run");
    assert_eq!(
        (code, run["outcome"].as_str(), run["attempts"].as_u64()),
        (Some(0), Some("succeeded"), Some(1))
    );
    story.assert_readers_see(2, run["run"].as_u64().expect("a number"));
    story.mail.mails(11).await;
    let posts = story.slack.requests(3).await;
    says(
        &posts[2].json().to_string(),
        &["RESOLVED after", "Stock per lot is fresh again"],
    );
    let mails = mails(story);
    let mut ids = Vec::new();
    let mut threads = Vec::new();
    for (to, mails) in &mails {
        let last = mails.last().expect("a mail");
        last.says(&[
            "RESOLVED after",
            "Stock per lot is fresh again",
            "version 2 of Stock per lot (stock)",
        ]);
        let thread = &mails[0].thread;
        assert_eq!(thread.0, thread.1, "{to}");
        assert!(mails.iter().all(|mail| mail.thread == *thread), "{to} has one thread");
        threads.push(thread.0.clone());
        ids.extend(mails.iter().map(|mail| mail.id.clone()));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 11, "every mail has an id of its own");
    threads.sort();
    threads.dedup();
    assert_eq!(threads.len(), 2, "one thread for the owner, one for readers");
    let (code, status) = story.status();
    assert_eq!((code, &status["incidents"]), (Some(0), &serde_json::json!([])));
    assert_eq!(status["datasets"][0]["state"], "fresh");
}
