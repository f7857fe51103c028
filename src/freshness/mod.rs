//! PURE: versions, slots and clocks to fresh, late, stale or unknown, and why.
