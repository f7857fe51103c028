//! The freshd binary.
fn main() {}
