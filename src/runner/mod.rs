//! One attempt: the keeper that outlives the daemon, process tree, limits, bounded output.
