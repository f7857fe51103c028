//! Packs the outputs of attempts that have ended, one after the other, on a thread that gives way to everything else.
//!
//! Nothing waits for it and nothing is lost with it: what it did not come to is found by the next look at all of them, at
//! each start and each night.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use anyhow::Context;
use tracing::{debug, warn};

use super::history::{LOGS_DIR, directories};
use crate::model::{AttemptId, AttemptState, Fact, Name, log_path};
use crate::runner::{self, PACK_BYTES_MIN, outputs_of};
use crate::store::{ReadError, Reader};

/// Outputs that wait to be packed, at most; more are left to the next look at all of them.
const WAITING_MAX: usize = 1_024;

/// The thread gives way to everything else, jobs included.
const NICENESS: i32 = 19;

/// The thread reads the database and keeps a window of Zstandard, on the heap.
const STACK_BYTES: usize = 512 << 10;

/// What is to be packed.
enum Wanted {
    /// The output of one attempt that has ended.
    One(AttemptId),
    /// Whatever lies there and is not packed.
    All,
}

/// The way to the thread, which ends with it.
pub(super) struct Packing {
    queue: SyncSender<Wanted>,
}

impl Packing {
    /// Starts the thread, and has it look at all outputs.
    pub(super) fn start(state_dir: &Path) -> anyhow::Result<Self> {
        let (queue, wanted) = sync_channel(WAITING_MAX);
        let state_dir = state_dir.to_owned();
        std::thread::Builder::new()
            .name("packing".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || pack_all_wanted(&state_dir, &wanted))
            .context("start the thread that packs outputs")?;
        let packing = Self { queue };
        packing.look();
        Ok(packing)
    }

    /// A fact was stored: has the output packed of an attempt that ended by it.
    pub(super) fn saw(&self, fact: &Fact) {
        if let Fact::Attempt(attempt) = fact
            && attempt.state == AttemptState::Ended
            && attempt.output.bytes.saturating_sub(attempt.output.dropped_bytes) >= PACK_BYTES_MIN / 2
        {
            self.want(Wanted::One(attempt.id));
        }
    }

    /// Has everything packed that is not, and may be.
    pub(super) fn look(&self) {
        self.want(Wanted::All);
    }

    fn want(&self, wanted: Wanted) {
        match self.queue.try_send(wanted) {
            Ok(()) | Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => debug!("outputs are packed at the next start"),
        }
    }
}

fn pack_all_wanted(state_dir: &Path, wanted: &Receiver<Wanted>) {
    // Of this thread alone: Linux has a niceness for each.
    let _ = rustix::process::setpriority_process(None, NICENESS);
    runner::give_way_on_disks();
    let mut packer = Packer {
        state_dir: state_dir.to_owned(),
        has_failed: false,
    };
    for wanted in wanted {
        let packed = match wanted {
            Wanted::One(id) => packer.one(id),
            Wanted::All => packer.all(),
        };
        if let Err(error) = packed {
            warn!(%error, "could not look which outputs may be packed");
        }
    }
}

struct Packer {
    state_dir: PathBuf,
    /// The last one could not be packed: why was said.
    has_failed: bool,
}

impl Packer {
    fn one(&mut self, id: AttemptId) -> Result<(), ReadError> {
        if let Some(job) = Reader::open(&self.state_dir)?.job_of(id.run)? {
            self.pack(&job, id);
        }
        Ok(())
    }

    /// Those of which the records say that they are final. What nothing is known of is left alone.
    fn all(&mut self) -> Result<(), ReadError> {
        for job in directories(&self.state_dir.join(LOGS_DIR)) {
            let job = Name::from(job);
            let reader = Reader::open(&self.state_dir)?;
            for id in outputs_of(&self.state_dir, &job).unwrap_or_default() {
                if !runner::is_worth_packing(&log_path(&self.state_dir, &job, id)) {
                    continue;
                }
                let attempts = reader.run(id.run)?.map(|(_, attempts)| attempts).unwrap_or_default();
                let is_final =
                    |attempt: &&crate::model::Attempt| attempt.id == id && attempt.state == AttemptState::Ended;
                if attempts.iter().find(is_final).is_some() {
                    self.pack(&job, id);
                }
            }
        }
        Ok(())
    }

    /// That one cannot be packed, for want of space perhaps, is said once until another one can.
    fn pack(&mut self, job: &Name, id: AttemptId) {
        let log = log_path(&self.state_dir, job, id);
        match runner::pack_log(&log) {
            Ok(Some(packed)) => {
                self.has_failed = false;
                debug!(%job, attempt = %id, before = packed.before_bytes, after = packed.after_bytes, "packed an output");
            }
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    warn!(log = %log.display(), %error, "could not pack an output; it stays as it is");
                }
            }
        }
    }
}
