//! Messages by which somebody tries out addresses: each is tried once, outside of every line, and the asker is answered.

use super::Engine;
use crate::model::{
    Action, Address, Message, MessageFact, Name, Notification, NotificationId, NotificationState, Purpose, Reply,
    SUBJECT_MARK, Severity, zone_words,
};

impl Engine {
    /// Messages by which somebody tries out addresses. The asker is answered when all of them have ended.
    pub(super) fn notify_test(&mut self, request: u64, addresses: Vec<(Name, Address)>, by: &str) {
        let numbered: Vec<_> = addresses
            .into_iter()
            .map(|to| (self.new_notification_id(), to))
            .collect();
        self.outbox.tests.extend(numbered.iter().map(|(id, _)| (*id, request)));
        for (id, (team, address)) in numbered {
            self.put_test(id, &team, address, by);
        }
    }

    fn put_test(&mut self, id: NotificationId, team: &Name, address: Address, by: &str) {
        let told = address.to_string();
        let called = self.team_title(team);
        let message = Message {
            id: self.message_id(id),
            thread: format!("test-{id}"),
            incident: None,
            purpose: Purpose::Test,
            severity: Severity::Warning,
            kind: None,
            about: None,
            since: None,
            subject_name: team.clone(),
            subject: format!("{SUBJECT_MARK}Test message to {called}"),
            headline: format!(
                "This is a test: freshd on {} can reach {called} through {told}.",
                self.host.hostname
            ),
            facts: vec![MessageFact {
                label: "Asked by".to_owned(),
                text: by.to_owned(),
            }],
            incidents: Vec::new(),
            gathered: None,
            stands_in_for: None,
            team_title: None,
            resent_at: None,
            kind_since: None,
            output: Vec::new(),
            commands: vec!["freshd status".to_owned()],
            team: team.clone(),
            owner: called,
            at: self.now.wall,
            // So that whoever reads it sees when that was.
            zone: Some(zone_words(self.zone_at(team, &address), self.now.wall)),
            trace: None,
        };
        self.put(id, None, address, message);
    }

    /// Tests that were not answered when the life before ended are sent again: whoever asked may still look.
    pub(super) fn resume_tests(&mut self) {
        let is_test = |one: &&Notification| one.message.purpose == Purpose::Test;
        let tests: Vec<NotificationId> = self.outbox.values().filter(is_test).map(|one| one.id).collect();
        for id in tests {
            self.send(id);
        }
    }

    /// One of the messages of a test is delivered or dead; the asker is told when that is so of all.
    pub(super) fn tested(&mut self, notification: &Notification) {
        let Some(request) = self.outbox.tests.remove(&notification.id) else {
            return;
        };
        let delivered = notification.state == NotificationState::Delivered;
        let told = self.outbox.test_results.entry(request).or_default();
        told.push(serde_json::json!({
            "address": notification.address.to_string(),
            "delivered": delivered,
            "error": notification.last_error.as_ref().filter(|_| !delivered),
        }));
        if self.outbox.tests.values().any(|waiting| *waiting == request) {
            return;
        }
        let told = self.outbox.test_results.remove(&request).unwrap_or_default();
        let delivered = told.iter().all(|one| one["delivered"] == true);
        let reply = Reply::Done(serde_json::json!({ "delivered": delivered, "messages": told }));
        self.act(Action::Reply { id: request, reply });
    }
}
