//! The disk on which freshd records what happens becomes full, and has room again.

use freshd::model::{Event, Lack, Shortage};

use super::World;

impl World {
    /// There is too little space; the daemon learns of it, now or when it starts.
    pub(crate) fn fill_disk(&mut self) {
        self.set_space(Some(Shortage {
            dir: self.state_dir(),
            since: self.now.wall,
            lack: Lack::Bytes,
            left: 0,
            needed: 24 << 20,
        }));
    }

    /// There is space again.
    pub(crate) fn free_disk(&mut self) {
        self.set_space(None);
    }

    fn set_space(&mut self, shortage: Option<Shortage>) {
        self.shortage.clone_from(&shortage);
        if self.engine.is_some() {
            self.handle(Event::Space(shortage));
        }
    }
}
