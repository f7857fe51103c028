//! Judges a candidate, publishes it atomically or puts it into quarantine.
