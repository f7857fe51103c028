//! Every occurrence is decided once, and none that was not due.

use std::collections::{BTreeMap, BTreeSet};

use freshd::model::{Name, Run, Trigger};
use jiff::Timestamp;

use super::super::fleet::{Changes, Kind};
use super::{Case, Complaints, Window};

const DECIDED_ONCE: &str = "an occurrence is decided once";
const NONE_IS_LOST: &str = "no occurrence is left out";

impl Case {
    /// From the moment at which the jobs were on to the one at which they were told to be off.
    pub(super) fn occurrences_are_decided(&self, complaints: &mut Complaints) {
        let mut decided = BTreeMap::<&Name, BTreeSet<Timestamp>>::new();
        for (run, _) in self.records.runs.values() {
            let Some(due_at) = run.due_at else {
                let has_none = matches!(run.trigger, Trigger::Manual | Trigger::Input);
                complaints.unless(has_none, DECIDED_ONCE, || format!("{run:?}"));
                continue;
            };
            complaints.unless(self.is_due(run, due_at), DECIDED_ONCE, || format!("not due: {run:?}"));
            let is_new = decided.entry(&run.job).or_default().insert(due_at);
            complaints.unless(is_new && run.occurrences == 1, DECIDED_ONCE, || format!("{run:?}"));
        }
        let none = BTreeSet::new();
        let scheduled = self.kinds.iter().filter(|kind| kind.every_s > 0);
        for kind in scheduled.filter(|kind| kind.changes == Changes::Stays) {
            for job in kind.jobs().map(Name::from) {
                let decided = decided.get(&job).unwrap_or(&none);
                for due_at in self.windows.iter().flat_map(|window| due_in(kind, window)) {
                    complaints.unless(decided.contains(&due_at), NONE_IS_LOST, || format!("{job} at {due_at}"));
                }
            }
        }
    }

    fn is_due(&self, run: &Run, due_at: Timestamp) -> bool {
        let kind = self.kind(run);
        let is_on_grid = kind.every_s > 0 && due_at.as_microsecond() % (kind.every_s * 1_000_000) == 0;
        let mut windows = self.windows.iter();
        is_on_grid && windows.any(|window| (window.on_from..=window.off_by).contains(&due_at))
    }
}

/// All due times in a window, whatever it took to switch on and off.
fn due_in(kind: &Kind, window: &Window) -> impl Iterator<Item = Timestamp> + use<> {
    let (step, end) = (kind.every_s, window.off_from);
    let first = window.on_by.as_second().div_euclid(step) + 1;
    (first..)
        .map(move |number| Timestamp::from_second(number * step).expect("a time of today"))
        .take_while(move |due_at| *due_at < end)
}
