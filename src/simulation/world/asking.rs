//! What people ask of the daemon: another configuration, whatever a request can say, that the clock is right.

use std::sync::Arc;

use super::World;
use crate::model::{Event, Request};
use crate::simulation::{Outside, Seen};

impl<O: Outside> World<O> {
    /// The daemon takes the configuration in `settings`.
    pub fn reload(&mut self) {
        let settings = Arc::clone(&self.settings);
        if self.daemon.as_ref().is_none_or(|daemon| daemon.held.is_some()) {
            // It takes it at its next start.
            return;
        }
        self.attend();
        self.saw(&Seen::Reloads(&settings));
        let accepted = self.accept();
        self.decide(vec![Event::Reloaded { settings, accepted }]);
    }

    /// A person asks; the answer is performed like any other action.
    pub fn ask(&mut self, request: Request) {
        self.requests += 1;
        let event = Event::Requested {
            id: self.requests,
            by: "anna".to_owned(),
            request,
        };
        if let Some(daemon) = &mut self.daemon {
            daemon.inbox.push(event);
        }
        self.attend();
    }

    /// It is time to forget what is beyond `[history]`.
    pub fn prune(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            daemon.inbox.push(Event::Prune {
                files: false,
                asked: None,
            });
        }
        self.attend();
    }

    /// An operator says that the clock is right. While a step is held there is nobody to say it to.
    pub fn confirm_clock(&mut self) {
        self.attend();
        if self.daemon.as_ref().is_none_or(|daemon| daemon.held.is_some()) {
            return;
        }
        self.requests += 1;
        let ahead = self.memory.ahead(self.moment().now.wall);
        self.decide(vec![Event::ClockConfirmed {
            id: self.requests,
            by: "anna".to_owned(),
            because: "the battery was empty".to_owned(),
            ahead,
        }]);
    }
}
