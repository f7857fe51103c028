//! The first look at what others deliver after freshd's own downtime: what was due meanwhile is judged by when it came, which
//! only the file can say.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::back::GATHERED_AGAIN_WITHIN;
use super::{Engine, Wake};
use crate::freshness;
use crate::model::{Comeback, Fact, Name, later};

/// What was delivered while freshd was down is seen so soon after it is back: a look that takes longer is not waited for.
const SEEN_WITHIN: Duration = Duration::from_secs(4);

/// The digest waits for a look that has not told anything by then, and another look is had: a share may be mounted by now.
const SEEN_USUALLY: Duration = Duration::from_secs(2);

impl Engine {
    /// Whether what others deliver may have come while freshd was down, and is being looked at for the first time since: what
    /// was due meanwhile is not over before that is seen, or has taken long.
    pub(super) fn awaits_look(&self, name: &Name) -> bool {
        let is_soon = |back| self.now.wall < later(self.looks_from(back), SEEN_WITHIN);
        self.life.back.is_some_and(is_soon) && self.is_unseen_since_back(name)
    }

    /// Whether no look has told what lies there since freshd is back. One that could not tell, or saw that something is being
    /// written, has told nothing.
    pub(super) fn is_unseen_since_back(&self, name: &Name) -> bool {
        let Some(back) = self.life.back.filter(|back| back.until <= self.now.wall) else {
            return false;
        };
        // A later life has no part in it, but for one that follows at once: the one before has looked.
        if self.life.started_at > later(back.until, GATHERED_AGAIN_WITHIN) {
            return false;
        }
        let dataset = self.settings.datasets.get(name);
        let is_looked_at = dataset.is_some_and(|dataset| dataset.probe.is_some() && !dataset.is_told_of());
        let state = self.data.get(name);
        let kept = state.and_then(|state| state.observation.as_ref());
        let kept = kept.filter(|kept| kept.found.is_ok()).map(|kept| kept.at);
        let seen_at = state.and_then(|state| state.told_at).max(kept);
        is_looked_at && seen_at < Some(back.until)
    }

    /// Has it looked at now, and judged when that has taken long.
    pub(super) fn look_after_downtime(&mut self, name: &Name) {
        let Some(back) = self.life.back else { return };
        let from = self.looks_from(back);
        let (usually, latest) = (later(from, SEEN_USUALLY), later(from, SEEN_WITHIN));
        let is_slow = self.now.wall >= usually;
        if is_slow {
            self.gather_with_looks(latest);
        }
        let next = if is_slow { latest } else { usually };
        self.wakes.arm(Wake::Data(name.clone()), next);
        let wanted = if is_slow { usually } else { from };
        let has_answered = |state: &super::data::DataState| state.is_probing || state.looked_at >= Some(wanted);
        if !self.data.get(name).is_some_and(has_answered) {
            self.probe_due(name);
        }
    }

    /// When something came that was written while freshd was down.
    pub(super) fn written_while_down(&self, written_at: Timestamp) -> Option<Timestamp> {
        let back = self.life.back?;
        (written_at > back.from && written_at <= back.until).then_some(written_at)
    }

    /// Promised deliveries stand as they did when something came that only now is seen: what was over by then stays over, and
    /// what was found to be over since, because no look had told anything, is open to it.
    pub(super) fn slots_as_of(&mut self, name: &Name, came_at: Timestamp) {
        let back_at = self.life.back.map_or(came_at, |back| back.until);
        let Some(state) = self.data.get_mut(name) else { return };
        let mut slots = std::mem::take(&mut state.slots);
        // On record they stay as they were found until it is decided anew what became of them, in this step.
        for slot in slots.iter_mut().filter(|slot| slot.deadline <= back_at) {
            if let Some(mut reopened) = freshness::reopen(slot, came_at) {
                self.note_while_down(slot, &mut reopened);
                *slot = reopened;
            }
        }
        if let Some(state) = self.data.get_mut(name) {
            state.slots = slots;
        }
        let mut changed = BTreeMap::new();
        self.close_slots(name, came_at, &mut changed);
        self.step.facts.extend(changed.into_values().map(Fact::Slot));
    }

    /// Since when this life can look: since it is back, or since it goes on with what the one before began.
    fn looks_from(&self, back: Comeback) -> Timestamp {
        back.until.max(self.life.started_at)
    }
}
