//! The directory of mails and JSON: whole files, the same ones at each try, nowhere else.

use std::path::Path;

use freshd::model::{ChannelKind, DeliveryOutcome, Name};

use super::support::sample::opening;
use super::{send, temporary};

fn listing(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_message_is_written_as_mail_and_json_into_a_directory_made_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = dir.path().join("new/outbox");
    let kind = ChannelKind::File { dir: outbox.clone() };
    let outcome = send(&kind, opening(), None).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    assert_eq!(listing(&outbox), ["n-1042-warehouse.eml", "n-1042-warehouse.json"]);
    let mail = std::fs::read_to_string(outbox.join("n-1042-warehouse.eml")).unwrap();
    assert!(mail.contains("\r\nTo: warehouse@localhost\r\n"), "{mail}");
    let json = std::fs::read_to_string(outbox.join("n-1042-warehouse.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["data"]["id"], "n-1042");
}

#[tokio::test]
async fn writing_it_again_changes_nothing_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let kind = ChannelKind::File { dir: dir.path().into() };
    let read = || {
        listing(dir.path())
            .iter()
            .map(|name| std::fs::read(dir.path().join(name)).unwrap())
            .collect::<Vec<_>>()
    };
    send(&kind, opening(), None).await;
    let first = read();
    assert_eq!(send(&kind, opening(), None).await, DeliveryOutcome::Accepted);
    assert_eq!(first.len(), 2);
    assert_eq!(read(), first);
}

#[tokio::test]
async fn no_name_leads_out_of_the_directory_or_onto_another_message() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = dir.path().join("outbox");
    let kind = ChannelKind::File { dir: outbox.clone() };
    for (id, team) in [
        ("../../escaped", "warehouse"),
        ("..", "../x"),
        ("a/b", "t"),
        ("a b", "t"),
        ("", ""),
    ] {
        let mut message = opening();
        message.id = id.into();
        message.team = Name::from(team);
        assert_eq!(send(&kind, message, None).await, DeliveryOutcome::Accepted, "{id}");
    }
    assert_eq!(listing(dir.path()), ["outbox"]);
    assert_eq!(listing(&outbox).len(), 10, "{:?}", listing(&outbox));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_may_pass_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = dir.path().join("taken");
    std::fs::write(&taken, "a file").unwrap();
    let kind = ChannelKind::File {
        dir: taken.join("outbox"),
    };
    let (error, _) = temporary(send(&kind, opening(), None).await);
    assert!(error.contains(&taken.display().to_string()), "{error}");
}
