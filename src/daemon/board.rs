//! The board on the terminal of whoever started freshd by hand: at start, soon after, and when incidents come and go.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::model::{Fact, IncidentId, IncidentState};
use crate::runner;

/// How a status becomes text.
pub type Board = Arc<dyn Fn(&Value) -> String + Send + Sync>;

/// By then the first runs have ended.
const SECOND_AFTER: Duration = Duration::from_secs(30);
/// Two boards are at least so far apart from then on.
const APART_MIN: Duration = Duration::from_mins(1);
/// Set by systemd, whose journal is no place for a board.
const SUPERVISED_VARIABLES: [&str; 2] = ["NOTIFY_SOCKET", "JOURNAL_STREAM"];

/// When the next board is due.
pub(super) struct Boards {
    board: Board,
    watched: bool,
    next: Option<Instant>,
    last: Option<Instant>,
    open: BTreeSet<IncidentId>,
}

impl Boards {
    pub(super) fn new(board: Board) -> Self {
        let is_supervised = SUPERVISED_VARIABLES.iter().any(|name| std::env::var_os(name).is_some());
        let watched = !is_supervised && std::io::stdout().is_terminal();
        Self {
            board,
            watched,
            next: None,
            last: None,
            open: BTreeSet::new(),
        }
    }

    /// Waits until a board is to be printed.
    pub(super) async fn due(&self) {
        match self.next {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.next.is_some_and(|at| at <= Instant::now())
    }

    /// Whether boards are printed at all.
    pub(super) fn are_watched(&self) -> bool {
        self.watched
    }

    /// Looks whether an incident opens or is over.
    pub(super) fn saw(&mut self, fact: &Fact) {
        let Fact::Incident(incident) = fact else { return };
        if !self.watched {
            return;
        }
        let is_news = match incident.state {
            IncidentState::Open => self.open.insert(incident.id),
            IncidentState::Resolved => self.open.remove(&incident.id),
            IncidentState::Waiting | IncidentState::Attached => false,
        };
        if is_news {
            let at = self
                .last
                .map_or_else(Instant::now, |last| last + APART_MIN)
                .max(Instant::now());
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
    }

    /// Prints one, beside the main loop: a stopped terminal must not stop freshd.
    pub(super) fn print(&mut self, status: Value) {
        let now = Instant::now();
        let is_first = self.last.is_none();
        self.next = is_first.then(|| now + SECOND_AFTER);
        self.last = Some(now);
        let board = self.board.clone();
        tokio::task::spawn_blocking(move || {
            use std::io::Write as _;
            let text = format!("\n{}\n", board(&status));
            // Nobody may be reading any more; freshd goes on.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            // Of ten thousand jobs the status takes three times what freshd holds.
            drop((text, status));
            runner::give_back_memory();
        });
    }
}
