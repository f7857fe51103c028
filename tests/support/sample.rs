//! Messages as the seafood company would get them.

use std::sync::Arc;

use freshd::model::{
    About, Address, Channel, ChannelKind, IncidentId, Message, MessageFact, Name, Notification, NotificationId,
    NotificationState, ProblemKind, Purpose, Severity,
};

/// The first message about stock figures that did not come.
pub(crate) fn opening() -> Message {
    Message {
        id: "n-1042".into(),
        thread: "incident-17".into(),
        incident: Some(IncidentId(17)),
        purpose: Purpose::Opening,
        severity: Severity::Critical,
        kind: Some(ProblemKind::Late),
        about: Some(About::Dataset),
        subject_name: Name::from("stock"),
        since: Some("2026-06-19T21:15:00Z".parse().unwrap()),
        subject: "[freshd] stock is late (#17)".into(),
        headline: "Stock per lot did not come by Friday 23:15. Tromsø and the sales desk still read \
                   the count of 12 June, 22:58."
            .into(),
        facts: facts(&[
            ("Since", "Fri 19 Jun 2026 23:15 Europe/Oslo, for 4m 10s"),
            ("Data as of", "Fri 12 Jun 2026 22:58, version 41"),
            (
                "Why",
                "job export-stock failed with exit code 3 at its third and last attempt: the warehouse \
                 system answered \"ORA-12541: TNS:no listener\" each time",
            ),
            ("Tried", "3 attempts at 23:00, 23:01 and 23:03"),
            ("Reads it next", "sales, Mon 22 Jun 07:00, in 2d 7h"),
            ("Also affected", "orders-forecast, transport-plan, finance-ledger"),
            ("Runbook", "https://wiki.seafood.example/stock?from=freshd&incident=17"),
        ]),
        incidents: Vec::new(),
        gathered: None,
        stands_in_for: None,
        team_title: None,
        resent_at: None,
        kind_since: None,
        output: [
            "23:03:11 connecting to wms-db.seafood.example:1521",
            "23:03:26 \u{1b}[31mERROR\u{1b}[0m ORA-12541: TNS:no listener",
            "  at export_stock.py:48 in <module> & after 15 s of waiting for an answer that never came",
            "23:03:26 giving up",
        ]
        .map(str::to_owned)
        .to_vec(),
        commands: ["freshd ack 17", "freshd runs log 20418", "freshd run export-stock"]
            .map(str::to_owned)
            .to_vec(),
        team: Name::from("warehouse"),
        owner: "warehouse".into(),
        at: "2026-06-19T21:15:02Z".parse().unwrap(),
        zone: None,
        trace: Some("0af7651916cd43dd8448eb211c80319c".into()),
    }
}

/// The message that ends it.
pub(crate) fn recovery() -> Message {
    Message {
        id: "n-1057".into(),
        purpose: Purpose::Recovery,
        subject: "Re: [freshd] stock is late (#17)".into(),
        headline: "Stock per lot is fresh again: version 42 came at 23:41, 26 minutes late.".into(),
        facts: facts(&[
            ("Lasted", "26m, from Fri 19 Jun 23:15 to 23:41 Europe/Oslo"),
            ("Data as of", "Fri 19 Jun 2026 23:39, version 42, 8,214 rows"),
            ("Read meanwhile", "by nobody"),
        ]),
        output: Vec::new(),
        commands: vec!["freshd incidents 17".into()],
        at: "2026-06-19T21:41:40Z".parse().unwrap(),
        ..opening()
    }
}

/// A message on its way through a channel.
pub(crate) fn notification(message: Message, to: Option<&str>) -> Notification {
    Notification {
        id: NotificationId(1042),
        incident: message.incident,
        address: Address {
            channel: Name::from("channel"),
            to: to.map(str::to_owned),
        },
        state: NotificationState::Pending,
        tries: 0,
        next_try_at: message.at,
        created_at: message.at,
        ended_at: None,
        last_error: None,
        receipt: None,
        digest: None,
        message: Arc::new(message),
    }
}

/// A channel of that kind.
pub(crate) fn channel(kind: ChannelKind) -> Channel {
    Channel {
        name: Name::from("channel"),
        kind,
    }
}

fn facts(lines: &[(&str, &str)]) -> Vec<MessageFact> {
    lines
        .iter()
        .map(|(label, text)| MessageFact {
            label: (*label).into(),
            text: (*text).into(),
        })
        .collect()
}
