//! PURE: when is it due? Cron, intervals, calendars, DST.
