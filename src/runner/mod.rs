//! One attempt: the keeper that outlives the daemon, process tree, limits, bounded output.

mod files;
mod sys;
mod wire;
mod journal;
