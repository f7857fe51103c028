//! File: a directory of mails and webhook bodies, for trying things out and for audits.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::links::Links;
use super::{clean, mail, webhook};
use crate::model::Message;

/// The sender in a mail that is only written to disk.
const FROM: &str = "freshd@localhost";

/// Writes `<id>-<team>.eml` and `<id>-<team>.json`; writing the same message again changes nothing.
pub(super) async fn write(dir: &Path, message: &Message, to: Option<&str>, links: Links<'_>) -> Result<(), Failure> {
    let recipient = mail::recipient_of_copy(to, &message.team)?;
    let eml = mail::build(FROM, recipient, message, links)?.formatted();
    let json = webhook::body(message, to, links)?.into_bytes();
    let stem = format!(
        "{}-{}",
        clean::identifier(&message.id),
        clean::identifier(message.team.as_str())
    );
    let dir = dir.to_owned();
    let writing = tokio::task::spawn_blocking(move || {
        let failed =
            |path: &Path, error: &io::Error| Failure::temporary(format!("cannot write {}: {error}", path.display()));
        fs::create_dir_all(&dir).map_err(|error| failed(&dir, &error))?;
        for (kind, bytes) in [("eml", &eml), ("json", &json)] {
            let path = dir.join(format!("{stem}.{kind}"));
            replace(&path, bytes).map_err(|error| failed(&path, &error))?;
        }
        File::open(&dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|error| failed(&dir, &error))
    });
    writing
        .await
        .unwrap_or_else(|error| Err(Failure::temporary(format!("the writer stopped: {error}"))))
}

/// Nobody ever sees half a file: it is written beside its place, synced, and moved there.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}
