//! A window: one file per verb.
