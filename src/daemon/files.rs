//! File work that actions ask for, off the main loop; in order for each attempt, beside each other otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc::UnboundedSender;
use tracing::warn;

use crate::checks;
use crate::model::{AttemptId, CheckResult, Event, Judgement, Judging, Measurement, Publishing, Verdict, VersionRef};

/// One piece of file work.
#[derive(Debug)]
pub(super) enum Work {
    Judge(Box<Judging>),
    Publish(Box<Publishing>),
    Quarantine(Box<Publishing>),
    Clean { run_dir: PathBuf, staged: Option<PathBuf> },
}

/// The file work of one step.
#[derive(Debug, Default)]
pub(super) struct FileWork {
    by_attempt: BTreeMap<AttemptId, Vec<Work>>,
}

impl FileWork {
    pub(super) fn add(&mut self, id: AttemptId, work: Work) {
        self.by_attempt.entry(id).or_default().push(work);
    }

    /// Starts all of it. Removing what is no longer needed is one piece for the whole step; every candidate
    /// is a piece of its own, so that a large one delays no other.
    pub(super) fn start(self, events: &UnboundedSender<Event>) {
        let mut removals = Vec::new();
        for (id, work) in self.by_attempt {
            if work.iter().all(|work| matches!(work, Work::Clean { .. })) {
                removals.extend(work);
            } else {
                spawn(id, work, events.clone());
            }
        }
        if !removals.is_empty() {
            tokio::task::spawn_blocking(move || {
                for work in removals {
                    if let Work::Clean { run_dir, staged } = work {
                        clean(&run_dir, staged.as_deref());
                    }
                }
            });
        }
    }
}

/// Performs the work of one attempt in order; a panic in it becomes the answer it owes.
fn spawn(id: AttemptId, work: Vec<Work>, events: UnboundedSender<Event>) {
    tokio::spawn(async move {
        for work in work {
            let owed = owed(&work);
            let done = tokio::task::spawn_blocking(move || perform(id, work)).await;
            let answer = done.unwrap_or_else(|panic| owed.map(|owed| owed.after_panic(id, &panic.to_string())));
            if let Some(answer) = answer {
                // The receiver is gone only when the daemon ends; the work is asked for again at the next start.
                let _ = events.send(answer);
            }
        }
    });
}

fn perform(id: AttemptId, work: Work) -> Option<Event> {
    match work {
        Work::Judge(judging) => Some(Event::Judged {
            id,
            judgement: checks::judge(&judging),
        }),
        Work::Publish(publishing) => Some(Event::Published {
            version: version_of(&publishing),
            result: checks::publish(&publishing).map_err(|error| error.to_string()),
        }),
        Work::Quarantine(publishing) => {
            if let Err(error) = checks::quarantine(&publishing) {
                warn!(version = %version_of(&publishing), %error, "could not keep a refused candidate");
            }
            None
        }
        Work::Clean { run_dir, staged } => {
            clean(&run_dir, staged.as_deref());
            None
        }
    }
}

/// The answer that the engine waits for.
enum Owed {
    Judgement,
    Publication(VersionRef),
}

fn owed(work: &Work) -> Option<Owed> {
    match work {
        Work::Judge(_) => Some(Owed::Judgement),
        Work::Publish(publishing) => Some(Owed::Publication(version_of(publishing))),
        Work::Quarantine(_) | Work::Clean { .. } => None,
    }
}

impl Owed {
    fn after_panic(self, id: AttemptId, panic: &str) -> Event {
        match self {
            Self::Judgement => Event::Judged {
                id,
                judgement: unjudged(panic),
            },
            Self::Publication(version) => Event::Published {
                version,
                result: Err(format!("freshd failed while publishing: {panic}")),
            },
        }
    }
}

fn unjudged(panic: &str) -> Judgement {
    let message = format!("freshd failed while judging the output, which is held back: {panic}");
    let check = CheckResult {
        name: "freshd".to_owned(),
        column: None,
        verdict: Verdict::Hold,
        expected: "a verdict".to_owned(),
        actual: "a fault in freshd".to_owned(),
        message,
    };
    Judgement {
        measurement: Measurement::default(),
        checks: vec![check],
    }
}

fn version_of(publishing: &Publishing) -> VersionRef {
    VersionRef {
        dataset: publishing.version.dataset.clone(),
        number: publishing.version.number,
    }
}

/// Removes what an attempt no longer needs; what is gone already is fine.
fn clean(run_dir: &Path, staged: Option<&Path>) {
    let not_gone = |error: &std::io::Error| error.kind() != std::io::ErrorKind::NotFound;
    // Most jobs leave nothing behind, and the keeper has taken their directory back: that is one call.
    if let Err(error) = std::fs::remove_dir(run_dir)
        && not_gone(&error)
        && let Err(error) = std::fs::remove_dir_all(run_dir)
        && not_gone(&error)
    {
        warn!(directory = %run_dir.display(), %error, "could not remove a run directory");
    }
    if let Some(staged) = staged
        && let Err(error) = std::fs::remove_file(staged)
        && not_gone(&error)
    {
        warn!(file = %staged.display(), %error, "could not remove staged output");
    }
}
