//! Measures data where it lies; never judges.
