//! One mistake, one message, with its place, the marked text and the remedy.
use super::*;
#[test]
fn look() {
    let place = Place::new();
    let l = place.load_text(&format!("{TOP}{}", include_str!("/tmp/bad.toml")));
    println!("{}", place.rendered(&l));
    let place = super::accepted::example();
    place.write("jobs.d/a.toml", "");
    let l = place.load();
    println!("{}", place.rendered(&l));
}
