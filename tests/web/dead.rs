//! Messages that were given up: on the page of their incident and in a list, from where whoever may sends them again.

use freshd::model::{IncidentId, NotificationId};

use crate::asking::Site;
use crate::freshd_process::House;
use crate::freshd_process::daemon::Daemon;
use crate::harmless;
use crate::known::{self, OPERATE_TOKEN, VIEW_TOKEN, log_in, post, secrets, sent};

/// A freshd of which a message has died at a siren that is not armed yet.
struct Siren {
    house: House,
    _daemon: Daemon,
    site: Site,
    dead: NotificationId,
}

impl Siren {
    fn new() -> Self {
        let jobs = known::JOBS.replace(
            "notify = [\"outbox\"]\n[jobs.broken]",
            "notify = [\"siren:deck\"]\n[channels.siren]\ntype = \"command\"\ncommand = [\"./siren.sh\"]\n[jobs.broken]",
        );
        let house = House::with(&jobs);
        secrets(&house);
        house.script("siren.sh", "echo '<i>no siren</i>'; exec test -e HOUSE/armed\n");
        let daemon = house.daemon();
        let run = daemon.run("broken");
        daemon.finished(run, &house);
        let dead = of_siren(&house, "dead");
        Self {
            site: Site::of(&daemon),
            _daemon: daemon,
            house,
            dead,
        }
    }

    fn seen(&self, page: &str, who: &str) -> String {
        self.site.ask("GET", page, who).body
    }

    /// The numbers in the list for programs.
    fn listed(&self, query: &str) -> Vec<u64> {
        let token = format!("Authorization: Bearer {VIEW_TOKEN}\r\n");
        let answer = self
            .site
            .ask("GET", &format!("/api/v1/messages/dead{query}"), &token)
            .json();
        let messages = answer["messages"].as_array().expect("messages").iter();
        messages.map(|one| one["message"].as_u64().expect("a number")).collect()
    }
}

/// The first message to the siren in that state, once there is one.
fn of_siren(house: &House, state: &str) -> NotificationId {
    let find = |reader: &freshd::store::Reader| {
        let messages = reader.notifications_of(IncidentId(1)).expect("messages").into_iter();
        let mut messages = messages.map(|(message, _)| message);
        messages.find(|message| message.address.channel.as_str() == "siren" && message.state.as_str() == state)
    };
    house.until_stored(state, |reader| find(reader).is_some());
    find(&house.reader()).expect("it is there").id
}

#[test]
fn a_message_that_was_given_up_is_sent_again_from_the_page_by_whoever_may() {
    let siren = Siren::new();
    let (site, dead) = (&siren.site, siren.dead);
    let (kari, olav) = (log_in(site, "kari"), log_in(site, "olav"));
    let again = format!("/incidents/1/messages/{dead}/resend");
    let seen = |who: &str| siren.seen("/incidents/1", who);
    assert!(seen(&kari).contains(&again), "whoever may act finds a button");
    assert!(!seen(&olav).contains(&again) && seen(&olav).contains(&format!("id=\"m{dead}\"")));
    siren.house.write("armed", "");
    let answer = post(site, &again, &kari, "");
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/incidents/1#messages"),
        "{}",
        answer.body
    );
    assert!(seen(&kari).contains("It is sent again, as message "));
    assert!(of_siren(&siren.house, "delivered") > dead);
    assert_eq!(post(site, &again, &kari, "").status, 303);
    assert!(seen(&kari).contains("was sent again already"));
}

#[test]
fn what_was_given_up_is_listed_until_somebody_sends_it_again() {
    let siren = Siren::new();
    let (site, dead) = (&siren.site, siren.dead);
    let (kari, olav) = (log_in(site, "kari"), log_in(site, "olav"));
    let again = format!("/messages/{dead}/resend");
    let page = site.ask("GET", "/incidents", &kari);
    harmless("/incidents", &page);
    for words in [
        "id=\"given-up\"",
        &format!("href=\"/incidents/1#m{dead}\""),
        "broken failed (#1)",
        "siren:deck, for ",
        "&lt;i&gt;no siren&lt;/i&gt;",
        &again,
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let page = siren.seen("/incidents", &olav);
    assert!(page.contains("id=\"given-up\"") && !page.contains(&again), "{page}");
    assert_eq!(siren.listed(""), [dead.0]);
    siren.house.write("armed", "");
    let answer = post(site, "/messages/resend", &kari, "");
    assert_eq!((answer.status, answer.header("location")), (303, "/incidents#given-up"));
    let page = siren.seen("/incidents", &kari);
    assert!(
        page.contains("1 message sent again.") && !page.contains("id=\"given-up\""),
        "{page}"
    );
    assert!(of_siren(&siren.house, "delivered") > dead);
    assert_eq!(
        (siren.listed(""), siren.listed("?all=true")),
        (Vec::new(), vec![dead.0])
    );
    // A program is told why not.
    let token = format!("Authorization: Bearer {OPERATE_TOKEN}\r\n");
    let asked = format!("{token}{}", sent("application/json", "{}"));
    let refused = site.ask("POST", &format!("/api/v1{again}"), &asked);
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("was sent again already"), "{}", refused.body);
}
