//! The keeper that takes new attempts: which one that is, and a new one when there is none.

use std::time::Duration;

use tokio::time::Instant;

use super::doubt::never_ran;
use super::{KeeperSet, Report};
use crate::runner::launch::launch;

/// Waits before a keeper is started again: doubled after each failure.
const LAUNCH_RETRY_FIRST: Duration = Duration::from_millis(100);
const LAUNCH_RETRY_LAST: Duration = Duration::from_secs(10);

impl KeeperSet {
    /// Earlier keepers are heard as far as they can be: the newest of our build goes on, the others leave.
    pub(super) fn begin(&mut self) {
        if self.current.is_none() {
            let build = &self.build;
            self.current = self
                .links
                .iter()
                .rev()
                .find(|(_, link)| link.is_ready && !link.is_retired && link.build == *build)
                .map(|(number, _)| *number);
        }
        for (number, link) in &mut self.links {
            if Some(*number) != self.current {
                link.retire();
            }
        }
        if self.current.is_some() {
            if let Some(ready) = self.ready.take() {
                let _ = ready.send(Ok(()));
            }
        } else {
            self.launch();
        }
    }

    fn launch(&mut self) {
        if self.is_launching || self.launch_at.is_some_and(|at| at > Instant::now()) {
            return;
        }
        self.launch_at = None;
        self.is_launching = true;
        self.highest += 1;
        let (number, reports) = (self.highest, self.reports.clone());
        let (state_dir, exe) = (self.state_dir.clone(), self.exe.clone());
        tokio::spawn(async move {
            let launched = launch(&state_dir, &exe, number).await;
            let _ = reports.send(Report::Launched(number, launched));
        });
    }

    pub(super) fn launch_failed(&mut self) {
        let delay = LAUNCH_RETRY_FIRST * 2_u32.pow(self.launch_failures.min(10));
        self.launch_failures += 1;
        self.launch_at = Some(Instant::now() + delay.min(LAUNCH_RETRY_LAST));
    }

    /// Gives what waits to the current keeper, or starts one.
    pub(super) fn advance(&mut self) {
        let has_begun = self.ready.is_none() || self.unanswered.is_empty();
        if !has_begun {
            return;
        }
        let Some(link) = self.current.and_then(|current| self.links.get_mut(&current)) else {
            self.current = None;
            if self.may_replace() {
                self.launch();
            }
            return;
        };
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|wanted| wanted.not_before.is_none_or(|at| at <= now));
        self.waiting = later;
        for wanted in due {
            if let Err((wanted, error)) = link.want(wanted) {
                let why = format!("it cannot be handed to the keeper: {error}; shorten its environment");
                let exit = never_ran(wanted.spec.id, why, wanted.stop);
                let _ = self.reports.send(Report::OrphanEnded(Box::new(exit)));
            }
        }
    }
}
