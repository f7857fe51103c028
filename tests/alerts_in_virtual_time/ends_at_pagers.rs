//! Where the end of an alert says nothing more: what stays broken behind a cause that is over is an alert of its own there.

use std::collections::BTreeSet;

use freshd::model::{Message, Purpose};

use super::ends::mended_where;
use super::virtual_world::{Play, World};

/// The alerts that a pager shows, by the key that it knows them by, and what each of them is about.
fn alerts(world: &World, key: fn(&Message) -> String) -> BTreeSet<(String, String)> {
    let mut open = BTreeSet::new();
    let sent = world.sent.iter().map(|(_, sent)| sent);
    for sent in sent.filter(|sent| sent.address.to_string() == "pd") {
        let alert = (key(&sent.message), sent.message.subject_name.to_string());
        match sent.message.purpose {
            Purpose::Recovery => drop(open.remove(&alert)),
            _ => drop(open.insert(alert)),
        }
    }
    open
}

#[test]
fn what_stays_broken_behind_an_end_is_open_at_a_pager_under_a_key_of_its_own_until_it_is_well() {
    // PagerDuty knows an alert by its thread; Alertmanager by what it is about, and for whom.
    type Key = fn(&Message) -> String;
    let channels: [(&str, Key); 2] = [
        ("type = \"pagerduty\"\nrouting_key = { env = \"PATH\" }\n", |message| {
            message.thread.clone()
        }),
        (
            "type = \"alertmanager\"\nurl = \"http://localhost:9093\"\n",
            |message| format!("{:?} {} {}", message.about, message.subject_name, message.team),
        ),
    ];
    for (channel, key) in channels {
        let mut world = mended_where("pd", &format!("[channels.pd]\n{channel}"));
        let before = alerts(&world, key);
        world.run_until("2026-11-26T15:40");
        let ends = world.sent.iter().filter(|(_, sent)| sent.message.is_partly_over());
        assert_eq!(ends.count(), 1, "the cause is over, and e is not well: {channel}");
        let left = alerts(&world, key);
        let about: Vec<_> = left.iter().map(|(_, about)| about.as_str()).collect();
        assert_eq!(about, ["e"], "{channel}: {left:?}, before: {before:?}");
        assert!(left.is_disjoint(&before), "{left:?}");
        world.script("k", |_, now| Play::writes(&now.to_string(), now));
        world.run("k");
        world.run_until("2026-11-26T15:50");
        assert_eq!(alerts(&world, key), BTreeSet::new(), "{channel}");
    }
}
