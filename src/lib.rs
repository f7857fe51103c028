//! freshd: a scheduled-job supervisor and freshness watchdog.
