//! The shell around the engine: event, decide, commit, perform; clock, reload, drain, `sd_notify`.

mod alive;
mod care;
mod chores;
mod board;
pub mod clock;
mod committing;
mod control;
mod deciding;
mod evidence;
mod files;
mod heartbeat;
mod history;
mod host;
mod looks;
mod narrate;
mod never_started;
mod notice;
mod packing;
mod perform;
mod places;
mod plan;
mod reloading;
mod resending;
mod rounds;
mod shell;
mod space;
mod start;
mod window;

pub use board::Board;
pub use control::{Ask, Asker, Resender, connect};
pub use deciding::Decide;
pub use history::would_prune;
pub use notice::{Notice, notice};
pub use plan::plan;
pub use start::{Serve, ServeError, serve};
pub use window::{Outlook, Window};
