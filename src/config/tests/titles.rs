//! Titles, by which messages and pages call things.

use super::errors;
use super::findings::warnings;

#[test]
fn a_title_is_short_enough_for_a_subject() {
    let job = |title: &str| {
        errors(&format!(
            "[jobs.x]\nowner = \"nobody\"\ncommand = \"true\"\ntitle = \"{title}\"\n"
        ))
    };
    let found = job(&"é".repeat(121));
    assert!(
        found
            .iter()
            .any(|one| one.contains("`title` has 121 characters, and more than 120 are too many")),
        "{found:?}"
    );
    let found = job(&"é".repeat(120));
    assert!(!found.iter().any(|one| one.contains("characters")), "{found:?}");
}

#[test]
fn two_of_a_kind_with_one_title_are_found_with_both_their_lines() {
    let of_team = "[teams.a]\ntitle = \"Sales\"\nnotify = [\"out:a\"]\n\
                   [teams.b]\ntitle = \"sales \"\nnotify = [\"out:b\"]\n";
    let found = warnings(of_team);
    let told = found.iter().find(|one| one.contains("title")).expect("a warning");
    assert!(
        told.contains("team `b` has the title of team `a` (jobs.toml line ") && told.starts_with("jobs.toml:"),
        "{told}"
    );
    let of_system = "[systems.a]\nowner = \"nobody\"\ntitle = \"Planning\"\n\
                     [systems.b]\nowner = \"nobody\"\ntitle = \"planning\"\n";
    let said = warnings(of_system);
    assert!(
        said.iter()
            .any(|one| one.contains("system `b` has the title of system `a`")),
        "{said:?}"
    );
    let others = of_team.replace("\"sales \"", "\"Sales abroad\"");
    assert!(!warnings(&others).iter().any(|one| one.contains("title")));
}
