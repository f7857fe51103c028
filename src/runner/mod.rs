//! One attempt: the keeper that outlives the daemon, process tree, limits, bounded output.

use std::path::Path;

use tokio::sync::mpsc::UnboundedSender;

use crate::model::{AttemptId, AttemptSpec, Event, StopReason};

/// The keepers of a state directory.
pub struct Keepers;

#[expect(clippy::unused_async, clippy::unused_self, clippy::needless_pass_by_value, reason = "replaced by the real one")]
impl Keepers {
    /// Takes up what earlier keepers know.
    pub async fn recover(
        _state_dir: &Path,
        _unfinished: Vec<(AttemptId, String)>,
        _events: UnboundedSender<Event>,
    ) -> anyhow::Result<Self> {
        Ok(Self)
    }
    /// Starts an attempt.
    pub fn start(&mut self, _spec: Box<AttemptSpec>) {}
    /// Ends one.
    pub fn stop(&mut self, _id: AttemptId, _reason: StopReason) {}
    /// Forgets.
    pub fn acknowledge(&mut self, _ids: Vec<AttemptId>) {}
    /// Leaves.
    pub async fn close(self) {}
}
