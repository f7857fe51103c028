//! Reads a message from the store that is to be sent again: the engine keeps only those that are under way.

use std::path::Path;

use tokio::sync::oneshot;

use super::shell::Shell;
use crate::model::{Event, Notification, NotificationId, Reply};
use crate::store::{ReadError, Reader};

/// A message, and what else went to its address about the same incident since.
type Found = (Box<Notification>, Vec<Notification>);

impl Shell {
    /// Looks a message up beside the loop, and then lets the engine decide; or says that there is none.
    pub(super) fn resend(&mut self, message: NotificationId, by: String, answer: oneshot::Sender<Reply>) {
        self.requests += 1;
        let id = self.requests;
        self.performer.replies.insert(id, answer);
        let (state_dir, events) = (self.state_dir.clone(), self.performer.events.clone());
        tokio::spawn(async move {
            let read = tokio::task::spawn_blocking(move || read(&state_dir, message)).await;
            let found = match read {
                Ok(Ok(found)) => found.ok_or_else(|| {
                    format!("there is no message {message}; `freshd notify dead` lists those that were given up")
                }),
                Ok(Err(error)) => Err(format!("what is recorded could not be read: {error}")),
                Err(panic) => Err(format!(
                    "freshd failed while reading its records, which is a bug: {panic}"
                )),
            };
            // The receiver is gone only when the daemon ends, and with it whoever waits for the answer.
            let _ = events.send(Event::ResendAsked { id, by, found });
        });
    }
}

fn read(state_dir: &Path, message: NotificationId) -> Result<Option<Found>, ReadError> {
    let reader = Reader::open(state_dir)?;
    let Some((found, _)) = reader.notification(message)? else {
        return Ok(None);
    };
    let others = reader.sent_since(&found)?;
    Ok(Some((Box::new(found), others)))
}
