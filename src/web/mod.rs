//! A window: the state over HTTP, loopback only.
