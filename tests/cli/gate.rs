//! The gate where no daemon answers: its verdict comes all the same, from what is recorded.

use std::os::unix::net::UnixListener;

use super::{FINE, Place};

#[test]
fn a_daemon_that_takes_the_question_and_says_nothing_does_not_hold_the_gate_up() {
    let place = Place::new(FINE);
    let state = place.path().join("state");
    // What is recorded: nothing yet.
    drop(freshd::store::Store::open(&state).expect("a store"));
    let silent = UnixListener::bind(state.join("control.sock")).expect("a socket");
    let (_, why) = place.ends(75, &["gate", "stock", "--state", "state"]);
    assert!(why.contains("freshd does not answer"), "{why}");
    drop(silent);
    let (_, why) = place.ends(75, &["gate", "stock", "--state", "state"]);
    assert!(why.contains("freshd is not running"), "{why}");
}
