//! What was done and found, in numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use freshd::model::{NotificationState, Outcome};

use super::judge::{Case, Complaint};
use super::world::Tally;

/// Complaints of one kind that are shown.
const SHOWN_MAX: usize = 4;

/// Sums over all worlds.
#[derive(Default)]
pub(crate) struct Figures(BTreeMap<u64, BTreeMap<&'static str, usize>>);

impl Figures {
    /// Takes what is known of a world, in place of what was known of it before.
    pub(crate) fn take(&mut self, world: u64, tally: &Tally, case: &Case) {
        let mut sums = BTreeMap::new();
        let mut add = |what, count| *sums.entry(what).or_default() += count;
        add("kills", tally.kills);
        add("of them of keepers", tally.keeper_kills);
        add("daemons started", tally.daemons);
        add("reloads", tally.reloads);
        add("full disks", tally.fills);
        add("starts", case.evidence.values().map(|did| did.starts.len()).sum());
        let doubles = case.evidence.values().filter(|did| did.starts.len() > 1);
        add("doubles", doubles.count());
        add("files read", case.seen.reads);
        add("torn", case.seen.torn.len());
        for (run, attempts) in case.records.runs.values() {
            if run.due_at.is_some() {
                add("occurrences", 1);
            }
            if attempts.is_empty() && run.outcome == Some(Outcome::Skipped) {
                add("skipped", 1);
            }
            for outcome in attempts.iter().filter_map(|attempt| attempt.outcome) {
                add(outcome.as_str(), 1);
            }
        }
        let told = case.records.incidents.iter().flat_map(|(_, told)| told);
        for (notification, _) in told {
            add("alerts decided", 1);
            add(
                match notification.state {
                    NotificationState::Pending => "still to be sent",
                    NotificationState::Delivered => "delivered",
                    NotificationState::Dead => "refused for good",
                    NotificationState::Collapsed => "told by a later message",
                },
                1,
            );
        }
        add("digests", case.records.digests.len());
        let arrived = case.mails.values().chain(case.hooks.values());
        add("alerts arrived", arrived.clone().count() + case.outbox.len());
        add("arrived again", arrived.map(|arrived| arrived.digests.len() - 1).sum());
        self.0.insert(world, sums);
    }

    /// Kills of all worlds.
    fn kills(&self) -> usize {
        self.sum("kills")
    }

    fn sum(&self, what: &str) -> usize {
        self.0.values().filter_map(|sums| sums.get(what)).sum()
    }

    /// The most important ones in one line.
    pub(crate) fn line(&self, took: Duration) -> String {
        let mut text = format!("{} kills ({:.0}/min)", self.kills(), self.rate(took));
        for what in ["starts", "doubles", "lost", "alerts decided", "alerts arrived", "torn"] {
            write!(text, ", {} {what}", self.sum(what)).expect("text");
        }
        text
    }

    /// All of them.
    pub(crate) fn summary(&self, took: Duration) -> String {
        let mut names: Vec<_> = self.0.values().flat_map(BTreeMap::keys).collect();
        names.sort_unstable();
        names.dedup();
        let mut text = format!("\n{:>10.0} kills per minute\n", self.rate(took));
        for what in names {
            writeln!(text, "{:>10} {what}", self.sum(what)).expect("text");
        }
        text
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn rate(&self, took: Duration) -> f64 {
        self.kills() as f64 * 60.0 / took.as_secs_f64()
    }
}

/// Complaints, the first ones of each kind.
pub(crate) fn of(complaints: &[Complaint]) -> String {
    let mut by_check = BTreeMap::<_, Vec<&str>>::new();
    for complaint in complaints {
        by_check.entry(complaint.check).or_default().push(&complaint.text);
    }
    let mut text = String::new();
    for (check, complaints) in by_check {
        writeln!(text, "NOT SO: {check} ({} times)", complaints.len()).expect("text");
        for complaint in complaints.iter().take(SHOWN_MAX) {
            writeln!(text, "  {complaint}").expect("text");
        }
    }
    text
}
