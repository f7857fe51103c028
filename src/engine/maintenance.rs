//! Windows of planned work: which are open, and when the next one opens.

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::model::{About, Maintenance, Name, OpenWindow};
use crate::schedule;

impl Engine {
    /// The window that is open for a job or a dataset at an instant.
    pub(super) fn open_window(&self, about: About, subject: &Name, at: Timestamp) -> Option<OpenWindow> {
        schedule::open_window(self.settings.maintenances_of(about, subject), at)
    }

    /// Every maintenance of which a window is open, whatever it concerns.
    pub(super) fn open_windows(&self) -> Vec<OpenWindow> {
        let each = self.settings.maintenance.values().map(AsRef::as_ref);
        each.filter_map(|one: &Maintenance| schedule::open_window(std::iter::once(one), self.now.wall))
            .collect()
    }

    /// A window opens, or it is no longer known which are open.
    pub(super) fn look_at_windows(&mut self) {
        self.look_at_quiet();
        let now = self.now.wall;
        let opening = self.settings.maintenance.values();
        let opening = opening.filter_map(|one| schedule::window_after(&one.windows, now));
        if let Some(next) = opening.map(|window| window.from).min() {
            self.wakes.arm(Wake::Windows, next);
        }
    }
}
