//! `made_from`: what is said of systems, held against what jobs do.

use super::findings::{WEEKLY, warnings};
use super::*;

#[test]
fn a_ring_through_a_system_is_named_from_what_the_file_says_of_it() {
    let made = |name: &str, from: &str| {
        format!("[datasets.{name}]\nowner = \"ops\"\nfile = \"{name}\"\nmax_age = \"1d\"\nmade_from = [\"{from}\"]\n")
    };
    let job = "[jobs.make-b]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"b\"\nneeds = [\"a\"]\nevery = \"1h\"\n";
    let b = "[datasets.b]\nowner = \"ops\"\nfile = \"b\"\nmax_age = \"1d\"\n";
    assert_eq!(
        errors(&format!("{}{}{b}{job}", made("a", "c"), made("c", "b"))),
        [
            "jobs.toml:21:14 `\"c\"` data is made from itself in a ring: `a` is made from `c`, which is made from `b`, made by job `make-b`, which needs `a` (take one `made_from` or `needs` out of the ring: each of these would explain what is wrong with all)"
        ]
    );
    assert_eq!(
        errors(&format!("{}{}", made("a", "c"), made("c", "a"))),
        [
            "jobs.toml:21:14 `\"c\"` data is made from itself in a ring: `a` is made from `c`, which is made from `a` (take one `made_from` or `needs` out of the ring: each of these would explain what is wrong with all)"
        ]
    );
}

#[test]
fn what_a_job_reads_needs_not_be_said_of_its_system() {
    let text = WEEKLY
        .replace("PROMISE", "max_age = \"8d\"\nmade_from = [\"lots\", \"lots\"]")
        .replace("\"true\"", "\"true\"\nneeds = [\"lots\"]");
    assert_eq!(
        warnings(&text),
        [
            "jobs.toml:24:14 `\"lots\"` job `export` makes `stock` from `lots`: that is known (take it out of `made_from`, which says what freshd does not see)",
            "jobs.toml:24:22 `\"lots\"` `lots` is named twice (keep one of the two)"
        ]
    );
}

#[test]
fn what_a_system_makes_something_of_is_read() {
    let text = WEEKLY
        .replace("PROMISE", "max_age = \"8d\"")
        .replace("consumers = [\"wms\"]\n", "");
    let other = "[datasets.y]\nowner = \"ops\"\nprobe = { file = \"y\", every = \"1m\" }\nmax_age = \"1d\"\nmade_from = [\"stock\"]\n";
    assert_eq!(warnings(&format!("{text}{other}")), Vec::<String>::new());
    assert_eq!(
        warnings(&format!("{text}{}", other.replace("made_from = [\"stock\"]\n", ""))).len(),
        1
    );
}
