//! The shell around the engine: event, decide, commit, perform; clock, reload, drain, sd_notify.
