//! PURE: a job's life: due, waiting, running, backing off, paused; overlap, pools, retry, catch-up.
